"""The worst radius of an explained network on the user's own module, in its own type."""

from __future__ import annotations

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
    worst, half = explanation.worst_error, explanation.setup.domain.half_length
    allowed = None
    if isinstance(explanation, ImageExplanation):
        radius = Fraction(explanation.worst_error.radius)
        light = disk([float(radius)], half)[0]
        low = high = Fraction(explanation.worst_error.value)
        attained = True
    else:
        found = explanation.worst_error
        radius, attained = fraction(found.radius), found.attained
        light = np.array([float(_pixel(radius, i)) for i in range(-half, half + 1)])
        ends = found.value if isinstance(found.value, tuple) else (found.value, found.value)
        low, high = map(fraction, ends)
        runs = found.as_it_runs.get(live.dtype)
        if runs is not None and live.dtype == live.checkpoint.dtype:
            allowed = runs - float(high)
    error = Fraction(live.answer(torch.from_numpy(light))) - radius
    apart = max(abs(error) - high, low - abs(error), Fraction(0))
    return Replay(
        radius=float(radius),
        error=float(error),
        dtype=live.dtype,
        certified=worst.about if isinstance(explanation, SignalExplanation) else worst.value,
        allowed=allowed,
        agrees=float(apart) <= (explanation.tolerance if allowed is None else allowed)
        if attained
        else None,
    )


def _pixel(radius: Fraction, i: int) -> Fraction:
    return min(max(radius + HALF - abs(i), Fraction(0)), Fraction(1))
