r"""The optimal readout of given filters, in closed form.

*Exact at half-integers* (two or more). Whenever some Δ_k ≠ 0, the solution of smallest Σ a_k² is

    a_k = Δ_k / (2 Σ_j Δ_j²),    c = -Σ_k a_k (N g_k(0) + κ_k);    K = 1: a = 1/(2Δ).

*Least squares on any radii* (K = 1).  With o = N g(0) + κ, V = Var r, μ = Cov(r, D), v = Var D:

    a = (2ΔV + μ) / (4Δ²V + 4Δμ + v),    c = E r - a (2Δ E r + o + E D),
    level = V - (2ΔV + μ)² / (4Δ²V + 4Δμ + v).

When m and φ are independent, Cov(r, D) = Cov(φ, D).  A *blind* filter (Δ = 0) is the special case
level = V - μ²/v: it sees the fraction φ and nothing of the integer part.  Derivation:
docs/pulse/readout.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.loss import direct_error
from theory.pulse.network import channel_function, readout_bias, readout_weight
from theory.pulse.plateau import kappa, slope
from theory.pulse.signal import HALF
from theory.pulse.staircase import to_taps
from theory.types import Scalar, Vector

__all__ = ["CLAIM", "Fit", "Readout", "exact_readout", "least_squares"]


def exact_readout(slopes: Vector, offsets: Vector) -> tuple[list[Any], Any]:
    """(a_1..a_K, c) of smallest norm, from Δ_k and N g_k(0) + κ_k; some Δ_k must not be 0."""
    norm = sum(s * s for s in slopes)
    a = [s / (2 * norm) for s in slopes]
    return a, -sum(a_k * o for a_k, o in zip(a, offsets, strict=True))


@dataclass(frozen=True)
class Fit:
    """The least-squares readout of one channel, and the loss that remains."""

    a: Any
    c: Any
    level: Any


def least_squares(
    slope: Scalar,
    offset: Scalar,
    mean_r: Scalar,
    var_r: Scalar,
    mean_d: Scalar,
    cov: Scalar,
    var_d: Scalar,
) -> Fit:
    """The best (a, c) for one channel with Δ, o = N g(0) + κ, and the moments of r and D."""
    covariance = 2 * slope * var_r + cov
    variance = 4 * slope**2 * var_r + 4 * slope * cov + var_d
    a = covariance / variance
    c = mean_r - a * (2 * slope * mean_r + offset + mean_d)
    return Fit(a, c, var_r - covariance**2 / variance)


@dataclass(frozen=True)
class Readout:
    """The law: both closed forms."""

    exact: Callable[[Vector, Vector], tuple[list[Any], Any]]
    least_squares: Callable[[Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar], Fit]


def prove(law: Readout) -> Proof:
    """Exactness from the double sum; least squares as a completed square on arbitrary samples."""
    steps = chain(
        _prove_smallest(law), _prove_least_squares(law), _prove_exact(law), _prove_independence()
    )
    covers = (
        "exact readout: K = 1 for n = 1, 3, 5, 9, K = 2 for n = 3, K = 3 for n = 5, two"
        " half-integer radii, any g_k; least squares: any moments of r and D, which are those of 2"
        " and 3 radii with arbitrary r and D"
    )
    return Proof(steps, covers)


def _prove_exact(law: Readout) -> Iterator[Step]:
    for n, channels in ((1, 1), (3, 1), (5, 1), (9, 1), (3, 2), (5, 3)):
        h, numbers = n // 2, range(1, channels + 1)
        functions = [channel_function(k) for k in numbers]
        slopes = [to_taps(slope(f), n, str(k)) for k, f in zip(numbers, functions, strict=True)]
        kappas = [to_taps(kappa(n, f), n, str(k)) for k, f in zip(numbers, functions, strict=True)]
        # Short names keep the rational functions small; they are replaced back in the last line.
        names = sp.symbols(f"s1:{channels + 1}", real=True)
        for m in (h + 1, h + 2):
            half_length = h + 2 + h
            size = 2 * half_length + 1
            offsets = [
                size * f(sp.Integer(0)) + kap for f, kap in zip(functions, kappas, strict=True)
            ]
            a, c = law.exact(names, offsets)
            values = {readout_weight(k): a_k for k, a_k in zip(numbers, a, strict=True)}
            error = direct_error(n, channels, m, sp.Integer(0), half_length)
            error = error.xreplace(values | {readout_bias: c})
            numerator = sp.numer(sp.together(error))
            numerator = sp.expand(numerator.xreplace(dict(zip(names, slopes, strict=True))))
            yield Step(f"error 0 at m = {m}, n = {n}, K = {channels}", numerator == 0)


def _prove_smallest(law: Readout) -> Iterator[Step]:
    """Every other solution a + t, with Σ t_k Δ_k = 0, is longer: a·t = 0."""
    for channels in (1, 2, 3):
        slopes = sp.symbols(f"s1:{channels + 1}", real=True)
        a, _ = law.exact(slopes, [sp.Integer(0)] * channels)
        parallel = all(
            sp.cancel(a[j] * slopes[k] - a[k] * slopes[j]) == 0
            for j in range(channels)
            for k in range(j)
        )
        solves = sp.cancel(2 * sum(x * y for x, y in zip(a, slopes, strict=True)) - 1) == 0
        yield Step(f"smallest norm for K = {channels}", parallel and solves)


def _mean(x: Vector) -> Any:
    return sum(x[1:], x[0]) / len(x)


def _moment(x: Vector, y: Vector) -> Any:
    return _mean([p * q for p, q in zip(x, y, strict=True)]) - _mean(x) * _mean(y)


def _prove_least_squares(law: Readout) -> Iterator[Step]:
    """loss(a, c) = level + mean (c - c* + (a - a*) f)² for every a and c, f the response: both by
    the moments of r and D, in the field of rational functions; and these for arbitrary samples.
    """
    _, s, o, a, c, *moments = sp.field("Delta o a c E_r V E_D mu v", sp.QQ)
    fit = law.least_squares(s, o, *moments)
    level = _mean_square(fit.a, fit.c, 1, s, o, *moments)
    yield Step("level", level == fit.level)
    loss = _mean_square(a, c, 1, s, o, *moments)
    more = _mean_square(a - fit.a, c - fit.c, 0, s, o, *moments)
    yield Step("every other readout loses a mean square more", loss == fit.level + more)
    for count in (2, 3):
        names = [f"{letter}{j}" for letter in "rd" for j in range(count)]
        _, s, o, a, c, part, *values = sp.ring(["Delta", "o", "a", "c", "part", *names], sp.QQ)
        rs, ds = values[:count], values[count:]
        direct = _mean(
            [(c + a * (2 * s * x + o + y) - part * x) ** 2 for x, y in zip(rs, ds, strict=True)]
        )
        averages = (_mean(rs), _moment(rs, rs), _mean(ds), _moment(rs, ds), _moment(ds, ds))
        by_moments = _mean_square(a, c, part, s, o, *averages)
        yield Step(f"mean squares by moments, {count} radii", direct == by_moments)


def _mean_square(
    a: Scalar,
    c: Scalar,
    part: Scalar,
    slope: Scalar,
    offset: Scalar,
    mean_r: Scalar,
    var_r: Scalar,
    mean_d: Scalar,
    cov: Scalar,
    var_d: Scalar,
) -> Any:
    """mean (c + a f - part r)², f = 2Δr + o + D: its square mean and its variance."""
    lead = 2 * a * slope - part  # the error is lead r + a D + (c + a o)
    average = lead * mean_r + a * mean_d + c + a * offset
    return average**2 + lead**2 * var_r + 2 * lead * a * cov + a**2 * var_d


def _prove_independence() -> Iterator[Step]:
    """Cov(r, D) = Cov(φ, D) when every cell holds the same fractions."""
    for cells, fractions in ((1, 2), (2, 2), (3, 4)):
        ds = sp.symbols(f"d1:{fractions + 1}", real=True)
        phis = [sp.Rational(t, fractions) for t in range(fractions)]
        pairs = [
            (m - HALF + p, d) for m in range(1, cells + 1) for p, d in zip(phis, ds, strict=True)
        ]
        mean_d = sp.Add(*ds) / fractions
        total = sp.Add(*(x * (d - mean_d) for x, d in pairs)) / len(pairs)
        within = sp.Add(*(p * (d - mean_d) for p, d in zip(phis, ds, strict=True))) / fractions
        same = sp.expand(total - within) == 0
        yield Step(f"Cov(r, D) = Cov(φ, D), {cells} × {fractions} radii", same)


def _one_edge(slopes: Vector, offsets: Vector) -> tuple[list[Any], Any]:
    """Wrong: a = 1/Δ, as if a pulse had one edge."""
    a, c = exact_readout(slopes, offsets)
    return [2 * a_k for a_k in a], 2 * c


def _opposite_offset(slopes: Vector, offsets: Vector) -> tuple[list[Any], Any]:
    """Wrong: the sign of c."""
    a, c = exact_readout(slopes, offsets)
    return a, -c


def _uncorrelated(
    slope: Scalar,
    offset: Scalar,
    mean_r: Scalar,
    var_r: Scalar,
    mean_d: Scalar,
    cov: Scalar,
    var_d: Scalar,
) -> Fit:
    """Wrong: D is taken for noise that is uncorrelated with r."""
    return least_squares(slope, offset, mean_r, var_r, mean_d, 0 * cov, var_d)


CLAIM: Claim[Readout] = Claim(
    id="readout",
    title="The optimal readout of any filter, in closed form",
    statement=(
        r"a_k = \frac{\Delta_k}{2\sum_j \Delta_j^2}, \quad c = -\sum_k a_k\left(N g_k(0) +"
        r" \kappa_k\right);"
        r" \qquad a = \frac{2\Delta V + \mu}{4\Delta^2 V + 4\Delta\mu + v}, \quad"
        r" \mathrm{loss} = V - \frac{(2\Delta V + \mu)^2}{4\Delta^2 V + 4\Delta\mu + v}"
    ),
    assumptions=(
        (
            r"zero padding and $m + h \le L$; first pair: two or more half-integer plateau radii,"
            r" some $\Delta_k \neq 0$; of all exact"
            r" readouts the one with the smallest $\sum_k a_k^2$"
        ),
        (
            r"second pair: $K = 1$, any plateau radii, $V = \mathrm{Var}\, r$, $\mu ="
            r" \mathrm{Cov}(r, D)$,"
            r" $v = \mathrm{Var}\, D$, and a response that is not constant"
        ),
    ),
    law=Readout(exact_readout, least_squares),
    prove=prove,
    wrong=(
        Wrong("a = 1/Δ: one edge instead of two", Readout(_one_edge, least_squares)),
        Wrong("c with the opposite sign", Readout(_opposite_offset, least_squares)),
        Wrong("D is taken for uncorrelated with r", Readout(exact_readout, _uncorrelated)),
    ),
    requires=("loss",),
)
