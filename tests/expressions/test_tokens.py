"""Texts as tokens: what Python's parser is given, where each part stands, and what is refused."""

from __future__ import annotations

import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from theory.expressions.tokens import GrammarError, Token, quoted, refusal, source

LINES = {
    "2.5*x": "1 * x",
    "x ^ 2": "x ** 1",
    "x\u207b\u00b9\u00b2": "x ** - 1",
    "\u221ax + \u221a(x\u00b7\u03c0)": "sqrt ( x ) + sqrt ( x * pi )",
    "|x|*||x|-1|": "abs ( x ) * abs ( abs ( x ) - 1 )",
    "(x<1)|(x\u22653)": "( x < 1 ) or ( x >= 1 )",
    "lambda t: t": "t",
    "return 1if x>0 else 2": "1 if x > 1 else 1",
    "nn.GELU('tanh')(x)": "nn . GELU ( '' ) ( x )",
}


@pytest.mark.parametrize("text", LINES)
def test_lines(text: str) -> None:
    assert source(text).line == LINES[text]


def test_columns_lead_back_to_the_text() -> None:
    """Each token's text is found at its position; also between two columns."""
    text = "0.50 * |x\u2212\u221a2|\u00b2"
    line = source(text)
    for column in line.tokens:
        token = line.token(column)
        there = text[token.position - 1 :]
        assert there.startswith(token.text) or there[0] in "|\u221a\u00b2"
        assert line.token(column + 1) == token or column + 1 in line.tokens
    assert [t.text for t in line.tokens.values() if t.kind == "number"] == ["0.50", "2", "2"]


def test_the_variable_of_a_lambda() -> None:
    assert source("lambda input: input").variable == "input" and source("x").variable == ""


def test_words_for_people() -> None:
    assert (
        quoted("\u03c3\n\u202e") == "'\u03c3\\n\\u202e'" and quoted("x" * 30) == f"'{'x' * 20}...'"
    )
    assert str(refusal(Token("name", "y", 7), "no")) == "character 7: no"


@given(st.text("xz01.()+-*/^<>=&|,\u221a\u00b2\u2212\u03c0 ifelsnotard\"'", max_size=40))
@example("x if x else x if")
@example("f(x=1, x)")
@example("f(1=x)")
@example("not")
@example("x.not")
def test_a_line_is_ascii_and_its_tokens_alternate(text: str) -> None:
    """What the scan lets pass Python's parser reads, or refuses as a syntax error and in no other
    way.
    """
    try:
        line = source(text)
    except GrammarError as error:
        assert str(error).isprintable()
        return
    assert line.line.isascii() and line.line.isprintable()
    try:
        nodes = [node for node in ast.walk(ast.parse(line.line, mode="eval"))]
    except SyntaxError:
        return
    assert all(node.col_offset in line.tokens for node in nodes if isinstance(node, ast.Name))
