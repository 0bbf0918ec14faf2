"""Drawings: names for those who do not see them, ids of their own, the same bytes every time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from verify.report import figures


def _svg(id: str = "made-pulse") -> str:
    return figures.figure_svg(figures.pulses([1.5, 2.25], 4), id, "Two pulses")


def test_a_drawing_is_named_and_its_ids_are_its_own() -> None:
    tree = ET.fromstring(_svg())
    assert tree.tag.endswith("svg")
    assert "Two pulses" in "".join(tree.itertext())
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert ids and all(str(id).startswith("made-pulse") for id in ids)
    assert len(ids) == len(set(ids))


def test_the_same_data_make_the_same_bytes() -> None:
    assert _svg() == _svg()
    assert _svg("other") != _svg()


def test_ink_follows_the_page() -> None:
    assert figures.INK not in _svg() and "currentColor" in _svg()
    assert not re.search(r"https?://(?!www\.w3\.org)", _svg())


@pytest.mark.parametrize("id", ["", "1a", "a b", 'a"', "é"])
def test_an_id_is_a_word(id: str) -> None:
    with pytest.raises(ValueError):
        _svg(id)


def test_a_figure_keeps_its_words() -> None:
    made = figures.figure("made-one", "One", "A caption.", figures.pulses([1.5], 3))
    assert (made.id, made.title, made.caption) == ("made-one", "One", "A caption.")
    assert made.svg.startswith("<svg")
