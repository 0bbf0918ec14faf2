"""An unknown contrast: rational simulations, channels that training can read and cannot, and the
ruler under torch.optim.SGD.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from numerics.invariance.gram_schmidt import Vector, orthogonal
from theory.invariance.contrast import Contrast
from verify.invariance.contrast_training import (
    CELLS,
    CHANNELS,
    CONTRASTS,
    MUTE,
    RULERS,
    data,
    free,
    free_taps,
    judged,
    largest_rounding,
    mute,
    ruler_distances,
    ruler_end,
    silent,
)
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

HALF = Fraction(1, 2)


# ------------------------------------------------------------------------------------------ check


def check(law: Contrast, lab: Lab) -> Column:
    """In rationals, by loops: responses, which channels are quiet, what their readouts answer, what
    the ruler learns.

    The first case that differs ends the loop.
    """
    rng = lab.rng("contrast")
    draws = max(lab.profile.draws // 2, 30)
    quiet = 0
    for t in range(draws):
        right = _response_agrees(law, rng, t) and _learned_agrees(law, rng, bool(t % 2))
        w, b, least = _channel(rng, t)
        exact = _readable(w, b, least)
        quiet += exact
        right = right and law.mute_on_pulse(w, b, least) == exact
        if not (right and (not exact or _answers(law, w, b, least))):
            return column(1, 0, f"case {t} in exact rationals is another than by simulation")
    detail = (
        f"cases in exact rationals, of {draws} responses, {draws} ReLU channels ({quiet} of them"
        f" quiet, with their readouts) and {draws} rulers, that are another than by simulation or"
        " projection"
    )
    return column(0 if quiet else math.inf, 0, detail)


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
    claimed = law.response(oracle.shifted(oracle.RATIONAL[name], b), w, alpha, r, len(x))
    return bool(claimed == _pooled(w, b, name, x))


def _channel(rng: np.random.Generator, t: int) -> tuple[Vector, Fraction, Fraction]:
    """Filters of which about one in three is quiet: zeros and taps below, sometimes one above; with
    one tap all of them in turn.
    """
    n, least = (1, 3, 5)[t % 3], Fraction(int(rng.integers(1, 9)), 4)
    b = Fraction(int(rng.integers(1, 9)), 4)
    w = [Fraction(int(k)) * b / least / 2 for k in rng.choice((-4, -3, -2, -2, 0, 0, 0, 1), n)]
    if n == 1:
        w = [(-4, -3, -2, -1, 0, 1)[t // 3 % 6] * b / least / 2]
    return w, b, least


def _readable(w: Vector, b: Fraction, least: Fraction) -> bool:
    """Constant from the least contrast on: at the kinks beyond and at two places after the last;
    and not the same for two radii.
    """
    h = len(w) // 2
    x = {m: oracle.overlap_pulse(m - HALF, h + 4) for m in (h + 1, h + 2)}
    windows = {m: oracle.preactivations(w, Fraction(0), signal) for m, signal in x.items()}
    meets = {-b / z for row in windows.values() for z in row if z != 0}
    places = [least, *(place for place in meets if place > least)]
    places += [max(places) + 1, max(places) + 2]
    sums = {
        tuple(sum(max(a * z + b, Fraction(0)) for z in row) for row in windows.values())
        for a in places
    }
    return len(sums) == 1 and all(len(set(values)) == 2 for values in sums)


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
    return y == [Fraction(v) for v in ruler_end(law, start, chosen, bias)]


# --------------------------------------------------------------------------------------- training


def train(law: Contrast, lab: Lab) -> Column:
    """Which channels a trained readout can use and with which weights; answers of bent networks;
    and the ruler's weights.
    """
    count = len(free_taps(lab))
    ratios = [_answered(law, lab, *task) for task in (("tanh", 2, 3), ("relu", 2, 5))]
    misjudged, quiet, off = judged(law, lab, CHANNELS)
    exact, strange, apart = silent(law, free_taps(lab))
    begun, odd, away = silent(law, mute(lab))
    rulers = [float(np.max(ruler_distances(law, lab, task))) for task in RULERS]
    worst = float(np.max([*ratios, off, apart, away, *rulers]))
    detail = (
        f"of {CHANNELS} random ReLU channels with trained readouts the {quiet} quiet ones are exact"
        f" and no other; of {count} free channels of one tap {exact} became exact from torch's"
        f" starts, and {begun} of {MUTE} from starts that are mute on the pulse, {strange + odd} of"
        " them otherwise than by counting silence; readouts, answers of bent networks, and every"
        f" weight of {lab.profile.networks * len(RULERS)} rulers under torch.optim.SGD, in units of"
        " what loss and rounding allow"
    )
    shown = not misjudged and not strange and not odd and quiet and 2 * begun > MUTE
    return column(worst if shown else math.inf, 1.0, detail)


def _answered(law: Contrast, lab: Lab, name: str, channels: int, taps: int) -> float:
    x, r = data(taps)
    alpha = np.tile(np.array(CONTRASTS), CELLS)
    sigma, worst = activation(name)[0], 0.0
    for net in free(lab, name, channels, taps, min(len(free_taps(lab)), 8), 2):
        with torch.no_grad():
            w, b = net.conv.weight[:, 0].numpy(), net.conv.bias.numpy()  # type: ignore[union-attr]
            a, answers = net.readout.weight[0].numpy(), net(x).numpy()
            first = float(net.readout.bias)
        claimed = first + sum(
            a[k]
            * law.response(oracle.shifted(sigma, b[k]), list(w[k]), alpha, r.numpy(), x.shape[1])
            for k in range(channels)
        )
        off = np.max(np.abs(answers - claimed)) / (2 * largest_rounding(net, x))
        worst = float(np.max([worst, off]))
    return worst


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the double sum with an undefined g, and every small filter",
            ("theory.pulse.network.preactivations",),
        ),
        check=Judge(
            "answers by loops, readability at the kinks of the contrast, and Gram-Schmidt, "
            "in fractions",
            (
                "numerics.arithmetic.oracle",
                "numerics.invariance.gram_schmidt",
                f"{__name__}._readable",
            ),
        ),
        training=Judge(
            "trained readouts and free channels in torch, and rulers under torch.optim.SGD",
            (
                "verify.invariance.contrast_training.given_channel",
                "verify.invariance.dense_readout",
                "verify.models.networks",
                "verify.optimise.sgd",
            ),
        ),
    ),
)
"""What the claim rests on."""
