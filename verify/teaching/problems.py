"""Ten problems with hints and solutions; an answer is judged by running the network that it makes.

Signals have 17 pixels, pooling is the sum, and zeros lie outside.  A network answers
r̂ = c + Σ_k a_k Σ_i σ((w_k ⋆ x)_i + b_k).  Answers are rational numbers by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import fmpq

from numerics.arithmetic import oracle
from numerics.arithmetic.numbers import fraction, rational
from numerics.certificates.conditions import exact_of
from numerics.certificates.supremum import supremum
from numerics.disk.disk import disk
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import summary
from theory.pulse.network import Network
from theory.training import flow

__all__ = ["PROBLEMS", "Answer", "Problem"]

Answer = Mapping[str, Sequence[Fraction]]
"""The numbers of an answer by name."""
Taps = Sequence[Sequence[Fraction]]

HALF = 8
LOW, HIGH = Fraction(3, 2), Fraction(7)
"""All radii at which the pulse covers three taps and stays clear of the border."""
SMOOTH = fmpq(1, 10**12)
"""In pixels: where σ is smooth the worst error is enclosed, not computed."""


@dataclass(frozen=True)
class Problem:
    """A problem.

    Attributes
    ----------
    title, text: what is asked.
    names: what an answer gives: how many numbers by name.
    hint: where to look.
    solution: an answer that is right; there may be others.
    why: how one finds it.
    judge: what is wrong with an answer, in one sentence; empty if it is right.
    page: of the documentation.
    """

    title: str
    text: str
    names: Mapping[str, int]
    hint: str
    solution: Answer
    why: str
    judge: Callable[[Answer], str]
    page: str

    @property
    def form(self) -> str:
        """What an answer looks like: w1=…,…,… c=…, a name for each."""
        return " ".join(
            f"{name}={','.join('…' * count) if count else '…,…,… and so on'}"
            for name, count in self.names.items()
        )


def _numbers(*texts: str) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, texts))


TAPS = _numbers("1/2", "-1/4", "3/4")
CROSSED = _numbers("5/8", "-1/4", "5/8")
TAPERED = _numbers("1/4", "3/4", "1/4")


def _errs(
    w: Taps, b: Sequence[Fraction], a: Sequence[Fraction], c: Fraction, activation: str = "relu"
) -> str:
    """Where the network is not exact: over every real radius, in rationals; empty if it is."""
    stored: Network[fmpq] = Network(
        tuple(map(tuple, w)), tuple(b), tuple(a), c, sigma=activation
    ).mapped(rational)
    domain = Domain(HALF, rational(LOW), rational(HIGH))
    net = exact_of(stored, activation)
    if net is not None:
        worst = summary(net, domain).worst
        size, radius, allowed = worst.high, worst.radius, fmpq(0)
    else:
        bound = supremum(stored, domain, most=4000)
        size, radius, allowed = rational(bound.high), rational(bound.radius), SMOOTH
    if size <= allowed:
        return ""
    return f"the network errs by {float(size):.6g} pixel at r = {float(radius):.6g}"


def _moves_across(w: Taps, b: Sequence[Fraction]) -> bool:
    """Some window changes the sign of its pre-activation between two half-integer radii."""
    first, second = (
        [
            value
            for taps, bias in zip(w, b, strict=True)
            for value in oracle.preactivations(taps, bias, oracle.overlap_pulse(r, HALF))
        ]
        for r in (Fraction(7, 2), Fraction(9, 2))
    )
    return any(x * y < 0 for x, y in zip(first, second, strict=True))


# ------------------------------------------------------------------------------------- the judges


def _staircase(answer: Answer) -> str:
    pulse = oracle.overlap_pulse(Fraction(9, 2), HALF)
    shown = set(oracle.preactivations(TAPS, Fraction(0), pulse))
    if set(answer["sums"]) == shown:
        return ""
    missing, strange = len(shown - set(answer["sums"])), len(set(answer["sums"]) - shown)
    wrong = []
    if missing:
        wrong.append("1 value is missing" if missing == 1 else f"{missing} values are missing")
    if strange:
        wrong.append("1 value does not occur" if strange == 1 else f"{strange} values do not occur")
    return " and ".join(wrong)


def _readout(answer: Answer) -> str:
    return _errs([TAPS], [Fraction(1, 2)], answer["a"], answer["c"][0])


def _kink(answer: Answer) -> str:
    if answer["b"][0] >= 0:
        return "b is not negative"
    return _errs([TAPERED], answer["b"], answer["a"], answer["c"][0])


def _balance(answer: Answer) -> str:
    w, b = [answer["w1"], answer["w2"]], answer["b"]
    if not _moves_across(w, b):
        return "no pre-activation changes its sign between half-integer radii"
    return _errs(w, b, answer["a"], answer["c"][0])


def _smooth(answer: Answer) -> str:
    zero = [Fraction(0)] * 2
    return _errs([answer["w1"], answer["w2"]], zero, answer["a"], answer["c"][0], "gelu")


def _end(answer: Answer) -> str:
    ((w,),), (a,) = flow.end(flow.LAW, [[0.125]], [0.875], 1.0, math.sqrt)
    ends = [w, a]
    claimed = [float(answer[name][0]) for name in ("w", "a")]
    apart = max(abs(x - y) for x, y in zip(claimed, ends, strict=True))
    return "" if apart <= 1e-12 else f"a weight ends {apart:.6g} away from there"


def _dead(answer: Answer) -> str:
    radii = _numbers("3/2", "5/2", "7/2", "9/2")
    middle = sum(radii) / len(radii)
    loss = sum((r - middle) ** 2 for r in radii) / len(radii)
    claimed = answer["loss"][0]
    return "" if claimed == loss else "it is too small" if claimed < loss else "it is too large"


def _worst(answer: Answer) -> str:
    radius, claimed = answer["r"][0], answer["error"][0]
    if not LOW <= radius <= HIGH:
        return f"r is not between {LOW} and {HIGH}"
    made = abs(_crossed(radius) - radius)
    if made != claimed:
        return "that is not the error at this radius"
    net = exact_of(
        Network((CROSSED,), (Fraction(-1, 2),), (Fraction(1),), Fraction(3, 4)).mapped(rational),
        "relu",
    )
    assert net is not None
    largest = fraction(summary(net, Domain(HALF, rational(LOW), rational(HIGH))).worst.high)
    return "" if made == largest else "elsewhere it is larger"


def _crossed(r: Fraction) -> Fraction:
    """r̂ of the network that is exact at half-integers alone."""
    w, b, a, c = [CROSSED], [Fraction(-1, 2)], [Fraction(1)], Fraction(3, 4)
    pulse = oracle.overlap_pulse(r, HALF)
    return Fraction(oracle.answer(w, b, a, c, oracle.RATIONAL["relu"], pulse))


BOUND = Fraction(1, 3)


def _broken(answer: Answer) -> str:
    radius = answer["r"][0]
    if not LOW <= radius <= HIGH:
        return f"r is not between {LOW} and {HIGH}"
    error = abs(_crossed(radius) - radius)
    return "" if error > BOUND else f"the error there is {error}, and the bound holds"


def _width(answer: Answer) -> str:
    a, c = (float(answer[name][0]) for name in ("a", "c"))
    r = np.linspace(1, 7, 25)
    across = np.abs(np.diff(disk(r, HALF), axis=2)).sum(axis=(1, 2))
    apart = np.abs(a * across + c - r)
    worst = int(np.argmax(apart))
    return "" if apart[worst] <= 0.05 else f"at r = {r[worst]:g} it errs by {apart[worst]:.6g}"


# ----------------------------------------------------------------------------------- the problems

PROBLEMS: tuple[Problem, ...] = (
    Problem(
        "What a filter sees",
        "A filter with the taps 1/2, -1/4, 3/4 looks at a pulse of radius 9/2. Which values does "
        "z = w ⋆ x take, at all positions together? Give each once.",
        {"sums": 0},
        "At the left edge the pulse covers the last taps first; at the right edge the first ones "
        "are left. In the middle it covers all of them, and outside none.",
        {"sums": _numbers("0", "3/4", "1/2", "1", "1/4")},
        "The partial sums from the left are 1/2, 1/4 and 1, those from the right 3/4, 1/2 and 1; "
        "and 0 where no pixel is lit. A half-integer radius has no grey pixels.",
        _staircase,
        "pulse/staircase.md",
    ),
    Problem(
        "The exact readout",
        "σ = relu, w = (1/2, -1/4, 3/4), b = 1/2. No window meets the kink. The network "
        "answers r̂ = c + a Σ_i σ(z_i + b), a sum over N = 17 positions. Find a and c so that "
        "r̂ = r for every real r from 3/2 to 7.",
        {"a": 1, "c": 1},
        "Where no kink is met σ is z. How much do 17 positions add up to, with Σ x_i = 2r?",
        {"a": _numbers("1/2"), "c": _numbers("-17/4")},
        "Σ_i (z_i + 1/2) = 2r Σw + 17/2 = 2r + 17/2. So a = 1/2, and c takes 17/4 away.",
        _readout,
        "pulse/readout.md",
    ),
    Problem(
        "Place a kink",
        "σ = relu, w = (1/4, 3/4, 1/4). Find a negative b, with a and c, so that r̂ = r for every "
        "real r from 3/2 to 7.",
        {"b": 1, "a": 1, "c": 1},
        "A window may stay on the kink at half-integers, but none may step over it: -b has to be "
        "a partial sum on both staircases.",
        {"b": _numbers("-1/4"), "a": _numbers("1/2"), "c": _numbers("1/4")},
        "The partial sums are 1/4, 1 and 5/4 from either side, so b = -1/4 or b = -1. For b = -1/4 "
        "a window in the middle gives 1, a = 1/2; at r = 3/2 there are two of 3/4 and one of 1.",
        _kink,
        "pulse/kinks.md",
    ),
    Problem(
        "Two kinks that cancel",
        "σ = relu, two channels of three taps. Find an exact network in which a pre-activation "
        "changes its sign between two half-integer radii.",
        {"w1": 3, "w2": 3, "b": 2, "a": 2, "c": 1},
        "relu(z) - relu(-z) = z, with a kink on the left and none on the right.",
        {
            "w1": _numbers("1", "-1", "1"),
            "w2": _numbers("-1", "1", "-1"),
            "b": _numbers("-1/2", "1/2"),
            "a": _numbers("1/2", "-1/2"),
            "c": _numbers("17/4"),
        },
        "With w2 = -w1 and b2 = -b1 the difference of the channels is z + b1 at each position. The "
        "partial sums of (1, -1, 1) are 1, 0 and 1: they cross 1/2, and it does not matter.",
        _balance,
        "pulse/kinks.md",
    ),
    Problem(
        "A smooth activation",
        "σ = gelu, σ(z) = z Φ(z). Find two filters of three taps, without biases, and a and c, so "
        "that r̂ = r for every real r from 3/2 to 7.",
        {"w1": 3, "w2": 3, "a": 2, "c": 1},
        "What is σ(z) - σ(-z)?",
        {
            "w1": _numbers("1/2", "-1/4", "3/4"),
            "w2": _numbers("-1/2", "1/4", "-3/4"),
            "a": _numbers("1/2", "-1/2"),
            "c": _numbers("0"),
        },
        "z Φ(z) + z Φ(-z) = z. So w and -w with a and -a are one channel with σ = z, and a Σw is "
        "1/2.",
        _smooth,
        "shape/shape.md",
    ),
    Problem(
        "Predict an end",
        "σ is the identity, one channel of one tap, no biases. Training by gradient flow starts at "
        "w = 1/8, a = 7/8. Where do w and a end?",
        {"w": 1, "a": 1},
        "r̂ = 2 a w r. What does the flow of (2 a w - 1)² leave unchanged?",
        {"w": _numbers("1/2"), "a": _numbers("1")},
        "a² - w² is conserved: it is 3/4. The end is exact, 2 a w = 1; both together give a = 1.",
        _end,
        "training/flow.md",
    ),
    Problem(
        "A network that dies",
        "σ = relu. On the training radii 3/2, 5/2, 7/2 and 9/2 no pre-activation is positive any "
        "more, and c is at its best. What is the mean squared error?",
        {"loss": 1},
        "The answer is the same number for each radius. Which one is best?",
        {"loss": _numbers("5/4")},
        "The best constant is the mean, 3; what is left is the variance of the radii.",
        _dead,
        "pulse/endings.md",
    ),
    Problem(
        "The worst error",
        "σ = relu, w = (5/8, -1/4, 5/8), b = -1/2, a = 1, c = 3/4 is exact at each half-integer. "
        "How far does it err between 3/2 and 7, and where? Give an r, too.",
        {"error": 1, "r": 1},
        "The error is piecewise linear in r; it bends where a window meets the kink.",
        {"error": _numbers("3/8"), "r": _numbers("2")},
        "Between half-integers windows move from 5/8 to 3/8 and from 3/8 to 1, at either edge, and "
        "from 0 to 5/8. They meet 1/2 at φ = 1/2, 1/5 and 4/5. Of these φ = 1/2 has the largest "
        "error; r = 2 is such a radius, and so is 3.",
        _worst,
        "certificates/extremes.md",
    ),
    Problem(
        "Break a certificate",
        "A certificate says of the network of problem 8, σ = relu, w = (5/8, -1/4, 5/8), b = -1/2, "
        "a = 1, c = 3/4, that |r̂ - r| is at most 1/3 for all r from 3/2 to 7. Give an r that "
        "refutes it.",
        {"r": 1},
        "One radius is enough. Where are the kinks met?",
        {"r": _numbers("2")},
        "At the radius where the error is largest, or near it.",
        _broken,
        "certificate.md",
    ),
    Problem(
        "A disk",
        "An image shows a disk of radius r. The filter takes differences of neighbours in a row, "
        "x(i, j+1) - x(i, j), and σ = abs. Find a and c so that a Σ|…| + c is r to 1/20 of a "
        "pixel, from r = 1 to 7.",
        {"a": 1, "c": 1},
        "A row of pixels rises once and falls once. What do all its rises add up to?",
        {"a": _numbers("1/4"), "c": _numbers("0")},
        "In a row the greys rise to the largest and fall back: twice its value. The largest stand "
        "in the column through the centre, which is one pixel wide and nearly 2r high, so that all "
        "of it is nearly 4r. What is missing is about 1/(6r).",
        _width,
        "disk/perimeter.md",
    ),
)
"""In the order of the story."""
