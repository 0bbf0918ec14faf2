"""The page of the explorer, written once and opened in a tab that watches for trouble."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from verify.explorer.page import html


@pytest.fixture(scope="session")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file."""
    path: Path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(html(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(browser: Any, explorer: Path) -> Iterator[Any]:
    """A tab with the page; no error, no console message and no request has come of it when the
    module's tests end.
    """
    tab = browser.new_page(viewport={"width": 1280, "height": 1400})
    trouble: list[str] = []
    tab.on("console", lambda line: trouble.append(line.text))
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.goto(explorer.as_uri())
    tab.on("request", lambda request: trouble.append(request.url[:200]))
    yield tab
    tab.close()
    assert [text for text in trouble if not text.startswith("data:")] == []
