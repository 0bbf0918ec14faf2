"""Networks as they are stored, for the tests of what explains them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.numbers import fraction, rational
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net
from tests.paddings import domain_of, paddings, windows
from tests.strategies import Exact
from theory.pulse.network import Network

PIECEWISE = (
    "identity",
    "relu",
    "leaky_relu",
    "abs",
    "hardtanh",
    "relu6",
    "hardsigmoid",
    "softshrink",
)
"""Continuous and piecewise linear."""


def q(number: Any) -> fmpq:
    """A Fraction, float or int as a rational of flint."""
    return rational(number)


def stored(w: Sequence[Any], b: Any, a: Sequence[Any], c: Any, share: int = 1) -> Network[fmpq]:
    """From plain numbers; b and c may be None."""
    rows = tuple(tuple(q(x) for x in row) for row in w)
    biases = None if b is None else tuple(q(x) for x in b)
    return Network(rows, biases, tuple(q(x) for x in a), None if c is None else q(c), share)


def as_net(net: Network[fmpq], name: str) -> Network[fmpq]:
    """The same for numerics.pulse.exact_error, which shares no code with
    numerics.certificates.conditions but the lines of a path.
    """
    zero = tuple(fmpq(0) for _ in net.a)
    return exact_net(
        name,
        [[fraction(x) for x in row] for row in net.w],
        [fraction(x) for x in (net.b or zero)],
        [fraction(x) / net.share for x in net.a],
        fraction(net.c if net.c is not None else fmpq(0)),
    )


def from_exact(exact: Exact) -> tuple[Network[fmpq], Domain]:
    """A derived exact network on its plateau radii."""
    channels = exact.net
    net = stored(
        [each.w for each in channels],
        [each.b for each in channels],
        [each.a for each in channels],
        exact.bias(),
    )
    return net, Domain(exact.half_length, fmpq(exact.n, 2), fmpq(exact.n, 2) + 4)


def moved(net: Network[fmpq], by: Sequence[fmpq]) -> Network[fmpq]:
    """Every stored weight plus a number, in the order w, b, a, c."""
    numbers = iter(by)
    w = tuple(tuple(x + next(numbers) for x in row) for row in net.w)
    b = None if net.b is None else tuple(x + next(numbers) for x in net.b)
    a = tuple(x + next(numbers) for x in net.a)
    return Network(w, b, a, None if net.c is None else net.c + next(numbers), net.share)


def count(net: Network[fmpq]) -> int:
    """How many weights there are."""
    n = sum(map(len, net.w)) + len(net.a)
    return n + (len(net.b) if net.b is not None else 0) + (net.c is not None)


def square(one: Network[fmpq], other: Network[fmpq]) -> Fraction:
    """The squared distance."""

    def flat(net: Network[fmpq]) -> list[fmpq]:
        values = [x for row in net.w for x in row] + list(net.a) + list(net.b or ())
        return [*values, net.c if net.c is not None else fmpq(0)]

    return sum(
        (fraction(x - y) ** 2 for x, y in zip(flat(one), flat(other), strict=True)), Fraction(0)
    )


def answered(net: Network[fmpq], name: str, domain: Domain, r: Fraction) -> Fraction:
    """r̂ from the definitions, by plain loops on Fractions."""
    sigma, c = oracle.RATIONAL[name], Fraction(0) if net.c is None else fraction(net.c)
    seen = views(domain, len(net.w[0]), r)
    for k, a in enumerate(net.a):
        *w, b = map(fraction, net.vector(k))
        pooled = sum(sigma(dotted(w, x) + b) for x in seen)
        c += fraction(a) * pooled / net.share
    return c


def dotted(w: Sequence[Fraction], x: Sequence[Fraction]) -> Fraction:
    """Σ w x."""
    return sum((p * q for p, q in zip(w, x, strict=True)), Fraction(0))


def views(domain: Domain, taps: int, r: Fraction) -> list[list[Fraction]]:
    """What the filter sees at every position."""
    pulse = list(oracle.overlap_pulse(r, domain.half_length))
    pixels = "" if domain.pixels is None else f" {domain.pixels}"
    return windows(pulse, f"{domain.padding}{pixels}", taps, 0 * r)


BREAKS = {
    "hardshrink": (Fraction(-1, 2), Fraction(1, 2)),
    "threshold": (Fraction(1),),
    "relu": (Fraction(0),),
    "abs": (Fraction(0),),
    "hardtanh": (Fraction(-1), Fraction(1)),
}
"""Where these activations bend or jump, written a second time."""


def straight(
    net: Network[fmpq], name: str, domain: Domain
) -> list[tuple[Fraction, Fraction, Fraction, Fraction]]:
    """(from, to, r̂ - r just after, just before) of the intervals of radii on which r̂ is a
    straight line.

    From the definitions: pixels, and so pre-activations, are straight lines in r between
    half-integers; their places at breaks of σ are where r̂ may bend or jump.  Two radii inside tell
    the line.
    """
    low, high = fraction(domain.low), fraction(domain.high)
    halves = [Fraction(2 * j + 1, 2) for j in range(domain.half_length + 1)]
    ends = [low, *(x for x in halves if low < x < high), high]
    cuts = set(ends)
    for p, q in pairwise(ends):
        one, other = (views(domain, len(net.w[0]), r) for r in (p, q))
        for k in range(len(net.a)):
            *w, b = map(fraction, net.vector(k))
            for x, y in zip(one, other, strict=True):
                first, last = dotted(w, x) + b, dotted(w, y) + b
                cuts |= {
                    p + (q - p) * (at - first) / (last - first)
                    for at in BREAKS[name]
                    if (at - first) * (at - last) < 0
                }
    found = []
    for p, q in pairwise(sorted(cuts)):
        near, far = ((2 * p + q) / 3, (p + 2 * q) / 3)
        e, f = (answered(net, name, domain, r) - r for r in (near, far))
        found.append((p, q, 2 * e - f, 2 * f - e))
    return found


numbers = st.integers(-16, 16).map(lambda k: Fraction(k, 8))


@st.composite
def cases(draw: st.DrawFn, names: Sequence[str] = PIECEWISE) -> tuple[str, Network[fmpq], Domain]:
    """Any network on any interval of radii, with any padding and pooling, with or
    without biases.
    """
    name = draw(st.sampled_from(names))
    n, channels = draw(st.sampled_from((1, 3, 5))), draw(st.integers(1, 3))
    half = n + draw(st.integers(1, 4))
    padding = draw(paddings(half, n))
    size = domain_of(half, fmpq(1), fmpq(1), padding).windows(n)
    row = st.lists(numbers, min_size=n, max_size=n)
    each = st.lists(numbers, min_size=channels, max_size=channels)
    w = draw(st.lists(row, min_size=channels, max_size=channels))
    b, c = draw(st.none() | each), draw(st.none() | numbers)
    net = stored(w, b, draw(each), c, draw(st.sampled_from((1, size))))
    ends = draw(st.lists(st.integers(2, 4 * half + 2), min_size=2, max_size=2, unique=True))
    low, high = sorted(ends)
    return name, net, domain_of(half, fmpq(low, 4), fmpq(high, 4), padding)
