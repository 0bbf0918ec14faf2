"""Networks on an unknown background."""
