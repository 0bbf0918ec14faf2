"""Pictures of the atlas of invariance: all cells at once; how an edge tells the background; and the
ruler.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Rectangle

from theory.invariance.background import two_channels
from verify.invariance.atlas import KINDS, LINES, AtlasEntry, Place, entries
from verify.invariance.networks import HALF_LENGTH, PIXELS, signal
from verify.invariance.table import PADDINGS, UNKNOWNS
from verify.report.figures import COLOURS, INK, drawn

__all__ = ["compass", "matrix"]

BLOCKS = (("sum", "half"), ("sum", "real"), ("dense", "half"), ("dense", "real"))
HEADS = ("lin", "1", "2", "3", "any")
GAP = 0.6


def matrix() -> Drawing:
    """Every cell of the atlas: a dot on a full square is an exact network, a cross a theorem that
    there is none.
    """
    by_place: dict[Place, AtlasEntry] = {entry.place: entry for entry in entries()}
    width = len(BLOCKS) * (len(KINDS) + GAP)
    with drawn(3.4) as drawing:
        axes = drawing.subplots()
        for j, (unknown, padding) in enumerate(LINES):
            for k, (readout, radii) in enumerate(BLOCKS):
                for i, kind in enumerate(KINDS):
                    entry = by_place[Place(unknown, readout, radii, padding, kind)]
                    _cell(axes, k * (len(KINDS) + GAP) + i, j, entry.status)
        for k, (readout, radii) in enumerate(BLOCKS):
            left = k * (len(KINDS) + GAP)
            title = ("sums" if readout == "sum" else "dense") + (
                "\nhalf-integers" if radii == "half" else "\nevery real radius"
            )
            axes.text(left + len(KINDS) / 2, -0.62, title, ha="center", va="bottom", fontsize=9)
            for i, head in enumerate(HEADS):
                axes.text(left + i + 0.5, -0.1, head, ha="center", va="bottom", fontsize=7.5)
        for j, (unknown, padding) in enumerate(LINES):
            words = UNKNOWNS[unknown] + (f", {PADDINGS[padding]}" if PADDINGS[padding] else "")
            words = words.replace("background and contrast", "both")
            axes.text(-0.3, j + 0.5, words, ha="right", va="center", fontsize=9)
        axes.set(xlim=(-6.3, width), ylim=(len(LINES) + 0.1, -1.9))
        axes.set_axis_off()
    return drawing


def _cell(axes: Axes, x: float, y: float, status: str) -> None:
    place, size = (x + 0.06, y + 0.06), 0.88
    if status == "feasible":
        axes.add_patch(
            Rectangle(place, size, size, facecolor=COLOURS[0], edgecolor=INK, linewidth=0.6)
        )
        axes.plot(x + 0.5, y + 0.5, "o", color="white", markersize=4)
    else:
        axes.add_patch(
            Rectangle(place, size, size, facecolor="none", edgecolor=INK, linewidth=0.6, alpha=0.5)
        )
        axes.plot(x + 0.5, y + 0.5, "x", color=COLOURS[1], markersize=5, markeredgewidth=1.4)


def compass() -> Drawing:
    """Left: what the second of two channels sees by position, on three backgrounds. Right: two legs
    on the ruler.
    """
    with drawn(4.6) as drawing:
        (pulse, light), (edge, ruler) = drawing.subplots(2, 2, sharex=True, height_ratios=(2, 3))
        _edge(pulse, edge)
        _ruler(light, ruler)
    return drawing


I = np.arange(-HALF_LENGTH, HALF_LENGTH + 1)
RADIUS = Fraction(7, 2)


def _edge(above: Axes, below: Axes) -> None:
    low, high = Fraction(0), Fraction(2)
    net = two_channels(low, high, Fraction(0), PIXELS, Fraction(0), Fraction(1))
    w, b, _ = net.listed[1]
    for beta, mark, colour in zip((low, Fraction(1), high), "os^", COLOURS, strict=False):
        x = signal(RADIUS, beta, Fraction(1), 0)
        size = len(x)
        z = [b + sum(tap * x[(i + u - 1) % size] for u, tap in enumerate(w)) for i in range(size)]
        above.step(I, np.array(x, dtype=float), where="mid", color=colour)
        below.plot(
            I, np.array(z, dtype=float), mark, color=colour, markersize=4, label=f"β = {beta}"
        )
    below.axhline(0, color=INK, linewidth=0.8, linestyle="--")
    reach = float(RADIUS) + 0.5
    below.annotate(
        "only here above\nthe kink: β − β₀",
        (reach, 1),
        (-0.4, 1.25),
        ha="center",
        va="center",
        fontsize=8.5,
        arrowprops={"arrowstyle": "->", "color": INK},
    )
    above.set(title="the background, read at an edge", ylabel="x(i)")
    below.set(xlabel="position i", ylabel="the second channel before σ")
    below.legend(fontsize=8, loc="lower left", handletextpad=0.2)


def _ruler(above: Axes, below: Axes) -> None:
    k, s = 2, 1
    below.plot(I, -I / 2, color=INK, linewidth=0.8)
    below.plot(I, -I / 2, "|", color=INK, markersize=9)
    scenes = ((0.0, 1.0, "-", COLOURS[0]), (1.5, 2.0, "--", COLOURS[1]))
    for beta, alpha, line, colour in scenes:
        x = np.array(signal(k + Fraction(1, 2), Fraction(beta), Fraction(alpha), s), dtype=float)
        above.step(I, x, line, where="mid", color=colour)
    for leg, sign, name in ((s - k, 1, "+v"), (s + k + 1, -1, "−v")):
        below.plot([leg, leg], [-leg / 2, 5.2], color=COLOURS[2], linewidth=1.5)
        below.plot(leg, -leg / 2, "o" if sign > 0 else "s", color=COLOURS[2], markersize=6)
        below.text(leg + 0.25, 4.5, name, fontsize=9)
    below.annotate(
        "", (s - k, -3.6), (s + k + 1, -3.6), arrowprops={"arrowstyle": "<->", "color": INK}
    )
    below.text(
        s - k - 0.4, -3.6, "2k + 1 pixels:\nhalf of it is r", ha="right", va="center", fontsize=8.5
    )
    above.set(title="the ruler: two pulses, the same legs")
    below.set(xlabel="position i", ylabel="readout weight v(i)", ylim=(-5, 5.2))
