"""The smallest counterexample when one hypothesis of a claim is dropped.

A :class:`Search` lists cases in the order of their size and says of each which hypotheses hold.
One pass decides all of them.  A case that breaks none has to obey the law; of the cases that break
one hypothesis alone the first that disobeys is the counterexample, and no smaller one exists, since
all that come before it were tried.  What is true comes from the definitions, in exact arithmetic
where nothing else is said, never from the code of the law.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Generic, TypeVar

__all__ = [
    "ASKS_NOTHING",
    "DEFINES",
    "NAMES",
    "STATES",
    "Case",
    "Hypothesis",
    "Outcome",
    "Search",
    "Searched",
    "at_least",
    "ordered",
    "text",
]

C = TypeVar("C")

CONTROLS = 10
"""So many cases with all hypotheses are tried at least, where there are so many."""
ASKS_NOTHING = "asks nothing"
"""Why a part of an assumption is not dropped: it says that something is arbitrary."""
DEFINES = "defines a symbol"
"""Why a part of an assumption is not dropped: there is nothing to drop."""
NAMES = "says which formula is meant"
"""Why a part of an assumption is not dropped: it is a heading."""
STATES = "is a part of the statement"
"""Why a part of an assumption is not dropped: it is concluded, not assumed."""


@dataclass(frozen=True)
class Hypothesis(Generic[C]):
    """What a claim asks for, and what is tried in its place.

    Attributes
    ----------
    words: a part of one of the claim's assumptions, letter for letter; … stands for what lies
        between.
    instead: what the cases that break it do.
    holds: whether a case satisfies it.
    needed: False where the law goes on to hold without it.
    """

    words: str
    instead: str
    holds: Callable[[C], bool]
    needed: bool = True


@dataclass(frozen=True)
class Outcome:
    """A hypothesis dropped: the first case that then disobeys the law, if any.

    Attributes
    ----------
    tried: the cases that break this hypothesis and no other, the counterexample included.
    """

    words: str
    instead: str
    needed: bool
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
class Search(Generic[C]):
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
    cases: Callable[[], Iterator[C]]
    hypotheses: tuple[Hypothesis[C], ...]
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
            Outcome(h.words, h.instead, h.needed, count, *first.get(j, ()))
            for j, (h, count) in enumerate(zip(self.hypotheses, tried, strict=True))
        )
        return Searched(outcomes, kept, tuple(refuting))


def at_least(law: Any, truth: Any) -> bool:
    """How a law that is a lower bound is obeyed."""
    return bool(truth >= law)


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


SHOWN = {"sigma": "σ", "eta": "η", "beta": "β", "alpha": "α", "radii": "r"}
"""Fields that are shown by another name."""


LARGEST = 10**6
"""Fractions with a larger denominator are shown as decimals."""


class Case:
    """The base of cases: dataclasses whose fields are shown by their names."""

    def __str__(self) -> str:
        shown: Sequence[Any] = fields(self)  # type: ignore[arg-type]
        names = [f.name for f in shown]
        return ", ".join(f"{SHOWN.get(n, n)} = {text(getattr(self, n))}" for n in names)


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
    if isinstance(value, Fraction | int | str):
        return str(value)
    return "none" if value is None else str(value)
