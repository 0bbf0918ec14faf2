"""Live modules: their weights, σ, pooling and padding, read from the traced forward."""
