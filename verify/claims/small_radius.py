"""The small-radius laws on random networks, and on networks trained down to radius 1/2."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from verify.compare import check_response, train_response
from verify.ensemble import Setting
from verify.lab import Lab, Profile
from verify.settings import EVERY_RADIUS
from verify.verdict import Column

__all__ = ["NEEDS", "check", "train"]

Law = Callable[[int, int], sp.Expr]


def NEEDS(profile: Profile) -> tuple[Setting, ...]:
    """The ensembles trained on every radius."""
    return EVERY_RADIUS


def check(law: Law, lab: Lab) -> Column:
    """Law against direct simulation at every radius from 1/2 to the first plateau cell."""
    cells = lambda n: range(1, n // 2 + 2)
    return check_response(law, lab, "small_radius", cells, fractions=True)


def train(law: Law, lab: Lab) -> Column:
    """Law against the features of torch modules that were trained on every radius."""
    return train_response(law, lab, EVERY_RADIUS, fractions=True)
