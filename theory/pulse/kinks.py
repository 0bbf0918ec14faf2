r"""The kink-balance theorem: a piecewise-linear network bends only where a staircase crosses a
kink.

Let σ be continuous and piecewise linear with kinks t and slope jumps J.  A step p -> q of a
staircase (p, q partial sums plus b) that has a kink strictly inside bends the response at φ* = (t -
p)/(q - p) by J |q - p|, and

    D(φ) = -Σ_{crossings} a_k J |w_u| G(φ, φ*),    G(φ, ψ) = min(φ, ψ) (1 - max(φ, ψ)).

The G(., ψ) of different ψ are linearly independent.  Hence D ≡ 0 **iff** at each φ* the jumps of
all channels cancel.  For K = 1, a ≠ 0 and one kink all jumps have one sign: D ≡ 0 iff no open step
contains the kink.  (A straight response is exact once the slope and offset laws hold too, which
takes Δ ≠ 0.)

Cells of the straight K = 1 responses, one kink: the *linear cell* (all pre-activations on one side,
closed) and the *threshold cells* (both sides occur, every crossing falls on a partial sum).  A
threshold cell satisfies at least two independent linear equations in (w, b): its codimension is 2
or more.  Derivation: docs/pulse/kinks.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Literal

import sympy as sp

from theory.claim import Claim, Kernel, Proof, Step, Wrong
from theory.expressions.activation import ACTIVATIONS, Activation, z
from theory.pulse.network import direct_response, g, taps
from theory.pulse.signal import phi
from theory.pulse.subpixel import chord_deviation
from theory.types import Scalar, Vector

__all__ = [
    "CLAIM",
    "LAW",
    "Cell",
    "Crossing",
    "KinkLaw",
    "bend",
    "bridge",
    "cell",
    "crossings",
    "segments",
]


def segments(w: Vector) -> list[tuple[Any, Any]]:
    """The 2n steps (p, q) of the two staircases, C from the left and T from the
    right, without b.
    """
    steps = []
    for side in (w, tuple(reversed(w))):
        p = side[0] - side[0]
        for tap in side:
            steps.append((p, p + tap))
            p = p + tap
    return steps


def bend(p: Scalar, q: Scalar, t: Scalar) -> tuple[Any, Any]:
    """(φ*, size): where the step p -> q meets the kink t, and by how much it bends
    per unit jump.
    """
    return (t - p) / (q - p), abs(q - p)


def bridge(fraction: Scalar, star: Scalar) -> Any:
    """G(φ, φ*) = min(φ, φ*) (1 - max(φ, φ*)), for numbers."""
    return min(fraction, star) * (1 - max(fraction, star))


@dataclass(frozen=True)
class KinkLaw:
    """The law: which steps there are, and how one step bends."""

    segments: Callable[[Vector], list[tuple[Any, Any]]]
    bend: Callable[[Scalar, Scalar, Scalar], tuple[Any, Any]]


@dataclass(frozen=True)
class Crossing:
    """The response of one channel bends at φ = ``star`` by ``jump`` (readout
    weight not included).
    """

    star: Any
    jump: Any


def crossings(
    w: Vector, b: Scalar, kinks: Sequence[tuple[Scalar, Scalar]], law: KinkLaw | None = None
) -> list[Crossing]:
    """Every crossing strictly inside a step, for numbers of one exact or floating type.

    ``kinks`` holds pairs (location, slope jump).
    """
    law = law or LAW
    interior = []
    for begin, end in law.segments(w):
        p, q = begin + b, end + b
        for location, jump in kinks:
            if p != q:
                star, size = law.bend(p, q, location)
                if 0 < star < 1:
                    interior.append(Crossing(star, jump * size))
    return interior


@dataclass(frozen=True)
class Cell:
    """Where a channel lies with respect to a kink at 0.

    ``kind`` is ``linear`` (one closed side), ``threshold`` (both sides, crossings only at partial
    sums) or ``crossed`` (a kink inside an open step).  ``left`` and ``right`` are the signs of C_j
    + b and T_j + b along the two staircases, one character of ``-0+`` each, both from the empty sum
    to S.
    """

    kind: Literal["linear", "threshold", "crossed"]
    left: str
    right: str


def cell(w: Vector, b: Scalar, tolerance: Scalar = 0) -> Cell:
    """The cell of one channel with taps w (n,) and bias b; values within ``tolerance`` of 0 count
    as 0.
    """

    def sign(value: Scalar) -> str:
        if abs(value) <= tolerance:
            return "0"
        return "+" if value > 0 else "-"

    signs = []
    for side in (w, tuple(reversed(w))):
        total, path = b, sign(b)
        for tap in side:
            total = total + tap
            path += sign(total)
        signs.append(path)
    left, right = signs
    crossed = any(pair in path for path in signs for pair in ("+-", "-+"))
    mixed = "+" in left + right and "-" in left + right
    return Cell("crossed" if crossed else "threshold" if mixed else "linear", left, right)


LAW = KinkLaw(segments, bend)
"""The law as derived; wrong laws replace one of its two parts."""
PROVED_TAPS = (1, 3, 5, 7, 9)
ENUMERATED_TAPS = (3, 5)


def prove(law: KinkLaw) -> Proof:
    """Steps cover D; one step bends as stated; the kernels are independent; cells
    are enumerated.
    """

    def steps() -> Iterator[Step]:
        yield from _prove_bend(law)
        yield from _prove_segments(law)
        yield from _prove_independent()
        yield from _prove_catalogue()
        yield from _prove_codimension()

    covers = (
        "steps against the direct double sum for n = 1, 3, 5, 7, 9, any g; one step for all p < t <"
        " q and q < t < p; kernels for up to 4 crossings; cells enumerated for n = 3, 5"
    )
    return Proof(steps(), covers)


def _prove_segments(law: KinkLaw) -> Iterator[Step]:
    for n in PROVED_TAPS:
        w, m = taps(n), n // 2 + 1
        direct = direct_response(w, m, phi, m + n // 2)
        ends = [direct.xreplace({phi: sp.Integer(end)}) for end in (0, 1)]
        bent = direct - (1 - phi) * ends[0] - phi * ends[1]
        claimed = sp.Add(*(chord_deviation(p, q, g) for p, q in law.segments(w)))
        yield Step(f"D is the sum over the steps, n = {n}", sp.expand(bent - claimed) == 0)


def _prove_bend(law: KinkLaw) -> Iterator[Step]:
    """The hinge max(z - t, 0) on a step with the kink at distances x and y from its ends."""
    x, y, s = sp.symbols("x y s", positive=True)
    t = sp.Symbol("t", real=True)

    def hinge(value: sp.Expr) -> sp.Expr:
        return sp.Max(sp.factor(sp.expand(value - t)), 0)

    for name, p, q in (("rising", t - x, t + y), ("falling", t + y, t - x)):
        star, size = (sp.simplify(value) for value in law.bend(p, q, t))
        # φ runs through both sides of the true φ*, written with s > 0: no case is left to a solver.
        true = sp.simplify((t - p) / (q - p))
        before, after = true / (1 + s), (true + s) / (1 + s)
        for where, value, kernel in (
            ("before", before, before * (1 - star)),
            ("after", after, star * (1 - after)),
        ):
            chord = hinge(p + value * (q - p)) - (1 - value) * hinge(p) - value * hinge(q)
            holds = sp.simplify(chord + size * kernel) == 0
            yield Step(f"{name} step, φ {where} φ*", holds)
    for name, p, q in (("above", t, t + y), ("below", t - x, t)):
        value = 1 / (1 + s)
        chord = hinge(p + value * (q - p)) - (1 - value) * hinge(p) - value * hinge(q)
        yield Step(f"a step that ends on the kink, {name}, does not bend", sp.simplify(chord) == 0)


def _prove_independent() -> Iterator[Step]:
    """det G(ψ_i, ψ_j) = ψ_1 (ψ_2 - ψ_1) ... (1 - ψ_r) > 0 for 0 < ψ_1 < ... < ψ_r < 1."""
    for count in range(1, 5):
        gaps = sp.symbols(f"x1:{count + 1}", positive=True)
        stars = [sp.Add(*gaps[: k + 1]) for k in range(count)]
        order = range(count)
        gram = sp.Matrix(
            [[stars[min(i, j)] * (1 - stars[max(i, j)]) for i in order] for j in order]
        )
        product_form = sp.Mul(*gaps) * (1 - sp.Add(*gaps))
        yield Step(
            f"lemma: {count} kernels are independent", sp.expand(gram.det() - product_form) == 0
        )


def _prove_catalogue() -> Iterator[Step]:
    """Every piecewise-linear row is affine up to its hinges: σ(z) - Σ J max(z - t, 0) = σ_0 + σ_1
    z.
    """
    s = sp.Symbol("s", positive=True)
    for row in ACTIVATIONS.values():
        if row.piecewise_linear:
            hinges = sp.Add(*(k.jump * sp.Max(z - k.location, 0) for k in row.kinks))
            yield Step(f"lemma: {row.name} is affine plus hinges", _affine(row, hinges, s))


def _affine(row: Activation, hinges: sp.Expr, s: sp.Symbol) -> bool:
    remainder = row.expression - hinges
    cuts = sorted(kink.location for kink in row.kinks) or [sp.Integer(0)]
    pieces = [cuts[0] - s, cuts[-1] + s]
    pieces += [low + (high - low) * s / (1 + s) for low, high in pairwise(cuts)]
    constant, unit_value = (
        remainder.xreplace({z: sp.Integer(0)}),
        remainder.xreplace({z: sp.Integer(1)}),
    )
    return all(
        sp.simplify(remainder.subs(z, piece) - constant - (unit_value - constant) * piece) == 0
        for piece in pieces
    )


def _prove_codimension() -> Iterator[Step]:
    """Every sign pattern with both signs and no crossing inside a step has two vanishing partial
    sums.

    Any two distinct partial sums plus b are linearly independent: as 0/1 vectors over the taps with
    the same coefficient of b they are not proportional.
    """
    for n in ENUMERATED_TAPS:
        paths = [
            "".join(path)
            for path in product("-0+", repeat=n + 1)
            if not any(pair in "".join(path) for pair in ("+-", "-+"))
        ]
        smallest = n + 1
        for left, right in product(paths, paths):
            both = left + right
            if left[0] == right[0] and left[-1] == right[-1] and "+" in both and "-" in both:
                ends = (left[0] + left[-1]).count("0")
                inner = (left[1:-1] + right[1:-1]).count("0")
                smallest = min(smallest, ends + inner)
        yield Step(f"lemma: threshold cells have codimension >= 2, n = {n}", smallest >= 2)


def _signed(p: Scalar, q: Scalar, t: Scalar) -> tuple[Any, Any]:
    """Wrong: the bend is w_u, not |w_u|."""
    return (t - p) / (q - p), q - p


def _from_the_far_end(p: Scalar, q: Scalar, t: Scalar) -> tuple[Any, Any]:
    """Wrong: off by one, φ* is measured from C_u."""
    return (t - q) / (p - q), abs(q - p)


def _left_only(w: Vector) -> list[tuple[Any, Any]]:
    """Wrong: the staircase T is forgotten."""
    return segments(w)[: len(w)]


CLAIM: Claim[KinkLaw] = Claim(
    id="kinks",
    title="Kink balance: a piecewise-linear network is straight iff its kinks cancel at every φ",
    statement=(
        r"D(\varphi) = -\sum_{\text{crossings}} a_k\, J\, |w_u|\, \min(\varphi,\varphi^*)"
        r"\left(1-\max(\varphi,\varphi^*)\right), \qquad \varphi^* = \frac{t - b_k - C_{u-1}}{w_u}"
        r" \in (0,1)"
    ),
    assumptions=(
        (
            r"$\sigma$ continuous and piecewise linear with kinks $t$ and slope jumps $J$; plateau"
            r" radii, $m + h \le L$"
        ),
        r"$C$ stands for both staircases (on the other one, $T_{u+1}$)",
        (
            r"$D \equiv 0$ iff the jumps $a_k J |w_u|$ cancel at each $\varphi^*$; for $K = 1$, $a"
            r" \neq 0$ and one kink,"
            r" iff no open step contains it"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the jump is w, not |w|", KinkLaw(segments, _signed)),
        Wrong("off by one: φ* counted from the far end", KinkLaw(segments, _from_the_far_end)),
        Wrong("the staircase T is forgotten", KinkLaw(_left_only, bend)),
    ),
    requires=("loss",),
    kernel=Kernel(
        (
            "all n, K and numbers of kinks, any weights, σ written as an affine function plus "
            "hinges; K = 1 with one kink, and its cells"
        ),
        (
            "Kinks.hinge_deviation",
            "Kinks.deviation_crossings",
            "Kinks.independent",
            "Kinks.kink_balance",
            "Kinks.straight_iff_no_crossing",
            "Kinks.exact_one_channel",
            "Cells.straight_no_crossing",
            "Cells.threshold_codimension",
        ),
    ),
)
