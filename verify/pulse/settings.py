"""What is trained: the census of where training ends, smaller sets, and networks stopped on the way."""

from __future__ import annotations

from verify.models.networks import Network, data, load
from verify.models.problem import Setting, initial
from verify.optimise.sgd import OPTIMIZERS, descend
from verify.report.lab import Lab

__all__ = ["CENSUS", "EVERY_RADIUS", "LAWS", "STOPPED", "on_the_way", "stopped"]

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

STOPPED = 6
"""Networks of a setting that are stopped on the way."""


def stopped(lab: Lab, setting: Setting, pooling: str = "sum") -> tuple[Network, ...]:
    """The first STOPPED networks of a setting by :func:`on_the_way`: for every claim the same."""
    key = "on the way", setting, pooling
    return lab.once(key, on_the_way, setting, STOPPED, lab.seed, pooling)


def on_the_way(
    setting: Setting, networks: int, seed: int, pooling: str = "sum"
) -> tuple[Network, ...]:
    """Networks stopped after 25 Adam steps from the ensemble's own random starts: trained, not finished.

    A law that holds for every network must hold for these too, and unlike finished networks they bend.
    With mean pooling they start from the same answers, and go another way.
    """
    start = initial(setting, networks, seed)
    pixels = setting.pixels if pooling == "mean" else 0
    nets = tuple(load(setting, start, j, pixels) for j in range(networks))
    for net in nets:
        descend(net, *data(setting), 25, make=OPTIMIZERS["Adam"])
    return nets
