"""Drawings of networks trained on disks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing
from numpy.typing import ArrayLike

from verify.report.figures import COLOURS, INK, drawn

__all__ = ["beyond", "filters", "freed", "losses"]


def beyond(
    r: ArrayLike,
    errors: Mapping[str, tuple[ArrayLike, ArrayLike]],
    span: tuple[float, float],
    small: float,
) -> Drawing:
    """Named pairs of curves (R,) over the radii, measured and predicted; a logarithm of both signs
    beyond ±small.
    """
    styles = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
    radii = np.asarray(r, dtype=float)
    with drawn(4.2) as drawing:
        axes = drawing.subplots()
        axes.axvspan(*span, color=COLOURS[2], alpha=0.12, linewidth=0)
        axes.axhline(0, color=INK, linewidth=0.5)
        for k, (name, (measured, claimed)) in enumerate(errors.items()):
            axes.plot(
                radii, np.asarray(measured), linestyle=styles[k], color=COLOURS[k], label=name
            )
            axes.plot(radii[::9], np.asarray(claimed)[::9], ".", color=COLOURS[k], markersize=4)
        axes.set_yscale("symlog", linthresh=small)
        axes.set(xlabel="radius r", ylabel="answer less r")
        axes.legend(fontsize=9, ncols=2)
    return drawing


def filters(shown: Sequence[tuple[str, ArrayLike, ArrayLike]]) -> Drawing:
    """One column each: a name, a filter (n, n) and the activations (N, N) that it
    leaves of a disk.
    """
    with drawn(3.6) as drawing:
        panels = drawing.subplots(2, len(shown), height_ratios=(1, 2))
        for column, (name, w, values) in enumerate(shown):
            for row, picture in enumerate((np.asarray(w), np.asarray(values))):
                axes = panels[row, column]
                level = picture - (picture[0, 0] if row else 0.0)
                most = float(np.max(np.abs(level)))
                axes.pcolormesh(level.T, cmap="PuOr_r", vmin=-most, vmax=most)
                axes.set(aspect="equal", xticks=[], yticks=[])
            panels[0, column].set_title(name)
    return drawing


def freed(pairs: Mapping[str, tuple[ArrayLike, ArrayLike]], level: float) -> Drawing:
    """Loss after against loss before, each (B,), one point per network, by name; a thin line where
    they are equal, and one at a level.
    """
    marks = ("o", "s", "^", "D", "v", "P")
    with drawn(4.2) as drawing:
        axes = drawing.subplots()
        everything = np.concatenate([np.concatenate(pair) for pair in pairs.values()])
        ends = (float(np.min(everything)) / 2, float(np.max(everything)) * 2)
        axes.plot(ends, ends, color=INK, linewidth=0.5)
        axes.axhline(level, color=COLOURS[1], linewidth=1)
        for k, (name, (before, after)) in enumerate(pairs.items()):
            axes.plot(
                before,
                after,
                marks[k],
                color=COLOURS[(0, 2, 3, 4, 5)[k % 5]],
                alpha=0.6,
                markersize=5,
                label=name,
            )
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="loss where the smooth trainer stalled",
            ylabel="loss in the end",
        )
        axes.legend(fontsize=9)
    return drawing


def losses(by_setting: Mapping[str, ArrayLike], floors: Mapping[str, Sequence[float]]) -> Drawing:
    """The losses (B,) of every network by setting, and short lines at the floors of some."""
    with drawn(3.8) as drawing:
        axes = drawing.subplots()
        for k, (name, values) in enumerate(by_setting.items()):
            ordered = np.sort(np.maximum(np.asarray(values, dtype=float), 1e-12))
            place = k + np.linspace(-0.3, 0.3, len(ordered))
            axes.plot(place, ordered, "o", color=COLOURS[0], alpha=0.5, markersize=3)
            for floor in floors.get(name, ()):
                axes.plot((k - 0.42, k + 0.42), (floor, floor), color=COLOURS[1], linewidth=2)
        axes.set_yscale("log")
        axes.set_xticks(
            range(len(by_setting)), list(by_setting), rotation=60, ha="right", fontsize=8
        )
        axes.set(ylabel="loss")
    return drawing
