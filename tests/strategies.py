"""Shared strategies: filters, biases, radii, activations, and exact networks drawn from every cell.

A staircase is drawn as the path U_0 = b, U_1 = b + w_1, ..., U_n = b + S.  The other staircase is
its point reflection, V_{n-j} = M - U_j with M = U_0 + U_n = 2b + S.  So a kink at 0 is met inside a
step of C or T iff a step of U contains 0 or M: to draw a cell is to draw a walk between these two
levels.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, TypeVar

from hypothesis import assume, settings
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import compile_law, exact_law
from theory.pulse.symmetry import Channel

HOMOGENEOUS = ("identity", "relu", "leaky_relu", "abs", "prelu", "rrelu")
KINKED = ("relu", "leaky_relu", "abs")
RATIONAL = tuple(oracle.RATIONAL)
JUMPING = ("hardshrink", "threshold")
CONTINUOUS = tuple(name for name in RATIONAL if name not in JUMPING)
SMOOTH = (
    "tanh",
    "sigmoid",
    "softplus",
    "gelu",
    "silu",
    "square",
    "elu",
    "celu",
    "selu",
    "logsigmoid",
    "gelu_tanh",
    "cube",
    "arctan",
    "erf",
    "softsign",
    "mish",
    "tanhshrink",
    "sin",
    "exp",
)
"""The rows whose laws are compared in floats: all but the piecewise-linear and the jumping ones."""
KINKS: dict[str, tuple[tuple[Fraction, Fraction], ...]] = {
    "identity": (),
    "relu": ((Fraction(0), Fraction(1)),),
    "leaky_relu": ((Fraction(0), Fraction(99, 100)),),
    "abs": ((Fraction(0), Fraction(2)),),
    "hardtanh": ((Fraction(-1), Fraction(1)), (Fraction(1), Fraction(-1))),
    "prelu": ((Fraction(0), Fraction(3, 4)),),
    "rrelu": ((Fraction(0), Fraction(37, 48)),),
    "relu6": ((Fraction(0), Fraction(1)), (Fraction(6), Fraction(-1))),
    "hardsigmoid": ((Fraction(-3), Fraction(1, 6)), (Fraction(3), Fraction(-1, 6))),
    "softshrink": ((Fraction(-1, 2), Fraction(-1)), (Fraction(1, 2), Fraction(1))),
}
"""(location, slope jump) of every kink of the piecewise-linear rows, written a second time."""
PIECEWISE_LINEAR = tuple(KINKS)


# --- numbers ----------------------------------------------------------------------------------


few = settings(max_examples=max(10, settings().max_examples // 5))
handful = settings(max_examples=max(5, settings().max_examples // 15))
"""For laws of which an example takes over 10 ms (or that are asked of every activation), or over
100: a share of the profile's examples.
"""

LARGE = tuple(range(11, 42, 2)) if settings().max_examples >= 1000 else (11, 17, 25, 41)
"""Widths above 9; each costs the compilation of its laws, so the thorough
profile alone takes all.
"""


T = TypeVar("T")


def entry(values: Sequence[T]) -> st.SearchStrategy[T]:
    """One of many values, the first ones simplest.

    sampled_from names all of them when Hypothesis says what it draws from, which ends in a warning.
    """

    def pick(place: int) -> T:
        return values[place]

    return st.integers(0, len(values) - 1).map(pick)


def either(*lists: Sequence[T]) -> st.SearchStrategy[T]:
    """An entry of one of the lists, each list as likely: one choice, where a union of strategies
    makes three.
    """
    longest = max(map(len, lists))
    return entry([part[k % len(part)] for part in lists for k in range(longest)])


@cache
def widths(most: int = 41, least: int = 1) -> st.SearchStrategy[int]:
    """Odd numbers of taps, the small ones more often."""
    small = tuple(range(least, min(most, 9) + 1, 2))
    large = tuple(n for n in LARGE if n <= most)
    return either(small, small + large)


def _multiples(reach: int, parts: int) -> list[Fraction]:
    """Multiples of 1/parts in [-reach, reach], the simple ones first."""
    whole = range(-reach * parts, reach * parts + 1)
    return [Fraction(k, parts) for k in sorted(whole, key=lambda k: (abs(k), k < 0))]


@cache
def grid(reach: int = 3, parts: int = 8) -> st.SearchStrategy[Fraction]:
    """Multiples of 1/parts in [-reach, reach]; coincidences are frequent."""
    return entry(_multiples(reach, parts))


@cache
def rationals(reach: int = 3) -> st.SearchStrategy[Fraction]:
    """Small fractions, multiples of 1/8 or of 1/60."""
    return either(_multiples(reach, 8), _multiples(reach, 60))


def positive(reach: int = 3) -> st.SearchStrategy[Fraction]:
    """Small fractions above 0."""
    return st.integers(1, 60 * reach).map(lambda k: Fraction(k, 60))


@cache
def unit() -> st.SearchStrategy[Fraction]:
    """φ in [0, 1], ends included."""
    return either([Fraction(k, 60) for k in range(61)], [Fraction(0), Fraction(1), Fraction(1, 2)])


@cache
def floats(reach: float = 4.0) -> st.SearchStrategy[float]:
    """Ordinary floats; nothing subnormal."""
    return st.floats(-reach, reach, allow_nan=False, allow_subnormal=False)


@cache
def filters(
    n: int, numbers: st.SearchStrategy[Any] | None = None
) -> st.SearchStrategy[tuple[Any, ...]]:
    """n taps: random, all zero, palindromic, or with many zeros."""
    number = numbers if numbers is not None else rationals()
    some = st.lists(number, min_size=n, max_size=n).map(tuple)
    half = st.lists(number, min_size=n // 2 + 1, max_size=n // 2 + 1)
    palindrome = half.map(lambda side: tuple(side[:0:-1] + side))
    sparse = st.tuples(some, st.integers(0, 2**n - 1)).map(
        lambda pair: tuple(tap * (pair[1] >> k & 1) for k, tap in enumerate(pair[0]))
    )
    return some | sparse | palindrome


@dataclass(frozen=True)
class Case:
    """One channel on one pulse: r = m - 1/2 + φ, and a signal of 2·half_length + 1 pixels."""

    w: tuple[Any, ...]
    b: Any
    m: int
    phi: Any
    half_length: int

    @property
    def r(self) -> Any:
        return self.m - Fraction(1, 2) + self.phi


def direct(case: Case, name: str) -> Fraction:
    """Σ_i σ((w ⋆ x)_i + b), written out."""
    x = oracle.overlap_pulse(case.r, case.half_length)
    return oracle.pooled(case.w, case.b, oracle.RATIONAL[name], x)


@st.composite
def cases(
    draw: st.DrawFn, *, plateau: bool = True, half_integer: bool = False, most: int = 41
) -> Case:
    """A rational channel and a radius; ``plateau``: r >= n/2, else from 1/2 to past the plateau."""
    n = draw(widths(most))
    h = n // 2
    m = draw(st.integers(h + 1, h + 5) if plateau else st.integers(1, h + 3))
    phi = Fraction(0) if half_integer else draw(unit())
    return Case(draw(filters(n)), draw(rationals()), m, phi, m + h + draw(st.integers(0, 2)))


def sigma_at(name: str, b: Any) -> Callable[[Any], Any]:
    """g(z) = σ(z + b), for exact numbers."""
    sigma = oracle.RATIONAL[name]
    return lambda z: sigma(z + b)


@cache
def exactly(law: Callable[..., Any], n: int, *cell: int) -> Callable[..., Any]:
    """``exact_law`` of law(n, *cell), built once."""
    return exact_law(law(n, *cell), n)


@cache
def floating(law: Callable[..., Any], name: str, n: int, *cell: int) -> Callable[..., Any]:
    """``compile_law`` of law(n, *cell), built once."""
    return compile_law(law(n, *cell), n, name)


# --- networks ---------------------------------------------------------------------------------


@cache
def channels(n: int, *, degenerate: bool = True) -> st.SearchStrategy[Channel]:
    """A rational channel; a = 0, an all-zero filter and a palindrome come up on purpose."""
    weight = rationals() | st.just(Fraction(0)) if degenerate else rationals().filter(bool)
    zero = st.just((Fraction(0),) * n)
    taps = filters(n) | zero if degenerate else filters(n)
    return st.builds(Channel, weight, rationals() | st.just(Fraction(0)), taps)


@st.composite
def networks(
    draw: st.DrawFn, most: int = 9, most_channels: int = 3
) -> tuple[tuple[Channel, ...], Fraction]:
    """K rational channels of one width, sometimes two equal ones, and a readout bias."""
    n = draw(widths(most))
    found = draw(st.lists(channels(n), min_size=1, max_size=most_channels))
    if draw(st.booleans()):
        found[-1] = found[0]
    return tuple(found), draw(rationals())


def answer(net: Sequence[Channel], c: Any, name: str, r: Any, half_length: int) -> Any:
    """r̂ by the direct simulation: c + Σ_k a_k Σ_i σ(z_i + b_k)."""
    sigma = oracle.RATIONAL[name]
    x = oracle.overlap_pulse(r, half_length)
    size = 2 * half_length + 1
    return c + sum(
        (each.a * (oracle.pooled(each.w, each.b, sigma, x) + size * sigma(each.b)) for each in net),
        0 * c,
    )


def worst_error(
    net: Sequence[Channel], c: Any, name: str, radii: Sequence[Any], half_length: int
) -> Any:
    """max |r̂ - r|, exact on exact numbers."""
    return max(abs(answer(net, c, name, r, half_length) - r) for r in radii)


# --- cells ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Path:
    """A staircase with bias: U_0..U_n."""

    u: tuple[Fraction, ...]

    @property
    def w(self) -> tuple[Fraction, ...]:
        return tuple(q - p for p, q in zip(self.u, self.u[1:], strict=False))

    @property
    def b(self) -> Fraction:
        return self.u[0]

    def delta(self, name: str) -> Fraction:
        """Δ = σ(S + b) - σ(b)."""
        sigma = oracle.RATIONAL[name]
        return sigma(self.u[-1]) - sigma(self.u[0])


def _between(low: Fraction, high: Fraction) -> st.SearchStrategy[Fraction]:
    """Rationals in [low, high], ends included and frequent."""
    return unit().map(lambda t: low + t * (high - low))


@st.composite
def linear_paths(draw: st.DrawFn, sign: int, most: int = 9) -> Path:
    """All pre-activations on one closed side: every U_j in [0, M] (times ``sign``), b ≠ S + b."""
    n = draw(widths(most))
    top = draw(positive())
    start = draw(_between(Fraction(0), top).filter(lambda u: 2 * u != top))
    inner = draw(st.lists(_between(Fraction(0), top), min_size=n - 1, max_size=n - 1))
    return Path(tuple(sign * u for u in (start, *inner, top - start)))


def crosses(p: Fraction, q: Fraction, level: Fraction) -> bool:
    """``level`` lies strictly inside the step p -> q."""
    return (p - level) * (q - level) < 0


@st.composite
def threshold_paths(draw: st.DrawFn, most: int = 11) -> Path:
    """Walks that change sides only on a level, 0 or M: C and T pass -b at partial sums, any number
    of times.
    """
    top = draw(rationals(2))
    levels = sorted({Fraction(0), top})
    bounds = [levels[0] - 2, *levels, levels[-1] + 2]
    pieces = list(itertools.pairwise(bounds))
    u = [draw(st.sampled_from(pieces).flatmap(lambda piece: _between(*piece)))]

    def onward(value: Fraction) -> list[tuple[Fraction, Fraction]]:
        return [piece for piece in pieces if piece[0] <= value <= piece[1]]

    for _ in range(draw(st.integers(1, most - 4))):
        piece = draw(st.sampled_from(onward(u[-1]) or [(u[-1], u[-1])]))
        u.append(draw(_between(*piece)))
    end = top - u[0]
    # Walk to the end over the levels in between, landing on each.
    rising = u[-1] < end
    passed = [v for v in levels if min(u[-1], end) < v < max(u[-1], end)]
    u += passed if rising else passed[::-1]
    if len(u) % 2 == 0:  # u holds n points before the end is appended, and n is odd
        u.append(u[-1])
    path = Path((*u, end))
    both = [*path.u, *(top - v for v in path.u)]
    assume(min(both) < 0 < max(both))
    return path


@dataclass(frozen=True)
class Exact:
    """A network that must be exact on every plateau radius: one or two channels
    and c for this N.
    """

    name: str
    net: tuple[Channel, ...]
    half_length: int

    @property
    def n(self) -> int:
        return len(self.net[0].w)

    def bias(self) -> Fraction:
        """c that removes the error at the radius n/2; all other radii are then the test."""
        r = Fraction(self.n, 2)
        return r - answer(self.net, Fraction(0), self.name, r, self.half_length)


def _solved(name: str, path: Path, spare: int) -> Exact:
    delta = path.delta(name)
    assume(delta != 0)
    n = len(path.w)
    half_length = n // 2 + 4 + n // 2 + spare
    return Exact(name, (Channel(1 / (2 * delta), path.b, path.w),), half_length)


@st.composite
def linear_exact(draw: st.DrawFn) -> Exact:
    """Linear cell, positive or negative side (ReLU is dead on the negative one)."""
    name = draw(st.sampled_from(HOMOGENEOUS))
    sign = 1 if name == "relu" else draw(st.sampled_from([1, -1]))
    return _solved(name, draw(linear_paths(sign)), draw(st.integers(0, 2)))


@st.composite
def threshold_exact(draw: st.DrawFn) -> Exact:
    """Threshold cells of ReLU, LeakyReLU and abs."""
    name = draw(st.sampled_from(KINKED))
    return _solved(name, draw(threshold_paths()), draw(st.integers(0, 2)))


@st.composite
def balanced_paths(draw: st.DrawFn, name: str) -> tuple[Path, Path]:
    """Two staircases with the same steps across kinks, and different Δ.

    Both run through the same core, from and to the interval in which σ is affine around both ends;
    only their first and last points differ, within that interval and with the same M.
    """
    if name == "hardtanh":
        top = draw(st.integers(0, 18).map(lambda k: Fraction(k, 12)))
        low, high = top - 1, Fraction(1)
    else:
        top = draw(positive())
        low, high = Fraction(0), top
    inside = _between(low, high)
    first, second = draw(inside), draw(inside)
    assume(first != second)
    core = [draw(inside), *draw(st.lists(rationals(4), max_size=5)), draw(inside)]
    if len(core) % 2:  # n = len(core) + 1 is odd
        core.append(core[-1])
    return Path((first, *core, top - first)), Path((second, *core, top - second))


@st.composite
def balanced_exact(draw: st.DrawFn) -> tuple[Exact, tuple[Path, Path]]:
    """K = 2 networks whose kinks cancel between the channels, and their staircases."""
    name = draw(st.sampled_from((*KINKED, "hardtanh")))
    first, second = draw(balanced_paths(name))
    a = 1 / (2 * (first.delta(name) - second.delta(name)))
    net = (Channel(a, first.b, first.w), Channel(-a, second.b, second.w))
    n = len(first.w)
    return Exact(name, net, n // 2 + 4 + n // 2), (first, second)


def plateau_radii(n: int) -> st.SearchStrategy[list[Fraction]]:
    """Real radii from n/2 to n/2 + 4, half-integers and thirds among them."""
    some = st.integers(0, 4 * 84).map(lambda k: Fraction(n, 2) + Fraction(k, 84))
    fixed = [Fraction(n, 2) + Fraction(k, 12) for k in (0, 1, 4, 12, 15, 48)]
    return st.lists(some, max_size=4).map(lambda more: fixed + more)
