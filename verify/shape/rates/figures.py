"""The rates drawn: losses fall along straight lines of slope 2, 4, 6 or 8, and biases go to zeros
of σ''/σ'.

Against the height S, both axes logarithmic, a closed form constant · S^exponent is a straight line,
with the torch losses as marks.  Against the centre b + S/2 a mark is the |σ''/σ'| that follows from
the torch loss of one tap, L ~ (M_EE/4) (σ''/σ')² S², and the line is |σ''/σ'| itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import matplotlib.axes
import numpy as np
from matplotlib.figure import Figure as Drawing

from numerics.arithmetic.taylor import coefficients_at, inflections
from theory.shape.rates.leading import after_radius
from verify.report.figures import COLOURS, above, drawn
from verify.shape.rates.height import EDGE, HEIGHTS, ROWS, TAPS
from verify.shape.rates.minima import Ended, Place, closed_form, nearest
from verify.shape.rates.remainder import OVER, root_of

__all__ = ["CURVES", "FILTERS", "loss_against_height", "where_the_bias_goes"]


FILTERS = ("tanh", "gelu", "silu", "sin")
"""Drawn with three taps."""


def loss_against_height(groups: Sequence[Ended]) -> Drawing:
    """Torch losses against S, log-log: the best network of each inflection, with the closed forms
    as lines.
    """
    with drawn(4.4) as drawing:
        for axes, n in zip(drawing.subplots(1, 2, sharey=True), TAPS, strict=True):
            names = [name for name in ROWS if n == 1 or name in FILTERS]
            chosen = [x for name in names for x in groups if _shape_of(x) == (name, n)]
            for k, ended in enumerate(x for x in chosen if "mean" in x.kind):
                _draw_row(axes, ended, k, n)
            axes.set(xlabel="height S", xscale="log", yscale="log", title=f"n = {n}")
            axes.set_xticks(HEIGHTS, [f"1/{round(1 / height)}" for height in HEIGHTS], minor=False)
            axes.minorticks_off()
            axes.legend(
                fontsize=8, loc="lower right", ncols=2, columnspacing=0.8, handletextpad=0.2
            )
        drawing.axes[0].set_ylabel("mean squared error")
    return drawing


def _shape_of(ended: Ended) -> tuple[str, int]:
    return ended.batch.setting.activation, ended.batch.setting.taps


def _draw_row(axes: matplotlib.axes.Axes, ended: Ended, k: int, n: int) -> None:
    batch, name = ended.batch, ended.batch.setting.activation
    near = [nearest(name, float(c)) for c in batch.b + batch.height / 2]
    label: str | None = name
    for kind, line in (("mean", "--"), ("free", ":")):
        members = [j for j, word in enumerate(ended.kind) if word == kind]
        if not members:
            continue
        best = min(members, key=lambda j: (batch.height[j], batch.loss[j]))
        t, turned = near[best], -1 if kind == "mean" else int(np.argmin(batch.w[best]))
        lines = [closed_form(name, n, Place(t, turned, height))[2] ** 2 for height in HEIGHTS]
        points: dict[float, float] = {}
        for j in members:
            if near[j] == t or not inflections(name):
                height = float(batch.height[j])
                points[height] = min(points.get(height, np.inf), float(batch.loss[j]))
        colour = COLOURS[k % len(COLOURS)]
        marker = "osD^<>ph*8"[k] if kind == "mean" else "v"
        axes.plot(HEIGHTS, lines, line, color=colour, linewidth=1)
        axes.plot(
            list(points),
            list(points.values()),
            marker,
            color=colour,
            markersize=5,
            fillstyle="none",
            label=label,
        )
        label = None


CURVES = ("tanh", "arctan", "sin", "gelu", "softplus", "exp")
"""Rows whose relative curvature is drawn."""


def where_the_bias_goes(groups: Sequence[Ended]) -> Drawing:
    """|ρ| against the centre c; dots: where one-tap networks ended, at the |ρ| that their torch
    loss gives.
    """
    centres = np.linspace(-EDGE - 0.5, EDGE + 0.5, 261)
    left = after_radius(OVER)[0][0]
    with drawn(3.6) as drawing:
        axes = drawing.subplots()
        for k, name in enumerate(CURVES):
            s = np.array([coefficients_at(name, c) for c in centres.tolist()])
            with np.errstate(divide="ignore", invalid="ignore"):
                bent = np.abs(2 * s[:, 2] / s[:, 1])
            colour = COLOURS[k]
            axes.plot(centres, bent, ("-", "--")[k // 3], color=colour, label=name)
            (ended,) = [x for x in groups if _shape_of(x) == (name, 1)]
            batch = ended.batch
            chosen = batch.height == HEIGHTS[-1]
            roots = 2 * root_of(batch.loss[chosen]) / (np.sqrt(left) * HEIGHTS[-1])
            axes.plot(
                batch.b[chosen] + HEIGHTS[-1] / 2, roots, "os^Dvx"[k], color=colour, markersize=5
            )
        axes.set(xlabel="centre b + S/2", ylabel="|σ''/σ'|", ylim=(-0.1, 3.2), xlim=(-6.6, 6.6))
        above(axes, 6)
    return drawing
