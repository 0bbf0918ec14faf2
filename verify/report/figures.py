"""Plots as inline SVG: one plain style, the same bytes for the same data, many to a page.

matplotlib draws; :func:`figure_svg` then makes the drawing fit for a web page: ids are prefixed
(two drawings on one page would otherwise share them), the drawing has a title for those who do not
see it, text stays text, and ink becomes ``currentColor``, to follow a light or a dark page.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import matplotlib.axes
import numpy as np
from cycler import cycler
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from verify.report.page import Figure

__all__ = [
    "above",
    "curves",
    "drawn",
    "error_between",
    "error_over",
    "figure",
    "figure_svg",
    "loss_histogram",
    "pulses",
    "scatter",
    "staircase",
]

INK = "#010203"
"""Stands for the colour of the page's text; no other part of a drawing uses it."""

COLOURS = ("#2f7fc1", "#d1672a", "#3a9a5b", "#a160b8", "#b08a1e", "#c74a6b")
"""Readable on white and on near-black; a curve never differs from another by its colour alone."""

HATCHES = ("", "//", "..", "\\\\", "xx")
"""Five beside six colours: no kind of thirty looks like another."""

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "verify",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "axes.prop_cycle": cycler(color=COLOURS),
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"


class Picture(Drawing):
    """A drawing that shows itself in a notebook, in the colour of the text around it."""

    def _repr_html_(self) -> str:
        axes = self.axes[0]
        title = f"{axes.get_ylabel()} over {axes.get_xlabel()}"
        svg = figure_svg(self, "picture", title)
        return figure_svg(self, f"picture-{zlib.crc32(svg.encode()):08x}", title)


def figure_svg(drawing: Drawing, id: str, title: str) -> str:
    """The drawing as one ``<svg>`` element whose ids begin with ``id``, named by ``title``.

    Raises
    ------
    ValueError: ``id`` is not a word of letters, digits, ``-`` and ``_`` that begins with a letter.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", id, re.ASCII):
        raise ValueError(f"not fit for an id: {id!r}")
    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE):
        # as savefig, which would draw twice: first to lay out, then to write
        FigureCanvasSVG(drawing).print_svg(buffer, metadata={"Date": None, "Creator": None})
    root = ET.fromstring(buffer.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            # metadata points elsewhere; a <style> element would style the whole page
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # a prefix would mean nothing to HTML
        for name, value in list(element.attrib.items()):
            if name == "id":
                element.set(name, f"{id}-{value}")
            elif name == _LINK:
                del element.attrib[name]
                element.set("href", value.replace("#", f"#{id}-", 1))
            else:
                followed = value.replace("url(#", f"url(#{id}-").replace(INK, "currentColor")
                element.set(name, followed)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("xmlns", _SVG)
    root.set("stroke-linejoin", "round")
    root.set("role", "img")
    root.set("aria-labelledby", f"{id}-title")
    label = ET.Element("title", {"id": f"{id}-title"})
    label.text = title
    root.insert(0, label)
    return ET.tostring(root, encoding="unicode")


def figure(id: str, title: str, caption: str, drawing: Drawing) -> Figure:
    """A drawing with its words: the svg is :func:`figure_svg` of the same id and title."""
    return Figure(id, title, caption, figure_svg(drawing, id, title))


@contextmanager
def drawn(height: float = 3.2, width: float = 7.2) -> Iterator[Drawing]:
    """An empty drawing, in our style while it is filled."""
    with matplotlib.rc_context(STYLE):
        drawing = Picture(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(drawing)
        yield drawing


@contextmanager
def _panels(
    columns: int = 1, height: float = 3.2
) -> Iterator[tuple[Drawing, list[matplotlib.axes.Axes]]]:
    with drawn(height) as drawing:
        yield drawing, list(drawing.subplots(1, columns, squeeze=False)[0])


def above(axes: matplotlib.axes.Axes, columns: int) -> None:
    """The legend above the drawing, on the right: the left is where a power of ten of the vertical
    axis stands.
    """
    axes.legend(
        fontsize=9, loc="lower right", bbox_to_anchor=(1, 1), ncols=columns, borderaxespad=0
    )


def pulses(radii: Sequence[float], half_length: int) -> Drawing:
    """The pulses x_r(i) = clip(r + 1/2 - |i|, 0, 1), one panel each: pixels, and edges at ±r."""
    with _panels(len(radii), 2.3) as (drawing, panels):
        i = np.arange(-half_length, half_length + 1)
        for axes, r in zip(panels, radii, strict=True):
            axes.bar(i, np.clip(r + 0.5 - np.abs(i), 0, 1), width=0.9, color=COLOURS[0], alpha=0.8)
            for edge in (-r, r):
                axes.axvline(edge, color=COLOURS[1], linestyle="--", linewidth=1.2)
            axes.set(title=f"r = {r:g}", xlabel="pixel i", ylim=(0, 1.15), yticks=(0, 0.5, 1))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        panels[0].set_ylabel("x(i)")
    return drawing


def staircase(
    w: ArrayLike, b: float, kinks: Sequence[float] = (0.0,), name: str = "the filter"
) -> Drawing:
    """A filter under its ``name`` and its two staircases, C_j = w_-h + .. + w_j and T_j = w_j + ..
    + w_h.

    Each tap is climbed while an edge of the pulse crosses one pixel; the dashed lines are t - b for
    the kinks t, where the pre-activation meets them.  ``w`` has shape (n,), n odd.
    """
    taps = np.asarray(w, dtype=float)
    h = len(taps) // 2
    u = np.arange(-h, h + 1)
    climbs = {
        "C: taps summed from the left": np.concatenate([[0.0], np.cumsum(taps)]),
        "T: taps summed from the right": np.concatenate([[0.0], np.cumsum(taps[::-1])]),
    }
    with _panels(2) as (drawing, (left, right)):
        left.axhline(0, color=INK, linewidth=0.8)
        left.vlines(u, 0, taps, color=COLOURS[0], linewidth=2)
        left.plot(u, taps, "o", color=COLOURS[0])
        left.set(title=name, xlabel="tap u", ylabel="w(u)")
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        steps = np.arange(len(taps) + 1)
        for (climb, sums), marker, line in zip(climbs.items(), "os", ("-", ":"), strict=True):
            right.plot(steps, sums, line, marker=marker, markersize=5, label=climb)
        for t in kinks:
            level = "−b" if t == 0 else f"{t:g} − b".replace("-", "−")
            right.axhline(t - b, color=COLOURS[3], linestyle="--", linewidth=1.2, label=level)
        right.set(title="its partial sums", xlabel="taps summed", ylabel="partial sum")
        right.xaxis.set_major_locator(MaxNLocator(integer=True))
        drawing.legend(loc="outside lower center", ncols=3, fontsize=9)
    return drawing


def error_between(
    r: ArrayLike, measured: ArrayLike, predicted: ArrayLike, label: str = "error r̂(r) − r"
) -> Drawing:
    """The error r̂(r) - r, or what ``label`` names, along the radius: dots measured, line
    predicted.

    All three arrays have the same shape (radii,).
    """
    x, dots, line = (np.asarray(values, dtype=float) for values in (r, measured, predicted))
    order = np.argsort(x, kind="stable")
    with _panels() as (drawing, (axes,)):
        for half in np.arange(np.floor(x.min() - 0.5), np.ceil(x.max()) + 1) + 0.5:
            if x.min() <= half <= x.max():
                axes.axvline(half, color="#888888", alpha=0.35, linewidth=0.8)
        axes.plot(x[order], line[order], color=COLOURS[1], label="predicted")
        axes.plot(x, dots, "o", color=COLOURS[0], markersize=4, label="measured")
        axes.set(xlabel="radius r (lines at half-integers)", ylabel=label)
        above(axes, 2)
    return drawing


def error_over(
    r: ArrayLike,
    error: ArrayLike,
    worst: float,
    claimed: tuple[str, ArrayLike, ArrayLike] | None = None,
) -> Drawing:
    """The error r̂(r) - r (R,) over all radii r (R,) as a line, and the radius where it is largest;
    perhaps dots by a named law (name, radii (L,), values (L,)). All in pixels.
    """
    x, y = np.asarray(r, dtype=float), np.asarray(error, dtype=float)
    with _panels() as (drawing, (axes,)):
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.plot(x, y, color=COLOURS[0])
        axes.axvline(worst, color=COLOURS[1], linestyle="--", linewidth=1.2, label="worst radius")
        if claimed is not None:
            name, *dots = claimed
            places, values = (np.asarray(part, dtype=float) for part in dots)
            every = slice(None, None, max(1, len(places) // 120))
            axes.plot(places[every], values[every], ".", color=COLOURS[2], markersize=3, label=name)
        axes.set(xlabel="radius r", ylabel="error r̂(r) − r")
        above(axes, 1 if claimed is None else 2)
    return drawing


def curves(losses: Mapping[str, ArrayLike], levels: Mapping[str, float]) -> Drawing:
    """Losses (T,) against training step, both logarithmic, one line per name; predicted levels
    dashed.
    """
    with _panels() as (drawing, (axes,)):
        lines = zip(losses.items(), ("-", "-.", ":", "--"), strict=False)
        for i, ((name, values), line) in enumerate(lines):
            shown = np.maximum(np.asarray(values, dtype=float), FLOOR)
            axes.loglog(np.arange(1, len(shown) + 1), shown, line, color=COLOURS[i], label=name)
        for name, level in levels.items():
            axes.axhline(max(level, FLOOR), color=INK, linestyle="--", linewidth=1)
            axes.annotate(
                name,
                (1, max(level, FLOOR)),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=9,
            )
        axes.set(xlabel="step", ylabel="loss")
        above(axes, len(losses))
    return drawing


def scatter(
    groups: Mapping[str, ArrayLike],
    across: str,
    up: str,
    line: tuple[tuple[float, float], tuple[float, float]],
) -> Drawing:
    """Points in the plane, each group (count, 2) with its own mark, and a dashed predicted line."""
    with _panels(height=3.6) as (drawing, (axes,)):
        axes.plot(*np.array(line).T, color=INK, linestyle="--", linewidth=1)
        for (name, values), colour, mark in zip(groups.items(), COLOURS, "ox^s+D", strict=False):
            x, y = np.asarray(values, dtype=float).reshape(-1, 2).T
            axes.plot(x, y, mark, color=colour, markersize=5, label=f"{name}: {len(x)}")
        axes.set(xlabel=across, ylabel=up)
        above(axes, len(groups))
    return drawing


FLOOR = 1e-34
"""Losses at or below are drawn here: a logarithmic axis has no zero."""


def loss_histogram(losses: ArrayLike, levels: Mapping[str, float], kinds: Sequence[str]) -> Drawing:
    """Final losses over seeds, stacked by kind, on a logarithmic axis; predicted levels as lines.

    ``losses`` has shape (networks,) and ``kinds`` names the kind of each.

    Raises
    ------
    ValueError: the numbers of losses and kinds differ, or a loss is negative or not finite.
    """
    values = np.asarray(losses, dtype=float)
    if values.shape != (len(kinds),):
        raise ValueError(f"{values.shape} losses, but {len(kinds)} kinds")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError("losses must be finite and not negative")
    shown = np.log10(np.maximum(values, FLOOR))
    marks = {name: np.log10(max(level, FLOOR)) for name, level in levels.items()}
    known = [*shown, *marks.values()]
    low, high = min(known, default=-1.0), max(known, default=0.0)
    edges = np.arange(np.floor(low) - 1, np.ceil(high) + 1.5, 0.5)
    names = sorted(set(kinds))
    groups = [shown[np.array([c == name for c in kinds])] for name in names]
    labels = [f"{name}: {len(group)}" for name, group in zip(names, groups, strict=True)]
    with _panels(height=3.6) as (drawing, (axes,)):
        below = np.zeros(len(edges) - 1)
        for i, (group, label) in enumerate(zip(groups, labels, strict=True)):
            counts = np.histogram(group, edges)[0]
            filled = counts > 0
            axes.bar(
                edges[:-1][filled],
                counts[filled],
                width=0.5,
                bottom=below[filled],
                align="edge",
                label=label,
                color=COLOURS[i % len(COLOURS)],
                hatch=HATCHES[i % len(HATCHES)],
                edgecolor=INK,
                linewidth=0.6,
            )
            below += counts
        top = axes.get_ylim()[1]
        axes.set_ylim(0, top * 1.05)
        for place, (name, mark) in enumerate(sorted(marks.items(), key=lambda item: item[1])):
            axes.axvline(mark, color=INK, linestyle="--", linewidth=1)
            height = top * (1.0 - 0.09 * (place % 6))
            axes.text(mark - 0.25, height, name, ha="right", va="top", fontsize=9)
        axes.set(xlabel="final mean squared error", ylabel="networks")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
        axes.xaxis.set_major_formatter(lambda x, _: f"1e{x:.0f}")
        if groups:
            above(axes, 3)
    return drawing
