"""An explained network on the user's own module, in its own type: at the worst radius, and at an
even grid of radii.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from numerics.arithmetic.numbers import fraction, to_float
from numerics.certificates.conditions import exact_of
from numerics.disk.disk import disk
from numerics.pulse.sample import pulse
from verify.explain.value import ImageExplanation, Replay, SignalExplanation
from verify.models.live.module import Live
from verify.models.networks import elementwise

__all__ = ["replayed"]

HALF = Fraction(1, 2)
GRID = 33
"""Radii, both ends among them."""


def replayed(explanation: SignalExplanation | ImageExplanation, live: Live) -> Replay:
    """Show the module the pulse, or the disk, at which it errs most, and those of a grid, and
    compare.

    At the worst radius the error that was found is compared, on the grid the answer of what was
    read, in float64; the radius that is kept is the worst one, unless it agrees and another does
    not. A pixel is rounded once to the module's type, which the bound on rounding allows for.
    Where layers were folded there is no such bound: the module computes with them as they are.
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
    error, apart = math.inf, math.inf
    if math.isfinite(answer):
        exact = Fraction(answer) - radius
        error = float(exact)
        apart = float(max(abs(exact) - high, low - abs(exact), Fraction(0)))
    replay = Replay(
        radius=float(radius),
        error=error,
        dtype=live.dtype,
        certified=certified,
        apart=apart,
        allowed=allowed,
        agrees=apart <= limit if attained else None,
    )
    if replay.agrees is False:
        return replay
    return max(_otherwise(explanation, live, limit, allowed), key=_apart, default=replay)


def _apart(replay: Replay) -> float:
    return replay.apart


def _otherwise(
    explanation: SignalExplanation | ImageExplanation,
    live: Live,
    limit: Fraction,
    allowed: float | None,
) -> Iterator[Replay]:
    """The radii of the grid at which the module answers otherwise than what was read of it."""
    domain, more = explanation.setup.domain, 0.0
    if allowed is not None and isinstance(explanation, SignalExplanation):
        # What was read is computed in float64, too, and rounded.
        worst = explanation.worst_error
        more = worst.as_it_runs["float64"] - worst.about
    kinds = {torch.float64, getattr(torch, live.dtype) if _jumps(explanation) else torch.float64}
    for r in np.linspace(to_float(domain.low), to_float(domain.high), GRID):
        images = isinstance(explanation, ImageExplanation)
        light = torch.from_numpy((disk if images else pulse)(np.array([r]), domain.half_length)[0])
        answer = live.answer(light)
        # Beside a jump the smallest rounding may decide: the same roundings are as good as none.
        read = min(
            (_read(explanation, light.to(kind)) for kind in kinds), key=lambda x: abs(x - answer)
        )
        apart = abs(answer - read) if math.isfinite(answer) and math.isfinite(read) else math.inf
        if apart > limit + Fraction(more):
            error = answer - r if math.isfinite(answer) else math.inf
            yield Replay(float(r), float(error), live.dtype, abs(read - r), apart, allowed, False)


def _jumps(explanation: SignalExplanation | ImageExplanation) -> bool:
    if isinstance(explanation, ImageExplanation):
        return explanation.lattice is None
    net = exact_of(explanation.stored, explanation.setup.activation)
    return net is not None and not net.sigma.continuous


def _read(explanation: SignalExplanation | ImageExplanation, light: Tensor) -> float:
    """r̂ of what was read, in the type of the light."""
    checkpoint, setup = explanation.checkpoint, explanation.setup
    domain, taps = setup.domain, explanation.taps
    w, b, a = (torch.tensor(x).to(light) for x in (checkpoint.w, checkpoint.biases, checkpoint.a))
    mode = "constant" if domain.padding in ("zeros", "valid") else domain.padding
    seen = functional.pad(light[None, None], [domain.padded(taps)] * 2 * light.ndim, mode=mode)
    convolve = functional.conv1d if light.ndim == 1 else functional.conv2d
    values = elementwise(setup.activation).to(light)(convolve(seen, w[:, None], b)).flatten(2)
    pooled = values.sum(2) if setup.pooling == "sum" else values.mean(2)
    return float(pooled[0] @ a) + checkpoint.offset


def _pixel(radius: Fraction, i: int) -> Fraction:
    return min(max(radius + HALF - abs(i), Fraction(0)), Fraction(1))
