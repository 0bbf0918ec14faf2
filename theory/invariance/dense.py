r"""A dense readout: one weight per position, and where gradient descent takes each of them.

Unit pulse, one tap, σ(z) = z on [0, 1]: r̂(x) = c + Σ_i v_i x(i).  As a function of r the error r̂
- r is a linear spline with knots at half-integers, of slope v_m + v_{-m} - 1 on the pixels ±m.  On
finitely many training radii, or on an interval, the pixels fall into groups that no training radius
tells apart:

    never lit               v stays
    always lit              all move alike, until their mean is 1/2 (with c: until c + Σ v is half
                            their number)
    fixed, ±m               both move alike, until v_m + v_{-m} = 1
    in one gap of radii     all move alike, until their mean is 1/2

That is the orthogonal projection of the start onto the exact readouts.  Where a radius lies inside
a pixel that is not fixed, gaps share that pixel, and the projection is v + Σ_j λ_j x_{r_j} with the
kernel x_r · x_s.  Derivation: docs/invariance/dense.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Any

import sympy as sp
from sympy.polys.domains import QQ
from sympy.polys.matrices import DomainMatrix

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse.network import g, preactivations, readout_bias, taps
from theory.pulse.signal import overlap, phi, pulse, radius
from theory.types import Scalar, Vector

__all__ = [
    "CLAIM",
    "LAW",
    "Affine",
    "Dense",
    "Group",
    "changing",
    "end",
    "fixed",
    "groups",
    "kernel",
    "moved",
    "share",
]

HALF = Fraction(1, 2)
Row = list[Fraction]


def changing(radii: Sequence[Fraction]) -> range:
    """The distances m whose pixels ±m are not the same, 0 or 1, for all radii."""
    return range(floor(min(radii) - HALF) + 1, ceil(max(radii) + HALF))


def fixed(radii: Sequence[Fraction]) -> frozenset[int]:
    """The distances m for which exactness on the radii forces v_m + v_{-m} = 1.

    A block of neighbouring pixels is fixed iff every run of its half-integers, ends included, has
    at least as many radii strictly between the run's outer neighbours in the block as it has
    members; m is fixed iff it is in such a block.
    """
    found: set[int] = set()
    border = changing(radii)
    for first in border:
        for last in range(first, border.stop):
            if _block(radii, first, last):
                found |= set(range(first, last + 1))
    return frozenset(found)


def _block(radii: Sequence[Fraction], first: int, last: int) -> bool:
    inside = {r for r in radii if first - HALF <= r <= last + HALF}
    for i in range(first, last + 2):
        for j in range(i, last + 2):
            # The half-integers i - 1/2 to j - 1/2; their outer neighbours are i - 3/2 and j + 1/2.
            seen = [
                r
                for r in inside
                if (i == first or r > i - 1 - HALF) and (j == last + 1 or r < j + HALF)
            ]
            if len(seen) < j - i + 1:
                return False
    return True


@dataclass(frozen=True)
class Group:
    """Pixels that move alike, with c if ``bias``, until they add up to ``total``."""

    pixels: tuple[int, ...]
    total: Fraction
    bias: bool = False


def groups(
    radii: Sequence[Fraction], settled: frozenset[int], bias: bool
) -> tuple[Group, ...] | None:
    """The groups, given the fixed distances; None if a radius lies inside a pixel that is not
    fixed.
    """
    border = changing(radii)
    core = border.start - 1
    lit = tuple(range(-core, core + 1))
    found = [
        Group(lit, Fraction(len(lit), 2), bias),
        *(Group((-m, m), Fraction(1)) for m in sorted(settled)),
    ]
    free = [m for m in border if m not in settled]
    if any(m - HALF < r < m + HALF for m in free for r in radii):
        return None
    for low, high in pairwise(sorted(set(radii))):
        alike = [m for m in free if low < m < high]
        if alike:
            found.append(Group((*(-m for m in alike), *alike), Fraction(len(alike))))
    return tuple(found)


def share(size: int, total: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """(p, q, t): a member v of a group ends at p v + q Σ v + t = v + (total - Σ v)/size."""
    return Fraction(1), Fraction(-1, size), total / size


def kernel(r: Scalar, s: Scalar, m: int, k: int) -> Any:
    """x_r · x_s for r on the cell m - 1/2 <= r <= m + 1/2 and s on that of k."""
    if m == k:
        return 2 * m - 1 + 2 * (r - m + HALF) * (s - k + HALF)
    return 2 * r if m < k else 2 * s


def moved(v: Vector, x: Vector, s: int) -> Any:
    """Σ_i (v_{i+s} - v_i) x(i), v and x (N,): what a shift of the pulse by s pixels adds to the
    answer.
    """
    return sum((v[i + s] - v[i]) * x[i] for i in range(len(x)) if x[i] != 0)


@dataclass(frozen=True)
class Dense:
    """The law: fixed distances, groups, how a group moves, the kernel, and the
    effect of a shift.
    """

    fixed: Callable[[Sequence[Fraction]], frozenset[int]]
    groups: Callable[[Sequence[Fraction], frozenset[int], bool], tuple[Group, ...] | None]
    share: Callable[[int, Fraction], tuple[Fraction, Fraction, Fraction]]
    kernel: Callable[[Scalar, Scalar, int, int], Any]
    moved: Callable[[Vector, Vector, int], Any]


LAW = Dense(fixed, groups, share, kernel, moved)
"""The law as derived here."""


@dataclass(frozen=True)
class Affine:
    """y -> P y + q in rational numbers; y holds v_{-L}, ..., v_L and, if it is trained, c."""

    matrix: list[Row]
    offset: Row


def end(law: Dense, radii: Sequence[Fraction], half_length: int, bias: bool) -> Affine:
    """Where gradient descent on these radii takes a start: by groups, or by the kernel where they
    do not part.
    """
    size = 2 * half_length + 1 + bias
    matrix = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
    offset = [Fraction(0)] * size
    pixel_groups = law.groups(radii, law.fixed(radii), bias)
    if pixel_groups is None:
        return _by_kernel(law, radii, half_length, bias)
    for group in pixel_groups:
        members = [i + half_length for i in group.pixels] + [size - 1] * group.bias
        own, others, constant = law.share(len(members), group.total)
        for i in members:
            matrix[i] = [own * (i == j) + others * (j in members) for j in range(size)]
            offset[i] = constant
    return Affine(matrix, offset)


def _pixels(r: Fraction, half_length: int, bias: bool) -> Row:
    """x_r, and 1 for c."""
    clip = [
        min(max(r + HALF - abs(i), Fraction(0)), Fraction(1))
        for i in range(-half_length, half_length + 1)
    ]
    return clip + [Fraction(1)] * bias


def _by_kernel(law: Dense, radii: Sequence[Fraction], half_length: int, bias: bool) -> Affine:
    """P = 1 - Xᵀ K⁻¹ X and q = Xᵀ K⁻¹ r, K the kernel of radii that do not depend on each other."""

    def entry(r: Fraction, s: Fraction) -> Any:
        return law.kernel(r, s, ceil(r - HALF), ceil(s - HALF)) + bias

    kept: list[Fraction] = []
    for r in sorted(set(radii)):
        gram = [[entry(p, q) for q in (*kept, r)] for p in (*kept, r)]
        if _domain(gram).rank() == len(gram):
            kept.append(r)
    inverse = _domain([[entry(p, q) for q in kept] for p in kept]).inv()
    x = _domain([_pixels(r, half_length, bias) for r in kept])
    lift = x.transpose() * inverse
    identity = DomainMatrix.eye(x.shape[1], QQ).to_dense()
    target = lift * _domain([[r] for r in kept])
    return Affine(_fractions(identity - lift * x), [row[0] for row in _fractions(target)])


def _domain(rows: Sequence[Sequence[Fraction]]) -> DomainMatrix:
    values = [[QQ(int(x.numerator), int(x.denominator)) for x in row] for row in rows]
    return DomainMatrix(values, (len(values), len(values[0])), QQ)


def _fractions(matrix: DomainMatrix) -> list[Row]:
    return [
        [Fraction(int(x.numerator), int(x.denominator)) for x in row]
        for row in matrix.to_dense().to_list()
    ]


# ------------------------------------------------------------------------------------------ proof

PROVED_TAPS = (1, 3)
THIRDS = tuple(Fraction(5, 2) + Fraction(t, 3) for t in range(10))
"""The half-integers 5/2 to 11/2 and two radii inside each of the three pixels between: 1023 sets of
radii.
"""
LENGTH = 6


def prove(law: Dense) -> Proof:
    """The spline, the gradient's direction, what exactness fixes, the projection, and a shift."""
    sets = [tuple(r for j, r in enumerate(THIRDS) if code >> j & 1) for code in range(1, 1024)]
    chosen = [
        radii for j, radii in enumerate(sets) if j % 12 == 2 or len(radii) <= 2 or len(radii) >= 9
    ]

    def steps() -> Iterator[Step]:
        yield from (*_spline(), *_kernel(law), *_shifts(law), *_gradient())
        for bias in (False, True):
            name = f"the projection, {len(chosen)} sets of radii, {'with' if bias else 'without'} c"
            yield Step(name, all(_projects(law, radii, bias) for radii in chosen))
        agreed = all(_fixed_agrees(law, radii) for radii in sets)
        yield Step(f"what is fixed, {len(sets)} sets of radii", agreed)

    covers = (
        "any start; what is fixed for all 1023 sets of the radii 5/2, 17/6, ..., 11/2, the"
        f" projection for {len(chosen)} of them; spline, kernel and shifts for any φ on the cells m"
        " = 1 to 5, sum pooling for n = 1 and 3 with any g"
    )
    return Proof(steps(), covers)


WEIGHTS = tuple(sp.Symbol(f"v_{i}", real=True) for i in range(-LENGTH, LENGTH + 1))
"""v_{-L}, ..., v_L."""


def _answer(x: Sequence[sp.Expr]) -> sp.Expr:
    """The definition: c + Σ_i v_i x(i)."""
    return readout_bias + sp.Add(*(v * value for v, value in zip(WEIGHTS, x, strict=True)))


def _spline() -> list[Step]:
    """From one half-integer on, the error is a line of slope v_m + v_{-m} - 1."""
    steps = []
    for m in range(1, LENGTH):
        grown = _answer(pulse(m, phi, LENGTH)) - _answer(pulse(m, sp.Integer(0), LENGTH))
        pair = WEIGHTS[LENGTH + m] + WEIGHTS[LENGTH - m]
        lit = sp.Add(readout_bias, *WEIGHTS[LENGTH - m + 1 : LENGTH + m])
        steps += [
            Step(f"slope on the cell m = {m}", sp.expand(grown - phi * pair) == 0),
            Step(
                f"value at its start, m = {m}",
                sp.expand(_answer(pulse(m, sp.Integer(0), LENGTH)) - lit) == 0,
            ),
        ]
    return steps


def _kernel(law: Dense) -> list[Step]:
    psi = sp.Symbol("psi", real=True)
    steps = []
    for m in range(1, LENGTH):
        for k in range(1, LENGTH):
            first, second = pulse(m, phi, LENGTH), pulse(k, psi, LENGTH)
            direct = sp.Add(*(x * y for x, y in zip(first, second, strict=True)))
            claimed = law.kernel(radius(m), radius(k, psi), m, k)
            steps.append(Step(f"x_r · x_s, m = {m} and {k}", sp.expand(direct - claimed) == 0))
    return steps


def _gradient() -> list[Step]:
    """The gradient of any weighted loss is a combination of the rows (x_r, 1): descent never leaves
    start + row space.
    """
    psi, mu, nu = sp.symbols("psi mu nu", real=True)
    steps = []
    for m, k in ((1, 2), (2, 2), (3, 2)):
        rows = ((mu, pulse(m, phi, LENGTH), radius(m)), (nu, pulse(k, psi, LENGTH), radius(k, psi)))
        loss = sp.Add(*(weight * (_answer(x) - r) ** 2 for weight, x, r in rows))
        pull = [2 * weight * (_answer(x) - r) for weight, x, r in rows]
        remainder = [
            sp.diff(loss, v) - sp.Add(*(p * x[i] for p, (_, x, _) in zip(pull, rows, strict=True)))
            for i, v in enumerate(WEIGHTS)
        ]
        remainder.append(sp.diff(loss, readout_bias) - sp.Add(*pull))
        good = all(sp.expand(value) == 0 for value in remainder)
        steps.append(Step(f"the gradient lies in the row space, m = {m} and {k}", good))
    return steps


def _rows(radii: Sequence[Fraction], bias: bool) -> DomainMatrix:
    """The signal matrix from the definition of the pulse, with a column of ones for c."""
    return _domain([_DEFINED[r] + [Fraction(1)] * bias for r in radii])


_DEFINED = {
    r: [
        Fraction(int(x.p), int(x.q))
        for x in (
            overlap(i, sp.Rational(r.numerator, r.denominator)) for i in range(-LENGTH, LENGTH + 1)
        )
    ]
    for r in THIRDS
}


def _fixed_agrees(law: Dense, radii: Sequence[Fraction]) -> bool:
    """m is fixed iff v_m + v_{-m} is the same for all solutions: iff every null vector of the half
    rows has it 0.
    """
    # The pulse is even: Σ v_i x(i) = v_0 x(0) + Σ (v_m + v_{-m}) x(m).
    null = _fractions(_domain([_DEFINED[r][LENGTH:] for r in radii]).nullspace())
    return law.fixed(radii) == {m for m in changing(radii) if all(row[m] == 0 for row in null)}


def _projects(law: Dense, radii: Sequence[Fraction], bias: bool) -> bool:
    """X y' = r for every start y, and y' - y is orthogonal to every null vector: both, exactly."""
    projection = end(law, radii, LENGTH, bias)
    x, p = _rows(radii, bias), _domain(projection.matrix)
    q = _domain([[t] for t in projection.offset])
    null = x.nullspace()
    identity = DomainMatrix.eye(p.shape[0], QQ).to_dense()
    exact = (x * p).is_zero_matrix and x * q == _domain([[r] for r in radii])
    return bool(exact and (null * (identity - p)).is_zero_matrix and (null * q).is_zero_matrix)


def _shifts(law: Dense) -> list[Step]:
    """The answer to the shifted pulse, term by term; and sum pooling, which does
    not see the shift.
    """
    steps = []
    for m, s in ((1, 1), (2, -1), (3, 2), (2, 3)):
        x = pulse(m, phi, LENGTH)
        there = [x[i - s] if 0 <= i - s < len(x) else sp.Integer(0) for i in range(len(x))]
        remainder = _answer(there) - _answer(x) - law.moved(WEIGHTS, x, s)
        steps.append(Step(f"a shift by {s}, m = {m}", sp.expand(remainder) == 0))
        for n in PROVED_TAPS:
            sums = [
                sp.Add(*(g(z) for z in preactivations(taps(n), signal))) for signal in (x, there)
            ]
            if m + abs(s) + n // 2 <= LENGTH:
                steps.append(
                    Step(f"sum pooling, a shift by {s}, m = {m}, n = {n}", sums[0] == sums[1])
                )
    return steps


# ------------------------------------------------------------------------------------- wrong laws


def _counted(radii: Sequence[Fraction]) -> frozenset[int]:
    """Wrong: as many radii as pixels are enough, wherever they lie."""
    return frozenset(changing(radii) if len(set(radii)) >= len(changing(radii)) else ())


def _core_stays(
    radii: Sequence[Fraction], settled: frozenset[int], bias: bool
) -> tuple[Group, ...] | None:
    """Wrong: what is always lit has nothing to learn."""
    pixel_groups = groups(radii, settled, bias)
    return pixel_groups if pixel_groups is None else pixel_groups[1:]


def _levelled(size: int, total: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """Wrong: all members of a group end at the same weight."""
    return Fraction(0), Fraction(0), total / size


def _straight(r: Scalar, s: Scalar, m: int, k: int) -> Any:
    """Wrong: inside a pixel the kernel is the mean of what it is at the two ends."""
    return r + s if m == k else kernel(r, s, m, k)


def _backwards(v: Vector, x: Vector, s: int) -> Any:
    """Wrong: a shift to the other side."""
    return moved(v, x, -s)


CLAIM: Claim[Dense] = Claim(
    id="dense",
    title=(
        "A dense readout: every weight at convergence is the start's projection onto the exact"
        " readouts"
    ),
    statement=(
        r"v_m(\infty) = v_m(0) + \tfrac12\left(1 - v_m(0) - v_{-m}(0)\right) \qquad v_i(\infty) ="
        r" v_i(0) + \frac{1}{|G|}\Big(\Sigma - \sum_{j \in G} v_j(0)\Big), \quad i \in G"
        r" \qquad v(\infty) = v(0) + \sum_j \lambda_j x_{r_j}, \quad \sum_k (x_{r_j} \cdot"
        r" x_{r_k})\, \lambda_k = r_j - \hat r_0(r_j)"
        r" \qquad \hat r(x_r^{(s)}) - \hat r(x_r) = \sum_i (v_{i+s} - v_i)\, x_r(i)"
    ),
    assumptions=(
        (
            r"one tap, $\sigma(z) = z$ on $[0, 1]$, $\hat r = c + \sum_i v_i x(i)$; squared error"
            r" on finitely many radii $\frac12 \le r \le L + \frac12$ or an interval of them, with"
            r" any positive weights"
        ),
        (
            r"first line: the pixels $\pm m$ change with $r$ and are *fixed*: some block of"
            r" neighbouring pixels holds $m$ in which every run of half-integers has at least as"
            r" many radii strictly between its outer neighbours as it has members; on an interval"
            r" all that change are fixed"
        ),
        (
            r"second line: $G$ the pixels always lit, $\Sigma$ half their number ($c$, if trained,"
            r" is one more member), or the unfixed pixels between two neighbouring radii, $\Sigma ="
            r" \frac12|G|$, if no radius lies inside an unfixed pixel; pixels never lit stay"
        ),
        (
            r"third line: any radii; $x_r \cdot x_s = 2\min(r, s)$, and $2m - 1 + 2\varphi\psi$"
            r" inside one pixel $m$; with $c$ one more"
        ),
        (
            r"last line: a pulse shifted by $s$ pixels, inside the signal; sum pooling does not see"
            r" the shift, nor with $n$ taps if the pulse keeps $h$ pixels from the border"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("pixels always lit keep their weights", replace(LAW, groups=_core_stays)),
        Wrong("all weights of a group end equal", replace(LAW, share=_levelled)),
        Wrong("as many radii as pixels fix all pairs", replace(LAW, fixed=_counted)),
        Wrong("inside a pixel the kernel is straight", replace(LAW, kernel=_straight)),
        Wrong("a shift to the other side", replace(LAW, moved=_backwards)),
    ),
    requires=("signal",),
)
