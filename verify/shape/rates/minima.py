"""Where training at a fixed height may end: the minima of the law, and the networks that rest at
them.

Near an inflection t the law has a minimum at the mean filter and, with three taps, on the curve Σ
w³ ~ 0, one for each tap of opposite sign.  Its place is c - t ~ offset[0] S + offset[1] S², its
loss constant · S^exponent to leading order (:mod:`theory.shape.rates.leading`); from there the
minimum of the law itself is found, to all its five orders.  A network rests at it when its loss is
the minimum within the bound on what the law leaves out (:mod:`verify.shape.rates.remainder`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import comb

import numpy as np

from numerics.arithmetic.taylor import TERMS, at_inflection, coefficients_at, inflections
from numerics.arithmetic.types import Array
from theory.shape.rates import RateLaw
from theory.shape.rates.expansion import moments
from theory.shape.rates.leading import (
    CUBIC_FREE,
    after_radius,
    cubic_free_rate,
    curved_rate,
    inflection_rate,
)
from verify.optimise.least_squares import levenberg_marquardt
from verify.shape.rates.height import HeightBatch, directions
from verify.shape.rates.remainder import OVER, VARIANCE, Stated, root_of, stated

__all__ = ["Ended", "Place", "account", "closed_form", "nearest", "predicted"]


# --- the smallest loss that the law predicts --------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where training may end: near an inflection t, at the mean filter or where Σ w³ ~ 0.

    ``turned`` is the tap of opposite sign, -1 for the mean filter.  Without an inflection t is any
    centre.
    """

    t: float
    turned: int
    height: float


def closed_form(name: str, n: int, place: Place) -> tuple[float, Array, float]:
    """To leading order: c - t, the filter over S (n,), and √R/|λ| (nan where σ' = 0)."""
    s = at_inflection(name, place.t)
    if place.turned >= 0:
        taps = [float(tap) for tap in CUBIC_FREE]
        order = next(p for p in permutations(range(3)) if p[place.turned] == 2)
        rate, shape = cubic_free_rate(s, OVER), np.array([taps[k] for k in order])
    else:
        if s[0] == 0:
            return 0.0, np.full(n, 1 / n), np.nan
        rate = inflection_rate(s, n, OVER) if s[1] == 0 else curved_rate(s, n, OVER)
        shape = np.full(n, 1 / n)
    offset = rate.offset[0] * place.height + rate.offset[1] * place.height**2
    return float(offset), shape, float(np.sqrt(rate.constant) * place.height ** (rate.exponent / 2))


# σ(t + shift + x): s_k = Σ_j C(j, k) shift^(j-k) s_j(t).
_MOVED = np.array(
    [
        [[float(comb(j, k)) * (j - k == i) for j in range(TERMS + 1)] for i in range(TERMS + 1)]
        for k in range(1, 6)
    ]
)


def predicted(law: RateLaw, name: str, n: int, places: Sequence[Place]) -> tuple[Array, Array]:
    """The weights (w, b), (P, n) and (P,), at which the law's own loss is smallest near the closed
    form.

    Without an inflection the bias stays.
    """
    across = directions(n)
    height = np.array([place.height for place in places])
    t = np.array([place.t for place in places])
    series = np.array([coefficients_at(name, place.t) for place in places])
    begin = [closed_form(name, n, place) for place in places]
    free = np.array([at_inflection(name, place.t)[1] == 0 for place in places])
    factor = np.linalg.cholesky(np.array(after_radius(OVER)))

    def filters(points: Array) -> Array:
        return height[:, None] * (1 / n + points[:, 1:] @ across.T)

    def residual(points: Array) -> Array:
        powers = (points[:, 0] * height * free)[:, None] ** np.arange(TERMS + 1)
        s = np.einsum("kij,pi,pj->kp", _MOVED, powers, series)
        bends = law.components(s, moments(list(filters(points).T)))
        lam = 2 * law.slope(s, height)
        lam = lam + sum(x * q for x, q in zip(bends, OVER.cov, strict=True)) / VARIANCE
        return np.asarray(np.stack(bends, axis=1) @ factor / lam[:, None])

    def function(points: Array) -> tuple[Array, Array]:
        steps = 1e-5 * np.eye(points.shape[1])
        columns = [(residual(points + step) - residual(points - step)) / 2e-5 for step in steps]
        return residual(points), np.stack(columns, axis=2)

    start = np.stack(
        [
            np.concatenate([[shift / place.height], (shape - 1 / n) @ across])
            for place, (shift, shape, _) in zip(places, begin, strict=True)
        ]
    )
    with np.errstate(all="ignore"):  # a step may be far out; it is then refused
        points = levenberg_marquardt(function, start, 60).points
    return filters(points), t + points[:, 0] * height * free - height / 2


# --- the networks at it ------------------------------------------------------------------------


@dataclass(frozen=True)
class Ended:
    """Networks of one row and width: which law they were compared with, and where they are.

    ``kind``: ``left``, ``mean``, ``free`` (Σ w³ ~ 0 at an inflection), ``kink`` or ``elsewhere``.
        ``minimum`` and
    ``tolerance`` are those of the mean filters nearby, and not a number where the network is at
    none.
    """

    batch: HeightBatch
    own: Stated
    kind: tuple[str, ...]
    minimum: Array
    tolerance: Array


def account(law: RateLaw, batch: HeightBatch, own: Stated) -> Ended:
    """The smallest loss by the law where each network has come to rest; ``own`` is that at its own
    weights.

    Two minima over the same neighbourhood differ by no more than the bound at either; a network
    whose gradient is not quite 0 is, where the root is convex, above its minimum by at most
    gradient times distance.  Where that is more than the root itself, the network is not at rest
    there.
    """
    name, n = batch.setting.activation, batch.setting.taps
    roots, shapes = root_of(batch.loss), batch.w / batch.height[:, None]
    kind = [
        "left" if left else "kink" if name == "softsign" else "elsewhere" for left in batch.left
    ]
    places: dict[int, Place] = {}
    for j in (j for j, word in enumerate(kind) if word == "elsewhere"):
        t = nearest(name, float(batch.b[j] + batch.height[j] / 2))
        if at_inflection(name, t)[0] != 0:
            turned = -1 if np.all(shapes[j] > 0) else int(np.argmin(shapes[j]))
            places[j] = Place(t, turned, float(batch.height[j]))
    minimum, tolerance = np.full(len(kind), np.nan), np.full(len(kind), np.nan)
    unique = list(dict.fromkeys(places.values()))
    if unique:
        w, b = predicted(law, name, n, unique)
        best = stated(law, name, w, b)
    for j, place in places.items():
        k = unique.index(place)
        apart = np.append(w[k] / place.height - shapes[j], b[k] - batch.b[j])
        slack = batch.gradient[j] * np.linalg.norm(apart) * roots[j]
        bound = max(best.tolerance[k], own.tolerance[j]) + batch.rounding[j]
        near = abs(roots[j] - best.root[k]) <= bound < roots[j]
        if place.turned < 0 and slack < roots[j]:
            minimum[j], tolerance[j] = best.root[k], bound + slack
        if near:
            kind[j] = "mean" if place.turned < 0 else "free"
    return Ended(batch, own, tuple(kind), minimum, tolerance)


def nearest(name: str, centre: float) -> float:
    """The inflection next to a centre; the centre itself where σ has none."""
    return min(inflections(name), key=lambda t: abs(t - centre), default=centre)
