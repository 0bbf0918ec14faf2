"""Expressions in the page: what the grammar reads, the page reads, with the same values; what it
refuses, the page refuses.
"""

from __future__ import annotations

from typing import Any

import pytest

from numerics.arithmetic.compile import activation
from tests.expressions.test_grammar import MEANINGS, PASTED, REFUSED
from theory.expressions.functions import FUNCTIONS
from theory.expressions.spelling import spelled
from verify.explorer.functions import module

PLACES = [-3.7, -1.25, -0.4, -0.03, 0.02, 0.6, 1.9, 4.3]

READ = """
async ([texts, places]) => {
  const {activationOf, Unreadable} = await import("expression");
  return texts.map((text) => {
    try {
      const {sigma, slope} = activationOf(text);
      return [places.map(sigma), places.map(slope)];
    } catch (error) {
      if (!(error instanceof Unreadable)) return [null, `${text}: ${error.message}`];
      return error.message;
    }
  });
}
"""


def _spelled(text: str) -> Any:
    try:
        return spelled(text)
    except ValueError:
        return None


@pytest.mark.browser
def test_the_page_reads_what_the_grammar_reads(page: Any) -> None:
    texts = [text for text in (*MEANINGS, *PASTED) if _spelled(text) is not None]
    assert len(texts) > 60
    wrong = []
    for text, answer in zip(texts, page.evaluate(READ, [texts, PLACES]), strict=True):
        if isinstance(answer, str) or answer[0] is None:
            wrong.append((text, answer))
            continue
        for values, function in zip(answer, activation(text), strict=True):
            wanted = function(PLACES).tolist()
            if not all(
                x is not None and abs(x - y) <= 1e-9 * (1 + abs(y))
                for x, y in zip(values, wanted, strict=True)
            ):
                wrong.append((text, values, wanted))
    assert wrong == []


UNBOUNDED = {
    "(z**64 + 1)**2",
    "z**40*z**40",
    "tan(pi/2)",
    "1/(sqrt(2)+sqrt(3)-sqrt(5+2*sqrt(6)))",
    "64**64",
    "1e101",
    "where(x > 0, log(x), 0)",
    "gelu(gelu(gelu(gelu(gelu(x)))))",
}
"""The page computes in float64: it bounds no degrees, sizes and numbers, decides no constant
exactly, and a branch that is not taken has no value.
"""


@pytest.mark.browser
def test_the_page_refuses_what_is_no_expression(page: Any) -> None:
    texts = [text for text in REFUSED if _spelled(text) is None]
    assert len(texts) > 60
    answers = page.evaluate(READ, [texts, PLACES])
    read = [
        text for text, answer in zip(texts, answers, strict=True) if not isinstance(answer, str)
    ]
    assert set(read) <= UNBOUNDED


def test_every_function_is_there() -> None:
    text = module()
    assert all(f"{name}: {{parameters" in text for name in FUNCTIONS)
