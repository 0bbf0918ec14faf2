"""The worst error over every real radius: no torch answer is worse, and the certificate says the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
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
from verify.pulse.certified import certificates, certified_net, plateau
from verify.pulse.settings import BENT, finished_and_stopped
from verify.report.evidence import Evidence, Judge, Judges
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


FINE = 48
"""Radii per pixel of the slow simulation."""


@dataclass(frozen=True)
class Simulated:
    """A random network in rational numbers, its answer r̂ - r, and per cell m where it is farthest
    from its chord.
    """

    name: str
    w: list[list[Fraction]]
    b: list[Fraction]
    error: Callable[[fmpq], fmpq]
    farthest: dict[int, fmpq]

    def bend(self, m: int, x: fmpq) -> fmpq:
        """The error less its chord: a line moves no place, and does not hide the bends between the
        ends.
        """
        start = m - fmpq(1, 2)
        chord = (1 - x) * self.error(start) + x * self.error(start + 1)
        return abs(self.error(start + x) - chord)


def _error(
    w: list[list[Fraction]], b: list[Fraction], a: list[Fraction], sigma: Callable[[Any], Any]
) -> Callable[[fmpq], fmpq]:
    """r̂ - r by the slow simulation, in flint's rationals; every radius once."""
    taps, length = [list(map(rational, row)) for row in w], 3 + len(w[0])
    biases, readout = list(map(rational, b)), list(map(rational, a))

    @cache
    def error(r: fmpq) -> fmpq:
        x = oracle.overlap_pulse(r, length)
        return fmpq(oracle.answer(taps, biases, readout, -r, sigma, x))

    return error


def _simulated(lab: Lab) -> tuple[Simulated, ...]:
    """No law is asked."""
    rng, networks = lab.rng("extremes"), []

    def quarters(count: int) -> list[Fraction]:
        return [Fraction(int(rng.integers(-12, 13)), 4) for _ in range(count)]

    for t in range(max(lab.profile.draws // 2, 48)):
        name = ("relu", "leaky_relu", "abs", "hardtanh")[t % 4]
        n, channels = (3, 5, 1)[t // 4 % 3], 1 + t % 2
        w = [quarters(n) for _ in range(channels)]
        b, a = quarters(channels), quarters(channels)
        error = _error(w, b, a, oracle.RATIONAL[name])
        network = Simulated(name, w, b, error, {})
        for m in (1, n // 2 + 1, 3):
            network.farthest[m] = max(network.bend(m, fmpq(j, FINE)) for j in range(FINE + 1))
        networks.append(network)
    return tuple(networks)


def check(law: Extremes, lab: Lab) -> Column:
    """Random networks in rational numbers: the slow simulation is never farther from the chord than
    at the law's places.
    """
    wrong = 0
    for network in lab.once("extremes/simulated", _simulated, lab):
        for m, farthest in network.farthest.items():
            places = _places(law, network.name, network.w, network.b, m)
            wrong += not any(network.bend(m, rational(x)) >= farthest for x in places)
    detail = (
        "cells of random networks, simulated in rationals, on which some radius is farther from the"
        " chord than all places of the law"
    )
    return column(wrong, 0, detail)


def train(law: Extremes, lab: Lab) -> Column:
    """torch at 64 radii per pixel against the exact worst error, in units of the bound on rounding;
    and its certificate.
    """
    worst, bent, refused, networks = 0.0, 0, 0, 0
    for setting in BENT:
        radii, weights = setting.radii, finished_and_stopped(lab, setting, FINISHED)
        domain = plateau(setting)
        fine = radii.first - 0.5 + np.arange(radii.cells * GRID + 1) / GRID
        x = torch.tensor(pulse(fine, domain.half_length))
        for j, claim in enumerate(certificates(lab, setting, weights)):
            w, b = weights.w[j].tolist(), weights.b[j].tolist()
            net = certified_net(setting, weights, j)
            claimed = _claimed(law, setting, net, w, b, domain)
            bound = float(running_error(net, domain)) + 8 * float(np.max(fine)) * 2.0**-53
            with torch.no_grad():
                measured = float(
                    torch.max(torch.abs(load(setting, weights, j)(x) - torch.tensor(fine)))
                )
            worst = float(np.max([worst, (measured - float(claimed)) / bound]))
            refused += claim is None or claim["worst"] != (claimed, claimed)
            bent += claimed > Fraction(1, 10**6)
            networks += 1
    detail = (
        f"how far torch, at {GRID} radii per pixel, exceeds the exact worst error over every real"
        f" radius, in units of the bound on rounding ({networks} networks, finished and stopped on"
        f" the way, {bent} of which err by more than 1e-6); all {networks - refused} certificates"
        " were accepted and say the same"
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


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "pre-activations from the double sum, window by window",
            ("theory.pulse.network.preactivations",),
        ),
        check=Judge(
            "answers simulated by loops, at 48 radii per pixel and at the law's places",
            ("numerics.arithmetic.oracle", f"{__name__}._error", f"{__name__}.Simulated"),
        ),
        training=Judge(
            "answers of torch modules at 64 radii per pixel, and the certificate checker",
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
