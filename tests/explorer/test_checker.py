"""The page's checker of certificates agrees with the package's: on what is right, and on thousands
of changed ones.
"""

from __future__ import annotations

import copy
import json
import random
from fractions import Fraction
from typing import Any

import pytest

from numerics.certificates.checker import Rejected, canonical, check
from tests.certified import RELU, made
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


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every text of a document."""
    if isinstance(value, dict):
        return [place for key, part in value.items() for place in _places(part, (*path, key))]
    if isinstance(value, list):
        return [place for key, part in enumerate(value) for place in _places(part, (*path, key))]
    return [path]


def _changed(rng: random.Random) -> str:
    """One text of a certificate made another one, the digest made to fit or not; or its characters
    changed.
    """
    document = copy.deepcopy(rng.choice(SAMPLES))
    *way, last = rng.choice([place for place in _places(document) if place != ("digest",)])
    holder = document
    for key in way:
        holder = holder[key]
    text = str(holder[last])
    number = (
        Fraction(text)
        if text.lstrip("-").replace("/", "").isdigit()
        else Fraction(rng.randint(-3, 9), rng.randint(1, 4))
    )
    holder[last] = rng.choice(
        [
            str(number + F(1, rng.choice([1, 2, 10**9]))),
            str(-number),
            str(number * 2),
            "0",
            "01",
            "1/0",
            "2/4",
            "",
            text + " ",
            "valid",
            "zeros 1",
            "circular",
            3,
            None,
            [],
            {},
        ]
    )
    if rng.random() < 0.9:
        document["digest"] = canonical(document)
    written = json.dumps(document)
    if rng.random() < 0.1:
        place = rng.randrange(len(written))
        written = written[:place] + rng.choice('{}[]":,0é') + written[place + rng.randrange(2) :]
    if rng.random() < 0.02:
        written = written.replace('"version"', '"version": "1", "version"')
    return written


@pytest.mark.browser
def test_both_checkers_agree(page: Any) -> None:
    rng = random.Random(0)
    texts = [json.dumps(sample) for sample in SAMPLES] + [_changed(rng) for _ in range(CHANGED)]
    answers = page.evaluate(JUDGED, texts)
    wanted = [_accepted(text) for text in texts]
    assert sum(claim is not None for claim in wanted) > len(SAMPLES)
    for text, answer, claim in zip(texts, answers, wanted, strict=True):
        assert (answer and json.loads(answer)) == claim, text
