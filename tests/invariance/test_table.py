"""The atlas of invariance in words, and what training found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from verify.invariance import table
from verify.invariance.atlas import Place, entries
from verify.invariance.table import TrainingOutcome


def test_every_network_seen_is_accounted_for() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        TrainingOutcome("some", 3, (("exact", 1), ("not", 1)))
    place = Place("nothing", "dense", "real", "any", "linear")
    html = table.section({place: [TrainingOutcome("some <b>", 3, (("exact", 1), ("not", 2)))]}).html
    assert "of 3, 1 exact, 2 not" in html and "some &lt;b&gt;" in html
    assert "docs/pulse/kinks.md#theorem-one-kink" in html
    with pytest.raises(ValueError, match="no such cells"):
        table.section({Place("nothing", "sum", "half", "ring", "linear"): []})


def test_a_table_with_a_network_that_errs_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for row in entries() if row.net is not None]
    off = replace(rows[0], net=replace(rows[0].net, c=rows[0].net.c + 1))
    monkeypatch.setattr(table, "entries", lambda: [off, *rows[1:]])
    with pytest.raises(ValueError, match="^networks that are not exact: ") as error:
        table.section({})
    assert str(error.value).endswith(f"[{off.place!r}]")
