"""The loss over every real radius: from the bends alone, against simulations, torch and
certificates.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from numerics.arithmetic import oracle
from numerics.arithmetic.numbers import fraction
from numerics.arithmetic.rounding import gamma
from numerics.pulse.channel import exact_quantities
from numerics.pulse.sample import pulse
from theory.certificates.averages import Averages, Bends, moments
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.kinks import crossings
from theory.pulse.loss import attribution, residuals
from verify.models.networks import load
from verify.models.problem import NetworkBatch, Setting
from verify.pulse.certified import accepted, answer_error, certified_net, plateau
from verify.pulse.settings import BENT, finished_and_stopped
from verify.report.evidence import Evidence
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

Array = NDArray[np.float64]
FINISHED = 6
"""Networks per setting at their end, beside those stopped on the way."""
PLACES = 8
"""The bends of the check's networks fall on eighths."""


def check(law: Averages, lab: Lab) -> Column:
    """Random networks in rational numbers whose bends fall on eighths: Simpson's rule is exact
    there.

    Slope, offset and bends are read off the simulated answers at the eighths, not from any law.
    """
    rng = lab.rng("averages")
    cases = max(lab.profile.draws // 2, 24)
    wrong = 0
    for t in range(cases):
        name = ("relu", "leaky_relu", "abs", "hardtanh")[t % 4]
        n, channels, cells = (3, 5, 1)[t // 4 % 3], 1 + t % 2, 1 + t % 3
        w = [[Fraction(int(x)) for x in rng.choice([-2, -1, 1, 2], n)] for _ in range(channels)]
        b, a = ([Fraction(int(x), 4) for x in rng.integers(-6, 7, channels)] for _ in range(2))
        sigma, first = oracle.RATIONAL[name], n // 2 + 1

        def error(r: Fraction) -> Fraction:
            x = oracle.overlap_pulse(r, 4 + n)  # noqa: B023
            return Fraction(oracle.answer(w, b, a, -r, sigma, x))  # noqa: B023

        start = Fraction(2 * first - 1, 2)
        e = [error(start + Fraction(j, PLACES)) for j in range(cells * PLACES + 1)]
        middles = [error(start + Fraction(2 * j + 1, 2 * PLACES)) for j in range(cells * PLACES)]
        thirds = [x * x + 4 * y * y + z * z for x, y, z in zip(e, middles, e[1:], strict=False)]
        direct = sum(thirds, Fraction(0)) / (6 * PLACES * cells)
        alpha = e[PLACES] - e[0]
        bends = [
            (PLACES * (e[j + 1] - 2 * e[j] + e[j - 1]), Fraction(j, PLACES))
            for j in range(1, PLACES)
        ]
        terms = attribution(alpha, e[0] - alpha * start, moments(law, bends, first, cells))
        wrong += direct != sum(terms)
    detail = (
        f"networks, of {cases} in exact rationals, whose mean squared error over all real radii, by"
        " Simpson's rule on simulated answers, is not that of the law"
    )
    return column(wrong, 0, detail)


def train(law: Averages, lab: Lab) -> Column:
    """The mean squared error of torch networks over all real radii, by Simpson's rule between the
    bends, and certificates.
    """
    worst, networks, missed, bent = 0.0, 0, 0, 0
    for setting in BENT:
        weights = finished_and_stopped(lab, setting, FINISHED)
        for j in range(len(weights.c)):
            claimed, bends = _claimed(law, setting, weights, j)
            measured, bound = _measured(setting, weights, j, sorted({s for _, s in bends}))
            worst = float(np.max([worst, abs(measured - float(claimed)) / bound]))
            missed += not _certified(setting, weights, j, claimed)
            bent += bool(bends)
        networks += len(weights.c)
    detail = (
        f"mean squared error of {networks} torch networks over all real radii, finished and stopped"
        f" on the way, {bent} of which bend, against the law, in units of the bound on rounding;"
        f" {networks - missed} certificates were accepted and hold the law's value"
    )
    return column(worst if not missed and bent else float("inf"), 1.0, detail)


def _claimed(
    law: Averages, setting: Setting, weights: NetworkBatch, j: int
) -> tuple[Fraction, Bends]:
    """The law's loss in exact numbers, and the bends of the whole network."""
    kinks = [
        (fraction(k.location), fraction(k.jump)) for k in ACTIVATIONS[setting.activation].kinks
    ]
    sigma = oracle.RATIONAL[setting.activation]
    w, b, a = (getattr(weights, name)[j].tolist() for name in "wba")
    rows, biases = [[Fraction(x) for x in row] for row in w], [Fraction(x) for x in b]
    bends = [
        (Fraction(y) * x.jump, x.star)
        for row, bias, y in zip(rows, biases, a, strict=True)
        for x in crossings(row, bias, kinks)
    ]
    each = [
        exact_quantities(row, oracle.shifted(sigma, bias), [])
        for row, bias in zip(rows, biases, strict=True)
    ]
    radii = setting.radii
    size = setting.pixels
    alpha, beta, _ = residuals(
        [Fraction(y) for y in a],
        Fraction(float(weights.c[j])),
        size,
        [q.slope for q in each],
        [q.background for q in each],
        [q.kappa for q in each],
        [Fraction(0) for _ in each],
    )
    terms = attribution(alpha, beta, moments(law, bends, radii.first, radii.cells))
    return sum(terms, Fraction(0)), bends


def _measured(
    setting: Setting, weights: NetworkBatch, j: int, places: Sequence[Fraction]
) -> tuple[float, float]:
    """(torch's mean squared error by Simpson's rule, exact but for rounding; the bound on that)."""
    radii = setting.radii
    cuts = np.array([0.0, *map(float, places), 1.0])
    low, high = cuts[:-1], cuts[1:]
    phi = np.stack([low, (low + high) / 2, high], axis=1)
    share = (high - low)[:, None] * np.array([1.0, 4.0, 1.0]) / 6
    r = radii.first - 0.5 + np.arange(radii.cells)[:, None, None] + phi
    length = radii.half_length(setting.taps)
    with torch.no_grad():
        answer = load(setting, weights, j)(torch.tensor(pulse(r.ravel(), length))).numpy()
    error = answer.reshape(r.shape) - r
    loss = float(np.sum(share * error**2) / radii.cells)
    off = answer_error(setting, weights, j, float(np.max(r)))
    most = float(np.max(np.abs(error)))
    return loss, (2 * most + off) * off + float(gamma(r.size + 8)) * loss


def _certified(setting: Setting, weights: NetworkBatch, j: int, claimed: Fraction) -> bool:
    """The certificate is accepted, and the law's value lies where it says."""
    claim = accepted(certified_net(setting, weights, j), plateau(setting))
    return claim is not None and claim["mean_square"][0] <= claimed <= claim["mean_square"][1]


EVIDENCE = Evidence(check=check, train=train, needs=lambda profile: BENT)
"""What the claim rests on."""
