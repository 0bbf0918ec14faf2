"""Trained networks on pulses."""
