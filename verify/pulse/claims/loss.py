"""The loss decomposition: every network's mean squared error, attributed term by term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import gamma, prediction_bound
from numerics.arithmetic.types import Array
from numerics.pulse.channel import Quantities, exact_quantities, quantities
from theory.pulse.loss import Decomposition, Moments, Residuals
from verify.models.networks import measure, signals, weights_of
from verify.models.problem import Ensemble, NetworkBatch, Setting
from verify.pulse.residuals import residual_errors
from verify.pulse.settings import LAWS, stopped
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.render import sentence
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

ZERO = Fraction(0)
AVERAGING = 4
"""Networks per setting that are trained with mean pooling."""


def check(law: Decomposition, lab: Lab) -> Column:
    """Exact rational networks: count those whose mean squared error is not the sum of the six
    terms.
    """
    networks, cases = lab.once("loss/simulated", _simulated, lab)
    wrong = sum(not _six_terms(law, network) for network in networks)
    claims = [_claimed_exact(law, network) for network in cases]
    exact = sum(network.exact for network in cases)
    mistaken = sum(network.exact != claimed for network, claimed in zip(cases, claims, strict=True))
    detail = sentence(
        "loss",
        "check",
        networks=len(networks),
        cases=len(cases),
        exact=exact,
        others=len(cases) - exact,
    )
    return column(wrong + mistaken, 0, detail)


@dataclass(frozen=True)
class _Simulated:
    """A network, simulated at some radii r with the fractions of its quantities: its loss there, or
    0 throughout.
    """

    a: Sequence[Fraction]
    c: Fraction
    size: int
    each: list[Quantities]
    r: list[Fraction]
    loss: Fraction

    @property
    def exact(self) -> bool:
        return not self.loss

    def parts(self, law: Residuals) -> list[tuple[Any, ...]]:
        """What the law makes of it at every radius."""
        return [
            law(
                self.a, self.c, self.size,
                [q.slope for q in self.each], [q.background for q in self.each],
                [q.kappa for q in self.each], [q.deviation[j] for q in self.each],
            )
            for j in range(len(self.r))
        ]  # fmt: skip


def _simulated(lab: Lab) -> tuple[list[_Simulated], list[_Simulated]]:
    """Random networks, and networks that keep or break single conditions; no law is asked."""
    rng, networks = lab.rng("loss"), []
    kinks = list(oracle.RATIONAL.values())
    for k in range(lab.profile.draws):
        sigma, channels = kinks[k % len(kinks)], 1 + k % 3
        n = (3, 5, 1, 7)[(k + k // len(kinks)) % 4]
        h = n // 2
        half_length = h + 3 + h
        filters = [
            ([Fraction(int(v), 8) for v in rng.integers(-16, 17, n)], Fraction(int(b), 8))
            for b in rng.integers(-16, 17, channels)
        ]
        a = [Fraction(int(v), 8) for v in rng.integers(-16, 17, channels)]
        c = Fraction(int(rng.integers(-16, 17)), 8)
        sample = [
            (h + 1 + j % 3, Fraction(int(t), 12)) for j, t in enumerate(rng.integers(0, 13, 5))
        ]
        r = [m - Fraction(1, 2) + fraction for m, fraction in sample]
        taps, biases = zip(*filters, strict=True)
        pulses = [oracle.overlap_pulse(radius, half_length) for radius in r]
        errors = [
            oracle.answer(taps, biases, a, c - radius, sigma, x)
            for radius, x in zip(r, pulses, strict=True)
        ]
        loss = _mean([e * e for e in errors])

        fractions = [fraction for _, fraction in sample]
        each = [exact_quantities(w, oracle.shifted(sigma, b), fractions) for w, b in filters]
        networks.append(_Simulated(a, c, 2 * half_length + 1, each, r, loss))
    cases = [case for k in range(lab.profile.draws // 4) for case in _cases(rng, k)]
    return networks, [_between(case) for case in cases]


def _six_terms(law: Decomposition, network: _Simulated) -> bool:
    parts, r = network.parts(law.residuals), network.r
    alpha, beta = parts[0][:2]
    d = [part[2] for part in parts]
    mean = Moments(
        _mean(r),
        _mean([x * x for x in r]),
        _mean(d),
        _mean([x * y for x, y in zip(r, d, strict=True)]),
        _mean([y * y for y in d]),
    )
    return bool(network.loss == sum(law.attribution(alpha, beta, mean)))


def _claimed_exact(law: Decomposition, network: _Simulated) -> bool:
    return not any(value for part in network.parts(law.conditions) for value in part)


@dataclass(frozen=True)
class _Case:
    """A network in fractions: (w, b) per channel, a, c; σ, and half the signal."""

    name: str
    filters: tuple[tuple[list[Fraction], Fraction], ...]
    a: tuple[Fraction, ...]
    c: Fraction
    half_length: int

    @property
    def taps(self) -> int:
        return len(self.filters[0][0])

    def error(self, r: Fraction) -> Fraction:
        """r̂ - r, simulated."""
        sigma, x = oracle.RATIONAL[self.name], oracle.overlap_pulse(r, self.half_length)
        pooled = (sum(map(sigma, oracle.preactivations(w, b, x))) for w, b in self.filters)
        return self.c - r + sum((y * p for y, p in zip(self.a, pooled, strict=True)), ZERO)


def _scaled(case: _Case) -> _Case:
    """Right at two half-integers: readout and its bias follow from the errors there."""
    first = Fraction(case.taps, 2)
    low, high = case.error(first), case.error(first + 1)
    slope = 1 + high - low  # of the answer, from one half-integer to the next
    start = low + first - slope * first
    if not slope:
        return case
    return replace(case, a=tuple(y / slope for y in case.a), c=(case.c - start) / slope)


def _cases(rng: np.random.Generator, k: int) -> Iterator[_Case]:
    """One affine piece, a mirrored pair, or two filters, right at half-integers; then without an
    offset or slope law.
    """
    n = (1, 3, 5)[k % 3]

    def eighths(low: int, count: int) -> list[Fraction]:
        return [Fraction(v, 8) for v in rng.integers(low, 17, (count,)).tolist()]

    (a,), (b,), lit = eighths(1, 1), eighths(0, 1), eighths(1, n)
    mixed, other = eighths(-16, n), eighths(-16, n)
    turned = ([-tap for tap in mixed], -b)
    name, filters, readout = (
        ("relu", ((lit, b),), (a,)),
        ("relu", ((mixed, b), turned), (a, -a)),  # relu(z) - relu(-z) = z
        ("leaky_relu", ((mixed, b), turned), (a, -a)),
        ("hardtanh", ((mixed, b), (other, -b)), (a, a)),
    )[k % 4]
    right = _scaled(_Case(name, filters, readout, ZERO, 3 * (n // 2) + 3))
    yield right
    yield replace(right, c=right.c + Fraction(1, 8))
    yield replace(right, a=tuple(y * 9 / 8 for y in right.a), c=right.c * 9 / 8)


def _between(case: _Case) -> _Simulated:
    """On two half-integers and at radii between them."""
    first = Fraction(case.taps, 2)
    fractions = [Fraction(k, 6) for k in range(7)]
    r = [first + part for part in fractions]
    loss = _mean([case.error(radius) ** 2 for radius in r])
    sigma = oracle.RATIONAL[case.name]
    each = [exact_quantities(w, oracle.shifted(sigma, b), fractions) for w, b in case.filters]
    return _Simulated(case.a, case.c, 2 * case.half_length + 1, each, r, loss)


def _mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def train(law: Decomposition, lab: Lab) -> Column:
    """The torch loss of every trained network against the sum of its six terms.

    Networks with mean pooling are trained as well, by Adam and not to their end: a/N takes the
    place of a.  And the trained filters, read out anew, are as exact as the conditions say, and no
    more.
    """
    worst, networks, averaging = 0.0, 0, 0
    for setting in LAWS:
        ensemble = lab.ensemble(setting)
        answers = measure(ensemble).prediction
        worst = max(worst, _distance(law, setting, ensemble.weights, answers))
        worst = max(worst, _apart(law, ensemble))
        networks += len(ensemble.c)
        nets = stopped(lab, setting, "mean")[:AVERAGING]
        x = signals(setting.radii, setting.taps)
        with torch.inference_mode():
            answers = np.stack([net(x).numpy() for net in nets])
        trained = weights_of(nets)
        shared = NetworkBatch(trained.w, trained.b, trained.a / x.shape[1], trained.c)
        worst = max(worst, _distance(law, setting, shared, answers))
        averaging += len(nets)
    detail = sentence("loss", "train", networks=networks, averaging=averaging)
    return column(worst, 1.0, detail)


def _distance(law: Decomposition, setting: Setting, weights: NetworkBatch, answers: Array) -> float:
    """The largest |mean (r̂ - r)² - sum of the six terms| over a batch, in units of its rounding
    bound.
    """
    r = setting.radii.r
    size = setting.pixels
    alpha, beta, d = residual_errors(law, setting, weights)
    mean = Moments(
        np.mean(r), np.mean(r**2), np.mean(d, axis=1), np.mean(r * d, axis=1), np.mean(d**2, axis=1)
    )
    terms = np.stack(law.attribution(alpha, beta, mean))
    bound = prediction_bound(
        weights.w, weights.b, weights.a, weights.c, r, size, setting.activation
    )
    # e differs by at most the bound B, so e² by at most 2|e|B + B²; then six terms are summed.
    error = answers - r
    tolerance = np.mean(2 * np.abs(error) * bound + bound**2, axis=1)
    tolerance += gamma(2 * len(r) + 20) * np.sum(np.abs(terms), axis=0)
    distance = np.abs(np.mean(error**2, axis=1) - np.sum(terms, axis=0))
    return float(np.max(distance / tolerance))


def _apart(law: Decomposition, ensemble: Ensemble) -> float:
    """How far errors and conditions are from vanishing together, with what torch pools read out in
    three ways.

    With E the largest error and V the largest condition, E <= (R + 2) V up to the radius R; and,
    since the errors at n/2 and n/2 + 1 give α and β, V <= (n + 1) E.  Each holds up to the rounding
    bound of an answer.
    """
    setting, r = ensemble.setting, ensemble.setting.radii.r
    pooled = measure(ensemble).pooled
    answers = np.einsum("brk,bk->br", pooled, ensemble.a)
    first, second = (np.flatnonzero(r == setting.taps / 2 + k)[0] for k in (0, 1))
    slope = answers[:, second] - answers[:, first]
    kept = slope != 0
    right = ensemble.weights[kept]
    a = right.a / slope[kept, None]
    c = r[first] - answers[kept, first] / slope[kept]
    worst = 0.0
    for turn, more in ((1.0, 0.0), (9 / 8, 0.0), (1.0, 1 / 8)):
        net = NetworkBatch(right.w, right.b, turn * a, turn * c + more)
        error = np.einsum("brk,bk->br", pooled[kept], net.a) + net.c[:, None] - r
        value = np.max([np.max(np.abs(x), axis=1) for x in _conditions(law, setting, net)], axis=0)
        size = setting.pixels
        bound = prediction_bound(net.w, net.b, net.a, net.c, r, size, setting.activation).max(
            axis=1
        )
        largest = np.max(np.abs(error), axis=1)
        above = largest / ((r[-1] + 2) * (value + 2 * bound))
        below = value / ((setting.taps + 1) * (largest + 2 * bound))
        worst = max(worst, float(np.max(above)), float(np.max(below)))
    return worst


def _conditions(law: Decomposition, setting: Setting, weights: NetworkBatch) -> list[Array]:
    """The law's conditions of every network of a batch, each (B, 1) or (B, R)."""
    size = setting.pixels
    q = quantities(weights.w, weights.b, setting.activation, setting.radii.phi)

    def columns(x: Array) -> list[Array]:
        return list(x.T[:, :, None])

    values = law.conditions(
        columns(weights.a), weights.c[:, None], size, columns(q.slope), columns(q.background),
        columns(q.kappa), list(np.moveaxis(q.deviation, 1, 0)),
    )  # fmt: skip
    return [np.asarray(x) for x in values]


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "errors from the double sum, and means of squares written out",
            ("theory.pulse.loss.direct_error",),
        ),
        check=Judge(
            "mean squared errors of answers simulated by loops in fractions",
            ("numerics.arithmetic.oracle",),
        ),
        training=Judge(
            "losses and features of trained torch modules",
            ("verify.models.networks", "verify.optimise.sgd", "verify.optimise.ensemble"),
        ),
    ),
    needs=lambda profile: LAWS,
)
"""What the claim rests on."""
