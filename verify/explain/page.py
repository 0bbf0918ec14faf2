"""An explained network as one HTML page: the picture of every filter, the error over r, and all
that the JSON has.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from itertools import islice
from math import cos, pi, sin

import numpy as np
from flint import fmpq
from markupsafe import Markup
from matplotlib.figure import Figure as Drawing

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array
from numerics.certificates.conditions import Stored, exact_of
from numerics.disk.perimeter import edge_response, reach
from numerics.disk.perimeter_enclosure import by_direction
from numerics.pulse.exact_error import cells, error_on
from numerics.pulse.quadrature import windows
from numerics.pulse.sample import pulse
from theory.expressions.spelling import spelled
from verify.explain import text
from verify.explain.disk_figures import filter_and_edges
from verify.explain.value import Explanation, ImageExplanation, SignalExplanation, document
from verify.models.setup import Setup
from verify.report import figures
from verify.report.render import render

__all__ = ["body", "embedded", "error_drawing", "head", "page"]

SHOWN = 8
"""Filters that are drawn."""
TURNS = 360
DIRECTIONS = (0, 45, 90, 135)


def page(explanation: SignalExplanation | ImageExplanation) -> str:
    """The page; a few pictures, no script, nothing from elsewhere."""
    part = "weight" if isinstance(explanation, SignalExplanation) else "filter"
    return render(
        "explained_page.html",
        explanation=explanation,
        head=head(explanation),
        body=body(explanation),
        part=part,
    )


def head(explanation: SignalExplanation | ImageExplanation) -> Markup:
    """The verdict, its grade, what else would explain the network, and what to do next."""
    sampled = isinstance(explanation, ImageExplanation)
    return Markup(render("headline.html", explanation=explanation, sampled=sampled, text=text))


def body(
    explanation: SignalExplanation | ImageExplanation, name: str = "", level: int = 2
) -> Markup:
    """What a page shows below its headline; anchors begin with ``name``, headings are of this
    level.
    """
    if isinstance(explanation, SignalExplanation):
        template, pictures = "network.html", _staircases(explanation, name)
    else:
        template, pictures = "network_disk.html", _edges(explanation, name)
    error = error_drawing(explanation)
    html = render(
        template,
        explanation=explanation,
        settings=explanation.setup.as_dict(),
        text=text,
        name=name,
        level=level,
        pictures=[Markup(picture) for picture in islice(pictures, SHOWN)],
        error=Markup(figures.figure_svg(error, f"{name}error", "The error over the radius")),
        shown=SHOWN,
    )
    return Markup(html)


def embedded(explanation: Explanation) -> str:
    """HTML without a script for a notebook, with styles that reach nothing else and colours that
    are mixed from the notebook's own; its anchors are those of this explanation alone.
    """
    assert isinstance(explanation, SignalExplanation | ImageExplanation)
    key = zlib.crc32(json.dumps([document(explanation), str(explanation.replay)]).encode())
    replay = explanation.replay and text.replay_in_words(explanation.replay)
    return render(
        "notebook.html",
        head=head(explanation),
        body=body(explanation, f"explained-{key:08x}-", 3),
        replay=replay,
    )


def error_drawing(explanation: Explanation) -> Drawing:
    """The error r̂ - r over the radius."""
    assert isinstance(explanation, SignalExplanation | ImageExplanation)
    if isinstance(explanation, SignalExplanation):
        return figures.error_over(*_error(explanation), float(explanation.worst_error.radius))
    dots = explanation.law and ("the lattice", *explanation.law)
    return figures.error_over(*explanation.error, explanation.worst_error.radius, dots)


# -------------------------------------------------------------------------------------- signals


def _staircases(explanation: SignalExplanation, name: str) -> Iterator[str]:
    kinks = [float(kink.location) for kink in spelled(explanation.setup.activation).kinks]
    for k, (w, b, _) in enumerate(explanation.stored.listed):
        drawing = figures.staircase([*map(float, w)], float(b), kinks, f"filter {k}")
        yield figures.figure_svg(drawing, f"{name}filter-{k}", f"Filter {k} and its staircases")


def _error(explanation: SignalExplanation) -> tuple[Array, Array]:
    """Radii and r̂ - r: every bend, and both sides of every jump, where it is made of polynomials,
    else 33 radii per cell in float64.
    """
    setup, stored = explanation.setup, explanation.stored
    net = exact_of(stored, setup.activation)
    radii: list[float] = []
    errors: list[float] = []
    for m, low, high in cells(setup.domain):
        inside = {low + (high - low) * fmpq(j, 32) for j in range(33)}
        if net is None:
            radii += [m - 0.5 + float(phi) for phi in sorted(inside)]
            continue
        curve = error_on(net, m, setup.domain)
        if all(piece.degree() <= 1 for piece in curve.pieces):
            inside = {low, high}
        for left, right, piece in zip(curve.cuts, curve.cuts[1:], curve.pieces, strict=False):
            ends = {max(left, low), min(right, high)}
            for phi in sorted(ends | {x for x in inside if left < x < right}):
                if left < high and right > low:
                    radii.append(float(phi + m - fmpq(1, 2)))
                    errors.append(float(piece(phi)))
    r = np.array(radii)
    return r, np.array(errors) if net is not None else _computed(stored, setup, r)


def _computed(stored: Stored, setup: Setup, r: Array) -> Array:
    w, b, a = (np.array(x, dtype=float) for x in (stored.w, stored.biases, stored.readout))
    light = windows(pulse(r, setup.domain.half_length), stored.taps, setup.domain)
    z = np.einsum("rpu,ku->rkp", light, w) + b[:, None]
    pooled = np.sum(activation(setup.activation)[0](z), axis=2)
    answer: Array = pooled @ a + float(stored.offset) - r
    return answer


# --------------------------------------------------------------------------------------- images


def _edges(explanation: ImageExplanation, name: str) -> Iterator[str]:
    theta = (np.arange(TURNS + 1) + 0.5) * 2 * pi / TURNS
    for k, filter_ in enumerate(explanation.drawn):
        t = np.linspace(-1.1, 1.1, 221) * reach(len(filter_.w))
        curves = {}
        for turn in DIRECTIONS:
            across, down = (round(f(turn * pi / 180), 12) for f in (cos, sin))
            curves[f"{turn}°"] = edge_response(filter_.w[None], t, across, down)[0]
        strength = by_direction(filter_, theta)[0]
        drawing = filter_and_edges(f"filter {k}", filter_.w, t, curves, theta, strength)
        title = f"Filter {k}, its responses to straight edges, and what they add by direction"
        yield figures.figure_svg(drawing, f"{name}filter-{k}", title)
