"""What a law of disks asks of an arithmetic beside the four operations: square roots, arcs,
logarithms.

sympy, mpmath, numpy and the arithmetics that numerics brings have them under the same names.
"""

from __future__ import annotations

from typing import Any, Protocol

from theory.types import Scalar

__all__ = ["Circle", "Logarithms", "Roots"]


class Roots(Protocol):
    """An arithmetic with square roots."""

    def sqrt(self, x: Any, /) -> Any:
        """√x for x >= 0."""


class Circle(Roots, Protocol):
    """An arithmetic with square roots, arcs and π."""

    def asin(self, x: Any, /) -> Any:
        """The arc whose sine is x, for -1 <= x <= 1."""

    @property
    def pi(self) -> Scalar:
        """π."""


class Logarithms(Roots, Protocol):
    """An arithmetic with square roots and logarithms, and a way to write a fraction."""

    def asinh(self, x: Any, /) -> Any:
        """The number whose hyperbolic sine is x."""

    def number(self, x: Any, /) -> Any:
        """A whole number or a fraction in this arithmetic."""
