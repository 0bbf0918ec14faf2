r"""The text of an expression as tokens in their places, and as one line for Python's own parser.

What people type and paste is told apart here, once: numbers, names, operators, the characters of
printed formulas (− × · ÷ ² ⁻¹ √ π ≤ |x|), ``lambda x:`` and ``return`` in front.  A scan with one
question, is an operand wanted or an operator, finds nearly all that is wrong with a text, and says
where.

The line holds only ASCII names, operators and the number 1 in the place of each number: what Python
would make of digits, strings or other characters does not matter.  Each column leads back to a
token.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["NUMBERS", "VARIABLES", "GrammarError", "Source", "Token", "quoted", "refusal", "source"]

LONGEST = 2000
"""Characters of an expression."""
MOST_SYMBOLS = 200
"""Numbers, names and operators of an expression."""
DEEPEST = 12
"""Nested parentheses and functions."""


class GrammarError(ValueError):
    """The text is not an expression of the grammar; the message is one printable line."""


@dataclass(frozen=True)
class Token:
    """kind: number, name, string, end, or the operator itself; ``position`` counts characters from
    1.
    """

    kind: str
    text: str
    position: int


@dataclass(frozen=True)
class Source:
    """The line for Python's parser, the token at each of its columns, the variable that ``lambda``
    names or an empty string.
    """

    line: str
    tokens: Mapping[int, Token]
    variable: str

    def token(self, column: int) -> Token:
        """The last token that begins at or before a column."""
        return self.tokens[max((start for start in self.tokens if start <= column), default=0)]


def quoted(text: str, most: int = 20) -> str:
    """The user's characters, printable and short: Greek letters as they are, lookalikes by code."""
    shown = "".join(
        x if "α" <= x <= "ω" or "Α" <= x <= "Ω" else x.encode("unicode_escape").decode()
        for x in text[:most]
    )
    return f"'{shown}...'" if len(text) > most else f"'{shown}'"


def refusal(token: Token, reason: str) -> GrammarError:
    """The error at a token."""
    return GrammarError(f"character {token.position}: {reason}")


# --- characters -------------------------------------------------------------------------------

RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
PRINTED = {
    **dict.fromkeys("−–", "-"), **dict.fromkeys("×·⋅∙∗", "*"), **dict.fromkeys("÷∕", "/"),
    "^": "**", "≤": "<=", "≥": ">=", "≠": "!=",
}  # fmt: skip
"""Characters of printed formulas, and the operators that they mean."""
PATTERN = re.compile(
    r"(?P<space>[ \t\r\n\u00a0\u2009]+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*|π|Φ)"
    r"|(?P<string>'[a-z]*'|\"[a-z]*\")"
    r"|(?P<power>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|(?P<operator>\*\*|<=|>=|==|!=|[-+*/(),.=<>&|:√]|"
    rf"[{re.escape(''.join(PRINTED))}])"
)
NAMED = {"π": "pi", "Φ": "ndtr", "Phi": "ndtr"}
"""Names that are written otherwise; φ and phi are the density, and none of them."""
WORDS = ("if", "else", "and", "or", "not")
"""Names that are operators."""
VALUES = ("True", "False", "None")
INSTEAD = {
    **dict.fromkeys("[{", "write ( instead"), **dict.fromkeys("]}", "write ) instead"),
    "\\": "write names without a backslash, as in tanh(x)",
    ";": "write one expression",
    **dict.fromkeys("'\"", "write the expression without quotes"),
}  # fmt: skip
"""What to write for a character that is read nowhere."""


def _tokens(text: str) -> list[Token]:
    """The tokens of the text, a last one of kind ``end`` included."""
    if len(text) > LONGEST:
        raise GrammarError(f"expected at most {LONGEST} characters, found {len(text)}")
    tokens = []
    start = 0
    while start < len(text):
        match, position = PATTERN.match(text, start), start + 1
        if match is None:
            character = text[start]
            default = f"expected a number, a name or an operator, found {quoted(character)}"
            raise refusal(Token("", "", position), INSTEAD.get(character, default))
        kind, word, start = str(match.lastgroup), match.group(), match.end()
        if kind == "operator" or word in WORDS:
            kind = PRINTED.get(word, word)
        if kind == "name" and keyword.iskeyword(word) and word not in VALUES + OPENINGS:
            reason = f"the word {quoted(word)} has no place in an expression"
            raise refusal(Token("", "", position), reason)
        if kind != "space":
            tokens.append(Token(kind, word, position))
    symbols = sum(token.kind not in "()," for token in tokens)
    if symbols > MOST_SYMBOLS:
        raise GrammarError(
            f"expected at most {MOST_SYMBOLS} numbers, names and operators, found {symbols}"
        )
    return [*tokens, Token("end", "", len(text) + 1)]


NUMBERS = ("pi", "e")
"""Names of constants."""
OPENINGS = ("lambda", "return")
"""Words that may stand before the whole expression."""
VARIABLES = ("z", "x")
"""The names of the variable, where ``lambda`` names none."""
OPERANDS = ("number", "name", "string", ")")
"""Kinds after which an operator is wanted."""


def _plain(tokens: list[Token]) -> Iterator[Token]:
    """|u|, √u and u² as abs(u), sqrt(u) and u**2, with the user's characters as text."""
    opened, before, rooted = ["end"], "end", False
    for token, after in pairwise([*tokens, tokens[-1]]):
        kind, text, position = token.kind, token.text, token.position
        if kind == "|" and before in OPERANDS and opened[-1] == "|":
            new = [Token(")", text, position)]
        elif kind == "|" and before not in OPERANDS:
            new = [Token("name", "abs", position), Token("(", text, position)]
        elif kind == "√":
            rooted = after.kind in ("number", "name")
            new = [Token("name", "sqrt", position)] + [Token("(", text, position)] * rooted
        elif kind == "power":
            digits = text.translate(RAISED)
            sign = [Token("-", text, position)] * digits.startswith("-")
            number = Token("number", digits.lstrip("-"), position)
            new = [Token("**", text, position), *sign, number]
            if after.kind == "power":
                raise refusal(after, "expected one exponent, found two")
        elif rooted:
            if after.kind in ("(", "."):
                raise refusal(token, "write sqrt(...) for the root of a function")
            new, rooted = [token, Token(")", text, position)], False
        else:
            new = [token]
        for part in new:
            if part.kind == "(":
                opened.append(part.text)
            elif part.kind == ")":
                opened = opened[:-1] or ["end"]
        before = new[-1].kind
        yield from new


# --- the scan ---------------------------------------------------------------------------------

BINARY = ("+", "-", "*", "/", "**", "<", ">", "<=", ">=", "==", "!=", "&", "|", *WORDS[:-1])
LINE = {"number": "1", "string": "''", "&": "and", "|": "or", "end": ""}
"""What Python's parser is given in place of a token's text."""


def source(text: str) -> Source:
    """The text for Python's parser.

    Raises
    ------
    GrammarError: a character, or an operand or operator missing or in the wrong place.
    """
    tokens, variable = _tokens(text), ""
    if [token.kind for token in tokens[1:3]] == ["name", ":"] and tokens[0].text == "lambda":
        variable, tokens = tokens[1].text, tokens[3:]
    elif tokens[0].text == "return":
        tokens = tokens[1:]
    line, columns = "", {}
    for token in _scanned(list(_plain(tokens)), (variable,) if variable else VARIABLES):
        columns[len(line)] = token
        name = token.text if token.kind == "name" else token.kind
        line += LINE.get(token.kind, NAMED.get(name, name)) + " "
    return Source(line.strip(), columns, variable)


def _expected(what: str, token: Token) -> GrammarError:
    actual = "the end" if token.kind == "end" else quoted(token.text)
    return refusal(token, f"expected {what}, found {actual}")


def _scanned(tokens: list[Token], variables: tuple[str, ...]) -> list[Token]:
    """The tokens with every * that a product leaves out, if operands and operators alternate and
    parentheses match.
    """
    scanned: list[Token] = []
    opened: list[bool] = []  # of each open parenthesis: it belongs to a call
    bound = [""]  # at each depth: the / or ** in front of the operand
    callable = False  # a function may be called here
    wanted = True  # an operand
    before = Token("", "", 0)
    for token in tokens:
        if not wanted and _multiplied(before, token, variables, callable):
            scanned.append(_times(before, token, bound[-1]))
            wanted = True
        kind = token.kind
        call = bool(opened and opened[-1])
        if kind == "(" and (wanted or callable):
            opened.append(not wanted)
            bound.append("")
            wanted, callable = True, False
        elif kind == ")" and opened and (not wanted or (call and before.kind == "(")):
            wanted, callable = False, opened.pop()
            bound.pop()
        elif wanted and kind in ("number", "name", "string"):
            wanted, callable = False, kind == "name" and not _symbol(token, variables)
            if token.text in OPENINGS:
                raise refusal(token, f"the word {quoted(token.text)} has no place in an expression")
        elif wanted and kind not in ("+", "-", "not"):
            raise _expected("a number, a name or '('", token)
        elif not wanted:
            wanted = kind in BINARY or (kind in (",", "=") and call) or kind == "."
            if not wanted and (kind != "end" or opened):
                raise _misplaced(token, bool(opened), call)
            if kind != "." and not _raised(token):
                bound[-1] = kind if kind in ("/", "**") else ""
        if len(opened) > DEEPEST:
            raise refusal(token, f"expected at most {DEEPEST} nested levels")
        before = token
        scanned.append(token)
    return scanned


def _raised(token: Token) -> bool:
    """A raised exponent: where it ends is seen."""
    return token.kind == "**" and token.text not in ("**", "^")


def _symbol(token: Token, variables: tuple[str, ...]) -> bool:
    """The name of a number, which is never called."""
    return NAMED.get(token.text, token.text) in (*variables, *NUMBERS)


def _multiplied(before: Token, token: Token, variables: tuple[str, ...], callable: bool) -> bool:
    """A * is left out between two tokens: 2z, z tanh(z), z(1 - z), (1 + z)(1 - z)."""
    if token.kind not in ("name", "(") or callable and token.kind == "(":
        return False
    return before.kind in ("number", ")") or (before.kind == "name" and _symbol(before, variables))


def _times(before: Token, token: Token, bound: str) -> Token:
    """The * in front of a token."""
    if "e" in (before.text, token.text):
        raise refusal(token, "expected * beside 'e': without it 'e' may be part of a number")
    if bound:
        reason = f"expected * before {quoted(token.text)}: after / or ** it may be read in two ways"
        raise refusal(token, reason)
    return Token("*", token.text, token.position)


def _misplaced(token: Token, enclosed: bool, call: bool) -> GrammarError:
    """What should stand in the place of a token that is no operator."""
    if token.kind == "=":
        return refusal(token, "write what stands on the right of '=' only")
    if token.kind == ":":
        return refusal(token, "write a if x > 0 else b, or where(x > 0, a, b)")
    if token.kind in ("number", "name", "string", "("):
        return _expected("an operator such as *", token)
    if not enclosed:
        return _expected("an operator or the end", token)
    return _expected("an operator, ',' or ')'" if call else "an operator or ')'", token)
