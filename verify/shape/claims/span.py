"""The span condition: integrated against direct simulation in exact rationals, and against torch's
autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation, exact_law
from numerics.arithmetic.rounding import UNIT, gamma, preactivation_bound, prediction_bound
from numerics.arithmetic.types import Array
from numerics.pulse.sample import Radii, pulse
from theory.expressions.activation import ACTIVATIONS
from theory.shape.span import Jump, copies, leaps, response_rate, unrolled
from verify.models.networks import Network, load, measure, weights_of
from verify.models.problem import Ensemble, NetworkBatch, Setting
from verify.optimise.residuals import worst
from verify.pulse.settings import LAWS, stopped
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import error_between, figure
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.render import sentence
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "PIECEWISE", "Piecewise", "check", "figures", "rate", "torch_rate", "train"]

Number = Callable[[Any], Any]
Law = Callable[[int], sp.Expr]
Channel = tuple[tuple[Fraction, ...], Fraction, Fraction]
F = Fraction


# --- check ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piecewise:
    """A piecewise polynomial σ of degree <= 3 on exact numbers, written independently of the
    catalogue.

    Attributes
    ----------
    value, slope: σ and, away from ``breaks``, σ'.
    breaks: where σ is no polynomial.
    jumps: where it is not continuous.
    straight: an interval on which it is affine with slope != 0, or None.
    """

    value: Number
    slope: Number
    breaks: tuple[Fraction, ...] = ()
    jumps: tuple[Jump, ...] = ()
    straight: tuple[Fraction, Fraction] | None = None


HALF = F(1, 2)
PIECEWISE: dict[str, Piecewise] = {
    "relu": Piecewise(lambda v: max(v, F(0)), lambda v: F(v > 0), (F(0),), (), (F(0), F(99))),
    "cube": Piecewise(lambda v: v**3, lambda v: 3 * v**2),
    "hardtanh": Piecewise(
        lambda v: max(min(v, F(1)), F(-1)),
        lambda v: F(-1 < v < 1),
        (F(-1), F(1)),
        (),
        (F(-1), F(1)),
    ),
    "square": Piecewise(lambda v: v**2, lambda v: 2 * v),
    "hardshrink": Piecewise(
        lambda v: v if abs(v) > HALF else F(0),
        lambda v: F(abs(v) > HALF),
        (-HALF, HALF),
        (Jump(-HALF, HALF, F(0)), Jump(HALF, F(0), HALF)),
        (HALF, F(99)),
    ),
    "abs": Piecewise(abs, lambda v: F(1) if v > 0 else F(-1), (F(0),), (), (F(0), F(99))),
    "parabola and line": Piecewise(
        lambda v: v**2 if v < 1 else 2 * v - 1,
        lambda v: min(2 * v, F(2)),
        (F(1),),
        (),
        (F(1), F(99)),
    ),
}
"""The activations of the check: kinks, polynomials, jumps, and a piece of each kind."""

NODES = (F(1, 5), F(2, 5), F(3, 5), F(4, 5))
SHARES = (F(11, 24), F(1, 24), F(1, 24), F(11, 24))
"""The open Newton-Cotes rule with four nodes: exact for cubics, and it asks for no value at a
break.
"""


@dataclass(frozen=True)
class _Case:
    """A rational network, the ends of the pieces of its answer on a cell, and what was simulated.

    ``answers`` holds r̂(φ) - r̂(0) at each end and, after it, at the four nodes of the piece that
    follows; ``alone`` the same at the ends for the network of unrolled channels.
    """

    sigma: Piecewise
    channels: tuple[Channel, ...]
    ends: tuple[Fraction, ...]
    answers: tuple[Fraction, ...]
    alone: tuple[Fraction, ...]


def check(law: Law, lab: Lab) -> Column:
    """Exact rational networks: count those where the law, integrated over (0, φ), is not r̂(φ) -
    r̂(0).

    Also counted: where "the law is 1 and no net jump is left" does not decide whether the network
    is exact, and where the network of its unrolled channels, one tap each, does not answer alike.
    """
    wrong = exact = 0
    cases = lab.once("span", _cases, lab)
    for case in cases:
        points = _points(case.ends)
        direct = all(value == point for value, point in zip(case.answers, points, strict=True))
        same, condition = _stated(law, case)
        wrong += not same or condition != direct
        exact += direct
    detail = sentence("span", "check", cases=len(cases), exact=exact)
    return column(wrong, 0, detail)


def _points(ends: tuple[Fraction, ...]) -> list[Fraction]:
    """The ends of the pieces and the four nodes of each, in order."""
    points = []
    for low, high in pairwise(ends):
        points += [low, *(low + (high - low) * node for node in NODES)]
    return [*points, ends[-1]]


def _cases(lab: Lab) -> tuple[_Case, ...]:
    rng, cases = lab.rng("span"), []
    for k in range(lab.profile.draws):
        sigma = list(PIECEWISE.values())[k % len(PIECEWISE)]
        n, count = (1, 3, 5)[(k // len(PIECEWISE)) % 3], 1 + k % 2
        filters = []
        for _ in range(count):
            w = tuple(F(int(v), 4) for v in rng.integers(-4, 5, n))
            b, a = F(int(rng.integers(-6, 7)), 4), F(int(rng.integers(1, 9)), 4)
            if sigma.straight and k % 4 < 2:  # the staircase on an affine piece: exact networks
                w, b = _on_the_piece(w, sigma.straight)
            filters.append((w, b, a))
        cases.append(_simulated(sigma, _scaled(sigma, filters)))
    return tuple(cases)


def _on_the_piece(
    w: tuple[Fraction, ...], piece: tuple[Fraction, Fraction]
) -> tuple[tuple[Fraction, ...], Fraction]:
    """A filter and its bias with the whole staircase inside the piece, its ends included."""
    low, high = piece
    levels = [beta for _, beta in copies(w, F(0))] + [sum(w, F(0))]
    reach = max(levels) - min(levels)
    shrink = min(F(1), (high - low) / reach) if reach else F(1)
    return tuple(shrink * tap for tap in w), low - shrink * min(levels)


def _scaled(sigma: Piecewise, filters: list[Channel]) -> tuple[Channel, ...]:
    """The readout with Σ a_k Δ_k = 1/2 where that can be: then the slope is right."""
    total = sum((a * (sigma.value(sum(w, b)) - sigma.value(b)) for w, b, a in filters), F(0))
    return tuple((w, b, a / (2 * total) if total else a) for w, b, a in filters)


def _simulated(sigma: Piecewise, channels: tuple[Channel, ...]) -> _Case:
    n = len(channels[0][0])
    m, half_length = n // 2 + 1, n // 2 + 1 + n // 2

    def answer(parts: tuple[Channel, ...], phi: Fraction) -> Fraction:
        x = oracle.overlap_pulse(m - HALF + phi, half_length)
        return sum((a * oracle.pooled(w, b, sigma.value, x) for w, b, a in parts), F(0))

    # Between half-integers every pre-activation is affine in φ: a break is met where it says.
    ends = {F(0), F(1)}
    for w, b, _ in channels:
        low, high = (
            oracle.preactivations(w, b, oracle.overlap_pulse(m - HALF + end, half_length))
            for end in (F(0), F(1))
        )
        for p, q in zip(low, high, strict=True):
            ends |= {
                (t - p) / (q - p) for t in sigma.breaks if p != q and 0 < (t - p) / (q - p) < 1
            }
    ordered = tuple(sorted(ends))
    start = answer(channels, F(0))
    answers = tuple(answer(channels, phi) - start for phi in _points(ordered))
    single = tuple(((w,), b, a) for channel in channels for w, b, a in unrolled(*channel))
    base = answer(single, F(0))
    return _Case(
        sigma, channels, ordered, answers, tuple(answer(single, phi) - base for phi in ordered)
    )


def _stated(law: Law, case: _Case) -> tuple[bool, bool]:
    """(the law reproduces the simulation, the law is 1 everywhere and no net jump is left)."""
    rates = [exact_law(law(len(w)), len(w)) for w, _, _ in case.channels]
    single = exact_law(law(1), 1)
    slope = case.sigma.slope

    def rate_at(phi: Fraction) -> Fraction:
        return sum(
            (
                a * f(w, 0, phi, oracle.shifted(slope, b))
                for f, (w, b, a) in zip(rates, case.channels, strict=True)
            ),
            F(0),
        )

    def at_single(phi: Fraction) -> Fraction:
        parts = (part for channel in case.channels for part in unrolled(*channel))
        return sum((a * single((w,), 0, phi, oracle.shifted(slope, b)) for w, b, a in parts), F(0))

    met = [
        (leap.star, a * leap.arrive, a * leap.leave)
        for w, b, a in case.channels
        for leap in leaps(w, b, case.sigma.jumps)
    ]
    arrive = {star: sum(x for s, x, _ in met if s == star) for star, _, _ in met}
    leave = {star: sum(x for s, _, x in met if s == star) for star, _, _ in met}
    ones = not any(arrive.values()) and not any(leave.values())
    total, same = F(0), case.answers[0] == 0
    for piece, (low, high) in enumerate(pairwise(case.ends)):
        values = [rate_at(low + (high - low) * node) for node in NODES]
        alone = [at_single(low + (high - low) * node) for node in NODES]
        ones &= all(value == 1 for value in values)
        gain = sum((share * value for share, value in zip(SHARES, values, strict=True)), F(0))
        total += leave.get(low, F(0)) + (high - low) * gain + arrive.get(high, F(0))
        same &= alone == values and total == case.answers[5 * (piece + 1)] == case.alone[piece + 1]
    return same, ones


# --- training ---------------------------------------------------------------------------------

CURVATURE = {"tanh": 0.77, "silu": 0.5}
"""Bounds of |σ''|: 4/(3√3) for tanh, 1/2 for SiLU (at 0); 0 for the piecewise-linear rows."""
PARTS = 32
"""Points per cell at which trained networks are measured; most lie between the radii they were
trained on.
"""


def _fine(setting: Setting) -> Radii:
    return Radii(setting.radii.first, setting.cells, PARTS)


def torch_rate(net: Network, radii: Radii, taps: int) -> Array:
    """dr̂/dφ of a torch module by automatic differentiation along the pulse's path x_m + φ dx/dφ:
    (R,).
    """
    length = radii.half_length(taps)
    phi = torch.tensor(radii.phi, requires_grad=True)
    lit, next_lit = (
        torch.tensor(pulse(np.asarray(radii.m + end, dtype=np.float64), length))
        for end in (-0.5, 0.5)
    )
    answers = net(lit + phi[:, None] * (next_lit - lit))
    (slope,) = torch.autograd.grad(answers.sum(), phi)
    return np.asarray(slope.numpy())


def rate(law: Law, setting: Setting, weights: NetworkBatch, phi: Array) -> Array:
    """Σ_k a_k times the law of each channel at φ (F,): (B, F), float64."""
    slope = activation(setting.activation)[1]
    function = exact_law(law(setting.taps), setting.taps)
    total = np.zeros((len(weights.c), len(phi)))
    for k in range(setting.channels):
        b = weights.b[:, k, None]
        columns = [weights.w[:, k, u, None] for u in range(setting.taps)]
        total += weights.a[:, k, None] * function(columns, 0.0, phi, lambda z, b=b: slope(z + b))
    return total


def rate_bound(setting: Setting, weights: NetworkBatch, phi: Array, size: int) -> Array:
    """(B, F), φ (F,): how far two float64 evaluations of the derivative may be apart.

    Each sums products a w σ'; an argument is off by at most 2γ(n+2)(Σ|w| + |b|), σ' moves by its
    Lipschitz constant times that and is itself off by 8u(1 + |z| + |σ'|).  Where an argument is
    within its bound of a kink, both slopes are admitted.
    """
    row, n = ACTIVATIONS[setting.activation], setting.taps
    steep, bend = 1.1, CURVATURE.get(setting.activation, 0.0)
    reach = np.sum(np.abs(weights.w), axis=-1) + np.abs(weights.b)
    off = preactivation_bound(weights.w, weights.b)
    each = bend * off + 8 * UNIT * (1 + reach + steep)
    each = each + gamma(size + 4 * n + setting.channels + 10) * steep
    mass = 2 * np.sum(np.abs(weights.w), axis=-1)
    bound = np.repeat(
        np.sum(2 * np.abs(weights.a) * mass * each, axis=1)[:, None], len(phi), axis=1
    )
    for w in (weights.w, weights.w[..., ::-1]):
        begin = np.cumsum(w, axis=-1) - w + weights.b[..., None]
        argument = begin[..., None] + w[..., None] * phi
        for kink in row.kinks:
            near = np.abs(argument - float(kink.location)) <= off[..., None, None]
            size_of = np.abs(weights.a[..., None] * w)[..., None] * abs(float(kink.jump))
            bound += np.sum(near * size_of, axis=(1, 2))
    return bound


@dataclass(frozen=True, eq=False)
class _Derived:
    """What torch says of a batch at ``PARTS`` points per cell: derivative, error, and their bounds.

    ``farthest``: the largest error at these points and, for piecewise-linear σ, at all real radii.
    """

    weights: NetworkBatch
    slope: Array
    slope_bound: Array
    error: Array
    error_bound: Array
    farthest: Array


def _finished(ensemble: Ensemble) -> _Derived:
    setting = ensemble.setting
    nets = [load(setting, ensemble.weights, j) for j in range(len(ensemble.c))]
    answers = measure(ensemble, _fine(setting)).prediction
    return _derived(setting, ensemble.weights, nets, answers)


def _unfinished(lab: Lab, setting: Setting) -> _Derived:
    nets = list(stopped(lab, setting))
    fine = _fine(setting)
    x = torch.tensor(pulse(fine.r, fine.half_length(setting.taps)))
    with torch.inference_mode():
        answers = np.stack([net(x).numpy() for net in nets])
    return _derived(setting, weights_of(nets), nets, answers)


def _derived(
    setting: Setting, weights: NetworkBatch, nets: list[Network], answers: Array
) -> _Derived:
    fine = _fine(setting)
    size = 2 * fine.half_length(setting.taps) + 1
    bounds = prediction_bound(
        weights.w, weights.b, weights.a, weights.c, fine.r, size, setting.activation
    )
    slope = np.stack([torch_rate(net, fine, setting.taps) for net in nets])
    slope_bound = np.tile(rate_bound(setting, weights, fine.phi[:PARTS], size), (1, setting.cells))
    error = answers - fine.r
    farthest = np.max(np.abs(error), axis=1)
    if ACTIVATIONS[setting.activation].piecewise_linear:
        farthest = np.maximum(farthest, worst(setting, weights))
    return _Derived(weights, slope, slope_bound, error, bounds, farthest)


def _largest_gain(law: Law, setting: Setting, weights: NetworkBatch) -> Array:
    """(B,): the largest |∫_0^φ (law - 1)|, by which the error changes along a cell.

    Piecewise-linear σ: the law is constant between crossings of kinks.  Smooth σ: Gauss's rule with
    eight nodes on sixteenths of a cell.
    """
    row = ACTIVATIONS[setting.activation]
    if not row.piecewise_linear:
        return _gain(law, setting, weights, np.arange(17) / 16, 8)
    kinks = [float(kink.location) for kink in row.kinks]
    gains = []
    for j in range(len(weights.c)):
        met = {0.0, 1.0}
        for k in range(setting.channels):
            for alpha, beta in copies(weights.w[j, k].tolist(), float(weights.b[j, k])):
                met |= {(t - beta) / alpha for t in kinks if alpha != 0}
        ends = np.array(sorted(phi for phi in met if 0 <= phi <= 1))
        gains.append(_gain(law, setting, weights[np.array([j])], ends, 1)[0])
    return np.array(gains)


def _gain(law: Law, setting: Setting, weights: NetworkBatch, ends: Array, nodes: int) -> Array:
    place, share = np.polynomial.legendre.leggauss(nodes)
    length = np.diff(ends)
    phi = ends[:-1, None] + length[:, None] * (place + 1) / 2
    above = rate(law, setting, weights, phi.ravel()).reshape(-1, len(length), nodes) - 1
    return np.asarray(np.max(np.abs(np.cumsum(above @ share / 2 * length, axis=1)), axis=1))


def train(law: Law, lab: Lab) -> Column:
    """dr̂/dφ of torch networks, finished or stopped on the way, by autograd, against the law.

    Compared in the middle between neighbouring points, where no trained radius lies.  Then
    exactness: a network is exact when its error is rounding, at most B, at every point
    (piecewise-linear σ: at every real radius).  The law minus 1 must then integrate to at most 4B
    plus its own rounding, 2B for the error's change and as much for evaluating it; and where it
    does, the error must not change by more than twice that per cell.
    """
    worst_rate, largest, networks, exact, contradictions = 0.0, 0.0, 0, 0, 0
    for setting in LAWS:
        middle, phi = slice(1, None, 2), _fine(setting).phi[:PARTS]
        ensemble = lab.ensemble(setting)
        finished = lab.once(("span/finished", setting), _finished, ensemble)
        for batch in (finished, lab.once(("span/unfinished", setting), _unfinished, lab, setting)):
            claimed = np.tile(rate(law, setting, batch.weights, phi), (1, setting.cells))
            distance = np.abs(batch.slope - claimed)[:, middle]
            worst_rate = max(worst_rate, float(np.max(distance / batch.slope_bound[:, middle])))
            largest = max(largest, float(np.max(distance)))
            straight = batch.farthest <= np.max(batch.error_bound, axis=1)
            allowed = 4 * np.max(batch.error_bound, axis=1) + np.min(batch.slope_bound, axis=1)
            ones = _largest_gain(law, setting, batch.weights) <= allowed
            changes = np.maximum(
                np.ptp(batch.error, axis=1), batch.farthest - np.abs(batch.error[:, 0])
            )
            bent = changes > 2 * setting.cells * allowed
            contradictions += int(np.sum(straight & ~ones) + np.sum(ones & bent))
            networks += len(straight)
            exact += int(np.sum(straight))
    detail = sentence(
        "span",
        "train",
        networks=networks,
        largest=largest,
        exact=exact,
        others=networks - exact,
        contradictions=contradictions,
    )
    return column(worst_rate + contradictions, 1.0, detail)


def figures(lab: Lab) -> tuple[Figure, ...]:
    """dr̂/dφ of an unfinished network with tanh along the radius: autograd and law."""
    setting = Setting("tanh", 2, 5)
    batch, fine = _unfinished(lab, setting), _fine(setting)
    j = int(np.argmax(np.ptp(batch.slope, axis=1)))
    claimed = rate(response_rate, setting, batch.weights[np.array([j])], fine.phi)[0]
    shown = slice(0, 2 * PARTS, 2)
    drawing = error_between(fine.r[shown], batch.slope[j, shown], claimed[shown], "dr̂/dr")
    caption = sentence("span", "caption")
    return (figure("span-rate", "The answer's derivative is a sum of copies", caption, drawing),)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the chain rule on the double sum with an undefined g",
            ("theory.pulse.network.direct_response",),
        ),
        check=Judge(
            "answers simulated by loops in fractions; the law is integrated",
            ("numerics.arithmetic.oracle",),
        ),
        training=Judge(
            "torch.autograd along the radius, and errors of torch modules",
            (
                f"{__name__}.torch_rate",
                "verify.models.networks",
                "verify.optimise.sgd",
                "verify.optimise.ensemble",
            ),
        ),
    ),
    needs=lambda profile: LAWS,
    figures=figures,
)
"""What the claim rests on."""
