"""What a claim's module may add to the report: pictures, and parts of the page."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Figure", "Section"]


@dataclass(frozen=True)
class Figure:
    """A picture of the report.

    Attributes
    ----------
    id: unique in the report; begins with the claim's name.
    title: a few words.
    caption: sentences, formulas between dollar signs: what is drawn and what to see.
    svg: an ``<svg>`` element from :func:`verify.report.figures.figure_svg`.
    """

    id: str
    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Section:
    """A part of the page that a claim's module writes itself (``sections(lab)``).

    It stands folded below its claim.

    Attributes
    ----------
    id: unique in the report; begins with the claim's name.
    title: plain text.
    html: trusted markup, made by a template that escapes what it is given.
    first: it opens the report, before the chapters, unfolded.
    """

    id: str
    title: str
    html: str
    first: bool = False
