"""The worst error of trained networks."""
