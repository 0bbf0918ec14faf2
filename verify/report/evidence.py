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

__all__ = ["Evidence"]

L = TypeVar("L")


@dataclass(frozen=True)
class Evidence(Generic[L]):
    """The constant ``EVIDENCE`` at the end of ``verify/<chapter>/claims/<name>.py``.

    Attributes
    ----------
    check: the law against an independent computation.
    train: the law against trained networks.
    needs: the settings whose ensembles will be asked for; they are trained ahead, side by side.
    figures, sections: pictures and parts of the page, drawn after the verdict.
    """

    check: Callable[[L, Lab], Column]
    train: Callable[[L, Lab], Column]
    needs: Callable[[Profile], Sequence[Setting]] = lambda profile: ()
    figures: Callable[[Lab], Iterable[Figure]] = lambda lab: ()
    sections: Callable[[Lab], Iterable[Section]] = lambda lab: ()
