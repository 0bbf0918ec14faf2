"""Which predictions survive which optimizer: measured on real modules trained by torch.optim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.arithmetic.types import Array
from numerics.training.linear_cell import coordinates
from verify.models.networks import Bundle, data
from verify.models.problem import Model, NetworkBatch
from verify.optimise.sgd import OPTIMIZERS, Path, descend
from verify.report.lab import Lab
from verify.training.dynamics import shuffled, starts

__all__ = ["NAMES", "Survival", "survival"]

NAMES = tuple(name for name in OPTIMIZERS if name != "LBFGS")
"""The optimizers that take mini-batches."""
MODEL = Model("identity", 2, 5)
STEPS = 400


@dataclass(frozen=True)
class Survival:
    """The largest change, over networks, of what plain gradient flow keeps, relative to its own
    size.

    Attributes
    ----------
    deviations: of w_{k,u} - S_k/n.
    shape: of their direction: after the best common factor (1 but for weight decay) is taken out.
    ratios: of u_j/u_k and v_j/v_k: after the factors A and B common to all channels are taken out.
    product: |AB - 1|: of the hyperbola's size.
    loss: the largest at the end.
    """

    deviations: float
    shape: float
    ratios: float
    product: float
    loss: float


def survival(lab: Lab, name: str, networks: int) -> Survival:
    """Train with mini-batches of 2 and compare start and end.

    Raises
    ------
    KeyError: the name is none of :data:`~verify.optimise.sgd.OPTIMIZERS`.
    """

    def train() -> Survival:
        start = starts(lab, MODEL, networks)
        order = shuffled(lab, MODEL, 2)
        path = descend(Bundle(MODEL, start), *data(MODEL), STEPS, 2e-4, OPTIMIZERS[name], order)
        return _compared(start, path)

    return lab.once(("survival", name, networks), train)


def _compared(start: NetworkBatch, path: Path) -> Survival:
    before, after = coordinates(start.w, start.a), coordinates(path.end.w, path.end.a)
    spread = [weights.w - weights.w.mean(axis=2, keepdims=True) for weights in (start, path.end)]
    flat = [x.reshape(len(x), -1) for x in spread]
    size = np.max(np.abs(flat[0]), axis=1)
    common = _fit(flat[0], flat[1])
    first, second = _fit(before.u, after.u), _fit(before.v, after.v)
    bent = [
        np.max(np.abs(new - factor[:, None] * old), axis=1) / np.max(np.abs(old), axis=1)
        for old, new, factor in ((before.u, after.u, first), (before.v, after.v, second))
    ]
    return Survival(
        float(np.max(np.max(np.abs(flat[1] - flat[0]), axis=1) / size)),
        float(np.max(np.max(np.abs(flat[1] - common[:, None] * flat[0]), axis=1) / size)),
        float(np.max(bent)),
        float(np.max(np.abs(first * second - 1))),
        float(np.max(path.losses[-1])),
    )


def _fit(old: Array, new: Array) -> Array:
    """The factor (B,) that takes old (B, p) nearest to new."""
    return np.asarray(np.sum(old * new, axis=1) / np.sum(old * old, axis=1))
