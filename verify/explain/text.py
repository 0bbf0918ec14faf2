"""An explained network on a terminal, as tables and sentences."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil, isfinite
from typing import TextIO, TypeVar

from flint import fmpq
from rich.console import Console
from rich.table import Table

from numerics.arithmetic.decimals import rounded_down, rounded_up
from numerics.arithmetic.numbers import fraction, to_float
from numerics.certificates.conditions import exact_of
from numerics.certificates.nearest import nearest
from numerics.certificates.reduction import Origin, apart
from numerics.pulse.preactivations import last_plateau_radius
from theory.citations import located, statement, theorem
from theory.expressions.spelling import spelled
from theory.shape.classify import classify
from verify.explain.value import (
    LITTLE,
    Alternative,
    Explanation,
    ImageError,
    ImageExplanation,
    Neighbour,
    Replay,
    SignalError,
    SignalExplanation,
    Weight,
)

__all__ = [
    "MINOR",
    "alternative_in_words",
    "bound_in_words",
    "cancels",
    "derived_in_words",
    "distance_bounds",
    "distance_in_words",
    "error_in_words",
    "laws_in_words",
    "made_of",
    "needed_in_words",
    "next_step",
    "options_in_words",
    "radius_in_words",
    "replay_in_words",
    "share_in_words",
    "short",
    "show",
    "with_error",
    "worst_in_words",
]

HALF_WAY = 0.5
"""A share of its length: farther than this from a network is nothing that one would put in its
place.
"""
MINOR = 0.1
"""A share of the slope, in pixels per pixel of radius, that counts."""
CHECK = (
    "check that pooling, padding, length and radii are those of its training:"
    " docs/network.md#when-it-is-not-explained"
)
"""Where nothing better is known."""
WORDS = frozenset({"weight", "filter", "role"})
"""Columns that hold no numbers."""
OneWeight = TypeVar("OneWeight", bound=Weight)


def short(value: float | None, digits: int = 3) -> str:
    """A number in few characters."""
    return "" if value is None else f"{value:.{digits}g}"


def radius_in_words(radius: fmpq) -> str:
    """A radius as it is, or in decimals where it has many digits."""
    text = str(radius)
    return text if len(text) < 24 else f"about {int(radius.p) / int(radius.q):.9g}"


def derived_in_words(weight: Weight, digits: int = 6) -> str:
    """The derived value, or the interval of a free weight: [0.5, ∞) and the like."""
    if not isinstance(weight.derived, tuple):
        return short(weight.derived, digits)
    low, high = weight.derived
    left = "(−∞" if low is None else f"[{low:.{digits}g}"
    right = "∞)" if high is None else f"{high:.{digits}g}]"
    return f"{left}, {right}"


def distance_bounds(near: Neighbour) -> str:
    """The bounds on the distance, as far as there are any."""
    bounds = ""
    if near.distance and (low := near.distance[0]):
        bounds = f"; no exact network of the same pattern is nearer than {rounded_down(low)}"
    if near.anywhere:
        bounds += f"; none at all is nearer than {rounded_down(near.anywhere)}"
    return bounds


def share_in_words(share: float) -> str:
    """A share in percent, rounded up."""
    percent = 100 * share
    return f"{ceil(percent) if percent > 10 else rounded_up(percent, 2)} %"


def distance_in_words(share: float) -> str:
    """How far another network is from this one, as a share of the length of this one."""
    if not isfinite(share):
        return "at no distance that can be said"
    return f"{share_in_words(share)} of this network's length away"


def options_in_words(options: Mapping[str, str]) -> str:
    """As they are typed: --pooling mean and the like."""
    return " ".join(f"--{key.replace('_', '-')} {value}" for key, value in options.items())


def alternative_in_words(other: Alternative, *, sampled: bool = False) -> str:
    """With which settings, or in which units, the network errs by how much."""
    words = f"with {options_in_words(other.options)} " if other.options else ""
    where = "at the sampled radii" if sampled else "at most"
    errs = "is exact" if other.exact else f"errs by {rounded_up(other.error)} pixel {where}"
    if not other.rescaled:
        return f"{words}it {errs}"
    unit = f"r/{other.scale:.6g}" if other.scale != 0.5 else "2r"
    times = f"{other.scale:.6g} times it"
    if other.offset:
        sign, word = ("-", "plus") if other.offset > 0 else ("+", "minus")
        unit = f"(r {sign} {abs(other.offset):.6g})/{other.scale:.6g}"
        times += f" {word} {abs(other.offset):.6g}"
    return f"{words}its answer is {'' if other.exact else 'about '}{unit}: {times} {errs}"


def needed_in_words(explanation: Explanation) -> str:
    """The smallest tolerance that would do."""
    needed = explanation.tolerance_needed
    if needed is None:
        return "no tolerance is known that would do"
    return f"the smallest tolerance that would do: {rounded_up(needed)}"


def cancels(parts: Sequence[float]) -> bool:
    """Whether shares cancel: the largest is no trifle, and more than ten times their sum."""
    most = max(abs(part) for part in parts)
    return most > MINOR and most > 10 * abs(sum(parts))


def with_error(value: float, error: float | None) -> str:
    """A value with its error, as far as there is one."""
    if not error:
        return f"{value:.8g}" + ("" if error is None else " exactly")
    return f"{value:.8g} ± {rounded_up(error, 1)}"


def worst_in_words(worst: SignalError) -> str:
    """How large the worst error is, and where: *exactly* is said of all its digits alone."""
    where = f"at r = {radius_in_words(worst.radius)}"
    value, shown = worst.value, short(worst.about, 6)
    if isinstance(value, fmpq) and fraction(value) == Fraction(shown):
        return f"exactly {shown} {where}"
    most = value if isinstance(value, fmpq) else value[1]
    return f"at most {rounded_up(fraction(most), 6)} {where}"


def made_of(origins: Sequence[Origin]) -> str:
    """Which channels of the network one in canonical form is made of, and how."""
    words = []
    for origin in origins:
        how = ", reversed" if origin.turned else ""
        if origin.factor != 1:
            how += f", filter and bias times {short(to_float(origin.factor), 6)}"
        words.append(f"channel {origin.channel} of the network{how}")
    return " + ".join(words)


def bound_in_words(worst: ImageError) -> str:
    """What is proved of an error at all radii."""
    if worst.bound is None:
        return "sampled, not certified"
    sure = "certified" if worst.certified else "sampled"
    return f"{sure}; at most {rounded_up(worst.bound, 6)} at every radius"


def error_in_words(worst: ImageError) -> str:
    """It errs by how much, and at which radii."""
    if worst.bound is not None and worst.certified:
        return f"it errs by {rounded_up(worst.bound)} pixel at most at every radius"
    bound = worst.bound and f", and by {rounded_up(worst.bound)} at most at every radius"
    where = f"at the sampled radii, {worst.sampled} of them"
    return f"it errs by {rounded_up(worst.value)} pixel at most {where}{bound or ''}"


def laws_in_words(explanation: ImageExplanation) -> tuple[str, str]:
    """What the shares say of a network for images: of the area, and of the perimeter."""
    area = [entry.shares.area for entry in explanation.filters]
    given, length = explanation.identity.area, explanation.identity.perimeter
    if sum(map(abs, area)) < MINOR:
        first = "No filter measures the area"
    elif cancels(area):
        first = "The area cancels"
    else:
        first = f"The area does not cancel: it gives {short(given)} of the slope"
    if abs(length - 1) < MINOR:
        return first, "The perimeter remains"
    return first, f"The perimeter gives {short(length)} of the slope"


def next_step(explanation: SignalExplanation | ImageExplanation) -> str:
    """What to do next."""
    if isinstance(explanation, ImageExplanation):
        return _image_step(explanation)
    return _signal_step(explanation)


def _signal_step(explanation: SignalExplanation) -> str:
    grade, setup, near = explanation.grade, explanation.setup, explanation.near
    if grade == "exact":
        net = exact_of(explanation.stored, setup.activation)
        if net is not None and net.sigma.continuous:
            return (
                "write a certificate of that with --out DIR: docs/certificate.md says how to"
                " check it"
            )
        return "write this as a page with --out DIR"
    others = explanation.alternatives
    alone = "offset" in explanation.failing and set(explanation.failing) <= {"offset", "distance"}
    # A wrong readout bias is likelier than that it ran with another activation.
    if others and "activation" in others[0].options and alone:
        name, offset = explanation.checkpoint.name("readout.bias"), explanation.residuals["offset"]
        return f"subtract {offset:.6g} from {name}: nothing but the offset fails"
    if others:
        return _with(others[0])
    if explanation.kind == "impossible":
        return f"read which activations can be exact: {statement('shape')}"
    shape = classify(spelled(setup.activation).expression)
    if grade != "near exact" and shape.minimal and explanation.channels == 1 != shape.channels:
        name = spelled(setup.activation).name
        return (
            f"train it with two channels: {name} is exact with two channels, not with one:"
            f" {statement('shape')}"
        )
    if grade == "off" and explanation.cell in ("dead", "blind"):
        where = statement("endings")
        return f"read where training ends, and train from another start: {where}"
    if grade == "off" and 2 * setup.domain.low < explanation.taps:
        low = f"{explanation.taps / 2:g}"
        return (
            f"ask from r = {low} on, where the pulse covers the filter, with --r-min {low}:"
            f" {theorem('small radii')}"
        )
    last = last_plateau_radius(explanation.taps, setup.domain)
    if grade == "off" and setup.domain.low < last < setup.domain.high:
        high = f"{float(last):g}"
        return (
            f"ask up to r = {high}, where no window sees an edge and the border, with --r-max"
            f" {high}: docs/network.md#when-it-is-not-explained"
        )
    away = explanation.nearest.relative
    if near is None or away is None or (grade == "off" and away > LITTLE):
        return CHECK
    if away > HALF_WAY:
        return "read what the grade is decided by: docs/network.md#grades"
    network = "network" if near.error else "exact network"
    where = "" if away <= LITTLE else f", {share_in_words(away)} of its length away"
    return f"write the {network} that was found next to it with --repair OUT{where}"


def _image_step(explanation: ImageExplanation) -> str:
    if explanation.explained:
        return "see every filter and the error over r on a page, with --out DIR"
    if explanation.alternatives:
        return _with(explanation.alternatives[0])
    if explanation.tolerance_needed is None:
        return f"read what straight edges account for: {statement('perimeter')}"
    if explanation.grade == "accurate":
        enough = rounded_up(explanation.tolerance_needed, 2)
        return f"say how much you need: --tolerance {enough} would do"
    return CHECK


def _with(other: Alternative) -> str:
    """To take the other settings."""
    words = f"run it again with {options_in_words(other.options)}" if other.options else ""
    if not other.rescaled:
        return words
    units = f"multiply the readout's weight and bias by {other.scale:.6g}"
    if other.offset:
        units += f" and add {other.offset:.6g} to its bias"
    return f"{units}: then it answers in pixels" + (f"; {words}" if words else "")


def show(explanation: Explanation, page: TextIO | None = None) -> None:
    """Print the tables, on stdout if no page is given; in 140 columns where it is no terminal."""
    page = page or sys.stdout
    console = Console(file=page, width=None if page.isatty() else 140, highlight=False)
    images = isinstance(explanation, ImageExplanation)
    parts = (
        _images(explanation) if isinstance(explanation, ImageExplanation) else _signals(explanation)
    )
    replay = explanation.replay
    again = () if replay is None else (replay_in_words(replay),)
    warning = again if replay is not None and replay.agrees is False else ()
    others = [alternative_in_words(other, sampled=images) for other in explanation.alternatives]
    grade = f"grade: {explanation.grade}; {needed_in_words(explanation)}"
    first = (*warning, explanation.verdict, grade, *others, *explanation.notes)
    for part in (*first, *parts, *again, f"next: {explanation.next_step}"):
        shown = located(part) if isinstance(part, str) else part
        console.print(shown, markup=False, soft_wrap=isinstance(part, str))


def replay_in_words(replay: Replay) -> str:
    """What torch answers, and what was read of it beside it."""
    size = abs(replay.error)
    words = (
        f"at r = {replay.radius:.9g} {replay.subject}, in {replay.dtype}, errs by {size:.6g}"
        f" pixel; what was read of it by {replay.certified:.6g}"
    )
    if replay.agrees is None:
        return f"replayed: {words}, which is only approached there"
    apart = f"{words}; they differ by {rounded_up(replay.apart)}"
    limit = "the tolerance"
    if replay.allowed is not None:
        limit = f"{rounded_up(replay.allowed)}, which rounding allows"
    if replay.agrees:
        return f"replayed: {apart}, no more than {limit}"
    doubt = f"{replay.short} is not what was read of it"
    if replay.allowed is None:
        doubt += ", or its rounding, of which no bound is known, is as large"
    return f"WARNING: {apart}, more than {limit}: {doubt}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Words to the left, numbers to the right."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        grid.add_column(name, justify="left" if name in WORDS else "right", no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    return grid


def _weights(weights: Iterable[OneWeight], last: str, cell: Callable[[OneWeight], str]) -> Table:
    """Every weight, with a last column of the caller's."""
    return _table(
        ("weight", "value", "role", "derived", "residual", last),
        (
            (x.label, f"{x.value:.6g}", x.role, derived_in_words(x), short(x.residual, 2), cell(x))
            for x in weights
        ),
    )


def _signals(explanation: Explanation) -> Iterator[str | Table]:
    assert isinstance(explanation, SignalExplanation)
    settings, laws, loss = explanation.setup.as_dict(), explanation.residuals, explanation.loss
    yield (
        f"{settings['activation']} ({explanation.kind.replace('_', ' ')}), "
        f"K = {explanation.channels}, n = {explanation.taps}, {settings['pooling']} pooling, "
        f"{explanation.setup.padding_in_words}, {settings['length']} pixels, "
        f"every real r from {settings['r_min']} to {settings['r_max']}; cell: {explanation.cell}\n"
    )
    yield _weights(explanation.weights, "sensitivity", lambda x: short(x.sensitivity) or "∞")
    slope, offset, subpixel = short(laws["slope"]), short(laws["offset"]), laws["subpixel"]
    yield f"\nlaws: slope α = {slope}, offset β = {offset}, sub-pixel |D| <= {rounded_up(subpixel)}"
    parts = [f"{name} {short(part)}" for name, part in loss.parts.items() if part]
    yield f"loss: {short(loss.value)}" + (f" = {' + '.join(parts)}" if parts else "")
    worst, near = explanation.worst_error, explanation.nearest
    runs = "".join(
        f"; as it runs in {kind} at most {rounded_up(most, 6)}"
        for kind, most in worst.as_it_runs.items()
    )
    yield f"worst error: {worst_in_words(worst)}{runs}"
    if near.exists and near.distance and near.cells:
        share = "" if near.relative is None else f", {short(near.relative)} of its length"
        yield (
            f"nearest exact network found: distance {short(near.distance[1])}{share} "
            f"({', '.join(near.cells)}){distance_bounds(near)}"
        )
    else:
        setup, stored = explanation.setup, explanation.stored
        farther = nearest(setup.activation, stored, setup.domain) if near.exists is None else None
        words = near.reason
        if farther is not None and not near.distance:
            away = distance_in_words(apart(stored, farther.net))
            words += f"; the nearest that was found is {away}"
        yield f"nearest exact network: {words}"
    for channel, origins in zip(explanation.canonical, explanation.origins, strict=True):
        a, b, *taps = (short(x, 6) for x in (channel.a, channel.b, *channel.w))
        yield f"in canonical form: a = {a}, b = {b}, w = ({', '.join(taps)}); {made_of(origins)}"


def _images(explanation: ImageExplanation) -> Iterator[str | Table]:
    settings, laws, identity = (
        explanation.setup.as_dict(),
        explanation.residuals,
        explanation.identity,
    )
    n, length = explanation.taps, settings["length"]
    yield (
        f"{settings['activation']}, K = {explanation.channels}, {n} × {n} taps,"
        f" {settings['pooling']} pooling, {explanation.setup.padding_in_words}, {length} × {length}"
        f" pixels, disks with r from {settings['r_min']} to {settings['r_max']}\n"
    )
    rows = []
    for entry in explanation.filters:
        numbers = [short(x, 4) for x in (entry.sum, entry.rise, entry.moment)]
        parts = [short(x) for x in (entry.shares.area, entry.shares.perimeter, entry.shares.rest)]
        rows.append(
            (
                str(entry.channel),
                entry.role,
                *numbers,
                with_error(entry.perimeter, entry.error),
                *parts,
            )
        )
    yield _table(
        ("filter", "role", "S", "Δ", "|m|", "P", "by the area", "by the perimeter", "rest"), rows
    )
    for entry in explanation.filters:
        if entry.closed_form:
            step = (
                f"; a difference along {entry.difference}: one sign at every edge"
                if entry.difference
                else ""
            )
            yield f"filter {entry.channel}: P in closed form, {entry.closed_form}{step}"
        elif entry.excess is not None:
            factor = f"{1 + entry.excess:.6g} times what a one-signed filter with this dipole has"
            yield f"filter {entry.channel}: P is {factor}"
    yield ""
    yield _weights(explanation.weights, "from", lambda x: x.law)
    loss, worst, lattice = explanation.loss, explanation.worst_error, explanation.lattice
    yield f"\nlaws: area Σ aΔ = {laws['area']:.3g}, perimeter Σ aP - 1 = {laws['perimeter']:.3g}"
    yield (
        f"slope {identity.slope:.6g} = area {identity.area:.4g} + perimeter "
        f"{identity.perimeter:.4g} + rest {identity.rest:.2g} (an edge is bent: up to about "
        f"{identity.scale:.2g}); 1 - L/Var r = {identity.explains:.6g}"
    )
    if lattice:
        yield (
            f"about its best parabola the answer wavers by {lattice['measured']:.3g} pixel; the"
            f" pixels of the edge account for {lattice['law']:.3g}, and {lattice['left']:.3g} is"
            " left (root mean squares)"
        )
    off = short(identity.unsettled)
    yield f"the readout is {off} pixel off the least-squares one (root mean square)"
    floor = rounded_down(loss["floor"])
    yield f"loss: {loss['value']:.3g}; without an activation it is {floor} at least"
    yield (
        f"worst error: {short(worst.value, 6)} at r = {worst.radius:.9g}, "
        f"of {worst.sampled} radii: {bound_in_words(worst)}"
    )
