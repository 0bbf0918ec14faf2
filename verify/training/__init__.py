"""Networks on their way: flow, steps, noise."""
