"""Pairs of channels trained to the end and refined, with balls that contain the activation."""

from __future__ import annotations

import math

import flint
import numpy as np
import pytest
from flint import arb

from numerics.arithmetic.compile import activation
from theory.shape.asymptotes import ENDS, balance
from verify.models.networks import load, signals
from verify.models.problem import NetworkBatch, Setting, initial
from verify.optimise.refine import BITS
from verify.shape.claims.asymptotes import PAIRS, SIGMA
from verify.shape.pairs import Problem, descend, inverse, refined, trained


@pytest.mark.parametrize("name", sorted(SIGMA))
def test_balls_contain_the_compiled_activation(name: str) -> None:
    with flint.ctx.workprec(BITS):
        for value in (-3.0, -0.4, 0.0, 0.7, 5.0):
            ball = SIGMA[name](arb(value))
            assert math.isclose(
                float(ball), float(activation(name)[0](value)), rel_tol=1e-13, abs_tol=1e-15
            )


@pytest.mark.parametrize("biased", [False, True])
def test_descent_and_refinement(biased: bool) -> None:
    """A pair, pushed a little: the descent returns to rounding, the refinement to
    1e-60 next to it.
    """
    setting = Setting("silu", 2, 1)
    problem = Problem(setting, biased, 60)
    b = 0.3 if biased else 0.0
    pushed = NetworkBatch(
        np.array([[[0.81], [-0.78]]]), np.array([[b, -b]]), np.array([[0.6, -0.63]]), np.zeros(1)
    )
    ended = descend(problem, pushed)
    x = signals(setting.radii, 1)
    error = load(setting, ended, 0)(x).detach().numpy() - setting.radii.r
    assert np.max(np.abs(error)) < 1e-12
    assert biased or not np.any(ended.b)
    one = refined(problem, ended, 0)
    assert one is not None and one.error < 1e-58 and one.moved < 1e-8
    assert biased == (one.net.b is not None)
    assert all(abs(float(v)) < 1e-50 for v in balance(one.net.listed, ENDS["silu"]))
    back = inverse(problem, one.net)
    assert np.sum(np.any(np.abs(back) > 1e-9, axis=1)) == (7 if biased else 5)
    assert one.moved <= 2 * np.linalg.norm(back, 2) * one.start


def test_no_refinement_where_there_is_no_exact_network() -> None:
    """tanh has none; a start far from zero loss is given up as well."""
    for setting in (Setting("tanh", 2, 1), Setting("silu", 1, 1)):
        assert refined(Problem(setting, True, 0), initial(setting, 1, 0), 0) is None


def test_many_starts_end_exact_and_many_do_not() -> None:
    """Sixteen starts each: both kinds occur, every start is of one, and equal signs of the readouts
    are never exact.
    """
    exact = other = 0
    for problem in (PAIRS[2], PAIRS[5], PAIRS[7]):
        batch = trained(problem, 16, 0)
        equal = batch.weights.a[:, 0] * batch.weights.a[:, 1] >= 0
        assert not np.any(batch.exact & equal)
        kinds = (batch.exact, batch.rounded & ~batch.exact, ~batch.rounded)
        assert np.array_equal(np.sum(kinds, axis=0), np.ones(16))
        assert np.all(batch.loss[~batch.rounded] > 0)
        exact, other = exact + int(np.sum(batch.exact)), other + int(np.sum(~batch.rounded))
    assert min(exact, other) >= 8
