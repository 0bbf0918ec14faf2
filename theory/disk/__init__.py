"""Disks in images: area, perimeter, and what comes after."""
