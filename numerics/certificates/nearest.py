r"""The nearest exact network, and how far it is.

Let x hold all stored weights, and q_i(x) = 0 the conditions of a pattern
(numerics/certificates/conditions.py), bilinear in a and v. For multipliers μ with H = 1 + ½ Σ μ_i
∇²q_i positive definite,

    dist² >= min_x [|x - x₀|² + Σ μ_i q_i(x)],
    closed form, since H couples a_k with v_k only,

for every network of the pattern: weak duality.  The best μ is found in floats; the bound is then
evaluated in rational numbers, so it is proved whatever μ is.  For equality, the minimiser's a is
kept and the conditions, linear in (w, b, c) once a is given, are solved exactly by projection: an
exact network in rational numbers, at a distance that is known.

Whatever the pattern: with E the worst error and x at a distance d, |r̂_x - r̂_x₀| <= A d + B d²/2
at the worst radius, so no exact network is nearer than the d at which that reaches E.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, islice, permutations, product

import numpy as np
import sympy as sp
from flint import arb, ctx, fmpq

from numerics.arithmetic.numbers import to_float
from numerics.arithmetic.piecewise import exact_activation
from numerics.arithmetic.types import Array
from numerics.certificates.conditions import (
    Branch,
    Condition,
    Pattern,
    Stored,
    dot,
    exact_of,
    holds,
)
from numerics.certificates.copies import BITS, Copied, copied_pattern, mirror_of
from numerics.certificates.patterns import (
    branches_of,
    linear_pattern,
    mixed_patterns,
    paired_pattern,
    snapped_pattern,
)
from numerics.certificates.projection import (
    Bounds,
    Effort,
    descended,
    dual_of,
    least_step,
    lower_bound,
    solved,
    solved_by_readout,
    with_readout,
)
from numerics.certificates.refit import read_again, refined, refitted
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import summary

__all__ = ["Nearest", "distance_bound", "kept_nearest", "nearest", "refined_nearest"]

ZERO = fmpq(0)
WIDTHS = (2.0**-4, 2.0**-8, 2.0**-16, 2.0**-32)
"""How far apart copies may be that are brought together, relative to the weights; tried in turn."""
MIXED, MIXTURES, TURNED = 1e8, 200, 3
"""Patterns that mix the branches of channels: multiplications for all of them, how many at most,
and up to how many channels each sign of the readout is tried.
"""
SAME = 1e-9
"""Of two that are as far up to this share the first is kept."""
ROUNDS = 200
"""Windows that are put on a kink, one after the other, before a pattern is given up."""


@dataclass(frozen=True)
class Nearest:
    """An exact network and the distance to it, Euclidean in the stored weights.

    Attributes
    ----------
    net: exact at every radius of the domain, in rational numbers; or these are known to about
        2^-130.
    pattern: its branches; None where it runs over pieces of higher degree
        (numerics/certificates/refit.py).
    conditions: those of the pattern, and the windows that stand at the end of their branch.
    low, high: no exact network of this pattern is nearer than ``low``, None where nothing is
        proved; this one is at ``high`` or a rounding less.
    error: 0 for an exact network.  Else none is proved to be there, and ``net`` errs by no more
        than this at any radius.
    """

    net: Stored
    pattern: Pattern | None
    conditions: tuple[Condition, ...]
    low: float | None
    high: float
    error: Fraction = Fraction(0)


def nearest(sigma: str | sp.Expr, net: Stored, domain: Domain) -> Nearest | None:
    """The nearest exact network among the patterns that suggest themselves; None where none of them
    has one.

    ``low`` is a bound for its own pattern only: :func:`distance_bound` is one for all.  Over pieces
    of higher degree (rows of the catalogue only) there is no pattern and no such bound.
    """
    neighbours: list[Nearest] = []
    candidates: list[Pattern | Copied] = list(_candidates(sigma, net, domain))
    candidates += _copies(sigma, net, domain)
    for candidate in candidates:
        least = min((near.high for near in neighbours), default=np.inf)
        near = _beside(sigma, candidate, net, least)
        if near is not None and _confirmed(sigma, near.net, domain):
            neighbours.append(near)
    neighbours += _mixed(sigma, net, domain, min((x.high for x in neighbours), default=np.inf))
    row = exact_activation(sigma) if isinstance(sigma, str) else None
    if isinstance(sigma, str) and row is not None and any(p.degree() > 1 for p in row.pieces):
        bent = refitted(sigma, net, domain)
        if bent is not None:
            neighbours.append(Nearest(bent, None, (), None, _root(_square(net, bent))[1]))
        elif (near := refined_nearest(sigma, net, domain)) is not None and near.error == 0:
            neighbours.append(near)
    return min(neighbours, key=lambda near: near.high, default=None)


def refined_nearest(name: str, net: Stored, domain: Domain) -> Nearest | None:
    """Next to the network that is exact at sampled radii (numerics/certificates/refit.py): exact
    where that is proved, else nearly so.
    """
    refinement = refined(name, net, domain)
    if refinement is None:
        return None
    high = _root(_square(net, refinement.net))[1] + refinement.slack
    return Nearest(refinement.net, None, (), None, high, refinement.error)


def kept_nearest(name: str, net: Stored, domain: Domain) -> Nearest | None:
    """The exact network with the same filters and the nearest readout, for σ made of polynomials;
    None where there is none.
    """
    moved = read_again(name, net, domain)
    if moved is None or not _confirmed(name, moved, domain):
        return None
    high = _root(_square(net, moved))[1]
    return Nearest(moved, None, (), None if high else 0.0, high)


def _copies(sigma: str | sp.Expr, net: Stored, domain: Domain) -> Iterator[Copied]:
    """Patterns in which copies of σ cancel each other."""
    tried: list[Copied] = []
    for width in WIDTHS:
        copied = copied_pattern(sigma, net, domain, branches_of(sigma), width)
        if (
            copied is not None
            and copied not in tried
            and (not copied.constants or net.c is not None)
        ):
            tried.append(copied)
            yield copied


def _beside(
    sigma: str | sp.Expr, candidate: Pattern | Copied, net: Stored, limit: float
) -> Nearest | None:
    """The nearest exact network of a pattern; a c that takes up constants is known to 2^-BITS, and
    has no bound.
    """
    pattern = candidate if isinstance(candidate, Pattern) else candidate.pattern
    if least_step(pattern.conditions, net) > limit:
        return None
    if isinstance(candidate, Pattern) or not candidate.constants:
        return _in(pattern, net, limit)
    assert net.c is not None
    # The constants move with the weights, and c against them: how far is only known at the end.
    near = _in(pattern, replace(net, c=net.c + candidate.level(sigma, net)), np.inf)
    if near is None or near.net.c is None:
        return None
    there = replace(near.net, c=near.net.c - candidate.level(sigma, near.net))
    high = _root(_square(net, there))[1] + 2.0**-BITS
    return Nearest(there, near.pattern, near.conditions, None, high)


def _confirmed(sigma: str | sp.Expr, net: Stored, domain: Domain) -> bool:
    """Where σ is made of polynomials, numerics.pulse.exact_error says so too; it knows nothing of
    patterns.
    """
    exact = exact_of(net, sigma)
    return exact is None or summary(exact, domain).worst.high == 0


def _candidates(sigma: str | sp.Expr, net: Stored, domain: Domain) -> Iterator[Pattern]:
    """The network's own pattern put right, and those with every channel on one branch."""
    branches = branches_of(sigma)
    for silent in _silences(net):
        for balance in ("", "pairs", "groups"):
            own = snapped_pattern(net, domain, branches, balance=balance, silent=silent)
            if own is not None:
                yield own
    sloped = [branch for branch in branches if branch.slope != 0]
    for branch in sloped:
        yield linear_pattern(net, domain, [branch for _ in net.a])
    if net.channels > 1 and len(sloped) > 1:
        yield linear_pattern(net, domain, [_fitting(net, k, sloped) for k in range(net.channels)])
    image = mirror_of(sigma)
    if image is not None and image.sign == 1 and image.slope and not image.centre:
        pairs = _mirrored(net)
        if pairs:
            yield paired_pattern(net, domain, pairs, image.slope)


def _mixed(sigma: str | sp.Expr, net: Stored, domain: Domain, limit: float) -> Iterator[Nearest]:
    """Nearer and nearer ones than ``limit``, where each channel chooses its branches, and in one
    pair of mirror images, the others silent.
    """
    effort, reached = Effort(MIXED), np.inf

    def patterns() -> Iterator[Pattern]:
        for least, pattern in islice(mixed_patterns(net, domain, branches_of(sigma)), MIXTURES):
            if least >= limit:
                break
            yield pattern
        image = mirror_of(sigma)
        if image is not None and image.sign == 1 and image.slope and not image.centre:
            for j, k in islice(combinations(range(net.channels), 2), MIXTURES // 2):
                for turned in (False, True):
                    yield paired_pattern(net, domain, [(j, k, turned)], image.slope)

    for pattern in patterns():
        ends = _Ends(pattern)
        for readout in _signs(net):
            if not limit or effort.left <= 0:
                return
            near = _settled(ends, net, readout, reached, effort)
            if near is None or not _confirmed(sigma, near.net, domain):
                continue
            reached = near.high
            if near.high < limit * (1 - SAME):
                limit = near.high
                yield near


def _signs(net: Stored) -> Iterator[tuple[fmpq, ...]]:
    """The readout with each weight of either sign; of many channels, with all turned."""
    if net.channels <= TURNED:
        yield from product(*(dict.fromkeys((x, -x)) for x in net.a))
    else:
        yield net.a
        yield tuple(-x for x in net.a)


def _silences(net: Stored) -> Iterator[frozenset[int]]:
    """No channel, and the quietest ones, as many as have a readout weight below 1/8 of the loudest;
    at most four.
    """
    yield frozenset()
    loudest = max(map(abs, net.a))
    quiet = sorted((abs(x), k) for k, x in enumerate(net.a) if 8 * abs(x) < loudest)
    for count in range(1, min(len(quiet), 4) + 1):
        yield frozenset(k for _, k in quiet[:count])


def _fitting(net: Stored, k: int, sloped: Sequence[Branch]) -> Branch:
    """The branch nearest to the middle of a channel's staircase."""
    vector = net.vector(k)
    middle = sum(vector[:-1], ZERO) / 2 + vector[-1]

    def outside(branch: Branch) -> fmpq:
        low = branch.low - middle if branch.low is not None else ZERO
        high = middle - branch.high if branch.high is not None else ZERO
        return max(low, high, ZERO)

    return min(sloped, key=outside)


def _mirrored(net: Stored) -> list[tuple[int, int, bool]]:
    """Channels in pairs that are closest to mirror images, greedily; the second filter may be
    turned round.
    """
    matches = []
    for j, k in permutations(range(net.channels), 2):
        if j > k:
            continue
        for turned in (False, True):
            first, second = net.vector(j), net.vector(k)
            if turned:
                second = (*reversed(second[:-1]), second[-1])
            apart = sum((x + y) ** 2 for x, y in zip(first, second, strict=True)) if first else ZERO
            matches.append((apart + (net.a[j] + net.a[k]) ** 2, j, k, turned))
    taken: set[int] = set()
    pairs = []
    for _, j, k, turned in sorted(matches):
        if not {j, k} & taken:
            taken |= {j, k}
            pairs.append((j, k, turned))
    return pairs


# ------------------------------------------------------------------------------- within one pattern


def _in(pattern: Pattern, net: Stored, limit: float) -> Nearest | None:
    """The nearest exact network of a pattern; windows that would leave their branch are put on its
    end.

    None as soon as a step leads a quarter farther than ``limit``.

    Adding and letting go as many as there are is tried first, as it takes the fewest rounds; then
    one after the other. Far away the readout may have to change its sign: that is tried where
    nothing else leads to an exact network.
    """
    ends, effort = _Ends(pattern), Effort()
    turned = tuple(-x for x in net.a)
    return (
        _walked(ends, net, None, effort, limit, at_once=True)
        or _walked(ends, net, None, effort, limit, at_once=False)
        or _walked(ends, net, turned, effort, limit, at_once=True)
    )


@dataclass(frozen=True)
class _Left:
    """Window ``place`` of a pattern passed the lower (-1) or the upper (1) end of its branch, by so
    much.
    """

    place: int
    side: int
    by: float


class _Ends:
    """The windows of a pattern and the ends of their branches, in floats and as they are."""

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        ends = pattern.ends
        self.k = np.array([end.k for end in ends], dtype=int)
        self.forms = np.array([[to_float(x) for x in end.form] for end in ends])
        limits = [(end.branch.low, end.branch.high) for end in ends]
        self.low = np.array([-np.inf if low is None else to_float(low) for low, _ in limits])
        self.high = np.array([np.inf if high is None else to_float(high) for _, high in limits])

    def left(self, net: Stored, slack: float = 0.0) -> list[_Left]:
        """Which windows are off their branch by more than ``slack``, the farthest first: in floats
        where these can tell, else exactly.
        """
        if not len(self.k):
            return []
        exact = net.vectors
        vectors = np.array([[to_float(x) for x in row] for row in exact])
        value = np.einsum("en,en->e", self.forms, vectors[self.k])
        known = 1e-12 * np.einsum("en,en->e", np.abs(self.forms), np.abs(vectors[self.k]))
        beyond = np.stack([self.low - value, value - self.high])
        passed = []
        for row, place in np.argwhere(beyond > -known):
            end, side, by = self.pattern.ends[place], 2 * int(row) - 1, float(beyond[row, place])
            if by <= known[place]:
                excess = dot(end.form, exact[end.k]) - self.at(int(place), side)
                by = side * to_float(excess)
            if by > slack:
                passed.append(_Left(int(place), side, by))
        return sorted(passed, key=lambda x: -x.by)

    def bounds(self, net: Stored) -> tuple[Bounds, list[tuple[int, int]]]:
        """All ends as bounds of a step from the network, and which window and side each is."""
        n, exact = net.taps, net.vectors
        keys, normals, low = [], [], []
        for place, end in enumerate(self.pattern.ends):
            for side, limit in ((-1, end.branch.low), (1, end.branch.high)):
                if limit is not None:
                    normal = np.zeros(net.channels * (n + 2) + 1)
                    normal[end.k * (n + 2) : end.k * (n + 2) + n + 1] = -side * self.forms[place]
                    if net.b is None:
                        normal[end.k * (n + 2) + n] = 0
                    keys.append((place, side))
                    normals.append(normal)
                    low.append(-side * to_float(limit - dot(end.form, exact[end.k])))
        shape = len(keys), net.channels * (n + 2) + 1
        return Bounds(np.reshape(normals, shape), np.array(low, dtype=float)), keys

    def at(self, place: int, side: int) -> fmpq:
        """The end of the branch on that side."""
        branch = self.pattern.ends[place].branch
        limit = branch.low if side < 0 else branch.high
        assert limit is not None
        return limit

    def held(self, place: int, side: int) -> Condition:
        """The window stands there."""
        end = self.pattern.ends[place]
        return Condition(plain={end.k: end.form}, value=self.at(place, side))


def _walked(
    ends: _Ends,
    net: Stored,
    readout: tuple[fmpq, ...] | None,
    effort: Effort,
    limit: float,
    *,
    at_once: bool,
) -> Nearest | None:
    """An active set of windows that are held at the end of their branch, in floats; its end is then
    made exact.

    From the minimiser of the dual function, or with a given readout.  ``at_once``: all windows that
    left are held, and those whose multiplier points inwards are let go.
    """
    pattern = ends.pattern
    own = len(pattern.conditions)
    active: dict[tuple[int, int], Condition] = {}
    tried: set[frozenset[tuple[int, int]]] = set()
    for _ in range(ROUNDS):
        if frozenset(active) in tried or effort.left <= 0:
            return None
        tried.add(frozenset(active))
        conditions = (*pattern.conditions, *active.values())
        points, mu = dual_of(conditions, net, effort)
        if readout is not None:
            points = with_readout(conditions, net, readout)
        if min(_root(_square(net, x))[0] for x in points) > 1.25 * limit:
            return None
        inwards = []
        if mu is not None and at_once and readout is None:
            inwards = [key for key, m in zip(active, mu[own:], strict=True) if m * key[1] < 0]
        # The step to a point is a float: what it is off by is no reason to hold a window.
        left = min((ends.left(x, 1e-10 * _root(_square(net, x))[1]) for x in points), key=len)
        if not inwards and all((x.place, x.side) in active for x in left):
            near = _exactly(conditions, net, points)
            if near is None:
                return None
            left = ends.left(near)
            if not left:
                return (
                    _with_bounds(pattern, net, near, conditions, mu, list(active))
                    if holds(pattern, near)
                    else None
                )
        for key in inwards:
            del active[key]
        more = [(x.place, x.side) for x in left if (x.place, x.side) not in active]
        for place, side in more if at_once else more[:1]:
            active[place, side] = ends.held(place, side)
    return None


def _settled(
    ends: _Ends, net: Stored, readout: tuple[fmpq, ...], limit: float, effort: Effort
) -> Nearest | None:
    """Where a descent from a readout ends, made exact: nearest among its neighbours, with the bound
    of its pattern.
    """
    pattern = ends.pattern
    bounds, keys = ends.bounds(net)
    found = descended(pattern.conditions, bounds, net, readout, limit, effort)
    if found is None:
        return None
    point, standing = found
    active = {key: ends.held(*key) for key, stands in zip(keys, standing, strict=True) if stands}
    for _ in range(ROUNDS):
        conditions = (*pattern.conditions, *active.values())
        near = _exactly(conditions, net, [point])
        if near is None:
            return None
        left = [(x.place, x.side) for x in ends.left(near)]
        if not left:
            if not holds(pattern, near) or _root(_square(net, near))[1] >= limit:
                return None
            _, mu = dual_of(conditions, net, effort)
            return _with_bounds(pattern, net, near, conditions, mu, list(active))
        if active.keys() >= set(left):
            return None
        active |= {key: ends.held(*key) for key in left}
    return None


def _exactly(
    conditions: Sequence[Condition], net: Stored, points: Sequence[Stored]
) -> Stored | None:
    """The nearest of the exact points next to these; conditions that ask for equal readouts may
    allow the stored ones only.
    """
    for solve, near in ((solved, points), (solved, [net]), (solved_by_readout, points)):
        solutions = [x for x in (solve(conditions, point) for point in near) if x is not None]
        if solutions:
            return min(solutions, key=lambda x: _square(net, x))
    return None


def _with_bounds(
    pattern: Pattern,
    net: Stored,
    near: Stored,
    conditions: tuple[Condition, ...],
    mu: Array | None,
    active: list[tuple[int, int]],
) -> Nearest:
    """With the bounds of its distance; multipliers of the wrong sign prove nothing, and are left
    out.
    """
    bound = ZERO
    if mu is not None:
        mu = mu.copy()
        last = mu[len(pattern.conditions) :]
        last *= last * np.array([side for _, side in active]) >= 0
        bound = lower_bound(conditions, net, mu)
    low, high = _root(bound)[0], _root(_square(net, near))[1]
    return Nearest(near, pattern, conditions, min(low, high), high)


def _square(net: Stored, other: Stored) -> fmpq:
    """|x - y|²."""
    pairs = zip((*net.flat, *net.a), (*other.flat, *other.a), strict=True)
    return sum(((x - y) ** 2 for x, y in pairs), ZERO)


def _root(square: fmpq) -> tuple[float, float]:
    """Floats just below and just above the square root."""
    if square <= 0:
        return 0.0, 0.0
    with ctx.workprec(128):
        value = float(arb(square).sqrt().mid())
    return float(np.nextafter(value, 0)), float(np.nextafter(value, np.inf))


# --------------------------------------------------------------------------------- in all patterns


def distance_bound(
    net: Stored, domain: Domain, steepest: fmpq, pooled: Sequence[fmpq], error: fmpq, radius: fmpq
) -> float:
    """No exact network with these stored weights free is nearer than this, whatever its pattern.

    Parameters
    ----------
    steepest: a Lipschitz constant of σ.
    pooled: Σ_i σ(z_{k,i} + b_k) / share per channel at ``radius``.
    error: a lower bound of |r̂ - r| there.

    With P positions, of which each tap sees at most the 2r of light (and what the padding mirrors),
    |δ pooled_k| <= steepest G |δv_k|, G² = n (2r)² + P² over share², and so |δr̂| <= A d + B d²/2
    with A² = 1 + Σ (pooled_k² + (steepest G a_k)²), B = steepest G.
    """
    n = net.taps
    positions = domain.windows(n)
    with ctx.workprec(128):
        light = 2 * arb(radius) + domain.mirrored(n)
        reach = (n * light**2 + arb(positions * (net.b is not None)) ** 2).sqrt()
        reach = reach * arb(steepest) / net.share
        linear = arb(int(net.c is not None))
        for a, value in zip(net.a, pooled, strict=True):
            linear += arb(value) ** 2 + (reach * arb(a)) ** 2
        linear = linear.sqrt()
        least = 2 * arb(error) / (linear + (linear**2 + 2 * reach * arb(error)).sqrt())
        if not least.is_finite():
            return 0.0
        return max(0.0, float(np.nextafter(float(least.lower()), 0)))
