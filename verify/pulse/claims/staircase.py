"""The staircase: the pre-activations of random and of trained filters, as multisets."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import compile_values, exact_values
from numerics.arithmetic.rounding import preactivation_bound
from theory.pulse.staircase import Law
from verify.models.networks import load, signals
from verify.pulse.settings import LAWS
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

CHECKED_TAPS = (1, 3, 5, 9)


def check(law: Law, lab: Lab) -> Column:
    """Exact rational filters and radii: count the multisets that differ from the
    direct simulation.
    """
    rng = lab.rng("staircase")
    wrong = 0
    for k in range(lab.profile.draws):
        n = CHECKED_TAPS[k % len(CHECKED_TAPS)]
        m = n // 2 + int(rng.integers(1, 4))
        half_length = m + n // 2 + int(rng.integers(0, 3))
        w = [Fraction(int(v), 8) for v in rng.integers(-16, 17, n)]
        fraction = Fraction(int(rng.integers(0, 13)), 12)
        counts = law(n, m, half_length)
        values = exact_values(list(counts), n)(w, fraction)
        claimed: Counter[Fraction] = Counter()
        for value, count in zip(values, counts.values(), strict=True):
            claimed[Fraction(value)] += count
        x = oracle.overlap_pulse(m - Fraction(1, 2) + fraction, half_length)
        wrong += claimed != Counter(oracle.preactivations(w, Fraction(0), x))
    return column(wrong, 0, f"multisets, of {lab.profile.draws} in exact rationals, that differ")


def train(law: Law, lab: Lab) -> Column:
    """Sorted pre-activations of trained torch filters against the sorted values of the law."""
    worst, largest, networks = 0.0, 0.0, 0
    for setting in LAWS:
        ensemble = lab.ensemble(setting)
        radii, n = setting.radii, setting.taps
        half_length = radii.half_length(n)
        x = signals(radii, n)
        with torch.inference_mode():
            measured = np.stack(
                [
                    load(setting, ensemble.weights, j).preactivation(x).numpy()
                    for j in range(len(ensemble.c))
                ]
            )
        bound = preactivation_bound(ensemble.w, ensemble.b)[:, None, :]
        for index, (m, phi) in enumerate(zip(radii.m, radii.phi, strict=True)):
            counts = law(n, int(m), half_length)
            values = compile_values(list(counts), n)(ensemble.w, float(phi))
            claimed = np.repeat(values, list(counts.values()), axis=-1) + ensemble.b[..., None]
            if claimed.shape[-1] != measured.shape[-1]:
                return column(float("inf"), 1.0, "the law counts another number of positions")
            gap = np.abs(np.sort(claimed, axis=-1) - np.sort(measured[:, index], axis=-1))
            worst = max(worst, float(np.max(gap / bound[:, 0, :, None])))
            largest = max(largest, float(np.max(gap)))
        networks += len(ensemble.c)
    detail = (
        f"largest distance between sorted pre-activations of {networks} trained networks and the"
        f" law is {largest:.2g}; the figure is in units of the rounding bound"
    )
    return column(worst, 1.0, detail)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "pre-activations at every position, from the double sum with symbols for taps",
            ("theory.pulse.network.preactivations",),
        ),
        check=Judge(
            "pre-activations at every position, by loops in fractions",
            ("numerics.arithmetic.oracle",),
        ),
        training=Judge(
            "pre-activations of trained torch.nn.Conv1d",
            ("verify.models.networks", "verify.optimise.ensemble"),
        ),
    ),
    needs=lambda profile: LAWS,
)
"""What the claim rests on."""
