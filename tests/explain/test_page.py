"""The page of an explained network: it stands alone, shows every weight, and escapes what it is
given.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.accounts import SETUP, account_of
from tests.disk_accounts import STEP, explained
from tests.modules import B1, B2, Net
from verify.explain.page import page
from verify.network import explain


def _width(channels: int) -> Any:
    """A network for images with so many times the same filter."""
    return explained(np.stack([STEP] * channels), np.full(channels, 0.25 / channels), None, 0.0073)


NETS: dict[str, Callable[[], Any]] = {
    "explained": lambda: account_of([[0.5, 0.25, 0.25]], [0.5], [0.5], -3.25, SETUP),
    "not explained": lambda: account_of([[1.0, 0.0, -1.0]], [-0.5], [1.0], 0.0, SETUP),
    "impossible": lambda: account_of(
        [[0.25, 0.5, 0.25]], None, [0.5], None, {**SETUP, "activation": "tanh"}
    ),
    "images": lambda: _width(1),
}


@pytest.mark.parametrize("name", NETS)
def test_it_stands_alone_and_shows_every_weight(name: str) -> None:
    account = NETS[name]()
    text = page(account)
    assert account.verdict.split(":")[0] in text
    addresses = re.findall(r"[\w:]*=?[\"']?https?://[^\"'\s]*", text)
    assert all(address.startswith("xmlns") for address in addresses)
    assert "<script" not in text and not re.search(r"\s(src|onload|onerror)=", text)
    for weight in account.weights:
        assert weight.label in text
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(pictures) == 2
    for picture in pictures:
        ET.fromstring(picture)


@pytest.mark.parametrize("name", ["explained", "images"])
def test_a_hostile_name_stays_text(name: str) -> None:
    text = page(replace(NETS[name](), file="<b>&'\"<script>"))
    assert "<b>&" not in text and "<script" not in text and "&lt;b&gt;&amp;" in text


def test_only_so_many_filters_have_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.explain.page.SHOWN", 2)
    text = page(_width(3))
    assert "The first 2 of 3 filters" in text and text.count("<svg") == 3


# --- in a notebook: its styles reach nothing else, and nothing comes from elsewhere
# --------------


def test_it_is_one_element_with_styles_of_its_own() -> None:
    found: Any = explain(Net(B2), length=17)
    html = found._repr_html_()
    assert html.lstrip().startswith('<div class="everyweight">') and html.rstrip().endswith(
        "</div>"
    )
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    selectors = re.findall(r"([^{}]+)\{", style)
    assert selectors
    for selector in selectors:
        assert all(part.strip().startswith(".everyweight") for part in selector.split(","))
    # No colour of a page of its own: black on black is nowhere.
    assert not re.search(r"(?<!-)\bcolor: #|background: #|prefers-color-scheme|:root", style)
    assert "<script" not in html and "<h1" not in html and "<h2" not in html
    addresses = re.findall(r"[\w:]*=?[\"']?https?://[^\"'\s]*", html)
    assert all(address.startswith("xmlns") for address in addresses)
    assert found.verdict in html and "Replayed: at r" in html
    for picture in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ET.fromstring(picture)


def test_two_on_one_page_share_no_anchor() -> None:
    pages = [explain(Net(weights), length=17)._repr_html_() for weights in (B1, B2)]
    first, second = (set(re.findall(r' id="([^"]+)"', page)) for page in pages)
    assert first and second and not first & second
    assert pages[0] == explain(Net(B1), length=17)._repr_html_()


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_plot(kind: str) -> None:
    module = Net(B1, torch.float32)
    drawing = explain(module, length=17).plot()
    buffer = io.BytesIO()
    drawing.savefig(buffer, format=kind)
    assert len(buffer.getvalue()) > 1000
    html = drawing._repr_html_()
    assert html is not None and html.startswith("<svg") and "currentColor" in html
