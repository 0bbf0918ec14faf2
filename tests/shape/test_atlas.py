"""The atlas shows every activation once, with its class in words, and its derived staircase on the
graph.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib.colors import to_hex

from numerics.arithmetic.compile import activation
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.kinks import segments
from theory.shape.classify import CLASSES
from verify.report import mathml
from verify.report.figures import COLOURS, figure_svg
from verify.shape import atlas
from verify.shape.attempts import KINDS, Reached, counts
from verify.shape.claims.shape import forecast


@pytest.fixture(scope="module")
def drawing() -> Iterator[object]:
    yield atlas.drawing()


def test_every_activation_has_one_row_class_by_class() -> None:
    rows = atlas.rows()
    assert sorted(row.name for row in rows) == sorted(ACTIVATIONS)
    places = [CLASSES.index(row.shape.kind) for row in rows]
    assert places == sorted(places)
    assert set(atlas.CLASS_NAMES) == set(CLASSES)


def test_fewest_channels_in_words() -> None:
    by_name = {row.name: row for row in atlas.rows()}
    assert by_name["relu"].fewest == "1"
    assert by_name["softplus"].fewest == "2"
    assert by_name["tanh"].fewest == "–" and by_name["tanh"].network == ()
    (channel,) = by_name["relu"].network
    assert re.fullmatch(r"w\s=\s\(.*\), b\s=\s\S+, a\s=\s\S+", channel)
    assert len(by_name["softplus"].network) == 2
    for row in by_name.values():
        assert row.why and not re.search(r"\d{12}|\boo\b", row.why)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_expressions_are_short_and_can_be_drawn(name: str) -> None:
    latex = atlas.expression_latex(ACTIVATIONS[name].expression)
    assert not re.search(r"\d{8}", latex)
    assert mathml.formula(latex).startswith("<math")


def test_drawing_has_a_panel_for_each_with_its_class_as_text(drawing: object) -> None:
    rows = atlas.rows()
    for axes, row in zip(drawing.axes, rows, strict=False):  # type: ignore[attr-defined]
        assert axes.get_title() == row.name
        (words,) = (text.get_text() for text in axes.texts)
        assert words.startswith(row.kind)
        assert ("no K" if row.shape.channels is None else f"K = {row.fewest}") in words
    shown = {to_hex(axes.texts[0].get_color()) for axes in drawing.axes[: len(rows)]}  # type: ignore[attr-defined]
    assert shown <= set(COLOURS)
    assert len(shown) == len({row.shape.kind for row in rows})


def test_marks_are_the_values_of_the_derived_staircase(drawing: object) -> None:
    for axes, row in zip(drawing.axes, atlas.rows(), strict=False):  # type: ignore[attr-defined]
        marks = [line for line in axes.lines if line.get_marker() in ("o", "s", "^", "D")]
        recipe = row.shape.recipe
        assert len(marks) == (recipe.channels if recipe else 0)
        if recipe:
            for line, w, b in zip(marks, recipe.w, recipe.b, strict=True):
                x, y = line.get_data()
                ends = {float(b + end) for pair in segments(w) for end in pair}
                assert np.allclose(sorted(ends), x, rtol=0, atol=1e-12)
                assert np.allclose(activation(row.name)[0](x), y, rtol=0, atol=1e-12)
                low, high = axes.get_xlim()
                assert low < min(x) and max(x) < high
                low, high = axes.get_ylim()
                assert low <= min(y) and max(y) <= high


def test_graphs_break_at_jumps_only(drawing: object) -> None:
    for axes, row in zip(drawing.axes, atlas.rows(), strict=False):  # type: ignore[attr-defined]
        curves = [line for line in axes.lines if len(line.get_xdata()) > 100]
        assert len(curves) == 1 + len(ACTIVATIONS[row.name].jumps)


def test_drawing_is_a_figure_that_names_its_parts(drawing: object) -> None:
    svg = figure_svg(drawing, "atlas", "The atlas")  # type: ignore[arg-type]
    assert svg == figure_svg(atlas.drawing(), "atlas", "The atlas"), "same bytes for the same data"
    text = " ".join(ET.fromstring(svg).itertext())
    for row in atlas.rows():
        assert row.name in text
    found = atlas.picture()
    assert found.id.startswith("shape") and mathml.prose(found.caption)


def _fake(name: str, channels: int) -> Reached:
    stated = next(row.shape for row in atlas.rows() if row.name == name)
    said = forecast(stated, channels)
    kinds = (0, 3, 197, 0) if said == "never" else (150, 0, 50, 0)
    return Reached(
        name,
        channels,
        said,
        200,
        1.25e-9,
        3.5e-7,
        kinds,
        200,
        1e-9,
        name != "softplus",
        4 * (name == "softplus" and channels == 2),
        0,
    )


def test_table_shows_losses_census_and_rates() -> None:
    fakes = tuple(_fake(name, k) for name in ACTIVATIONS for k in counts(name))
    plain, networks = atlas.sections(fakes, 4)
    assert "rate" not in re.sub(r"<p>.*?</p>", "", plain.html, flags=re.DOTALL)
    assert plain.html.count("<tr>") == 1 + len(ACTIVATIONS)
    assert "1.25e-09" in plain.html and "3.5e-07" in plain.html
    assert plain.html.count("0 / 3 ✗") == sum(f.forecast == "never" for f in fakes)
    assert plain.html.count("150 / 0 †") == 1 and plain.html.count("150 / 0<") == len(fakes) - 1 - (
        plain.html.count("0 / 3 ✗")
    )
    with_rates = atlas.sections(fakes, 4, {"tanh": r"$S^4$"})[0]
    assert "<sup" in with_rates.html or "<msup" in with_rates.html
    for row in atlas.rows():
        assert f'<th scope="row">{row.name}</th>' in plain.html
        assert f'<th scope="row">{row.name}</th>' in networks.html
    assert len(KINDS) == 4
