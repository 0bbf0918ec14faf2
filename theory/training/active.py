r"""When ReLU stays in its linear cell: a condition on the initial values alone.

A gradient step moves all taps of a filter alike, so the partial sums are C_j = D_j + (j/n) S with
*conserved* D_j: the cell "every partial sum is positive" is a half-line S > S_min, with the
conserved threshold

    S_min = max over the partial sums from both sides of -n D_j/j.

Without c the flow turns one way only, so S_k/√n = (u_k√E - v_k/√E)/2 is lowest at one of the ends
or, where u_k > 0 > v_k and E = -v_k/u_k lies on the way, there, with the value √(-u_k v_k).  Hence
at plateau radii a network stays, its end included, if and only if min S_k > S_min in every channel.
A channel all of whose partial sums are negative is silent: it has no gradient and keeps its
weights, and the others go on without it.  Derivation: docs/training/active.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import preactivations, taps
from theory.pulse.signal import pulse
from theory.types import Scalar, Vector

__all__ = ["CLAIM", "LAW", "Active", "floors", "turning_point"]


def floors(w: Vector) -> list[Any]:
    """-n D_j/j for the partial sums of 1 to n taps of w (n,) from either side: S must exceed all 2n
    of them.
    """
    n = len(w)
    mean = sum(w[1:], w[0]) / n
    found = []
    for order in (list(w), list(w)[::-1]):
        partial = order[0] - mean
        found.append(-n * partial)
        for j in range(1, n):
            partial = partial + order[j] - mean
            found.append(-n * partial / (j + 1))
    return found


def turning_point(u: Scalar, v: Scalar) -> tuple[Any, Any]:
    """(E, s²) where s = (u√E - v/√E)/2 is lowest on its way, for u > 0 > v: E = -v/u, s² = -uv."""
    return -v / u, -u * v


@dataclass(frozen=True)
class Active:
    """The law: the floors of S, and where S is lowest."""

    floors: Callable[[Vector], list[Any]]
    turning_point: Callable[[Scalar, Scalar], tuple[Any, Any]]


LAW = Active(floors, turning_point)
"""The law as derived here."""
PROVED_TAPS = (1, 3, 5, 7)


def prove(law: Active) -> Proof:
    """The pre-activations of the double sum against the floors, and s along the turn."""
    steps = [step for n in PROVED_TAPS for step in _cell(law, n)]
    u, v = sp.Symbol("u", positive=True), sp.Symbol("v", negative=True)
    e = sp.Symbol("e", positive=True)  # e = √E
    s = (u * e - v / e) / 2
    where, square = law.turning_point(u, v)
    low = sp.sqrt(where)
    steps += [
        Step("s is stationary there", sp.simplify(sp.diff(s, e).subs(e, low)) == 0),
        Step("s² there", sp.simplify(sp.expand(s.subs(e, low) ** 2) - square) == 0),
        Step(
            "s is convex in log E: that is its minimum",
            sp.simplify(e * sp.diff(e * sp.diff(s, e), e) - s) == 0,
        ),
    ]
    # Otherwise s is monotone or bounded by its ends: for u, v >= 0 it grows, for u, v <= 0 it
    # falls, for u < 0 < v it is negative.
    both = sp.symbols("x y", positive=True)
    grows = sp.diff((both[0] * e - both[1] / e) / 2, e)
    steps.append(Step("s is monotone where u and v agree in sign", grows.is_positive is True))
    covers = (
        "n = 1, 3, 5, 7, every window at plateau radii m = h + 1, h + 2 and every fraction; s for"
        " all u, v"
    )
    return Proof(tuple(steps), covers)


def _cell(law: Active, n: int) -> list[Step]:
    """The windows' pre-activations are S, 0 and chords between partial sums; each partial sum is
    (j/n)(S - floor).
    """
    h, w = n // 2, taps(n)
    total = sp.Add(*w)
    claimed = law.floors(w)
    counts = [*range(1, n + 1)] * 2
    sums = [
        sp.expand(sp.Rational(j, n) * (total - f)) for j, f in zip(counts, claimed, strict=True)
    ]
    partial = [sp.Add(*row[: j + 1]) for row in (w, w[::-1]) for j in range(n)]
    shift = sp.Symbol("d", real=True)
    moved = law.floors([tap + shift for tap in w])
    fine = {sp.Integer(0), *(sp.expand(p) for p in partial)}
    part = sp.Symbol("varphi", real=True)
    between = True
    for m in (h + 1, h + 2):
        for value in preactivations(w, pulse(m, part, 3 * h + 3)):
            ends = {sp.expand(value.subs(part, 0)), sp.expand(value.subs(part, 1))}
            affine = sp.diff(value, part, 2) == 0
            between = between and ends <= fine and affine
    return [
        Step(f"every window lies between partial sums, n = {n}", between),
        Step(f"the partial sums from the floors, n = {n}", [sp.expand(p) for p in partial] == sums),
        Step(
            f"the floors are conserved, n = {n}",
            all(sp.expand(x - y) == 0 for x, y in zip(moved, claimed, strict=True)),
        ),
    ]


def _taps_only(w: Vector) -> list[Any]:
    """Wrong: every single tap has to stay positive."""
    n = len(w)
    mean = sum(w[1:], w[0]) / n
    return [-n * (tap - mean) for tap in (*w, *w)]


def _sum_only(w: Vector) -> list[Any]:
    """Wrong: it is enough that S stays positive."""
    return [0 * tap for tap in (*w, *w)]


def _at_the_ends(u: Scalar, v: Scalar) -> tuple[Any, Any]:
    """Wrong: S is lowest where E = 1, at the start."""
    return 1 + 0 * u, (u - v) ** 2 / 4


CLAIM: Claim[Active] = Claim(
    id="active",
    title="When ReLU stays on its straight part: read off the initial values",
    statement=(
        r"C_j(t) = D_j + \frac{j}{n} S(t) > 0 \text{ for all } j \iff S(t) > S_{\min} ="
        r" \max_j\left(-\frac{n D_j}{j}\right), \quad D_j \text{ conserved}"
        r" \qquad \min_t \frac{S_k}{\sqrt n} = \sqrt{-u_k v_k} \text{ at } E = -\frac{v_k}{u_k}"
        r" \text{ if } u_k > 0 > v_k \text{ and it lies on the way, else at an end}"
    ),
    assumptions=(
        r"ReLU, plateau radii, $m + h \le L$, no conv bias, no $c$; partial sums from both sides",
        (
            r"a channel whose partial sums are all negative keeps its weights, and the law holds"
            r" for the others"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("every tap has to stay positive", replace(LAW, floors=_taps_only)),
        Wrong("the sum alone has to stay positive", replace(LAW, floors=_sum_only)),
        Wrong("S is lowest at the start", replace(LAW, turning_point=_at_the_ends)),
    ),
    requires=("flow",),
)
