"""Where the theorems and claims stand that programs cite: a page of docs, and the anchor on it."""

from __future__ import annotations

from theory.claim import chapter_of

__all__ = ["THEOREMS", "statement", "theorem"]

_SHAPE = ("asymptotes", "exponentials", "nearest pole", "one exponential", "verticals")
THEOREMS = dict.fromkeys(_SHAPE, "shape/shape") | {
    "chain of contrasts": "invariance/atlas",
    "large rings": "invariance/pair",
    "no quotient": "invariance/contrast",
    "one kink": "pulse/kinks",
    "price of invariance": "invariance/background",
    "quiet channel": "invariance/contrast",
    "small radii": "pulse/small_radius",
}
"""The page of each theorem that is cited, by its name; docs/theorems.md lists them all."""


def theorem(name: str) -> str:
    """``docs/shape/shape.md#theorem-nearest-pole`` for the theorem *nearest pole*.

    Raises
    ------
    KeyError: the theorem is not in the table.
    """
    return f"docs/{THEOREMS[name]}.md#theorem-{name.replace(' ', '-')}"


def statement(claim: str) -> str:
    """``docs/training/flow.md#claim-flow`` for the claim *flow*.

    Raises
    ------
    ValueError: there is no such claim.
    """
    return f"docs/{chapter_of(claim)}/{claim}.md#claim-{claim}"
