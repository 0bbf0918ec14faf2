r"""Projection of a network onto the conditions of a pattern: the best multipliers, the bound that they prove, an exact point.

With F = q(x₀), G = ∇q(x₀) and p_{i,k} the products of numerics/conditions.py, in the step δ from the network

    |δ|² + μ·q = |δ|² + μ·F + (Gᵀμ)·δ + Σ_k δa_k (Σ_i μ_i p_{i,k})·δv_k,

a quadratic that couples a_k with v_k only: with p = Σ_i μ_i p_{i,k} and (s, t) the part of Gᵀμ on (v_k, a_k),

    min over (δv, δa) = -|s|²/4 - (t - p·s/2)² / (4 (1 - |p|²/4)),   if |p| < 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat
from numpy.typing import NDArray

from numerics.conditions import Condition, Stored, dot

__all__ = ["dual_of", "lower_bound", "solved"]

Array = NDArray[np.float64]
ZERO = fmpq(0)


def dual_of(conditions: Sequence[Condition], net: Stored) -> tuple[list[Stored], Array | None]:
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
    return [_moved(net, step, size) for step in steps], mu


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


def lower_bound(conditions: Sequence[Condition], net: Stored, mu: Array) -> fmpq:
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
