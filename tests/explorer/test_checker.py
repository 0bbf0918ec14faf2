"""The page's checker of certificates agrees with the package's: on what is right, and on thousands
of changed ones.
"""

from __future__ import annotations

import json
import random
from fractions import Fraction
from typing import Any

import pytest

from numerics.certificates.checker import Rejected, check
from tests.certified import RELU, changed, made
from tests.pulse.test_exact_error import THREE

F = Fraction
SAMPLES = [
    made(RELU, F(1, 2), F(9, 2)),
    made(("hardswish", "circular", 4, THREE, F(1, 7)), F(3, 4), F(4)),
    made(("cube", "zeros", 3, THREE, F(0)), F(1, 2), F(3)),
    made(("abs", "reflect", 4, THREE, F(1, 3)), F(1), F(7, 2)),
]
CHANGED = 3000

JUDGED = """
async (texts) => {
  const {check, Rejected} = await import("checker");
  const answers = [];
  for (const text of texts) {
    try { answers.push(JSON.stringify((await check(new TextEncoder().encode(text))).claim)); }
    catch (error) { if (!(error instanceof Rejected)) throw error; answers.push(null); }
  }
  return answers;
}
"""


def _accepted(text: str) -> dict[str, Any] | None:
    try:
        return check(text.encode())
    except Rejected:
        return None


@pytest.mark.browser
def test_both_checkers_agree(page: Any) -> None:
    rng = random.Random(0)
    texts = [json.dumps(sample) for sample in SAMPLES] + [
        changed(SAMPLES, rng) for _ in range(CHANGED)
    ]
    answers = page.evaluate(JUDGED, texts)
    wanted = [_accepted(text) for text in texts]
    assert sum(claim is not None for claim in wanted) > len(SAMPLES)
    for text, answer, claim in zip(texts, answers, wanted, strict=True):
        assert (answer and json.loads(answer)) == claim, text
