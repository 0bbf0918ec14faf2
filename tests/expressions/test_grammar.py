"""The grammar of typed activations: what texts mean, what is refused and why, and hostile texts."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from theory.expressions.grammar import GrammarError, parse
from theory.expressions.operations import FUNCTIONS
from theory.expressions.pieces import z

R = sp.Rational
PATIENCE = 10
"""Seconds after which a text counts as a hang; every one is answered in about a second."""


@contextmanager
def patience() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise AssertionError(f"no answer within {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def refusal(text: str) -> str | None:
    """The message for a refused text, checked to be one short printable line."""
    with patience():
        try:
            parse(text)
        except GrammarError as error:
            message = str(error)
            assert message.isascii() and message.isprintable() and len(message) < 200
            return message
    return None


# --- what a text means ------------------------------------------------------------------------

MEANINGS = {
    "z": z,
    "x^2": z**2,
    " - z ** 2 ": -(z**2),
    "(-z)**2": z**2,
    "2**3**2": sp.Integer(512),
    "2^-1": R(1, 2),
    "--z": z,
    "2*-z": -2 * z,
    "1 - 2 - 3": sp.Integer(-4),
    "z/2/3": z / 6,
    "z-(1-z)": 2 * z - 1,
    "1e-3*z": z / 1000,
    "1.5E2": sp.Integer(150),
    "0.1": R(1, 10),
    ".5 + 1.": R(3, 2),
    "2*e-3": 2 * sp.E - 3,
    "2e-3": R(1, 500),
    "pi*z": sp.pi * z,
    "e**z": sp.exp(z),
    "2**z": sp.exp(z * sp.log(2)),
    "(1/2)**z": sp.exp(-z * sp.log(2)),
    "2**sqrt(2)": sp.Integer(2) ** sp.sqrt(2),
    "sqrt(z**2)": sp.Abs(z),
    "relu(z)": sp.Max(z, 0),
    "max(z, 0) + 0.01*min(z, 0)": sp.Max(z, 0) + sp.Min(z, 0) / 100,
    "max(1, 2, sqrt(5), z-z)": sp.sqrt(5),
    "min(z, z + 1, 3 + z)": z,
    "heaviside(z)": sp.Heaviside(z, 0),
    "tanh(1/z)": 1 - 2 / (1 + sp.exp(2 / z)),
    "heaviside(0)": sp.Integer(0),
    "sign(pi - 3)": sp.Integer(1),
    "abs(1 - sqrt(2))": sp.sqrt(2) - 1,
    "sigmoid(z)": 1 / (1 + sp.exp(-z)),
    "softplus(z)": sp.log(1 + sp.exp(z)),
    "z*sigmoid(1.702*z)": z / (1 + sp.exp(-R(851, 500) * z)),
    "silu(z)": z / (1 + sp.exp(-z)),
    "gelu(z)": z * (1 + sp.erf(z / sp.sqrt(2))) / 2,
    "mish(z)": z * sp.tanh(sp.log(1 + sp.exp(z))),
    "cosh(z)": sp.exp(z) / 2 + sp.exp(-z) / 2,
    "atan(z) + arctan(z)": 2 * sp.atan(z),
    "tan(z + pi/2)": -sp.cos(z) / sp.sin(z),
    "(z + 1)**64": (z + 1) ** 64,
    "z/z": sp.Integer(1),
    "7": sp.Integer(7),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_meaning(text: str) -> None:
    assert parse(text) == MEANINGS[text]


REFUSED = {
    "": "character 1: expected a number, a name or '(', found the end",
    "z +": "character 4: expected a number, a name or '(', found the end",
    "(z": "character 3: expected an operator or ')', found the end",
    "z)": "character 2: expected an operator or the end, found ')'",
    "2z": "character 2: expected an operator such as *, found 'z'",
    "2e": "character 2: expected an operator such as *, found 'e'",
    "z 2": "character 3: expected an operator such as *, found '2'",
    "z*x": "character 3: expected one variable, found both z and x",
    "y": "character 1: expected z, x, pi, e or a function, found the name 'y'",
    "sin": "character 4: expected '(' after sin, found the end",
    "sin()": "character 5: expected a number, a name or '(', found ')'",
    "sin(z, z)": "character 1: sin takes 1 argument, found 2",
    "max(z)": "character 1: max takes 2 to 8 arguments, found 1",
    "max(1,2,3,4,5,6,7,8,z)": "character 1: max takes 2 to 8 arguments, found 9",
    ".": "character 1: expected a digit beside the point",
    "z = 1": "character 3: expected a number, a name or an operator, found '='",
    "z**2.5**z": "character 2: expected a rational exponent, or a positive constant as base",
    "z**z": "character 2: expected a rational exponent, or a positive constant as base",
    "(-2)**z": "character 5: expected a rational exponent, or a positive constant as base",
    "z**65": "character 2: expected an exponent p/q with |p| <= 64 and q <= 12",
    "z**(1/13)": "character 2: expected an exponent p/q with |p| <= 64 and q <= 12",
    "(z**64 + 1)**2": "character 12: the degree exceeds 64",
    "z**40*z**40": "character 1: expected an exponent p/q with |p| <= 64 and q <= 12",
    "1/0": "character 2: division by 0 is not a real number",
    "1/(z - z)": "character 2: division by 0 is not a real number",
    "0**-1": "character 2: division by 0 is not a real number",
    "1 + log(0)": "character 5: log of a number that is not positive is not a real number",
    "log(-exp(z))": "character 1: log of a number that is not positive is not a real number",
    "tan(pi/2)": "character 1: the result is not a real number",
    "sqrt(-1)": "character 1: a root of a negative number is not a real number",
    "(-8)**(1/3)": "character 5: a root of a negative number is not a real number",
    "sqrt(-1 - z**2)": "character 1: a root of a negative number is not a real number",
    "sqrt(-z**2)": "character 1: the result is not a real number",
    "1/(sqrt(2)+sqrt(3)-sqrt(5+2*sqrt(6)))": (
        "character 4: cannot decide whether a constant is 0"
    ),
    "exp(1000)": "character 1: a constant is not between 10**-100 and 10**100 in size",
    "exp(z + 10**9*log(2))": (
        "character 1: a constant is not between 10**-100 and 10**100 in size"
    ),
    "exp(1000*log(z))": "character 1: expected an exponent p/q with |p| <= 64 and q <= 12",
    "64**64": "character 3: an exact number exceeds 10**100",
    "1e101": "character 1: an exact number exceeds 10**100",
    "1e999999999": "character 1: the number '1e999999999' has too many digits",
    "sqrt(z)**2": (
        "the expression takes a root or log of a negative number (for example at z = -0.0131), "
        "but its simplified form does not show it"
    ),
    "\u00b2": "character 1: expected a number, a name or an operator, found '\\xb2'",
    "\uff11": "character 1: expected a number, a name or an operator, found '\\uff11'",
    "z + \uff5a": "character 5: expected a number, a name or an operator, found '\\uff5a'",
    "z\x00": "character 2: expected a number, a name or an operator, found '\\x00'",
    "\ud800": "character 1: expected a number, a name or an operator, found '\\ud800'",
    "\x1b[31m": "character 1: expected a number, a name or an operator, found '\\x1b'",
    "__import__('os')": (
        "character 12: expected a number, a name or an operator, found '''"
    ),
    "__import__(z)": (
        "character 1: expected z, x, pi, e or a function, found the name '__import__'"
    ),
    "z.__class__": (
        "character 2: expected an operator such as *, found '.'"
    ),
    "lambda: 0": "character 7: expected a number, a name or an operator, found ':'",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_where_and_what(text: str) -> None:
    assert refusal(text) == REFUSED[text]


@pytest.mark.parametrize("text", ["exp(log(z))", "exp(3*log(z))", "0*log(z)", "sqrt(z)*sqrt(z)"])
def test_no_restriction_of_the_domain_is_lost(text: str) -> None:
    assert "root or log of a negative number" in (refusal(text) or "")


@pytest.mark.parametrize("text", ["log(z)", "1/sqrt(z)", "z**(1/3)", "exp(log(1 + z**2))"])
def test_restricted_domains_that_show_are_accepted(text: str) -> None:
    assert refusal(text) is None


HOSTILE = {
    "open": "(" * 10**6,
    "nested": "(" * 999 + "z" + ")" * 999,
    "tower": "z**" * 600 + "z",
    "powers": "2**" * 600 + "2",
    "long tower": "z**" * 1000 + "z",
    "digits": "9" * 10**6,
    "many digits": "9" * 1999,
    "fraction": "0." + "1" * 1990,
    "exponent": "1e999999999",
    "long exponent": "1e-" + "9" * 1000,
    "power": "z**10**9",
    "constant power": "10**10**10**10",
    "powers of powers": "(" * 10 + "10**64" + ")**64" * 10,
    "products": "*".join(["1e100"] * 100),
    "minus": "-" * 1999 + "z",
    "many minus": "-" * 199 + "z",
    "max": "max(" * 400 + "z",
    "many arguments": "max(" + ",".join(["z"] * 900) + ")",
    "extremes": "max(z," * 11 + "min(z*z,1-z,2*z)" + ",1-z)" * 11,
    "exp": "exp(" * 59 + "z" + ")" * 59,
    "deep exp": "exp(" * 12 + "z" + ")" * 12,
    "constant exp": "exp(" * 12 + "64" + ")" * 12,
    "exp log": "exp(10**60*log(2))",
    "exp of a sum": "exp(z + 99*log(3) + 10**9*log(2))",
    "abs": "abs(z+" * 12 + "z" + ")" * 12,
    "mish": "mish(" * 12 + "z" + ")" * 12,
    "gelu": "gelu(1+sqrt(" * 6 + "z" + "))" * 6,
    "tanh of roots": "tanh(abs(1+sqrt(sin(" * 3 + "z" + "))))" * 3,
    "roots in tanh": "tanh(sqrt(1+" * 3 + "tanh(z)" + "))" * 3,
    "unsure step": "heaviside(2*z*exp(2*z*mish(z+sqrt(z+erf(2*z*z)))))",
    "unsure signs": "heaviside(max(silu(z+sigmoid(1+sign(1/z))),z*z,2*z,1-z))",
    "sin": "sin(10**99)*z",
    "sums": "+".join(["z"] * 100),
    "waves": "+".join(f"sin({k}*z)" for k in range(1, 45)),
    "relus": "+".join(f"relu(z-{k})" for k in range(1, 48)),
    "comparisons": "max(" + ",".join(f"sin(z)*exp({k}*z)" for k in range(1, 9)) + ")",
    "surds": "abs(" + "+".join(f"sqrt({k})" for k in range(2, 60)) + "-z)",
    "undecidable": "max(z+sqrt(2)+sqrt(3),z+sqrt(5+2*sqrt(6)))",
    "spaces": " " * 10**6,
    "null": "\x00" * 2000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_get_an_answer(name: str) -> None:
    refusal(HOSTILE[name])


@pytest.mark.parametrize(
    "name", ["open", "tower", "digits", "power", "constant exp", "max", "exp log", "spaces"]
)
def test_the_worst_are_refused(name: str) -> None:
    assert refusal(HOSTILE[name])


# --- any text ---------------------------------------------------------------------------------

PARTS = st.sampled_from(
    ["z", "x", "2", "0", "1e5", ".", "(", ")", ",", "+", "-", "*", "/", "**", "^", "e", "pi", " "]
    + [f"{name}(" for name in FUNCTIONS]
)


@given(st.text(max_size=60) | st.lists(PARTS, max_size=30).map("".join))
@example("1" + "e" * 50)
@example("e1")
@example("1e+")
@example("2**(1/3)**(1/3)")
def test_any_text_is_parsed_or_refused(text: str) -> None:
    refusal(text)


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    refusal(data.decode("latin-1"))
    refusal(data.decode("utf-8", "surrogateescape"))


@given(
    st.sampled_from(sorted(MEANINGS)),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), PARTS), min_size=1, max_size=4),
)
def test_mutations_are_parsed_or_refused(text: str, edits: list[tuple[int, int, str]]) -> None:
    for place, removed, part in edits:
        text = text[:place] + part + text[place + removed :]
    refusal(text)
