"""The page of an explained network: it stands alone, shows every weight, and escapes what it is given."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from tests.accounts import SETUP, account_of
from verify.explain.page import page

NETS = {
    "explained": (([[0.5, 0.25, 0.25]], [0.5], [0.5], -3.25), {}),
    "not explained": (([[1.0, 0.0, -1.0]], [-0.5], [1.0], 0.0), {}),
    "impossible": (([[0.25, 0.5, 0.25]], None, [0.5], None), {"activation": "tanh"}),
}


@pytest.mark.parametrize("name", NETS)
def test_it_stands_alone_and_shows_every_weight(name: str) -> None:
    net, more = NETS[name]
    explained = account_of(*net, {**SETUP, **more})
    text = page(explained)
    assert explained.document["verdict"].split(":")[0] in text
    addresses = re.findall(r"[\w:]*=?[\"']?https?://[^\"'\s]*", text)
    assert all(address.startswith("xmlns") for address in addresses)
    assert "<script" not in text and not re.search(r"\s(src|onload|onerror)=", text)
    for weight in explained.document["weights"]:
        assert f"{weight['name']} {','.join(map(str, weight['index']))}" in text
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ET.fromstring(svg)


def test_a_hostile_name_stays_text() -> None:
    explained = account_of(*NETS["explained"][0], SETUP)
    hostile = replace(explained, document={**explained.document, "file": "<b>&'\"<script>"})
    text = page(hostile)
    assert "<b>&" not in text and "<script" not in text and "&lt;b&gt;&amp;" in text
