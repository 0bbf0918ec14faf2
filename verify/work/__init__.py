"""Independent tasks: what runs them, here or on many machines, and what keeps their results."""
