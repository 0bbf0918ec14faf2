"""The comparisons that the claims share: they accept the law, and reject it as
soon as it is wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic.compile import activation
from tests.strategies import handful
from theory.pulse.network import g
from theory.pulse.plateau import plateau_response, slope
from theory.pulse.signal import phi
from theory.pulse.subpixel import deviation, subpixel_response
from verify.models.networks import measure
from verify.models.problem import Setting
from verify.pulse.compare import check_response, law_response, plateau_cells, train_response
from verify.report.lab import TINY, Lab

SETTINGS = (Setting("relu", 2, 3, 0, 2, 4), Setting("tanh", 1, 5, 0, 2, 4))
# Few networks, but enough draws for two of every activation: ten see one and three taps only.
LAB = Lab(dataclasses.replace(TINY, draws=40))
FEW = Lab(TINY)


def on_plateau(n: int) -> range:
    return range(n // 2 + 1, n // 2 + 5)


WRONG: dict[str, Callable[[int, int], sp.Expr]] = {
    "sign of Δ": lambda n, m: subpixel_response(n) - 4 * plateau_response(1),
    "one background more": lambda n, m: subpixel_response(n) + g(sp.Integer(0)),
    "sign of D": lambda n, m: plateau_response(n) - deviation(n),
    "half of D": lambda n, m: plateau_response(n) + deviation(n) / 2,
    "without D": lambda n, m: plateau_response(n),
    "r off by a half": lambda n, m: subpixel_response(n) + slope(),
    "φ for 1 - φ": lambda n, m: subpixel_response(n).xreplace({phi: 1 - phi}),
}


def right(n: int, m: int) -> sp.Expr:
    return subpixel_response(n)


def test_the_law_is_accepted() -> None:
    found = check_response(right, LAB, "test", on_plateau, fractions=True)
    assert (found.status, found.figure, found.tolerance) == ("holds", 0.0, 0.0)
    found = train_response(right, LAB, SETTINGS, fractions=True)
    assert found.status == "holds"
    assert 0 < found.figure <= 1


@pytest.mark.parametrize("key", WRONG)
def test_wrong_laws_are_rejected(key: str) -> None:
    assert check_response(WRONG[key], LAB, "test", on_plateau, fractions=True).status == "fails"
    found = train_response(WRONG[key], LAB, SETTINGS, fractions=True)
    assert found.status == "fails"
    assert found.figure > 1e6  # no matter of rounding


@handful  # every example compiles a law of its own
@given(st.integers(1, 40))
def test_a_change_far_above_rounding_is_seen(power: int) -> None:
    """A term of 2^-power added to the law: exact cases see any, trained networks those above
    rounding.
    """

    def small(n: int, m: int) -> sp.Expr:
        return subpixel_response(n) + sp.Rational(1, 2**power)

    assert check_response(small, FEW, "test", on_plateau, fractions=True).status == "fails"
    found = train_response(small, LAB, SETTINGS, fractions=True)
    if power <= 20:
        assert found.status == "fails"


def test_half_integers_only() -> None:
    """The plateau law says nothing of fractions; where D is left out it still holds at φ = 0."""

    def cut(n: int, m: int) -> sp.Expr:
        return plateau_response(n)

    assert check_response(cut, LAB, "test", on_plateau, fractions=False).status == "holds"
    assert train_response(cut, LAB, SETTINGS, fractions=False).status == "holds"


def test_below_the_plateau_the_law_is_not_claimed() -> None:
    def below(n: int) -> range:
        return range(1, n // 2 + 2)

    assert check_response(right, LAB, "test", below, fractions=True).status == "fails"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.activation)
def test_law_response_has_one_entry_per_feature(setting: Setting) -> None:
    ensemble = LAB.ensemble(setting)
    found = law_response(right, ensemble)
    features = measure(ensemble).pooled
    assert found.shape == features.shape
    size = setting.pixels
    background = activation(setting.activation)[0](ensemble.b)
    # Far from rounding, far from another order of networks, radii or channels.
    assert np.max(np.abs(features - size * background[:, None, :] - found)) < 1e-9


@pytest.mark.parametrize("n", [1, 3, 5, 7, 9, 21])
def test_the_first_cells_of_the_plateau(n: int) -> None:
    """From r = n/2, where every tap is lit at once: m - 1/2 is the first radius of a cell."""
    cells = plateau_cells(n)
    assert [2 * m - 1 for m in cells] == [n, n + 2, n + 4, n + 6]
