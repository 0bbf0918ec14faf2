"""What is trained: the census of where training ends, smaller sets, and networks stopped on the
way.
"""

from __future__ import annotations

from theory.expressions.activation import ACTIVATIONS
from verify.models.networks import Network, data, load, weights_of
from verify.models.problem import NetworkBatch, Setting, initial
from verify.optimise.sgd import OPTIMIZERS, descend
from verify.report.lab import Lab

__all__ = [
    "BENT",
    "CENSUS",
    "EVERY_RADIUS",
    "LAWS",
    "STOPPED",
    "STRAIGHT",
    "finished_and_stopped",
    "on_the_way",
    "stopped",
]

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
"""For laws that hold whatever σ is: five taps, and two smooth activations that
never become exact.
"""

STRAIGHT = tuple(setting for setting in LAWS if ACTIVATIONS[setting.activation].piecewise_linear)
"""Those whose σ is piecewise linear; the largest slope of each is 1."""
BENT = tuple(setting for setting in STRAIGHT if ACTIVATIONS[setting.activation].kinks)
"""Of these, those whose σ has a kink."""

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
    """Networks stopped after 25 Adam steps from the ensemble's own random starts: trained, not
    finished.

    A law that holds for every network must hold for these too, and unlike finished networks they
    bend. With mean pooling they start from the same answers, and go another way.
    """
    start = initial(setting, networks, seed)
    pixels = setting.pixels if pooling == "mean" else 0
    nets = tuple(load(setting, start, j, pixels) for j in range(networks))
    for net in nets:
        descend(net, *data(setting), 25, make=OPTIMIZERS["Adam"])
    return nets


def finished_and_stopped(
    lab: Lab, setting: Setting, finished: int | None = None, unfinished: int = STOPPED
) -> NetworkBatch:
    """The first networks of a setting at their end (all, if no number is given), and after them
    those that are stopped on the way, whose slopes, offsets and bends are large.
    """
    ends = lab.ensemble(setting).weights[slice(0, finished)]
    others = weights_of(stopped(lab, setting)[:unfinished])
    return NetworkBatch.joined((ends, others))
