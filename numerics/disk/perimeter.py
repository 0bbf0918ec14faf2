r"""The perimeter's coefficient P = ∮ dθ ∫ [g(p_θ(t)) - g(0) - (g(S) - g(0)) 1{t > 0}] dt by one
midpoint rule, with a bound.

p_θ(t) = Σ_u w_u H_θ(t + u·n) is 0 or S for |t| > ρ = h√2 + 1/√2, the reach of the window's corners.
The edge law H is an argument, and so is what a place adds; half a turn is enough, as an edge seen
from behind is known: p_{θ+π}(-t) = S - p_θ(t). Along t each pixel rises once from 0 to 1, so p
varies by |w|₁ in all; along θ the line turns about a point at most ρ away from any point of the
window, so ∫ |∂_θ p| dt <= ρ|w|₁.  With steps τ in t, η in θ, and the Lipschitz constant Λ of g the
rule is off by at most

    2πΛ|w|₁ (τ/2 + ρη/4).

With a proved error for any row of the catalogue: :mod:`numerics.disk.perimeter_enclosure`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from numerics.arithmetic.rounding import UNIT
from numerics.arithmetic.types import Array
from numerics.disk.disk import disk_bound, pixels
from theory.disk.perimeter import edge, lack
from theory.disk.shares import Opposite, opposite

__all__ = [
    "Midpoints",
    "angles",
    "circle_bound",
    "circle_windows",
    "difference",
    "edge_response",
    "half_squares",
    "reach",
    "sides",
    "strength",
    "strength_bound",
]

Edge = Callable[[Array, float, float], Array]
"""H_θ(t), from t, cos θ and sin θ."""
BLOCK = 1 << 18
"""Values at a time."""


def reach(taps: int) -> float:
    """ρ: the distance of the corners of a window of n × n pixels from its centre."""
    return (taps // 2) * math.sqrt(2) + math.sqrt(0.5)


def angles(turns: int) -> Array:
    """The midpoints of this number of equal parts of a turn: (turns,)."""
    return (np.arange(turns) + 0.5) * 2 * np.pi / turns


def half_squares(taps: int, t: Array, c: float, s: float, law: Edge = edge) -> Array:
    """H_θ(t + u·n) of all places u of a window, at distances t inside an edge whose inner normal is
    (c, s): (n², *t.shape).
    """
    u, v = np.indices((taps, taps)).reshape(2, -1, *[1] * t.ndim) - taps // 2
    return np.asarray(law(t + u * c + v * s, c, s))


def edge_response(w: Array, t: Array, c: float, s: float) -> Array:
    """p_θ(t) of filters w (F, n, n) at distances t (T,) inside an edge whose inner normal is (c,
    s): (F, T).
    """
    return np.asarray(w.reshape(len(w), -1) @ half_squares(w.shape[-1], t, c, s))


# --------------------------------------------------------------------------------------- the rule


@dataclass(frozen=True)
class Midpoints:
    """A midpoint rule over the edges that a window of n × n pixels may show.

    Attributes
    ----------
    taps: n.
    turns, places: directions over a turn, a multiple of four, and distances, an even number: no
        node on an axis or at t = 0.
    """

    taps: int
    turns: int = 1440
    places: int = 480

    @property
    def turn(self) -> Array:
        """θ over the whole turn: (turns,)."""
        return angles(self.turns)

    @property
    def t(self) -> Array:
        """Distances from -ρ to ρ: (places,)."""
        return reach(self.taps) * ((2 * np.arange(self.places) + 1) / self.places - 1)

    @property
    def steps(self) -> tuple[float, float]:
        """τ and η."""
        return 2 * reach(self.taps) / self.places, 2 * np.pi / self.turns

    @property
    def weight(self) -> float:
        """Of a node: τη."""
        return math.prod(self.steps)

    def windows(self, r: float) -> Array:
        """What a circle of radius r shows at all nodes, direction by direction:
        (turns·places, n, n).
        """
        c, s = np.cos(self.turn)[:, None], np.sin(self.turn)[:, None]
        return circle_windows(r, self.t, c, s, self.taps).reshape(-1, self.taps, self.taps)


@lru_cache(maxsize=4)
def _half_turn(rule: Midpoints, law: Edge) -> Array:
    """H_θ(t + u·n) at the nodes of half a turn: (n², turns/2, places)."""
    angles = rule.turn[: rule.turns // 2].tolist()
    rows = [half_squares(rule.taps, rule.t, math.cos(x), math.sin(x), law) for x in angles]
    return np.stack(rows, axis=1)


def strength(
    w: Array,
    b: ArrayLike,
    sigma: Callable[[Array], Array],
    rule: Midpoints | None = None,
    law: Edge = edge,
    behind: Opposite = opposite,
    add: Callable[..., Array] = lack,
) -> Array:
    """P of filters w (F, n, n) with biases b (F,): (F,).

    Parameters
    ----------
    rule: the nodes, by default those of ``Midpoints(n)``.
    law, behind, add: the edge law, the same edge from the other side, and what a place adds.
    """
    rule = rule or Midpoints(w.shape[-1])
    responses = _half_turn(rule, law).reshape(rule.taps**2, -1)
    lit = np.tile((rule.t > 0) * 1.0, rule.turns // 2)
    full, biases, values = w.sum(axis=(1, 2)), np.broadcast_to(b, len(w)), np.empty(len(w))
    step = max(1, BLOCK // responses.shape[1])
    for first in range(0, len(w), step):
        k = slice(first, first + step)
        p, s, bias = w[k].reshape(-1, rule.taps**2) @ responses, full[k, None], biases[k, None]
        ends = sigma(bias), sigma(s + bias)
        added = add(sigma(p + bias), *ends, lit) + add(sigma(behind(p, s) + bias), *ends, 1 - lit)
        values[k] = rule.weight * np.sum(added, axis=1)
    return values


def sides(w: Array, law: Edge = edge) -> tuple[Array, Array]:
    """∫ p₊ dt and ∫ p₋ dt of filters (F, n, n) with S = 0 times the step in θ, direction by
    direction: (F, turns) each.
    """
    rule = Midpoints(w.shape[-1])
    p = np.tensordot(w.reshape(len(w), -1), _half_turn(rule, law), 1)
    up, down = (rule.weight * np.sum(np.maximum(side, 0), axis=2) for side in (p, -p))
    return np.hstack([up, down]), np.hstack([down, up])


def strength_bound(w: Array, steepest: ArrayLike = 1.0, rule: Midpoints | None = None) -> Array:
    """How far :func:`strength` may be from P, for g with the Lipschitz constants ``steepest`` (F,):
    (F,).
    """
    rule = rule or Midpoints(w.shape[-1])
    along, around = rule.steps
    step = along / 2 + reach(rule.taps) * around / 4
    steep = np.asarray(steepest, dtype=float)
    return np.asarray(2 * np.pi * steep * np.abs(w).sum(axis=(1, 2)) * step)


# ------------------------------------------------------------------------------- what a circle
# shows


def circle_windows(r: float, t: Array, c: Array, s: Array, taps: int) -> Array:
    """Windows of n × n pixels at distances t inside a circle of radius r where its inner normal is
    (c, s), all broadcast: (..., n, n).
    """
    offset = np.arange(taps) - taps // 2
    # The inner normal points at the centre.
    x, y = ((t - r) * normal for normal in (c, s))
    return pixels(r, x[..., None, None] + offset[:, None], y[..., None, None] + offset)


def circle_bound(r: float, rho: float) -> float:
    """How far a pixel of :func:`circle_windows` may be from H_θ: by the curvature, its own
    rounding, and that of its place.

    A place of the size of r is rounded by UNIT·r, an edge by at most eight of it.
    """
    return 2**0.5 * rho**2 / r + float(disk_bound(r)) + 8 * UNIT * r


def difference(kappa: Array, step: tuple[int, int]) -> Array:
    """The filter whose correlation is that of κ (n, n) with x(p + e) - x(p): (n + 2k, n + 2k), k
    the largest |e_i|.
    """
    k = max(abs(step[0]), abs(step[1]))
    w = np.zeros((len(kappa) + 2 * k, len(kappa) + 2 * k))
    size = len(kappa)
    w[k + step[0] : k + step[0] + size, k + step[1] : k + step[1] + size] += kappa
    w[k : k + size, k : k + size] -= kappa
    return w
