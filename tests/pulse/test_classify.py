"""Every trained network has one ending, and it is what its name says."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.pulse.least_loss import dead_level
from numerics.pulse.sample import pulse, windows
from tests.gradients import gradient_rounding
from theory.pulse.endings import blind_floor
from verify.models.networks import measure
from verify.models.problem import Ensemble, NetworkBatch, Setting, initial
from verify.optimise.ensemble import train_ensemble
from verify.optimise.stationary import Descent
from verify.pulse.classify import KINDS, RESOLUTION, Look, classify, wilson
from verify.pulse.settings import CENSUS

RELU = Setting("relu", 1, 5)


@pytest.fixture(scope="module")
def trained() -> Ensemble:
    return train_ensemble(RELU, 40, 0)


def test_every_start_has_one_explained_ending(trained) -> None:
    endings = classify(trained)
    assert len(endings) == 40
    assert {ending.kind for ending in endings} <= set(KINDS)
    assert all(ending.explained for ending in endings)
    # The two most frequent endings of one ReLU channel.
    assert {"exact", "dead"} <= {ending.kind for ending in endings}


def test_exact_and_dead_networks_are_what_their_names_say(trained) -> None:
    measured = measure(trained)
    r = RELU.radii.r
    for j, ending in enumerate(classify(trained)):
        if ending.kind == "exact":
            assert ending.level == 0
            assert np.allclose(measured.prediction[j], r, rtol=0, atol=1e-9)
            assert ending.cell in ("linear", "threshold")
        if ending.kind == "dead":
            assert ending.level == dead_level(RELU.radii)
            assert np.ptp(measured.prediction[j]) < 1e-9


def test_single_channels_never_interpolate_nor_balance() -> None:
    """With one channel all bends have one sign: right on the samples is right everywhere."""
    for name in ("relu", "leaky_relu", "abs"):
        endings = classify(train_ensemble(Setting(name, 1, 3), 60, 5))
        assert not [e for e in endings if e.kind == "interpolating" or e.cell == "balanced"]


def _as_ensemble(setting: Setting, weights: NetworkBatch, like: Ensemble) -> Ensemble:
    """Weights presented as if the trainer had ended there: it says converged, whatever they are."""
    seen = windows(pulse(setting.radii.r, setting.radii.half_length(setting.taps)), setting.taps)
    pattern = np.sign(weights.w @ seen.windows.T + weights.b[..., None]).astype(np.int8)
    return replace(like, w=weights.w, b=weights.b, a=weights.a, c=weights.c, pattern=pattern)


def test_an_unfinished_trainer_is_caught(trained) -> None:
    """Random starts with the gradient and the signs that they really have are not explained."""
    start = initial(RELU, 40, 0)
    fake = _as_ensemble(RELU, start, trained)
    assert sum(not ending.explained for ending in classify(fake)) >= 35


def test_a_slightly_wrong_weight_is_caught(trained) -> None:
    exact = [j for j, ending in enumerate(classify(trained)) if ending.kind == "exact"]
    weights = trained.weights
    moved = NetworkBatch(weights.w, weights.b, weights.a * (1 + 1e-7), weights.c)
    endings = classify(_as_ensemble(RELU, moved, trained))
    assert exact
    assert all(not endings[j].explained for j in exact)


def test_gradient_bound_is_small(trained) -> None:
    """The bound that separates converged from not converged is far below any real gradient."""
    assert np.max(gradient_rounding(RELU, trained.weights)) < 1e-6


def test_a_ridge_is_no_ending() -> None:
    """abs at w = b = 0: both sides descend, though Clarke's subdifferential contains 0."""
    setting = Setting("abs", 1, 3)
    like = train_ensemble(setting, 1, 0)
    ridge = NetworkBatch(
        np.zeros((1, 1, 3)), np.zeros((1, 1)), np.ones((1, 1)), np.array([np.mean(setting.radii.r)])
    )
    (ending,) = classify(_as_ensemble(setting, ridge, like))
    assert ending.kind == "not converged"
    assert not ending.explained


def test_huge_weights_that_cancel_are_not_judged() -> None:
    """A constant answer made of 1e13 - 1e13: its rounding exceeds any loss."""
    setting = Setting("relu", 2, 3)
    like = train_ensemble(setting, 1, 0)
    huge = NetworkBatch(
        np.zeros((1, 2, 3)), np.full((1, 2), 1e13), np.array([[1.0, -1.0]]), np.array([3.5])
    )
    (ending,) = classify(_as_ensemble(setting, huge, like))
    assert not ending.explained


def test_what_the_trainer_says_is_not_used(trained) -> None:
    """Other signs, other held kinks, no convergence: the classification stays the same."""
    liar = replace(
        trained,
        pattern=-trained.pattern,
        held=tuple(() for _ in trained.held),
        stationary=~trained.stationary,
        gradient=trained.gradient + 1,
    )
    assert classify(liar) == classify(trained)


@given(st.integers(1, 500), st.data())
def test_wilson_interval_contains_the_share(total, data) -> None:
    count = data.draw(st.integers(0, total))
    low, high = wilson(count, total)
    assert 0 <= low <= count / total + 1e-12
    assert count / total - 1e-12 <= high <= 1
    assert low < high


@pytest.mark.thorough
@pytest.mark.parametrize("setting", CENSUS, ids=str)
def test_census_leaves_nothing_unexplained(setting) -> None:
    """Two hundred starts of a seed that no report uses."""
    endings = classify(train_ensemble(setting, 200, 20260))
    floor = float(blind_floor(Fraction(setting.cells)))
    assert [e for e in endings if not e.explained] == []
    assert all(e.loss >= floor - e.tolerance for e in endings if e.kind == "blind")


TINY = 2.0**-30
"""B, the rounding of an answer, here the same at every radius."""
AT = {"loss": TINY**2, "laws": 4 * TINY, "between": 2 * TINY, "whole": 1.0, "within": 1.0}
FAR = {**AT, "laws": 1.0, "whole": 4 * TINY, "within": 4 * TINY, "slope": -1.0}
MORE = 1 + 2.0**-40


@pytest.mark.parametrize(
    ("figures", "kind"),
    [
        (AT, "exact"),
        ({**AT, "between": 2 * TINY * MORE}, "interpolating"),
        ({**AT, "laws": 4 * TINY * MORE}, "thresholded"),
        ({**AT, "loss": TINY**2 * MORE}, "thresholded"),
        ({**AT, "loss": TINY**2 * MORE, "held": True}, "pinned"),
        ({**AT, "most": RESOLUTION * MORE}, "not converged"),
        ({**AT, "slope": -MORE}, "not converged"),
        (FAR, "dead"),
        ({**FAR, "within": 4 * TINY * MORE}, "blind"),
        ({**FAR, "whole": 4 * TINY * MORE}, "thresholded"),
        ({**FAR, "whole": 4 * TINY * MORE, "held": True}, "pinned"),
    ],
)
def test_each_kind_begins_where_the_rounding_ends(figures: dict[str, float], kind: str) -> None:
    """Figures at the border belong to the kind, those beyond do not."""

    def one(name: str, otherwise: float = 0.0) -> np.ndarray:
        return np.array([figures.get(name, otherwise)])

    way = Descent(figures.get("slope", 0.0), 1.0, bool(figures.get("held", False)))
    none = np.zeros((1, 0))
    looked = Look(
        none.astype(np.int8),
        np.array([TINY]),
        one("most", TINY),
        one("between"),
        one("laws"),
        one("whole"),
        one("within"),
        none.astype(bool),
        [way],
    )
    assert looked.kind(0, figures["loss"]) == kind
