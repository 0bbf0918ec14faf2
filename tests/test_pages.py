"""Every page as a reader sees it: documentation and report, opened in Chromium by make browser.

Figures went through Markdown, whose block ends at the blank line that a logarithmic label leaves in
a <text>, and five pages showed SVG source; inline formulas neither break nor scroll and were cut.
No test had looked at a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.test_report import page
from theory.claim import find_claims
from verify.report.judge import stopped
from verify.report.report import Report, html

ROOT = Path(__file__).parent.parent
BUILT = ROOT / "docs" / "_build" / "html"
SOURCES = {
    path.relative_to(ROOT / "docs").with_suffix("").as_posix(): path
    for path in sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").glob("*.ipynb")])
    if "_build" not in path.parts
}
SIZES = ((1280, 900), (390, 800))
"""A desk and a telephone, in CSS pixels."""

pytestmark = pytest.mark.browser

LOOK = """
() => {
  const article = document.querySelector("article, main");
  document.querySelectorAll("main details").forEach(each => { each.open = true; });
  const words = article.cloneNode(true);
  words.querySelectorAll("pre, code, math, svg, script, noscript, style")
    .forEach(each => each.remove());
  const cut = [], edge = article.getBoundingClientRect();
  for (const math of article.querySelectorAll("math")) {
    if (!math.checkVisibility()) continue;
    const box = math.getBoundingClientRect();
    let scrolls = false;
    for (let up = math.parentElement; up && up !== article; up = up.parentElement) {
      const style = getComputedStyle(up), around = up.getBoundingClientRect();
      if (style.overflowY !== "visible" && up.clientHeight &&
          (box.top < around.top - 1 || box.bottom > around.bottom + 1) &&
          !["auto", "scroll"].includes(style.overflowY))
        cut.push("height: " + math.getAttribute("alttext"));
      if (["auto", "scroll"].includes(style.overflowX)) { scrolls = true; break; }
    }
    if (!scrolls && (box.left < edge.left - 1 || box.right > edge.right + 1 ||
        math.scrollWidth > math.clientWidth + 1)) cut.push(math.getAttribute("alttext"));
  }
  const empty = [...article.querySelectorAll("figure")].filter(figure => {
    const svg = figure.querySelector("svg"), box = svg && svg.getBoundingClientRect();
    return !box || box.width < 100 || box.height < 50 || !svg.querySelector("path") ||
      !figure.querySelector("figcaption");
  });
  return {
    words: words.textContent,
    code: [...article.querySelectorAll("pre, code")].map(each => each.textContent).join(" "),
    cut, empty: empty.map(each => each.outerHTML.slice(0, 200)),
    figures: article.querySelectorAll("figure").length,
    formulas: article.querySelectorAll("math").length,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    fonts: [...document.fonts].filter(each => each.family.includes("STIX"))
      .map(each => each.status),
  };
}
"""
"""What a page shows: its words, cut formulas, empty figures, how far it is
wider than the window.
"""
MARKUP = re.compile(r"</?[A-Za-z][\w-]*[\s/>=]|&\w+;|\\[A-Za-z]+|\$[^$]*\$|\]\(")
"""HTML, LaTeX or Markdown that should have become something else."""


@pytest.fixture(scope="module")
def window(browser: Any) -> Iterator[Any]:
    """A window in which page after page is opened."""
    context = browser.new_context()
    yield context
    context.close()


def looked(window: Any, path: Path) -> Iterator[dict[str, Any]]:
    """What a page shows at each size; ``trouble``: console errors, requests that left or failed."""
    tab = window.new_page()
    trouble: list[str] = []
    home = (BUILT if path.is_relative_to(BUILT) else path.parent).as_uri()
    tab.on("console", lambda line: trouble.append(line.text) if line.type == "error" else None)
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.on("requestfailed", lambda request: trouble.append(f"failed: {request.url[:200]}"))
    tab.on(
        "request",
        lambda request: (
            None if request.url.startswith((home, "data:")) else trouble.append(request.url)
        ),
    )
    tab.goto(path.as_uri(), wait_until="load")
    for width, height in SIZES:
        tab.set_viewport_size({"width": width, "height": height})
        tab.evaluate("() => document.fonts.ready.then(() => true)")
        yield {**tab.evaluate(LOOK), "trouble": trouble, "size": f"{width} px"}
    tab.close()


def sound(view: dict[str, Any]) -> None:
    """Nothing is cut, empty, left as markup, or asked of anyone."""
    assert view["trouble"] == []
    assert [match[0] for match in MARKUP.finditer(view["words"])] == []
    assert re.findall(r"</(?:svg|g|text|path|use)>", view["code"]) == []
    assert view["cut"] == [] and view["wide"] <= 0, view["size"]
    assert view["empty"] == []
    if view["formulas"]:
        assert view["fonts"] == ["loaded"]


@pytest.mark.parametrize("name", [*SOURCES, "search"])
def test_pages_of_the_documentation(window: Any, name: str) -> None:
    built = BUILT / f"{name}.html"
    assert built.is_file(), "make docs comes first"
    source = SOURCES[name].read_text(encoding="utf-8") if name in SOURCES else ""
    figures = len(
        re.findall(
            r"^ *show\((?:drawn\b|\w+(?:\.\w+)?\(.*?title=)", source, re.MULTILINE | re.DOTALL
        )
    )
    for view in looked(window, built):
        sound(view)
        assert view["figures"] >= bool(figures)


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("kink balance", "pulse/kinks"),
        ("implicit bias", "glossary"),
        ("Theorem crest", "disk/perimeter"),
    ],
)
def test_search_works_from_a_disk(window: Any, words: str, page: str) -> None:
    tab = window.new_page()
    trouble: list[str] = []
    tab.on("console", lambda line: trouble.append(line.text) if line.type == "error" else None)
    tab.on("requestfailed", lambda request: trouble.append(f"failed: {request.url[:200]}"))
    tab.goto(f"{(BUILT / 'search.html').as_uri()}?q={words.replace(' ', '+')}")
    tab.wait_for_selector("#search-results ul.search li a")
    tab.wait_for_function("() => document.querySelector('.search-summary')?.textContent")
    links = tab.eval_on_selector_all("#search-results li > a", "each => each.map(a => a.href)")
    tab.close()
    assert any(link.split("#")[0].split("?")[0].endswith(f"/{page}.html") for link in links[:5])
    assert trouble == []


def test_every_built_page_is_looked_at() -> None:
    built = {
        path.relative_to(BUILT).with_suffix("").as_posix()
        for path in BUILT.rglob("*.html")
        if "_static" not in path.parts
    }
    # The interactive page has tests of its own, in tests/explorer.
    assert built - {"genindex", "explorer-page"} == {*SOURCES, "search"}


def test_the_report(window: Any, tmp_path: Path) -> None:
    """Every statement and assumption of every claim; and the drawings of an invented report."""
    claims = find_claims()
    blocked = tuple(stopped(claim, ValueError("not examined here")) for claim in claims)
    every = html(Report("0", 0, "quick", claims, blocked))
    for name, text in (("every", every), ("drawn", page())):
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
        for view in looked(window, tmp_path / f"{name}.html"):
            sound(view if name == "every" else {**view, "words": ""})


def test_parentheses_grow(window: Any, tmp_path: Path) -> None:
    """By the font that comes along; without a table MATH they stay small."""
    from verify.report.mathml import formula

    small, tall = (
        formula(r"\left(x\right)"),
        formula(r"\left(\frac{\frac{a}{b}}{\frac{c}{d}}\right)"),
    )
    start, end = page().split("<main>")[0], page().split("</main>")[1]
    text = f"{start}<main>{small}{tall}</main>{end}"
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    tab = window.new_page()
    tab.goto((tmp_path / "report.html").as_uri())
    heights = tab.evaluate(
        """() => document.fonts.ready.then(() => [...document.querySelectorAll("main math")]
           .map(math => math.querySelector("mo").getBoundingClientRect().height))"""
    )
    tab.close()
    assert heights[1] > 2 * heights[0] > 0
