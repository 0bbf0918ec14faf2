"""The paddings and the cases of the chapter on pulses, against numpy's."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
import pytest

from numerics.arithmetic import oracle
from verify.counterexamples.pulse import Filter, border
from verify.counterexamples.search import text

X = [3, 1, 4, 1, 5, 9, 2]
W = [2, 7, 1, 8, 2]


@pytest.mark.parametrize(
    ("name", "mode"),
    [("replicate", "edge"), ("reflect", "reflect"), ("a ring", "wrap"), ("zeros", "constant")],
)
def test_paddings_are_those_of_numpy(
    name: str, mode: Literal["edge", "reflect", "wrap", "constant"]
) -> None:
    padded = np.pad(X, 2, mode=mode)
    assert border(name, W, 1, X) == (np.correlate(padded, W, "valid") + 1).tolist()


def test_without_padding_the_filter_lies_inside() -> None:
    assert border("none", W, 0, X) == np.correlate(X, W, "valid").tolist()


def test_a_filter_knows_its_cell() -> None:
    case = Filter(7, (1, 0, 2), -1, "relu", "zeros", Fraction(7, 4))
    assert (case.h, case.m, case.phi) == (1, 2, Fraction(1, 4))
    assert case.g(3) == 2
    assert oracle.overlap_pulse(case.r, 3)[1] == case.phi
    assert text(case).startswith("N = 7, w = (1, 0, 2)")
