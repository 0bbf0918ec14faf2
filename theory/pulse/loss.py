r"""The loss decomposition: slope error, offset error, sub-pixel error, and nothing else.

On plateau radii

    r̂ - r = α r + β + D(φ),    α = 2 Σ_k a_k Δ_k - 1,    β = c + Σ_k a_k (N g_k(0) + κ_k),
    D(φ) = Σ_k a_k D_k(φ),

so that the mean squared error over any distribution of radii is the exact quadratic form

    E(r̂ - r)² = α² E r² + β² + E D² + 2αβ E r + 2α E[rD] + 2β E D.

On two half-integers and all radii between them the network is exact if and only if three laws hold:
α = 0, β = 0, D ≡ 0.  For errors and these three are combinations of each other.

Both formulas are ordinary arithmetic: they are proved on symbols and evaluated on arrays.
Derivation: docs/pulse/loss.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from theory.claim import Claim, Kernel, Proof, Step, Wrong
from theory.pulse.network import (
    channel_function,
    preactivations,
    readout_bias,
    readout_weight,
    taps,
    vanish_together,
)
from theory.pulse.plateau import kappa, slope
from theory.pulse.signal import phi, pulse, radius
from theory.pulse.staircase import to_taps
from theory.pulse.subpixel import deviation
from theory.types import Scalar, Vector

__all__ = [
    "CLAIM",
    "LAW",
    "TERMS",
    "Decomposition",
    "Moments",
    "attribution",
    "direct_error",
    "residuals",
]

TERMS = (
    "slope",
    "offset",
    "sub-pixel",
    "slope × offset",
    "slope × sub-pixel",
    "offset × sub-pixel",
)
"""The six terms of the loss, in the order in which :func:`attribution` returns them."""


def residuals(
    a: Vector,
    c: Scalar,
    size: Scalar,
    slopes: Vector,
    backgrounds: Vector,
    offsets: Vector,
    deviations: Vector,
) -> tuple[Any, Any, Any]:
    """(α, β, D) from a_k, c, N and, per channel, Δ_k, g_k(0), κ_k and D_k.

    Every entry may be a symbol, a number or an array; arrays broadcast.
    """
    alpha = 2 * sum(a_k * s for a_k, s in zip(a, slopes, strict=True)) - 1
    beta = c + sum(
        a_k * (size * g0 + kap) for a_k, g0, kap in zip(a, backgrounds, offsets, strict=True)
    )
    return alpha, beta, sum(a_k * d for a_k, d in zip(a, deviations, strict=True))


@dataclass(frozen=True)
class Moments:
    """The five averages over the radii that the loss needs."""

    r: Scalar
    r2: Scalar
    d: Scalar
    rd: Scalar
    d2: Scalar


def attribution(alpha: Scalar, beta: Scalar, mean: Moments) -> tuple[Any, ...]:
    """The six terms of the mean squared error, in the order of :data:`TERMS`."""
    return (
        alpha**2 * mean.r2,
        beta**2,
        mean.d2,
        2 * alpha * beta * mean.r,
        2 * alpha * mean.rd,
        2 * beta * mean.d,
    )


Residuals = Callable[[Vector, Scalar, Scalar, Vector, Vector, Vector, Vector], tuple[Any, ...]]
"""(a, c, N and of every channel Δ, g(0), κ, D) -> what vanishes for exact networks."""


@dataclass(frozen=True)
class Decomposition:
    """The law: the three residuals, the loss as a quadratic form in them, and when a network is
    exact.

    ``conditions`` takes what ``residuals`` takes and gives the quantities that all vanish, at every
    φ, if and only if the network is exact on two half-integers and every radius between them.
    """

    residuals: Residuals
    attribution: Callable[[Scalar, Scalar, Moments], tuple[Any, ...]]
    conditions: Residuals


LAW = Decomposition(residuals, attribution, residuals)
"""The law as derived; wrong laws replace one of its parts."""


def direct_error(n: int, channels: int, m: int, fraction: sp.Expr, half_length: int) -> sp.Expr:
    """r̂ - r for the pulse of radius m - 1/2 + φ, from the direct double sum of every channel."""
    x = pulse(m, fraction, half_length)
    pooled = (
        readout_weight(k) * sp.Add(*map(channel_function(k), preactivations(taps(n, str(k)), x)))
        for k in range(1, channels + 1)
    )
    return readout_bias + sp.Add(*pooled) - radius(m, fraction)


def _claimed(law: Residuals, n: int, channels: int, size: int) -> tuple[Any, ...]:
    """The law's α, β and D, or its conditions, for symbolic channels, in taps."""
    numbers = range(1, channels + 1)
    functions = [channel_function(k) for k in numbers]
    per_channel = [
        [to_taps(quantity, n, str(k)) for k, quantity in zip(numbers, quantities, strict=True)]
        for quantities in (
            [slope(f) for f in functions],
            [f(sp.Integer(0)) for f in functions],
            [kappa(n, f) for f in functions],
            [deviation(n, f) for f in functions],
        )
    ]
    return law([readout_weight(k) for k in numbers], readout_bias, size, *per_channel)


def _exact_together(n: int, channels: int, conditions: Residuals) -> bool:
    """The errors at two half-integers and between them vanish where the conditions do."""
    h = n // 2
    size = 2 * (2 * h + 2) + 1
    places = ((h + 1, sp.Integer(0)), (h + 2, sp.Integer(0)), (h + 1, phi))
    errors = [direct_error(n, channels, m, part, 2 * h + 2) for m, part in places]
    return vanish_together(errors, _claimed(conditions, n, channels, size))


def _mean(values: Sequence[sp.Expr]) -> sp.Expr:
    return sp.Add(*values) / len(values)


def prove(law: Decomposition) -> Proof:
    """The residuals, the quadratic form, and that errors and conditions vanish together."""

    def steps() -> Iterator[Step]:
        alpha, beta = sp.symbols("alpha beta", real=True)
        for count in range(1, 6):
            rs, ds = (sp.symbols(f"{letter}1:{count + 1}", real=True) for letter in "rd")
            mean = Moments(
                _mean(rs),
                _mean([x**2 for x in rs]),
                _mean(ds),
                _mean([x * y for x, y in zip(rs, ds, strict=True)]),
                _mean([y**2 for y in ds]),
            )
            loss = _mean([(alpha * x + beta + y) ** 2 for x, y in zip(rs, ds, strict=True)])
            difference = sp.expand(loss - sp.Add(*law.attribution(alpha, beta, mean)))
            yield Step(f"quadratic form over {count} radii", difference == 0)

        for n, channels in ((1, 1), (3, 1), (5, 1), (9, 1), (1, 2), (3, 2), (5, 2), (9, 2), (3, 3)):
            h = n // 2
            for m in (h + 1, h + 2):
                half_length = m + h
                alpha, beta, d = _claimed(law.residuals, n, channels, 2 * half_length + 1)
                direct = direct_error(n, channels, m, phi, half_length)
                difference = sp.expand(direct - (alpha * radius(m) + beta + d))
                yield Step(f"residuals for n = {n}, K = {channels}, m = {m}", difference == 0)

        for n, channels in ((1, 1), (3, 1), (5, 1), (1, 2), (3, 2), (5, 2)):
            name = f"exact if and only if the conditions hold, n = {n}, K = {channels}"
            yield Step(name, _exact_together(n, channels, law.conditions))

    covers = (
        "n = 1, 3, 5, 9 with K = 1, 2 and n = 3 with K = 3, two cells, all φ, any g_k; the"
        " quadratic form for 1 to 5 radii with arbitrary r and D; exact if and only if, n = 1, 3, 5"
        " with K = 1, 2, on two half-integers and every radius between them, any g_k"
    )
    return Proof(steps(), covers)


def _no_size(
    a: Vector, c: Scalar, size: Scalar, s: Vector, g0: Vector, k: Vector, d: Vector
) -> tuple[Any, Any, Any]:
    """Wrong: the background answers at one position instead of N."""
    return residuals(a, c, 1, s, g0, k, d)


def _single_slope(
    a: Vector, c: Scalar, size: Scalar, s: Vector, g0: Vector, k: Vector, d: Vector
) -> tuple[Any, ...]:
    """Wrong: one edge instead of two, so Σ aΔ instead of 2 Σ aΔ."""
    alpha, beta, deviation_sum = residuals(a, c, size, s, g0, k, d)
    return (alpha - 1) / 2, beta, deviation_sum


def _no_cross_term(alpha: Scalar, beta: Scalar, mean: Moments) -> tuple[Any, ...]:
    """Wrong: the slope and offset errors are taken for uncorrelated."""
    terms = attribution(alpha, beta, mean)
    return (*terms[:3], 0 * terms[3], *terms[4:])


def _without_slope(*values: Any) -> tuple[Any, ...]:
    """Wrong: offset and sub-pixel law are enough."""
    return residuals(*values)[1:]


def _without_subpixel(*values: Any) -> tuple[Any, ...]:
    """Wrong: slope and offset law are enough."""
    return residuals(*values)[:2]


def _each_channel(
    a: Vector, c: Scalar, size: Scalar, s: Vector, g0: Vector, k: Vector, d: Vector
) -> tuple[Any, ...]:
    """Wrong: every channel has to be straight by itself."""
    alpha, beta, _ = residuals(a, c, size, s, g0, k, d)
    return alpha, beta, *(a_k * d_k for a_k, d_k in zip(a, d, strict=True))


CLAIM: Claim[Decomposition] = Claim(
    id="loss",
    title="The loss is a quadratic form of three errors: slope, offset, sub-pixel",
    statement=(
        r"\hat r - r = \alpha\, r + \beta + D(\varphi), \qquad \alpha = 2\sum_k a_k \Delta_k - 1,"
        r" \quad"
        r" \beta = c + \sum_k a_k \left(N g_k(0) + \kappa_k\right), \quad D = \sum_k a_k D_k"
    ),
    assumptions=(
        r"plateau radii, $m + h \le L$; any number of channels, activation, taps and biases",
        r"sum pooling; with mean pooling $a_k/N$ takes the place of $a_k$",
        (
            r"exact on two half-integers and every radius between them if and only if $\alpha = 0$,"
            r" $\beta = 0$"
            r" and $D \equiv 0$"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the background is counted once, not N times", replace(LAW, residuals=_no_size)),
        Wrong("one edge instead of two", replace(LAW, residuals=_single_slope)),
        Wrong("a cross term is missing", replace(LAW, attribution=_no_cross_term)),
        Wrong("exact without the slope law", replace(LAW, conditions=_without_slope)),
        Wrong("exact without the sub-pixel law", replace(LAW, conditions=_without_subpixel)),
        Wrong("every channel straight by itself", replace(LAW, conditions=_each_channel)),
    ),
    requires=("subpixel",),
    kernel=Kernel(
        (
            "all n, m, L and K, any weights and any g_k; exact if and only if, on "
            "any one cell and on all of them; the quadratic form over any finite "
            "distribution"
        ),
        (
            "Loss.decomposition",
            "Loss.mean_square",
            "Loss.exact_iff",
            "Loss.exact_everywhere",
            "Loss.mean_pooling",
        ),
    ),
)
