"""The plots show σ where it is defined, and each staircase on the same axis."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory.expressions.activation import ACTIVATIONS
from theory.expressions.grammar import parse
from theory.expressions.pieces import z
from theory.shape.sketch import sketch, svg

R = sp.Rational
STAIRS = ((R(-1, 2), sp.Integer(0), R(1, 3), sp.Integer(1)), (sp.Integer(1), -sp.sqrt(2)))
SVG = "{http://www.w3.org/2000/svg}"


def graph(text: str, height: int) -> list[str]:
    return [line[10:] for line in text.splitlines()[:height]]


def test_the_identity_is_a_diagonal() -> None:
    drawn = sketch(z, [(-1, 1)], width=20, height=10, ascii=True)
    rows = graph(drawn, 10)
    # The vertical margin of 5 percent leaves the diagonal within a row of the corners.
    for number, row in enumerate(rows):
        columns = [column for column, cell in enumerate(row) if cell == "*"]
        assert all(abs((19 - column) / 2 - number) <= 1.5 for column in columns)
    assert sum("*" in row for row in rows) == 10
    assert drawn.splitlines()[0].startswith("     1.75+")
    assert drawn.splitlines()[10].startswith("         +---")
    assert drawn.splitlines()[11].split() == ["-1.6", "0", "1.6"]


def test_staircases_lie_on_the_axis_of_the_graph() -> None:
    lines = sketch(sp.Abs(z), STAIRS, width=48, ascii=True).splitlines()
    assert len(lines) == 16 + 2 + 2
    first, second = lines[-2:]
    assert first.startswith("channel 1 ") and first.endswith("  -1/2, 0, 1/3, 1")
    assert second.startswith("channel 2 ") and second.endswith("  1, -sqrt(2)")
    zero = lines[17].index("0", lines[17].index(" 0 "))
    assert first[zero] == "o"
    bars = [[i for i, cell in enumerate(line[:58]) if cell == "|"] for line in (first, second)]
    assert len(bars[0]) == len(bars[1]) == 2
    assert bars[0][1] == bars[1][1]
    assert bars[1][0] < bars[0][0] < zero < bars[0][1]


@pytest.mark.parametrize("text", ["1/z", "tan(z)", "1/(z-1)**2"])
def test_poles_leave_the_extent_readable(text: str) -> None:
    drawn = sketch(parse(text, everywhere=False), [(-3, 3)], ascii=True)
    assert sum("*" in row for row in graph(drawn, 16)) >= 8


def test_undefined_points_are_blank() -> None:
    for row in graph(sketch(sp.log(z), [(-1, 1)], width=40), 16):
        assert not row[:19].strip()
    nothing = sketch(sp.log(-1 - z**2), [], ascii=True)
    assert "*" not in nothing


def test_jumps_are_not_joined() -> None:
    rows = graph(sketch(sp.sign(z), [], height=8, ascii=True), 8)
    assert ["*" in row for row in rows] == [True] + 6 * [False] + [True]
    path = ElementTree.fromstring(svg(sp.sign(z), [])).findall(f"{SVG}path")[1].attrib["d"]
    assert path.count("M") >= 2
    for steep in (sp.tanh(1000 * z), sp.Abs(z), sp.erf(z)):
        path = ElementTree.fromstring(svg(steep, [])).findall(f"{SVG}path")[1].attrib["d"]
        assert path.count("M") == 1


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_of_the_catalogue(name: str) -> None:
    expression = ACTIVATIONS[name].expression
    drawn = sketch(expression, STAIRS)
    assert any(0x2800 < ord(cell) <= 0x28FF for cell in drawn)
    assert sketch(expression, STAIRS, ascii=True).isascii()
    ElementTree.fromstring(svg(expression, STAIRS))


def test_size() -> None:
    lines = sketch(sp.sin(z), STAIRS, width=30, height=5).splitlines()
    assert len(lines) == 5 + 2 + 2
    assert all(len(line) <= 40 for line in lines[:7])
    with pytest.raises(ValueError, match="at least 8 columns and 2 rows"):
        sketch(z, [], width=7)


def test_svg_is_standalone_and_shows_every_step() -> None:
    drawn = svg(sp.Max(z, 0) + sp.tan(z), STAIRS)
    root = ElementTree.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    assert len(root.findall(f"{SVG}circle")) == 6
    texts = [element.text for element in root.findall(f"{SVG}text")]
    assert "channel 1: -1/2, 0, 1/3, 1" in texts
    assert "channel 2: 1, -sqrt(2)" in texts
    assert "currentColor" in drawn and "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
    assert len(drawn) < 20_000


@given(
    st.sampled_from(["z", "1/z", "log(z)", "exp(exp(z))", "tan(z)", "3", "sqrt(z)", "sign(z)"]),
    st.lists(
        st.lists(st.fractions(-(10**6), 10**6, max_denominator=10**6), max_size=4), max_size=3
    ),
)
def test_any_staircases_can_be_drawn(text: str, staircases: list[list[object]]) -> None:
    expression = parse(text, everywhere=False)
    exact = [[sp.Rational(v.numerator, v.denominator) for v in s] for s in staircases]  # type: ignore[attr-defined]
    assert len(sketch(expression, exact, width=20, height=4).splitlines()) == 6 + len(exact)
    ElementTree.fromstring(svg(expression, exact))
