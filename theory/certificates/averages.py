r"""The loss over every real radius, in closed form: slope error, offset error, and the bends.

For a continuous, piecewise-linear σ the error on plateau radii is e(r) = α r + β + D(φ) with
(theory/pulse/kinks.py)

    D(φ) = -Σ_i J_i G(φ, s_i),    G(φ, s) = min(φ, s) (1 - max(φ, s)),

one bend of size J_i = a_k J |w_u| for every crossing of every channel.  Over whole cells m = M,
..., M + C - 1, that is over all real r from M - 1/2 to M + C - 1/2, with μ = M + (C - 2)/2 the mean
of m - 1/2,

    E e² = α² E r² + β² + 2αβ E r + ∫D² + 2β ∫D + 2α (μ ∫D + ∫φD),
    E r  = μ + 1/2,                     E r² = (E r)² + C²/12,
    ∫D   = -½ Σ J_i s_i (1 - s_i),      ∫φD = -⅙ Σ J_i s_i (1 - s_i²),
    ∫D²  = Σ_{ij} J_i J_j H(s_i, s_j),  H(s, t) = s (1 - t) (2t - s² - t²)/6 for s <= t.

H is the Green's function of the fourth derivative: a sample of radii is not needed.  Derivation:
docs/certificates/averages.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.loss import Moments, attribution
from theory.pulse.signal import phi
from theory.types import Function, Scalar

__all__ = ["CLAIM", "LAW", "Averages", "Bends", "moments"]

Bends = Sequence[tuple[Any, Any]]
"""(J_i, s_i): the size and the place of every bend; numbers of one exact or floating type."""


def mean_bend(jump: Scalar, s: Scalar) -> Any:
    """∫ -J G(φ, s) dφ."""
    return -jump * s * (1 - s) / 2


def tilted_bend(jump: Scalar, s: Scalar) -> Any:
    """∫ -J φ G(φ, s) dφ."""
    return -jump * s * (1 - s * s) / 6


def overlap(s: Scalar, t: Scalar) -> Any:
    """H(s, t) = ∫ G(φ, s) G(φ, t) dφ for s <= t."""
    return s * (1 - t) * (2 * t - s * s - t * t) / 6


def spread(cells: Scalar) -> Any:
    """Var r over whole cells."""
    return cells * cells / 12


@dataclass(frozen=True)
class Averages:
    """The law: the three integrals of the bends, and the variance of r."""

    mean: Callable[[Scalar, Scalar], Any]
    tilted: Callable[[Scalar, Scalar], Any]
    overlap: Callable[[Scalar, Scalar], Any]
    spread: Function


LAW = Averages(mean_bend, tilted_bend, overlap, spread)
"""The law as derived here."""


def moments(law: Averages, bends: Bends, first: Scalar, cells: Scalar) -> Moments:
    """The five averages over all real radii from ``first`` - 1/2 to ``first`` + ``cells`` - 1/2.

    E(r̂ - r)² is the sum of ``theory.pulse.loss.attribution(α, β, moments)``.  Exact for exact
    numbers; ``cells`` must then be exact, too.
    """
    cells = Fraction(cells) if isinstance(cells, int) else cells
    half = (cells - cells + 1) / 2
    r = first - half + cells * half
    start = r - half
    zero = start - start
    d = sum((law.mean(jump, s) for jump, s in bends), zero)
    tilt = sum((law.tilted(jump, s) for jump, s in bends), zero)
    square = sum(
        (x * y * law.overlap(min(s, t), max(s, t)) for x, s in bends for y, t in bends), zero
    )
    return Moments(r, r * r + law.spread(cells), d, start * d + tilt, square)


def prove(law: Averages) -> Proof:
    """The integrals from the kernel's two branches, the averages over cells from the integral over
    r, and their sum.
    """
    covers = (
        "all places 0 < s < t < 1 and all jumps, so every width n = 2h + 1; all real radii of any"
        " number of whole cells; the sum for two bends, whose terms are those of any number"
    )
    return Proof(_steps(law), covers)


def _steps(law: Averages) -> Iterator[Step]:
    """The quickest first."""
    yield from _cells(law)
    yield from _integrals(law)
    yield _sum(law)


def _kernel(s: Scalar, below: bool) -> Any:
    """G(φ, s) where φ <= s, or where φ >= s."""
    return phi * (1 - s) if below else s * (1 - phi)


def _integrals(law: Averages) -> Iterator[Step]:
    # 0 < s < t < 1 with positive symbols: s = x/(x+y+v), t = (x+y)/(x+y+v).
    x, y, v = sp.symbols("x y v", positive=True)
    jump = sp.Symbol("J", real=True)
    s, t = x / (x + y + v), (x + y) / (x + y + v)

    def equal(left: sp.Expr, right: sp.Expr) -> bool:
        return bool(sp.cancel(sp.together(left - right)) == 0)

    for name, weight, claimed in (("∫D", sp.Integer(1), law.mean), ("∫φD", phi, law.tilted)):
        parts = ((0, s, True), (s, 1, False))
        integral = sum(
            sp.integrate(sp.expand(-jump * weight * _kernel(s, below)), (phi, low, high))
            for low, high, below in parts
        )
        yield Step(f"{name} of one bend", equal(integral, claimed(jump, s)))
    integral = sum(
        sp.integrate(sp.expand(_kernel(s, below) * _kernel(t, under)), (phi, low, high))
        for low, high, below, under in (
            (0, s, True, True),
            (s, t, False, True),
            (t, 1, False, False),
        )
    )
    yield Step("∫ G(φ, s) G(φ, t), s < t", equal(integral, law.overlap(s, t)))
    limit = sp.integrate(sp.expand(_kernel(s, True) ** 2), (phi, 0, s)) + sp.integrate(
        sp.expand(_kernel(s, False) ** 2), (phi, s, 1)
    )
    yield Step("∫ G(φ, s)²", equal(limit, law.overlap(s, s)))


def _cells(law: Averages) -> Iterator[Step]:
    first, r = sp.symbols("M r", real=True)
    cells = sp.Symbol("C", positive=True)
    low = first - sp.Rational(1, 2)
    averages = moments(law, (), first, cells)
    for name, power, claimed in (("E r", 1, averages.r), ("E r²", 2, averages.r2)):
        direct = sp.integrate(r**power, (r, low, low + cells)) / cells
        yield Step(name, sp.expand(direct - claimed) == 0)
    # D is the same on all cells: ∫ r D over the cell of m is (m - 1/2) ∫D + ∫φD, and a sum over m
    # is left.
    whole, tilt, m = sp.symbols("d t m", real=True)
    number = sp.Symbol("C", integer=True, positive=True)
    direct = sp.summation((m - sp.Rational(1, 2)) * whole + tilt, (m, first, first + number - 1))
    constant = replace(law, mean=lambda jump, s: whole, tilted=lambda jump, s: tilt)
    claimed = moments(constant, ((1, sp.Rational(1, 2)),), first, number).rd
    yield Step("E[rD]", sp.expand(direct / number - claimed) == 0)


def _sum(law: Averages) -> Step:
    """A network with two bends on two cells: the integral of its squared error, piece by piece."""
    alpha, beta, left, right, first = sp.symbols("alpha beta J K M", real=True)
    places = (sp.Rational(1, 3), sp.Rational(3, 4))
    bends = ((left, places[0]), (right, places[1]))
    total = sp.Integer(0)
    for m in (first, first + 1):
        for low, high in ((0, places[0]), places, (places[1], 1)):
            bent = sum(-jump * _kernel(s, high <= s) for jump, s in bends)
            error = alpha * (m - sp.Rational(1, 2) + phi) + beta + bent
            total += sp.integrate(sp.expand(error**2), (phi, low, high))
    terms = attribution(alpha, beta, moments(law, bends, first, sp.Integer(2)))
    return Step("the loss of two bends on two cells", sp.expand(total / 2 - sum(terms)) == 0)


def _alone(s: Scalar, t: Scalar) -> Any:
    """Wrong: bends at different places do not overlap."""
    return overlap(s, t) if s == t else 0 * s


def _untilted(jump: Scalar, s: Scalar) -> Any:
    """Wrong: r and D are not correlated within a cell: ∫φD = ½ ∫D."""
    return mean_bend(jump, s) / 2


def _sampled(cells: Scalar) -> Any:
    """Wrong: the variance of the half-integers' midpoints, as if r were one number per cell."""
    return (cells * cells - 1) / 12


CLAIM: Claim[Averages] = Claim(
    id="averages",
    title="The loss over every real radius, in closed form",
    statement=(
        r"\mathrm{E}(\hat r - r)^2 = \alpha^2\, \mathrm{E} r^2 + \beta^2 + 2\alpha\beta\,"
        r" \mathrm{E} r + {\textstyle\int} D^2 + 2\beta {\textstyle\int} D + 2\alpha \big(\mu"
        r" {\textstyle\int} D + {\textstyle\int} \varphi D\big)"
        r"\qquad {\textstyle\int} D = -\tfrac12 \sum_i J_i s_i (1 - s_i), \quad {\textstyle\int}"
        r" \varphi D = -\tfrac16 \sum_i J_i s_i (1 - s_i^2)"
        r"\qquad {\textstyle\int} D^2 = \sum_{i,j} J_i J_j H(s_i, s_j), \quad H(s, t) = \tfrac16 s"
        r" (1 - t)(2t - s^2 - t^2) \text{ for } s \le t"
    ),
    assumptions=(
        r"$\sigma$ continuous and piecewise linear; any $K$, $n$",
        (
            r"all real plateau radii of $C$ whole cells, $m + h \le L$, equally likely; $\mu$ is"
            r" the mean of $m - \tfrac12$, $\mathrm{Var}\, r = C^2/12$"
        ),
        r"$J_i = a_k J |w_u|$ and $s_i$: size and place of each bend, from the kinks",
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("bends at different places do not overlap", replace(LAW, overlap=_alone)),
        Wrong("within a cell r and D are not correlated", replace(LAW, tilted=_untilted)),
        Wrong("one radius per cell is enough", replace(LAW, spread=_sampled)),
    ),
    requires=("extremes", "kinks", "loss"),
)
