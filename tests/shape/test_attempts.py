"""Exact, interpolating and nearly exact networks are told apart: by enclosures, and by training
with long numbers.
"""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import sympy as sp

from numerics.pulse.error_enclosure import error_ball
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.network import Network
from theory.shape.classify import Classification, classify
from theory.shape.recipes import Recipe
from theory.shape.shape import CLAIM, LAW
from verify.models.problem import Ensemble, NetworkBatch, Setting, initial
from verify.optimise.ensemble import train_ensemble
from verify.report.lab import PROFILES, TINY, Lab
from verify.shape import attempts
from verify.shape.attempts import (
    KINDS,
    TAPS,
    Reached,
    by_torch,
    counts,
    look,
    near,
    net_of,
    refined,
    settings,
)
from verify.shape.claims import shape as claim_module

FEW = Setting("sigmoid", 1, TAPS, first=2, cells=3, per_cell=4)


@pytest.fixture(scope="module")
def sigmoid() -> Ensemble:
    return train_ensemble(FEW, 16, 1)


# --- settings ---------------------------------------------------------------------------------


def test_channels() -> None:
    assert counts("relu") == counts("exp") == (1, 2)
    assert counts("square") == counts("cube") == (1, 2, 3)
    assert counts("identity") == (1, 2)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_at_least_two_hundred_networks_from_different_starts(profile: Any) -> None:
    for name in ACTIVATIONS:
        for channels in counts(name):
            chosen = settings(name, channels, profile)
            assert sum(s.share * profile.networks for s in chosen) >= 200
            starts = [initial(s, 2, 0).w / s.spread for s in chosen]
            assert all(
                not np.array_equal(p, q) for i, p in enumerate(starts) for q in starts[:i]
            ), "two batches begin with the same weights"


def test_needs_are_the_settings_that_are_read() -> None:
    wanted = set(claim_module.needs(TINY))
    read = {s for name in ACTIVATIONS for k in counts(name) for s in settings(name, k, TINY)}
    assert wanted == read and len(wanted) == len(claim_module.needs(TINY))


# --- kinds and certificates -------------------------------------------------------------------


def _weights(w: list[float], b: float, a: float, c: float) -> NetworkBatch:
    return NetworkBatch(np.array([[w]]), np.array([[b]]), np.array([[a]]), np.array([c]))


def test_kinds() -> None:
    setting = Setting("relu", 1, TAPS, first=2, cells=3)
    assert look(setting, _weights([1.0, 2.0, 3.0], 0.0, 1 / 12, 0.0)).kinds == ("exact",)
    assert look(setting, _weights([1.0, 2.0, 3.0], 0.0, 0.09, 0.0)).kinds == ("inexact",)
    huge = Setting("exp", 1, TAPS, first=2, cells=3)
    assert look(huge, _weights([300.0, 300.0, 300.0], 0.0, 1.0, 0.0)).kinds == ("unresolved",)
    # One radius per cell: the plateau law alone makes every filter right there.
    coarse = Setting("square", 1, TAPS, first=2, cells=3, per_cell=1)
    w = [1.0, 2.0, 1.0]
    net = Network((tuple(w),), (0.0,), (1 / 32,), sigma="square")
    start = Fraction(3, 2)
    c = float(error_ball(Network(net.w, net.b, net.a, 0, sigma=net.sigma), start, 5).mid())
    seen = look(coarse, _weights(w, 0.0, 1 / 32, -c))
    assert seen.kinds == ("interpolating",) and seen.between[0] > 0.05
    assert seen.sampled[0] < 1e-12


def test_interpolating_networks_are_caught_between_the_samples(sigmoid: Ensemble) -> None:
    seen = look(FEW, sigmoid.weights)
    found = attempts.certify(FEW, sigmoid.weights, seen)
    assert "interpolating" in seen.kinds and "exact" not in seen.kinds
    half_length = FEW.radii.half_length(TAPS)
    for j, one in enumerate(found):
        assert one.decided and one.radius is not None
        assert one.radius not in {Fraction(float(r)) for r in FEW.radii.r}
        ball = error_ball(net_of("sigmoid", sigmoid.weights, j), one.radius, half_length, 256)
        assert not ball.contains(0)
        assert one.bound <= abs(Fraction(float(ball.mid()))) * (1 + Fraction(1, 10**6))
    assert refined(sigmoid, look(FEW, sigmoid.weights), 16) is None
    assert {kind for kind in seen.kinds} <= set(KINDS)


def test_certificates_hold_for_what_torch_trains() -> None:
    weights = by_torch(Setting("tanh", 2, TAPS, first=3, cells=3), 2, 5)
    setting = Setting("tanh", 2, TAPS, first=3, cells=3)
    found = attempts.certify(setting, weights, look(setting, weights))
    assert len(found) == 2 and all(one.decided for one in found)


# --- long numbers -----------------------------------------------------------------------------


def test_starts_around_the_derived_network_arrive_and_around_a_wrong_one_do_not() -> None:
    right = classify(ACTIVATIONS["softplus"].expression).recipe
    assert right is not None
    setting = settings("softplus", 2, TINY)[1]
    assert any(near(setting, right, 3, np.random.default_rng(2)))
    wrong = Recipe(right.w[:1], right.b[:1], right.a[:1])
    assert not any(near(settings("softplus", 1, TINY)[1], wrong, 2, np.random.default_rng(2)))
    one = classify(ACTIVATIONS["relu"].expression).recipe
    assert one is not None
    assert any(near(settings("relu", 2, TINY)[1], one, 2, np.random.default_rng(2))), (
        "with a channel to spare"
    )


# --- the claim's procedures -------------------------------------------------------------------


FOUR = MappingProxyType(
    {name: ACTIVATIONS[name] for name in ("relu", "softplus", "square", "tanh", "identity", "cube")}
)


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab(TINY, 7)


@pytest.fixture(autouse=True)
def _four_rows(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "lab" in request.fixturenames:
        monkeypatch.setattr(claim_module, "ACTIVATIONS", FOUR)


@pytest.mark.thorough
def test_the_law_holds(lab: Lab) -> None:
    assert claim_module.check(LAW, lab).status == "holds"
    found = claim_module.train(LAW, lab)
    assert found.status == "holds" and found.figure == 0


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", CLAIM.wrong, ids=lambda wrong: wrong.name)
def test_wrong_laws_are_rejected_by_check_and_by_training(lab: Lab, wrong: Any) -> None:
    assert claim_module.check(wrong.law, lab).status == "fails"
    assert claim_module.train(wrong.law, lab).status == "fails"


def test_outcomes_account_for_every_network(lab: Lab) -> None:
    for one in claim_module.reached(LAW, lab):
        assert sum(one.kinds) == one.networks == 4 * TINY.networks
        assert one.forecast == ("never" if one.name == "tanh" or _alone(one) else "exact")
        assert one.certified == (one.networks if one.forecast == "never" else 0)
        assert one.best <= one.median


def _alone(one: Reached) -> bool:
    return one.name in ("softplus", "square") and one.channels == 1


@pytest.mark.parametrize("name", ["relu", "hardswish", "elu", "square", "cube", "selu"])
def test_identity_in_phi(name: str) -> None:
    recipe = classify(ACTIVATIONS[name].expression).recipe
    assert recipe is not None
    assert claim_module.identical(name, recipe) is True
    off = Recipe(recipe.w, recipe.b, tuple(a * sp.Rational(1001, 1000) for a in recipe.a))
    assert claim_module.identical(name, off) is False


def test_identity_is_not_decided_where_no_polynomial_is_seen() -> None:
    recipe = classify(ACTIVATIONS["softplus"].expression).recipe
    assert recipe is not None and claim_module.identical("softplus", recipe) is None
    across = Recipe(((sp.Integer(1),) * 3,), (-sp.Rational(1, 2),), (sp.Integer(1),))
    assert claim_module.identical("relu", across) is None


def test_forecast() -> None:
    def shape(
        kind: str, channels: int | None, minimal: bool, recipe: Recipe | None
    ) -> Classification:
        return Classification(kind, channels, minimal, recipe, (), "", "")

    some = Recipe((), (), ())
    assert claim_module.forecast(shape("affine_piece", 1, True, some), 1) == "exact"
    assert claim_module.forecast(shape("linear_odd_part", 2, True, some), 1) == "never"
    assert claim_module.forecast(shape("affine_combination", 2, False, some), 1) == "open"
    assert claim_module.forecast(shape("impossible", None, True, None), 3) == "never"
    assert claim_module.forecast(shape("undecided", None, False, None), 1) == "open"
