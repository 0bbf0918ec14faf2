"""The worst radius of an explained network on the user's own module, in its own type."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch

from numerics.arithmetic.numbers import fraction
from numerics.disk.disk import disk
from verify.explain.value import ImageExplanation, Replay, SignalExplanation
from verify.models.module import Live

__all__ = ["replayed"]

HALF = Fraction(1, 2)


def replayed(explanation: SignalExplanation | ImageExplanation, live: Live) -> Replay:
    """Show the module the pulse, or the disk, at which it errs most, and compare.

    A pixel is rounded once to the module's type, which the bound on rounding allows for.  Where
    layers were folded there is no such bound: the module computes with them as they are.
    """
    half, limit = explanation.setup.domain.half_length, Fraction(explanation.tolerance)
    allowed, attained = None, True
    if isinstance(explanation, ImageExplanation):
        certified = explanation.worst_error.value
        radius = Fraction(explanation.worst_error.radius)
        low = high = Fraction(certified)
        light = disk([float(radius)], half)[0]
    else:
        worst = explanation.worst_error
        certified, attained = worst.about, worst.attained
        radius = fraction(worst.radius)
        ends = worst.value if isinstance(worst.value, tuple) else (worst.value, worst.value)
        low, high = map(fraction, ends)
        light = np.array([float(_pixel(radius, i)) for i in range(-half, half + 1)])
        runs = worst.as_it_runs.get(live.dtype)
        if runs is not None and live.dtype == live.checkpoint.dtype:
            limit = Fraction(runs) - high
            allowed = float(limit)
    answer = live.answer(torch.from_numpy(light))
    error, agrees = math.inf, False
    if math.isfinite(answer):
        exact = Fraction(answer) - radius
        apart = max(abs(exact) - high, low - abs(exact), Fraction(0))
        error, agrees = float(exact), apart <= limit
    return Replay(
        radius=float(radius),
        error=error,
        dtype=live.dtype,
        certified=certified,
        allowed=allowed,
        agrees=agrees if attained else None,
    )


def _pixel(radius: Fraction, i: int) -> Fraction:
    return min(max(radius + HALF - abs(i), Fraction(0)), Fraction(1))
