"""What a claim's module offers: its check, its training, and what the report shows beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from verify.report.page import Figure, Section
from verify.report.verdict import Column

if TYPE_CHECKING:
    from verify.models.problem import Setting
    from verify.report.lab import Lab, Profile

__all__ = ["Evidence", "Judge", "Judges"]

L = TypeVar("L")


@dataclass(frozen=True)
class Judge:
    """The computation that a column holds the law against, and what the two have in common.

    Attributes
    ----------
    words: one line: the computation, and what of the law it judges.
    by: its functions, classes or whole modules, by dotted names; none where a proof writes the
        definition out itself.
    shared: what both sides enter beyond the definitions of signal, σ and numbers, likewise.
    """

    words: str
    by: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judges:
    """Who judges the law in each column; tests/independence.py watches them at work."""

    proof: Judge
    check: Judge
    training: Judge


@dataclass(frozen=True)
class Evidence(Generic[L]):
    """The constant ``EVIDENCE`` at the end of ``verify/<chapter>/claims/<name>.py``.

    Attributes
    ----------
    check: the law against an independent computation.
    train: the law against trained networks.
    judges: what stands behind these and the proof, and knows nothing of the law.
    needs: the settings whose ensembles will be asked for; they are trained ahead, side by side.
    figures, sections: pictures and parts of the page, drawn after the verdict.
    """

    check: Callable[[L, Lab], Column]
    train: Callable[[L, Lab], Column]
    judges: Judges
    needs: Callable[[Profile], Sequence[Setting]] = lambda profile: ()
    figures: Callable[[Lab], Iterable[Figure]] = lambda lab: ()
    sections: Callable[[Lab], Iterable[Section]] = lambda lab: ()
