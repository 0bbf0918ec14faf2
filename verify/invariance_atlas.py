"""The atlas of invariance: for every unknown, readout, set of radii, padding and kind of network, whether one is exact.

    r̂ = c + Σ_k Σ_i v_k(i) σ((w_k ⋆ x)_i + b_k),    x(i) = β + α x_r(i - s)

A row is a statement about a kind of network: an exact network, whose weights are evaluated from the theory's formulas; or
the theorem that there is none, and the least loss where it is known.  :func:`largest_error`
runs a row's network in rationals over a grid of what is unknown.  :mod:`verify.invariance_figures` draws the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from types import MappingProxyType

from theory.background import Reader, full_reader, reader
from theory.contrast import silence
from theory.invariance import (
    OneLeg,
    behind_the_border,
    both_price,
    dense_risk,
    one_leg,
    sum_risk,
)
from theory.readout import exact_readout
from verify.explain import render
from verify.page import Section

__all__ = [
    "BACKGROUNDS",
    "CONTRASTS",
    "HALF_LENGTH",
    "KINDS",
    "LINES",
    "LOSS_BACKGROUNDS",
    "LOSS_CONTRASTS",
    "PIXELS",
    "RADII",
    "SHIFTS",
    "Channel",
    "Loss",
    "Net",
    "Place",
    "Reason",
    "Row",
    "Seen",
    "Sigma",
    "answer",
    "largest_error",
    "lines",
    "moments",
    "rows",
    "scenes",
    "section",
    "signal",
    "weights",
]

HALF = Fraction(1, 2)
HALF_LENGTH = 9
"""L: pixels -L, ..., L."""
PIXELS = Fraction(2 * HALF_LENGTH + 1)
"""N."""
LOW, HIGH = Fraction(-1), Fraction(2)
LEAST, MOST = Fraction(1), Fraction(2)
BACKGROUNDS = (LOW, Fraction(-1, 3), HALF, Fraction(8, 7), HIGH)
"""Backgrounds in [-1, 2], where the rows promise to be exact."""
CONTRASTS = (LEAST, Fraction(4, 3), MOST)
"""Contrasts in [1, 2]."""
SHIFTS = (0, 1, 3)
"""Where the pulse may be."""
RADII: Mapping[str, tuple[Fraction, ...]] = MappingProxyType(
    {
        "half": tuple(m - HALF for m in (2, 3, 4, 5)),
        "real": tuple(m - HALF + Fraction(t, 4) for m in (2, 3, 4) for t in range(4)),
    }
)
"""The radii on which networks are run and losses stated: half-integers, and quarters."""
LOSS_BACKGROUNDS = (Fraction(0), Fraction(1))
"""The backgrounds of a stated loss, equally likely."""
LOSS_CONTRASTS = (Fraction(1), Fraction(2))
"""The contrasts of a stated loss, equally likely."""

# ------------------------------------------------------------------------------------- the axes

LINES: tuple[tuple[str, str], ...] = (
    ("nothing", "any"),
    ("place", "any"),
    ("background", "ring"),
    ("background", "zeros"),
    ("contrast", "any"),
    ("both", "ring"),
    ("both", "zeros"),
)
"""(what is unknown, padding): what lies beyond the border matters where a background does."""
READOUTS = ("sum", "dense")
KINDS = ("linear", "relu 1", "relu 2", "relu 3", "any")
"""Linear networks with any K; ReLU with 1, 2 or 3 channels; any σ with any K."""


@dataclass(frozen=True, order=True)
class Place:
    """A cell of the atlas.

    Attributes
    ----------
    unknown: nothing, place, background, contrast, or both of the last two.
    readout: ``sum`` pooling, or ``dense``, a weight for each position.
    radii: ``half``-integers, or every ``real`` radius.
    padding: ``ring``, ``zeros``, or ``any`` where it does not matter.
    kind: one of :data:`KINDS`.
    """

    unknown: str
    readout: str
    radii: str
    padding: str
    kind: str


@dataclass(frozen=True)
class Sigma:
    """σ(z) = level + slope·z + Σ jump·max(z - at, 0) over ``bends``, pairs (at, jump)."""

    name: str
    slope: Fraction
    bends: tuple[tuple[Fraction, Fraction], ...] = ()
    level: Fraction = Fraction(0)

    def __call__(self, z: Fraction) -> Fraction:
        return self.level + self.slope * z + sum(jump * max(z - at, Fraction(0)) for at, jump in self.bends)  # fmt: skip


@dataclass(frozen=True)
class Channel:
    """Three taps, a bias, and one readout weight, or one for each position."""

    w: tuple[Fraction, ...]
    b: Fraction
    v: tuple[Fraction, ...]


@dataclass(frozen=True)
class Net:
    """Channels that share σ, and the readout bias."""

    sigma: Sigma
    channels: tuple[Channel, ...]
    c: Fraction


@dataclass(frozen=True)
class Reason:
    """A theorem or construction by name, and the page and heading that prove it."""

    name: str
    page: str


@dataclass(frozen=True)
class Loss:
    """A loss for equally likely radii, backgrounds 0, 1 and contrasts 1, 2; ``attained``: or else a bound from below."""

    value: Fraction
    formula: str
    attained: bool


@dataclass(frozen=True)
class Row:
    """What is known of a cell: ``status`` is feasible or infeasible."""

    place: Place
    status: str
    reason: Reason
    net: Net | None = None
    loss: Loss | None = None


@dataclass(frozen=True)
class Seen:
    """What became of networks that a claim has trained: every one of them is in one outcome."""

    what: str
    networks: int
    outcomes: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        if sum(count for _, count in self.outcomes) != self.networks:
            raise ValueError(f"{self.what}: {self.outcomes} do not add up to {self.networks}")


# ---------------------------------------------------------------------------- running a network


def signal(r: Fraction, beta: Fraction, alpha: Fraction, s: int) -> list[Fraction]:
    """x(i) = β + α |[i - 1/2, i + 1/2] ∩ [s - r, s + r]|."""
    overlap = lambda i: max(min(i + HALF, s + r) - max(i - HALF, s - r), Fraction(0))
    return [beta + alpha * overlap(i) for i in range(-HALF_LENGTH, HALF_LENGTH + 1)]


def answer(net: Net, x: Sequence[Fraction], padding: str) -> Fraction:
    """r̂, in rationals; ``any`` padding is taken as zeros."""
    size, value = len(x), net.c
    for channel in net.channels:
        h = len(channel.w) // 2
        for i in range(size):
            weight = channel.v[i if len(channel.v) > 1 else 0]
            if weight == 0:
                continue
            z = channel.b
            for u, tap in enumerate(channel.w, start=i - h):
                if padding == "ring" or 0 <= u < size:
                    z += tap * x[u % size]
            value += weight * net.sigma(z)
    return value


def scenes(unknown: str) -> tuple[tuple[Fraction, Fraction, int], ...]:
    """The grid of (β, α, s) for what is unknown."""
    shades = BACKGROUNDS if unknown in ("background", "both") else (Fraction(0),)
    lights = CONTRASTS if unknown in ("contrast", "both") else (Fraction(1),)
    places = SHIFTS if unknown == "place" else (0,)
    return tuple(product(shades, lights, places))


def largest_error(row: Row) -> Fraction:
    """The largest |r̂ - r| of a row's network on the grid of its radii and of what it does not know."""
    if row.net is None:
        raise ValueError(f"{row.place} has no network")
    place = row.place
    return _error(row.net, place.unknown, place.radii, place.padding)


@cache
def _error(net: Net, unknown: str, radii: str, padding: str) -> Fraction:
    # Cells share networks: each is run once for a task.
    return max(
        abs(answer(net, signal(r, *scene), padding) - r)
        for r in RADII[radii]
        for scene in scenes(unknown)
    )


# ------------------------------------------------------------------------------ exact networks

IDENTITY = Sigma("identity", Fraction(1))
RELU = Sigma("relu", Fraction(0), ((Fraction(0), Fraction(1)),))
HARDTANH = Sigma("hardtanh", Fraction(0), ((Fraction(-1), Fraction(1)), (Fraction(1), Fraction(-1))), Fraction(-1))  # fmt: skip
ONE = (Fraction(0), Fraction(1), Fraction(0))


def _prelu(slope: Fraction) -> Sigma:
    """Slope ``slope`` below 0 and 1 above, as a trained PReLU may have."""
    return Sigma(f"prelu({slope})", slope, ((Fraction(0), 1 - slope),))


def _summed(sigma: Sigma, found: Reader) -> Net:
    """Without the channels that have the readout weight 0."""
    channels = tuple(Channel(w, b, (a,)) for w, b, a in zip(found.w, found.b, found.a, strict=True) if a != 0)  # fmt: skip
    return Net(sigma, channels, found.c)


def _plain(sigma: Sigma) -> Net:
    """One tap in the linear cell: a = 1/(2Δ), c = -aNσ(0)."""
    (a,), c = exact_readout([sigma(Fraction(1)) - sigma(Fraction(0))], [PIXELS * sigma(Fraction(0))])  # fmt: skip
    return Net(sigma, (Channel(ONE, Fraction(0), (a,)),), c)


def _spread_out(net: Net) -> Net:
    """Sum pooling as a dense readout: the same weight at every position."""
    channels = tuple(Channel(one.w, one.b, one.v * int(PIXELS)) for one in net.channels)
    return Net(net.sigma, channels, net.c)


def _weightless(sigma: Sigma, bias: Fraction) -> Net:
    """A dense readout whose weights add up to 0: 1/2 everywhere, less N/2 in the middle, which is always lit; c = N/2."""
    net = _spread_out(_plain(sigma))
    ((w, _, v),) = ((one.w, one.b, one.v) for one in net.channels)
    excess = sum(v)
    middle = tuple(p - excess * (i == HALF_LENGTH) for i, p in enumerate(v))
    return Net(sigma, (Channel(w, bias, middle),), net.c + excess)


def _border(sigma: Sigma) -> Net:
    """The border as an edge; for ReLU with a bias that keeps every window above the kink."""
    plain = behind_the_border(PIXELS, Fraction(0))
    worst = max(abs(LOW), abs(HIGH) + 1) * sum(abs(tap) for tap in plain.w[0])
    bias = worst if sigma == RELU else Fraction(0)
    return _summed(sigma, behind_the_border(PIXELS, bias))


def _quiet() -> Net:
    """Counting silence: one tap -b/α_0, b = 1."""
    w = (Fraction(0), -1 / LEAST, Fraction(0))
    a, c = silence(w[1:2], Fraction(1), PIXELS)
    return Net(RELU, (Channel(w, Fraction(1), (a,)),), c)


def _leg() -> Net:
    found: OneLeg = one_leg(1 / LEAST, range(-HALF_LENGTH, HALF_LENGTH + 1))
    return Net(RELU, (Channel(found.w, found.b, found.v),), found.c)


def _ruler() -> Net:
    """v_i = v_0 - i/2, here v_0 = 0.  What the first position says is not read: with zeros it sees the border."""
    v = tuple(-HALF * i * (i > -HALF_LENGTH) for i in range(-HALF_LENGTH, HALF_LENGTH + 1))
    gain = 1 / LEAST
    return Net(HARDTANH, (Channel((-gain, gain, Fraction(0)), Fraction(0), v),), Fraction(0))


def _readers(make: str) -> Net:
    two = reader if make == "two" else full_reader
    return _summed(RELU, two(LOW, HIGH, -LOW, PIXELS, Fraction(0), Fraction(1)))


def _lone() -> Net:
    """The slope at which the first of two channels gets the readout weight 0: p = -1/(N - 1)."""
    slope = -1 / (PIXELS - 1)
    return _summed(_prelu(slope), reader(LOW, HIGH, -LOW, PIXELS, slope, Fraction(1)))


def _merged() -> Net:
    """The slope at which the first of three gets 0, p = -2/(N - 2); the other two, each other's mirror image, as one σ.

    On a pulse that is its own mirror image a filter and its reversal answer the same; so
    aσ(y + b_2) - aσ(-y + b_3) is one activation of y, with slope 2p from b_3 to -b_2 and p + 1 outside.
    """
    p = -2 / (PIXELS - 2)
    two = _summed(_prelu(p), full_reader(LOW, HIGH, -LOW, PIXELS, p, Fraction(1)))
    one, other = two.channels
    if other.w != tuple(-tap for tap in one.w[::-1]) or other.v[0] != -one.v[0]:
        raise ValueError("the two channels at the edge are no mirror images")
    level = p * (one.b - other.b) - (1 - p) * other.b
    sigma = Sigma(f"slopes {p + 1}, {2 * p}, {p + 1}, bent at {other.b} and {-one.b}", p + 1, ((other.b, p - 1), (-one.b, 1 - p)), level)  # fmt: skip
    return Net(sigma, (Channel(one.w, Fraction(0), one.v),), two.c)


# ------------------------------------------------------------------------------------- reasons

LINEAR_CELL = Reason("the linear cell: the pixels add up to 2r", "kinks.md")
SUMS_AGREE = Reason("sum pooling does not see a shift", "dense.md#a-pulse-that-is-not-centred")
EQUAL = Reason("a dense readout may be sum pooling", "dense.md#the-error-is-a-spline")
TRADE = Reason("a linear network trades radius against background", "background.md#one-channel")
FLAT = Reason("ReLU has only one flat piece", "background.md#one-channel")
EDGE = Reason("two channels read the background at an edge", "background.md#two-channels-read-the-background-at-an-edge")  # fmt: skip
MIRROR = Reason("three channels, each straight where another bends", "background.md#two-channels-read-the-background-at-an-edge")  # fmt: skip
CROWDED = Reason("two channels with three taps cannot balance bends and slopes", "pair.md#rings-that-are-too-large")  # fmt: skip
DROPPED = Reason("a slope at which one channel is enough", "invariance.md#one-channel-with-a-slope-of-its-own")  # fmt: skip
BORDER = Reason("the border is an edge", "background.md#zeros-beyond-the-border")
NO_WEIGHT = Reason("weights that add up to 0", "background.md#zeros-beyond-the-border")
LIGHT = Reason("a linear network measures light", "invariance.md#what-linear-networks-lose")
SILENCE = Reason("counting silence", "contrast.md#half-integer-radii-counting-silence")
QUOTIENT = Reason("no sum of activations is a quotient", "contrast.md#every-real-radius-impossible")
CHAIN = Reason("two backgrounds and a contrast make a chain", "invariance.md#background-and-contrast-with-sums")  # fmt: skip
LEG = Reason("one leg of the compass", "invariance.md#one-leg")
RULER = Reason("the ruler", "contrast.md#the-ruler")


# ---------------------------------------------------------------------------------------- rows


def moments(values: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
    """(mean, variance) of equally likely values."""
    mean = sum(values, Fraction(0)) / len(values)
    return mean, sum(((x - mean) ** 2 for x in values), Fraction(0)) / len(values)


def _linear_loss(place: Place) -> Loss:
    (mean, spread) = moments(RADII[place.radii])
    level, light = moments(LOSS_CONTRASTS) if place.unknown != "background" else (Fraction(1), Fraction(0))  # fmt: skip
    shade = moments(LOSS_BACKGROUNDS)[1] if place.unknown != "contrast" else Fraction(0)
    if place.readout == "dense":
        return Loss(dense_risk(spread, light, level), r"\frac{VA}{A + \mu^2}", True)
    lift = PIXELS if place.padding == "ring" else Fraction(0)
    formula = r"V - \frac{(2\mu V)^2}{4(VA + V\mu^2 + Am^2) + T^2B}"
    return Loss(sum_risk(spread, mean, light, level, shade, lift), formula, True)


def _price(radii: str) -> Loss:
    """V/12; between half-integers V is the variance of the half-integers alone, and the bound need not be sharp."""
    spread = moments(sorted({(r - HALF) // 1 + HALF for r in RADII[radii]}))[1]
    return Loss(both_price(spread), r"\frac{V}{12}", radii == "half")


def _row(place: Place) -> Row:
    unknown, dense, real = place.unknown, place.readout == "dense", place.radii == "real"
    linear, relu = place.kind == "linear", place.kind.startswith("relu")
    straight = RELU if relu else IDENTITY
    if unknown in ("nothing", "place"):
        if dense:
            return Row(place, "feasible", EQUAL, _spread_out(_plain(straight)))
        return Row(place, "feasible", LINEAR_CELL if unknown == "nothing" else SUMS_AGREE, _plain(straight))  # fmt: skip
    if unknown == "background":
        if dense:
            return Row(place, "feasible", NO_WEIGHT, _weightless(straight, -LOW if relu else Fraction(0)))  # fmt: skip
        if place.padding == "zeros":
            return Row(place, "feasible", BORDER, _border(straight))
        return _on_the_ring(place)
    if linear:
        return Row(place, "infeasible", LIGHT, loss=_linear_loss(place))
    if unknown == "both" and not dense:
        price = _price(place.radii)
        # With a given σ V/12 is a bound; with σ at will it is reached.
        return Row(place, "infeasible", CHAIN, loss=Loss(price.value, price.formula, price.attained and not relu))  # fmt: skip
    if real:
        return Row(place, "infeasible", QUOTIENT)
    if unknown == "contrast":
        return Row(place, "feasible", SILENCE, _spread_out(_quiet()) if dense else _quiet())
    return Row(place, "feasible", LEG, _leg()) if relu else Row(place, "feasible", RULER, _ruler())


def _on_the_ring(place: Place) -> Row:
    """Background, sums, ring: where the number of channels counts."""
    real = place.radii == "real"
    if place.kind == "linear":
        return Row(place, "infeasible", TRADE, loss=_linear_loss(place))
    if place.kind == "relu 1":
        return Row(place, "infeasible", FLAT)
    if place.kind == "any":
        return Row(place, "feasible", DROPPED, _merged() if real else _lone())
    if real and place.kind == "relu 2":
        return Row(place, "infeasible", CROWDED)
    return Row(place, "feasible", MIRROR, _readers("three")) if real else Row(place, "feasible", EDGE, _readers("two"))  # fmt: skip


@cache
def rows() -> tuple[Row, ...]:
    """Every cell once, line by line."""
    return tuple(_row(place) for place in _places())


def _places() -> Iterator[Place]:
    for (unknown, padding), readout, radii in product(LINES, READOUTS, RADII):
        for kind in KINDS:
            yield Place(unknown, readout, radii, padding, kind)


# ---------------------------------------------------------------------------------------- words

UNKNOWNS = MappingProxyType(
    {
        "nothing": "nothing",
        "place": "place",
        "background": "background",
        "contrast": "contrast",
        "both": "background and contrast",
    }
)
PADDINGS = MappingProxyType({"any": "", "ring": "ring", "zeros": "zeros beyond"})


def _number(x: Fraction) -> str:
    return str(x).replace("-", "−")


def weights(net: Net) -> tuple[str, ...]:
    """A line of plain text for each channel, and one for c; dense weights by what they are along the positions."""
    found = [f"σ = {net.sigma.name.replace('-', '−')}"]
    for one in net.channels:
        read = f"a = {_number(one.v[0])}" if len(one.v) == 1 else f"v = {_along(one.v)}"
        found.append(f"w = ({', '.join(map(_number, one.w))}), b = {_number(one.b)}, {read}")
    return (*found, f"c = {_number(net.c)}")


def _along(v: Sequence[Fraction]) -> str:
    """Runs of equal weights as value × length, longer lists by their ends."""
    runs: list[tuple[Fraction, int]] = []
    for value in v:
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    parts = [_number(value) + (f" × {count}" if count > 1 else "") for value, count in runs]
    if len(parts) > 6:
        parts = [*parts[:3], "…", parts[-1]]
    return f"({', '.join(parts)})"


@dataclass(frozen=True)
class Line:
    """One line of the table: cells of the same unknown, padding, readout and radii, left to right as :data:`KINDS`."""

    unknown: str
    padding: str
    readout: str
    radii: str
    cells: tuple[Row, ...]

    @property
    def reasons(self) -> tuple[tuple[str, Reason], ...]:
        """Each reason once, after the kinds that it holds for."""
        found: dict[Reason, list[str]] = {}
        for row in self.cells:
            found.setdefault(row.reason, []).append(row.place.kind)
        return tuple((_together(kinds), reason) for reason, kinds in found.items())

    @property
    def networks(self) -> tuple[tuple[str, Net], ...]:
        """Each network once."""
        found: dict[Net, list[str]] = {}
        for row in self.cells:
            if row.net is not None:
                found.setdefault(row.net, []).append(row.place.kind)
        return tuple((_together(kinds), net) for net, kinds in found.items())

    @property
    def losses(self) -> tuple[tuple[str, Loss], ...]:
        """Each known loss once."""
        found: dict[Loss, list[str]] = {}
        for row in self.cells:
            if row.loss is not None:
                found.setdefault(row.loss, []).append(row.place.kind)
        return tuple((_together(kinds), loss) for loss, kinds in found.items())


def _together(kinds: Sequence[str]) -> str:
    """The kinds in words: relu 2, relu 3 -> ReLU, K = 2, 3."""
    if len(kinds) == len(KINDS):
        return "all"
    found = ["linear"] if "linear" in kinds else []
    counts = [kind.removeprefix("relu ") for kind in kinds if kind.startswith("relu")]
    if counts:
        found.append(f"ReLU, K = {', '.join(counts)}")
    return "; ".join([*found, *(["any σ"] if "any" in kinds else [])])


@cache
def lines() -> tuple[Line, ...]:
    """The rows, five to a line."""
    found, size = rows(), len(KINDS)
    groups = [found[i : i + size] for i in range(0, len(found), size)]
    return tuple(
        Line(
            UNKNOWNS[one[0].place.unknown],
            PADDINGS[one[0].place.padding],
            one[0].place.readout,
            "half-integers" if one[0].place.radii == "half" else "every real",
            one,
        )
        for one in groups
    )


def section(seen: Mapping[Place, Sequence[Seen]]) -> Section:
    """The table for the report, each network run again, with what training found."""
    known = {row.place for row in rows()}
    if set(seen) - known:
        raise ValueError(f"no such cells: {sorted(set(seen) - known)}")
    errors = {row.place: largest_error(row) for row in rows() if row.net is not None}
    wrong = [place for place, error in errors.items() if error != 0]
    if wrong:
        raise ValueError(f"networks that are not exact: {wrong}")
    trained = [
        [(_together([row.place.kind]), one) for row in line.cells for one in seen.get(row.place, ())]
        for line in lines()
    ]  # fmt: skip
    html = render(
        "invariance.html",
        lines=list(zip(lines(), trained, strict=True)),
        marks={"feasible": "●", "infeasible": "×"},
        weights=weights,
        counts={status: sum(row.status == status for row in rows()) for status in ("feasible", "infeasible")},
        pixels=int(PIXELS),
    )  # fmt: skip
    return Section("background-invariance", "The atlas of invariance", html)
