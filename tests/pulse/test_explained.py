"""The explanation of one trained network: its numbers are those of its ending, and a reader sees
every weight.
"""

from __future__ import annotations

import numpy as np
import pytest

from verify.models.problem import Setting
from verify.optimise.ensemble import train_ensemble
from verify.pulse.classify import classify
from verify.pulse.explained import explained, held, section


@pytest.fixture(scope="module")
def ensemble():
    return train_ensemble(Setting("relu", 1, 5), 30, 0)


def on_the_border(ensemble, j: int) -> bool:
    """A partial sum of network j is -b but for rounding: in a linear cell training has stopped at
    its wall.
    """
    w, b = ensemble.w[j, 0], ensemble.b[j, 0]
    sums = np.concatenate([np.cumsum(side) for side in (w, w[::-1])])
    return bool(np.min(np.abs(sums + b)) < 1e-12)


def test_parts_add_up_and_the_worst_error_is_that_of_the_ending(ensemble) -> None:
    for j, ending in enumerate(classify(ensemble)):
        found = explained(ensemble, j)
        assert sum(found.loss.exact_parts.values()) == found.loss.exact
        assert found.worst_error.about == pytest.approx(ending.between, abs=1e-9)


def test_exact_networks_have_the_derived_weights(ensemble) -> None:
    """The readout that theory gives, and taps that are held by a partial sum that is -b."""
    exact = [(j, e) for j, e in enumerate(classify(ensemble)) if e.kind == "exact"]
    assert exact
    threshold = 0
    for j, ending in exact:
        found = explained(ensemble, j)
        assert found.explained and found.cell == ending.cell
        for weight in found.weights:
            if weight.residual is not None:
                assert weight.residual == pytest.approx(0, abs=1e-9)
        held = any(weight.role == "puts a partial sum on the kink" for weight in found.weights)
        assert held or ending.cell == "linear"
        assert not held or on_the_border(ensemble, j)
        threshold += ending.cell == "threshold"
    assert threshold


def test_held_taps_satisfy_their_equations(ensemble) -> None:
    """A threshold cell holds a partial sum at -b, a linear one only at its border; the trained taps
    are that close.
    """
    for j, ending in enumerate(classify(ensemble)):
        if ending.kind != "exact":
            continue
        exact = explained(ensemble, j).exact
        assert exact is not None and (held(exact) or ending.cell == "linear")
        assert not held(exact) or on_the_border(ensemble, j)
        w = dict(zip(range(-2, 3), ensemble.w[j, 0], strict=True))
        for text in held(exact):
            members = text.split(" = ")[1].split(" + ")
            total = sum(w[int(name[2:-1])] for name in members)
            assert total == pytest.approx(-ensemble.b[j, 0], rel=1e-9)


def test_markup_names_every_weight(ensemble) -> None:
    endings = classify(ensemble)
    page = section(ensemble, endings[0], 0, "test")
    for place in ("conv.weight 0,0,4", "conv.bias 0", "readout.weight 0,0", "readout.bias 0"):
        assert f'scope="row">{place}<' in page
    assert page.count("<svg") == 2 and 'id="test-weights"' in page
    failed = next(j for j, ending in enumerate(endings) if ending.kind in ("blind", "dead"))
    page = section(ensemble, endings[failed], failed, "test")
    assert "It is not exact: it errs by up to" in page and "not explained" not in page
