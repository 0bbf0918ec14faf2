"""The smallest counterexample when one hypothesis of a claim is dropped.

A :class:`Search` lists cases in the order of their size and says of each which hypotheses hold.
One pass decides all of them.  A case that breaks none has to obey the law; of the cases that break
one hypothesis alone the first that disobeys is the counterexample, and no smaller one exists, since
all that come before it were tried.  What is true comes from the definitions, in exact arithmetic
where nothing else is said, never from the code of the law.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

__all__ = [
    "Case",
    "Hypothesis",
    "Outcome",
    "Search",
    "Searched",
    "at_least",
    "close",
    "grid",
    "ordered",
    "sums",
    "text",
]

CONTROLS = 10
"""So many cases with all hypotheses are tried at least, where there are so many."""


# --- cases --------------------------------------------------------------------------------------

SHOWN = {"sigma": "σ", "eta": "η", "beta": "β", "alpha": "α", "radii": "r"}
"""Values that are shown by another name."""
LARGEST = 10**6
"""Fractions with a larger denominator are shown as decimals."""


class Case(SimpleNamespace):
    """Values by their names, shown in this order; what follows from them is a property."""

    def but(self, **values: Any) -> Self:
        """The same with other values, or with more."""
        return type(self)(**{**vars(self), **values})

    def __str__(self) -> str:
        return ", ".join(f"{SHOWN.get(n, n)} = {text(v)}" for n, v in vars(self).items())


C = Any
"""A case: of a class with properties, or a number in tests."""


def grid(cases: Iterable[Case] = (Case(),), **axes: Any) -> Iterator[Any]:
    """Each case with a value from each axis, the last axis fastest; an axis may be a function of
    the case so far.
    """
    if not axes:
        yield from cases
        return
    (name, axis), *others = axes.items()
    for case in cases:
        longer = (case.but(**{name: v}) for v in (axis(case) if callable(axis) else axis))
        yield from grid(longer, **dict(others))


def ordered(count: int, most: int) -> Iterator[tuple[int, ...]]:
    """All vectors of so many integers: by the sum of absolute values, up to ``most``, then in
    lexicographic order.
    """

    def exactly(count: int, total: int) -> Iterator[tuple[int, ...]]:
        if count == 0:
            if total == 0:
                yield ()
            return
        for first in range(-total, total + 1):
            for rest in exactly(count - 1, total - abs(first)):
                yield (first, *rest)

    for total in range(most + 1):
        yield from exactly(count, total)


def sums(what: str, most: int | str) -> str:
    """The order of :func:`ordered`, in words."""
    return f"the sum of the absolute values of {what} up to {most}, these in lexicographic order"


def text(value: Any) -> str:
    """A value in plain text: fractions as p/q, if they are short, tuples in parentheses."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(text, value))})"
    if isinstance(value, Fraction) and value.denominator > LARGEST:
        if not float(value):
            size = value.numerator.bit_length() - value.denominator.bit_length()
            return f"about 2 to the power {size}"
        value = float(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None else str(value)


# --- how a law is obeyed ------------------------------------------------------------------------


def at_least(law: Any, truth: Any) -> bool:
    """A law that is a lower bound."""
    return bool(truth >= law)


def close(same: float) -> Callable[[Any, Any], bool]:
    """A law in floats: equal up to this part or this size; words equal themselves."""

    def agree(law: Any, truth: Any) -> bool:
        if isinstance(law, str) or isinstance(truth, str):
            return bool(law == truth)
        return bool(np.allclose(law, truth, rtol=same, atol=same))

    return agree


# --- the search ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hypothesis:
    """What a claim asks for, and what is tried in its place.

    Attributes
    ----------
    words: a part of one of the claim's assumptions, letter for letter; … stands for what lies
        between.
    instead: what the cases that break it do.
    holds: whether a case satisfies it.
    kept: why the claim asks for it although the law goes on to hold without it, as far as searched.
    """

    words: str
    instead: str
    holds: Callable[[C], bool]
    kept: str = ""


@dataclass(frozen=True)
class Outcome:
    """A hypothesis dropped: the first case that then disobeys the law, if any.

    Attributes
    ----------
    tried: the cases that break this hypothesis and no other, the counterexample included.
    """

    words: str
    instead: str
    kept: str
    tried: int
    case: Any = None
    law: Any = None
    truth: Any = None


@dataclass(frozen=True)
class Searched:
    """What one pass found: an outcome for each hypothesis, and the control.

    Attributes
    ----------
    kept: the cases with all hypotheses, tried on the way.
    refuting: those of them that disobey the law; there should be none.
    """

    outcomes: tuple[Outcome, ...]
    kept: int
    refuting: tuple[Any, ...]


@dataclass(frozen=True)
class Search:
    """Cases of one formula of a claim, its hypotheses, what the law says and what is true.

    Attributes
    ----------
    claim: the claim's name.
    formula: what is tried, in words.
    order: how the cases are ordered, and how far they go, in words.
    cases: them, the smallest first.
    law, truth: of a case; the second shares no code with the first.
    agree: whether the two are the same.
    """

    claim: str
    formula: str
    order: str
    cases: Callable[[], Iterable[C]]
    hypotheses: tuple[Hypothesis, ...]
    law: Callable[[C], Any]
    truth: Callable[[C], Any]
    agree: Callable[[Any, Any], bool] = operator.eq

    def run(self) -> Searched:
        """One pass over the cases; it ends early once each hypothesis has its counterexample and
        some cases have shown that with all of them the law holds.
        """
        tried = [0] * len(self.hypotheses)
        first: dict[int, tuple[C, Any, Any]] = {}
        kept, refuting = 0, []
        for case in self.cases():
            if len(first) == len(self.hypotheses) and kept >= CONTROLS:
                break
            broken = [j for j, h in enumerate(self.hypotheses) if not h.holds(case)]
            if len(broken) > 1 or (broken and broken[0] in first):
                continue
            claimed, true = self.law(case), self.truth(case)
            disobeys = not self.agree(claimed, true)
            if not broken:
                kept += 1
                refuting += [case] if disobeys else []
                continue
            tried[broken[0]] += 1
            if disobeys:
                first[broken[0]] = (case, claimed, true)
        outcomes = tuple(
            Outcome(h.words, h.instead, h.kept, count, *first.get(j, ()))
            for j, (h, count) in enumerate(zip(self.hypotheses, tried, strict=True))
        )
        return Searched(outcomes, kept, tuple(refuting))
