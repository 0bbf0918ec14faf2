"""Two ReLU channels at every real radius: rational simulations, every small pair of staircases, and
trained readouts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import gamma
from numerics.invariance.gram_schmidt import Vector
from numerics.invariance.pair import rings
from numerics.pulse.sample import pulse
from theory.invariance.pair import Pair
from theory.pulse.network import Network as Weights
from theory.pulse.network import last_radius
from verify.invariance import pair_figures
from verify.invariance.background_training import (
    EXACT,
    Scene,
    answers,
    off_readout,
    on_a_ring,
    trained,
)
from verify.models.networks import Network
from verify.report import figures as draw
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "figures", "train"]

HALF = Fraction(1, 2)
SEARCHED = ((3, 4), (5, 3))
"""Taps and heights of the staircases that are all tried."""


# ------------------------------------------------------------------------------------------ check


def check(law: Pair, lab: Lab) -> Column:
    """Loops over the ring in rationals, and every pair of staircases on small integers whose kinks
    cancel.

    The first case that differs ends the loops.
    """
    rng = lab.rng("pair")
    draws = max(lab.profile.draws // 8, 8)
    balanced = {n: rings(n, height) for n, height in SEARCHED}
    wrong = not (
        all(_meets(law, rng, t) for t in range(draws))
        and all(_turns(law, rng) for _ in range(draws))
        and all(_short(law, rng) for _ in range(draws))
        and all(size < law.limit(n) for n, sizes in balanced.items() for size in sizes)
    )
    largest = " and ".join(f"{max(sizes)} pixels for {n} taps" for n, sizes in balanced.items())
    detail = (
        f"cases, of 3 times {draws} in exact rationals, in which a window meets the kink elsewhere"
        " than stated or a network errs at a radius up to the last, or does not beyond, and pairs"
        " of staircases on small integers whose kinks cancel on a ring that is too large (the"
        f" largest: {largest}, fewer than two edges need)"
    )
    return column(wrong, 0, detail)


def _some(rng: np.random.Generator, count: int) -> Vector:
    return [Fraction(int(k), 4) for k in rng.integers(-8, 9, count)]


def _meets(law: Pair, rng: np.random.Generator, t: int) -> bool:
    """The levels at which the windows of the ring are 0, less those in the dark
    and on the plateau.
    """
    n = (1, 3, 5)[t % 3]
    w, (b,), fraction = _some(rng, n), _some(rng, 1), Fraction(int(rng.integers(1, 9)), 9)
    w[0] += 5 * (sum(w, Fraction(0)) == 0)
    total, r = sum(w, Fraction(0)), n // 2 + HALF + int(rng.integers(0, 2)) + fraction
    levels = Counter(-z / total for z in oracle.ring(w, b, oracle.overlap_pulse(r, n + 2)))
    levels.subtract(law.kinks(w, b, fraction))
    return set(+levels) <= {-b / total, -b / total - 1} and min(levels.values()) >= 0


def _exact(net: Weights[Fraction], size: int, beta: Fraction, radii: Sequence[Fraction]) -> bool:
    return all(
        on_a_ring(net, "relu", [beta + value for value in oracle.overlap_pulse(r, size // 2)]) == r
        for r in radii
    )


def _turns(law: Pair, rng: np.random.Generator) -> bool:
    """Random ν, k and l, until there is room for both edges on a ring of an odd
    number of pixels.
    """
    while True:
        turns, wait, gap = (int(k) for k in rng.integers((3, 4, 0), (6, 9, 4)))
        low, length, share = (Fraction(int(k), 8) for k in rng.integers((-16, 0, 0), (17, 25, 9)))
        net = law.pair(low, low + length, turns, wait, gap)
        n, size = net.taps, law.pixels(turns, wait, gap)
        if size % 2 and size >= 2 * n + 3:
            last = last_radius(n, Fraction(size))
            radii = [
                last,
                Fraction(n, 2),
                *(Fraction(n, 2) + Fraction(int(k), 7) for k in rng.integers(0, 15, 3)),
            ]
            # Zeros at the ends of both filters see nothing: without them the last radius may be
            # larger.
            full = any(w[0] for w in net.w) and any(w[-1] for w in net.w)
            good = size < law.limit(n) and _exact(net, size, low + share * length, radii)
            ends = (low, low + length)
            return good and not (
                full and all(_exact(net, size, end, [last + HALF]) for end in ends)
            )


def _short(law: Pair, rng: np.random.Generator) -> bool:
    low, length, share = (
        Fraction(int(rng.integers(-16, 17)), 8),
        Fraction(int(rng.integers(0, 8)), 16),
        Fraction(int(rng.integers(0, 9)), 8),
    )
    radii = [Fraction(5, 2) + Fraction(int(k), 7) for k in rng.integers(0, 15, 3)]
    net, size = law.short_pair(low, low + length), 13 + 2 * int(rng.integers(0, 4))
    radii = [r for r in radii if r <= size / 2 - 2]
    return _exact(net, size, low + share * length, [*radii, last_radius(5, Fraction(size))])


# --------------------------------------------------------------------------------------- training

TURNS = ((3, 5, 2), (3, 6, 1), (4, 6, 1), (5, 7, 0))
"""(ν, k, l) of the networks whose readouts are trained, on 23, 25, 33 and 45 pixels."""
SEEKING = Scene("relu", 2, 3, (0.0, 0.25, 0.5, 0.75, 1.0), steps=12, per_cell=4)


def train(law: Pair, lab: Lab) -> Column:
    """Readouts of the stated filters, trained from random starts; and two free channels with three
    taps, none of which is exact.
    """
    count = max(lab.profile.networks // 5, 4)
    ratios = [_turned(law, lab, *case) for case in TURNS] + [_near(law, lab, j) for j in range(3)]
    x, r = SEEKING.data()
    nets = trained(lab, SEEKING, count)
    met = [_met(law, net) for net in nets]
    losses = [float(np.mean((answers(net, x) - r.numpy()) ** 2)) for net in nets]
    exact = sum(loss < EXACT for loss in losses)
    if SEEKING.pixels >= law.limit(SEEKING.taps) and exact:
        ratios.append(math.inf)
    detail = (
        f"{len(ratios)} readouts trained from random starts on the stated filters end at the stated"
        " weights, and the windows of trained filters meet the kink where stated, in units of what"
        f" errors and rounding allow; of {count} networks with two free channels and three taps,"
        f" trained on quarters and backgrounds from 0 to 1, {exact} became exact, the best has the"
        f" loss {min(losses):.2g}"
    )
    return column(float(np.max([*ratios, *met])), 1.0, detail)


def _met(law: Pair, net: Network) -> float:
    """torch's pre-activations without background against -S times the stated levels, both sorted,
    in units of the bound on rounding.
    """
    n, size, ratios = SEEKING.taps, SEEKING.pixels, [0.0]
    with torch.no_grad():
        preactivations = net.preactivation(
            torch.tensor(pulse(SEEKING.r, SEEKING.half_length))
        ).numpy()
        filters, biases = net.conv.weight[:, 0].numpy(), net.conv.bias.numpy()  # type: ignore[union-attr]
    for r, z in zip(SEEKING.r, preactivations, strict=True):
        m = int(r + 0.5)
        for k, (w, b) in enumerate(zip(filters, biases, strict=True)):
            total = np.sum(w)
            if total == 0:  # then a window meets the kink at every background, or at none
                continue
            levels = np.array(law.kinks(list(w), b, r + 0.5 - m))
            flat = [b] * (size - 2 * m - n) + [b + total] * (2 * m - n)
            claimed = np.sort([*(-total * levels), *flat])
            bound = 2 * gamma(4 * n + 4) * (2 * np.sum(np.abs(w)) + abs(b))
            ratios.append(np.max(np.abs(np.sort(z[k]) - claimed)) / bound)
    return float(np.max(ratios))


def _turned(law: Pair, lab: Lab, turns: int, wait: int, gap: int) -> float:
    rng = lab.rng(f"pair {turns} {wait} {gap}")
    low, length = float(rng.integers(-4, 5)) / 4, float(rng.integers(2, 9)) / 4
    exact = law.pair(low, low + length, turns, wait, gap)
    n, size = exact.taps, law.pixels(turns, wait, gap)
    ratio = _trained(lab, exact, low, length, (size - 2 * n - 1) // 2)
    # A network that is exact on a ring said to be too large refutes that.
    return ratio if size < law.limit(n) else math.inf


def _near(law: Pair, lab: Lab, j: int) -> float:
    rng = lab.rng(f"pair, short {j}")
    low, length = float(rng.integers(-4, 5)) / 4, float(rng.integers(1, 7)) / 16
    return _trained(lab, law.short_pair(low, low + length), low, length, 2 + j)


def _trained(lab: Lab, exact: Weights[float], low: float, length: float, cells: int) -> float:
    n = exact.taps
    backgrounds = tuple(low + length * t / 4 for t in range(5))
    scene = Scene("relu", 2, n, backgrounds, first=n // 2 + 1, cells=cells, per_cell=4)
    return off_readout(lab, scene, exact)


# ---------------------------------------------------------------------------------------- figures


def figures(lab: Lab) -> list[Figure]:
    """Where the windows of the two channels meet the kink."""
    caption = (
        r"Nine taps on 23 pixels, backgrounds from $-1$ to 2 (shaded). Left: the backgrounds at"
        r" which a window meets the kink, while one edge passes the taps (solid) and the other"
        r" (dotted). Right: the same, folded to one pixel. "
        "In the shaded strip the first channel goes up three times and down three times, on the"
        " lines on which the second goes up and down once, with three times the weight: nothing"
        " bends."
    )
    drawing = pair_figures.turns(-1.0, 2.0, (3, 5, 2))
    return [draw.figure("pair-turns", "Two channels, straight at every radius", caption, drawing)]


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "every window of the ring from the double sum",
            ("theory.pulse.network.circular", "theory.pulse.network.preactivations"),
        ),
        check=Judge(
            "answers by loops over a ring in fractions, and a search through all small staircases",
            (
                "numerics.arithmetic.oracle",
                "verify.invariance.background_training.on_a_ring",
                "numerics.invariance.pair",
            ),
        ),
        training=Judge(
            "readouts trained by torch on the stated filters, and free channels",
            (
                "verify.invariance.background_training.trained",
                "verify.invariance.background_training.readout",
                "verify.models.networks",
                "verify.optimise.sgd",
            ),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
