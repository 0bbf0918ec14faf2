r"""Is a network at its end?  Asked of its weights alone, in code that shares nothing with the
trainer.

Where pre-activations sit on the kink of a positively homogeneous σ, the loss has one-sided
derivatives only:

    f'(d) = g·d + Σ_s γ_s |n_s·d|,

g the gradient with the mean of both slopes on those windows, n_s = (U_s, 1) the direction of the
held pre-activation, γ_s half the jump of the slope of the loss across it.  The point is stationary
when f'(d) >= 0 for every direction d.  :func:`descent` finds the least f'(d): f' is linear on every
cone of the fan that the hyperplanes n_s·d = 0 cut, so it is decided on the edges of the fan, where
rank - 1 of them meet; dependent faces need no special care.  Where the edges are many, a linear
programme finds multipliers that show f' >= 0 without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, islice
from math import comb

import numpy as np
from scipy.optimize import linprog

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import gamma as accumulated
from numerics.arithmetic.types import Array, Signs
from numerics.pulse.sample import Windows, pulse, windows
from theory.expressions.spelling import spelled
from verify.models.problem import NetworkBatch, Setting

__all__ = ["CHUNK", "MOST_EDGES", "RANK", "Descent", "descent", "signs"]


MOST_EDGES = 2_000_000
"""Edges of the fan that are tried; a network with more counts as not converged."""
CHUNK = 100_000
"""Edges tried at a time."""
RANK = 1e-9
"""Singular values below this share of the largest are 0: windows hold dyadic
numbers of a few bits.
"""


@lru_cache(64)
def _view(setting: Setting) -> Windows:
    """What the filters see of the training pulses: the same for every network of a setting."""
    return windows(pulse(setting.radii.r, setting.radii.half_length(setting.taps)), setting.taps)


def signs(setting: Setting, weights: NetworkBatch) -> Signs:
    """The sign of every pre-activation, (B, K, W); 0 where it is on the kink but for rounding.

    Weights are put on faces by an orthogonal projection, two products with an orthonormal basis of
    at most n + 1 vectors: each entry is off by (n + 1) γ_{2n+2} |(w, b)|, a pre-activation by
    sqrt(n + 1) times that. Where σ has no kink every sign is 1: nothing is held there.
    """
    width = setting.taps + 1
    view = _view(setting)
    pre = weights.w @ view.windows.T + weights.b[..., None]
    if not spelled(setting.activation).kinks:
        return np.ones(pre.shape, dtype=np.int8)
    length = np.sqrt(np.sum(weights.w**2, axis=-1) + weights.b**2)
    bound = (width**1.5 * accumulated(2 * width) * length)[..., None]
    return np.where(np.abs(pre) <= bound, 0, np.sign(pre)).astype(np.int8)


@dataclass(frozen=True)
class Descent:
    """The steepest way down from a network.

    Attributes
    ----------
    slope: a lower bound of f'(d) over |d| <= 1, attained up to directions that do not interact.
    noise: the bound of its rounding; slope >= -noise says stationary.
    held: some held kink bends the loss, beyond rounding.
    """

    slope: float
    noise: float
    held: bool


def descent(setting: Setting, weights: NetworkBatch, j: int, pattern: Signs) -> Descent:
    """The steepest way down from network j of a batch, with the signs ``pattern`` (K, W)."""
    radii, view = setting.radii, _view(setting)
    normals = np.column_stack([view.windows, np.ones(len(view.windows))])
    sigma = activation(setting.activation)[0]
    low, high = (float(slope) for slope in spelled(setting.activation).slopes)
    a = weights.a[j]
    pre = weights.w[j] @ view.windows.T + weights.b[j][:, None]
    feature = np.where(pattern == 0, 0.0, sigma(pre)) @ view.counts.T
    error = weights.c[j] + a @ feature - radii.r
    share = 2 / len(radii.r)
    mass = np.abs(weights.w[j]) @ view.windows.T + np.abs(weights.b[j])[:, None]
    terms = accumulated(view.counts.sum(axis=1).max() + 2 * setting.taps + 8)
    size = np.abs(a) @ (mass @ view.counts.T) + np.abs(weights.c[j]) + radii.r
    # The error itself is off by its evaluation and by the rounding of the weights that make it
    # small.
    off = 2 * terms * size + terms * np.abs(error)

    least = -abs(share * np.sum(error))
    noise = share * np.sum(off)
    strongest = 0.0
    for k in range(setting.channels):
        least -= abs(share * np.dot(error, feature[k]))
        noise += share * np.dot(off, mass[k] @ view.counts.T)
        force = share * a[k] * (view.counts.T @ error)
        slope = np.where(pattern[k] > 0, high, np.where(pattern[k] < 0, low, (high + low) / 2))
        gradient = (force * slope) @ normals
        held = pattern[k] == 0
        bends = force[held] * (high - low) / 2
        reach = share * abs(a[k]) * (view.counts.T @ off) * max(abs(low), abs(high))
        sizes = np.sum(np.abs(normals), axis=1)
        noise += float(reach @ sizes)
        # A kink whose γ is rounding bends nothing: it is dropped, at the price of what it could
        # bend.
        active = np.abs(bends) > reach[held]
        least -= float(np.abs(bends[~active]) @ sizes[held][~active])
        strongest = max(strongest, float(np.max(np.abs(bends[active]), initial=0.0)))
        least += _least(gradient, normals[held][active], bends[active], noise)
    # Once for the evaluation, once for what was dropped.
    return Descent(float(least), 2 * float(noise), strongest > 0)


def _least(gradient: Array, normals: Array, bends: Array, noise: float) -> float:
    """A lower bound of g·d + Σ γ|n·d| over |d| <= 1 for one channel.

    Three attempts, each only when the one before has not shown that nothing descends: by size, by a
    certificate, by all edges.
    """
    down = np.minimum(bends, 0.0)
    lowest = -float(np.sum(np.abs(gradient))) + float(down @ np.sum(np.abs(normals), axis=1))
    if lowest < -noise / 2 and len(normals):
        lowest = max(lowest, _certified(gradient, normals, bends))
    return lowest if lowest >= -noise / 2 else _by_edges(gradient, normals, bends)


def _certified(gradient: Array, normals: Array, bends: Array) -> float:
    """The lower bound of f' that the best multipliers show, whatever the accuracy of the solver.

    If g + Σ_u λ_u n_u = ρ and every downward n_s = Σ_u M_su n_u + ρ_s over the upward faces u, then
    for |d| <= 1 f'(d) >= -|ρ|₁ - Σ_s |γ_s| |ρ_s|₁ - Σ_u max(0, |λ_u| + Σ_s |γ_s M_su| - γ_u)
    |n_u|₁.  A linear programme makes the last sum small.
    """
    up, down = bends > 0, bends < 0
    rising, falling = normals[up], normals[down]
    ups, downs, width = len(rising), len(falling), normals.shape[1]
    if not ups:
        return -float("inf")
    unit = float(np.max(bends))
    gamma, weight = bends[up] / unit, -bends[down] / unit
    # Unknowns, all >= 0: λ⁺, λ⁻ (ups each), M⁺, M⁻ (downs × ups each), and the excess (ups).
    eye = np.eye(ups)
    spread = np.kron(weight, eye).reshape(ups, -1) if downs else np.zeros((ups, 0))
    limits = np.hstack([eye, eye, spread, spread, -eye])
    balance = np.hstack([rising.T, -rising.T, np.zeros((width, (2 * downs + 1) * ups))])
    each = np.kron(np.eye(downs), rising.T)
    zeros = np.zeros((downs * width, ups))
    combine = np.hstack([zeros, zeros, each, -each, zeros])
    answer = linprog(
        np.concatenate([np.zeros(2 * ups * (1 + downs)), np.sum(np.abs(rising), axis=1)]),
        A_ub=limits,
        b_ub=gamma,
        A_eq=np.vstack([balance, combine]),
        b_eq=np.concatenate([-gradient / unit, falling.ravel()]),
        method="highs-ds",
    )
    if answer.x is None:
        return -float("inf")
    plus, minus, *_ = np.split(answer.x, [ups, 2 * ups])
    tables = answer.x[2 * ups : 2 * ups * (1 + downs)].reshape(2, downs, ups)
    multiplier, table = unit * (plus - minus), tables[0] - tables[1]
    remainder = np.sum(np.abs(gradient + multiplier @ rising))
    remainders = np.sum(np.abs(falling - table @ rising), axis=1) @ (unit * weight)
    excess = np.abs(multiplier) + unit * (weight @ np.abs(table)) - bends[up]
    return -float(remainder + remainders + np.maximum(excess, 0) @ np.sum(np.abs(rising), axis=1))


def _by_edges(gradient: Array, normals: Array, bends: Array) -> float:
    """f' at its lowest edge; -inf if there are too many edges to try.

    Modulo directions that no held normal sees, f' is linear on each cone of the fan that the
    normals cut, and every cone is spanned by its edges: f' >= 0 everywhere iff on the edges.
    """
    _, size, right = np.linalg.svd(normals, full_matrices=False)
    rank = int(np.sum(size > RANK * size[0])) if len(size) else 0
    basis = right[:rank]
    along = basis.T @ (basis @ gradient)
    # Along a direction that no normal sees, only the gradient speaks.
    least = -float(np.sum(np.abs(gradient - along)))
    if not rank:
        return least
    if comb(len(normals), rank - 1) > MOST_EDGES:
        return -float("inf")
    reduced = normals @ basis.T
    subsets = combinations(range(len(normals)), rank - 1)
    while chunk := list(islice(subsets, CHUNK)):
        edges = _edges(reduced[np.array(chunk, dtype=int)], rank) @ basis
        if len(edges):
            edges = edges / np.max(np.abs(edges), axis=1, keepdims=True)
            bent = np.abs(edges @ normals.T) @ bends
            least = min(least, float(np.min(bent - np.abs(edges @ along))))
    return least


def _edges(chosen: Array, rank: int) -> Array:
    """The lines orthogonal to rank - 1 vectors each, (subsets, rank - 1, rank), by their minors.

    Subsets that are dependent cut out no line and are left out.
    """
    columns = np.arange(rank)
    lines = np.stack(
        [(-1) ** c * np.linalg.det(chosen[:, :, columns != c]) for c in columns], axis=1
    )
    size = np.linalg.norm(lines, axis=1)
    return np.asarray(lines[size > RANK * np.prod(np.linalg.norm(chosen, axis=2), axis=1)])
