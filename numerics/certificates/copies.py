r"""Copies of σ that cancel: the pattern of an exact network of any σ (theory/shape/span.py), as
equations in its weights.

On a cell every window runs along one copy φ -> σ(p + φ (q - p)), p and q linear in v_k = (w_k,
b_k).  Let σ have a mirror image, σ(z) = ε σ(2t - z) + S z + Y.  Copies at the same (p, q), or at
(2t - p, 2t - q), form a class, and

    a class cancels if Σ ε a_k count = 0; its mirrored members leave S z + Y,
    a copy on an affine branch is a line,
    a copy with p = q is a constant: c takes it up where its class is met
    equally often in all cells.

What is left is bilinear in a and v, as in numerics/certificates/conditions.py; the members of a
class stay together by equations that are linear in v.  So the conditions are those of a
:class:`Pattern`, and :func:`numerics.certificates.conditions.holds` decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy as sp
from flint import arb, ctx, fmpq

from numerics.arithmetic.ball import sigma_ball
from numerics.arithmetic.numbers import middle, rational, to_float
from numerics.arithmetic.piecewise import exact_activation
from numerics.arithmetic.types import Array
from numerics.arithmetic.walk import expression_of
from numerics.certificates.conditions import (
    Branch,
    Condition,
    End,
    Form,
    Pattern,
    Stored,
    Sums,
    accumulate,
    dot,
)
from numerics.certificates.patterns import Stretch, no_errors, stretches
from numerics.pulse.domain import Domain
from theory.expressions.activation import z
from theory.expressions.traits import even_part, jumps, kinks, odd_part

__all__ = ["BITS", "Copied", "Mirror", "copied_pattern", "mirror_of"]

ZERO, ONE = fmpq(0), fmpq(1)
MOST = 2000
"""Copies that are compared with each other."""
BALANCED = 1 / 16
"""A class is taken to cancel where no more than this share of its coefficients is left over."""
BITS = 320
"""Of constants that are not rational."""


@dataclass(frozen=True)
class Mirror:
    """σ(z) = sign σ(2 centre - z) + slope z + constant, for all z."""

    centre: fmpq
    sign: int
    slope: fmpq
    constant: fmpq


@lru_cache(maxsize=256)
def mirror_of(sigma: str | sp.Expr) -> Mirror | None:
    """About 0, or about the middle of the kinks; None where no such identity with rational numbers
    is shown.
    """
    expression = expression_of(sigma)
    if jumps(expression):
        return None
    ends = [kink.location for kink in kinks(expression)]
    middle = (ends[0] + ends[-1]) / 2 if ends else sp.Integer(0)
    for centre in dict.fromkeys((sp.Integer(0), middle)):
        if not centre.is_Rational:
            continue
        moved = expression.xreplace({z: z + centre})
        odd, even = sp.cancel(2 * odd_part(moved) / z), 2 * even_part(moved)
        t = rational(centre)
        if odd.is_Rational:
            slope = rational(odd)
            return Mirror(t, 1, slope, -slope * t)
        if even.is_Rational:
            return Mirror(t, -1, ZERO, rational(even))
    return None


@dataclass(frozen=True)
class _Copy:
    """Channel k along a window, ``counts`` times in every stretch, from p to q."""

    k: int
    first: Form
    last: Form
    counts: tuple[int, ...]
    p: float
    q: float


@dataclass(frozen=True)
class _Member:
    """A copy in a class; ``mirrored``: its mirror image is at the leader's place."""

    copy: _Copy
    mirrored: bool


@dataclass(frozen=True)
class ConstantTerm:
    """Σ_j a_j count_j σ(form · v_k), the same at all radii; ``counts``: (j, count_j)."""

    counts: tuple[tuple[int, int], ...]
    k: int
    form: Form


@dataclass(frozen=True)
class Copied:
    """A pattern of copies that cancel, and the constants that c takes up.

    Attributes
    ----------
    pattern: its conditions hold for c + :meth:`level` in the place of c.
    constants: what :meth:`level` adds up.
    """

    pattern: Pattern
    constants: tuple[ConstantTerm, ...]

    def level(self, sigma: str | sp.Expr, net: Stored) -> fmpq:
        """The sum of the constants: exact for a σ made of polynomials, else to about :data:`BITS`
        bits.
        """
        exact = exact_activation(sigma)
        terms = [
            (
                sum((net.a[j] * n for j, n in constant.counts), ZERO),
                dot(constant.form, net.vector(constant.k)),
            )
            for constant in self.constants
        ]
        if exact is not None:
            return sum((share * exact(value) for share, value in terms), ZERO) / net.share
        with ctx.workprec(BITS):
            sigma_at = sigma_ball(sigma)
            total = sum((arb(share) * sigma_at(arb(value)) for share, value in terms), arb(0))
            return middle(total / net.share)


def copied_pattern(
    sigma: str | sp.Expr, net: Stored, domain: Domain, branches: Sequence[Branch], width: float
) -> Copied | None:
    """The pattern whose classes are the copies that lie within ``width``, relative, of each other.

    None where some copy neither cancels, nor is a constant, nor has an affine branch near it; or
    where all have one.
    """
    places = stretches(net.taps, domain)
    copies = _copies(net, places)
    if not 0 < len(copies) <= MOST:
        return None
    vectors = [[to_float(x) for x in row] for row in net.vectors]
    apart = width * max(sum(map(abs, vector)) for vector in vectors)
    mirror = mirror_of(sigma)
    builder = _Builder(net, places, mirror, branches, width, apart)
    for members in _classes(copies, mirror, apart):
        if not builder.add(members):
            return None
    return builder.finished() if "copied" in builder.kinds else None


def _copies(net: Stored, places: Sequence[Stretch]) -> list[_Copy]:
    counts: dict[tuple[Form, Form], list[int]] = {}
    for s, stretch in enumerate(places):
        for window in stretch.windows:
            counts.setdefault((window.first, window.last), [0] * len(places))[s] += window.count
    return [
        _Copy(
            k,
            first,
            last,
            tuple(per_stretch),
            to_float(dot(first, net.vector(k))),
            to_float(dot(last, net.vector(k))),
        )
        for k in range(net.channels)
        for (first, last), per_stretch in counts.items()
    ]


def _classes(
    copies: Sequence[_Copy], mirror: Mirror | None, apart: float
) -> Iterator[list[_Member]]:
    """Greedily: each copy joins the nearest leader, or leads a class of its own."""
    ends = np.array([[copy.p, copy.q] for copy in copies])
    leaders: list[int] = []
    classes: list[list[_Member]] = []
    for i, copy in enumerate(copies):
        best, place, turned = np.inf, -1, False
        images = [(ends[i], False)]
        if mirror is not None:
            images.append((2 * to_float(mirror.centre) - ends[i], True))
        for image, mirrored in images if leaders else ():
            distance: Array = np.max(np.abs(ends[leaders] - image), axis=1)
            nearest = int(np.argmin(distance))
            if distance[nearest] < best:
                best, place, turned = float(distance[nearest]), nearest, mirrored
        if best <= apart:
            classes[place].append(_Member(copy, turned))
        else:
            leaders.append(i)
            classes.append([_Member(copy, False)])
    yield from classes


class _Builder:
    """Conditions, ends and constants, class by class."""

    def __init__(
        self,
        net: Stored,
        places: Sequence[Stretch],
        mirror: Mirror | None,
        branches: Sequence[Branch],
        width: float,
        apart: float,
    ) -> None:
        self.net, self.places, self.mirror = net, places, mirror
        self.branches, self.width, self.apart = branches, width, apart
        self.kinds = ["constant"] * net.channels
        self.bends: dict[tuple[object, ...], Condition] = {}
        self.ends: dict[tuple[int, Form], End] = {}
        self.constants: list[ConstantTerm] = []
        idle: Sums = {k: ((ZERO,) * (net.taps + 1), ZERO) for k in range(net.channels)}
        self.sums = [(dict(idle), dict(idle)) for _ in places]
        """Per stretch, at both of its ends."""

    def add(self, members: list[_Member]) -> bool:
        """Take in one class; False where it has no place."""
        weights = [self._readout(members, s) for s in range(len(self.places))]
        still = max(abs(member.copy.q - member.copy.p) for member in members) <= self.apart
        # What does not move may be a constant instead, with hardly any left over.
        if all(self._small(row, self.width if still else BALANCED) for row in weights):
            self._cancel(members, weights)
            return True
        lines = [self._branch(member.copy) for member in members]
        if all(line is not None for line in lines):
            for member, line in zip(members, lines, strict=True):
                assert line is not None
                self._line(member.copy, line)
            return True
        return still and self._constant(members, weights)

    def _readout(self, members: Sequence[_Member], s: int) -> dict[int, int]:
        """What multiplies a_k in stretch s, for the class's copy of σ."""
        weights: dict[int, int] = {}
        for member in members:
            if member.copy.counts[s]:
                sign = self.mirror.sign if member.mirrored and self.mirror else 1
                weights[member.copy.k] = (
                    weights.get(member.copy.k, 0) + sign * member.copy.counts[s]
                )
        return weights

    def _small(self, row: dict[int, int], share: float) -> bool:
        """The readouts cancel but for this share of them, or hardly matter beside the others."""
        terms = [to_float(self.net.a[k]) * count for k, count in row.items()]
        size, loudest = sum(map(abs, terms)), max(abs(to_float(x)) for x in self.net.a)
        quiet = sum(map(abs, row.values())) * loudest * self.width / 64
        return abs(sum(terms)) <= max(share * size, quiet)

    def _bend(self, condition: Condition) -> None:
        key = (
            tuple((k, t) for k, (_, t) in condition.product.items()),
            tuple((k, tuple(q)) for k, q in condition.plain.items()),
            condition.value,
        )
        self.bends[key] = condition

    def _cancel(self, members: Sequence[_Member], weights: Sequence[dict[int, int]]) -> None:
        silence = tuple(ZERO for _ in range(self.net.taps + 1))
        for row in weights:
            if any(row.values()):
                self._bend(Condition({k: (silence, fmpq(n)) for k, n in row.items() if n}))
        self._together(members)
        for member in members:
            self.kinds[member.copy.k] = "copied"

    def _together(self, members: Sequence[_Member]) -> None:
        """Members at the leader's place, and what their mirror images leave."""
        leader = members[0].copy
        for member in members:
            sign = -1 if member.mirrored else 1
            value = ZERO
            if member.mirrored:
                assert self.mirror is not None
                value = 2 * self.mirror.centre
                self._affine(member.copy, self.mirror.slope, self.mirror.constant)
            for form, other in ((member.copy.first, leader.first), (member.copy.last, leader.last)):
                self._meet(member.copy.k, form, leader.k, other, sign, value)

    def _meet(self, k: int, form: Form, j: int, other: Form, sign: int, value: fmpq) -> None:
        """form · v_k = sign other · v_j + value."""
        plain: dict[int, Form] = {k: tuple(fmpq(x) for x in form)}
        right = tuple(-sign * fmpq(x) for x in other)
        plain[j] = tuple(x + y for x, y in zip(plain[j], right, strict=True)) if j == k else right
        if any(x for row in plain.values() for x in row) or value:
            self._bend(Condition(plain=plain, value=value))

    def _affine(self, copy: _Copy, slope: fmpq, constant: fmpq) -> None:
        for sides, count in zip(self.sums, copy.counts, strict=True):
            for sums, form in zip(sides, (copy.first, copy.last), strict=True):
                accumulate(sums, copy.k, slope * count, form, constant * count)

    def _branch(self, copy: _Copy) -> Branch | None:
        """The affine branch that holds both ends, or nearly."""
        low, high = min(copy.p, copy.q), max(copy.p, copy.q)
        for branch in self.branches:
            above = branch.low is None or low >= to_float(branch.low) - self.apart
            if above and (branch.high is None or high <= to_float(branch.high) + self.apart):
                return branch
        return None

    def _line(self, copy: _Copy, branch: Branch) -> None:
        self._affine(copy, branch.slope, branch.constant)
        for form in (copy.first, copy.last):
            self.ends[copy.k, form] = End(copy.k, form, branch)
        if branch.slope and copy.first != copy.last and self.kinds[copy.k] == "constant":
            self.kinds[copy.k] = "linear"

    def _constant(self, members: Sequence[_Member], weights: Sequence[dict[int, int]]) -> bool:
        """A class that does not move, and is met equally often in all stretches."""
        silence = tuple(ZERO for _ in range(self.net.taps + 1))
        for row in weights[1:]:
            more = {k: row.get(k, 0) - weights[0].get(k, 0) for k in {*row, *weights[0]}}
            more = {k: n for k, n in more.items() if n}
            if more and not self._small(more, self.width):
                return False
            if more:
                self._bend(Condition({k: (silence, fmpq(n)) for k, n in more.items()}))
        self._together(members)
        leader = members[0].copy
        self._meet(leader.k, leader.last, leader.k, leader.first, 1, ZERO)
        for member in members:
            self.kinds[member.copy.k] = "copied"
        self.constants.append(ConstantTerm(tuple(weights[0].items()), leader.k, leader.first))
        return True

    def finished(self) -> Copied:
        """The pattern."""
        sums = zip(self.places, self.sums, strict=True)
        pattern = Pattern(
            tuple(x for place, sides in sums for x in no_errors(self.net, place, sides)),
            tuple(self.bends.values()),
            (),
            tuple(self.ends.values()),
            tuple(self.kinds),
        )
        return Copied(pattern, tuple(self.constants))
