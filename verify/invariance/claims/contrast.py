"""An unknown contrast: rational simulations, channels that training can read and cannot, and the ruler under torch.optim.SGD."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import gamma
from numerics.disk.gram import Vector, orthogonal
from numerics.pulse.sample import pulse, sampled_pulse
from theory.invariance.contrast import LAW, Contrast
from verify.invariance.atlas import Place
from verify.invariance.positional import Positional, Trained, spectrum
from verify.invariance.positional import train as slide
from verify.invariance.ring import rounding
from verify.invariance.table import Seen
from verify.models.networks import Network
from verify.optimise.minimise import train as descend
from verify.report.evidence import Evidence
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "seen", "train"]

Array = NDArray[np.float64]
HALF = Fraction(1, 2)


# ------------------------------------------------------------------------------------------ check


def check(law: Contrast, lab: Lab) -> Column:
    """In rationals, by loops: responses, which channels are quiet, what their readouts answer, what the ruler learns."""
    rng = lab.rng("contrast")
    draws = max(lab.profile.draws // 2, 30)
    wrong = quiet = 0
    for t in range(draws):
        wrong += not _response_agrees(law, rng, t)
        wrong += not _learned_agrees(law, rng, bool(t % 2))
        w, b, least = _channel(rng, t)
        exact = _readable(w, b, least)
        wrong += law.mute_on_pulse(w, b, least) != exact
        if exact:
            wrong += not _answers(law, w, b, least)
            quiet += 1
    detail = (
        f"cases in exact rationals, of {draws} responses, {draws} ReLU channels ({quiet} of them quiet, with their readouts) and {draws} rulers, that are "
        "another than by simulation or projection"
    )
    return column(wrong if quiet else math.inf, 0, detail)


def _pooled(w: Vector, b: Fraction, name: str, x: Vector) -> Fraction:
    return sum((oracle.RATIONAL[name](z) for z in oracle.preactivations(w, b, x)), Fraction(0))


def _response_agrees(law: Contrast, rng: np.random.Generator, t: int) -> bool:
    n, name = (1, 3, 5)[t % 3], list(oracle.RATIONAL)[t % len(oracle.RATIONAL)]
    w = [Fraction(int(k), 4) for k in rng.integers(-8, 9, n)]
    b, alpha = Fraction(int(rng.integers(-8, 9)), 4), Fraction(int(rng.integers(1, 20)), 4)
    r = n // 2 + HALF + int(rng.integers(3))
    # At the last radius, or one pixel before it.
    length = int(r) + n // 2 + int(rng.integers(2))
    x = [alpha * value for value in oracle.overlap_pulse(r, length)]
    stated = law.response(oracle.shifted(oracle.RATIONAL[name], b), w, alpha, r, len(x))
    return bool(stated == _pooled(w, b, name, x))


def _channel(rng: np.random.Generator, t: int) -> tuple[Vector, Fraction, Fraction]:
    """Filters of which about one in three is quiet: zeros and taps below, sometimes one above; with one tap all of them in turn."""
    n, least = (1, 3, 5)[t % 3], Fraction(int(rng.integers(1, 9)), 4)
    b = Fraction(int(rng.integers(1, 9)), 4)
    w = [Fraction(int(k)) * b / least / 2 for k in rng.choice((-4, -3, -2, -2, 0, 0, 0, 1), n)]
    if n == 1:
        w = [(-4, -3, -2, -1, 0, 1)[t // 3 % 6] * b / least / 2]
    return w, b, least


def _readable(w: Vector, b: Fraction, least: Fraction) -> bool:
    """Constant from the least contrast on: at the kinks beyond and at two places after the last; and not the same for two radii."""
    h = len(w) // 2
    x = {m: oracle.overlap_pulse(m - HALF, h + 4) for m in (h + 1, h + 2)}
    windows = {m: oracle.preactivations(w, Fraction(0), one) for m, one in x.items()}
    meets = {-b / z for one in windows.values() for z in one if z != 0}
    places = [least, *(place for place in meets if place > least)]
    places += [max(places) + 1, max(places) + 2]
    seen = {tuple(sum(max(a * z + b, Fraction(0)) for z in one) for one in windows.values()) for a in places}  # fmt: skip
    return len(seen) == 1 and all(len(set(values)) == 2 for values in seen)


def _answers(law: Contrast, w: Vector, b: Fraction, least: Fraction) -> bool:
    h = len(w) // 2
    for m, alpha in ((h + 1, least), (h + 2, least * 3), (h + 3, least * 100)):
        x = [alpha * value for value in oracle.overlap_pulse(m - HALF, 2 * h + 4)]
        a, c = law.silence_readout(w, b, len(x))
        if c + a * _pooled(w, b, "relu", x) != m - HALF:
            return False
    return True


def _learned_agrees(law: Contrast, rng: np.random.Generator, bias: bool) -> bool:
    """The start, moved along orthogonalised features until each radius is right."""
    length, start = 6, [Fraction(int(k), 4) for k in rng.integers(-8, 9, 13 + bias)]
    chosen = sorted({int(k) for k in rng.integers(0, 5, 3)})
    clip = oracle.RATIONAL["hardtanh"]
    rows = []
    for k in chosen:
        beta, alpha = Fraction(int(rng.integers(-9, 10)), 3), 1 + Fraction(int(rng.integers(9)), 3)
        x = [beta + alpha * (abs(i) <= k) for i in range(-length, length + 1)]
        rows.append([clip(x[j] - x[j - 1]) for j in range(len(x))] + [Fraction(1)] * bias)
    y, done = list(start), list[Vector]()
    for k, row in zip(chosen, rows, strict=True):
        *_, e = orthogonal([*done, row])
        error = k + HALF - sum(p * q for p, q in zip(y, row, strict=True))
        share = error / sum(p * q for p, q in zip(e, row, strict=True))
        y = [p + share * q for p, q in zip(y, e, strict=True)]
        done.append(row)
    return y == [Fraction(v) for v in _ruled(law, start, chosen, bias)]


def _ruled(law: Contrast, start: list[Any], chosen: list[int], bias: bool) -> list[Any]:
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


# --------------------------------------------------------------------------------------- training

CONTRASTS = (1.0, 1.5, 2.0, 4.0, 16.0)
CELLS = 3
CHANNELS = 40
MUTE = 8
"""Free channels that begin mute on the pulse: most of them have to become exact, or nothing was tested."""
EXACT = 1e-20
"""The loss below which a network counts as exact."""


def _half_length(taps: int) -> int:
    return taps // 2 + CELLS + taps // 2


def _data(taps: int) -> tuple[Tensor, Tensor]:
    r = np.arange(CELLS, dtype=float) + taps // 2 + 0.5
    x = pulse(r, _half_length(taps))[:, None, :] * np.array(CONTRASTS)[:, None]
    return torch.tensor(x.reshape(-1, x.shape[2])), torch.tensor(np.repeat(r, len(CONTRASTS)))


@lru_cache(maxsize=16)
def _free(name: str, channels: int, taps: int, networks: int, steps: int, seed: int, mute: bool = False) -> tuple[Network, ...]:  # fmt: skip
    x, r = _data(taps)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(zlib.crc32(f"{seed}\n{name} {channels} {taps}".encode()))
        nets = tuple(Network(name, channels, taps) for _ in range(networks))
        for net in nets if mute else ():
            with torch.no_grad():
                net.conv.bias.uniform_(0.25, 1)  # type: ignore[union-attr]
                net.conv.weight.uniform_(-3, -1.25)
                net.readout.weight.uniform_(-2, -0.5)
                net.readout.bias.uniform_(2, 6)
    for net in nets:
        descend(net, x, r, "lbfgs", steps)
    return nets


@lru_cache(maxsize=128)
def _read(w: tuple[float, ...], b: float, seed: int) -> Network:
    """A given channel, whose readout is trained from a random start."""
    x, r = _data(len(w))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(zlib.crc32(f"{seed}\n{w} {b}".encode()))
        net = Network("relu", 1, len(w))
    with torch.no_grad():
        net.conv.weight.copy_(torch.tensor(w)[None, None, :])
        net.conv.bias.fill_(b)  # type: ignore[union-attr]
    descend(net, x, r, "lbfgs", 2, readout_only=True)
    return net


def _loss(net: Network, x: Tensor, r: Tensor) -> float:
    with torch.no_grad():
        return float(torch.mean((net(x) - r) ** 2))


def _rounding(net: Network, x: Tensor) -> float:
    return float(np.max(rounding(net, x)))


def _count(lab: Lab) -> int:
    return max(lab.profile.networks // 3, 4)


def train(law: Contrast, lab: Lab) -> Column:
    """Which channels a trained readout can use and with which weights; answers of bent networks; and the ruler's weights."""
    count = _count(lab)
    ratios = [_answered(law, *task, count, lab.seed) for task in (("tanh", 2, 3), ("relu", 2, 5))]
    misjudged, quiet, off = _judged(law, lab, CHANNELS)
    exact, strange, apart = _silent(law, count, lab.seed)
    begun, odd, away = _silent(law, MUTE, lab.seed, mute=True)
    rulers = [_slid(law, task, lab.profile.networks, lab.seed) for task in RULERS]
    worst = float(np.max([*ratios, off, apart, away, *rulers]))
    detail = (
        f"of {CHANNELS} random ReLU channels with trained readouts the {quiet} quiet ones are exact and no other; of {count} free channels of one tap {exact} became exact from torch's starts, and {begun} of {MUTE} from starts that are mute on the pulse, {strange + odd} of them otherwise than by counting silence; readouts, "
        f"answers of bent networks, and every weight of {lab.profile.networks * len(RULERS)} rulers under torch.optim.SGD, in units of what loss and rounding allow"
    )
    shown = not misjudged and not strange and not odd and quiet and 2 * begun > MUTE
    return column(worst if shown else math.inf, 1.0, detail)


def _answered(law: Contrast, name: str, channels: int, taps: int, count: int, seed: int) -> float:
    x, r = _data(taps)
    alpha = np.tile(np.array(CONTRASTS), CELLS)
    sigma, worst = activation(name)[0], 0.0
    for net in _free(name, channels, taps, min(count, 8), 2, seed):
        with torch.no_grad():
            w, b = net.conv.weight[:, 0].numpy(), net.conv.bias.numpy()  # type: ignore[union-attr]
            a, answers = net.readout.weight[0].numpy(), net(x).numpy()
            first = float(net.readout.bias)
        stated = first + sum(a[k] * law.response(lambda z, k=k: sigma(z + b[k]), list(w[k]), alpha, r.numpy(), x.shape[1]) for k in range(channels))  # fmt: skip # noqa: B023
        worst = float(np.max([worst, np.max(np.abs(answers - stated)) / (2 * _rounding(net, x))]))
    return worst


def _columns(net: Network, x: Tensor) -> Array:
    with torch.no_grad():
        return np.asarray(torch.cat([net.pooled(x), torch.ones(len(x), 1, dtype=x.dtype)], dim=1).numpy())  # fmt: skip


def _off(law: Contrast, net: Network, w: Vector | list[float], b: Fraction | float) -> float:
    """|trained (a, c) - law| in units of |errors|/σ."""
    x, r = _data(len(w))
    a, c = law.silence_readout(w, b, x.shape[1])
    with torch.no_grad():
        found = np.append(net.readout.weight[0].numpy(), net.readout.bias.numpy())
        error = float(torch.linalg.norm(net(x) - r)) + math.sqrt(len(r)) * _rounding(net, x)
    low = float(np.linalg.svd(_columns(net, x), compute_uv=False)[-1])
    return float(np.linalg.norm(found - np.array([float(a), float(c)]))) * low / error


def _judged(law: Contrast, lab: Lab, channels: int) -> tuple[int, int, float]:
    """(channels on which training and law disagree, quiet ones, the largest distance of a readout).

    Taps are half of b/α_0 times small integers, so that every kink lies below contrast 2: beyond it nothing bends, and what
    is constant on the training contrasts is constant for all.
    """
    rng = lab.rng("contrast, channels")
    misjudged, quiet, off = 0, 0, 0.0
    for t in range(channels):
        n, b = (1, 3, 3, 5)[t % 4], Fraction(int(rng.integers(1, 5)), 2)
        w = [int(k) * b / 2 for k in rng.choice((-4, -3, -2, -2, 0, 0, 0, 1), n)]
        if n == 1:
            w = [(-4, -3, -2, -1, 0, 1)[t // 4 % 6] * b / 2]
        net = _read(tuple(float(tap) for tap in w), float(b), lab.seed)
        exact = _loss(net, *_data(n)) < EXACT
        misjudged += law.mute_on_pulse(w, b, Fraction(1)) != exact
        if exact:
            quiet += 1
            off = float(np.max([off, _off(law, net, w, b)]))
    return misjudged, quiet, off


def _silent(law: Contrast, count: int, seed: int, *, mute: bool = False) -> tuple[int, int, float]:
    """(free one-tap networks that are exact, those that are so otherwise than by silence, the largest distance of a readout).

    ``mute``: their random starts are mute on every pulse, b > 0 and w + b < 0, and fall with it, a < 0; all four weights are
    trained.
    """
    x, r = _data(1)
    exact = [net for net in _free("relu", 1, 1, count, 12, seed, mute) if _loss(net, x, r) < EXACT]
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


@lru_cache(maxsize=16)
def _learned(task: Ruler, networks: int, seed: int) -> tuple[Trained, Array, Array]:
    """The trained rulers, their features and radii; every radius on six random backgrounds and contrasts."""
    rng = np.random.default_rng((seed, 7, len(task.chosen)))
    k = np.repeat(np.array(task.chosen, dtype=float), 6)
    length = max(task.chosen) + 3
    x = rng.normal(size=(len(k), 1)) + rng.uniform(1.25, 4, (len(k), 1)) / task.gain * sampled_pulse(k, length)  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(zlib.crc32(f"{seed}\n{task}".encode()))
        net = Positional("hardtanh", x.shape[1], networks, task.bias, (-task.gain, task.gain, 0.0))
    with torch.no_grad():
        features = np.asarray(net.features(torch.tensor(x)).numpy())
    top, low = (2 * s * s / len(k) for s in spectrum(features, task.bias))
    run = slide(net, torch.tensor(x), torch.tensor(k + 0.5), int(22 * top / low), 2 / (top + low))
    return run, features, k + 0.5


def _slid(law: Contrast, task: Ruler, networks: int, seed: int) -> float:
    return float(np.max(_slid_each(law, task, networks, seed)))


def _slid_each(law: Contrast, task: Ruler, networks: int, seed: int) -> Array:
    """Every weight against the law, (B,): |errors|/σ inside the row space, rounding outside."""
    run, features, r = _learned(task, networks, seed)
    end = np.stack(_ruled(law, list(run.start.T), list(task.chosen), task.bias), axis=1).astype(float)  # fmt: skip
    size = run.end.shape[1]
    answers = 2 * gamma(size + 3) * (np.abs(run.end).sum(axis=1) + np.max(r))
    # γ (x(i) - x(i - 1)) of two equal pixels may be off 0 by the rounding of two products of size γ|x|, |x| < 16.
    stray = 2 * 16 * 2.0**-53 * task.gain * np.sum(np.abs(run.end), axis=1)
    left = np.sqrt(len(r)) * (np.sqrt(run.loss) + answers + stray)
    allowed = left / spectrum(features, task.bias)[1] + np.sqrt(size) * run.rounding
    return np.asarray(np.max(np.abs(run.end - end), axis=1) / allowed)


# --------------------------------------------------------------------------------------- the atlas


def seen(lab: Lab) -> dict[Place, list[Seen]]:
    """What became of the networks of :func:`train` that may be exact, by cells of the atlas of invariance."""
    count = _count(lab)
    misjudged, quiet, _ = _judged(LAW, lab, CHANNELS)
    exact, strange, _ = _silent(LAW, count, lab.seed)
    begun, odd, _ = _silent(LAW, MUTE, lab.seed, mute=True)
    one = Place("contrast", "sum", "half", "any", "relu 1")
    both = Place("both", "dense", "half", "ring", "any")
    free = (("exact, counting silence", exact - strange), ("exact otherwise", strange), ("not exact", count - exact))  # fmt: skip
    begin = (("exact, counting silence", begun - odd), ("exact otherwise", odd), ("not exact", MUTE - begun))  # fmt: skip
    held = (("quiet and exact", quiet), ("neither", CHANNELS - quiet - misjudged), ("judged otherwise than by the law", misjudged))  # fmt: skip
    found = {one: [Seen("n = 1", count, free), Seen("n = 1, starts mute on the pulse", MUTE, begin), Seen("random filters, readout trained", CHANNELS, held)]}  # fmt: skip
    ruled = np.concatenate([_slid_each(LAW, task, lab.profile.networks, lab.seed) for task in RULERS])  # fmt: skip
    good = int(np.sum(ruled <= 1))
    words = "hardtanh, filter held, pulses in the middle"
    found[both] = [Seen(words, len(ruled), (("at the predicted exact weights", good), ("elsewhere", len(ruled) - good)))]  # fmt: skip
    return found


EVIDENCE = Evidence(check=check, train=train)
"""What the claim rests on."""
