"""Patterns: which branch of σ every window is to lie on, and the conditions that follow.

:func:`snapped_pattern` puts right the network's own; :func:`linear_pattern` keeps every channel on
one branch; :func:`mixed_patterns` lets each channel choose between these; :func:`paired_pattern`
pairs mirror images.  A pattern is a proposal:
:func:`numerics.certificates.conditions.holds` decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from itertools import pairwise
from math import hypot, inf

import sympy as sp
from flint import fmpq

from numerics.arithmetic.numbers import rational, to_float
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
from numerics.pulse.domain import HALF, Domain
from numerics.pulse.exact_error import cells
from numerics.pulse.preactivations import far_from_border, lines
from theory.expressions.traits import affine_pieces, jumps

__all__ = ["branches_of", "linear_pattern", "no_errors", "paired_pattern", "snapped_pattern"]

ZERO, ONE = fmpq(0), fmpq(1)


CLOSE = fmpq(1, 2**8)
"""Crossings whose φ* differ by less may be meant to be at the same one."""
FINE = fmpq(2**64)
"""A common φ* is a multiple of one over this."""
MARGIN = fmpq(1, 2**20)
"""How far a branch stays from a jump, where σ has a value of its own."""


@lru_cache(maxsize=256)
def branches_of(sigma: str | sp.Expr) -> tuple[Branch, ...]:
    """The affine pieces of σ with rational ends and coefficients, in order; flat ones included."""
    branches: list[Branch] = []
    torn = {jump.location for jump in jumps(expression_of(sigma))}
    for low, high, slope, constant in affine_pieces(expression_of(sigma)):
        ends = [None if end.is_infinite else end for end in (low, high)]
        if all(x.is_Rational for x in (slope, constant, *ends) if x is not None):
            first, last = (
                None if end is None else rational(end) + (side * MARGIN if end in torn else 0)
                for end, side in zip(ends, (1, -1), strict=True)
            )
            branches.append(Branch(first, last, rational(slope), rational(constant)))
    return tuple(branches)


# ---------------------------------------------------------------------------------------- windows


@dataclass(frozen=True)
class Window:
    """At ``count`` positions the window shows ``first`` at the start of a cell and ``last`` at its
    end (a final 1 for b).
    """

    first: Form
    last: Form
    count: int


@dataclass(frozen=True)
class Stretch:
    """The radii from ``low`` to ``high`` within one cell, and what the positions see there."""

    low: fmpq
    high: fmpq
    windows: tuple[Window, ...]


@lru_cache(maxsize=64)
def stretches(taps: int, domain: Domain) -> tuple[Stretch, ...]:
    """The cells that say something new: of the plateau cells far from the border one whole one, if
    there is one.
    """
    plain: list[tuple[int, fmpq, fmpq]] = []
    plateau: list[tuple[int, fmpq, fmpq]] = []
    for m, low, high in cells(domain):
        far = far_from_border(taps, m, domain)
        (plateau if far and m > taps // 2 else plain).append((m, low, high))
    whole = [cell for cell in plateau if cell[1] == 0 and cell[2] == 1]
    return tuple(_stretch(taps, domain, *cell) for cell in plain + (whole[:1] or plateau))


def _stretch(taps: int, domain: Domain, m: int, low: fmpq, high: fmpq) -> Stretch:
    units = [tuple(fmpq(int(u == v)) for v in range(taps)) for u in range(taps)]
    light = [lines(unit, m, domain) for unit in units]
    counts: dict[tuple[Form, Form], int] = {}
    for places in zip(*light, strict=True):
        # Whole numbers as int: windows are keys, and most of what they see is 0 or 1.
        ends = ([place.start + phi * place.slope for place in places] for phi in (low, high))
        first, last = ((*(int(x.p) if x.q == 1 else x for x in end), 1) for end in ends)
        counts[first, last] = counts.get((first, last), 0) + places[0].count
    windows = tuple(Window(first, last, count) for (first, last), count in counts.items())
    return Stretch(m - HALF + low, m - HALF + high, windows)


# --------------------------------------------------------------------------------------- patterns


def linear_pattern(net: Stored, domain: Domain, choice: Sequence[Branch | None]) -> Pattern:
    """Channel k on the branch ``choice[k]`` throughout; None leaves it silent."""
    table: list[dict[Form, Branch] | None] = []
    for branch in choice:
        table.append(None if branch is None else _everywhere(net, domain, branch))
    return _assembled(net, domain, table, (), ())


def _everywhere(net: Stored, domain: Domain, branch: Branch) -> dict[Form, Branch]:
    forms = {}
    for stretch in stretches(net.taps, domain):
        for window in stretch.windows:
            forms[window.first] = forms[window.last] = branch
    return forms


@dataclass(frozen=True)
class _Choice:
    """What one channel does, its windows on kinks, and a step that is not longer than the one it
    takes to get there; without a table it is silent.
    """

    table: dict[Form, Branch] | None
    held: Mapping[Form, fmpq]
    least: float


def mixed_patterns(
    net: Stored, domain: Domain, branches: Sequence[Branch]
) -> Iterator[tuple[float, Pattern]]:
    """Each channel within its own branches put right, on one branch throughout, or silent:
    (length, pattern), where no network of the pattern is nearer than the length; in its order.

    Without branches there are none.
    """
    if not branches:
        return
    choices = [_choices(net, k, domain, branches) for k in range(net.channels)]

    def length(places: tuple[int, ...]) -> float:
        return hypot(*(own[place].least for own, place in zip(choices, places, strict=True)))

    first = (0,) * net.channels
    waiting, known = [(length(first), first)], {first}
    while waiting:
        least, places = heappop(waiting)
        chosen = [own[place] for own, place in zip(choices, places, strict=True)]
        if any(choice.table is not None for choice in chosen):
            held = ((k, form, at) for k, x in enumerate(chosen) for form, at in x.held.items())
            tables = [choice.table for choice in chosen]
            yield least, _assembled(net, domain, tables, tuple(held), ())
        for k, place in enumerate(places):
            after = (*places[:k], place + 1, *places[k + 1 :])
            if place + 1 < len(choices[k]) and after not in known:
                known.add(after)
                heappush(waiting, (length(after), after))


def _choices(net: Stored, k: int, domain: Domain, branches: Sequence[Branch]) -> list[_Choice]:
    """Those of one channel, the nearest first."""
    places = stretches(net.taps, domain)
    crossed = list(_crossings(net, k, places, branches))
    own = _snapped(net, k, places, branches, crossed, frozenset())
    tables: list[tuple[dict[Form, Branch], dict[Form, fmpq]]] = [] if own is None else [own]
    straight = ((_everywhere(net, domain, branch), dict[Form, fmpq]()) for branch in branches)
    tables += [each for each in straight if each not in tables]
    choices = [_Choice(table, held, _least(net, k, table, held)) for table, held in tables]
    if net.channels > 1:
        choices.append(_Choice(None, {}, abs(to_float(net.a[k]))))
    return sorted(choices, key=lambda choice: choice.least)


def _least(net: Stored, k: int, table: Mapping[Form, Branch], held: Mapping[Form, fmpq]) -> float:
    """How far the window has to go that is farthest from its branch, or from its kink."""
    vector, most = net.vector(k), 0.0
    for form, branch in table.items():
        value = dot(form, vector)
        low, high = (held[form],) * 2 if form in held else (branch.low, branch.high)
        beyond = max(ZERO if low is None else low - value, ZERO if high is None else value - high)
        if beyond > 0:
            length = hypot(*map(to_float, form if net.b is not None else form[:-1]))
            most = max(most, to_float(beyond) / length if length else inf)
    return most


def paired_pattern(
    net: Stored, domain: Domain, pairs: Sequence[tuple[int, int, bool]], slope: fmpq
) -> Pattern:
    """Channels in pairs (w, b, a), (-w, -b, -a), for σ(z) - σ(-z) = slope z; ``reversed``: the
    second filter is turned round.

    Channels in no pair are silent.
    """
    n = net.taps
    line = Branch(None, None, slope, ZERO)
    first, second = {j for j, _, _ in pairs}, {k for _, k, _ in pairs}
    table = [_everywhere(net, domain, line) if k in first else None for k in range(net.channels)]
    whole = _assembled(net, domain, table, (), (), second)
    bends = list(whole.bends)
    for j, k, turned in pairs:
        for u in range(n + 1):
            other = n - 1 - u if turned and u < n else u
            units = [tuple(fmpq(int(v == place)) for v in range(n + 1)) for place in (u, other)]
            bends.append(Condition(plain={j: units[0], k: units[1]}))
        alone = _readout(n)
        bends.append(Condition(product={j: alone, k: alone}))
    kinds = tuple("paired" if k in first | second else kind for k, kind in enumerate(whole.kinds))
    return Pattern(whole.errors, tuple(bends), (), (), kinds, tuple(pairs))


def _readout(taps: int) -> tuple[Form, fmpq]:
    """a_k itself, as a part of a condition."""
    return tuple(ZERO for _ in range(taps + 1)), ONE


@dataclass(frozen=True)
class _Crossing:
    """Channel k, a window that runs over ``kink``, J · count · sign(d), φ*, and the bend a J count
    |d|.
    """

    k: int
    window: Window
    kink: fmpq
    weight: fmpq
    star: fmpq
    bend: fmpq


def snapped_pattern(
    net: Stored,
    domain: Domain,
    branches: Sequence[Branch],
    *,
    balance: str = "",
    silent: frozenset[int] = frozenset(),
) -> Pattern | None:
    """The pattern next to the network's own: where a window runs over a kink, its nearer end is put
    on the kink.

    With ``balance`` = "pairs", crossings that come close to cancelling each other are paired
    instead; with "groups", as many as meet their kinks at the same φ* are taken together, and that
    φ* is kept.  The channels in ``silent`` do not matter.  None where an end has no affine branch,
    or a window would still cross.
    """
    places = stretches(net.taps, domain)
    heard = [k for k in range(net.channels) if k not in silent]
    crossed = [x for k in heard for x in _crossings(net, k, places, branches)]
    groups = {"": [], "pairs": _pairs(crossed), "groups": _groups(crossed)}[balance]
    if balance and not groups:
        return None
    released = {(x.k, x.window, x.kink) for group in groups for x in group}
    table: list[dict[Form, Branch] | None] = []
    held: list[tuple[int, Form, fmpq]] = []
    for k in range(net.channels):
        if k in silent:
            table.append(None)
            continue
        free = frozenset((window, kink) for j, window, kink in released if j == k)
        snapped = _snapped(net, k, places, branches, [x for x in crossed if x.k == k], free)
        if snapped is None:
            return None
        table.append(snapped[0])
        held += [(k, form, kink) for form, kink in snapped[1].items()]
    return _assembled(net, domain, table, tuple(held), groups)


def _crossings(
    net: Stored, k: int, places: Sequence[Stretch], branches: Sequence[Branch]
) -> Iterator[_Crossing]:
    vector = net.vector(k)
    listed = set()
    for stretch in places:
        for window in stretch.windows:
            if window in listed:
                continue
            listed.add(window)
            p, q = dot(window.first, vector), dot(window.last, vector)
            for left, right in pairwise(branches):
                kink = left.high
                if kink is not None and kink == right.low and (p - kink) * (q - kink) < 0:
                    jump = (right.slope - left.slope) * window.count * (1 if q > p else -1)
                    bend = net.a[k] * jump * (q - p)
                    yield _Crossing(k, window, kink, jump, (kink - p) / (q - p), bend)


def _groups(crossed: Sequence[_Crossing]) -> list[tuple[_Crossing, ...]]:
    """All crossings at nearly the same φ* whose bends add up to an eighth of their sizes, if some
    are three or more.
    """
    clusters: list[list[_Crossing]] = []
    for x in sorted(crossed, key=lambda x: x.star):
        if clusters and x.star - clusters[-1][-1].star < CLOSE:
            clusters[-1].append(x)
        else:
            clusters.append([x])
    sums = ((sum((x.bend for x in group), ZERO), group) for group in clusters if len(group) > 1)
    groups = [tuple(g) for total, g in sums if 8 * abs(total) < sum(abs(x.bend) for x in g)]
    return groups if any(len(group) > 2 for group in groups) else []


def _pairs(crossed: Sequence[_Crossing]) -> list[tuple[_Crossing, ...]]:
    """Crossings at nearly the same φ* with nearly opposite bends, the best matches first."""
    matches = []
    for i, crossing in enumerate(crossed):
        for j in range(i):
            other = crossed[j]
            size = max(abs(crossing.bend), abs(other.bend))
            if crossing.window != other.window or crossing.k != other.k:
                miss = (
                    abs(crossing.star - other.star) + abs(crossing.bend + other.bend) / size
                    if size
                    else ONE
                )
                if miss < HALF:
                    matches.append((miss, j, i))
    taken: set[int] = set()
    pairs: list[tuple[_Crossing, ...]] = []
    for _, j, i in sorted(matches):
        if not {i, j} & taken:
            taken |= {i, j}
            pairs.append((crossed[j], crossed[i]))
    return pairs


def _snapped(
    net: Stored,
    k: int,
    places: Sequence[Stretch],
    branches: Sequence[Branch],
    crossed: Sequence[_Crossing],
    free: frozenset[tuple[Window, fmpq]],
) -> tuple[dict[Form, Branch], dict[Form, fmpq]] | None:
    vector = net.vector(k)
    fixed = net.b is None  # the background alone is then no weight
    snapped: dict[Form, fmpq] = {}

    def value(form: Form) -> fmpq:
        return snapped[form] if form in snapped else dot(form, vector)

    def distance(x: _Crossing) -> fmpq:
        return min(abs(dot(form, vector) - x.kink) for form in (x.window.first, x.window.last))

    for x in sorted(crossed, key=distance):
        p, q = value(x.window.first), value(x.window.last)
        if (x.window, x.kink) in free or (p - x.kink) * (q - x.kink) >= 0:
            continue
        ends = [
            (abs(p_or_q - x.kink), place)
            for place, (form, p_or_q) in enumerate(((x.window.first, p), (x.window.last, q)))
            if form not in snapped and not (fixed and not any(form[:-1]))
        ]
        if not ends:
            return None
        snapped[(x.window.first, x.window.last)[min(ends)[1]]] = x.kink
    table: dict[Form, Branch] = {}
    sided: list[Window] = []
    crossing = {window for window, _ in free}
    for window in dict.fromkeys(window for stretch in places for window in stretch.windows):
        p, q = value(window.first), value(window.last)
        both = [branch for branch in branches if branch.holds(p) and branch.holds(q)]
        if window in crossing:
            for form, argument in ((window.first, p), (window.last, q)):
                table.setdefault(
                    form, next(branch for branch in branches if branch.holds(argument))
                )
            continue
        if not both:
            return None
        sided.append(window)
        for form in (window.first, window.last):
            # Two branches hold a value on the kink: where windows ask for either, it has to stay
            # there.
            if table.setdefault(form, both[0]) not in both:
                snapped[form] = value(form)
    for window in sided:
        if (
            table[window.first] != table[window.last]
            and not {window.first, window.last} & snapped.keys()
        ):
            end = next(
                form
                for form in (window.first, window.last)
                if value(form) in (table[form].low, table[form].high)
            )
            snapped[end] = value(end)
    return table, snapped


def no_errors(net: Stored, stretch: Stretch, sides: Sequence[Sums]) -> Iterator[Condition]:
    """The error is 0 at both ends of a stretch, from what multiplies a_k v_k, and a_k, in the
    pooled sums there.
    """
    share = fmpq(net.share)
    for radius, sums in zip((stretch.low, stretch.high), sides, strict=True):
        product = {k: (tuple(x / share for x in form), t / share) for k, (form, t) in sums.items()}
        yield Condition(product, {}, ONE, radius)


def _assembled(
    net: Stored,
    domain: Domain,
    table: Sequence[Mapping[Form, Branch] | None],
    held: tuple[tuple[int, Form, fmpq], ...],
    groups: Sequence[tuple[_Crossing, ...]],
    left_out: Collection[int] = (),
) -> Pattern:
    """The pattern in which channel k has each window on the branch that ``table[k]`` gives it; with
    None it is silent, unless it is left out.
    """
    n = net.taps
    kept = {(k, form) for k, form, _ in held}
    errors: list[Condition] = []
    ends: dict[tuple[int, Form], End] = {}
    responses: list[set[tuple[Form, fmpq]]] = [set() for _ in net.a]
    for stretch in stretches(n, domain):
        sides: tuple[Sums, Sums] = {}, {}
        for k, forms in enumerate(table):
            if forms is None:
                continue
            for side, sums in enumerate(sides):
                for window in stretch.windows:
                    form = window.last if side else window.first
                    branch = forms[form]
                    slope, constant = branch.slope * window.count, branch.constant * window.count
                    accumulate(sums, k, slope, form, constant)
                    if (k, form) not in kept:
                        ends[k, form] = End(k, form, branch)
            responses[k] |= {sums[k] for sums in sides}
        errors += no_errors(net, stretch, sides)
    bends = [Condition(plain={k: form}, value=kink) for k, form, kink in held]
    silent = [k for k, forms in enumerate(table) if forms is None and k not in left_out]
    bends += [Condition(product={k: _readout(n)}) for k in silent]
    for group in groups:
        bends += _balanced(group)
    crossing = {x.k for group in groups for x in group}
    kinds = []
    for k, forms in enumerate(table):
        used = set() if forms is None else set(forms.values())
        if k in silent:
            kinds.append("silent")
        elif k in crossing:
            kinds.append("balanced")
        elif len(responses[k]) < 2:
            kinds.append("constant")
        else:
            kinds.append("linear" if len(used) == 1 else "threshold")
    return Pattern(tuple(errors), tuple(bends), held, tuple(ends.values()), tuple(kinds))


def _balanced(group: Sequence[_Crossing]) -> Iterator[Condition]:
    """Σ a J d = 0, and one φ*: for a pair from Σ a J (t - p) = 0, for more of them as it is."""
    slopes: Sums = {}
    starts: Sums = {}
    for x in group:
        first, last = x.window.first, x.window.last
        moved = tuple(q - p for p, q in zip(first, last, strict=True))
        accumulate(slopes, x.k, x.weight, moved, ZERO)
        accumulate(starts, x.k, -x.weight, first, x.weight * x.kink)
    yield Condition(slopes)
    if len(group) == 2:
        yield Condition(starts)
        return
    size = sum(abs(x.bend) for x in group)
    star = sum((abs(x.bend) * x.star for x in group), ZERO) / size
    star = fmpq((star * FINE).floor()) / FINE
    for x in group:
        ends = zip(x.window.first, x.window.last, strict=True)
        yield Condition(plain={x.k: tuple(p + star * (q - p) for p, q in ends)}, value=x.kink)
