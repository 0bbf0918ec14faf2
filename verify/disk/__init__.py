"""Trained networks on disks."""
