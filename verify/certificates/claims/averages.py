"""The loss over every real radius: from the bends alone, against simulations, torch and
certificates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from flint import fmpq

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
from verify.pulse.certified import answer_error, certificates
from verify.pulse.settings import BENT, finished_and_stopped
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

FINISHED = 6
"""Networks per setting at their end, beside those stopped on the way."""
PLACES = 8
"""The bends of the check's networks fall on eighths."""


@dataclass(frozen=True)
class Simulated:
    """A random network in rational numbers whose bends fall on eighths, and its mean squared error
    over whole cells by Simpson's rule, which is exact there.

    Slope, offset and bends are read off the simulated answers at the eighths, not from any law.
    """

    first: int
    cells: int
    alpha: Fraction
    beta: Fraction
    bends: Bends
    direct: Fraction


def _simulated(lab: Lab) -> tuple[Simulated, ...]:
    """No law is asked."""
    rng, networks = lab.rng("averages"), []
    for t in range(max(lab.profile.draws // 2, 24)):
        name = ("relu", "leaky_relu", "abs", "hardtanh")[t % 4]
        n, channels, cells = (3, 5, 1)[t // 4 % 3], 1 + t % 2, 1 + t % 3
        w = [[fmpq(int(x)) for x in rng.choice([-2, -1, 1, 2], n)] for _ in range(channels)]
        b, a = ([fmpq(int(x), 4) for x in rng.integers(-6, 7, channels)] for _ in range(2))
        sigma, first = oracle.RATIONAL[name], n // 2 + 1
        start = fmpq(2 * first - 1, 2)
        error = []
        for j in range(2 * cells * PLACES + 1):
            r = start + fmpq(j, 2 * PLACES)
            x = oracle.overlap_pulse(r, 4 + n)
            error.append(fraction(oracle.answer(w, b, a, -r, sigma, x)))
        e, middles = error[::2], error[1::2]
        thirds = [x * x + 4 * y * y + z * z for x, y, z in zip(e, middles, e[1:], strict=False)]
        direct = sum(thirds, Fraction(0)) / (6 * PLACES * cells)
        alpha = e[PLACES] - e[0]
        bends = [
            (PLACES * (e[j + 1] - 2 * e[j] + e[j - 1]), Fraction(j, PLACES))
            for j in range(1, PLACES)
        ]
        beta = e[0] - alpha * fraction(start)
        networks.append(Simulated(first, cells, alpha, beta, bends, direct))
    return tuple(networks)


def check(law: Averages, lab: Lab) -> Column:
    """Random networks in rational numbers, simulated: the law's loss from slope, offset and
    bends.
    """
    networks = lab.once("averages/simulated", _simulated, lab)
    wrong = 0
    for each in networks:
        averages = moments(law, each.bends, each.first, each.cells)
        wrong += each.direct != sum(attribution(each.alpha, each.beta, averages))
    detail = (
        f"networks, of {len(networks)} in exact rationals, whose mean squared error over all real"
        " radii, by Simpson's rule on simulated answers, is not that of the law"
    )
    return column(wrong, 0, detail)


def train(law: Averages, lab: Lab) -> Column:
    """The mean squared error of torch networks over all real radii, by Simpson's rule between the
    bends, and certificates.
    """
    worst, networks, missed, bent = 0.0, 0, 0, 0
    for setting in BENT:
        weights = finished_and_stopped(lab, setting, FINISHED)
        for j, claim in enumerate(certificates(lab, setting, weights)):
            claimed, bends = _claimed(law, setting, weights, j)
            measured, bound = _measured(setting, weights, j, sorted({s for _, s in bends}))
            worst = float(np.max([worst, abs(measured - float(claimed)) / bound]))
            low, high = claim["mean_square"] if claim else (1, 0)
            missed += not low <= claimed <= high  # rejected, or without the law's value
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


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "integrals of the kernel's branches and of a squared error, piece by piece",
            ("theory.certificates.averages._kernel",),
        ),
        check=Judge(
            "Simpson's rule, exact here, on answers simulated by loops in rationals",
            (f"{__name__}._simulated", "numerics.arithmetic.oracle"),
        ),
        training=Judge(
            "Simpson's rule on answers of torch modules, and the certificate checker",
            (
                "verify.models.networks",
                "verify.optimise.sgd",
                "verify.optimise.ensemble",
                "numerics.certificates.checker",
            ),
        ),
    ),
    needs=lambda profile: BENT,
)
"""What the claim rests on."""
