"""The worst error over every real radius, and what follows from it."""
