"""What is trained: the census of section by section, and the smaller sets that single claims look at."""

from __future__ import annotations

from verify.models.ensemble import Setting

__all__ = ["CENSUS", "EVERY_RADIUS", "LAWS"]

HOMOGENEOUS = ("identity", "relu", "leaky_relu", "abs")

CENSUS = tuple(
    Setting(name, channels, taps)
    for name in HOMOGENEOUS
    for channels in (1, 2)
    for taps in (3, 5, 7)
)
"""Every activation, width and number of channels whose endings are all predicted."""

LAWS = (
    *(setting for setting in CENSUS if setting.taps == 5),
    Setting("tanh", 2, 5),
    Setting("silu", 2, 3),
)
"""For laws that hold whatever σ is: five taps, and two smooth activations that never become exact."""

EVERY_RADIUS = tuple(
    Setting(name, channels, 5, first=1) for name in HOMOGENEOUS for channels in (1, 2)
)
"""Trained on every radius from 1/2 on."""
