"""Torch networks trained at a fixed height of the staircase, by Levenberg-Marquardt.

Training holds S = Σ w fixed and varies the bias and the direction of the filter: f(w, b) is the
response after regression on (1, r), divided by its slope on r, so that |f|² = R/λ² and L = R/(λ² +
R/V).  (A fixed |w| would not do: where σ is odd about an inflection, the infimum over three taps is
0 at any |w|, along S -> 0.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from numerics.arithmetic.compile import activation
from numerics.arithmetic.regression import rank
from numerics.arithmetic.rounding import prediction_bound
from numerics.arithmetic.types import Array, Flags
from numerics.pulse.sample import pulse, windows
from verify.models.networks import Bundle, signals
from verify.models.problem import NetworkBatch, Setting
from verify.optimise.least_squares import levenberg_marquardt

__all__ = [
    "CELLS",
    "EDGE",
    "HEIGHTS",
    "PER_CELL",
    "ROWS",
    "TAPS",
    "HeightBatch",
    "directions",
    "measured",
    "trained",
]


ROWS = (
    "tanh",
    "sigmoid",
    "arctan",
    "erf",
    "sin",
    "softsign",
    "mish",
    "tanhshrink",
    "exp",
    "softplus",
    "logsigmoid",
    "gelu",
    "gelu_tanh",
    "silu",
    "square",
)
"""Never exact, or not with one channel."""
TAPS = (1, 3)
"""Numbers of taps."""
HEIGHTS = tuple(2.0**-k for k in range(1, 7))
"""S, a decade and a half."""
CELLS = 4
"""The cells of the radii trained on."""
PER_CELL = 8
"""The radii in each, φ = t/8."""
EDGE = 6.0
"""A bias that gets as far as this has left, and no step leads it farther than 1/2 beyond: all
inflections but those of sin lie well inside.
"""


def directions(n: int) -> Array:
    """An orthonormal basis (n, n - 1) of the filters with S = 0."""
    return np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, : n - 1]]))[0][:, 1:]


@dataclass(frozen=True, eq=False)
class HeightBatch:
    """Networks of one shape, trained at their heights: w (B, n), b, a, c and the torch loss, each
    (B,).

    ``gradient``: how much the logarithm of √R/|λ| still changes per unit of b and of w/S.
    """

    setting: Setting
    height: Array
    w: Array
    b: Array
    a: Array
    c: Array
    loss: Array
    gradient: Array

    @property
    def left(self) -> Flags:
        """Whether the bias ran off, (B,)."""
        return np.abs(self.b) >= EDGE

    @property
    def rounding(self) -> Array:
        """How far the torch loss's root may be from the true one of the best readout: (B,).

        One bound for torch, and one for each of the two responses that a and c are fitted to.
        """
        r = self.setting.radii.r
        size = 2 * self.setting.radii.half_length(self.setting.taps) + 1
        bound = prediction_bound(
            self.w[:, None],
            self.b[:, None],
            self.a[:, None],
            self.c,
            r,
            size,
            self.setting.activation,
        )
        return np.asarray(3 * np.sqrt(np.mean(bound**2, axis=1)))


def trained(name: str, n: int, starts: int, rng: np.random.Generator) -> HeightBatch:
    """``starts`` networks for each height: random bias in (-3, 3), random filters, 100 n steps.

    Half-way the damping begins anew: after a long step to where all is flat the old one would hold
    a network there.
    """
    setting = Setting(name, 1, n, cells=CELLS, per_cell=PER_CELL)
    radii = setting.radii
    view = windows(pulse(radii.r, radii.half_length(n)), n)
    sigma, slope = activation(name)
    rc = radii.r - np.mean(radii.r)
    frame = np.linalg.qr(np.column_stack([np.ones_like(rc), rc]))[0]
    left = view.counts - frame @ (frame.T @ view.counts)
    _, size, rows = np.linalg.svd(left / np.sqrt(len(rc)), full_matrices=False)
    remainder = (size[:, None] * rows)[: rank(size)]
    steep = rc @ view.counts / np.sum(rc**2)
    height = np.repeat(HEIGHTS, starts)
    across = directions(n)

    def filters(points: Array) -> Array:
        return height[:, None] * (1 / n + points[:, 1:] @ across.T)

    def function(points: Array) -> tuple[Array, Array]:
        b = points[:, :1]
        values = filters(points) @ view.windows.T + b
        g, d = sigma(values) - sigma(b), slope(values)
        by_b = d - slope(b)
        by_w = d[:, :, None] * height[:, None, None] * (view.windows @ across)
        by = np.concatenate([by_b[:, :, None], by_w], axis=2)
        lam = g @ steep
        f = np.where(np.abs(b) <= EDGE + 0.5, g @ remainder.T / lam[:, None], np.inf)
        of_lam = np.einsum("bsk,s->bk", by, steep) / lam[:, None]
        moved = np.einsum("rs,bsk->brk", remainder, by) / lam[:, None, None]
        return f, moved - f[:, :, None] * of_lam[:, None, :]

    start = np.column_stack(
        [rng.uniform(-3, 3, len(height)), rng.normal(0, 1.5, (len(height), n - 1))]
    )
    with np.errstate(all="ignore"):  # a step may be far out; it is then refused
        points = start
        for _ in range(2):
            points = levenberg_marquardt(function, points, 50 * n).points
    f, jacobian = function(points)
    gradient = np.linalg.norm(np.einsum("br,brk->bk", f, jacobian), axis=1) / np.sum(f**2, axis=1)
    return measured(name, height, filters(points), points[:, 0], gradient)


def measured(name: str, height: Array, w: Array, b: Array, gradient: Array) -> HeightBatch:
    """Networks of these heights, with filters w (B, n) and biases b (B,): their best readout, and
    the loss in torch.
    """
    n = w.shape[1]
    setting = Setting(name, 1, n, cells=CELLS, per_cell=PER_CELL)
    r = setting.radii.r
    rc = r - np.mean(r)
    view = windows(pulse(r, setting.radii.half_length(n)), n)
    sigma = activation(name)[0]
    g = (sigma(w @ view.windows.T + b[:, None]) - sigma(b[:, None])) @ view.counts.T
    centred = g - np.mean(g, axis=1, keepdims=True)
    a = centred @ rc / np.sum(centred**2, axis=1)
    pixels = 2 * setting.radii.half_length(n) + 1
    c = np.mean(r) - a * (np.mean(g, axis=1) + pixels * sigma(b))
    weights = NetworkBatch(w[:, None], b[:, None], a[:, None], c)
    x = signals(setting.radii, n)
    with torch.inference_mode():
        answers = Bundle(setting, weights)(x).numpy()
    loss = np.mean((answers - r) ** 2, axis=1)
    return HeightBatch(setting, height, w, b, a, c, loss, gradient)
