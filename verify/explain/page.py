"""An explained network as one HTML page: the picture of every filter, the error over r, and all that the JSON has."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq
from markupsafe import Markup

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array
from numerics.pulse.exact_error import cells, error_on
from numerics.pulse.sample import pulse
from theory.expressions.activation import ACTIVATIONS
from verify.explain.account import Account
from verify.explain.facts import biases, floats, fraction, number
from verify.explain.text import derived_in_words, distance_bounds, label, radius_in_words, short
from verify.report import figures
from verify.report.render import render

__all__ = ["page"]

SHOWN = 8
"""Channels that are drawn."""


def page(explained: Account) -> str:
    """The page; a few pictures, no script, nothing from elsewhere."""
    document, stored = explained.document, explained.stored
    row = ACTIVATIONS[explained.setup.activation]
    kinks = [float(kink.location) for kink in row.kinks]
    pictures = [
        Markup(
            figures.figure_svg(
                figures.staircase([number(tap) for tap in w], number(b), kinks),
                f"filter-{k}",
                f"Filter {k} and its staircases",
            )
        )
        for k, (w, b) in enumerate(zip(stored.w, biases(stored), strict=True))
        if k < SHOWN
    ]
    r, error = _error(explained)
    worst = float(Fraction(document["worst_error"]["radius"]))
    drawing = figures.error_over(r, error, worst)
    return render(
        "network.html",
        document=document,
        pictures=pictures,
        error=Markup(figures.figure_svg(drawing, "error", "The error over the radius")),
        weights=[
            {
                **weight,
                "place": label(weight),
                "derived": derived_in_words(weight),
                "residual": short(weight["residual"]),
            }
            for weight in document["weights"]
        ],
        proved=distance_bounds(document["nearest"]) if document["nearest"]["exists"] else "",
        radius=radius_in_words(document["worst_error"]["radius"]),
        shown=SHOWN,
    )


def _error(explained: Account) -> tuple[Array, Array]:
    """Radii and r̂ - r: every bend, and both sides of every jump, where it is made of polynomials, else 33 radii per cell in
    float64."""
    domain = explained.setup.domain
    net = explained.net
    radii: list[float] = []
    errors: list[float] = []
    for m, low, high in cells(domain):
        inside = {low + (high - low) * fmpq(j, 32) for j in range(33)}
        if net is None:
            radii += [m - 0.5 + number(phi) for phi in sorted(inside)]
            continue
        curve = error_on(net, m, domain)
        if all(piece.degree() <= 1 for piece in curve.pieces):
            inside = {low, high}
        for left, right, piece in zip(curve.cuts, curve.cuts[1:], curve.pieces, strict=False):
            ends = {max(left, low), min(right, high)}
            for phi in sorted(ends | {x for x in inside if left < x < right}):
                if left < high and right > low:
                    radii.append(float(fraction(phi + m - fmpq(1, 2))))
                    errors.append(number(piece(phi)))
    if net is None:
        errors = _computed(explained, np.array(radii)).tolist()
    return np.array(radii), np.array(errors)


def _computed(explained: Account, r: Array) -> Array:
    from numpy.lib.stride_tricks import sliding_window_view

    w, b, a, c = floats(explained.stored)
    domain, h = explained.setup.domain, w.shape[1] // 2
    x = pulse(r, domain.half_length)
    if domain.padding != "valid":
        mode: Any = "wrap" if domain.padding == "circular" else "constant"
        x = np.pad(x, ((0, 0), (h, h)), mode=mode)
    windows = sliding_window_view(x, w.shape[1], axis=1)
    sigma = activation(explained.setup.activation)[0]
    pooled = np.sum(sigma(np.einsum("rpu,ku->rkp", windows, w) + b[:, None]), axis=2)
    answer: Array = pooled @ (a / explained.stored.share) + c - r
    return answer
