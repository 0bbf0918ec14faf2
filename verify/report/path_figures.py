"""Pictures of training: predicted against trained weights, and weights along their closed-form
paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing
from numpy.typing import ArrayLike

from verify.report.figures import COLOURS, INK, above, drawn

__all__ = ["against", "catapult", "decay", "paths", "positions", "ridge", "threshold", "unknown"]


def against(predicted: ArrayLike, trained: ArrayLike, allowed: ArrayLike, unit: str) -> Drawing:
    """Above: every weight a point, trained over predicted, and the diagonal. Below: |difference|
    and its bound. All three of one shape.
    """
    x, y, bound = (
        np.asarray(values, dtype=float).ravel() for values in (predicted, trained, allowed)
    )
    with drawn(5.4) as drawing:
        top, low = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        top.plot(ends, ends, color=INK, linestyle="--", linewidth=1)
        top.plot(x, y, "o", color=COLOURS[0], markersize=3, alpha=0.7)
        top.set(ylabel=f"trained {unit}")
        low.semilogy(
            x, np.maximum(bound, 1e-18), "x", color=COLOURS[1], markersize=4, label="proved bound"
        )
        low.semilogy(
            x,
            np.maximum(np.abs(y - x), 1e-18),
            "o",
            color=COLOURS[0],
            markersize=3,
            label="difference",
        )
        low.set(xlabel=f"predicted {unit}", ylabel="|difference|")
        above(low, 2)
    return drawing


def paths(time: ArrayLike, closed: ArrayLike, steps: ArrayLike, trained: ArrayLike) -> Drawing:
    """Every weight over time: lines (T, weights) in closed form, marks (M, weights) from training
    at ``steps``.
    """
    t, lines, moments, marks = (
        np.asarray(values, dtype=float) for values in (time, closed, steps, trained)
    )
    with drawn(3.6) as drawing:
        axes = drawing.subplots()
        for j in range(lines.shape[1]):
            colour = COLOURS[j % len(COLOURS)]
            axes.plot(t, lines[:, j], color=colour, linewidth=1.2)
            axes.plot(moments, marks[:, j], "o", color=colour, markersize=3)
        axes.set(xlabel="time λt", ylabel="weight")
    return drawing


def decay(steps: ArrayLike, losses: ArrayLike, predicted: ArrayLike) -> Drawing:
    """Loss against time on a logarithmic axis: (T, networks) trained, (T, networks) in closed form
    dashed.
    """
    t, measured, closed = (np.asarray(values, dtype=float) for values in (steps, losses, predicted))
    with drawn(3.4) as drawing:
        axes = drawing.subplots()
        for j in range(measured.shape[1]):
            colour = COLOURS[j % len(COLOURS)]
            axes.semilogy(t, np.maximum(measured[:, j], 1e-30), color=colour, label=f"network {j}")
            axes.semilogy(
                t, np.maximum(closed[:, j], 1e-30), color=INK, linestyle="--", linewidth=1
            )
        axes.set(xlabel="time λt (dashed: closed form)", ylabel="loss")
        above(axes, 4)
    return drawing


def catapult(losses: ArrayLike, levels: ArrayLike, shares: Sequence[float]) -> Drawing:
    """Left the loss over the steps, right ηλ of the end ahead with its limit 2 dashed, each (T, E);
    a column per step size, of which ``shares`` (E,) names the share of 2/λ.
    """
    left, right = (np.asarray(values, dtype=float) for values in (losses, levels))
    with drawn(3.2) as drawing:
        first, second = drawing.subplots(1, 2)
        for j, share in enumerate(shares):
            colour = COLOURS[j % len(COLOURS)]
            first.semilogy(np.maximum(left[:, j], 1e-30), color=colour, label=f"{share:g}")
            second.plot(right[:, j], color=colour)
            # Lines that coincide are told apart at their ends.
            second.annotate(f"{share:g}", (len(right) - 1, right[-1, j]), color=colour, fontsize=9)
        second.axhline(2, color=INK, linestyle="--", linewidth=1)
        first.set(xlabel="step", ylabel="loss")
        second.set(xlabel="step", ylabel="ηλ of the end ahead")
        first.legend(fontsize=9, ncols=2, title="share of 2/λ", title_fontsize=9)
    return drawing


def ridge(
    fine: ArrayLike,
    tap: ArrayLike,
    read: ArrayLike,
    value: ArrayLike,
    shares: ArrayLike,
    marks: ArrayLike,
    levels: ArrayLike,
) -> Drawing:
    """Left the taps and the readout weight over λ (lines, and marks (M, taps + 1)), right J/V; λ in
    units of the collapse.
    """
    x, places = np.asarray(fine, dtype=float), np.asarray(shares, dtype=float)
    points = np.asarray(marks, dtype=float)
    with drawn(3.4) as drawing:
        first, second = drawing.subplots(1, 2)
        first.plot(x, np.asarray(read), color=COLOURS[1], label="readout weight")
        first.plot(x, np.asarray(tap), color=COLOURS[0], linestyle="--", label="each tap")
        for j in range(points.shape[1] - 1):
            first.plot(
                places, points[:, j], "o", color=COLOURS[0], markersize=6 - 1.5 * j, alpha=0.6
            )
        first.plot(places, points[:, -1], "s", color=COLOURS[1], markersize=4)
        second.plot(x, np.asarray(value), color=COLOURS[2])
        second.plot(places, np.asarray(levels), "o", color=COLOURS[2], markersize=4)
        first.set(xlabel="λ / (2√n V)", ylabel="weight")
        second.set(xlabel="λ / (2√n V)", ylabel="J / V")
        first.legend(fontsize=9)
    return drawing


def threshold(
    noise: ArrayLike,
    linear: ArrayLike,
    ratios: ArrayLike,
    names: Sequence[str],
    limits: Mapping[int, float],
) -> Drawing:
    """Left the linear risk, right the ratios (S, curves) to it, limits dashed by curve; noise on a
    logarithmic axis.
    """
    x, curves = np.asarray(noise, dtype=float), np.asarray(ratios, dtype=float)
    with drawn(3.2) as drawing:
        first, second = drawing.subplots(1, 2)
        first.loglog(x, np.asarray(linear), color=COLOURS[2])
        for j, name in enumerate(names):
            second.semilogx(
                x, curves[:, j], "-o" if j else "--s", color=COLOURS[j], markersize=3, label=name
            )
        for j, limit in limits.items():
            second.axhline(limit, color=COLOURS[j], linestyle="--", linewidth=1)
        second.axhline(1, color=INK, linewidth=0.5)
        first.set(xlabel="noise s", ylabel="risk, linear")
        second.set(xlabel="noise s", ylabel="risk, ReLU / linear")
        second.legend(fontsize=9)
    return drawing


def positions(where: ArrayLike, start: ArrayLike, closed: ArrayLike, trained: ArrayLike) -> Drawing:
    """One weight per position, each (P,): bars at the start, rings in closed form, dots from
    training; the line is at 1/2.
    """
    i = np.asarray(where)
    with drawn(3.2) as drawing:
        axes = drawing.subplots()
        axes.axhline(0.5, color=INK, linewidth=0.5)
        axes.bar(i, np.asarray(start), color=INK, alpha=0.25, label="random start")
        axes.plot(
            i,
            closed,
            "o",
            markersize=9,
            markerfacecolor="none",
            color=COLOURS[0],
            label="closed form",
        )
        axes.plot(i, trained, "o", markersize=3, color=COLOURS[1], label="trained")
        axes.set(xlabel="position i", ylabel="readout weight")
        above(axes, 3)
    return drawing


def unknown(
    levels: ArrayLike, panels: Mapping[str, Mapping[str, ArrayLike]], span: tuple[float, float]
) -> Drawing:
    """Errors (X,) over an unknown quantity at ``levels`` (X,), one panel per title, one curve per
    name; the interval promised is shaded.
    """
    x, styles = np.asarray(levels, dtype=float), ("-", "--", "-.")
    with drawn(3.2) as drawing:
        row = drawing.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (title, lines) in zip(row, panels.items(), strict=True):
            axes.axvspan(*span, color=INK, alpha=0.08, linewidth=0)
            for j, (name, values) in enumerate(lines.items()):
                axes.plot(x, np.asarray(values), styles[j], color=COLOURS[j], label=name)
            axes.set(title=title, xlabel="background β")
        row[0].set_ylabel("error of the answer")
        row[0].legend(fontsize=9)
    return drawing
