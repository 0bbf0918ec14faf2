"""No exact network is nearer than the worst error allows: moved exact networks, and stopped
training against its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx

from numerics.arithmetic import oracle
from numerics.arithmetic.numbers import fraction, rational
from numerics.certificates.conditions import exact_of
from numerics.certificates.nearest import nearest
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import Worst, summary
from theory.certificates.nearest import Facts, Nearness, distance
from theory.pulse.network import Network
from verify.models.networks import weights_of
from verify.models.problem import NetworkBatch, Setting
from verify.pulse.certified import plateau
from verify.pulse.settings import STRAIGHT, stopped
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

COMPARED = 4
"""Networks per setting and pooling, of those that are stopped on the way."""
BITS = 128
"""Of the balls in which bounds and distances are compared."""
ZERO, ONE = Fraction(0), Fraction(1)
STEEP = (ONE, Fraction(8), Fraction(1, 8), Fraction(5, 2))
"""Λ: the catalogue's straight activations, whose own is 1, times this, or of an argument times
this.
"""


def _flat(net: Network[Fraction]) -> list[Fraction]:
    return [*(x for row in net.w for x in row), *net.biases, *net.a, net.offset]


def _squares(net: Network[Fraction], other: Network[Fraction]) -> tuple[Fraction, Fraction]:
    """The squared distance in filters and conv biases, and in the readout with its bias."""
    each = [(x - y) ** 2 for x, y in zip(_flat(net), _flat(other), strict=True)]
    filters = net.channels * (net.taps + 1)
    return sum(each[:filters], ZERO), sum(each[filters:], ZERO)


def _pooled(
    name: str, net: Network[Fraction], x: Sequence[Fraction], steep: Fraction = ONE
) -> tuple[Fraction, ...]:
    """Σ_i steep σ(z_i + b) / share, by the slow simulation."""
    sigma = oracle.RATIONAL[name]
    arguments = (oracle.preactivations(w, b, x) for w, b, _ in net.listed)
    return tuple(steep * sum(map(sigma, z), ZERO) / net.share for z in arguments)


def _answer(
    name: str, net: Network[Fraction], x: Sequence[Fraction], steep: Fraction = ONE
) -> Fraction:
    pairs = zip(net.a, _pooled(name, net, x, steep), strict=True)
    return sum((a * p for a, p in pairs), net.offset)


def _ratio(law: Nearness, facts: Facts, square: Fraction) -> float:
    """The bound over a distance whose square is given, in balls, rounded up; no error, no bound."""
    if facts.error <= 0:
        return 0.0

    def ball(x: Any) -> arb:
        return arb(rational(x))

    with ctx.workprec(BITS):
        inside = replace(
            facts,
            radius=ball(facts.radius),
            error=ball(facts.error),
            steepest=ball(facts.steepest),
            pooled=tuple(map(ball, facts.pooled)),
            readout=tuple(map(ball, facts.readout)),
        )
        bound = distance(law, inside, lambda x: arb(x).sqrt()) / ball(square).sqrt()
        return float(np.nextafter(float(bound.upper()), np.inf))


def check(law: Nearness, lab: Lab) -> Column:
    """Exact networks by hand, moved at random and along the gradient: the moved one is never nearer
    than its bound says.

    Only Λ = 1 was ever put in, so Λ for Λ² was accepted: σ stands for Λ times the catalogue's here.
    """
    rng = lab.rng("nearest")
    names = ("identity", "relu", "leaky_relu", "abs", "hardtanh")
    most, wrong, cases = 0.0, 0, 2 * max(lab.profile.draws, 40)

    def drawn(low: int, high: int, parts: int) -> Fraction:
        return Fraction(int(rng.integers(low, high)), parts)

    for t in range(cases):
        name, n, channels = names[t % 5], (1, 3, 5)[t // 5 % 3], 1 + t % 3
        steep = STEEP[t // 2 % len(STEEP)]
        half_length = n // 2 + int(rng.integers(2, 5))
        share = 2 * half_length + 1 if t % 2 else 1
        conv, offset = bool(t % 4), bool(t % 7)  # whether b and c are stored
        # Not negative, and below 1 in sum: no window leaves the affine piece.
        w = [[drawn(1, 9, 16 * n) for _ in range(n)] for _ in range(channels)]
        b = [drawn(0, 5, 16) if conv and offset else ZERO for _ in range(channels)]
        part = [drawn(1, 9, 8) for _ in range(channels)]
        a = [share * y / sum(part) / (2 * steep * sum(row)) for y, row in zip(part, w, strict=True)]
        positions = 2 * half_length + 1
        c = -sum((steep * y * positions * z / share for y, z in zip(a, b, strict=True)), ZERO)
        exact = Network(tuple(map(tuple, w)), tuple(b), tuple(a), c, share)
        radius = drawn(30, 60 * (half_length - n // 2) + 31, 60)
        x = oracle.overlap_pulse(radius, half_length)
        wrong += _answer(name, exact, x, steep) != radius
        if t % 3:
            move = [drawn(-8, 9, 8) for _ in _flat(exact)]
        else:
            steps = [[steep * y * 2 * radius / share] * n for y in a]
            biases = [steep * y * positions / share for y in a]
            pooled = _pooled(name, exact, x, steep)
            move = [*(y for row in steps for y in row), *biases, *pooled, ONE]
        size = Fraction(int(rng.choice([-1, 1])), 2 ** int(rng.integers(3, 12)))
        moved = _moved(exact, [size * y for y in move], conv, offset)
        error = abs(_answer(name, moved, x, steep) - radius)
        pooled = _pooled(name, moved, x, steep)
        facts = Facts(
            n, positions, share, radius, error, steep, pooled, moved.a, int(conv), int(offset)
        )
        square = sum(_squares(exact, moved))
        if square:
            most = max(most, _ratio(law, facts, square))
    detail = (
        f"largest bound in units of the distance to an exact network; {cases} networks, exact ones"
        f" moved at random or along the gradient, Λ = {_listed(STEEP)}, simulated in fractions,"
        f" distances in balls{f'; {wrong} were not exact' if wrong else ''}"
    )
    return column(float("nan") if wrong else most, 1.0, detail)


def _listed(numbers: Sequence[Fraction]) -> str:
    return ", ".join(map(str, numbers))


def _moved(
    net: Network[Fraction], by: Sequence[Fraction], conv: bool, offset: bool
) -> Network[Fraction]:
    """Every stored weight plus a number, in the order w, b, a, c."""
    numbers = iter(by)
    w = tuple(tuple(x + next(numbers) for x in row) for row in net.w)
    b = tuple(x + next(numbers) * conv for x in net.biases)
    a = tuple(x + next(numbers) for x in net.a)
    return net.changed(w=w, b=b, a=a, c=net.offset + next(numbers) * offset)


# --------------------------------------------------------------------------------------- training


@dataclass(frozen=True)
class _Pair:
    """A stopped network's facts and how far a network with its worst error is: E is less by that
    much.

    Attributes
    ----------
    filters, readout: the squared distance in (w, b), and in (a, c).
    """

    facts: Facts
    filters: Fraction
    readout: Fraction

    def ratio(self, law: Nearness, steep: Fraction) -> float:
        """The bound over the distance for σ(Λz): filters and biases divided by Λ do the same."""
        square = self.filters / steep**2 + self.readout
        return _ratio(law, replace(self.facts, steepest=steep), square)


def _net(weights: NetworkBatch, j: int, share: int, scale: int = 1) -> Network[Fraction]:
    """Network j, its readout ``scale`` times as large."""
    net = weights.as_network(j).mapped(Fraction)
    return replace(net, a=tuple(scale * x for x in net.a), share=share)


def _worst(name: str, net: Network[Fraction], domain: Domain) -> Worst:
    exact = exact_of(net.mapped(rational), name)
    assert exact is not None
    return summary(exact, domain).worst


def _closest(ends: NetworkBatch, others: NetworkBatch, j: int, scale: int) -> int:
    """Which end lies closest to the stopped network j."""
    parts = ((ends.w, others.w), (ends.b, others.b), (scale * ends.a, others.a), (ends.c, others.c))
    squares = [(end - other[j]) ** 2 for end, other in parts]
    return int(np.argmin(sum(x.reshape(len(ends.c), -1).sum(axis=1) for x in squares)))


def _pairs(lab: Lab, setting: Setting, pooling: str) -> tuple[_Pair, ...]:
    """Each stopped network with the end of its own start, the nearest end of the ensemble, and the
    nearest exact one found.
    """
    name, length = setting.activation, setting.radii.half_length(setting.taps)
    size = 2 * length + 1
    share = size if pooling == "mean" else 1
    domain = plateau(setting)
    ends = lab.ensemble(setting).weights
    nets = stopped(lab, setting, pooling)[: min(COMPARED, len(ends.c))]
    weights, pairs = weights_of(nets), []
    for j in range(len(nets)):
        net = _net(weights, j, share)
        radius = fraction(_worst(name, net, domain).radius)
        x = oracle.overlap_pulse(radius, length)
        error = abs(_answer(name, net, x) - radius)
        pooled = _pooled(name, net, x)
        facts = Facts(setting.taps, size, share, radius, error, ONE, pooled, net.a)
        others = [
            _net(ends, i, share, share) for i in sorted({j, _closest(ends, weights, j, share)})
        ]
        near = nearest(name, net.mapped(rational), domain)
        if near is not None:
            others.append(near.net.mapped(fraction))
        for other in others:
            off = fraction(_worst(name, other, domain).high)
            pairs.append(_Pair(replace(facts, error=error - off), *_squares(net, other)))
    return tuple(pairs)


def train(law: Nearness, lab: Lab) -> Column:
    """Networks stopped on the way against where training ends and against exact networks: the bound
    over the distance.
    """
    most, networks, pairs, silent = 0.0, 0, 0, 0
    for setting in STRAIGHT:
        ensemble = lab.ensemble(setting)
        for pooling in ("sum", "mean"):
            every = lab.once(("nearest", setting, pooling), _pairs, lab, setting, pooling)
            erring = [p for p in every if p.facts.error > 0]
            silent += len(every) - len(erring)
            most = max([most, *(pair.ratio(law, steep) for pair in erring for steep in STEEP)])
            networks += min(COMPARED, len(ensemble.c))
            pairs += len(erring)
    detail = (
        f"largest bound in units of the distance to an exact network: {networks} networks stopped"
        f" on the way, sum and mean pooling, against {pairs} others: the end of the same start, the"
        " nearest end of the ensemble, and the nearest exact network found; what an end itself"
        f" errs is taken off the error ({silent} ends err no less, and say nothing); each as a"
        f" network of σ(Λz), Λ = {_listed(STEEP)}"
    )
    return column(most if pairs else float("nan"), 1.0, detail)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the double sum of two networks on the same pixels; sums of squares",
            ("theory.pulse.network.preactivations",),
        ),
        check=Judge(
            "exact networks written by hand, moved, and simulated by loops in fractions",
            ("numerics.arithmetic.oracle",),
        ),
        training=Judge(
            "distances between networks that torch.optim stopped on the way and exact ones",
            ("verify.models.networks", "verify.optimise.sgd", "verify.optimise.ensemble"),
        ),
    ),
    needs=lambda profile: STRAIGHT,
)
"""What the claim rests on."""
