"""The page inside a notebook: its styles reach nothing else, and it needs
nothing from elsewhere.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import torch

from tests.modules import B1, B2, Net
from verify.network import explain


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
