"""The small-radius laws on random networks, and on networks trained down to radius 1/2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import compile_law, exact_law
from numerics.arithmetic.rounding import prediction_bound
from numerics.arithmetic.types import Array, Flags
from numerics.pulse.channel import exact_quantities, quantities
from theory.pulse.loss import residuals
from theory.pulse.small_radius import Small
from verify.models.networks import measure
from verify.models.problem import Ensemble, NetworkBatch, Setting
from verify.pulse.certified import agrees
from verify.pulse.compare import check_response, train_response
from verify.pulse.settings import EVERY_RADIUS
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.render import sentence
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

ZERO, HALF = Fraction(0), Fraction(1, 2)


def check(law: Small, lab: Lab) -> Column:
    """Law against direct simulation at every radius from 1/2 to the first plateau cell; and which
    networks are exact.
    """

    def cells(n: int) -> range:
        return range(1, n // 2 + 2)

    responses = check_response(law.response, lab, "small_radius", cells, fractions=True)
    if responses.figure:
        return responses
    answers = list(_exactness(law, lab))
    exact = sum(measured for measured, _ in answers)
    mistaken = sum(measured != claimed for measured, claimed in answers)
    detail = sentence(
        "small_radius",
        "check",
        responses=responses.detail,
        answers=len(answers),
        exact=exact,
        others=len(answers) - exact,
    )
    return column(mistaken, 0, detail)


Channel = tuple[tuple[int, ...], int, int]
NETWORKS: tuple[tuple[Channel, ...], ...] = (
    (((0, 0, 1, 2, 3), 1, 1),),
    (((0, 1, 0, 3, 1), -4, 1),),
    (((-2, 2, 2, 2, 2), -4, 1),),
    (((-3, 1, 3, 3, 1), -4, 1),),
    (((1, -2, 1, 3, 3), -3, 3), ((1, -2, 0, 3, 2), -2, -2)),
    (((1, -2, 1, 3, 3), -3, 1),),
    (((1, -3, 3, 3, 1), -4, 1),),
    (((-1, -3, -3, 3, 3), 1, 1),),
)
"""(w, b, part of the slope) of ReLU channels.  All are exact on the plateau, and below it:
everywhere; from 3/2 on, with a straight error further down; at half-integers, but for D_1; from 3/2
on, with a bent error further down; at half-integers, but for D_2; and three err at 3/2.
"""


def _exactness(law: Small, lab: Lab) -> Iterator[tuple[bool, bool]]:
    """Per network, scaled or turned, and half-integer below n/2: whether it is exact from there on,
    and whether the conditions say so.
    """
    further = [[exact_law(x, N) for x in law.conditions(N, k)] for k in range(1, N // 2 + 1)]
    for network in lab.once("small_radius/networks", _networks, lab):
        for exact, conditions in zip(network.exact, further, strict=True):
            values = (
                sum((a * condition(w, 0, phi, sigma) for a, w, sigma in network.channels), ZERO)
                for phi, condition in product(PHIS, conditions)
            )
            yield exact, network.straight and not any(values)


@dataclass(frozen=True)
class _Network:
    """Its channels a, w and σ shifted by b; whether it is exact from each half-integer on, and
    keeps the plateau's laws.
    """

    channels: list[tuple[Fraction, list[Fraction], Callable[[Any], Any]]]
    exact: list[bool]
    straight: bool


N, PHIS = 5, [Fraction(k, 8) for k in range(9)]


def _networks(lab: Lab) -> list[_Network]:
    """No law is asked."""
    rng, relu, networks = lab.rng("small_radius/networks"), oracle.RATIONAL["relu"], []
    radii = [m - HALF + phi for m in range(1, N // 2 + 2) for phi in PHIS]
    pulses = [oracle.overlap_pulse(r, 2 * N) for r in radii]
    for k in range(max(lab.profile.draws // 4, len(NETWORKS))):
        errors, straight, channels = [-r for r in radii], True, []
        for taps, bias, part in NETWORKS[k % len(NETWORKS)]:
            factor = Fraction(int(rng.integers(1, 17)), 8)
            w = [factor * tap for tap in taps][:: int(rng.choice([-1, 1]))]
            sigma = oracle.shifted(relu, factor * bias)
            plateau = exact_quantities(w, sigma, PHIS)
            a = part / (
                2 * plateau.slope * sum(share for _, _, share in NETWORKS[k % len(NETWORKS)])
            )
            straight = straight and not any(plateau.deviation)
            pooled = (oracle.pooled(w, factor * bias, relu, x) for x in pulses)
            errors = [e + a * (p - plateau.kappa) for e, p in zip(errors, pooled, strict=True)]
            channels.append((a, w, sigma))
        exact = [
            not any(e for e, r in zip(errors, radii, strict=True) if r >= first + HALF)
            for first in range(N // 2)
        ]
        networks.append(_Network(channels, exact, straight))
    return networks


def train(law: Small, lab: Lab) -> Column:
    """Law against the features of torch modules that were trained on every radius; certificates of
    some of them.

    And the trained networks, and their filters read out anew, are as exact as the conditions say,
    and no more.
    """
    responses = train_response(law.response, lab, EVERY_RADIUS, fractions=True)
    certified = [
        lab.once(("small_radius", setting), _certified, lab.ensemble(setting))
        for setting in EVERY_RADIUS
    ]
    held, networks = sum(certified), CERTIFIED * len(certified)
    apart = max(_apart(law, lab.ensemble(setting)) for setting in EVERY_RADIUS)
    detail = sentence(
        "small_radius",
        "train",
        responses=responses.detail,
        held=held,
        networks=networks,
        apart=apart,
    )
    figure = max(responses.figure, apart) if held == networks else float("inf")
    return column(figure, responses.tolerance, detail)


def _apart(law: Small, ensemble: Ensemble) -> float:
    """How far errors and conditions are from vanishing together.

    With E the largest error from r_min on up to R, and V the largest of |α|, |β|, |D|, |Σ a ε|, |Σ
    a D_m|, E <= (R + 3) V; and V <= (2n + 4) E, since α, β follow from the errors at n/2 and n/2 +
    1, then the defects from those at half-integers, and the deviations from the others.  Each holds
    up to the rounding bound of an answer.
    """
    setting, r = ensemble.setting, ensemble.setting.radii.r
    n = setting.taps
    pooled = measure(ensemble).pooled
    together = np.moveaxis(pooled, 1, 0).reshape(1, len(r), -1)
    batches = [(ensemble.weights, pooled), *((net, together) for net in _anew(ensemble))]
    worst = 0.0
    for weights, features in batches:
        error = np.abs(np.einsum("brk,bk->br", features, weights.a) + weights.c[:, None] - r)
        size = 2 * setting.radii.half_length(n) + 1
        bound = prediction_bound(
            weights.w, weights.b, weights.a, weights.c, r, size, setting.activation
        )
        slack = 2 * bound.max(axis=1)
        plateau = _plateau(setting, weights)
        for first in range(1, n // 2 + 1):
            largest = np.max(error[:, r >= first - 0.5], axis=1)
            value = np.maximum(plateau, _further(law, setting, weights, first))
            above = largest / ((r[-1] + 3) * (value + slack))
            below = value / ((2 * n + 4) * (largest + slack))
            worst = max(worst, float(np.max(above)), float(np.max(below)))
    return worst


def _anew(ensemble: Ensemble) -> Iterator[NetworkBatch]:
    """All filters of an ensemble in one network, read out in two ways, as far as they can.

    It errs by 1 - φ from 1/2 to 3/2 and is exact from there on; or it is exact at half-integers and
    on the plateau, and errs elsewhere as much as a change of the readout of length 1 makes it.
    """
    radii, weights, n = ensemble.setting.radii, ensemble.weights, ensemble.setting.taps
    pooled = np.moveaxis(measure(ensemble).pooled, 1, 0).reshape(len(radii.r), -1)
    features = np.concatenate([pooled, np.ones((len(radii.r), 1))], axis=1)
    held = (radii.phi == 0) | (radii.r >= n / 2)
    _, values, rows = np.linalg.svd(features[held])
    free = rows[int(np.sum(values > RANK * values[0])) :]

    def solved(chosen: Flags, target: Array) -> Array:
        return np.asarray(np.linalg.lstsq(features[chosen], target[chosen], rcond=RANK)[0])

    below = np.where(radii.m == 1, 1 - radii.phi, 0.0)
    turn = np.linalg.svd(features[~held] @ free.T)[2][0] @ free
    for readout in (solved(held | ~held, radii.r + below), solved(held, radii.r) + turn):
        *a, c = readout
        w = weights.w.reshape(1, -1, n)
        yield NetworkBatch(w, weights.b.reshape(1, -1), np.array([a]), np.array([c]))


RANK = 1e-9
"""Singular values below this part of the largest count as 0, where readouts are drawn; what they
err is measured.

A smaller one lets readouts grow until rounding hides what they err.
"""


def _plateau(setting: Setting, weights: NetworkBatch) -> Array:
    """The largest of |α|, |β|, |D| of every network of a batch."""
    q = quantities(weights.w, weights.b, setting.activation, setting.radii.phi)

    def columns(x: Array) -> list[Array]:
        return list(x.T[:, :, None])

    values = residuals(
        columns(weights.a),
        weights.c[:, None],
        setting.pixels,
        columns(q.slope),
        columns(q.background),
        columns(q.kappa),
        list(np.moveaxis(q.deviation, 1, 0)),
    )
    return np.asarray(np.max([np.max(np.abs(x), axis=1) for x in values], axis=0))


def _further(law: Small, setting: Setting, weights: NetworkBatch, first: int) -> Array:
    """The largest |Σ_k a_k ...| of the law's conditions, of every network of a batch."""
    phi, most = np.unique(setting.radii.phi), np.zeros(len(weights.c))
    for condition in law.conditions(setting.taps, first):
        compiled = _compiled(condition, setting.taps, setting.activation)
        value = compiled(weights.w, weights.b, np.zeros_like(phi), phi)
        most = np.maximum(most, np.max(np.abs(np.einsum("bkr,bk->br", value, weights.a)), axis=1))
    return most


@lru_cache(maxsize=256)
def _compiled(condition: sp.Expr, n: int, name: str) -> Callable[..., Array]:
    return compile_law(condition, n, name)


CERTIFIED = 4
"""Networks per setting that get a certificate."""


def _certified(ensemble: Ensemble) -> int:
    """How many of the first certificates are accepted, torch erring by as much at the radius that
    they name.
    """
    return sum(agrees(ensemble.setting, ensemble.weights, j) is not None for j in range(CERTIFIED))


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the double sum with an undefined g and symbols for taps",
            ("theory.pulse.network.direct_response",),
        ),
        check=Judge(
            "the double sum by loops, in fractions and in floats", ("numerics.arithmetic.oracle",)
        ),
        training=Judge(
            "features of trained torch modules, and certificates that the checker accepts",
            ("verify.models.networks", "verify.optimise.ensemble", "numerics.certificates.checker"),
        ),
    ),
    needs=lambda profile: EVERY_RADIUS,
)
"""What the claim rests on."""
