"""The symmetries: exact orbits, and trained torch networks that answer the
same after each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import prediction_bound
from theory.expressions.activation import ACTIVATIONS, Activation
from theory.pulse.symmetry import Channel, Symmetries, canonical, finite_symmetries
from verify.models.networks import Bundle, measure, signals
from verify.models.problem import NetworkBatch
from verify.pulse.settings import LAWS
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

TWO_CHANNELS = tuple(setting for setting in LAWS if setting.channels == 2)
ROWS = ("identity", "relu", "leaky_relu", "abs", "hardtanh")


def check(law: Symmetries, lab: Lab) -> Column:
    """Exact rational networks: count those that change their answer, or whose canonical form moves.

    Each is carried along a random word in the symmetries that its σ has; the answer at a random
    radius, the canonical form of the image, and the canonical form of the canonical form must all
    stay the same.
    """
    rng = lab.rng("symmetry")
    wrong = 0
    for k in range(lab.profile.draws):
        row = ACTIVATIONS[ROWS[k % len(ROWS)]]
        n, channels = (3, 5, 1)[k % 3], 1 + k % 2
        net = [_random_channel(rng, n) for _ in range(channels)]
        image = _word(law, row, net, rng)
        r = Fraction(int(rng.integers(6, 60)), 12)
        form = _form(net, row, law)
        answer = _answer(net, row.name, r)
        same = answer == _answer(image, row.name, r) == _answer(form, row.name, r)
        same = same and _as_stated(law, net[0])
        wrong += not (same and form == _form(image, row, law) == _form(form, row, law))
    detail = (
        f"networks, of {lab.profile.draws} in exact rationals, whose answer or canonical form"
        " changes along their orbit"
    )
    return column(wrong, 0, detail)


def _own_form(row: Activation, law: Symmetries, channel: Channel) -> Channel:
    return _form([channel], row, law)[0]


def _form(net: Sequence[Channel], row: Activation, law: Symmetries) -> tuple[Channel, ...]:
    return canonical(net, homogeneous=row.homogeneous, parity=row.parity, law=law)


def _as_stated(law: Symmetries, channel: Channel) -> bool:
    """The four moves of the statement, written a second time."""
    a, b, w = channel.a, channel.b, channel.w
    negative = tuple(-tap for tap in w)
    return (
        law.reverse(channel) == Channel(a, b, w[::-1])
        and law.rescale(channel, Fraction(3, 2)) == Channel(a * 2 / 3, b * 3 / 2, _times(w, 3))
        and law.odd(channel) == Channel(-a, -b, negative)
        and law.even(channel) == Channel(a, -b, negative)
    )


def _times(w: tuple[Fraction, ...], numerator: int) -> tuple[Fraction, ...]:
    return tuple(tap * numerator / 2 for tap in w)


def _random_channel(rng: np.random.Generator, n: int) -> Channel:
    a, b, *w = _rationals(rng, n + 2)
    return Channel(a, b, tuple(w))


def _rationals(rng: np.random.Generator, count: int) -> list[Fraction]:
    return [Fraction(int(v), 4) for v in rng.integers(-6, 7, count)]


def _word(
    law: Symmetries, row: Activation, net: list[Channel], rng: np.random.Generator
) -> list[Channel]:
    image = [net[i] for i in rng.permutation(len(net))]
    for i, channel in enumerate(image):
        for _ in range(3):
            moves = finite_symmetries(row.parity, law)
            channel = moves[int(rng.integers(len(moves)))](channel)
            if row.homogeneous:
                channel = law.rescale(channel, Fraction(int(rng.integers(1, 9)), 5))
        image[i] = channel
    return image


def _answer(net: Sequence[Channel], name: str, r: Fraction) -> Fraction:
    """Σ_k a_k Σ_i σ(z_i + b_k) for the pulse of radius r, from plain loops."""
    sigma = oracle.RATIONAL[name]
    half_length = int(r) + 2 + len(net[0].w) // 2
    x = oracle.overlap_pulse(r, half_length)
    w, b, a = zip(*((channel.w, channel.b, channel.a) for channel in net), strict=True)
    return Fraction(oracle.answer(w, b, a, Fraction(0), sigma, x))


def train(law: Symmetries, lab: Lab) -> Column:
    """r̂ of every trained torch network before and after each symmetry of its σ.

    Scales are powers of two as well as 3/7: the rounding bound of both networks covers either.  The
    canonical form is one more image.
    """
    worst, largest, networks, images = 0.0, 0.0, 0, 0
    for setting in TWO_CHANNELS:
        ensemble, row = lab.ensemble(setting), ACTIVATIONS[setting.activation]
        moves: list[Callable[[Channel], Channel]] = list(finite_symmetries(row.parity, law))
        if row.homogeneous:
            moves += [lambda ch: law.rescale(ch, 4.0), lambda ch: law.rescale(ch, 3 / 7)]
        moves.append(partial(_own_form, row, law))
        x, radii = signals(setting.radii, setting.taps), setting.radii
        before = measure(ensemble).prediction
        for move in moves:
            moved = _moved(ensemble.weights, move)
            with torch.inference_mode():
                after = Bundle(setting, moved)(x).numpy()
            bound = sum(
                prediction_bound(net.w, net.b, net.a, net.c, radii.r, x.shape[1], row.name)
                for net in (ensemble.weights, moved)
            )
            distance = np.abs(after - before)
            worst = max(worst, float(np.max(distance / bound)))
            largest = max(largest, float(np.max(distance)))
            images += len(after)
        networks += len(ensemble.c)
    detail = (
        f"largest change of r̂ over {images} images of {networks} trained networks (channels"
        f" permuted as well) is {largest:.2g}; the figure is in units of the rounding bound"
    )
    return column(worst, 1.0, detail)


def _moved(weights: NetworkBatch, move: Callable[[Channel], Channel]) -> NetworkBatch:
    """Every channel of every network moved, and the channels in reverse order."""
    batch, channels, _ = weights.w.shape
    images = [
        [
            move(Channel(weights.a[j, k], weights.b[j, k], tuple(weights.w[j, k])))
            for k in reversed(range(channels))
        ]
        for j in range(batch)
    ]
    return NetworkBatch(
        np.array([[list(ch.w) for ch in net] for net in images]),
        np.array([[ch.b for ch in net] for net in images]),
        np.array([[ch.a for ch in net] for net in images]),
        weights.c,
    )


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "pre-activations from the double sum before and after, and σ of every row",
            ("theory.pulse.network.preactivations",),
        ),
        check=Judge(
            "answers simulated by loops in fractions before and after",
            ("numerics.arithmetic.oracle",),
        ),
        training=Judge(
            "answers of torch modules before and after",
            ("verify.models.networks", "verify.optimise.ensemble"),
        ),
    ),
    needs=lambda profile: TWO_CHANNELS,
)
"""What the claim rests on."""
