"""Networks trained on unknown contrasts: free and given channels by LBFGS, and the ruler under
torch.optim.SGD.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numerics.arithmetic.rounding import gamma
from numerics.arithmetic.types import Array
from numerics.invariance.gram_schmidt import Vector
from numerics.pulse.sample import pulse, sampled_pulse
from theory.invariance.contrast import LAW, Contrast
from verify.invariance.atlas import Place
from verify.invariance.background_training import EXACT, rounding
from verify.invariance.dense_readout import DenseReadout, DenseRun, spectrum, train
from verify.invariance.table import TrainingOutcome
from verify.models.networks import Network
from verify.optimise.sgd import settle
from verify.report.lab import Lab

__all__ = [
    "CELLS",
    "CHANNELS",
    "CONTRASTS",
    "MUTE",
    "RULERS",
    "Ruler",
    "data",
    "free",
    "free_taps",
    "judged",
    "largest_rounding",
    "mute",
    "outcomes",
    "ruler_distances",
    "ruler_end",
    "silent",
]

HALF = Fraction(1, 2)

CONTRASTS = (1.0, 1.5, 2.0, 4.0, 16.0)
"""The contrasts of training."""
CELLS = 3
"""How many radii there are."""
CHANNELS = 40
"""How many given channels."""
MUTE = 8
"""Free channels that begin mute on the pulse: most of them have to become exact, or nothing was
tested.
"""


def data(taps: int) -> tuple[Tensor, Tensor]:
    """The signals (R, N) and radii (R,), every radius with every contrast."""
    r = np.arange(CELLS, dtype=float) + taps // 2 + 0.5
    x = pulse(r, taps // 2 + CELLS + taps // 2)[:, None, :] * np.array(CONTRASTS)[:, None]
    return torch.tensor(x.reshape(-1, x.shape[2])), torch.tensor(np.repeat(r, len(CONTRASTS)))


def free(
    lab: Lab, name: str, channels: int, taps: int, networks: int, steps: int
) -> tuple[Network, ...]:
    """Free networks from torch's own random starts."""

    def train() -> tuple[Network, ...]:
        with lab.torch(f"{name} {channels} {taps}"):
            nets = tuple(Network(name, channels, taps) for _ in range(networks))
        for net in nets:
            settle(net, *data(taps), steps)
        return nets

    return lab.once(("contrast", name, channels, taps, networks), train)


def mute(lab: Lab) -> tuple[Network, ...]:
    """Free networks with one tap, whose starts are mute on every pulse, b > 0 and w + b < 0, and
    fall with it, a < 0.
    """

    def train() -> tuple[Network, ...]:
        with lab.torch("contrast/mute"), torch.no_grad():
            nets = tuple(Network("relu", 1, 1) for _ in range(MUTE))
            for net in nets:
                net.conv.bias.uniform_(0.25, 1)  # type: ignore[union-attr]
                net.conv.weight.uniform_(-3, -1.25)
                net.readout.weight.uniform_(-2, -0.5)
                net.readout.bias.uniform_(2, 6)
        for net in nets:
            settle(net, *data(1), 12)
        return nets

    return lab.once("contrast/mute", train)


def given_channel(lab: Lab, w: tuple[float, ...], b: float) -> Network:
    """A given channel, whose readout is trained from a random start."""

    def train() -> Network:
        with lab.torch(f"{w} {b}"):
            net = Network("relu", 1, len(w))
        with torch.no_grad():
            net.conv.weight.copy_(torch.tensor(w)[None, None, :])
            net.conv.bias.fill_(b)  # type: ignore[union-attr]
        net.conv.requires_grad_(False)
        settle(net, *data(len(w)), 2)
        return net

    return lab.once(("contrast/given", w, b), train)


def loss(net: Network, x: Tensor, r: Tensor) -> float:
    """The mean of (r̂ - r)² over signals x (R, N) and radii r (R,)."""
    with torch.no_grad():
        return float(torch.mean((net(x) - r) ** 2))


def largest_rounding(net: Network, x: Tensor) -> float:
    """How far an answer to one of the signals x (R, N) may be from real arithmetic."""
    return float(np.max(rounding(net, x)))


def free_taps(lab: Lab) -> tuple[Network, ...]:
    """Free networks with one tap."""
    return free(lab, "relu", 1, 1, max(lab.profile.networks // 3, 4), 12)


def ruler_end(law: Contrast, start: list[Any], chosen: list[int], bias: bool) -> list[Any]:
    """The law's end of a start (v_{-L}, ..., v_L and c), in its arithmetic."""
    length = (len(start) - 1) // 2
    first = start[-1] if bias else 0
    missing = [k + HALF * 1 - first - start[length - k] + start[length + k + 1] for k in chosen]
    own, all_of = law.leg_moves(len(chosen), bias)
    moves = [own * d + all_of * sum(missing) for d in missing]
    end = list(start)
    for k, move in zip(chosen, moves, strict=True):
        end[length - k] = end[length - k] + move
        end[length + k + 1] = end[length + k + 1] - move
    if bias:
        end[-1] = end[-1] + sum(moves)
    return end


def _columns(net: Network, x: Tensor) -> Array:
    with torch.no_grad():
        return np.asarray(
            torch.cat([net.pooled(x), torch.ones(len(x), 1, dtype=x.dtype)], dim=1).numpy()
        )


def _off(law: Contrast, net: Network, w: Vector | list[float], b: Fraction | float) -> float:
    """|trained (a, c) - law| in units of |errors|/σ."""
    x, r = data(len(w))
    a, c = law.silence_readout(w, b, x.shape[1])
    with torch.no_grad():
        readout = np.append(net.readout.weight[0].numpy(), net.readout.bias.numpy())
        error = float(torch.linalg.norm(net(x) - r)) + math.sqrt(len(r)) * largest_rounding(net, x)
    low = float(np.linalg.svd(_columns(net, x), compute_uv=False)[-1])
    return float(np.linalg.norm(readout - np.array([float(a), float(c)]))) * low / error


def judged(law: Contrast, lab: Lab, channels: int) -> tuple[int, int, float]:
    """(channels on which training and law disagree, quiet ones, the largest distance of a readout).

    Taps are half of b/α_0 times small integers, so that every kink lies below contrast 2: beyond it
    nothing bends, and what is constant on the training contrasts is constant for all.
    """
    rng = lab.rng("contrast, channels")
    misjudged, quiet, off = 0, 0, 0.0
    for t in range(channels):
        n, b = (1, 3, 3, 5)[t % 4], Fraction(int(rng.integers(1, 5)), 2)
        w = [int(k) * b / 2 for k in rng.choice((-4, -3, -2, -2, 0, 0, 0, 1), n)]
        if n == 1:
            w = [(-4, -3, -2, -1, 0, 1)[t // 4 % 6] * b / 2]
        net = given_channel(lab, tuple(float(tap) for tap in w), float(b))
        exact = loss(net, *data(n)) < EXACT
        misjudged += law.mute_on_pulse(w, b, Fraction(1)) != exact
        if exact:
            quiet += 1
            off = float(np.max([off, _off(law, net, w, b)]))
    return misjudged, quiet, off


def silent(law: Contrast, nets: Sequence[Network]) -> tuple[int, int, float]:
    """(one-tap networks that are exact, those that are so otherwise than by silence, the largest
    distance of a readout).
    """
    x, r = data(1)
    exact = [net for net in nets if loss(net, x, r) < EXACT]
    strange, off = 0, 0.0
    for net in exact:
        with torch.no_grad():
            w, b = float(net.conv.weight), float(net.conv.bias)  # type: ignore[arg-type]
        # Errors below 1e-10 √R <= 1e-9 leave α w + b <= 1e-9 b, for a b = -1/2 and 2r >= 1.
        strange += not law.mute_on_pulse([w], b * (1 - 1e-9), 1.0)
        off = float(np.max([off, _off(law, net, [w], b)]))
    return len(exact), strange, off


@dataclass(frozen=True)
class Ruler:
    """Radii k + 1/2, whether c is trained, and the filter's γ."""

    chosen: tuple[int, ...]
    bias: bool
    gain: float


RULERS = (Ruler((1, 2, 3, 4), False, 1.0), Ruler((0, 2, 5), True, 2.0))
"""What is trained."""


def _learned(lab: Lab, task: Ruler) -> tuple[DenseRun, Array, Array]:
    """The trained rulers, their features and radii; every radius on six random backgrounds and
    contrasts.
    """
    rng = lab.rng(("contrast/ruler", task))
    k = np.repeat(np.array(task.chosen, dtype=float), 6)
    length = max(task.chosen) + 3
    x = rng.normal(size=(len(k), 1)) + rng.uniform(
        1.25, 4, (len(k), 1)
    ) / task.gain * sampled_pulse(k, length)
    size, filter_ = x.shape[1], (-task.gain, task.gain, 0.0)
    with lab.torch(task):
        net = DenseReadout("hardtanh", size, lab.profile.networks, task.bias, filter_)
    with torch.no_grad():
        features = np.asarray(net.features(torch.tensor(x)).numpy())
    top, low = (2 * s * s / len(k) for s in spectrum(features, task.bias))
    run = train(net, torch.tensor(x), torch.tensor(k + 0.5), int(22 * top / low), 2 / (top + low))
    return run, features, k + 0.5


def ruler_distances(law: Contrast, lab: Lab, task: Ruler) -> Array:
    """Every weight against the law, (B,): |errors|/σ inside the row space, rounding outside."""
    run, features, r = lab.once(task, _learned, lab, task)
    end = np.stack(ruler_end(law, list(run.start.T), list(task.chosen), task.bias), axis=1).astype(
        float
    )
    size = run.end.shape[1]
    answers = 2 * gamma(size + 3) * (np.abs(run.end).sum(axis=1) + np.max(r))
    # γ (x(i) - x(i - 1)) of two equal pixels may be off 0 by the rounding of two products of size
    # γ|x|, |x| < 16.
    stray = 2 * 16 * 2.0**-53 * task.gain * np.sum(np.abs(run.end), axis=1)
    left = np.sqrt(len(r)) * (np.sqrt(run.loss) + answers + stray)
    allowed = left / spectrum(features, task.bias)[1] + np.sqrt(size) * run.rounding
    return np.asarray(np.max(np.abs(run.end - end), axis=1) / allowed)


def outcomes(lab: Lab) -> dict[Place, list[TrainingOutcome]]:
    """What became of the networks that may be exact, by cells of the atlas of invariance."""
    misjudged, quiet, _ = judged(LAW, lab, CHANNELS)
    exact, strange, _ = silent(LAW, free_taps(lab))
    begun, odd, _ = silent(LAW, mute(lab))
    count = len(free_taps(lab))
    free_ends = (
        ("exact, counting silence", exact - strange),
        ("exact otherwise", strange),
        ("not exact", count - exact),
    )
    mute_ends = (
        ("exact, counting silence", begun - odd),
        ("exact otherwise", odd),
        ("not exact", MUTE - begun),
    )
    given = (
        ("quiet and exact", quiet),
        ("neither", CHANNELS - quiet - misjudged),
        ("judged otherwise than by the law", misjudged),
    )
    distances = np.concatenate([ruler_distances(LAW, lab, task) for task in RULERS])
    good, total = int(np.sum(distances <= 1)), len(distances)
    ruled = (("at the predicted exact weights", good), ("elsewhere", total - good))
    return {
        Place("contrast", "sum", "half", "any", "relu 1"): [
            TrainingOutcome("n = 1", count, free_ends),
            TrainingOutcome("n = 1, starts mute on the pulse", MUTE, mute_ends),
            TrainingOutcome("random filters, readout trained", CHANNELS, given),
        ],
        Place("both", "dense", "half", "ring", "any"): [
            TrainingOutcome("hardtanh, filter held, pulses in the middle", total, ruled)
        ],
    }
