"""The picture at the top of README: a pulse, a filter, its staircase, its error before and after.

``python docs/_ext/picture.py`` writes docs/images/pulse.svg; a test compares the file with what
this module makes.  The network is ReLU with one channel of five taps, the fifth start of seed 0,
trained by the trainer of the claims and run in torch.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from numerics.pulse.sample import Radii, pulse
from verify.models.networks import load, signals
from verify.models.problem import NetworkBatch, Setting
from verify.optimise.ensemble import train_ensemble
from verify.report.figures import COLOURS, INK, drawn, figure_svg

FILE = ROOT / "docs" / "images" / "pulse.svg"
SETTING = Setting("relu", 1, 5)
START = 4
"""Its filter crosses the kink at the start; training ends in an exact network."""
RADIUS = 3.25
TITLE = "A pulse, a filter of five taps, its partial sums, and its error before and after training"


def answers(weights: NetworkBatch, radii: Radii) -> np.ndarray:
    """r̂ of the torch network with these weights at the radii."""
    network = load(SETTING, weights, START)
    return network(signals(radii, SETTING.taps)).detach().numpy().ravel()


def picture() -> str:
    """One SVG element, dark on white: a page that shows an image lends it no colour."""
    ensemble = train_ensemble(SETTING, START + 1, 0)
    before, after = ensemble.start, ensemble.weights
    radii = Radii(SETTING.radii.first, SETTING.radii.cells, 64)
    looks = {"before": (before, COLOURS[1], "s--"), "after": (after, COLOURS[0], "o-")}
    with drawn(5.6, 9.2) as drawing:
        (light, taps), (stairs, error) = drawing.subplots(2, 2)
        i = np.arange(-6, 7)
        light.bar(i, pulse(np.array([RADIUS]), 6)[0], width=0.9, color=COLOURS[4], alpha=0.8)
        for edge in (-RADIUS, RADIUS):
            light.axvline(edge, color=INK, linestyle="--", linewidth=1)
        light.set(
            title=f"a pulse, r = {RADIUS}", xlabel="pixel", ylabel="light", yticks=(0, 0.75, 1)
        )
        for name, (weights, colour, style) in looks.items():
            w, b, _, _ = weights.network(START)
            sums = b[0] + np.concatenate([[0.0], np.cumsum(w[0])])
            taps.plot(np.arange(-2, 3), w[0], style, color=colour, label=f"{name} training")
            stairs.plot(np.arange(6), sums, style, color=colour)
            error.plot(radii.r, answers(weights, radii) - radii.r, style[1:], color=colour)
        taps.axhline(0, color=INK, linewidth=0.8)
        taps.set(title="its filter", xlabel="tap", ylabel="weight", xticks=range(-2, 3))
        taps.legend(fontsize=9)
        stairs.axhline(0, color=COLOURS[3], linestyle=":", linewidth=2, label="the kink of ReLU")
        stairs.set(
            title="what the filter sees: its partial sums",
            xlabel="taps added",
            ylabel="pre-activation",
        )
        stairs.legend(fontsize=9)
        worst = np.abs(answers(after, radii) - radii.r).max()
        error.set(
            title="the error at every radius",
            xlabel="radius r (grid at half-integers)",
            ylabel="r̂(r) − r",
            xticks=np.arange(radii.first, radii.first + radii.cells + 1) - 0.5,
        )
        error.grid(axis="x", alpha=0.35)
        error.annotate(
            "0 at every radius" if worst < 1e-12 else f"{worst:.1g}",
            (radii.r[-1], 0),
            (0, -6),
            textcoords="offset points",
            ha="right",
            va="top",
            color=COLOURS[0],
        )
        light.xaxis.set_major_locator(MaxNLocator(integer=True))
    svg = figure_svg(drawing, "pulse", TITLE).replace("currentColor", "#1f2328")
    opening, rest = svg.split(">", 1)
    return f'{opening}><rect width="100%" height="100%" fill="#fff"/>{rest}\n'


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(picture(), encoding="utf-8")
