"""The network as it runs: floating point of few bits, emulated, and torch in float32 and float64,
against the bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.numbers import fraction, rational
from numerics.arithmetic.softfloat import (
    POLYNOMIALS,
    answer,
    random_order_sum,
    rounded,
    sequential_sum,
    worst_order_sum,
)
from numerics.pulse.exact_error import error_on, exact_net
from numerics.pulse.sample import pulse
from theory.certificates.running import Running, Sizes, bound
from verify.models.networks import load, weights_of
from verify.models.problem import Ensemble, Setting
from verify.pulse.certified import plateau
from verify.pulse.settings import STRAIGHT, finished_and_stopped
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "sizes_of", "train"]

FINISHED, UNFINISHED = 8, 4
"""Networks per setting: at their end, and stopped on the way."""
GRID = 16
"""Radii per pixel at which torch is asked: random multiples of 2^-30, whose pulses float32 must
round.
"""
TRIED = 2**15
"""Random pooled responses per readout."""
ZERO, ONE = Fraction(0), Fraction(1)
TYPES = {torch.float32: Fraction(1, 2**24), torch.float64: Fraction(1, 2**53)}


def sizes_of(
    name: str,
    w: Sequence[Sequence[Fraction]],
    b: Sequence[Fraction],
    a: Sequence[Fraction],
    c: Fraction,
    positions: int,
    radius: Fraction,
) -> Sizes:
    """What the bound asks of a network, from its weights and the second list of activations."""
    pieces = POLYNOMIALS[name].pieces

    def respond(reach: Fraction) -> tuple[Fraction, Fraction]:
        size = max(sum((abs(s) * reach**j for j, s in enumerate(p)), Fraction(0)) for p in pieces)
        slopes = [[j * abs(s) * reach ** (j - 1) for j, s in enumerate(p) if j] for p in pieces]
        return size, max(sum(row, Fraction(0)) for row in slopes)

    filters = tuple(sum(map(abs, row), abs(x)) for row, x in zip(w, b, strict=True))
    return Sizes(len(w[0]), positions, radius, filters, tuple(map(abs, a)), abs(c), respond)


def _stated(law: Running, sizes: Sizes, unit: Fraction) -> Fraction:
    return Fraction(bound(law, sizes, lambda k: law.gamma(k, unit)))


def check(law: Running, lab: Lab) -> Column:
    """Networks of 4 to 10 bits, rounding after rounding in exact fractions: the same numbers
    without rounding are never farther than the bound.
    """
    rounded_off = lab.once("running/few bits", _few_bits, lab)
    most = max(off / _stated(law, sizes, unit) for off, sizes, unit in rounded_off)
    most = max(most, *_rows(law))
    detail = (
        "largest distance of an answer computed with 4 to 10 bits from the exact one, in units of"
        f" the bound; {len(rounded_off) // 2} networks, sum and mean, each summed from left to"
        " right, in random orders, and in orders that make roundings add up; and of arguments of"
        f" σ, and of readouts, built to meet their bounds in {DIGITS} bits"
    )
    return column(float(most), 1.0, detail)


def _few_bits(lab: Lab) -> list[tuple[Fraction, Sizes, Fraction]]:
    """(distance of the rounded answer from the exact one, sizes, u): each network with sum, then
    with mean pooling.
    """
    rng, rounded_off = lab.rng("running"), []
    names = sorted(POLYNOMIALS)
    orders = [
        sequential_sum,
        worst_order_sum(1),
        worst_order_sum(-1),
        *(random_order_sum(rng) for _ in range(3)),
    ]
    for t in range(max(lab.profile.draws, 40)):
        name, bits = names[t % len(names)], int(rng.integers(4, 11))
        n, channels = int(rng.choice([1, 3, 5])), int(rng.integers(1, 3))
        half_length = n // 2 + int(rng.integers(1, 4))
        radius = Fraction(int(rng.integers(30, 60 * (half_length - n // 2) + 31)), 60)

        def some() -> Fraction:
            size = Fraction(int(rng.integers(2 ** (bits - 1), 2**bits)), 2**bits)  # noqa: B023
            return int(rng.choice([-1, 1])) * size * Fraction(2) ** int(rng.integers(-2, 2))

        w, b = (
            [[some() for _ in range(n)] for _ in range(channels)],
            [some() for _ in range(channels)],
        )
        if t % 3 == 0:  # every tap lifts the bias by more than half of its last digit
            unit = Fraction(1, 2**bits)
            w, b = [[unit * (1 + 2 * unit)] * n for _ in w], [Fraction(1) for _ in b]
        a, c = [some() for _ in range(channels)], some()
        x = oracle.overlap_pulse(radius, half_length)
        sigma = oracle.RATIONAL[name]
        pooled = oracle.answer(w, b, a, ZERO, sigma, x)
        for mean in (False, True):
            share = len(x) if mean else 1
            exact = pooled / share + c
            offs = [
                abs(answer(POLYNOMIALS[name], (w, b, a, c), x, bits, add, mean=mean) - exact)
                for add in orders
            ]
            sizes = sizes_of(name, w, b, [y / share for y in a], c, len(x), radius)
            rounded_off.append((max(offs), sizes, Fraction(1, 2**bits)))
    return rounded_off


DIGITS = 40
"""Of the rows that are built: enough for products to lose u(1 - 2^-19), and an even number."""


def _rows(law: Running) -> Iterator[Fraction]:
    """Readouts and arguments in which every rounding goes up by almost u, in units of what their
    layers allow.

    Only whole networks were asked, whose roundings never add up: γ_{K+4} -> γ_{K+1} stayed green,
    and so would any index.  Siblings: n + 2.
    """
    unit, root = Fraction(1, 2**DIGITS), 2 ** (DIGITS // 2)

    def nearest(x: Fraction) -> Fraction:
        return rounded(x, DIGITS)

    def gamma(k: int) -> Any:
        return law.gamma(k, unit)

    # Above 1 digits are 2u apart; added to a sum there this rounds up by almost u.
    more = unit * (1 + 2 * unit)
    for channels in (1, 2, 3):
        a = [1 + unit * root, *[more] * (channels - 1)]
        p = [1 + unit * (root + 2), *[Fraction(1)] * (channels - 1)]
        terms = [x * y for x, y in zip(a, p, strict=True)]
        off = sequential_sum([*map(nearest, terms), more], DIGITS) - sum(terms) - more
        sizes = Sizes(1, 1, ONE, (), tuple(a), more, lambda reach: (reach, reach))
        yield off / law.answer(sizes, p, [ZERO] * channels, gamma)
    for n in (1, 3, 5):
        # The pixel rounds up to 1 - u√(1/4u), and its product with the tap to the next number.
        pixel, tap = 1 - unit * (root // 2) - unit / 2 + unit**2, 1 + 2 * unit * (root - 1)
        others = [more] * n
        first = nearest(tap * nearest(pixel))
        off = sequential_sum([first, *others], DIGITS) - tap * pixel - sum(others)
        yield off / law.argument(n, tap + sum(others), gamma)


@dataclass(frozen=True)
class _Run:
    """One network in one type: sizes without a radius, u, and per half pixel of radii how far torch
    is off at most.
    """

    sizes: Sizes
    unit: Fraction
    offs: dict[Fraction, Fraction]


def _runs(lab: Lab, setting: Setting) -> tuple[_Run, ...]:
    weights = finished_and_stopped(lab, setting, FINISHED, UNFINISHED)
    rng = lab.rng(("running/radii", setting))
    radii, length = setting.radii, setting.radii.half_length(setting.taps)
    domain = plateau(setting)
    r = radii.first - 0.5 + rng.integers(0, radii.cells << 30, GRID * radii.cells) / 2.0**30
    runs = []
    for j in range(len(weights.c)):
        pixels = setting.pixels if j % 2 else 0
        for kind, unit in TYPES.items():
            net = load(setting, weights, j, pixels).to(kind)
            with torch.no_grad():
                answers = net(torch.tensor(pulse(r, length)).to(kind)).double().tolist()
            stored = replace(weights_of([net]).as_network().mapped(Fraction), share=pixels or 1)
            w, b, a, c = stored.w, stored.biases, stored.readout, stored.offset
            exact = exact_net(setting.activation, w, b, a, c)
            offs: dict[Fraction, Fraction] = {}
            for radius, value in zip(map(Fraction, r.tolist()), answers, strict=True):
                m = int(radius + Fraction(1, 2))
                phi = radius - m + Fraction(1, 2)
                error = error_on(exact, m, domain)(rational(phi))
                off = abs(Fraction(value) - fraction(error) - radius)
                half = Fraction(math.ceil(2 * radius), 2)
                offs[half] = max(off, offs.get(half, off))
            sizes = sizes_of(setting.activation, w, b, a, c, 2 * length + 1, Fraction(0))
            runs.append(_Run(sizes, unit, offs))
    return tuple(runs)


@dataclass(frozen=True)
class _Readout:
    """A trained readout in float32 on pooled responses: their sizes, and how far torch is off."""

    sizes: Sizes
    pooled: tuple[Fraction, ...]
    off: Fraction


def _readouts(ensemble: Ensemble, rng: np.random.Generator) -> tuple[_Readout, ...]:
    """Some trained readouts, each on those of many random pooled responses whose roundings add up
    most.
    """
    readouts = []
    for j in range(min(FINISHED, len(ensemble.c))):
        a, c = ensemble.a[j].astype(np.float32), ensemble.c[j].astype(np.float32)
        if not (np.all(a) and c):
            continue
        # The first product is just beyond a power of 2 of which c is about half a last digit, the
        # others, too.
        scale = np.exp2(np.floor(np.log2(abs(c))) + 23 + rng.integers(0, 3, TRIED))
        parts = [scale * (1 + rng.random(TRIED) / 64)]
        parts += [scale * 2.0**-24 * (0.5 + rng.random(TRIED)) for _ in a[1:]]
        signs = [np.sign(c), *rng.choice([-1.0, 1.0], len(a) - 1)]
        rows = [sign * part / y for sign, part, y in zip(signs, parts, a, strict=True)]
        p = np.array(rows, dtype=np.float32)
        total, exact = torch.zeros(TRIED), np.full(TRIED, float(c))
        for y, value in zip(a, p, strict=True):
            total = total + torch.tensor(value) * torch.tensor(y)
            exact = exact + np.float64(y) * np.float64(value)
        total = total + torch.tensor(c)
        off = np.abs(total.double().numpy() - exact)
        k = int(np.argmax(off / abs(exact)))
        pooled = tuple(Fraction(float(x)) for x in p[:, k])
        weights = [Fraction(float(x)) for x in a]
        right = sum((y * x for y, x in zip(weights, pooled, strict=True)), Fraction(float(c)))
        sizes = Sizes(
            1, 1, ONE, (), tuple(map(abs, weights)), abs(Fraction(float(c))), lambda x: (x, x)
        )
        readouts.append(
            _Readout(sizes, tuple(map(abs, pooled)), abs(Fraction(float(total[k])) - right))
        )
    return tuple(readouts)


def train(law: Running, lab: Lab) -> Column:
    """Trained networks run by torch in float32 and float64, against their exact answers, in units
    of the bound.
    """
    most, asked, networks = Fraction(0), 0, 0
    last, readouts, unit = Fraction(0), 0, TYPES[torch.float32]
    for setting in STRAIGHT:
        key = "running/readouts", setting
        for readout in lab.once(key, _readouts, lab.ensemble(setting), lab.rng(key)):
            clean = [ZERO] * len(readout.pooled)
            allowed = law.answer(readout.sizes, readout.pooled, clean, lambda k: law.gamma(k, unit))
            last, readouts = max(last, readout.off / allowed), readouts + 1
    for setting in STRAIGHT:
        for run in lab.once(("running", setting), _runs, lab, setting):
            for radius, off in run.offs.items():
                sizes = replace(run.sizes, radius=radius)
                most = max(most, off / _stated(law, sizes, run.unit))
            asked += GRID * setting.radii.cells
            networks += 1
    detail = (
        f"largest distance of torch's answer from the exact one, in units of the bound ({asked}"
        f" answers of {networks // len(TYPES)} networks, finished and stopped on the way, sum and"
        f" mean pooling, each in float32 and in float64); and {float(last):.2f} of theirs for"
        f" {readouts} readouts alone, each on the worst of {TRIED} pooled responses"
    )
    return column(float(max(most, last)), 1.0, detail)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "a register of roundings, one operation after the other, in every order of a sum",
            ("theory.certificates.rounding",),
        ),
        check=Judge(
            "emulated floats of 4 to 10 bits against the same sums in fractions",
            ("numerics.arithmetic.softfloat", "numerics.arithmetic.oracle"),
        ),
        training=Judge(
            "torch in float32 and float64 against exact answers",
            ("verify.models.networks", "verify.optimise.sgd", "verify.optimise.ensemble"),
        ),
    ),
    needs=lambda profile: STRAIGHT,
)
"""What the claim rests on."""
