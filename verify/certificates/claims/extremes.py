"""The worst error over every real radius: no torch answer is worse, and the certificate says the same."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from flint import fmpq

from numerics.arithmetic import oracle
from numerics.arithmetic.numbers import fraction, rational
from numerics.certificates.running import running_error
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import error_on
from numerics.pulse.sample import pulse
from theory.certificates.extremes import Extremes
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.network import Network
from verify.models.networks import load
from verify.models.problem import Setting
from verify.pulse.certified import accepted, certified_net, plateau
from verify.pulse.settings import BENT, finished_and_stopped
from verify.report.evidence import Evidence
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

FINISHED = 12
"""Networks per setting at their end; those stopped on the way bend."""
GRID = 64
"""Radii per pixel at which torch is asked; they and their pulses are exact in binary."""


def _kinks(name: str) -> list[Fraction]:
    return [fraction(k.location) for k in ACTIVATIONS[name].kinks]


def _places(
    law: Extremes, name: str, w: Sequence[Sequence[Fraction]], b: Sequence[Fraction], m: int
) -> list[Fraction]:
    """0, 1 and the law's φ inside."""
    places = {Fraction(0), Fraction(1)}
    for row, bias in zip(w, b, strict=True):
        for kink in _kinks(name):
            places |= {x for x in law.places(row, bias, kink, m) if 0 < x < 1}
    return sorted(places)


def check(law: Extremes, lab: Lab) -> Column:
    """Random networks in rational numbers: the slow simulation at 48 radii per pixel is never farther from the chord than at the law's places."""
    rng = lab.rng("extremes")
    wrong = 0
    for t in range(max(lab.profile.draws // 2, 48)):
        name = ("relu", "leaky_relu", "abs", "hardtanh")[t % 4]
        n, channels = (3, 5, 1)[t // 4 % 3], 1 + t % 2
        some = lambda: Fraction(int(rng.integers(-12, 13)), 4)
        w = [[some() for _ in range(n)] for _ in range(channels)]
        b, a = [some() for _ in range(channels)], [some() for _ in range(channels)]
        sigma = oracle.RATIONAL[name]

        def answer(r: Fraction) -> Fraction:
            x = oracle.overlap_pulse(r, 3 + n)  # noqa: B023
            return Fraction(oracle.answer(w, b, a, -r, sigma, x))  # noqa: B023

        for m in (1, n // 2 + 1, 3):
            start = m - Fraction(1, 2)
            ends = answer(start), answer(start + 1)
            # Less its chord: a line moves no place, and does not hide the bends between the ends.
            bent = lambda x: abs(answer(start + x) - (1 - x) * ends[0] - x * ends[1])  # noqa: B023
            worst = max(bent(x) for x in _places(law, name, w, b, m))
            wrong += any(bent(Fraction(j, 48)) > worst for j in range(49))
    detail = "cells of random networks, simulated in rationals, on which some radius is farther from the chord than all places of the law"
    return column(wrong, 0, detail)


def train(law: Extremes, lab: Lab) -> Column:
    """torch at 64 radii per pixel against the exact worst error, in units of the bound on rounding; and its certificate."""
    worst, bent, refused, networks = 0.0, 0, 0, 0
    for setting in BENT:
        radii, weights = setting.radii, finished_and_stopped(lab, setting, FINISHED)
        domain = plateau(setting)
        fine = radii.first - 0.5 + np.arange(radii.cells * GRID + 1) / GRID
        x = torch.tensor(pulse(fine, domain.half_length))
        for j in range(len(weights.c)):
            w, b = weights.w[j].tolist(), weights.b[j].tolist()
            net = certified_net(setting, weights, j)
            claimed = _claimed(law, setting, net, w, b, domain)
            bound = float(running_error(net, domain)) + 8 * float(np.max(fine)) * 2.0**-53
            with torch.no_grad():
                measured = float(torch.max(torch.abs(load(setting, weights, j)(x) - torch.tensor(fine))))  # fmt: skip
            worst = float(np.max([worst, (measured - float(claimed)) / bound]))
            claim = accepted(net, domain)
            refused += claim is None or claim["worst"] != (claimed, claimed)
            bent += claimed > Fraction(1, 10**6)
            networks += 1
    detail = (
        f"how far torch, at {GRID} radii per pixel, exceeds the exact worst error over every real radius, in units of the bound on rounding ({networks} networks, finished and "
        f"stopped on the way, {bent} of which err by more than 1e-6); all {networks - refused} certificates were accepted and say the same"
    )
    return column(worst if not refused and bent else float("inf"), 1.0, detail)


def _claimed(
    law: Extremes, setting: Setting, net: Network[fmpq], w: Any, b: Any, domain: Domain
) -> Fraction:
    """The largest |r̂ - r| at the law's places."""
    radii = setting.radii
    rows, biases = [[Fraction(x) for x in row] for row in w], [Fraction(x) for x in b]
    most = fmpq(0)
    for m in range(radii.first, radii.first + radii.cells):
        error = error_on(net, m, domain)
        for place in _places(law, setting.activation, rows, biases, m):
            most = max(most, abs(error(rational(place))))
    return fraction(most)


EVIDENCE = Evidence(check=check, train=train, needs=lambda profile: BENT)
"""What the claim rests on."""
