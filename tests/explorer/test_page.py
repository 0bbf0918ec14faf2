"""The page as people use it: every tab, drag and type, a link restored, files dropped, hostile
input.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.certified import RELU, made
from verify.explorer.page import html

TABS = ("Pulse", "Training", "Activation", "Invariance", "Disk", "Your network")


def test_the_page_is_small_and_asks_for_nothing() -> None:
    text = html()
    assert len(text.encode()) < 2 * 10**6
    outside = [url for url in re.findall(r"https?://[^\s\"'<>]+", text) if "www.w3.org" not in url]
    assert outside == []
    assert re.findall(r"\b(?:fetch|XMLHttpRequest|WebSocket|importScripts)\b\s*\(", text) == []


SETTLED = """
() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))
"""
SAYS = "(words) => document.querySelector('.verdict').innerText.startsWith(words)"


def verdict(tab: Any, words: str = "") -> str:
    """The words of the verdict, when all is drawn; ``words``: once it begins with them."""
    tab.evaluate(SETTLED)
    tab.wait_for_function(SAYS, arg=words)
    return str(tab.locator(".verdict").inner_text())


def opened(tab: Any, explorer: Path, state: Any) -> None:
    """Follow a link to the page from elsewhere."""
    tab.goto("about:blank")
    tab.goto(f"{explorer.as_uri()}#{quote(json.dumps(state))}")


FOLLOWED = """
(fragment) => new Promise((done) => {
  addEventListener("hashchange", done, {once: true});
  location.hash = fragment;
})
"""


def followed(tab: Any, state: Any) -> None:
    """Follow a link while the page is open."""
    tab.evaluate(FOLLOWED, quote(json.dumps(state)))


STATE = {
    "tab": "pulse",
    "sigma": "relu",
    "w": [["1/4", "1/2", "1/4"]],
    "b": ["0"],
    "a": ["1/2"],
    "c": "0",
    "half": 8,
    "radius": 3.2,
}

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", TABS)
def test_every_tab_opens_and_says_something(tab: Any, name: str) -> None:
    tab.get_by_role("tab", name=name).click()
    assert tab.get_by_role("tab", name=name).get_attribute("aria-selected") == "true"
    told = verdict(tab)
    assert len(told) > 40
    assert not re.search(
        r"\b(?:null|undefined|false|NaN|\[object)\b", tab.locator("main").inner_text()
    )


def test_the_kink_on_a_partial_sum_is_exact_and_off_it_is_not(tab: Any) -> None:
    assert verdict(tab).startswith("Exact: r̂ = r at every real radius from 2.5 to 10.5.")
    bias = tab.locator("input[data-key='b0']")
    bias.fill("-1/10")
    bias.press("Enter")
    assert verdict(tab).startswith("Off: it errs by up to")
    tab.get_by_role("button", name="Nearest biases without bends").click()
    tab.get_by_role("button", name="Exact readout").click()
    assert verdict(tab).startswith("Exact")


def test_the_canonical_form_answers_alike(tab: Any) -> None:
    state = {
        **STATE,
        "w": [["1/2", "-1", "2"], ["1", "0", "1/3"]],
        "b": ["1/5", "-1"],
        "a": ["-2", "3"],
    }
    followed(tab, state)
    worst = r"largest error over all real radii\s+(\S+) at r = (\S+)"
    before = re.search(worst, verdict(tab))
    tab.get_by_role("button", name="Canonical form").click()
    after = re.search(worst, verdict(tab))
    assert before and after and before.groups() == after.groups()
    assert [tab.locator(f"input[data-key='a{k}']").input_value() for k in (0, 1)] == ["1", "-1"]


def test_the_nearest_exact_network_is_exact(tab: Any) -> None:
    tab.locator("input[data-key='b0']").fill("-1/10")
    tab.locator("input[data-key='b0']").press("Enter")
    assert not verdict(tab).startswith("Exact")
    tab.get_by_role("button", name="Nearest exact network").click()
    assert verdict(tab).startswith("Exact: r̂ = r at every real radius")
    told = re.match(
        r"All weights together moved by ([0-9.]+): .* None is nearer than ([0-9.]+)\.",
        tab.locator("#message").inner_text(),
    )
    assert told and 0 < float(told[2]) <= float(told[1]) < 0.05
    tab.locator("input[data-key='sigma']").fill("tanh")
    tab.locator("input[data-key='sigma']").press("Enter")
    tab.get_by_role("button", name="Nearest exact network").click()
    assert "knows no exact networks of this activation" in tab.locator("#message").inner_text()


def test_a_tap_is_dragged_and_moved_by_keys(tab: Any) -> None:
    before = verdict(tab)
    handle = tab.locator(".handle[aria-label^='w 0']")
    box = handle.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60, steps=8)
    tab.mouse.up()
    dragged = verdict(tab)
    assert dragged != before and dragged.startswith("Off: it errs by up to")
    value = tab.locator("input[data-key='w0-2']").input_value()
    assert value != "1/4"
    tab.locator(".handle[aria-label^='w 0']").press("ArrowUp")
    tab.evaluate(SETTLED)
    assert tab.locator("input[data-key='w0-2']").input_value() != value


def test_a_link_restores_the_view(tab: Any, explorer: Path) -> None:
    tab.locator("input[data-key='w0-0']").fill("3/8")
    tab.locator("input[data-key='w0-0']").press("Enter")
    told = verdict(tab)
    tab.wait_for_url("**/*3%2F8*")
    address = tab.url
    tab.goto("about:blank")
    tab.goto(address)
    assert verdict(tab) == told
    assert tab.locator("input[data-key='w0-0']").input_value() == "3/8"
    assert explorer.name in address


@pytest.mark.parametrize(
    "state",
    [
        {},
        [],
        None,
        "x",
        {**STATE, "w": []},
        {**STATE, "w": [["1"] * 11]},
        {**STATE, "w": [["1", "2"]]},
        {**STATE, "w": [["1/0", "1", "1"]]},
        {**STATE, "w": [["1e999", "1", "1"]]},
        {**STATE, "a": ["nan"]},
        {**STATE, "a": ["<img src=x onerror=alert(1)>"]},
        {**STATE, "sigma": "constructor"},
        {**STATE, "sigma": "alert(1)"},
        {**STATE, "sigma": "(" * 3000},
        {**STATE, "sigma": "log(x)"},
        {**STATE, "half": 10**9},
        {**STATE, "half": 4.5},
        {**STATE, "radius": "x"},
        {**STATE, "c": {"__proto__": 1}},
        {**STATE, "b": ["1" * 5000]},
    ],
    ids=range(20),
)
def test_a_hostile_link_leaves_the_page_as_it_was(tab: Any, state: Any) -> None:
    followed(tab, STATE)
    told = verdict(tab)
    followed(tab, state)
    assert "the last one is kept" in tab.locator("#message").inner_text()
    assert verdict(tab) == told


def test_a_page_opened_by_a_hostile_link_shows_the_start(tab: Any, explorer: Path) -> None:
    opened(tab, explorer, {**STATE, "sigma": "alert(1)"})
    assert verdict(tab).startswith("Exact: r̂ = r at every real radius from 2.5 to 10.5.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 +", "expected a number"),
        ("foo(x)", "the name ‘foo’"),
        ("x + z", "one variable"),
        ("log(x)", "no real value"),
        ("<b>x</b>", "expected"),
        ("x; alert(1)", "expected"),
        ("(" * 60 + "x" + ")" * 60, "nested"),
        ("x" * 3000, "at most 2000 characters"),
        ("x**100", "exponent"),
        ("", "expected a number"),
    ],
)
def test_a_hostile_expression_is_told_in_place(tab: Any, text: str, words: str) -> None:
    told = verdict(tab)
    sigma = tab.locator("input[data-key='sigma']")
    sigma.fill(text)
    sigma.press("Enter")
    assert words in tab.locator("#message").inner_text()
    assert verdict(tab) == told


def test_training_ends_where_the_formula_says(tab: Any) -> None:
    tab.get_by_role("tab", name="Training").click()
    tab.get_by_role("button", name="New random start").click()
    tab.get_by_role("button", name="Train", exact=True).click()
    tab.wait_for_function("""() => {
        const text = document.querySelector(".verdict").innerText.replace("−", "-");
        return Number(/loss ([0-9.]+(e-[0-9]+)?)/.exec(text)?.[1]) < 1e-25;
    }""")
    last = tab.locator("table.weights tbody tr td:last-child")
    remaining = [text.replace("−", "-") for text in last.all_inner_texts()]
    assert len(remaining) == 6
    assert all(abs(float(value)) < 1e-12 for value in remaining)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "Near the end each step multiplies the error by 1 − ηλ = 0.6."),
        ({"step": 1.3}, "No exact network is flat enough"),
        ({"momentum": 0.8}, "Steps above 2(1 + β)/λ"),
        ({"optimizer": "adam"}, "no closed form for its end is known"),
        ({"decay": 0.5}, "has a closed form where c is trained, too"),
        ({"b": True}, "the flow ends with b = 0"),
        ({"b": True, "c": True}, "No closed form is known here."),
    ],
)
def test_training_says_what_is_known(tab: Any, settings: dict[str, Any], words: str) -> None:
    start = {"sigma": "identity", "w": [["0.1", "0.2", "0.05"]], "a": ["0.3"], "c": "0"}
    followed(tab, {**STATE, **start, "tab": "training", "training": settings})
    tab.get_by_role("button", name="One step").click()
    assert words in verdict(tab, "Step 1: loss")


def test_an_activation_is_decided_and_tried(tab: Any) -> None:
    tab.get_by_role("tab", name="Activation").click()
    tab.get_by_label("a known activation").select_option("quick GELU")
    assert verdict(tab).startswith("quick GELU: exact with 2 channels, and with no fewer.")
    tab.get_by_role("button", name="Try them on the pulse").click()
    assert verdict(tab).startswith("Exact: r̂ = r at every real radius")
    tab.get_by_role("tab", name="Activation").click()
    tab.get_by_label("a known activation").select_option("tanh")
    assert "no network with it is exact" in verdict(tab)


def test_the_atlas_is_exact_at_work(tab: Any) -> None:
    tab.get_by_role("tab", name="Invariance").click()
    cells = tab.locator("table.atlas button")
    assert cells.count() == 140
    for place in range(0, 140, 9):
        cells.nth(place).click()
        told = verdict(tab)
        answer = re.match(r"It answers r̂ = (\S+); the radius is r = (\S+)\.", told)
        exact = cells.nth(place).inner_text() == "✓"
        assert (answer is not None) == exact and told.startswith("No such network") != exact
        assert answer is None or answer[1] == answer[2]


def test_a_disk_is_measured(tab: Any) -> None:
    tab.get_by_role("tab", name="Disk").click()
    tab.get_by_label("activation σ").fill("abs")
    tab.get_by_label("activation σ").press("Enter")
    assert "P = 4.000" in verdict(tab)
    tab.locator(".handle[aria-label='centre']").press("ArrowRight")
    assert "Centre (0.05, 0)" in verdict(tab)
    tap = tab.locator(".handle[aria-label='tap −1, −1']")
    box = tap.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] - 40, steps=4)
    tab.mouse.up()
    assert "It adds up the area" in verdict(tab)
    assert float(tab.locator("input[data-key='w0']").input_value()) > 0.2


def test_training_opens_on_a_start_that_learns(tab: Any) -> None:
    tab.get_by_role("tab", name="Training").click()
    first = verdict(tab, "Step 0: loss 32.")
    assert "This start was drawn for you" in first
    tab.get_by_role("button", name="One step").click()
    assert verdict(tab, "Step 1: loss") != first
    tab.get_by_role("button", name="Start from the exact network").click()
    assert "exact already, so training leaves it" in verdict(tab, "Step 0")
    tab.get_by_role("button", name="Start elsewhere").click()
    assert verdict(tab, "Step 0: loss 32.") == first
    tab.get_by_role("button", name="New random start").click()
    assert "exact already" not in verdict(tab)


HERE = """
() => {
  const box = (kind) => document.querySelector(`circle.dot.${kind}`)?.getAttribute("cx") ?? null;
  const title = document.querySelector("svg circle.dot.here title").textContent;
  return [title, box("here"), box("most")];
}
"""


def test_the_dot_stands_at_the_radius_chosen(tab: Any) -> None:
    """It stood at the next bend, and a network that errs nowhere erred most at r = 1/2."""
    told = verdict(tab, "Exact")
    assert re.search(r"largest error over all real radii\s+0\s+exact", told)
    assert re.search(r"at the radius chosen\s+r = 5.3, r̂ = 5.3, error 0\s+exact", told)
    exact = tab.evaluate(HERE)
    assert exact[0] == "r = 5.3, r̂ = 5.3, error 0" and exact[2] is None
    places = []
    for radius in (3.25, 3.5):
        off = {**STATE, "w": [["1/4", "1/2", "1/8"]], "b": ["1/16"], "radius": radius}
        followed(tab, off)
        told = verdict(tab, "Off")
        title, here, most = tab.evaluate(HERE)
        answer = tab.evaluate(ANSWER, off)
        assert title.startswith(f"r = {radius}, r̂ = ") and most is not None
        assert f"error {title.rpartition(' ')[2]}" in title
        shown = re.search(r"at the radius chosen\s+r = \S+, r̂ = (\S+), error", told)
        assert shown and float(shown[1]) == pytest.approx(answer, rel=1e-4)
        places.append(float(here))
    assert places[0] < places[1]


ANSWER = """
async (state) => {
  const {floats, signal} = await import("network");
  const net = floats({...state, training: {}});
  const x = signal(state.half, state.radius);
  const window = (i) => net.w[0].reduce((sum, w, u) => sum + w * (x[i + u - 1] ?? 0), net.b[0]);
  const z = x.map((_, i) => window(i));
  return net.c + net.a[0] * z.reduce((sum, value) => sum + Math.max(value, 0), 0);
}
"""


LEGENDS = {
    "Pulse": ("the kink of σ", "from the left", "the radius chosen"),
    "Training": ("taps w", "readout a", "where the theory says it ends"),
    "Invariance": ("the signal",),
    "Disk": ("a pixel's share of the disk", "area: πΔ r²", "area and perimeter", "takes away"),
}


@pytest.mark.parametrize("name", LEGENDS)
def test_every_line_and_colour_is_told(tab: Any, name: str) -> None:
    tab.get_by_role("tab", name=name).click()
    verdict(tab)
    told = tab.locator("main").inner_text()
    assert all(words in told for words in LEGENDS[name])
    assert tab.locator("figure").count() == tab.locator("figure .legend").count()


def network(path: Path, **changes: Any) -> Path:
    """Write a network of three taps; ``changes`` of its tensors."""
    tensors = {
        "conv.weight": np.array([[[0.25, 0.5, 0.25]]], dtype=np.float32),
        "fc.weight": np.array([[0.5]], dtype=np.float32),
    }
    metadata = changes.pop("metadata", {"activation": "relu"})
    save_file({**tensors, **changes}, path, metadata=metadata)
    return path


def test_an_own_network_is_explained(tab: Any, tmp_path: Path) -> None:
    tab.get_by_role("tab", name="Your network").click()
    tab.set_input_files("#file", network(tmp_path / "net.safetensors"))
    told = verdict(
        tab, "net.safetensors is read. Exact: r̂ = r at every real radius from 1.5 to 11.5."
    )
    assert re.search(r"w0\s+0\.5\s+sets the slope\s+0\.5\s+−1/4 to ∞", told)
    tab.get_by_role("button", name="See it explained").click()
    assert verdict(tab).startswith("Exact")


def test_an_own_network_has_the_length_that_its_file_says(tab: Any, tmp_path: Path) -> None:
    """It was judged on 25 pixels, as if the file had said nothing."""
    tab.get_by_role("tab", name="Your network").click()
    said = {"activation": "relu", "length": "17", "r_min": "2.5", "r_max": "6.5"}
    tab.set_input_files("#file", network(tmp_path / "net.safetensors", metadata=said))
    told = verdict(
        tab, "net.safetensors is read. Exact: r̂ = r at every real radius from 1.5 to 7.5."
    )
    assert "17 pixels, sum" in told and "The file was trained from r = 2.5 to 6.5." in told
    tab.set_input_files("#file", network(tmp_path / "other.safetensors"))
    assert "25 pixels (an assumption" in verdict(tab, "other.safetensors is read.")
    even = network(tmp_path / "even.safetensors", metadata={**said, "length": "16"})
    tab.set_input_files("#file", even)
    verdict(tab, "even.safetensors cannot be shown: its length is ‘16’")
    one = network(tmp_path / "one.safetensors", metadata={**said, "length": "1"})
    tab.set_input_files("#file", one)
    verdict(tab, "one.safetensors cannot be shown: 0 pixels on each side")
    far = {"fc.weight": np.array([[0.75]], dtype=np.float32)}
    tab.set_input_files("#file", network(tmp_path / "far.safetensors", **far))
    verdict(tab, "far.safetensors is read. Off: it errs by up to 5.75 pixel at every real")


def test_a_certificate_is_accepted_and_a_changed_one_rejected(tab: Any, tmp_path: Path) -> None:
    from fractions import Fraction

    document = made(RELU, Fraction(1, 2), Fraction(9, 2))
    (tmp_path / "good.json").write_text(json.dumps(document), "utf-8")
    document["claim"]["worst"] = ["0", "0"]
    (tmp_path / "bad.json").write_text(json.dumps(document), "utf-8")
    tab.get_by_role("tab", name="Your network").click()
    tab.set_input_files("#file", tmp_path / "good.json")
    verdict(tab, "good.json is accepted.")
    tab.set_input_files("#file", tmp_path / "bad.json")
    verdict(tab, "bad.json is rejected: the digest does not fit the content.")


HOSTILE = {
    "empty.safetensors": b"",
    "short.safetensors": b"\x01\x02",
    "huge-header.safetensors": b"\xff" * 64,
    "text.safetensors": b"hello, this is no network at all",
    "no-json.safetensors": (4).to_bytes(8, "little") + b"{{{{",
    "list.safetensors": (2).to_bytes(8, "little") + b"[]",
    "nothing.safetensors": (2).to_bytes(8, "little") + b"{}",
    "pickle.safetensors": b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00.",
    "empty.json": b"",
    "list.json": b"[]",
    "deep.json": b"[" * 100_000,
    "not-ascii.json": '{"é": 1}'.encode(),
    "null.json": b"null",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_told_in_one_sentence(tab: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(HOSTILE[name])
    tab.get_by_role("tab", name="Your network").click()
    tab.set_input_files("#file", tmp_path / name)
    told = verdict(tab, name)
    assert told.startswith((f"{name} cannot be shown: ", f"{name} is rejected: "))
    assert told.count("\n") == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"conv.weight": np.ones((1, 1, 2))}, "n odd"),
        ({"conv.weight": np.ones((17, 1, 3))}, "up to 16 of 15"),
        ({"conv.weight": np.ones((1, 1, 17))}, "up to 16 of 15"),
        ({"conv.weight": np.ones((1, 1, 3, 3))}, "for images"),
        ({"fc.weight": np.ones((2, 1))}, "readout has the shape"),
        ({"extra": np.ones(7)}, "does not place"),
        ({"fc.weight": np.array([[np.nan]])}, "not finite"),
        ({"metadata": {}}, "does not say its activation"),
        ({"metadata": {"activation": "foo"}}, "foo"),
        ({"metadata": {"activation": "relu", "padding": "circular"}}, "padding"),
    ],
)
def test_a_network_that_the_page_cannot_show_is_told_why(
    tab: Any, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    tab.get_by_role("tab", name="Your network").click()
    tab.set_input_files("#file", network(tmp_path / "net.safetensors", **changes))
    assert words in verdict(tab, "net.safetensors cannot be shown: ")


WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_accessible_on_a_desk_and_a_telephone(
    browser: Any, explorer: Path, tmp_path: Path, scheme: str, width: int
) -> None:
    """Every tab, and after a run, a message and a file: the rules of axe, nothing too wide."""
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(explorer.as_uri())

    def look(name: str) -> None:
        page.evaluate(SETTLED)
        found = Axe().run(page).response["violations"]
        assert [(name, rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
        assert page.evaluate(WIDER) <= 0, name

    for name in TABS:
        page.get_by_role("tab", name=name).click()
        look(name)
    page.set_input_files("#file", network(tmp_path / "net.safetensors"))
    verdict(page, "net.safetensors is read.")
    look("a file")
    page.get_by_role("tab", name="Training").click()
    page.get_by_role("button", name="New random start").click()
    page.get_by_role("button", name="One step").click()
    look("a step")
    page.get_by_role("tab", name="Pulse").click()
    page.get_by_role("button", name="Nearest exact network").click()
    look("a message")
    page.close()
