"""The atlas of invariance in words, and what training found."""

from __future__ import annotations

import pytest

from verify.invariance import table
from verify.invariance.atlas import Place
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
