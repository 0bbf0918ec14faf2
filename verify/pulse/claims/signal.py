"""The pulse: exact rationals against the definition, and one-tap networks that
learn to weigh it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import sympy as sp

from numerics.arithmetic.oracle import overlap_pulse
from numerics.arithmetic.rounding import prediction_bound
from numerics.pulse.sample import pulse
from theory.pulse.signal import Law
from verify.models.networks import measure
from verify.models.problem import Setting
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import figure, pulses
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "figures", "train"]

SCALE = Setting("identity", 1, 1)
"""One tap, no nonlinearity: the network is a pair of scales that weighs the pulse."""


def check(law: Law, lab: Lab) -> Column:
    """Count the pixels on which law, definition (exact rationals) and the numpy pulse differ."""
    rng = lab.rng("signal")
    wrong = pixels = 0
    for _ in range(lab.profile.draws):
        m, half_length = int(rng.integers(1, 9)), 9
        fraction = Fraction(int(rng.integers(0, 65)), 64)
        r = m - Fraction(1, 2) + fraction
        exact = overlap_pulse(r, half_length)
        sampled = pulse(float(r), half_length)
        for i in range(-half_length, half_length + 1):
            claimed = law(i, m, sp.Rational(fraction.numerator, fraction.denominator))
            value = Fraction(claimed)
            wrong += not (value == exact[i + half_length] == Fraction(sampled[i + half_length]))
            pixels += 1
    return column(wrong, 0, f"pixels, of {pixels}, on which law, definition and numpy pulse differ")


def train(law: Law, lab: Lab) -> Column:
    """r̂ of trained one-tap networks against a w Σ x_r + c + N a b with the pixels of the law."""
    ensemble = lab.ensemble(SCALE)
    radii, half_length = SCALE.radii, SCALE.radii.half_length(1)
    size = 2 * half_length + 1
    total = np.array(
        [
            float(
                sum(
                    law(i, int(m), sp.Rational(float(phi)))
                    for i in range(-half_length, half_length + 1)
                )
            )
            for m, phi in zip(radii.m, radii.phi, strict=True)
        ]
    )
    gain = (ensemble.a * ensemble.w[:, :, 0])[:, 0]
    background = ensemble.c + size * (ensemble.a * ensemble.b)[:, 0]
    claimed = gain[:, None] * total + background[:, None]
    bound = prediction_bound(
        ensemble.w, ensemble.b, ensemble.a, ensemble.c, radii.r, size, SCALE.activation
    )
    distance = np.abs(measure(ensemble).prediction - claimed)
    detail = (
        f"largest distance between r̂ of {len(gain)} trained one-tap networks and the weighed pulse"
        f" is {np.max(distance):.2g} (figure: in units of the rounding bound); their gain 2wa - 1"
        f" is at most {np.max(np.abs(2 * gain - 1)):.2g}"
    )
    return column(float(np.max(distance / bound)), 1.0, detail)


def figures(lab: Lab) -> tuple[Figure, ...]:
    """Four pulses."""
    caption = (
        r"Pixel $i$ holds the part of it that the stretch from $-r$ to $r$ covers: 1 inside, the"
        r" fraction "
        r"$\varphi$ at the border, 0 outside."
    )
    return (figure("signal-pulses", "Four pulses", caption, pulses([0.5, 1.75, 3.5, 5.25], 7)),)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the overlap of two intervals by maxima and minima, at the ends and the middle "
            "of a cell",
            ("theory.pulse.signal.overlap",),
        ),
        check=Judge("the overlap of two intervals in fractions", ("numerics.arithmetic.oracle",)),
        training=Judge(
            "torch.nn.Conv1d with one tap, trained, on sampled pulses",
            ("verify.models.networks", "verify.optimise.ensemble"),
        ),
    ),
    needs=lambda profile: (SCALE,),
    figures=figures,
)
"""What the claim rests on."""
