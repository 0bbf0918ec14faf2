r"""The nearest exact network, and how far it is.

Let x hold all stored weights, and q_i(x) = 0 the conditions of a pattern (numerics/conditions.py), bilinear in a and v.
For multipliers μ with H = 1 + ½ Σ μ_i ∇²q_i positive definite,

    dist² >= min_x [|x - x₀|² + Σ μ_i q_i(x)],        closed form, since H couples a_k with v_k only,

for every network of the pattern: weak duality.  The best μ is found in floats; the bound is then evaluated in rational
numbers, so it is proved whatever μ is.  For equality, the minimiser's a is kept and the conditions, linear in (w, b, c)
once a is given, are solved exactly by projection: an exact network in rational numbers, at a distance that is known.

Whatever the pattern: with E the worst error and x at a distance d, |r̂_x - r̂_x₀| <= A d + B d²/2 at the worst radius, so
no exact network is nearer than the d at which that reaches E.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import sympy as sp
from flint import arb, ctx, fmpq, fmpq_mat
from numpy.typing import NDArray

from numerics.ball import expression_of
from numerics.certificate import Domain
from numerics.conditions import (
    Branch,
    Condition,
    Pattern,
    Stored,
    branches_of,
    dot,
    holds,
    linear_pattern,
    paired_pattern,
    snapped_pattern,
    violated,
)
from numerics.piecewise import rational
from theory.activation import z
from theory.traits import odd_part

__all__ = ["Nearest", "distance_bound", "nearest", "solved"]

Array = NDArray[np.float64]
ZERO = fmpq(0)
ROUNDS = 200
"""Windows that are put on a kink, one after the other, before a pattern is given up."""


@dataclass(frozen=True)
class Nearest:
    """An exact network and the distance to it, Euclidean in the stored weights.

    Attributes
    ----------
    net: exact at every radius of the domain, in rational numbers.
    pattern: its branches.
    conditions: those of the pattern, and the windows that stand at the end of their branch.
    low, high: no exact network of this pattern is nearer than ``low``; this one is at ``high`` or a rounding less.
    """

    net: Stored
    pattern: Pattern
    conditions: tuple[Condition, ...]
    low: float
    high: float


def nearest(sigma: str | sp.Expr, net: Stored, domain: Domain) -> Nearest | None:
    """The nearest exact network among the patterns that suggest themselves; None where none of them has one.

    ``low`` is a bound for its own pattern only: :func:`distance_bound` is one for all.
    """
    found = [near for pattern in _candidates(sigma, net, domain) if (near := _in(pattern, net))]
    return min(found, key=lambda near: near.high, default=None)


def _candidates(sigma: str | sp.Expr, net: Stored, domain: Domain) -> Iterator[Pattern]:
    """The network's own pattern put right, and those with every channel on one branch."""
    branches = branches_of(sigma)
    for silent in _silences(net):
        for balance in (False, True):
            own = snapped_pattern(net, domain, branches, balance=balance, silent=silent)
            if own is not None:
                yield own
    sloped = [branch for branch in branches if branch.slope != 0]
    for branch in sloped:
        yield linear_pattern(net, domain, [branch for _ in net.a])
    if len(net.a) > 1 and len(sloped) > 1:
        yield linear_pattern(net, domain, [_fitting(net, k, sloped) for k in range(len(net.a))])
    slope = _odd_slope(sigma)
    if slope is not None and len(net.a) > 1:
        pairs = _mirrored(net)
        if pairs:
            yield paired_pattern(net, domain, pairs, slope)


def _silences(net: Stored) -> Iterator[frozenset[int]]:
    """No channel, and the quietest ones, as many as have a readout weight below 1/8 of the loudest; at most four."""
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


def _odd_slope(sigma: str | sp.Expr) -> fmpq | None:
    """s where σ(z) - σ(-z) = s z is proved, s rational and not 0."""
    half = odd_part(expression_of(sigma)) / z
    if half.is_Rational and half != 0:
        return rational(2 * half)
    return None


def _mirrored(net: Stored) -> list[tuple[int, int, bool]]:
    """Channels in pairs that are closest to mirror images, greedily; the second filter may be turned round."""
    matches = []
    for j, k in permutations(range(len(net.a)), 2):
        if j > k:
            continue
        for turned in (False, True):
            one, other = net.vector(j), net.vector(k)
            if turned:
                other = (*reversed(other[:-1]), other[-1])
            apart = sum((x + y) ** 2 for x, y in zip(one, other, strict=True)) if one else ZERO
            matches.append((apart + (net.a[j] + net.a[k]) ** 2, j, k, turned))
    taken: set[int] = set()
    pairs = []
    for _, j, k, turned in sorted(matches):
        if not {j, k} & taken:
            taken |= {j, k}
            pairs.append((j, k, turned))
    return pairs


# ------------------------------------------------------------------------------- within one pattern


def _in(pattern: Pattern, net: Stored) -> Nearest | None:
    """The nearest exact network of a pattern; windows that would leave their branch are put on its end."""
    added: list[Condition] = []
    signs: list[int] = []  # of the multipliers of inequalities
    bound = fmpq(0)
    for _ in range(ROUNDS):
        conditions = (*pattern.conditions, *added)
        starts, mu = _dual(conditions, net)
        if mu is not None:
            last = mu[len(pattern.conditions) :]
            last *= last * signs >= 0
            bound = max(bound, _bound(conditions, net, mu))
        exact = [x for x in (solved(conditions, start) for start in starts) if x is not None]
        near = min(exact, key=lambda x: _square(net, x), default=None)
        if near is None:
            return None
        gone = violated(pattern, near)
        if not gone:
            if not holds(pattern, near):
                return None
            low, high = _root(bound)[0], _root(_square(net, near))[1]
            return Nearest(near, pattern, conditions, min(low, high), high)
        end, at = gone[0]
        more = Condition(plain={end.k: end.form}, value=at)
        if more in added:
            return None
        added.append(more)
        signs.append(-1 if at == end.branch.low else 1)
    return None


def _square(one: Stored, other: Stored) -> fmpq:
    """|x - y|²."""
    total = ZERO
    for k in range(len(one.a)):
        total += (one.a[k] - other.a[k]) ** 2
        total += sum(
            ((x - y) ** 2 for x, y in zip(one.vector(k), other.vector(k), strict=True)), ZERO
        )
    return total + ((one.c or ZERO) - (other.c or ZERO)) ** 2


def _root(square: fmpq) -> tuple[float, float]:
    """Floats just below and just above the square root."""
    if square <= 0:
        return 0.0, 0.0
    with ctx.workprec(128):
        value = float(arb(square).sqrt().mid())
    return float(np.nextafter(value, 0)), float(np.nextafter(value, np.inf))


def _dual(conditions: Sequence[Condition], net: Stored) -> tuple[list[Stored], Array | None]:
    """(points about the nearest one, the multipliers), by Newton's method in floats; ([net], None) where it fails.

    Everything is written in the step from the network, whose exact residuals come first: no digits are lost where
    the network is nearly exact.
    """
    residual = np.array([float(_ratio(x.residual(net))) for x in conditions])
    size = len(net.w[0]) + 2  # v_k and a_k
    total = len(net.a) * size + 1
    gradient = np.zeros((len(conditions), total))
    couples = np.zeros((len(conditions), len(net.a), size - 1))
    for i, x in enumerate(conditions):
        for k, (p, t) in x.product.items():
            couples[i, k] = [float(_ratio(y)) for y in p]
            begin = k * size
            gradient[i, begin : begin + size - 1] += float(_ratio(net.a[k])) * couples[i, k]
            gradient[i, begin + size - 1] += float(_ratio(dot(p, net.vector(k)) + t))
        for k, q in x.plain.items():
            gradient[i, k * size : (k + 1) * size - 1] += [float(_ratio(y)) for y in q]
        gradient[i, -1] = float(_ratio(x.offset))
    free = np.ones(total, dtype=bool)
    if net.b is None:
        free[size - 2 : -1 : size] = False
        couples[:, :, -1] = 0
    free[-1] = net.c is not None
    gradient[:, ~free] = 0
    if not np.all(np.isfinite(gradient)):
        return [net], None
    steps, mu = _newton(residual, gradient, couples, size)
    starts = [_moved(net, step, size) for step in steps]
    if len(steps) > 1:  # far away: the readout may have to change its sign
        starts.append(replace(net, a=tuple(-x for x in net.a)))
    return starts, mu


@dataclass(frozen=True)
class _Dual:
    """The dual function at μ: its value, the minimiser (as a step), its gradient q(x), and H."""

    value: float
    step: NDArray[Any]
    q: NDArray[Any]
    hessian: Array


def _newton(
    residual: Array, gradient: Array, couples: Array, size: int
) -> tuple[list[NDArray[Any]], Array]:
    """Damped Newton ascent of the dual function, concave where H is positive definite: (steps, μ) as far as it came.

    Where the dual function is largest at its border there is a gap; a second step then comes from projecting onto the
    conditions, linear about the last point, again and again.
    """
    channels, total = couples.shape[1], gradient.shape[1]
    blocks = [(slice(k * size, (k + 1) * size - 1), (k + 1) * size - 1) for k in range(channels)]

    def local(step: NDArray[Any]) -> Array:
        found = gradient.copy()
        for k, (v, a) in enumerate(blocks):
            found[:, v] += step[a] * couples[:, k]
            found[:, a] += couples[:, k] @ step[v]
        return found

    def value(step: NDArray[Any]) -> NDArray[Any]:
        found = residual + gradient @ step
        for k, (v, a) in enumerate(blocks):
            found += step[a] * (couples[:, k] @ step[v])
        return found

    def projected(step: NDArray[Any]) -> NDArray[Any]:
        for _ in range(200):
            slopes = local(step)
            right = slopes @ step - value(step)
            last, step = step, np.linalg.lstsq(slopes, right, rcond=1e-12)[0]
            if not np.all(np.isfinite(step)):
                return last
            if np.max(np.abs(step - last)) <= 1e-13 * np.max(np.abs(step)):
                break
        return step

    def dual(mu: Array) -> _Dual | None:
        hessian = np.eye(total)
        for k, (v, a) in enumerate(blocks):
            hessian[v, a] = hessian[a, v] = mu @ couples[:, k] / 2
        if not np.all(np.isfinite(hessian)) or np.linalg.eigvalsh(hessian)[0] <= 1e-9:
            return None
        step = np.linalg.solve(hessian, -gradient.T @ mu / 2)
        q = value(step)
        return _Dual(float(step @ step + mu @ q), step, q, hessian)

    mu = np.zeros(len(residual))
    with np.errstate(all="ignore"):
        here = dual(mu)
        assert here is not None  # H = 1
        for _ in range(100):
            local_here = local(here.step)
            slope = local_here @ np.linalg.solve(here.hessian, local_here.T) / 2
            change, size_of = np.linalg.lstsq(slope, here.q, rcond=1e-12)[0], 1.0
            while size_of > 1e-9:
                tried = dual(mu + size_of * change)
                if tried is not None and tried.value >= here.value - 1e-12 * abs(here.value):
                    break
                size_of /= 2
            else:
                break
            here, mu = tried, mu + size_of * change
            if np.all(np.abs(change) <= 1e-13 * np.max(np.abs(mu))):
                break
        gap = np.max(np.abs(here.q)) > 1e-6 * np.max(np.abs(residual))
        return ([here.step, projected(here.step)] if gap else [here.step]), mu


def _moved(net: Stored, step: Array, size: int) -> Stored:
    """The network a step further; the step is a float, the sum is exact."""
    exact = [_exact(float(x)) for x in step]
    blocks = [exact[k * size : (k + 1) * size] for k in range(len(net.a))]
    return replace(
        net,
        w=tuple(
            tuple(x + y for x, y in zip(row, block, strict=False))
            for row, block in zip(net.w, blocks, strict=True)
        ),
        b=None
        if net.b is None
        else tuple(x + block[-2] for x, block in zip(net.b, blocks, strict=True)),
        a=tuple(x + block[-1] for x, block in zip(net.a, blocks, strict=True)),
        c=None if net.c is None else net.c + exact[-1],
    )


def _exact(number: float) -> fmpq:
    return fmpq(*number.as_integer_ratio())


def _ratio(number: fmpq) -> Fraction:
    return Fraction(int(number.p), int(number.q))


def _bound(conditions: Sequence[Condition], net: Stored, mu: Array) -> fmpq:
    """min_x |x - x₀|² + μ·q(x), exactly; 0 where H is not positive definite."""
    n = len(net.w[0])
    factors = [_exact(float(x)) for x in mu]
    total = sum((f * x.residual(net) for f, x in zip(factors, conditions, strict=True)), ZERO)
    for k in range(len(net.a)):
        p, slope = [ZERO] * (n + 1), [ZERO] * (n + 1)  # of a v, and of v
        rise = ZERO  # of a
        for f, x in zip(factors, conditions, strict=True):
            if k in x.product:
                form, t = x.product[k]
                p = [old + f * y for old, y in zip(p, form, strict=True)]
                rise += f * (dot(form, net.vector(k)) + t)
            if k in x.plain:
                slope = [old + f * y for old, y in zip(slope, x.plain[k], strict=True)]
        slope = [s + net.a[k] * y for s, y in zip(slope, p, strict=True)]
        if net.b is None:
            p[-1] = slope[-1] = ZERO
        curved = 1 - dot(p, p) / 4
        if curved <= 0:
            return ZERO
        total -= dot(slope, slope) / 4 + (rise - dot(p, slope) / 2) ** 2 / (4 * curved)
    if net.c is not None:
        pull = sum((f * x.offset for f, x in zip(factors, conditions, strict=True)), ZERO)
        total -= pull**2 / 4
    return max(total, ZERO)


def solved(conditions: Sequence[Condition], net: Stored) -> Stored | None:
    """The exact projection of (w, b, c) onto the conditions, a as it is; None where they contradict each other.

    Conditions on a alone (silent channels, pairs) are met first.
    """
    a = _readout(conditions, net)
    net = replace(net, a=a)
    n, channels = len(net.w[0]), len(net.a)
    width = n + 1
    rows = []
    for x in conditions:
        row = [ZERO] * (channels * width + 1)
        for k, (p, _) in x.product.items():
            for u, y in enumerate(p):
                row[k * width + u] += a[k] * y
        for k, q in x.plain.items():
            for u, y in enumerate(q):
                row[k * width + u] += y
        row[-1] = x.offset
        if net.b is None:
            for k in range(channels):
                row[k * width + n] = ZERO
        if net.c is None:
            row[-1] = ZERO
        rows.append([*row, -x.residual(net)])
    reduced, rank = fmpq_mat(rows).rref()
    table = reduced.tolist()[:rank]
    if any(not any(row[:-1]) for row in table):
        return None
    if not table:
        return net
    matrix = fmpq_mat([row[:-1] for row in table])
    target = fmpq_mat([[row[-1]] for row in table])
    step = (matrix.transpose() * (matrix * matrix.transpose()).solve(target)).tolist()
    flat = [x[0] for x in step]
    w = tuple(
        tuple(tap + flat[k * width + u] for u, tap in enumerate(net.w[k])) for k in range(channels)
    )
    b = None if net.b is None else tuple(x + flat[k * width + n] for k, x in enumerate(net.b))
    return replace(net, w=w, b=b, c=None if net.c is None else net.c + flat[-1])


def _readout(conditions: Sequence[Condition], net: Stored) -> tuple[fmpq, ...]:
    """a with a_k = 0, or a_j + a_k = 0, where a condition says just that."""
    a = list(net.a)
    for x in conditions:
        if x.product and not x.plain and all(t == 1 and not any(p) for p, t in x.product.values()):
            j, k = (*x.product, *x.product)[:2]
            a[j] = (a[j] - a[k]) / 2
            a[k] = -a[j]
    return tuple(a)


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

    With P positions, of which each tap sees the 2r of light, |δ pooled_k| <= steepest G |δv_k|,
    G² = n (2r)² + P² over share², and so |δr̂| <= A d + B d²/2 with A² = 1 + Σ (pooled_k² + (steepest G a_k)²), B = steepest G.
    """
    n = len(net.w[0])
    positions = domain.positions - (n - 1 if domain.padding == "valid" else 0)
    with ctx.workprec(128):
        reach = (n * (2 * arb(radius)) ** 2 + arb(positions * (net.b is not None)) ** 2).sqrt()
        reach = reach * arb(steepest) / net.share
        linear = arb(int(net.c is not None))
        for a, value in zip(net.a, pooled, strict=True):
            linear += arb(value) ** 2 + (reach * arb(a)) ** 2
        linear = linear.sqrt()
        least = 2 * arb(error) / (linear + (linear**2 + 2 * reach * arb(error)).sqrt())
        if not least.is_finite():
            return 0.0
        return max(0.0, float(np.nextafter(float(least.lower()), 0)))
