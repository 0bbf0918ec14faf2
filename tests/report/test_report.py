"""The report: JSON without holes, a page that stands alone, files whole or not at all."""

from __future__ import annotations

import io
import json
import math
import re
import xml.etree.ElementTree as ET
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from theory.claim import CHAPTERS, Claim, Proof, Wrong, find_claims
from verify.report import figures, mathml, report
from verify.report.judge import Examined
from verify.report.page import Section
from verify.report.report import Report
from verify.report.verdict import COLUMNS, Column, Verdict, column

DOCS = Path(__file__).parents[2] / "docs" / "report.md"
MATHML = "{http://www.w3.org/1998/Math/MathML}"


def claim(name: str = "signal", statement: str = r"x \le \tfrac12") -> Claim:
    """A claim whose title needs escaping."""
    assumptions = (r"$r < n/2$ & so <on>.", "No formula.")
    wrong = (Wrong("a sign", -1),)
    return Claim(
        name, f"Title of {name} <b>", statement, assumptions, 1, lambda _: Proof((), ""), wrong
    )


def examined(
    name: str = "signal", training: Column | None = None, **parts: tuple[Any, ...]
) -> Examined:
    """A verdict with one replaceable column."""
    columns = dict.fromkeys(COLUMNS, column(1e-13, 1e-12, "largest <distance>"))
    columns["training"] = training or columns["training"]
    return Examined(Verdict(name, "t", "s", columns, 1.25), **parts)


def run(*results: Examined, claims: tuple[Claim, ...] | None = None, **more: Any) -> Report:
    """A report on the given verdicts."""
    claims = claims or tuple(claim(item.verdict.id) for item in results)
    return Report("1.2.3", 7, "quick", claims, results, **more)


@cache
def drawings() -> dict[str, str]:
    """Each kind of picture, from small arrays."""
    r = np.linspace(4.5, 6.5, 9)
    losses = [1e-30, 0.0, 2.0, 0.1]
    kinds = {
        "pulses": figures.pulses([1.5, 2.25], 4),
        "staircase": figures.staircase([1.0, -0.5, 0.25], -0.5),
        "error": figures.error_between(r, 0 * r, 0 * r),
        "losses": figures.loss_histogram(
            losses, {"dead": 2.0}, ["exact", "exact", "dead", "other"]
        ),
        "empty": figures.loss_histogram([], {}, []),
    }
    return {
        name: figures.figure_svg(drawn, f"signal-{name}", f"<{name}>")
        for name, drawn in kinds.items()
    }


class Page(HTMLParser):
    """Tags with attributes, and all ids, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.ids = [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


# --- JSON -------------------------------------------------------------------------------------


def test_json_has_what_the_page_documents() -> None:
    text = report.as_json(run(examined(), examined("flow", column(math.nan, math.inf, "lost"))))
    document = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert document["summary"] == {"verified": 1, "failed": 1, "blocked": 0, "holds": False}
    assert document["claims"][1]["columns"]["training"] == {
        "status": "fails",
        "figure": None,
        "tolerance": None,
        "detail": "lost",
    }
    entries = [(entry["id"], entry["chapter"]) for entry in document["claims"]]
    assert entries == [("signal", "pulse"), ("flow", "training")]
    names = {*document, *document["summary"], *document["claims"][0], "python", "platform"}
    names |= {*document["claims"][0]["columns"]["proof"]}
    described = set(re.findall(r"`(\w+)`", DOCS.read_text(encoding="utf-8")))
    assert names - described == set()


def test_nothing_examined_does_not_hold() -> None:
    assert run().summary == {"verified": 0, "failed": 0, "blocked": 0, "holds": False}
    assert "nothing is shown" in report.headline(run())


def test_a_problem_of_the_report_keeps_the_run_from_holding() -> None:
    assert run(examined()).summary["holds"]
    assert not run(examined(), problems=("a figure is lost",)).summary["holds"]
    assert not run(examined(problems=("signal: figures: lost",))).summary["holds"]


# --- terminal ---------------------------------------------------------------------------------


def test_table_shows_figures_and_reasons() -> None:
    stream = io.StringIO()
    bad = column(12, 0, "12 of 50 networks unexplained")
    report.table(run(examined(), examined("flow", bad)), Console(file=stream, width=120))
    lines = stream.getvalue().splitlines()
    first, second, *_ = CHAPTERS
    assert [line.strip() for line in (lines[1], lines[3])] == [first.title, second.title]
    assert "✓ 1e-13 ≤ 1e-12" in lines[2] and "verified" in lines[2]
    assert "✗ 12 > 0" in lines[4] and "failed" in lines[4]
    assert "flow · training fails: 12 of 50 networks unexplained" in lines
    assert lines[-1] == "Not everything holds. 2 claims: 1 verified, 1 failed."


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (12, "12"), (0.25, "0.25"), (1e-12, "1e-12"), (math.inf, "∞"), (math.nan, "–")],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert report.number(value) == shown


# --- page -------------------------------------------------------------------------------------


def page(**more: Any) -> str:
    """A page with every kind of content."""
    drawn = tuple(
        figures.Figure(f"signal-{name}", name, "Shown: $a_k$ & b.", svg)
        for name, svg in drawings().items()
    )
    table = Section("signal-table", "A table <below>", "<p id='table'>trusted, too</p>")
    story = Section("signal-story", "A story <told>", "<p id='story'>trusted</p>", first=True)
    blocked = Column("blocked", math.nan, 0.0, "ValueError: <lost>")
    results = (examined(figures=drawn, sections=(table, story)), examined("flow", blocked))
    return report.html(run(*results, **more))


def test_page_stands_alone() -> None:
    text = page()
    parsed = Page(text)
    loads = {"src", "srcset", "data", "poster", "action", "xlink:href", "background", "ping"}
    for tag, attributes in parsed.tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base", "image"}
        assert not loads & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "@import" not in text
    assert set(re.findall(r'url\(\s*(#|"data:|.)', text)) == {"#", '"data:'}
    assert "ns0:" not in text


def test_page_ids_are_unique_and_links_arrive() -> None:
    parsed = Page(page())
    assert len(parsed.ids) == len(set(parsed.ids))
    targets = {a["href"] for _, a in parsed.tags if a.get("href")}
    assert {f"#{name}" for name in parsed.ids} >= targets
    used = set(re.findall(r"url\(#([^)]+)\)", page()))
    assert used <= set(parsed.ids)


def test_page_escapes_text_and_draws_formulas() -> None:
    text = page()
    assert "Title of signal &lt;b&gt;" in text and "<b>" not in text
    assert "ValueError: &lt;lost&gt;" in text and "&amp; so &lt;on&gt;" in text
    assert "<p id='story'>trusted</p>" in text
    formulas = re.findall(r"<math\b.*?</math>", text, re.DOTALL)
    # the formula of each chapter, a statement and an assumption for each claim, five captions, and
    # the list of symbols
    symbols = sum(sentence.count("$") for sentence in report.GLOSSARY) // 2
    assert len(formulas) == 11 + symbols
    assert {ET.fromstring(formula).tag for formula in formulas} == {f"{MATHML}math"}


def test_page_tells_the_story_in_order() -> None:
    """What opens it, the legend, the chapters with their claims, and tables folded below these."""
    text, ids = page(), Page(page()).ids
    order = ["section-signal-story", "reading", "chapter-pulse", "claim-signal"]
    order += ["section-signal-table", "chapter-training", "claim-flow", "run"]
    assert [name for name in ids if name in order] == order
    links = re.findall(r'href="#([^"]*)"', text.partition("</nav>")[0])
    assert links == [name for name in order if name != "section-signal-table"]
    assert '<details id="section-signal-table">\n<summary>A table &lt;below&gt;' in text
    assert CHAPTERS[0].about in text and CHAPTERS[2].title not in text


def test_page_shows_the_formula_of_a_chapter_whose_key_was_not_examined() -> None:
    shown = report.html(run(examined())).partition('id="chapter-pulse"')[2]
    (key,) = (known for known in find_claims() if known.id == CHAPTERS[0].key)
    assert mathml.formula(key.lines[0], block=True) in shown.partition("<h3>")[0]


def test_a_statement_of_two_formulas_takes_two_lines() -> None:
    two = claim(statement=r"x = 1, \qquad y = 2")
    assert two.lines == ("x = 1", "y = 2")
    text = report.html(run(examined(), claims=(two,)))
    statement = text[text.index('aria-label="Statement"') :].partition("</div></div>")[0]
    assert statement.count("<div><math") == 2


def test_a_displayed_formula_can_break_between_its_parts_only() -> None:
    nested = r"\begin{cases} a, \qquad b \end{cases} \left( c \qquad d \right) {e \qquad f}"
    for latex, parts in (("x", 1), (r"x = 1, \qquad y", 2), (r"\qquad x", 1), (nested, 1)):
        assert mathml.display(latex).count("<math ") == parts
    assert mathml.display(r"x, \quad y \qquad z", r"\quad").count("<math ") == 2
    with pytest.raises(ValueError, match="empty"):
        mathml.display("")


def test_spaces_are_those_of_latex() -> None:
    """As operators they had a space on both sides: S( ∞ ), | q |, ( − x)."""
    formula = ET.fromstring(mathml.formula(r"S(\infty) - |q| - (-x) = -y"))
    assert [e.text for e in formula.iter(f"{MATHML}mi")] == ["S", "∞", "q", "x", "y"]
    operators = list(formula.iter(f"{MATHML}mo"))
    assert [e.get("lspace") for e in operators if e.text == "|"] == ["0", "0"]
    signs = [e.get("form") for e in operators if e.text == "\N{MINUS SIGN}"]
    assert signs == [None, None, "prefix", "prefix"]


def test_page_says_status_in_words_too() -> None:
    assert "✓ holds" in page() and "? blocked" in page()


def test_an_undrawable_formula_is_shown_as_source_and_listed() -> None:
    bad = claim(statement=r"\unknowncommand{x}")
    problems = report.undrawn((bad,), (examined(),))
    assert len(problems) == 1 and "unknowncommand" in problems[0]
    assert r"<code>\unknowncommand{x}</code>" in report.html(run(examined(), claims=(bad,)))


def test_shared_ids_are_listed() -> None:
    twice = figures.Figure("same", "t", "c", '<svg id="same-1"></svg>')
    result = examined(figures=(twice, twice))
    assert len(report.undrawn((claim(),), (result,))) == 2


@pytest.mark.parametrize("known", find_claims(), ids=lambda known: known.id)
def test_every_formula_of_the_theory_is_drawn(known: Claim) -> None:
    for line in known.lines:
        assert ET.fromstring(mathml.formula(line, block=True)).tag == f"{MATHML}math"
    for sentence in (known.title, *known.assumptions):
        assert ET.fromstring(f"<p>{mathml.prose(sentence)}</p>").tag == "p"


@pytest.mark.parametrize("bad", ["", " ", "{", r"\foo", r"a \foo b", r"\frac{1}{2", r"\left( x"])
def test_formulas_that_cannot_be_drawn_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="formula|braces|rendered"):
        mathml.formula(bad)


def test_prose_refuses_a_lone_dollar_and_keeps_an_escaped_one() -> None:
    with pytest.raises(ValueError, match="odd number"):
        mathml.prose("costs $5")
    assert mathml.prose(r"costs \$5 & more") == "costs $5 &amp; more"


# --- figures ----------------------------------------------------------------------------------


def test_drawings_are_the_same_every_time_and_well_formed() -> None:
    first = drawings()
    assert first == drawings.__wrapped__()
    for name, svg in first.items():
        root = ET.fromstring(svg)
        assert root.attrib["role"] == "img"
        assert root[0].text == f"<{name}>"
        assert root.attrib["aria-labelledby"] == root[0].attrib["id"] == f"signal-{name}-title"
        assert all(i.startswith(f"signal-{name}-") for i in re.findall(r'\bid="([^"]*)"', svg))
        assert "<style" not in svg and "metadata" not in svg and figures.INK not in svg


def test_drawings_refuse_what_they_cannot_show() -> None:
    with pytest.raises(ValueError, match="id"):
        figures.figure_svg(figures.pulses([1.5], 3), "1 bad", "t")
    with pytest.raises(ValueError, match="kinds"):
        figures.loss_histogram([1.0], {}, [])
    with pytest.raises(ValueError, match="finite"):
        figures.loss_histogram([math.nan], {}, ["exact"])
