"""Networks on disks: pixels, edges, perimeter coefficients, fluctuations."""
