"""The page of the explorer, written once and opened in a tab that watches for trouble.

Its laws and answers take some 15 s to derive: where ``make docs`` has done so after every change
of the packages, they are taken from there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from verify.explorer import classified, laws
from verify.explorer.page import html

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "docs" / "_build" / "html" / "explorer-page.html"

START = """
() => new Promise((done) => {
  history.replaceState(null, "", "#elsewhere");
  addEventListener("hashchange", done, {once: true});
  location.hash = "";
})
"""


def _current() -> bool:
    """Whether the documentation was built after every change of what the page is derived from."""
    sources = (
        path.stat().st_mtime
        for package in ("theory", "numerics", "verify")
        for path in (ROOT / package).rglob("*.py")
    )
    return BUILT.is_file() and BUILT.stat().st_mtime > max(sources)


@pytest.fixture(scope="session")
def derived() -> Iterator[None]:
    """The costly modules as the documentation's page has them, where it is current."""
    with pytest.MonkeyPatch.context() as patch:
        if _current():
            imports = re.search(r'\{"imports": .*\}', BUILT.read_text(encoding="utf-8"))
            assert imports is not None
            modules = json.loads(imports[0])["imports"]
            for each in (classified, laws):
                text = unquote(modules[each.__name__.rpartition(".")[2]].partition(",")[2])
                patch.setattr(each, "module", lambda text=text: text)
        yield


@pytest.fixture(scope="session")
def explorer(derived: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
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
