"""The areas of pixels that the searches on disks rest on, and their counterexamples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from numerics.disk.disk import disk
from verify.counterexamples.catalogue import searched
from verify.counterexamples.disk import area


@pytest.mark.parametrize("r", [0.25, 0.5, 0.6, 1.0, 1.5, 2.5, 3.2])
def test_areas_are_those_of_the_closed_form(r: float) -> None:
    span = range(-4, 5)
    areas = np.array([[area(i, j, r) for j in span] for i in span])
    np.testing.assert_allclose(areas, np.reshape(disk([r], 4), areas.shape), atol=1e-12)
    np.testing.assert_allclose(areas.sum(), math.pi * r * r, atol=1e-12)


def test_the_crest_does_not_ask_for_a_short_step() -> None:
    """Along a line the area of a pixel inside the disk is unimodal, for a convex body."""
    outcome = next(o for r in searched("perimeter") for o in r.outcomes if "another e" in o.instead)
    assert outcome.case is None and outcome.tried >= 8
