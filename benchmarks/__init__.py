"""Ratios of fast and slow paths, measured in one run."""
