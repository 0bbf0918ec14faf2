"""The small-radius laws on random networks, and on networks trained down to radius 1/2."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sympy as sp

from verify.certified import agrees
from verify.compare import check_response, train_response
from verify.ensemble import Ensemble, Setting
from verify.lab import Lab, Profile
from verify.settings import EVERY_RADIUS
from verify.verdict import Column, column

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
    """Law against the features of torch modules that were trained on every radius; certificates of some of them."""
    found = train_response(law, lab, EVERY_RADIUS, fractions=True)
    certified = [_certified(lab.ensemble(setting)) for setting in EVERY_RADIUS]
    held, networks = sum(certified), CERTIFIED * len(certified)
    detail = f"{found.detail}; {held} of {networks} certificates over every real radius from 1/2 on were accepted, and torch errs as they say"
    return column(found.figure if held == networks else float("inf"), found.tolerance, detail)


CERTIFIED = 4
"""Networks per setting that get a certificate."""


@lru_cache(maxsize=64)
def _certified(ensemble: Ensemble) -> int:
    """How many of the first certificates are accepted, torch erring by as much at the radius that they name."""
    return sum(agrees(ensemble.setting, ensemble.weights, j) is not None for j in range(CERTIFIED))
