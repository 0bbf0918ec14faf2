"""Drawings of what is left of a feature beside area and perimeter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing
from numpy.typing import ArrayLike

from verify.report.figures import COLOURS, INK, drawn

__all__ = ["directions", "rests"]


def rests(r: ArrayLike, curves: Mapping[str, tuple[ArrayLike, float]]) -> Drawing:
    """Named values (R,) over the radii, on a logarithmic scale, and the constant that each tends
    to.
    """
    radii = np.asarray(r, dtype=float)
    with drawn(3.8) as drawing:
        axes = drawing.subplots()
        for k, (name, (values, constant)) in enumerate(curves.items()):
            colour = COLOURS[k % len(COLOURS)]
            axes.plot((radii[0], radii[-1]), (constant, constant), color=colour, linewidth=0.9)
            axes.plot(
                radii, np.asarray(values), "os^vDP"[k % 6], color=colour, markersize=5, label=name
            )
        axes.set_xscale("log")
        axes.set_xticks(radii, [f"{x:g}" for x in radii])
        axes.minorticks_off()
        axes.set(xlabel="radius r", ylabel="mean feature less area and perimeter")
        drawing.legend(fontsize=9, ncols=len(curves), loc="outside upper center")
    return drawing


def directions(theta: ArrayLike, shown: Sequence[tuple[str, ArrayLike, ArrayLike]]) -> Drawing:
    """One panel each: a name, and what the bend and the shorter circle add over the directions
    (T,).
    """
    degrees = np.degrees(np.asarray(theta, dtype=float))
    with drawn(3.0) as drawing:
        panels = np.atleast_1d(drawing.subplots(1, len(shown)))
        for axes, (name, bend, circle) in zip(panels, shown, strict=True):
            by_bend, by_circle = np.asarray(bend, dtype=float), np.asarray(circle, dtype=float)
            axes.axhline(0, color=INK, linewidth=0.5)
            axes.plot(degrees, by_bend, "--", color=COLOURS[0], label="bend")
            axes.plot(degrees, by_circle, ":", color=COLOURS[1], label="shorter circle")
            axes.plot(degrees, by_bend + by_circle, color=COLOURS[2], label="both")
            axes.set_xticks((0, 90, 180, 270, 360))
            axes.set(xlabel="direction", title=name)
        panels[0].set_ylabel("per radian")
        lines = panels[0].get_lines()[1:]
        drawing.legend(handles=lines, fontsize=9, ncols=3, loc="outside upper center")
    return drawing
