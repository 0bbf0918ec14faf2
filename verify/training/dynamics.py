"""What the claims on training share: independent integration of the flow, runs from random starts, tolerances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from numerics.pulse.sample import Radii, pulse
from numerics.training.linear_cell import Cone, coordinates
from numerics.training.steps import sharpness
from verify.models.ensemble import Weights
from verify.optimise.gradient import (
    Bundle,
    Model,
    Path,
    batches,
    data,
    descend,
    starts,
    step_rounding,
)

__all__ = ["Run", "end_rounding", "integrate", "run", "second_moment"]

Array = NDArray[np.float64]


def second_moment(radii: Radii) -> float:
    """E[r²] over the training radii."""
    return float(np.mean(radii.r**2))


def integrate(
    w: Array, a: Array, radii: Radii, times: Array, c: float | None = None, method: str = "LSODA"
) -> tuple[Array, Array, int]:
    """Gradient flow of one network with σ the identity, integrated by scipy: w (K, n), a (K,), no conv bias.

    The right-hand side is the gradient of mean((r̂ - r)²) on the signals' windows: none of the closed forms enters.
    Returns w (T, K, n), a (T, K) at the ``times``, and the number of evaluations.
    """
    channels, n = w.shape
    x = np.pad(pulse(radii.r, radii.half_length(n)), ((0, 0), (n // 2, n // 2)))
    light = np.lib.stride_tricks.sliding_window_view(x, n, axis=1).sum(axis=1)  # (R, n)
    size = channels * n

    def slope(_: float, y: Array) -> Array:
        taps, readout = y[:size].reshape(channels, n), y[size : size + channels]
        features = light @ taps.T
        error = features @ readout - radii.r + (0.0 if c is None else y[-1])
        by_tap = 2 / len(error) * np.outer(readout, error @ light)
        by_read = 2 / len(error) * (error @ features)
        tail = [] if c is None else [2 * np.mean(error)]
        return -np.concatenate([by_tap.ravel(), by_read, tail])

    begin = np.concatenate([w.ravel(), a, [] if c is None else [c]])
    found = solve_ivp(
        slope, (0.0, float(times[-1])), begin, method=method, t_eval=times, rtol=1e-13, atol=1e-13
    )
    if not found.success:
        raise RuntimeError(found.message)
    y = found.y.T
    return y[:, :size].reshape(-1, channels, n), y[:, size : size + channels], int(found.nfev)


@dataclass(frozen=True)
class Run:
    """Networks of one model trained by torch.optim.SGD, each with the step ``rate`` (B,).

    ``moment_bound`` bounds E_b[r²] of every batch.
    """

    model: Model
    start: Weights
    rate: Array
    path: Path
    cone: Cone
    second_moment: float
    moment_bound: float


@lru_cache(maxsize=64)
def run(
    model: Model,
    networks: int,
    seed: int,
    fraction: float,
    steps: int,
    batch: int = 0,
    look: tuple[int, ...] = (),
    positive: bool = False,
) -> Run:
    """Train with the step ``fraction``/(λ + 2), or ``fraction``/λ without c; with ``batch`` in mini-batches.

    ``positive``: all initial taps replaced by their absolute values, which keeps ReLU on its straight part at
    least at the start.  Starts with U = 0 have probability 0 and are not excluded.
    """
    start = starts(model, networks, seed)
    if positive:
        start = Weights(np.abs(start.w), start.b, start.a, start.c)
    at = coordinates(start.w, start.a)
    moment = second_moment(model.radii)
    rate = fraction / (sharpness(at, moment) + (2.0 if model.readout_bias else 0.0))
    x, r = data(model)
    order = batches(len(r), batch, seed) if batch else None
    path = descend(Bundle(model, start), x, r, steps, rate, order=order, look=look)
    largest = float(np.max(model.radii.r) ** 2) if batch else moment
    return Run(model, start, rate, path, at, moment, largest)


def end_rounding(found: Run) -> Array:
    """(B,): what rounding and the steps not taken may add to the distance of any weight from its predicted end.

    Each of T steps rounds by at most :func:`step_rounding`; later steps stretch an error along the curve by at most
    e^{2|τ|}.  What is left of the loss, L, bounds |2θ - 1| by √(L/V) (V in place of E r² covers c), and the rest of
    the turn by that over the slope of 2θ; twice it, since the slope changes on the way.
    """
    model, path = found.model, found.path
    end = path.end
    steps = len(path.losses)
    largest = np.maximum(
        step_rounding(model, found.start, found.rate), step_rounding(model, end, found.rate)
    )
    at = coordinates(end.w, end.a)
    turned = np.abs(np.log(np.maximum(at.big_u / found.cone.big_u, 1e-300)))
    r = model.radii.r
    spread = float(np.var(r)) if model.readout_bias else found.second_moment
    left = np.sqrt(np.max(path.losses[-20:], axis=0) / spread)
    slope = at.root * (at.big_u + at.big_w)
    size = np.sqrt(at.big_u + at.big_w)
    return (
        steps * largest * np.exp(turned) + 2 * left / slope * size + 64 * math.ulp(1.0) * (1 + size)
    )
