"""Enclosures of the error at every radius contain a dense scan."""

from __future__ import annotations

import numpy as np
import pytest

from numerics.disk.perimeter_enclosure import filter_of
from numerics.disk.supremum import disk_supremum
from tests.disk_accounts import STEP
from verify.explain.disk_facts import features
from verify.explain.images import image_error
from verify.explain.text import error_in_words

CASES = (
    "abs",
    "relu",
    "hardtanh",
    "tanh",
    "softplus",
    "gelu",
    "elu",
    "square",
    "hardshrink",
    "threshold",
)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("steep", [1.0, 20.0])
def test_a_dense_scan_lies_in_the_bound(name: str, steep: float) -> None:
    """Random channels with the best readout: 12000 radii, none beyond the bound, and the bound 2 %
    above the worst of them at most.
    """
    rng = np.random.default_rng(len(name))
    w, b = steep * rng.normal(size=(2, 3, 3)), rng.normal(size=2) / 4
    r, dense = np.linspace(3, 6, 97), np.linspace(3, 6, 12001)
    many = features(w, b, name, dense)
    design = np.column_stack([features(w, b, name, r), np.ones(len(r))])
    *a, offset = np.linalg.lstsq(design, r, rcond=None)[0].tolist()
    edges = tuple(filter_of(taps, float(bias), name) for taps, bias in zip(w, b, strict=True))
    found = disk_supremum(edges, np.array(a), offset, r, 1e-3, 1e9)
    scanned = float(np.max(np.abs(many @ a + offset - dense)))
    assert found.bound is not None
    assert max(scanned, float(np.max(np.abs(found.error)))) <= found.bound
    assert found.bound <= 1.02 * max(scanned, float(np.max(np.abs(found.error)))) + 1e-9
    # What was computed on the way are the errors, in another order of summation.
    again = features(w, b, name, found.r[::7]) @ a + offset - found.r[::7]
    jumps = name in ("hardshrink", "threshold")
    assert np.mean(np.abs(found.error[::7] - again) > 1e-8) <= 0.02 * jumps


def test_too_much_work_is_said() -> None:
    """Without work there is no bound, and the headline says of which radii it speaks."""
    edge = filter_of(STEP, 0.0, "abs")
    none = disk_supremum((edge,), np.array([0.25]), 0.0, np.linspace(3, 10, 225), 0.01, 1e3)
    assert none.bound is None and len(none.r) == 0
    r, error = np.full(225, 4.0), np.full(225, -0.003)
    found = image_error(r, error, None, 0.01)
    assert not found.certified and "at the sampled radii, 225 of them" in error_in_words(found)
    assert "every" not in error_in_words(found)
    some = image_error(r, error, 0.7001, 0.01)
    assert not some.certified
    assert error_in_words(some).endswith("by 0.701 at most at every radius")
