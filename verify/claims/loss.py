"""The loss decomposition: every network's mean squared error, attributed term by term."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from numerics import oracle
from numerics.channel import exact_quantities
from numerics.rounding import gamma, prediction_bound
from theory.loss import Decomposition, Moments
from verify.ensemble import Setting, Weights
from verify.lab import Lab, Profile
from verify.minimise import on_the_way
from verify.nets import measure, signals, weights_of
from verify.residuals import residual_errors
from verify.settings import LAWS
from verify.verdict import Column, column

__all__ = ["NEEDS", "check", "train"]

Array = NDArray[np.float64]
AVERAGING = 4
"""Networks per setting that are trained with mean pooling."""


def NEEDS(profile: Profile) -> tuple[Setting, ...]:
    """The ensembles whose loss is attributed."""
    return LAWS


def check(law: Decomposition, lab: Lab) -> Column:
    """Exact rational networks: count those whose mean squared error is not the sum of the six terms."""
    rng = lab.rng("loss")
    kinks = list(oracle.RATIONAL.values())
    wrong = 0
    for k in range(lab.profile.draws):
        sigma, channels = kinks[k % len(kinks)], 1 + k % 3
        n = (3, 5, 1, 7)[(k + k // len(kinks)) % 4]
        h = n // 2
        half_length = h + 3 + h
        filters = [
            ([Fraction(int(v), 8) for v in rng.integers(-16, 17, n)], Fraction(int(b), 8))
            for b in rng.integers(-16, 17, channels)
        ]
        a = [Fraction(int(v), 8) for v in rng.integers(-16, 17, channels)]
        c = Fraction(int(rng.integers(-16, 17)), 8)
        sample = [
            (h + 1 + j % 3, Fraction(int(t), 12)) for j, t in enumerate(rng.integers(0, 13, 5))
        ]
        r = [m - Fraction(1, 2) + fraction for m, fraction in sample]
        errors = []
        for radius in r:
            x = oracle.overlap_pulse(radius, half_length)
            answer = c - radius
            for a_k, (w, b) in zip(a, filters, strict=True):
                background = (2 * half_length + 1) * sigma(b)
                answer += a_k * (oracle.pooled(w, b, sigma, x) + background)
            errors.append(answer)
        loss = _mean([e * e for e in errors])

        fractions = [fraction for _, fraction in sample]
        each = [exact_quantities(w, oracle.shifted(sigma, b), fractions) for w, b in filters]
        parts = [
            law.residuals(
                a, c, 2 * half_length + 1,
                [q.slope for q in each], [q.background for q in each],
                [q.kappa for q in each], [q.deviation[j] for q in each],
            )
            for j in range(len(r))
        ]  # fmt: skip
        alpha, beta = parts[0][:2]
        d = [part[2] for part in parts]
        mean = Moments(
            _mean(r),
            _mean([x * x for x in r]),
            _mean(d),
            _mean([x * y for x, y in zip(r, d, strict=True)]),
            _mean([y * y for y in d]),
        )
        wrong += loss != sum(law.attribution(alpha, beta, mean))
    detail = (
        f"networks, of {lab.profile.draws} in exact rationals with 1 to 3 channels, whose mean squared "
        "error differs from the sum of the six terms"
    )
    return column(wrong, 0, detail)


def _mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def train(law: Decomposition, lab: Lab) -> Column:
    """The torch loss of every trained network against the sum of its six terms.

    Networks with mean pooling are trained as well, by Adam and not to their end: a/N takes the place of a.
    """
    worst, networks, averaging = 0.0, 0, 0
    for setting in LAWS:
        ensemble = lab.ensemble(setting)
        answers = measure(ensemble).prediction
        worst = max(worst, _distance(law, setting, ensemble.weights, answers))
        networks += len(ensemble.c)
        nets = on_the_way(setting, AVERAGING, lab.seed, "mean")
        x = signals(setting.radii, setting.taps)
        with torch.inference_mode():
            answers = np.stack([net(x).numpy() for net in nets])
        trained = weights_of(nets)
        shared = Weights(trained.w, trained.b, trained.a / x.shape[1], trained.c)
        worst = max(worst, _distance(law, setting, shared, answers))
        averaging += len(nets)
    detail = (
        f"torch loss of {networks} trained networks with sum pooling and {averaging} with mean pooling, "
        "stopped on the way, against the sum of the six terms, in units of the rounding bound"
    )
    return column(worst, 1.0, detail)


def _distance(law: Decomposition, setting: Setting, weights: Weights, answers: Array) -> float:
    """The largest |mean (r̂ - r)² - sum of the six terms| over a batch, in units of its rounding bound."""
    r = setting.radii.r
    size = 2 * setting.radii.half_length(setting.taps) + 1
    alpha, beta, d = residual_errors(law, setting, weights)
    mean = Moments(
        np.mean(r),
        np.mean(r**2),
        np.mean(d, axis=1),
        np.mean(r * d, axis=1),
        np.mean(d**2, axis=1),
    )
    terms = np.stack(law.attribution(alpha, beta, mean))
    bound = prediction_bound(
        weights.w, weights.b, weights.a, weights.c, r, size, setting.activation
    )
    # e differs by at most the bound B, so e² by at most 2|e|B + B²; then six terms are summed.
    error = answers - r
    tolerance = np.mean(2 * np.abs(error) * bound + bound**2, axis=1)
    tolerance += gamma(2 * len(r) + 20) * np.sum(np.abs(terms), axis=0)
    distance = np.abs(np.mean(error**2, axis=1) - np.sum(terms, axis=0))
    return float(np.max(distance / tolerance))
