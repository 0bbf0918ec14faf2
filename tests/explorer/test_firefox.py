"""The page in Firefox: tabs, drag and type, training, a link, a file; no error, no request."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.explorer.firefox import Firefox
from tests.explorer.test_page import STATE, TABS, network

pytestmark = pytest.mark.browser
ENTER = "\ue007"
VERDICT = """
return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(
  () => done(document.querySelector(".verdict").innerText)))));
"""
SAID = """
const [words] = arguments;
return new Promise((done) => {
  const look = () => {
    const text = document.querySelector(".verdict").innerText;
    if (new RegExp(words).test(text)) done(text); else setTimeout(look, 50);
  };
  look();
});
"""


@pytest.fixture(scope="module")
def firefox(
    explorer: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Firefox, str]]:
    """The page in Firefox, with its address; nothing has come of it when the tests end."""
    program = shutil.which("firefox") or shutil.which("firefox-esr")
    if not program:
        pytest.skip("no Firefox on the path: on Debian, apt-get install firefox-esr")
    window = Firefox(program, tmp_path_factory.mktemp("profile"))
    window.open(explorer.as_uri())
    yield window, explorer.as_uri()
    trouble = window.trouble()
    window.close()
    assert trouble == []


def test_every_tab_says_the_same_as_in_chromium(firefox: tuple[Firefox, str], tab: object) -> None:
    window, address = firefox
    window.open(address)
    for place, _ in enumerate(TABS, start=1):
        choice = f"[role=tab]:nth-child({place})"
        window.click(choice)
        tab.locator(choice).click()  # type: ignore[attr-defined]
        theirs = tab.evaluate(f"() => {{ {VERDICT} }}")  # type: ignore[attr-defined]
        assert window.evaluate(VERDICT).split() == theirs.split()


def test_drag_type_and_link(firefox: tuple[Firefox, str]) -> None:
    window, address = firefox
    window.open(f"{address}#{quote(json.dumps(STATE))}")
    assert window.evaluate(VERDICT).startswith("Exact")
    window.drag(".handle[aria-label^='w 0']", 0, 30)
    assert window.evaluate(VERDICT).startswith("Off: it errs")
    window.evaluate("document.querySelector('input[data-key=b0]').value = ''")
    window.type("input[data-key=b0]", f"-1/8{ENTER}")
    told = window.evaluate(VERDICT)
    address = window.evaluate(
        "return new Promise((done) => setTimeout(() => done(location.href), 400))"
    )
    window.open("about:blank")
    window.open(address)
    assert window.evaluate(VERDICT) == told
    assert window.evaluate("return document.querySelector('input[data-key=b0]').value") == "-1/8"


def test_training_ends(firefox: tuple[Firefox, str]) -> None:
    window, address = firefox
    window.open(f"{address}#{quote(json.dumps({**STATE, 'tab': 'training', 'a': ['1/3']}))}")
    window.click("button[data-key=play]")
    assert "λ" in window.evaluate(SAID, r"loss \d(\.\d+)?e−(2[5-9]|3\d)")


def test_a_file_is_read(firefox: tuple[Firefox, str], tmp_path: Path) -> None:
    window, address = firefox
    window.open(f"{address}#{quote(json.dumps({**STATE, 'tab': 'own'}))}")
    window.type("#file", str(network(tmp_path / "net.safetensors")))
    assert window.evaluate(SAID, "^net.safetensors").startswith("net.safetensors is read.")
