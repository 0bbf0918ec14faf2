"""How good a network is in one word, and what that word is decided by: its worst error and the nearest exact network.

    exact         it errs by 0 at every real radius
    near exact    it errs by little, and an exact network is near
    accurate      it errs by little, and no exact network near it is known
    off           it errs by more

docs/network.md says why little and near are what they are.
"""

from __future__ import annotations

from fractions import Fraction

__all__ = ["GRADES", "LITTLE", "graded"]

GRADES = ("exact", "near exact", "accurate", "off")
"""The best one first."""
LITTLE = Fraction(1, 10)
"""Of a pixel for the error, of its length for the distance to the exact network; a tolerance above this takes its place."""


def graded(
    worst: Fraction | float, needed: Fraction | None, tolerance: Fraction, *, exact: bool
) -> str:
    """The grade of a network that errs by ``worst`` pixels and is explained from the tolerance ``needed`` on, None if from none."""
    limit = max(tolerance, LITTLE)
    if exact:
        return "exact"
    if needed is not None and needed <= limit:
        return "near exact"
    return "accurate" if worst <= limit else "off"
