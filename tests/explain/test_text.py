"""An explained network in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.disk_accounts import STEP, explained
from verify.explain.text import laws_in_words

ONES = np.ones((3, 3))


@pytest.mark.parametrize(
    ("w", "a", "b", "words"),
    [
        ([STEP], [0.5], [0], ("No filter measures the area", "The perimeter remains")),
        ([np.eye(3), ONES / 3], [0.5, -0.5], [-1, -1], ("The area cancels", "The perimeter")),
        ([ONES], [0.01], [0], ("The area does not cancel: it gives 3.68", "The perimeter gives 0")),
        ([ONES, STEP], [0.001, 0.2], [0, 0], ("The area does not cancel", "The perimeter")),
    ],
)  # fmt: skip
def test_the_area_cancels_only_where_it_does(
    w: Any, a: Any, b: Any, words: tuple[str, str]
) -> None:
    """The page said it of every network; so it did of the perimeter that it remains."""
    found = explained(np.stack(w), np.array(a), np.array(b, float), activation="relu")
    assert all(
        text.startswith(word) for text, word in zip(laws_in_words(found), words, strict=True)
    )
