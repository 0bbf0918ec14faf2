"""The certificate of an explained network is what the checker reads, or there is a reason."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import nn

from numerics.certificates.checker import check
from tests.modules import B1, B2, Net
from verify.explain.certificate import certificate_text
from verify.network import explain


def test_it_is_accepted() -> None:
    module = Net(B2)
    with torch.no_grad():
        module.readout.bias.add_(0.25)
    found: Any = explain(module, length=17)
    document = found.certificate()
    claim = check(certificate_text(document).encode())
    assert [Fraction(x) for x in claim["worst"]] == [Fraction(1, 4)] * 2
    assert json.loads(certificate_text(document)) == document


@pytest.mark.parametrize(
    ("sigma", "words"),
    [(torch.tanh, "made of polynomials, tanh is not"), (nn.Hardshrink(), "without jumps")],
)
def test_why_there_is_none(sigma: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        explain(Net(B1, sigma=sigma), length=17).certificate()


def test_one_that_would_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = explain(Net(B1), length=17)
    monkeypatch.setattr("verify.explain.certificate.BYTES", 100)
    with pytest.raises(ValueError, match="more than 100 bytes"):
        found.certificate()
