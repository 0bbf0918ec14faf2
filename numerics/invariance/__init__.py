"""Networks on an unknown background; exact projections on what they see."""
