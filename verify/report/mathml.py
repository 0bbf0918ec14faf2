"""LaTeX to MathML, checked: a command that the converter does not know is an error.

MathML is drawn by the browser itself, so a report needs no scripts, and brings its font along.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import unescape

from latex2mathml.converter import convert
from markupsafe import Markup, escape

__all__ = ["display", "formula", "prose"]

ENDS = {")", "]", "}", "|", "!", "\N{DOUBLE VERTICAL LINE}", "\N{HORIZONTAL ELLIPSIS}"}
"""A minus after one of these operators stands between two terms; after any other it is a sign."""

OPENING, CLOSING = {"{", r"\begin", r"\left"}, {"}", r"\end", r"\right"}


def formula(latex: str, *, block: bool = False) -> Markup:
    """One LaTeX formula, without dollar signs, as a ``<math>`` element with its source as alttext.

    Raises
    ------
    ValueError: the formula is empty, malformed, or uses a command that the converter does not know.
    """
    if not latex.strip():
        raise ValueError("an empty formula")
    bare = re.sub(r"\\.", "", latex, flags=re.DOTALL)
    if bare.count("{") != bare.count("}"):  # the converter would guess where the brace belongs
        raise ValueError(f"unbalanced braces: {latex!r}")
    try:
        source = _spaced(convert(latex, display="block" if block else "inline"))
        tree = ET.fromstring(source)
    except Exception as error:  # the converter raises a dozen unrelated classes
        raise ValueError(f"not rendered: {latex!r} ({type(error).__name__})") from error
    unknown = sorted(
        {t for t in ("".join(e.itertext()) for e in tree.iter()) if t.startswith("\\")}
    )
    if unknown:
        raise ValueError(f"not rendered: {unknown[0]!r} in {latex!r}")
    spoken = escape(" ".join(latex.split()))
    return Markup(source.replace("<math ", f'<math alttext="{spoken}" ', 1))


def _spaced(source: str) -> str:
    """Spaces as LaTeX sets them: none around infinity, a bar, or a minus that is a sign."""
    source = source.replace("<mo>&#x0221E;</mo>", "<mi>&#x0221E;</mi>")
    source = re.sub(r"<mo([^>]*>(?:&#x0007C;|\|)</mo>)", r'<mo lspace="0" rspace="0"\1', source)
    return re.sub(
        r"(<mo[^>]*>([^<]*)</mo><mo)(?=>&#x02212;</mo>)",
        lambda mark: mark[1] if unescape(mark[2]) in ENDS else f'{mark[1]} form="prefix"',
        source,
    )


def display(latex: str, space: str = r"\qquad") -> Markup:
    r"""A displayed formula: a ``<math>`` for each part between two such spaces, to break there.

    Raises
    ------
    ValueError: :func:`formula` refuses one of the parts.
    """
    parts, depth, start = [], 0, 0
    for token in re.finditer(r"\\[A-Za-z]+|\\.|[{}]", latex, re.DOTALL):
        depth += (token[0] in OPENING) - (token[0] in CLOSING)
        if token[0] == space and depth == 0:
            parts.append(latex[start : token.start()])
            start = token.end()
    parts = [part for part in (*parts, latex[start:]) if part.strip()] or [latex]
    return Markup("").join(formula(part, block=True) for part in parts)


def prose(text: str) -> Markup:
    """A sentence with formulas between dollar signs; everything outside them is escaped.

    Raises
    ------
    ValueError: an odd number of dollar signs, or a formula that :func:`formula` refuses.
    """
    parts = re.split(r"(?<!\\)\$", text)
    if len(parts) % 2 == 0:
        raise ValueError(f"an odd number of dollar signs: {text!r}")
    drawn = Markup('<span class="math">{}</span>')  # one too wide for its line can scroll
    return Markup("").join(
        drawn.format(formula(p)) if i % 2 else escape(p.replace("\\$", "$"))
        for i, p in enumerate(parts)
    )
