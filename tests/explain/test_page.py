"""The page of an explained network: it stands alone, shows every weight, and escapes what it is
given.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.accounts import SETUP, account_of
from tests.disk_accounts import STEP, explained
from verify.explain.page import page


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
