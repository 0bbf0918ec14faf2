"""Drawings of disks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from verify.report.figures import COLOURS, INK, drawn

__all__ = ["area_or_length", "by_direction", "edges_and_errors", "pixels_and_errors"]


def pixels_and_errors(
    r: float, x: ArrayLike, fine: ArrayLike, errors: Sequence[ArrayLike], span: tuple[float, float]
) -> Drawing:
    """Left the pixels x (N, N) of the disk of radius r with its circle, right curves (R,) over
    ``fine``; ``span`` is shaded.
    """
    pixels, radii = np.asarray(x, dtype=float), np.asarray(fine, dtype=float)
    reach = len(pixels) // 2
    with drawn(3.2) as drawing:
        left, right = drawing.subplots(1, 2, width_ratios=(1, 1.5))
        for i, j in np.ndindex(*pixels.shape):
            place = (i - reach - 0.5, j - reach - 0.5)
            left.add_patch(
                Rectangle(place, 1, 1, facecolor=COLOURS[0], alpha=float(pixels[i, j]), linewidth=0)
            )
            left.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor=INK, linewidth=0.2))
        left.add_patch(Circle((0, 0), r, fill=False, edgecolor=COLOURS[1], linewidth=1.5))
        left.set(xlim=(-reach - 0.6, reach + 0.6), ylim=(-reach - 0.6, reach + 0.6), aspect="equal")
        left.set(xlabel="pixel i", ylabel="pixel j", title=f"r = {r:g}")
        right.axvspan(*span, color=COLOURS[2], alpha=0.15, linewidth=0)
        right.axhline(0, color=INK, linewidth=0.5)
        for curve in errors:
            right.plot(radii, np.asarray(curve), color=COLOURS[0], alpha=0.6)
        right.set(xlabel="radius r", ylabel="answer less r", title="the parabola")
    return drawing


def edges_and_errors(
    t: ArrayLike,
    edges: Mapping[str, ArrayLike],
    fine: ArrayLike,
    errors: Mapping[str, ArrayLike],
    span: tuple[float, float],
) -> Drawing:
    """Left named curves (T,) over the distance t (T,) inside an edge, right named errors (F,) over
    the radii ``fine`` (F,); ``span`` is shaded. All in pixels.
    """
    styles = ("-", "--", "-.", ":")
    with drawn(3.4) as drawing:
        left, right = drawing.subplots(1, 2, width_ratios=(1, 1.3))
        for axes, places, curves in ((left, t, edges), (right, fine, errors)):
            for k, (name, curve) in enumerate(curves.items()):
                axes.plot(
                    np.asarray(places), np.asarray(curve), styles[k], color=COLOURS[k], label=name
                )
            axes.axhline(0, color=INK, linewidth=0.5)
            axes.legend(fontsize=9)
        right.axvspan(*span, color=COLOURS[2], alpha=0.12, linewidth=0)
        left.set(xlabel="distance t inside the edge", ylabel="response")
        right.set(xlabel="radius r", ylabel="answer less r")
    return drawing


def area_or_length(points: Mapping[str, Sequence[tuple[float, float]]]) -> Drawing:
    """Named clouds of (share of the area, share of the perimeter), and the line on which they add
    up to 1.
    """
    with drawn(3.4) as drawing:
        axes = drawing.subplots()
        axes.plot((-0.05, 1.05), (1.05, -0.05), color=INK, linewidth=0.8)
        for k, (name, cloud) in enumerate(points.items()):
            x, y = np.transpose(np.asarray(cloud, dtype=float))
            axes.plot(x, y, "os"[k], color=COLOURS[k], alpha=0.7, markersize=6 - k, label=name)
        axes.set(xlabel="through the area, 2μaπΔ", ylabel="through the perimeter, aP")
        axes.legend(fontsize=9)
    return drawing


def by_direction(
    turn: ArrayLike, lines: Mapping[str, ArrayLike], nodes: ArrayLike, dots: Mapping[str, ArrayLike]
) -> Drawing:
    """Named closed curves of a direction, in radians: lines at ``turn`` (T,), dots beside them at
    ``nodes`` (Q,).
    """
    styles = ("-", "--", "-.", ":")
    with drawn(4.4) as drawing:
        axes = drawing.add_subplot(projection="polar")
        for k, (name, curve) in enumerate(lines.items()):
            axes.plot(turn, np.asarray(curve), styles[k], color=COLOURS[k], label=name)
            axes.plot(nodes, np.asarray(dots[name]), ".", color=COLOURS[k], markersize=4)
        axes.grid(color="#888888", alpha=0.35, linewidth=0.6)
        axes.set_rlabel_position(80)  # type: ignore[attr-defined]
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.05, 1.0))
    return drawing
