"""The page of an explained network for images: it stands alone and shows the filters."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.disk_accounts import SETUP, STEP
from verify.explain.disk_account import disk_account
from verify.explain.disk_page import disk_page
from verify.models.checkpoint import Checkpoint
from verify.models.setup import disk_setup_of


def _page(channels: int, name: str = "net") -> str:
    w = np.concatenate([STEP[None]] * channels)
    checkpoint = Checkpoint(w, np.full(channels, 0.25 / channels), None, np.array([0.0073]), {})
    return disk_page(disk_account(checkpoint, disk_setup_of(SETUP, 3), 1, name))


def test_it_stands_alone_and_escapes_names() -> None:
    text = _page(1, "<b>&'\"")
    addresses = re.findall(r"[\w:]*=?[\"']?https?://[^\"'\s]*", text)
    assert all(address.startswith("xmlns") for address in addresses)
    assert "<script" not in text and not re.search(r"\s(src|onload|onerror)=", text)
    assert "<b>&" not in text and "&lt;b&gt;&amp;" in text
    assert text.count("<svg") == 2 and "conv.weight 0,0,2,2" in text


def test_only_so_many_filters_have_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.explain.disk_page.SHOWN", 2)
    text = _page(3)
    assert "The first 2 of 3 filters" in text and text.count("<svg") == 3
