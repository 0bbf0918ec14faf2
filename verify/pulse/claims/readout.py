"""The optimal readout: exact rationals against independent normal equations, and what training
ended with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import prediction_bound
from numerics.arithmetic.types import Array
from numerics.pulse.channel import exact_quantities, quantities
from theory.pulse.readout import Readout
from verify.models.networks import data, load, measure, weights_of
from verify.models.problem import NetworkBatch, Setting, initial
from verify.optimise.sgd import OPTIMIZERS, descend, gradient_length
from verify.pulse.settings import LAWS
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.render import sentence
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

Sigma = Callable[[Any], Any]
Filter = tuple[list[Fraction], Fraction]
ONE_CHANNEL = tuple(setting for setting in LAWS if setting.channels == 1)

BENT = (Setting("tanh", 1, 5), Setting("softplus", 1, 3), Setting("gelu", 1, 7))
"""Smooth activations, whose frozen filters bend."""
FROZEN = 10
"""Frozen random filters per setting."""


def check(law: Readout, lab: Lab) -> Column:
    """Exact rational filters: count the readouts that are not exact, or not the least-squares
    solution.
    """
    responses = lab.once("readout/responses", _responses, lab)
    wrong = sum(not _same_readout(law, response) for response in responses)
    detail = (
        f"readouts, of {len(responses)} in exact rationals, that leave an error at "
        "half-integers or differ from the solution of the normal equations"
    )
    return column(wrong, 0, detail)


@dataclass(frozen=True)
class Response:
    """Filters of one network: their quantities Δ, N g(0) + κ, D, and their features at the radii of
    three cells.

    best, level: the first feature's readout (a, c) by the normal equations, and its loss.
    """

    slopes: list[Fraction]
    offsets: list[Fraction]
    deviation: list[Fraction]
    radii: list[Fraction]
    features: list[list[Fraction]]
    best: tuple[Fraction, Fraction]
    level: Fraction


def _responses(lab: Lab) -> list[Response]:
    """Random filters for which a readout is defined: not all Δ vanish, and the response is not
    constant.  No law is asked.
    """
    rng, responses = lab.rng("readout"), []
    kinks = list(oracle.RATIONAL.values())
    for k in range(lab.profile.draws):
        sigma, channels, n = kinks[k % len(kinks)], 1 + k % 3, (3, 5, 7)[(k // 3) % 3]
        filters = [
            ([Fraction(int(v), 4) for v in rng.integers(-8, 9, n)], Fraction(int(b), 4))
            for b in rng.integers(-8, 9, channels)
        ]
        fractions = [Fraction(t, 4) for t in range(4)]
        response = _response(sigma, filters, fractions)
        if response:
            responses.append(response)
    return responses


def _response(sigma: Sigma, filters: list[Filter], fractions: list[Fraction]) -> Response | None:
    n = len(filters[0][0])
    h = n // 2
    half_length = h + 3 + h
    size = 2 * half_length + 1
    each = [exact_quantities(w, oracle.shifted(sigma, b), fractions) for w, b in filters]
    if not any(q.slope for q in each):
        return None

    def features(r: Fraction) -> list[Fraction]:
        x = oracle.overlap_pulse(r, half_length)
        return [oracle.pooled(w, b, sigma, x) + size * sigma(b) for w, b in filters]

    radii = [m - Fraction(1, 2) + p for m in (h + 1, h + 2, h + 3) for p in fractions]
    every = [features(r) for r in radii]
    values = [first for first, *_ in every]
    count, f, r = len(radii), _mean(values), _mean(radii)
    variance = _mean([v * v for v in values]) - f * f
    if variance == 0:
        return None
    # The normal equations of one feature and a constant, solved from the simulated features alone.
    best = (_mean([x * y for x, y in zip(values, radii, strict=True)]) - f * r) / variance
    loss = _mean([(best * (x - f) - (y - r)) ** 2 for x, y in zip(values, radii, strict=True)])
    return Response(
        [q.slope for q in each],
        [size * q.background + q.kappa for q in each],
        [each[0].deviation[j % len(fractions)] for j in range(count)],
        radii,
        every,
        (best, r - best * f),
        loss,
    )


def _same_readout(law: Readout, response: Response) -> bool:
    slopes, radii, d = response.slopes, response.radii, response.deviation
    a, c = law.exact(slopes, response.offsets)
    # Of smallest norm: parallel to the slopes.
    if any(x * slopes[0] != y * a[0] for x, y in zip(a, slopes, strict=True)):
        return False
    for r, features in zip(radii, response.features, strict=True):
        if (2 * r) % 2 == 1 and c + sum(x * y for x, y in zip(a, features, strict=True)) != r:
            return False
    r = _mean(radii)
    fit = law.least_squares(
        slopes[0],
        response.offsets[0],
        r,
        _mean([x * x for x in radii]) - r * r,
        _mean(d),
        _mean([x * y for x, y in zip(radii, d, strict=True)]) - r * _mean(d),
        _mean([y * y for y in d]) - _mean(d) ** 2,
    )
    return (fit.a, fit.c, fit.level) == (*response.best, response.level)


def _mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _predicted(
    law: Readout, setting: Setting, weights: NetworkBatch, exact: bool
) -> tuple[Array, Array]:
    """(a, c) for the first channel of every network: the exact readout, or the
    least-squares one.
    """
    r = setting.radii.r
    size = setting.pixels
    q = quantities(weights.w[:, 0], weights.b[:, 0], setting.activation, setting.radii.phi)
    offset, d = size * q.background + q.kappa, q.deviation
    if exact:
        (a,), c = law.exact([q.slope], [offset])
        return a, c
    covariance = np.mean((r - np.mean(r)) * d, axis=1)
    fit = law.least_squares(
        q.slope, offset, np.mean(r), np.var(r), np.mean(d, axis=1), covariance, np.var(d, axis=1)
    )
    return fit.a, fit.c


def train(law: Readout, lab: Lab) -> Column:
    """The readout that training found against the closed form for the filter it found it with.

    Two kinds of training: everything trained, and then the exact readout is due where the network
    is exact; and only the readout trained, on filters that stay at their random start and bend.
    Compared are the answers that both readouts give with the same measured features.
    """
    finished = [_finished(law, lab, setting) for setting in ONE_CHANNEL]
    frozen = [_frozen(law, lab, setting) for setting in (*ONE_CHANNEL, *BENT)]
    networks = sum(count for count, _ in finished)
    worst = max(*(ratio for _, ratio in finished), *(batch.worst for batch in frozen))
    compared = sum(batch.compared for batch in frozen)
    undecided = sum(batch.undecided for batch in frozen)
    detail = sentence("readout", "train", networks=networks, compared=compared, undecided=undecided)
    # Mostly undecided means that nothing was trained.
    return column(worst if networks and compared > undecided else float("nan"), 1.0, detail)


def _finished(law: Readout, lab: Lab, setting: Setting) -> tuple[int, float]:
    """Exact networks of an ensemble, and their largest distance in units of the bound.

    The law sees the filter through the rounding bound of its features; a least-squares solution
    moves its fitted values by at most the condition number of (F, 1) times a perturbation of the
    problem.
    """
    ensemble = lab.ensemble(setting)
    radii = setting.radii
    size = setting.pixels
    measured = measure(ensemble)
    bound = prediction_bound(
        ensemble.w, ensemble.b, ensemble.a, ensemble.c, radii.r, size, setting.activation
    )
    exact = np.all(np.abs(measured.prediction - radii.r) <= bound, axis=1)
    if not np.any(exact):
        return 0, 0.0
    features = measured.pooled[exact, :, 0]
    a, c = _predicted(law, setting, ensemble.weights[np.nonzero(exact)[0]], exact=True)
    distance = np.abs(a[:, None] * features + c[:, None] - measured.prediction[exact])
    tolerance = np.max(bound[exact], axis=1) * _condition(features)
    return int(np.sum(exact)), float(np.max(np.max(distance, axis=1) / tolerance))


@dataclass(frozen=True)
class _Frozen:
    """Frozen filters compared, those that LBFGS left undecided, and the largest distance over its
    bound.
    """

    compared: int
    undecided: int
    worst: float


def _frozen(law: Readout, lab: Lab, setting: Setting) -> _Frozen:
    """Random filters whose readout alone is trained with LBFGS.

    The loss is a convex quadratic in x = (a, c) with Hessian H = 2 JᵀJ/R, J = (F, 1): from x to its
    minimum the fitted values move by |J H⁻¹ ∇| <= |∇| R / (2 σ_min(J)), with the gradient ∇ that
    torch reports. To that comes rounding, through the condition number of J.
    """
    trained, features, answers, gradients, bound = lab.once(
        ("readout/frozen", setting), _descended, lab, setting
    )
    columns = np.stack([features, np.ones_like(features)], axis=2)
    smallest = np.linalg.svd(columns, compute_uv=False)[:, -1]
    # A filter whose response is constant to rounding has no readout to predict.
    alive = smallest > np.max(bound, axis=1) / np.abs(trained.a[:, 0])
    # Constant responses divide 0 by 0 here, and are left out below.
    with np.errstate(divide="ignore", invalid="ignore"):
        a, c = _predicted(law, setting, trained, exact=False)
        remaining = gradients * len(setting.radii.r) / (2 * smallest)
    distance = np.max(np.abs(a[:, None] * features + c[:, None] - answers), axis=1)
    tolerance = remaining + np.max(bound, axis=1) * _condition(features)
    # Where LBFGS ended too far from the minimum the tolerance, not the law, would decide.
    sharp = alive & (tolerance <= 1e-3 * np.maximum(np.ptp(answers, axis=1), 1.0))
    worst = float(np.max(distance[sharp] / tolerance[sharp], initial=0.0))
    return _Frozen(int(np.sum(sharp)), int(np.sum(alive & ~sharp)), worst)


def _descended(lab: Lab, setting: Setting) -> tuple[NetworkBatch, Array, Array, Array, Array]:
    """(weights, features (B, R), answers (B, R), lengths of the gradients (B,), bounds on rounding
    (B, R)).
    """
    weights = initial(setting, FROZEN, lab.seed)
    x, target = data(setting)
    size = x.shape[1]
    nets = [load(setting, weights, j) for j in range(FROZEN)]
    for net in nets:
        net.conv.requires_grad_(False)
        descend(net, x, target, 10, make=OPTIMIZERS["LBFGS"])
    gradients = [gradient_length(net, x, target) for net in nets]
    with torch.inference_mode():
        features = np.stack([net.pooled(x)[:, 0].numpy() for net in nets])
        answers = np.stack([net(x).numpy() for net in nets])
    trained = weights_of(nets)
    bound = prediction_bound(
        trained.w, trained.b, trained.a, trained.c, setting.radii.r, size, setting.activation
    )
    return trained, features, answers, np.array(gradients), bound


def _condition(features: Array) -> Array:
    """The condition number of the least-squares problem in (a, c), columns scaled to length 1:
    (B,).
    """
    columns = np.stack([features, np.ones_like(features)], axis=2)
    scale = np.linalg.norm(columns, axis=1, keepdims=True)
    return np.asarray(np.linalg.cond(columns / np.where(scale == 0, 1.0, scale)))


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "errors from the double sum, and means of squares written out",
            ("theory.pulse.loss.direct_error",),
        ),
        check=Judge(
            "normal equations of features simulated by loops in fractions",
            ("numerics.arithmetic.oracle",),
        ),
        training=Judge(
            "readouts that torch.optim.LBFGS ends at, and those of trained networks",
            ("verify.models.networks", "verify.optimise.sgd", "verify.optimise.ensemble"),
        ),
    ),
    needs=lambda profile: ONE_CHANNEL,
)
"""What the claim rests on."""
