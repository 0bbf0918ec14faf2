"""The words of the atlas against the closed forms that they abbreviate."""

from __future__ import annotations

import pytest

from theory.expressions.activation import ACTIVATIONS
from theory.shape.classify import classify
from verify.shape.rates.words import in_words


@pytest.mark.slow
def test_every_row_that_one_channel_cannot_make_exact_has_words() -> None:
    for name, row in ACTIVATIONS.items():
        assert bool(in_words(name)) == (classify(row.expression).channels != 1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        # γ/σ' = -1/3 for tanh, arctan and erf alike: (1/3)²/840 = 1/7560.
        ("tanh", "$S^4/7\\,560$ at $0$"),
        ("erf", "$S^4/7\\,560$ at $0$"),
        # Half as steep in z: γ/σ' = -1/12.
        ("sigmoid", "$S^4/120\\,960$ at $0$"),
        ("sin", "$S^4/30\\,240$ at $k\\pi$"),
        ("exp", "$S^2/720$ at every bias"),
        ("softplus", "bias off to $\\infty$: $L \\to 0$ at any $S$"),
        ("logsigmoid", "bias off to $-\\infty$: $L \\to 0$ at any $S$"),
        ("square", "bias off to $\\pm\\infty$: $L \\to 0$ at any $S$"),
        ("tanhshrink", "bias off to $\\pm\\infty$: $L \\to 0$ at any $S$"),
    ],
)
def test_words(name: str, words: str) -> None:
    assert in_words(name) == words
