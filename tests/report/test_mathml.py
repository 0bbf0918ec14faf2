"""Formulas: LaTeX in, MathML out, with its source for those who do not see it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.report.mathml import formula, prose


def test_a_formula_carries_its_source() -> None:
    tree = ET.fromstring(formula(r"\frac{a}{b} < \sigma(z)"))
    assert tree.tag.endswith("math") and tree.get("alttext") == r"\frac{a}{b} < \sigma(z)"
    assert tree.get("display") == "inline"
    assert ET.fromstring(formula("x", block=True)).get("display") == "block"


@pytest.mark.parametrize("latex", ["", " ", "{a", "a}", r"\unheardof x"])
def test_what_cannot_be_drawn_is_refused(latex: str) -> None:
    with pytest.raises(ValueError):
        formula(latex)


@given(st.text(st.characters(exclude_characters="$\\", exclude_categories=["Cs"])))
def test_outside_of_formulas_everything_is_escaped(text: str) -> None:
    shown = prose(text)
    assert not set("<>\"'") & set(shown)
    assert shown.unescape() == text


def test_dollar_signs_come_in_pairs() -> None:
    assert prose("$x$ costs 2\\$").endswith("</span> costs 2$")
    with pytest.raises(ValueError, match="odd number"):
        prose("half a $x")
