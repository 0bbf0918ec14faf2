"""An explained network run again: the user's own module in its own type, or the numbers of the file
in plain torch; at the worst radius, and at an even grid of radii.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from numerics.arithmetic.decimals import rounded_up
from numerics.arithmetic.numbers import fraction, to_float
from numerics.certificates.conditions import exact_of
from numerics.disk.disk import disk
from numerics.pulse.sample import pulse
from verify.explain.roundings import roundings
from verify.explain.value import ImageExplanation, Replay, SignalExplanation
from verify.models.checkpoint import Checkpoint
from verify.models.networks import elementwise
from verify.models.setup import Setup

if TYPE_CHECKING:
    from verify.models.live.module import Live

__all__ = ["FileNetwork", "confirmed", "neighbour_replayed", "replayed"]

HALF = Fraction(1, 2)
GRID = 33
"""Radii, both ends among them."""
OTHERWISE = "report the file: what was read of it and torch disagree"
"""What to do about a file whose network answers otherwise in torch."""


class FileNetwork:
    """The numbers of a file in the layers of torch.nn, in float64."""

    dtype = "float64"

    def __init__(
        self, checkpoint: Checkpoint, setup: Setup, subject: str = "the file itself"
    ) -> None:
        self.subject = f"{subject}, in torch"
        self.checkpoint = replace(checkpoint, dtype=self.dtype)
        channels, taps = checkpoint.w.shape[:2]
        domain = setup.domain
        layer: Any = nn.Conv1d if checkpoint.w.ndim == 2 else nn.Conv2d
        mode = "zeros" if domain.padding == "valid" else domain.padding
        pixels = domain.padded(taps)
        self.conv = layer(1, channels, taps, padding=pixels, padding_mode=mode).double()
        self.readout = nn.Linear(channels, 1).double()
        self.activation, self.pooling = elementwise(setup.activation), setup.pooling
        with torch.no_grad():
            self.conv.weight.copy_(torch.from_numpy(checkpoint.w)[:, None])
            self.conv.bias.copy_(torch.from_numpy(checkpoint.biases))
            self.readout.weight.copy_(torch.from_numpy(checkpoint.a))
            self.readout.bias.fill_(checkpoint.offset)

    @torch.no_grad()
    def answer(self, light: Tensor) -> float:
        """r̂ of one signal (N,) or image (N, N)."""
        values = self.activation(self.conv(light[None, None])).flatten(2)
        pooled = values.sum(2) if self.pooling == "sum" else values.mean(2)
        return float(self.readout(pooled))


def confirmed(
    explanation: SignalExplanation | ImageExplanation,
    network: FileNetwork | Live,
    otherwise: str = OTHERWISE,
) -> SignalExplanation | ImageExplanation:
    """The explanation with its replay; where torch answers otherwise, nothing is explained.

    The nearest exact network is run again, too.  ``otherwise`` is what to do about a difference.
    """
    replay = replayed(explanation, network)
    if replay.agrees is not False and isinstance(explanation, SignalExplanation):
        beside = neighbour_replayed(explanation)
        replay = replay if beside is None or beside.agrees else beside
    if replay.agrees is not False:
        return replace(explanation, replay=replay)
    return replace(
        explanation,
        replay=replay,
        grade="off",
        tolerance_needed=None,
        verdict=(
            f"not explained: {replay.short} answers otherwise than what was read of it, at r ="
            f" {replay.radius:.9g} by {rounded_up(replay.apart)}; what was read is"
            f" {explanation.verdict}"
        ),
        failing=(*explanation.failing, "replay"),
        alternatives=(),
        next_step=otherwise,
    )


def neighbour_replayed(explanation: SignalExplanation) -> Replay | None:
    """The nearest exact network, its weights rounded to float64, in torch, on the grid of radii.

    None where there is none, or where σ jumps, since the smallest rounding may decide there.  Each
    weight enters products that are rounded, so that to round it, too, at most doubles the bound.
    """
    near, exact, setup = explanation.near, explanation.exact, explanation.setup
    if near is None or exact is None or _jumps(explanation):
        return None
    checkpoint = explanation.checkpoint.holding(exact.mapped(float))
    network = FileNetwork(checkpoint, setup, "the nearest exact network")
    bound = roundings(exact, checkpoint, setup)[network.dtype]
    allowed = 2 * bound if isinstance(bound, Fraction) else None
    limit = Fraction(near.error) + (Fraction(explanation.tolerance) if allowed is None else allowed)
    domain = setup.domain
    radii = np.linspace(to_float(domain.low), to_float(domain.high), GRID)
    errors = [
        network.answer(torch.from_numpy(light)) - r
        for r, light in zip(radii, pulse(radii, domain.half_length), strict=True)
    ]
    worst = int(np.argmax(np.abs(errors)))
    size = abs(errors[worst])
    return Replay(
        subject=network.subject,
        radius=float(radii[worst]),
        error=float(errors[worst]),
        dtype=network.dtype,
        certified=float(near.error),
        apart=float(size),
        allowed=None if allowed is None else float(allowed),
        agrees=bool(size <= limit),
    )


def replayed(
    explanation: SignalExplanation | ImageExplanation, network: FileNetwork | Live
) -> Replay:
    """Show the network the pulse, or the disk, at which it errs most, and those of a grid, and
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
        inside = (radius + HALF - abs(i) for i in range(-half, half + 1))
        light = np.array([float(min(max(x, Fraction(0)), Fraction(1))) for x in inside])
        runs = worst.as_it_runs.get(network.dtype)
        if runs is not None and network.dtype == network.checkpoint.dtype:
            limit = Fraction(runs) - high
            allowed = float(limit)
    answer = network.answer(torch.from_numpy(light))
    error, apart = math.inf, math.inf
    if math.isfinite(answer):
        exact = Fraction(answer) - radius
        error = float(exact)
        apart = float(max(abs(exact) - high, low - abs(exact), Fraction(0)))
    replay = Replay(
        subject=network.subject,
        radius=float(radius),
        error=error,
        dtype=network.dtype,
        certified=certified,
        apart=apart,
        allowed=allowed,
        agrees=apart <= limit if attained else None,
    )
    if replay.agrees is False:
        return replay
    others = _otherwise(explanation, network, limit, allowed)
    return max(others, key=attrgetter("apart"), default=replay)


def _otherwise(
    explanation: SignalExplanation | ImageExplanation,
    network: FileNetwork | Live,
    limit: Fraction,
    allowed: float | None,
) -> Iterator[Replay]:
    """The radii of the grid at which the module answers otherwise than what was read of it."""
    domain, more = explanation.setup.domain, 0.0
    if allowed is not None and isinstance(explanation, SignalExplanation):
        # What was read is computed in float64, too, and rounded.
        worst = explanation.worst_error
        more = worst.as_it_runs["float64"] - worst.about
    kinds = {torch.float64, getattr(torch, network.dtype) if _jumps(explanation) else torch.float64}
    for r in np.linspace(to_float(domain.low), to_float(domain.high), GRID):
        images = isinstance(explanation, ImageExplanation)
        light = torch.from_numpy((disk if images else pulse)(np.array([r]), domain.half_length)[0])
        answer = network.answer(light)
        # Beside a jump the smallest rounding may decide: the same roundings are as good as none.
        read = min(
            (_read(explanation, light.to(kind)) for kind in kinds), key=lambda x: abs(x - answer)
        )
        apart = abs(answer - read) if math.isfinite(answer) and math.isfinite(read) else math.inf
        if apart > limit + Fraction(more):
            error = answer - r if math.isfinite(answer) else math.inf
            yield Replay(
                network.subject,
                float(r),
                float(error),
                network.dtype,
                abs(read - r),
                apart,
                allowed,
                False,
            )


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
