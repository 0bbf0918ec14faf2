"""Pictures and parts of the page are plain values."""

from __future__ import annotations

import dataclasses

import pytest

from verify.report.page import Figure, Section


def test_they_are_compared_by_what_they_hold_and_do_not_change() -> None:
    figure = Figure("a-b", "t", "c", "<svg></svg>")
    assert (
        figure == Figure("a-b", "t", "c", "<svg></svg>") != Figure("a-c", "t", "c", "<svg></svg>")
    )
    section = Section("a-s", "t", "<p></p>")
    assert section == Section("a-s", "t", "<p></p>")
    for part in (figure, section):
        with pytest.raises(dataclasses.FrozenInstanceError):
            part.id = "other"  # type: ignore[misc]
