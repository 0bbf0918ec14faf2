"""An explained network on a terminal."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["derived", "interval", "place", "place_of", "proved", "short", "show"]


def short(value: float | None, digits: int = 3) -> str:
    """A number in few characters."""
    return "" if value is None else f"{value:.{digits}g}"


def place(one: dict[str, Any]) -> str:
    """conv.weight 0,0,2"""
    return f"{one['name']} {','.join(map(str, one['index']))}"


def interval(ends: list[float | None]) -> str:
    """[0.5, ∞) and the like."""
    low, high = ends
    left = "(−∞" if low is None else f"[{low:.6g}"
    right = "∞)" if high is None else f"{high:.6g}]"
    return f"{left}, {right}"


def place_of(radius: str) -> str:
    """A radius as it is, or in decimals where it has many digits."""
    over, _, under = radius.partition("/")
    return radius if len(radius) < 24 else f"about {int(over) / int(under or 1):.9g}"


def derived(one: dict[str, Any]) -> str:
    """The derived value, or the interval of a free weight."""
    value = one["derived"]
    if value is None:
        return ""
    return interval(value) if isinstance(value, list) else f"{value:.12g}"


def proved(near: dict[str, Any]) -> str:
    """The bounds on the distance, as far as there are any."""
    bounds = []
    if near["distance"][0] is not None:
        bounds.append(
            f"no exact network of the same pattern is nearer than {short(near['distance'][0])}"
        )
    if near["anywhere"] is not None:
        bounds.append(f"none at all is nearer than {short(near['anywhere'])}")
    return "".join(f"; {bound}" for bound in bounds)


def show(document: dict[str, Any]) -> None:
    """Print the tables."""
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    net, laws, loss = document["network"], document["residuals"], document["loss"]
    say(document["verdict"])
    say(
        f"{net['activation']} ({net['class'].replace('_', ' ')}), K = {net['channels']}, n = {net['taps']}, {net['pooling']} pooling, "
        f"{net['padding']} padding, {net['length']} pixels, every real r from {net['r_min']} to {net['r_max']}; cell: {document['cell']}\n"
    )
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    grid.add_column("weight", no_wrap=True)
    grid.add_column("value", justify="right", no_wrap=True)
    grid.add_column("role", no_wrap=True)
    for name in ("derived", "residual", "sensitivity"):
        grid.add_column(name, justify="right", no_wrap=True)
    for one in document["weights"]:
        grid.add_row(
            place(one),
            f"{one['value']:.12g}",
            one["role"],
            derived(one),
            short(one["residual"], 2),
            short(one["sensitivity"]),
        )
    console.print(grid)
    say(
        f"\nlaws: slope α = {short(laws['slope'])}, offset β = {short(laws['offset'])}, sub-pixel |D| <= {short(laws['subpixel'])}"
    )
    parts = [f"{name} {short(part)}" for name, part in loss["parts"].items() if part]
    say(f"loss: {short(loss['value'])}" + (f" = {' + '.join(parts)}" if parts else ""))
    worst = document["worst_error"]
    where = place_of(worst["radius"])
    exactly = "exactly" if isinstance(worst["value"], str) else "at most"
    runs = "".join(f"; as it runs in {kind} at most {short(most)}" for kind, most in worst["as_it_runs"].items())  # fmt: skip
    say(f"worst error: {exactly} {short(worst['about'], 6)} at r = {where}{runs}")
    near = document["nearest"]
    if near["exists"]:
        high = near["distance"][1]
        say(
            f"nearest exact network found: distance {short(high)} ({', '.join(near['cells'])}){proved(near)}"
        )
    else:
        say(f"nearest exact network: {near['reason']}")
    for k, one in enumerate(document["canonical"]):
        taps = ", ".join(short(tap, 6) for tap in one["w"])
        say(f"canonical form, channel {k}: a = {short(one['a'], 6)}, b = {short(one['b'], 6)}, w = ({taps})")  # fmt: skip
