r"""Activations typed by a user: a small grammar, parsed by hand and never evaluated as code.

    sum      = product { ("+" | "-") product }
    product  = signed { ("*" | "/") signed }
    signed   = { "+" | "-" } power
    power    = atom [ ("**" | "^") signed ]              right associative, as in Python: -z**2 = -(z**2)
    atom     = number | constant | variable | function "(" sum { "," sum } ")" | "(" sum ")"
    number   = digits [ "." digits ] [ ("e" | "E") [ "+" | "-" ] digits ]      read exactly: 0.1 is 1/10
    constant = "pi" | "e"                      nothing is multiplied silently, so 2e is an error, not 2*e
    variable = "z" | "x"                       one of the two names in an expression, not both

Functions are those of :data:`theory.expressions.operations.FUNCTIONS`; max and min take two to eight arguments, the others
one.  ``relu``, ``sigmoid``, ``softplus``, ``silu``, ``gelu``, ``mish``, ``sinh`` and ``cosh`` are replaced by
their definitions, ``tanh`` too where its argument may be undefined.

Everything is real and bounded, each result as :mod:`theory.expressions.operations` says, the text by the constants below.
No simplification may define an expression where it was not: sqrt(z)**2 is refused, because it is z for z >= 0
only.  Only isolated points are filled in: z/z is 1.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import sympy as sp

from theory.expressions.enclosure import z
from theory.expressions.operations import DIGITS, FUNCTIONS, Refused, checked, is_constant, power
from theory.expressions.printing import evaluator, to_text

__all__ = ["GrammarError", "parse"]

LONGEST = 2000
"""Characters of an expression."""
MOST_SYMBOLS = 200
"""Numbers, names and operators of an expression."""
DEEPEST = 12
"""Nested parentheses, functions and exponents."""
MOST_ARGUMENTS = 8
"""Arguments of max and min; sympy compares them pair by pair."""
ROUNDS = 6
"""Times that an expression is written out and read again until it no longer changes."""
CONSTANTS = MappingProxyType({"pi": sp.pi, "e": sp.E})
VARIABLES = ("z", "x")


class GrammarError(ValueError):
    """The text is not an expression of the grammar; the message is one printable line."""


# --- tokens -----------------------------------------------------------------------------------

LETTERS = frozenset(string.ascii_letters + "_")
NUMERALS = frozenset(string.digits)
OPERATORS = ("**", "+", "-", "*", "/", "^", "(", ")", ",")


@dataclass(frozen=True)
class _Token:
    """kind: number, name, end, or the operator itself; ``position`` counts characters from 1."""

    kind: str
    text: str
    position: int


def _quoted(text: str, most: int = 20) -> str:
    """The user's characters, printable and short."""
    shown = text[:most].encode("unicode_escape").decode("ascii")
    return f"'{shown}...'" if len(text) > most else f"'{shown}'"


def _fail(position: int, reason: str) -> GrammarError:
    return GrammarError(f"character {position}: {reason}")


def _run(text: str, start: int, allowed: frozenset[str]) -> int:
    """The end of the run of allowed characters that begins at ``start``."""
    while start < len(text) and text[start] in allowed:
        start += 1
    return start


def _number_end(text: str, start: int) -> int:
    end = _run(text, start, NUMERALS)
    if text[end : end + 1] == ".":
        end = _run(text, end + 1, NUMERALS)
    if text[end : end + 1] in ("e", "E"):
        digits = end + 1 + (text[end + 1 : end + 2] in ("+", "-"))
        after = _run(text, digits, NUMERALS)
        if after > digits:
            return after
    return end


def _tokens(text: str) -> list[_Token]:
    """The tokens of the text, a last one of kind ``end`` included."""
    if len(text) > LONGEST:
        raise GrammarError(f"expected at most {LONGEST} characters, found {len(text)}")
    tokens = []
    start = 0
    while start < len(text):
        character = text[start]
        operator = next((o for o in OPERATORS if text.startswith(o, start)), "")
        if character in " \t\r\n":
            start += 1
            continue
        if character in NUMERALS or character == ".":
            kind, end = "number", _number_end(text, start)
        elif character in LETTERS:
            kind, end = "name", _run(text, start, LETTERS | NUMERALS)
        elif operator:
            kind, end = operator, start + len(operator)
        else:
            reason = f"expected a number, a name or an operator, found {_quoted(character)}"
            raise _fail(start + 1, reason)
        tokens.append(_Token("**" if kind == "^" else kind, text[start:end], start + 1))
        start = end
    symbols = sum(token.kind not in "()," for token in tokens)
    if symbols > MOST_SYMBOLS:
        raise GrammarError(
            f"expected at most {MOST_SYMBOLS} numbers, names and operators, found {symbols}"
        )
    return [*tokens, _Token("end", "", len(text) + 1)]


def _rational(token: _Token) -> sp.Rational:
    """A literal, exactly."""
    mantissa, _, exponent = token.text.replace("E", "e").partition("e")
    whole, _, fraction = mantissa.partition(".")
    if not whole + fraction:
        raise _fail(token.position, "expected a digit beside the point")
    size = exponent.lstrip("+-").lstrip("0")
    if max(len(whole.lstrip("0")) - 1, len(fraction)) > DIGITS or len(size) > len(str(DIGITS)):
        raise _fail(token.position, f"the number {_quoted(token.text)} has too many digits")
    shift = int(exponent or 0) - len(fraction)
    digits = int(whole + fraction)
    return sp.Rational(digits * 10 ** max(shift, 0), 10 ** max(-shift, 0))


# --- the parser -------------------------------------------------------------------------------


class _Parser:
    """One pass over the tokens; ``roots`` collects what must not be negative."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0
        self.variable = ""
        self.roots: dict[sp.Expr, None] = {}

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def take(self, *kinds: str) -> _Token | None:
        """The next token, consumed, if it is of one of these kinds."""
        token = self.token
        if token.kind not in kinds:
            return None
        self.at += 1
        return token

    def expected(self, what: str) -> GrammarError:
        token = self.token
        actual = "the end" if token.kind == "end" else _quoted(token.text)
        return _fail(token.position, f"expected {what}, found {actual}")

    def enter(self, token: _Token) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _fail(token.position, f"expected at most {DEEPEST} nested levels")

    def build(
        self, token: _Token, operation: Callable[..., sp.Expr], *operands: sp.Expr
    ) -> sp.Expr:
        try:
            return checked(operation(*operands))
        except Refused as refused:
            raise _fail(token.position, str(refused)) from None

    def all(self) -> sp.Expr:
        expression = self.sum()
        if self.token.kind != "end":
            more = self.token.kind in ("number", "name", "(")
            raise self.expected("an operator such as *" if more else "an operator or the end")
        return expression

    def sum(self) -> sp.Expr:
        token = self.token
        terms = [self.product(False)]
        while operator := self.take("+", "-"):
            terms.append(self.product(operator.kind == "-"))
        return terms[0] if len(terms) == 1 else self.build(token, sp.Add, *terms)

    def product(self, negative: bool) -> sp.Expr:
        """One product of all factors, signs included, so that its meaning is that of its text."""
        token = self.token
        factors = [sp.Integer(-1)] if negative else []
        factors += self.signed()
        while operator := self.take("*", "/"):
            *sign, factor = self.signed()
            if operator.kind == "/":
                factor = self.power_of(operator, factor, sp.Integer(-1))
            factors += [*sign, factor]
        return factors[0] if len(factors) == 1 else self.build(token, sp.Mul, *factors)

    def signed(self) -> list[sp.Expr]:
        """[power] or [-1, power]."""
        negative = False
        while operator := self.take("+", "-"):
            negative ^= operator.kind == "-"
        return [sp.Integer(-1), self.power()] if negative else [self.power()]

    def power(self) -> sp.Expr:
        base = self.atom()
        operator = self.take("**")
        if operator is None:
            return base
        self.enter(operator)
        exponent = self.build(operator, sp.Mul, *self.signed())
        self.depth -= 1
        return self.power_of(operator, base, exponent)

    def power_of(self, token: _Token, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if exponent.is_Rational and exponent.q > 1:
            self.roots[base] = None
        return self.build(token, power, base, exponent)

    def atom(self) -> sp.Expr:
        if token := self.take("number"):
            number = _rational(token)
            return self.build(token, lambda: number)
        if token := self.take("("):
            self.enter(token)
            inside = self.sum()
            self.close("an operator or ')'")
            return inside
        if token := self.take("name"):
            return self.named(token)
        raise self.expected("a number, a name or '('")

    def close(self, what: str) -> None:
        if not self.take(")"):
            raise self.expected(what)
        self.depth -= 1

    def named(self, token: _Token) -> sp.Expr:
        if token.text in FUNCTIONS:
            return self.call(token)
        if token.text in CONSTANTS:
            return CONSTANTS[token.text]
        if token.text not in VARIABLES:
            raise _fail(
                token.position,
                f"expected z, x, pi, e or a function, found the name {_quoted(token.text)}",
            )
        if self.variable not in ("", token.text):
            raise _fail(token.position, "expected one variable, found both z and x")
        self.variable = token.text
        return z

    def call(self, token: _Token) -> sp.Expr:
        if not self.take("("):
            raise self.expected(f"'(' after {token.text}")
        self.enter(token)
        arguments = [self.sum()]
        while self.take(","):
            arguments.append(self.sum())
        self.close("an operator, ',' or ')'")
        extreme = token.text in ("max", "min")
        low, high = (2, MOST_ARGUMENTS) if extreme else (1, 1)
        if not low <= len(arguments) <= high:
            count = f"{low} to {high} arguments" if extreme else "1 argument"
            raise _fail(token.position, f"{token.text} takes {count}, found {len(arguments)}")
        if token.text in ("log", "sqrt"):
            self.roots[arguments[0]] = None
        return self.build(token, FUNCTIONS[token.text], *arguments)


SAMPLES = tuple(
    sign * size for size in (0.0131, 0.273, 0.577, 1.319, 2.239, 4.711, 23.17, 171.3)
    for sign in (1.0, -1.0)
)  # fmt: skip
"""Points of no significance at which a lost restriction of the domain shows."""


def _check_domain(expression: sp.Expr, roots: Sequence[sp.Expr]) -> None:
    """No root or log of something negative was simplified away.

    Raises
    ------
    GrammarError: it was, at one of the samples at least.
    """
    for root in roots:
        if is_constant(root) or root.is_extended_nonnegative:
            continue
        inside, outside = evaluator(root), evaluator(expression)
        for point in SAMPLES:
            value = inside(point)
            if value is not None and value < 0 and outside(point) is not None:
                raise GrammarError(
                    "the expression takes a root or log of a negative number (for example at"
                    f" z = {point}), but its simplified form does not show it"
                )


def parse(text: str) -> sp.Expr:
    """The expression in z that the text writes, exact.

    ``parse(to_text(parse(text))) == parse(text)``.

    Raises
    ------
    GrammarError: the text is not in the grammar, not real, or too large; one printable line.
    """
    parser = _Parser(text)
    expression = parser.all()
    _check_domain(expression, tuple(parser.roots))
    for _ in range(ROUNDS):
        try:
            again = _Parser(to_text(expression)).all()
        except GrammarError as error:
            raise GrammarError(
                "too large or not real once its functions are written out"
            ) from error
        if again == expression:
            return expression
        expression = again
    raise GrammarError(f"the simplified form still changes after {ROUNDS} rounds")
