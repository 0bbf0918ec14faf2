r"""Trained to the end, with or without conv bias, and then refined with long numbers to the nearest exact network.

The loss of smooth σ has long curved valleys.  Levenberg-Marquardt follows them with *geodesic acceleration*: a step
δ = -(JᵀJ + μI)⁻¹Jᵀe is bent by δ' = -½ (JᵀJ + μI)⁻¹Jᵀ e''(δ, δ), and refused where 2|δ'| > 3|δ|/4.

A network whose error is rounding may be exact, or only nearly so.  It is *refined* in 256-bit balls by Gauss-Newton
steps of least length, θ -> θ - J⁺e, to the nearest weights that are exact on the samples, and looked at between the
samples too.  A law that vanishes on exact networks is there at most |∇law · J⁺| |e|, to first order in the error e left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
import torch
from flint import arb

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import prediction_bound
from numerics.arithmetic.types import Array, Flags, Indices
from numerics.pulse.sample import pulse, windows
from verify.models.networks import load, signals
from verify.models.problem import NetworkBatch, Setting, initial
from verify.optimise.residuals import rounding, task

__all__ = [
    "BITS",
    "GOAL",
    "SIGMA",
    "Problem",
    "Refined",
    "RefinedBatch",
    "descend",
    "is_rounding",
    "refine",
    "trained",
]

Number = Callable[[Any], Any]
Rows = tuple[Array, Array, Array]

BITS = 256
"""The precision of a refinement."""
GOAL = 1e-60
"""A refinement has arrived when no error on the samples is larger."""
CUT = 1e-11
"""Singular values of J below this share of the largest belong to directions along which exact networks lie.

float64 leaves noise of about 1e-15 there; the smallest others that were seen are about 1e-8.  A wrong decision
shows: the refinement then does not arrive, or arrives between no samples."""
CYCLES = 12

SIGMA: dict[str, Number] = {
    "softplus": lambda v: (1 + v.exp()).log(),
    "logsigmoid": lambda v: -(1 + (-v).exp()).log(),
    "silu": lambda v: v / (1 + (-v).exp()),
    "gelu": lambda v: v * (-v / arb(2).sqrt()).erfc() / 2,
    "gelu_tanh": lambda v: (
        v / (1 + (-2 * (2 / arb.pi()).sqrt() * (v + v**3 * 44715 / 10**6)).exp())
    ),
    "tanhshrink": lambda v: v - v.tanh(),
    "tanh": lambda v: v.tanh(),
    "sigmoid": lambda v: 1 / (1 + (-v).exp()),
    "erf": lambda v: v.erf(),
}
"""Analytic activations in ball arithmetic, written without the catalogue."""


@dataclass(frozen=True)
class Problem:
    """A setting, whether its channels have a conv bias, and how many trial steps a descent may take."""

    setting: Setting
    biased: bool
    cap: int

    @property
    def free(self) -> Indices:
        """The trained ones among the parameters (w, b, a, c)."""
        channels, n = self.setting.channels, self.setting.taps
        every = np.arange(channels * (n + 2) + 1)
        bias = (every >= channels * n) & (every < channels * (n + 1))
        return np.nonzero(~bias | self.biased)[0]


def _packed(weights: NetworkBatch) -> Array:
    return np.concatenate(
        [weights.w.reshape(len(weights.c), -1), weights.b, weights.a, weights.c[:, None]], axis=1
    )


def _unpacked(setting: Setting, x: Array) -> NetworkBatch:
    channels, n = setting.channels, setting.taps
    w, b, a, c = np.split(x, np.cumsum([channels * n, channels, channels]), axis=1)
    return NetworkBatch(w.reshape(len(x), channels, n), b, a, c[:, 0])


def _evaluated(problem: Problem, x: Array, view: Array, rows: Rows) -> tuple[Array, Array]:
    """e = r̂ - r (B, D) and its derivatives by the free parameters (B, D, P), from windows and their counts."""
    counts, ones, target = rows
    sigma, slope = activation(problem.setting.activation)
    weights = _unpacked(problem.setting, x)
    pre = weights.w @ view.T + weights.b[..., None]
    feature = sigma(pre) @ counts.T
    batch, channels, n = weights.w.shape
    wide = np.concatenate([view, np.ones((len(view), 1))], axis=1)
    tilted = (counts[:, None, :] * wide.T).reshape(-1, len(view))
    by_conv = (slope(pre) @ tilted.T).reshape(batch, channels, len(ones), n + 1)
    by_conv = np.moveaxis(by_conv * weights.a[..., None, None], 2, 1)
    parts = [
        by_conv[..., :-1].reshape(batch, len(ones), channels * n),
        by_conv[..., -1],
        np.moveaxis(feature, 2, 1),
        np.broadcast_to(ones[:, None], (batch, len(ones), 1)),
    ]
    error = np.sum(weights.a[..., None] * feature, axis=1) + weights.c[:, None] * ones - target
    return error, np.concatenate(parts, axis=2)[..., problem.free]


@np.errstate(over="ignore", invalid="ignore")
def descend(problem: Problem, start: NetworkBatch) -> NetworkBatch:
    """Levenberg-Marquardt with geodesic acceleration until the error is rounding, or to the cap.

    A trial step that overflows has no smaller loss, and is refused.
    """
    setting, free = problem.setting, problem.free
    rows, view = task(setting).frame, task(setting).view.windows
    done = _packed(start)
    x, live = done.copy(), np.arange(len(done))
    error, jacobian = _evaluated(problem, x, view, rows)
    value = np.sum(error**2, axis=1)
    damping = 1e-3 * np.max(np.sum(jacobian**2, axis=1), axis=1)
    grow, reach = np.full(len(x), 2.0), 0.1
    for _ in range(problem.cap):
        left, sizes, right = np.linalg.svd(jacobian, full_matrices=False)
        share = sizes / (sizes**2 + damping[:, None] + np.finfo(float).tiny)
        step = _solved(left, share, right, error)
        ahead = x.copy()
        ahead[:, free] += reach * step
        _, turned = _evaluated(problem, ahead, view, rows)
        second = np.matmul((turned - jacobian) / reach, step[..., None])[..., 0]
        gentle = np.all(np.isfinite(second), axis=1)
        bent = _solved(left, share, right, np.where(gentle[:, None], second, 0.0)) / 2
        gentle &= 2 * np.linalg.norm(bent, axis=1) <= 0.75 * np.linalg.norm(step, axis=1)
        there = x.copy()
        there[:, free] += step + bent
        error_there, jacobian_there = _evaluated(problem, there, view, rows)
        value_there = np.sum(error_there**2, axis=1)
        better = gentle & (value_there < value)
        damping = np.minimum(damping * np.where(better, 0.2, grow), 1e10)
        grow = np.where(better, 2.0, np.minimum(1.5 * grow, 64.0))
        x = np.where(better[:, None], there, x)
        error = np.where(better[:, None], error_there, error)
        jacobian = np.where(better[:, None, None], jacobian_there, jacobian)
        value = np.where(better, value_there, value)
        done[live] = x
        stay = value > np.sum(rounding(setting, _unpacked(setting, x)) ** 2, axis=1) / 64
        if not np.all(stay):
            live, x, error, jacobian = live[stay], x[stay], error[stay], jacobian[stay]
            value, damping, grow = value[stay], damping[stay], grow[stay]
        if not len(live):
            break
    return _unpacked(setting, done)


def _solved(left: Array, share: Array, right: Array, e: Array) -> Array:
    """-(JᵀJ + μI)⁻¹ Jᵀe from J = left · diag · right: (B, P)."""
    inner = share * np.matmul(e[:, None], left)[:, 0]
    return np.asarray(-np.matmul(inner[:, None], right)[:, 0])


@dataclass(frozen=True, eq=False)
class Refined:
    """A network refined to the samples in 256-bit arithmetic.

    Attributes
    ----------
    channels: its weights (w, b, a) per channel, numbers of 256 bits.
    error: the largest error on the samples and between them.
    start: |e| over the samples, at the trained weights.
    moved: the distance from the trained weights; to first order at most |J⁺| |e|.
    inverse: J⁺ at the refined weights, (all parameters, equations), zero rows for those not trained.
    """

    channels: tuple[tuple[tuple[Any, ...], Any, Any], ...]
    error: float
    start: float
    moved: float
    inverse: Array

    @property
    def exact(self) -> bool:
        """Between the samples the error is at most a thousand times the goal."""
        return self.error < 1e3 * GOAL


def _cell(setting: Setting, fractions: Array) -> tuple[Array, Rows]:
    """Windows and rows of the first cell at these φ and at its far end: the other cells only repeat them."""
    first = setting.radii.first
    r = np.append(first - 0.5 + fractions, first + 0.5)
    # The signal's length enters through the background, N σ(b).
    view = windows(pulse(r, setting.radii.half_length(setting.taps)), setting.taps)
    return view.windows, (view.counts, np.ones(len(r)), r)


def _precise(setting: Setting, theta: Sequence[arb], view: Array, rows: Rows) -> list[arb]:
    """e = r̂ - r of one network in balls; windows, counts and radii are dyadic, hence exact."""
    counts, _, target = rows
    sigma, n, channels = SIGMA[setting.activation], setting.taps, setting.channels
    values = []
    for k in range(channels):
        w, b = theta[k * n : (k + 1) * n], theta[channels * n + k]
        pre = (sum((v * float(u) for v, u in zip(w, row, strict=True)), b) for row in view)
        values.append([sigma(v) for v in pre])
    errors = []
    for row, r in zip(counts, target, strict=True):
        shown = [(int(s), int(row[s])) for s in np.nonzero(row)[0]]
        total = theta[-1] - float(r)
        for weight, value in zip(theta[channels * (n + 1) : -1], values, strict=True):
            total += weight * sum((count * value[s] for s, count in shown), arb(0))
        errors.append(total)
    return errors


def refine(problem: Problem, weights: NetworkBatch, j: int) -> Refined | None:
    """The network nearest to number j that is exact on the samples, or None where twelve cycles do not get there.

    J⁺ is in float64 and e in balls, so the error falls by a large factor per step, not quadratically; J⁺ is
    computed anew after four steps, or when they gain less than a factor 2.
    """
    setting, free, x = problem.setting, problem.free, _packed(weights)[j]
    fractions = np.arange(setting.radii.per_cell) / setting.radii.per_cell
    view, rows = _cell(setting, fractions)
    inverse = np.zeros((len(x), len(fractions) + 1))
    with flint.ctx.workprec(BITS):
        theta = [arb(float(v)) for v in x]
        first = float(np.linalg.norm([float(e) for e in _precise(setting, theta, view, rows)]))
        size = np.inf
        for _ in range(CYCLES):
            here = np.array([[float(v) for v in theta]])
            inverse[free] = np.linalg.pinv(_evaluated(problem, here, view, rows)[1][0], rcond=CUT)
            for _ in range(4):
                errors = _precise(setting, theta, view, rows)
                before, size = size, _largest(errors)
                if size < GOAL or not size < before / 2:
                    break
                step = inverse @ np.array([float(e) for e in errors])
                theta = [(v - arb(float(d))).mid() for v, d in zip(theta, step, strict=True)]
            if size < GOAL or not size < 1:
                break
        if not size < GOAL:
            return None
        between, others = _cell(setting, fractions + 0.5 / setting.radii.per_cell)
        size = max(size, _largest(_precise(setting, theta, between, others)))
        gone = [float(v - arb(float(t))) for v, t in zip(theta, x, strict=True)]
    n, channels = setting.taps, setting.channels
    parts = tuple(
        (
            tuple(theta[k * n : (k + 1) * n]),
            theta[channels * n + k],
            theta[channels * (n + 1) + k],
        )
        for k in range(channels)
    )
    return Refined(parts, size, first, float(np.linalg.norm(gone)), inverse)


def _largest(errors: Sequence[arb]) -> float:
    return max(float(abs(e).upper()) for e in errors)


@dataclass(frozen=True, eq=False)
class RefinedBatch:
    """Networks at their end.

    Attributes
    ----------
    problem, weights: what was trained, and the batch it became.
    loss: (B,), of the torch modules on the training radii.
    rounded: (B,), the error of the torch module is rounding at all of them.
    refined: per network; None where it is not ``rounded`` or the refinement does not arrive.
    """

    problem: Problem
    weights: NetworkBatch
    loss: Array
    rounded: Flags
    refined: tuple[Refined | None, ...]

    @property
    def exact(self) -> Flags:
        """(B,) refined, and exact between the samples too."""
        return np.array([net is not None and net.exact for net in self.refined], dtype=bool)


def trained(problem: Problem, networks: int, seed: int) -> RefinedBatch:
    """Train from the ensembles' own random starts (biases 0 where there are none), and refine what is rounding."""
    setting = problem.setting
    drawn = initial(setting, networks, seed)
    start = NetworkBatch(drawn.w, drawn.b if problem.biased else 0 * drawn.b, drawn.a, drawn.c)
    weights = descend(problem, start)
    x, r = signals(setting.radii, setting.taps), setting.radii.r
    with torch.inference_mode():
        answers = np.stack([load(setting, weights, j)(x).numpy() for j in range(networks)])
    rounded = is_rounding(setting, weights, answers - r)
    refined = tuple(refine(problem, weights, j) if rounded[j] else None for j in range(networks))
    return RefinedBatch(problem, weights, np.mean((answers - r) ** 2, axis=1), rounded, refined)


def is_rounding(setting: Setting, weights: NetworkBatch, error: Array) -> Flags:
    """(B,) every error r̂ - r, shape (B, R), on the training radii is within the rounding bound."""
    size = 2 * setting.radii.half_length(setting.taps) + 1
    bound = prediction_bound(
        weights.w, weights.b, weights.a, weights.c, setting.radii.r, size, setting.activation
    )
    return np.asarray(np.all(np.abs(error) <= bound, axis=1))
