"""Training in closed form, as arrays."""
