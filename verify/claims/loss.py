"""The loss decomposition: every network's mean squared error, attributed term by term."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from numerics import oracle
from numerics.channel import exact_quantities
from numerics.rounding import gamma, prediction_bound
from theory.loss import Decomposition, Moments
from verify.ensemble import Setting
from verify.lab import Lab, Profile
from verify.nets import measure
from verify.residuals import residual_errors
from verify.settings import LAWS
from verify.verdict import Column, column

__all__ = ["NEEDS", "check", "train"]


def NEEDS(profile: Profile) -> tuple[Setting, ...]:
    """The ensembles whose loss is attributed."""
    return LAWS


def check(law: Decomposition, lab: Lab) -> Column:
    """Exact rational networks: count those whose mean squared error is not the sum of the six terms."""
    rng = lab.rng("loss")
    kinks = list(oracle.RATIONAL.values())
    wrong = 0
    for k in range(lab.profile.draws):
        sigma, channels, n = kinks[k % len(kinks)], 1 + k % 3, (3, 5, 1, 7)[k % 4]
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
    """The torch loss of every trained network against the sum of its six terms."""
    worst, relative, networks = 0.0, 0.0, 0
    for setting in LAWS:
        ensemble = lab.ensemble(setting)
        r = setting.radii.r
        size = 2 * setting.radii.half_length(setting.taps) + 1
        alpha, beta, d = residual_errors(law, ensemble)
        mean = Moments(
            np.mean(r),
            np.mean(r**2),
            np.mean(d, axis=1),
            np.mean(r * d, axis=1),
            np.mean(d**2, axis=1),
        )
        terms = np.stack(law.attribution(alpha, beta, mean))
        measured = measure(ensemble)
        bound = prediction_bound(
            ensemble.w, ensemble.b, ensemble.a, ensemble.c, r, size, setting.activation
        )
        # e differs by at most the bound B, so e² by at most 2|e|B + B²; then six terms are summed.
        error = np.abs(measured.prediction - r)
        tolerance = np.mean(2 * error * bound + bound**2, axis=1)
        tolerance += gamma(2 * len(r) + 20) * np.sum(np.abs(terms), axis=0)
        distance = np.abs(measured.loss - np.sum(terms, axis=0))
        worst = max(worst, float(np.max(distance / tolerance)))
        sizeable = measured.loss > 1e-12
        if np.any(sizeable):
            relative = max(relative, float(np.max(distance[sizeable] / measured.loss[sizeable])))
        networks += len(ensemble.c)
    detail = (
        f"torch loss of {networks} trained networks against the sum of the six terms, in units of the "
        f"rounding bound; largest relative difference where the loss exceeds 1e-12: {relative:.2g}"
    )
    return column(worst, 1.0, detail)
