"""Where the windows of two channels meet the kink, as backgrounds: along the edge, and folded to
one pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from theory.invariance.pair import kinks, pair
from verify.report.figures import COLOURS, INK, drawn

__all__ = ["turns"]


def turns(low: float, high: float, case: Sequence[int]) -> Drawing:
    """Left: the levels of both edges of both channels, tap by tap; right: the same over φ; shaded:
    the backgrounds.
    """
    net = pair(low, high, *case)
    n = len(net.w[0])
    with drawn(3.6) as drawing:
        along, folded = drawing.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        for k, (w, b, _) in enumerate(net.listed):
            ends = np.array([kinks(w, b, fraction) for fraction in (0.0, 1.0)])
            wide, colour = 5 - 3 * k, COLOURS[k]
            name = ("turns", "waits")[k]
            first = [*ends[0, :n], ends[1, n - 1]]
            second = [*ends[0, : n - 1 : -1], ends[1, n]]
            along.plot(
                range(n + 1), first, color=colour, linewidth=wide, label=f"channel {k + 1} {name}"
            )
            along.plot(range(n + 1), second, color=colour, linewidth=wide, linestyle=":")
            folded.plot([0, 1], ends, color=colour, linewidth=wide)
        for axes in (along, folded):
            axes.axhspan(low, high, color=INK, alpha=0.12, linewidth=0)
            axes.margins(x=0.02)
        along.set(xlabel="taps that the edge has passed", ylabel="background at the kink")
        along.legend(fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
        folded.set(xlabel="φ")
    return drawing
