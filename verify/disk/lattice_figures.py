"""Drawings of the lattice fluctuation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Drawing
from numpy.typing import ArrayLike

from verify.report.figures import COLOURS, INK, drawn

__all__ = ["Sway", "rose", "sways"]


@dataclass(frozen=True)
class Sway:
    """Over the radii r (R,): what pixels say, less area and line, and the law."""

    r: ArrayLike
    values: ArrayLike
    claimed: ArrayLike


def sways(panels: Mapping[str, Sway], columns: int, ylabel: str) -> Drawing:
    """A panel for each: the measured curve, and dots by the law."""
    rows = -(-len(panels) // columns)
    with drawn(2.1 * rows + 0.3) as drawing:
        grid = drawing.subplots(rows, columns, sharex="col", squeeze=False)
        for axes, (name, sway) in zip(grid.ravel(), panels.items(), strict=True):
            r, claimed = np.asarray(sway.r), np.asarray(sway.claimed)
            axes.axhline(0, color=INK, linewidth=0.4)
            axes.plot(r, np.asarray(sway.values), color=COLOURS[0], linewidth=1)
            every = slice(None, None, max(1, len(r) // 60))
            axes.plot(r[every], claimed[every], ".", color=COLOURS[1], markersize=3.5)
            axes.set_title(name)
            axes.margins(y=0.15)
            most = 1.1 * float(np.max(np.abs(np.concatenate([np.asarray(sway.values), claimed]))))
            if most < 1e-3:
                axes.set_ylim(-0.5, 0.5)
        for axes in grid[-1]:
            axes.set_xlabel("radius r")
        for axes in grid[:, 0]:
            axes.set_ylabel(ylabel)
    return drawing


def rose(panels: Mapping[str, Sequence[tuple[tuple[int, int], float]]], most: float) -> Drawing:
    """For each: directions q and how much comes from each, a stroke from the centre; all to one
    scale up to ``most``.
    """
    with drawn(2.5) as drawing:
        for k, (name, strokes) in enumerate(panels.items()):
            axes = drawing.add_subplot(1, len(panels), k + 1, projection="polar")
            ends = [(np.arctan2(y, x), size) for (x, y), size in strokes]
            # One line with gaps: a line for each stroke takes a second.
            lines = np.array(
                [[(angle, 0), (angle, size), (np.nan, np.nan)] for angle, size in ends]
            )
            axes.plot(*lines.reshape(-1, 2).T, color=COLOURS[0], linewidth=1.6)
            axes.set_ylim(0, most)
            axes.set_xticks(np.arange(8) * np.pi / 4, [""] * 8)
            axes.set_yticks([])
            axes.grid(linewidth=0.3)
            axes.set_title(name)
    return drawing
