"""Drawings of one filter of a network for images: its taps, what it shows of straight edges, and
its P by direction.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from numerics.arithmetic.types import Array
from verify.report.figures import COLOURS, INK, drawn

__all__ = ["filter_and_edges"]

NUMBERED = 5
"""Taps per side up to which each shows its value."""


def filter_and_edges(
    name: str,
    w: ArrayLike,
    t: ArrayLike,
    edges: Mapping[str, ArrayLike],
    theta: ArrayLike,
    q: ArrayLike,
) -> Drawing:
    """Left the taps w (n, n) under a name, in the middle named responses over the distance t inside
    an edge, right |Q(θ)| around the circle.

    ``theta`` and ``q`` have the shape (T,); where Q is negative the curve is dashed.
    """
    taps, distance, turn, strength = (np.asarray(x, dtype=float) for x in (w, t, theta, q))
    with drawn(3.3, 7.6) as drawing:
        left = drawing.add_subplot(1, 3, 1)
        middle = drawing.add_subplot(1, 3, 2)
        right = drawing.add_subplot(1, 3, 3, projection="polar")
        _taps(left, taps, name)
        for k, (turned, curve) in enumerate(edges.items()):
            line = ("-", "--", "-.", ":")[k % 4]
            middle.plot(
                distance, np.asarray(curve), line, color=COLOURS[k % len(COLOURS)], label=turned
            )
        middle.axhline(0, color=INK, linewidth=0.5)
        middle.set(xlabel="distance t inside the edge", title="response to an edge")
        middle.legend(fontsize=8, title="direction", title_fontsize=8)
        for good, line, sign in ((strength >= 0, "-", "Q ≥ 0"), (strength < 0, "--", "Q < 0")):
            if np.any(good):
                shown = np.where(good, np.abs(strength), np.nan)
                right.plot(turn, shown, line, color=COLOURS[0 if line == "-" else 1], label=sign)
        right.set_title("what an edge adds, Q(θ)", pad=12)
        right.tick_params(labelsize=8)
        right.grid(color="#888888", alpha=0.35, linewidth=0.6)
        right.set_rlabel_position(22.5)  # type: ignore[attr-defined]
        right.yaxis.set_major_locator(MaxNLocator(nbins=4))
        if np.any(strength < 0) and np.any(strength >= 0):
            right.legend(fontsize=8, loc="lower left", bbox_to_anchor=(-0.2, -0.25))
    return drawing


def _taps(axes: Axes, w: Array, name: str) -> None:
    n, most = len(w), max(float(np.max(np.abs(w))), 1e-300)
    for i, j in np.ndindex(n, n):
        place = (i - n / 2, j - n / 2)
        colour = COLOURS[0 if w[i, j] >= 0 else 1]
        axes.add_patch(
            Rectangle(
                place, 1, 1, facecolor=colour, alpha=0.75 * abs(float(w[i, j])) / most, linewidth=0
            )
        )
        axes.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor=INK, linewidth=0.4))
        if n <= NUMBERED:
            axes.text(
                i - n // 2,
                j - n // 2,
                f"{w[i, j]:.2g}".replace("-", "−"),
                ha="center",
                va="center",
                fontsize=11 - 1.4 * n / 1.5,
            )
    axes.set(xlim=(-n / 2, n / 2), ylim=(-n / 2, n / 2), aspect="equal", title=name)
    axes.set(
        xlabel="pixel i",
        ylabel="pixel j",
        xticks=range(-(n // 2), n // 2 + 1),
        yticks=range(-(n // 2), n // 2 + 1),
    )
