"""An explained network for images as one HTML page: every filter with its edges, the error over r, and all that the JSON has."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
from markupsafe import Markup

from numerics.disk.perimeter import edge_response, reach
from numerics.disk.perimeter_enclosure import Filter, by_direction
from verify.explain.disk_account import DiskAccount
from verify.explain.disk_figures import filter_and_edges
from verify.explain.text import (
    bound_in_words,
    derived_in_words,
    label,
    laws_in_words,
    short,
    with_error,
)
from verify.report import figures
from verify.report.render import render

__all__ = ["disk_page"]

SHOWN = 8
"""Filters that are drawn."""
TURNS = 360
DIRECTIONS = (0, 45, 90, 135)


def disk_page(explained: DiskAccount) -> str:
    """The page; a few pictures, no script, nothing from elsewhere."""
    document, facts = explained.document, explained.facts
    wavers = explained.wavering
    dots = None if wavers is None else ("the lattice", facts.r, wavers.parabola + wavers.law)
    worst = document["worst_error"]
    drawn = figures.error_over(explained.r, explained.error, worst["radius"], dots)
    return render(
        "network_disk.html",
        document=document,
        laws=laws_in_words(document),
        limit=bound_in_words(worst),
        filters=[
            {**entry, "strength": with_error(entry["perimeter"], entry["error"])}
            for entry in document["filters"]
        ],
        pictures=[Markup(_picture(filter_, k)) for k, filter_ in enumerate(explained.filters) if k < SHOWN],
        error=Markup(figures.figure_svg(drawn, "error", "The error over the radius")),
        weights=[
            {**entry, "place": label(entry), "derived": derived_in_words(entry), "residual": short(entry["residual"])}
            for entry in document["weights"]
        ],
        shown=SHOWN,
    )  # fmt: skip


def _picture(filter_: Filter, k: int) -> str:
    n = len(filter_.w)
    t = np.linspace(-1.1, 1.1, 221) * reach(n)
    curves = {
        f"{turn}°": edge_response(filter_.w[None], t, round(cos(turn * pi / 180), 12), round(sin(turn * pi / 180), 12))[0]
        for turn in DIRECTIONS
    }  # fmt: skip
    theta = (np.arange(TURNS + 1) + 0.5) * 2 * pi / TURNS
    drawing = filter_and_edges(
        f"filter {k}", filter_.w, t, curves, theta, by_direction(filter_, theta)[0]
    )
    return figures.figure_svg(drawing, f"filter-{k}", f"Filter {k}, its responses to straight edges, and what they add by direction")  # fmt: skip
