"""An explained network on a terminal: its document as tables and sentences."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import floor, log10
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = [
    "MINOR",
    "bound_in_words",
    "cancels",
    "derived_in_words",
    "distance_bounds",
    "interval",
    "label",
    "laws_in_words",
    "radius_in_words",
    "rounded_up",
    "short",
    "show",
    "show_disk",
    "with_error",
]

MINOR = 0.1
"""A share of the slope, in pixels per pixel of radius, that counts."""
WORDS = frozenset({"weight", "filter", "role"})
"""Columns that hold no numbers."""


def short(value: float | None, digits: int = 3) -> str:
    """A number in few characters."""
    return "" if value is None else f"{value:.{digits}g}"


def label(weight: dict[str, Any]) -> str:
    """A weight by name and index: conv.weight 0,0,2."""
    return f"{weight['name']} {','.join(map(str, weight['index']))}"


def interval(ends: list[float | None]) -> str:
    """[0.5, ∞) and the like."""
    low, high = ends
    left = "(−∞" if low is None else f"[{low:.6g}"
    right = "∞)" if high is None else f"{high:.6g}]"
    return f"{left}, {right}"


def radius_in_words(radius: str) -> str:
    """A radius as it is, or in decimals where it has many digits."""
    over, _, under = radius.partition("/")
    return radius if len(radius) < 24 else f"about {int(over) / int(under or 1):.9g}"


def derived_in_words(weight: dict[str, Any]) -> str:
    """The derived value, or the interval of a free weight."""
    value = weight["derived"]
    if value is None:
        return ""
    return interval(value) if isinstance(value, list) else f"{value:.12g}"


def distance_bounds(near: dict[str, Any]) -> str:
    """The bounds on the distance, as far as there are any."""
    bounds = []
    if near["distance"][0] is not None:
        bounds.append(
            f"no exact network of the same pattern is nearer than {short(near['distance'][0])}"
        )
    if near["anywhere"] is not None:
        bounds.append(f"none at all is nearer than {short(near['anywhere'])}")
    return "".join(f"; {bound}" for bound in bounds)


def rounded_up(value: float, digits: int = 3) -> str:
    """A number in few characters, rounded up."""
    near = f"{value:.{digits}g}"
    if float(near) >= value or value <= 0:
        return near
    return f"{value + 10.0 ** (floor(log10(value)) + 1 - digits) / 2:.{digits}g}"


def cancels(parts: Sequence[float]) -> bool:
    """Whether shares cancel: the largest is no trifle, and more than ten times their sum."""
    most = max(abs(part) for part in parts)
    return most > MINOR and most > 10 * abs(sum(parts))


def with_error(value: float, error: float | None) -> str:
    """A value with its error, as far as there is one."""
    return f"{value:.8g}" + ("" if error is None else f" ± {error:.1g}" if error else " exactly")


def bound_in_words(worst: dict[str, Any]) -> str:
    """What is proved of an error at all radii."""
    if worst["bound"] is None:
        return "sampled, not certified"
    sure = "certified" if worst["certified"] else "sampled"
    return f"{sure}; at most {rounded_up(worst['bound'], 6)} at every radius"


def laws_in_words(document: dict[str, Any]) -> tuple[str, str]:
    """What the shares say of a network for images: of the area, and of the perimeter."""
    area = [entry["shares"]["area"] for entry in document["filters"]]
    given, length = document["identity"]["area"], document["identity"]["perimeter"]
    if sum(map(abs, area)) < MINOR:
        first = "No filter measures the area"
    elif cancels(area):
        first = "The area cancels"
    else:
        first = f"The area does not cancel: it gives {short(given)} of the slope"
    second = (
        "The perimeter remains"
        if abs(length - 1) < MINOR
        else f"The perimeter gives {short(length)} of the slope"
    )
    return first, second


def show(document: dict[str, Any]) -> None:
    """Print the tables."""
    _print(_pulse(document))


def show_disk(document: dict[str, Any]) -> None:
    """The tables of a network for images."""
    _print(_disk(document))


def _print(parts: Iterable[str | Table]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    for part in parts:
        console.print(part, markup=False, soft_wrap=isinstance(part, str))


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Words to the left, numbers to the right."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        grid.add_column(name, justify="left" if name in WORDS else "right", no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    return grid


def _weights(document: dict[str, Any], last: str, cell: Callable[[dict[str, Any]], str]) -> Table:
    """Every weight, with a last column of the caller's."""
    return _table(
        ("weight", "value", "role", "derived", "residual", last),
        (
            (label(weight), f"{weight['value']:.12g}", weight["role"], derived_in_words(weight), short(weight["residual"], 2), cell(weight))
            for weight in document["weights"]
        ),
    )  # fmt: skip


def _pulse(document: dict[str, Any]) -> Iterator[str | Table]:
    net, laws, loss = document["network"], document["residuals"], document["loss"]
    yield document["verdict"]
    yield (
        f"{net['activation']} ({net['class'].replace('_', ' ')}), K = {net['channels']}, n = {net['taps']}, {net['pooling']} pooling, "
        f"{net['padding']} padding, {net['length']} pixels, every real r from {net['r_min']} to {net['r_max']}; cell: {document['cell']}\n"
    )
    yield _weights(document, "sensitivity", lambda weight: short(weight["sensitivity"]) or "∞")
    yield f"\nlaws: slope α = {short(laws['slope'])}, offset β = {short(laws['offset'])}, sub-pixel |D| <= {short(laws['subpixel'])}"
    parts = [f"{name} {short(part)}" for name, part in loss["parts"].items() if part]
    yield f"loss: {short(loss['value'])}" + (f" = {' + '.join(parts)}" if parts else "")
    worst = document["worst_error"]
    exactly = "exactly" if isinstance(worst["value"], str) else "at most"
    runs = "".join(f"; as it runs in {kind} at most {short(most)}" for kind, most in worst["as_it_runs"].items())  # fmt: skip
    yield f"worst error: {exactly} {short(worst['about'], 6)} at r = {radius_in_words(worst['radius'])}{runs}"
    near = document["nearest"]
    if near["exists"]:
        high, share = near["distance"][1], near["relative"]
        yield (
            f"nearest exact network found: distance {short(high)}"
            f"{'' if share is None else f', {short(share)} of its length'}"
            f" ({', '.join(near['cells'])}){distance_bounds(near)}"
        )
    else:
        yield f"nearest exact network: {near['reason']}"
    for k, channel in enumerate(document["canonical"]):
        a, b = short(channel["a"], 6), short(channel["b"], 6)
        taps = ", ".join(short(tap, 6) for tap in channel["w"])
        yield f"canonical form, channel {k}: a = {a}, b = {b}, w = ({taps})"


def _disk(document: dict[str, Any]) -> Iterator[str | Table]:
    net, laws, identity = document["network"], document["residuals"], document["identity"]
    yield document["verdict"]
    yield (
        f"{net['activation']}, K = {net['channels']}, {net['taps']} × {net['taps']} taps, {net['pooling']} pooling, zeros outside, "
        f"{net['length']} × {net['length']} pixels, disks with r from {net['r_min']} to {net['r_max']}\n"
    )
    rows = []
    for entry in document["filters"]:
        numbers = [short(entry[key], 4) for key in ("sum", "rise", "moment")]
        parts = [short(entry["shares"][key]) for key in ("area", "perimeter", "rest")]
        rows.append((str(entry["channel"]), entry["role"], *numbers, with_error(entry["perimeter"], entry["error"]), *parts))  # fmt: skip
    yield _table(("filter", "role", "S", "Δ", "|m|", "P", "by the area", "by the perimeter", "rest"), rows)  # fmt: skip
    for entry in document["filters"]:
        if entry["closed_form"]:
            step = f"; a difference along {tuple(entry['difference'])}: one sign at every edge" if entry["difference"] else ""  # fmt: skip
            yield f"filter {entry['channel']}: P in closed form, {entry['closed_form']}{step}"
        elif entry["excess"] is not None:
            yield f"filter {entry['channel']}: P is {1 + entry['excess']:.6g} times what a one-signed filter with this dipole has"
    yield ""
    yield _weights(document, "from", lambda entry: str(entry["law"]))
    loss, worst = document["loss"], document["worst_error"]
    yield f"\nlaws: area Σ aΔ = {short(laws['area'])}, perimeter Σ aP - 1 = {short(laws['perimeter'])}"
    yield (
        f"slope {identity['slope']:.6g} = area {identity['area']:.4g} + perimeter {identity['perimeter']:.4g} + rest {identity['rest']:.2g} (an edge is bent: up to about "
        f"{identity['scale']:.2g}); 1 - L/Var r = {identity['explains']:.6g}"
    )
    if document["lattice"]:
        swing = {name: short(size) for name, size in document["lattice"].items()}
        yield f"about its best parabola the answer wavers by {swing['measured']} pixel; the pixels of the edge account for {swing['law']}, and {swing['left']} is left (root mean squares)"
    yield f"the readout is {short(identity['unsettled'])} pixel off the least-squares one (root mean square)"
    yield f"loss: {short(loss['value'])}; without an activation it is {short(loss['floor'])} at least"
    yield (
        f"worst error: {short(worst['value'], 6)} at r = {worst['radius']:.9g}, "
        f"of {worst['sampled']} radii: {bound_in_words(worst)}"
    )
