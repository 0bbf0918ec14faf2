"""The page of the explorer, written once and opened in a tab that watches for trouble."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from verify.explorer.page import html

START = """
() => new Promise((done) => {
  history.replaceState(null, "", "#elsewhere");
  addEventListener("hashchange", done, {once: true});
  location.hash = "";
})
"""


@pytest.fixture(scope="session")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file."""
    path: Path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(html(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def watched(browser: Any, explorer: Path) -> Iterator[tuple[Any, list[str]]]:
    """A tab with the page, and what has come of it: errors, console messages, requests."""
    tab = browser.new_page(viewport={"width": 1280, "height": 1400})
    tab.set_default_timeout(10_000)
    trouble: list[str] = []

    def asked(request: Any) -> None:
        if not request.url.startswith(("data:", explorer.as_uri())):
            trouble.append(request.url[:200])

    tab.on("console", lambda line: trouble.append(line.text))
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.on("request", asked)
    tab.goto(explorer.as_uri())
    yield tab, trouble
    tab.close()
    assert trouble == []


@pytest.fixture(scope="module")
def page(watched: tuple[Any, list[str]]) -> Any:
    """The tab, for tests that call the page's modules."""
    return watched[0]


@pytest.fixture
def tab(watched: tuple[Any, list[str]]) -> Iterator[Any]:
    """The tab as a link without a state shows it; no trouble has come of it when the test ends."""
    page, trouble = watched
    page.evaluate(START)
    yield page
    messages, trouble[:] = list(trouble), []
    assert messages == []
