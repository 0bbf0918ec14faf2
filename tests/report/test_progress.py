"""What a terminal shows while a run goes on."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from verify.models.problem import Setting
from verify.report.judge import Examined
from verify.report.progress import Progress, described
from verify.report.schedule import Piece, State
from verify.report.verdict import COLUMNS, Verdict, column

NAMES = ("signal", "loss", "flow", "shape")


def done(*names: str) -> dict[str, Examined]:
    """These claims, verified."""
    columns = dict.fromkeys(COLUMNS, column(0, 0, "none"))
    return {name: Examined(Verdict(name, "t", "s", columns, 1.0)) for name in names}


@pytest.mark.parametrize(
    ("state", "left", "text"),
    [
        (State(), 0.0, "starting · 0 of 4 done · about 0 s left"),
        (State((Piece("signal"),)), 59.4, "signal · 0 of 4 done · about 59 s left"),
        (
            State((Piece("loss"), Piece("flow")), examined=done("signal")),
            61.0,
            "loss, flow · 1 of 4 done · about 1 min 01 s left",
        ),
        (
            State(
                (Piece("shape", Setting("relu", 1)), Piece("loss")), 3, 8, done("signal", "flow")
            ),
            7260.0,
            (
                "loss, ensembles for shape (3 of 8) · 2 of 4 done, 1 waits for loss · about 2 h 01"
                " min left"
            ),
        ),
        (State(examined=done(*NAMES)), -3.0, "4 of 4 done"),
    ],
)
def test_the_line_below_the_rows(state: State, left: float, text: str) -> None:
    assert described(NAMES, state, left) == text


def shown(terminal: bool, rows: bool) -> tuple[list[str], Progress]:
    """What is printed of a run in which the second claim ends last."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=160, color_system=None)
    with Progress(NAMES, console, rows=rows) as progress:
        for names in (("signal",), ("signal", "flow"), ("signal", "flow", "loss")):
            progress(State(examined=done(*names)))
    return re.findall(r"(\w+) +✓ .* verified", stream.getvalue()), progress


def test_a_row_comes_when_all_before_it_are_there() -> None:
    names, progress = shown(terminal=True, rows=True)
    assert names == ["signal", "loss", "flow"]
    assert progress.shown == 6  # the head of the table, and those of two chapters


def test_rows_are_left_to_the_end_where_they_do_not_belong() -> None:
    for terminal, rows in ((True, False), (False, True), (False, False)):
        names, progress = shown(terminal, rows)
        assert (names, progress.shown) == ([], 0)
