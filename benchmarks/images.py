"""(e) Networks on disks, 3 × 3, two channels: the ensemble against a loop of LBFGS."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.loop import train
from benchmarks.measure import Row, measured
from verify.disk.ensemble import train_networks
from verify.disk.networks import disks, drawn
from verify.disk.regions import finish
from verify.disk.trained import HALF_LENGTH, R, shown
from verify.models.problem import NetworkShape

__all__ = ["rows"]

SHAPE = NetworkShape("relu", 2, 3)


def rows(quick: bool) -> Iterator[Row]:
    """200 networks, and how low the losses of either way are."""
    networks, sample = (20, 2) if quick else (200, 20)
    windows = shown(SHAPE.taps)

    def ensemble() -> np.ndarray:
        rng = np.random.default_rng(0)
        nets = train_networks(SHAPE, windows, R, networks, rng)
        return finish(SHAPE.activation, nets, windows, R).loss

    seconds, peak, losses = measured(ensemble)
    x, r = disks(R, HALF_LENGTH), torch.tensor(R)
    rng = np.random.default_rng(0)
    nets = [drawn(SHAPE.activation, SHAPE.channels, SHAPE.taps, rng) for _ in range(sample)]
    took, high, ended = measured(lambda: [train(net, x, r, 100) for net in nets])
    others = np.array([each.loss for each in ended])
    goal = float(np.median(losses))
    for count, name, values in (
        (networks, f"{networks} networks to their ends", losses),
        (sample, f"a loop of LBFGS, of {sample} networks", others),
    ):
        mine = name.endswith("ends")
        low = int(np.sum(values <= 1.01 * goal))
        note = (
            f"median loss {np.median(values):.3g}, least {np.min(values):.3g}; {low} of {count} end"
            " below 1.01 of the ensemble's median"
        )
        ratio = None if mine else took / sample / (seconds / networks)
        yield Row(
            name,
            (seconds if mine else took) / count,
            ratio,
            "" if mine else "the ensemble, for each network",
            peak if mine else high,
            note,
        )
