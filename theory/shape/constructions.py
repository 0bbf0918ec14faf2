"""Every construction, those first that can do with the fewest channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from theory.expressions.normal_form import Unsettled
from theory.expressions.pieces import Piece
from theory.shape.combinations import dilations, mirror, shifts
from theory.shape.polynomials import affine, polynomial
from theory.shape.recipes import Construction

__all__ = ["CONSTRUCTIONS", "constructions"]

CONSTRUCTIONS: tuple[tuple[int, Callable[[Piece], Iterator[Construction]]], ...] = (
    (1, affine),
    (1, polynomial),
    (1, shifts),
    (2, mirror),
    (2, dilations),
)
"""Each with the fewest channels that it can propose, in increasing order."""


def constructions(candidates: Sequence[Piece]) -> Iterator[tuple[int, Construction]]:
    """Every recipe that the shape of σ on one of the pieces suggests, with the fewest channels
    still to come.

    :func:`theory.shape.recipes.decide` says which of them are exact.
    """
    for fewest, construct in CONSTRUCTIONS:
        for piece in candidates:
            try:
                for construction in construct(piece):
                    yield fewest, construction
            except Unsettled:
                continue
