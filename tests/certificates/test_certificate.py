"""What is certified, and what is not."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.certified import RELU, made

F = Fraction


@pytest.mark.parametrize("name", ["hardshrink", "threshold"])
def test_jumps_are_not_certified(name: str) -> None:
    with pytest.raises(ValueError, match="without jumps"):
        made((name, *RELU[1:]), F(1, 2), F(4))


def test_one_radius_is_not_certified() -> None:
    with pytest.raises(ValueError, match="interval of radii"):
        made(RELU, F(2), F(2))
