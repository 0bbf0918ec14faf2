"""Kink balance: the bends of random filters in exact rationals, and of trained
networks in torch.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.numbers import fraction
from numerics.arithmetic.rounding import prediction_bound
from numerics.arithmetic.types import Array
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.kinks import LAW, KinkLaw, bridge, cell, crossings
from verify.models.networks import Bundle, signals, weights_of
from verify.models.problem import NetworkBatch, Setting
from verify.pulse.settings import STRAIGHT, finished_and_stopped, stopped
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import error_between, figure, staircase
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.render import sentence
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "figures", "predicted_bend", "train"]

Sigma = Callable[[Any], Any]


def check(law: KinkLaw, lab: Lab) -> Column:
    """Exact rational filters: D and exactness are what the law says, or the first is counted where
    they are not.
    """
    rng = lab.rng("kinks")
    wrong = exact = 0
    for k in range(lab.profile.draws):
        name = ("relu", "leaky_relu", "abs", "hardtanh")[k % 4]
        n = (3, 5, 1, 7)[(k // 4) % 4]
        kinks = _kinks(name)
        w = [Fraction(int(v), 2) for v in rng.integers(-3, 4, n)]
        b = Fraction(int(rng.integers(-6, 7)), 2)
        met = crossings(w, b, kinks, law)
        fractions = [Fraction(t, 5) for t in range(6)] + [crossing.star for crossing in met]
        bends = [_direct_bend(w, b, oracle.RATIONAL[name], fraction) for fraction in fractions]
        claimed = [
            -sum((x.jump * bridge(fraction, x.star) for x in met), Fraction(0))
            for fraction in fractions
        ]
        wrong += bends != claimed
        if name != "hardtanh":
            kind = cell(w, b).kind
            straight = kind != "crossed"
            wrong += straight and (kind == "threshold") != _both_sides(w, b)
            exact += straight
            wrong += straight != (not any(bends))
        if wrong:
            return column(wrong, 0, f"disagreements in filter {k + 1} of {lab.profile.draws}")
    detail = sentence("kinks", "check", draws=lab.profile.draws, exact=exact)
    return column(wrong, 0, detail)


def _both_sides(w: list[Fraction], b: Fraction) -> bool:
    """Pre-activations of both signs occur while the pulse grows by one pixel."""
    m, half_length = len(w) // 2 + 1, len(w)
    values = [
        value
        for fraction in (Fraction(0), Fraction(1, 2), Fraction(1))
        for value in oracle.preactivations(
            w, b, oracle.overlap_pulse(m - Fraction(1, 2) + fraction, half_length)
        )
    ]
    return bool(min(values) < 0 < max(values))


def _kinks(name: str) -> list[tuple[Fraction, Fraction]]:
    return [(fraction(k.location), fraction(k.jump)) for k in ACTIVATIONS[name].kinks]


def _direct_bend(w: list[Fraction], b: Fraction, sigma: Sigma, fraction: Fraction) -> Fraction:
    """How far the simulated response leaves its chord on the first plateau cell."""
    m, half_length = len(w) // 2 + 1, len(w)

    def response(phi: Fraction) -> Fraction:
        x = oracle.overlap_pulse(m - Fraction(1, 2) + phi, half_length)
        return Fraction(oracle.pooled(w, b, sigma, x))

    ends = response(Fraction(0)), response(Fraction(1))
    return response(fraction) - (1 - fraction) * ends[0] - fraction * ends[1]


def predicted_bend(law: KinkLaw, setting: Setting, weights: NetworkBatch, phi: Array) -> Array:
    """D(φ), φ (F,), of every network of a batch by the kernel formula: (B, F)."""
    kinks = [(float(t), float(jump)) for t, jump in _kinks(setting.activation)]
    result = np.zeros((len(weights.c), len(phi)))
    for j in range(len(weights.c)):
        for k in range(setting.channels):
            for x in crossings(weights.w[j, k].tolist(), float(weights.b[j, k]), kinks, law):
                kernel = np.minimum(phi, x.star) * (1 - np.maximum(phi, x.star))
                result[j] -= weights.a[j, k] * x.jump * kernel
    return result


def train(law: KinkLaw, lab: Lab) -> Column:
    """How far r̂ of torch networks leaves its chord between half-integers, against the kernel.

    Finished networks hardly bend, so networks stopped on the way are measured as well.  Three
    measured answers enter, so the rounding bound is three times that of one.
    """
    worst, largest, networks, bent = 0.0, 0.0, 0, 0
    for setting in STRAIGHT:
        weights = finished_and_stopped(lab, setting)
        radii = setting.radii
        answers = _answers(setting, weights).reshape(-1, radii.cells, radii.per_cell)
        size = setting.pixels
        bounds = prediction_bound(
            weights.w, weights.b, weights.a, weights.c, radii.r, size, setting.activation
        )
        bound = 3 * np.max(bounds, axis=1)
        phi = radii.phi[: radii.per_cell]
        chord = (1 - phi) * answers[:, :-1, :1] + phi * answers[:, 1:, :1]
        claimed = predicted_bend(law, setting, weights, phi)
        distance = np.abs(answers[:, :-1] - chord - claimed[:, None, :])
        worst = max(worst, float(np.max(np.max(distance, axis=(1, 2)) / bound)))
        largest = max(largest, float(np.max(distance)))
        networks += len(weights.c)
        bent += int(np.sum(np.max(np.abs(claimed), axis=1) > bound))
    detail = sentence("kinks", "train", networks=networks, bent=bent, largest=largest)
    return column(worst, 1.0, detail)


def _answers(setting: Setting, weights: NetworkBatch) -> Array:
    x = signals(setting.radii, setting.taps)
    with torch.inference_mode():
        return np.asarray(Bundle(setting, weights)(x).numpy())


def figures(lab: Lab) -> tuple[Figure, ...]:
    """r̂ - r of an unfinished network between half-integers, against α r + β + D(φ)."""
    setting = Setting("relu", 1, 5)
    weights = weights_of(stopped(lab, setting))
    j = int(np.argmax(np.ptp(predicted_bend(LAW, setting, weights, np.linspace(0, 1, 33)), axis=1)))
    chosen = weights[np.array([j])]
    error = _answers(setting, chosen)[0] - setting.radii.r
    # The line through the first two half-integers is α r + β; the kernel formula adds the bend.
    q = setting.radii.per_cell
    r = setting.radii.r
    line = error[0] + (error[q] - error[0]) * (r - r[0])
    bend = predicted_bend(LAW, setting, chosen, setting.radii.phi)[0]
    caption = sentence("kinks", "caption")
    bent = error_between(r, error - line, bend, "r̂(r) − r − (αr + β)")
    words = (
        r"Its two staircases and $-b$, the place of the kink. Steps that cross it bend the answer."
    )
    filter_drawing = staircase(chosen.w[0, 0], float(chosen.b[0, 0]))
    return (
        figure("kinks-filter", "An unfinished filter", words, filter_drawing),
        figure("kinks-bend", "The bend between half-integers", caption, bent),
    )


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the double sum with an undefined g less its chord; hinges written out",
            ("theory.pulse.network.direct_response",),
        ),
        check=Judge(
            "bends of responses simulated by loops in fractions", ("numerics.arithmetic.oracle",)
        ),
        training=Judge(
            "answers of torch modules between half-integers less their chord",
            ("verify.models.networks", "verify.optimise.sgd", "verify.optimise.ensemble"),
        ),
    ),
    needs=lambda profile: STRAIGHT,
    figures=figures,
)
"""What the claim rests on."""
