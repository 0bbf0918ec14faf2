"""The drawings of the atlas of invariance."""

from __future__ import annotations

import math

from verify.invariance import atlas, figures


def test_the_matrix_shows_every_cell() -> None:
    axes = figures.matrix().axes[0]
    squares = len(axes.patches)
    dots = sum(line.get_marker() == "o" for line in axes.lines)
    crosses = sum(line.get_marker() == "x" for line in axes.lines)

    def count(status: str) -> int:
        return sum(row.status == status for row in atlas.entries())

    assert (squares, dots, crosses) == (
        len(atlas.entries()),
        count("feasible"),
        count("infeasible"),
    )


def test_the_edge_and_the_ruler_are_drawn() -> None:
    panels = figures.compass().axes
    assert len(panels) == 4
    edge = panels[2]
    above = [max(line.get_ydata()) for line in edge.lines[:3]]
    assert [float(y) for y in above] == [0.0, 1.0, 2.0]
    assert all(sum(y > 0 for y in line.get_ydata()) <= 1 for line in edge.lines[:3])
    assert math.isclose(sum(panels[3].get_ylim()), 0.2)
