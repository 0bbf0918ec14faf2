"""A column against its tolerance, a verdict from four columns."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from verify.report.verdict import COLUMNS, Column, Verdict, column


@given(st.floats(), st.floats(0, 1e9))
def test_a_column_holds_up_to_its_tolerance(figure: float, tolerance: float) -> None:
    found = column(figure, tolerance, "")
    assert (found.status == "holds") == (not math.isnan(figure) and figure <= tolerance)


@given(st.lists(st.sampled_from(["holds", "fails", "blocked"]), min_size=4, max_size=4))
def test_verdict_of_four_columns(states: list[str]) -> None:
    columns = {k: Column(v, 0.0, 0.0, "") for k, v in zip(COLUMNS, states, strict=True)}  # type: ignore[arg-type]
    expected = "failed" if "fails" in states else "blocked" if "blocked" in states else "verified"
    found = Verdict("id", "title", "statement", columns, 0.5)
    assert found.verdict == found.as_dict()["verdict"] == expected


def test_a_verdict_as_json_takes_it() -> None:
    """Numbers that JSON does not have are null, and milliseconds are enough."""
    figures = [(math.nan, None), (0.5, 0.5), (math.inf, None), (0.0, 0.0)]
    columns = {
        name: Column("fails", figure, 1.0, "")
        for name, (figure, _) in zip(COLUMNS, figures, strict=True)
    }
    found = Verdict("id", "title", "statement", columns, 0.12345).as_dict()
    assert found["seconds"] == 0.123
    assert [found["columns"][name]["figure"] for name in COLUMNS] == [json for _, json in figures]
    assert {column["tolerance"] for column in found["columns"].values()} == {1.0}
