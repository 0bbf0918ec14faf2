r"""The asymptotes theorem: sums of pairs in exact rationals, both ends in ball arithmetic, and
networks trained to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from flint import arb

from numerics.arithmetic import oracle
from numerics.arithmetic.numbers import fraction
from numerics.arithmetic.types import Array
from theory.shape.asymptotes import ENDS, Channel, Ends, Law
from theory.shape.span import unrolled
from verify.models.networks import measure
from verify.models.problem import Setting
from verify.optimise.refine import BITS, GOAL, Refined
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import FLOOR, figure, scatter
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.shape.pairs import Problem, RefinedBatch, inverse, is_rounding, refined, trained

__all__ = ["EVIDENCE", "check", "figures", "train"]

F = Fraction

Number = Callable[[Any], Any]

SIGMA: dict[str, Number] = {
    "softplus": lambda v: (1 + v.exp()).log(),
    "logsigmoid": lambda v: -(1 + (-v).exp()).log(),
    "silu": lambda v: v / (1 + (-v).exp()),
    "gelu": lambda v: v * (-v / arb(2).sqrt()).erfc() / 2,
    "gelu_tanh": lambda v: (
        # A power of a ball around 0 is nan in python-flint; a product is not.
        v / (1 + (-2 * (2 / arb.pi()).sqrt() * (v + v * v * v * 44715 / 10**6)).exp())
    ),
    "tanhshrink": lambda v: v - v.tanh(),
    "tanh": lambda v: v.tanh(),
    "sigmoid": lambda v: 1 / (1 + (-v).exp()),
    "erf": lambda v: v.erf(),
}
"""Analytic activations in ball arithmetic, written without the catalogue."""

ODD_PART = ("softplus", "logsigmoid", "silu", "gelu", "gelu_tanh")
"""Those with σ(z) - σ(-z) = z: pairs of channels are exact."""

# One tap has all copies there are.  With a bias, or three taps, the valleys are longer and fewer
# starts arrive.
PAIRS = (
    *(Problem(Setting(name, 2, 1), False, 200) for name in ODD_PART),
    *(Problem(Setting(name, 2, 1), True, 300) for name in ("softplus", "silu")),
    *(Problem(Setting(name, 2, 3, spread=4.0), False, 300) for name in ("softplus", "gelu")),
)
SINGLE = tuple(Setting(name, 1, 3) for name in ("softplus", "silu", "gelu"))


# --- check ------------------------------------------------------------------------------------


def check(law: Law, lab: Lab) -> Column:
    """Count the cases that contradict the law.

    Even draws: random rational networks of any K and n, σ(z) + λz with rational λ: the direct sum,
    continued to φ = ±4096, has the slopes and intercepts of the law, in balls.  Odd draws: exact
    networks built of pairs, mixed, split and unrolled, first simulated in balls; the law must
    vanish on them exactly.
    """
    wrong = 0
    cases = lab.once("asymptotes", _cases, lab)
    with flint.ctx.workprec(BITS):
        for case in cases:
            claimed = law(case.channels, Ends(*(F(value) for value in case.ends)))
            wrong += not all(_agree(x, y) for x, y in zip(claimed, case.residuals, strict=True))
    exact = sum(case.exact for case in cases)
    detail = sentence("asymptotes", "check", others=len(cases) - exact, exact=exact)
    return column(wrong, 0, detail)


@dataclass(frozen=True)
class _Case:
    """A rational network, its σ's asymptotes, and its three residuals as found without the law."""

    channels: tuple[Channel, ...]
    ends: tuple[Any, Any, Any, Any]
    residuals: tuple[Any, Any, Any]
    exact: bool


def _agree(claimed: Any, measured: Any) -> bool:
    """Equal as fractions, or a ball of radius < 2^-100 that contains the claimed fraction."""
    exact = fraction(claimed) if hasattr(claimed, "q") else F(claimed)
    if isinstance(measured, Fraction):
        return exact == measured
    ball = measured - _ball(exact)
    return bool(ball.contains(0)) and bool(ball.rad() < arb(2) ** -100)


def _ball(value: Any) -> arb:
    value = F(value)
    return arb(arb(value.numerator) / value.denominator)


def _cases(lab: Lab) -> tuple[_Case, ...]:
    rng = lab.rng("asymptotes")
    with flint.ctx.workprec(BITS):
        return tuple(
            (
                _exact_case(rng, ODD_PART[(k // 2) % len(ODD_PART)])
                if k % 2
                else _random_case(rng, list(SIGMA)[(k // 2) % len(SIGMA)])
            )
            for k in range(lab.profile.draws)
        )


def _taps(rng: np.random.Generator, n: int) -> tuple[Fraction, ...]:
    return tuple(F(int(v), 8) for v in rng.integers(-8, 9, n))


FAR = 4096
"""Every tap is 0 or at least 1/8 in size: at φ = ±4096 the tails are below e^-500."""


def _random_case(rng: np.random.Generator, name: str) -> _Case:
    n, count = (1, 3, 5)[int(rng.integers(3))], int(rng.integers(1, 4))
    channels = tuple(
        (_taps(rng, n), F(int(rng.integers(-9, 10)), 8), F(int(rng.integers(-9, 10)), 4))
        for _ in range(count)
    )
    extra = F(int(rng.integers(-8, 9)), 3)
    base = ENDS[name]
    ends = (F(base.right) + extra, F(base.left) + extra, F(base.above), F(base.below))

    def sigma(v: arb) -> arb:
        return arb(SIGMA[name](v) + _ball(extra) * v)

    def response(phi: int) -> arb:
        return _continued(sigma, channels, phi)

    up, down = response(FAR + 1) - response(FAR), response(-FAR) - response(-FAR - 1)
    gap = (response(FAR) - FAR * up) - (response(-FAR) + FAR * down)
    return _Case(channels, ends, ((up + down) / 2 - 1, (up - down) / 2, gap), False)


def _continued(sigma: Number, channels: Sequence[Channel], phi: Any) -> arb:
    """Σ_k a_k Σ_i [σ(z_i) - σ(b)] on the first plateau cell, its pixels continued to any real φ."""
    h = len(channels[0][0]) // 2
    low, high = (oracle.overlap_pulse(F(2 * (h + e) + 1, 2), 2 * h + 1) for e in (0, 1))
    x = [_ball(p) + (_ball(q) - _ball(p)) * phi for p, q in zip(low, high, strict=True)]
    total = arb(0)
    for w, b, a in channels:
        total += _ball(a) * oracle.pooled([_ball(v) for v in w], _ball(b), sigma, x)
    return total


def _exact_case(rng: np.random.Generator, name: str) -> _Case:
    """Pairs (w, b, a), (-w, -b, -a), slopes adding up to 1; then halves reversed, channels split,
    or unrolled.
    """
    n, count = (1, 3)[int(rng.integers(2))], int(rng.integers(1, 4))
    pairs: list[tuple[tuple[Fraction, ...], Fraction, Fraction]] = []
    while not sum((a * sum(w) for w, _, a in pairs), F(0)):
        pairs = [
            (_taps(rng, n), F(int(rng.integers(-9, 10)), 8), F(int(rng.integers(1, 9)), 4))
            for _ in range(count)
        ]
    slope = 2 * sum((a * sum(w) for w, _, a in pairs), F(0))
    channels: list[Channel] = []
    for w, b, a in pairs:
        share = F(int(rng.integers(1, 7)), 7)
        channels += [(w, b, share * a / slope), (w[::-1], b, (1 - share) * a / slope)]
        channels.append((tuple(-v for v in w), -b, -a / slope))
    if rng.integers(2):
        channels = [((w,), b, a) for channel in channels for w, b, a in unrolled(*channel)]
    ends = ENDS[name]
    start = _continued(SIGMA[name], channels, arb(0))
    worst = max(
        abs(float(_continued(SIGMA[name], channels, _ball(phi)) - start - _ball(phi)))
        for phi in (F(1, 3), F(4, 7), F(1))
    )
    if not worst < 2.0**-200:
        raise ArithmeticError(f"a sum of pairs of {name} errs by {worst}")
    return _Case(
        tuple(channels), (ends.right, ends.left, ends.above, ends.below), (F(0), F(0), F(0)), True
    )


# --- training ---------------------------------------------------------------------------------


def _trained(lab: Lab, problem: Problem) -> RefinedBatch:
    networks = lab.profile.networks
    return lab.once(("geodesic", problem, networks), trained, problem, networks, lab.seed)


def train(law: Law, lab: Lab) -> Column:
    """The law on every network that training made exact, in units of its bound; every start is
    accounted for.

    Refined networks (:mod:`verify.optimise.refine`) are exact on and between the samples to 1e-57.
    K = 1: an exact network would contradict the theorem, and counts.
    """
    worst, farthest, at_rest, exact, rounded = 0.0, 0.0, 0.0, 0, 0
    counts = []
    for problem in PAIRS:
        batch = _trained(lab, problem)
        for j in np.nonzero(batch.exact)[0]:
            net = batch.refined[j]
            assert net is not None
            back = inverse(problem, net.net)
            values, bounds = _residuals(law, problem, net, back)
            worst = max(worst, *(v / b for v, b in zip(values, bounds, strict=True)))
            worst = max(worst, net.moved / (2 * float(np.linalg.norm(back, 2)) * net.start))
            farthest, at_rest = max(farthest, net.moved), max(at_rest, *values)
        opposite = batch.weights.a[:, 0] * batch.weights.a[:, 1] < 0
        exact += int(np.sum(batch.exact))
        rounded += int(np.sum(batch.rounded & ~batch.exact))
        counts.append(
            sentence(
                "asymptotes",
                "counts",
                activation=problem.setting.activation,
                taps=problem.setting.taps,
                bias=", with bias" if problem.biased else "",
                exact=np.sum(batch.exact),
                opposite=np.sum(~batch.exact & opposite),
                alike=np.sum(~batch.exact & ~opposite),
            )
        )
    alone, lowest = _single(lab)
    detail = sentence(
        "asymptotes",
        "train",
        exact=exact,
        at_rest=at_rest,
        farthest=farthest,
        alone=alone,
        single=lab.profile.networks * len(SINGLE),
        lowest=lowest,
        networks=lab.profile.networks,
        counts="; ".join(counts),
        rounded=rounded,
    )
    return column(worst + alone if exact else float("nan"), 1.0, detail)


ZERO = 1e-50
"""Far above the error left in the weights of a refined network, about 1e-60 times the norm of J⁺
(at most 1e8).
"""


def _residuals(
    law: Law, problem: Problem, refinement: Refined, back: Array
) -> tuple[list[float], list[float]]:
    """|law| of a refined network, and to first order, by J⁺, how large the error that is left may
    make it.

    The second order is covered by a factor 2, rounding by 1e-60.  (3) counts signs: a tap that is 0
    but for the error left is taken as 0.
    """
    ends, net = ENDS[problem.setting.activation], refinement.net
    channels = [
        (tuple(tap if abs(tap) > ZERO else F(0) for tap in w), b, a) for w, b, a in net.listed
    ]
    values = [abs(float(value)) for value in law(channels, ends)]
    slopes = _gradients(law, ends, channels) @ back[:-1]
    error = max(refinement.error, GOAL) * back.shape[1] ** 0.5
    return values, [2 * float(bound) * error + GOAL for bound in np.linalg.norm(slopes, axis=1)]


def _gradients(law: Law, ends: Ends, channels: Sequence[Channel]) -> Array:
    """(3, parameters but c): the law's derivatives by (w, b, a); differences, exact where it is
    linear in each.
    """
    count, n = len(channels), len(channels[0][0])
    flat = [tap for w, _, _ in channels for tap in w]
    flat += [b for _, b, _ in channels] + [a for _, _, a in channels]
    x = np.array([float(v) for v in flat])

    def values(v: Array) -> Array:
        parts: list[Channel] = [
            (
                v[k * n : (k + 1) * n].tolist(),
                float(v[count * n + k]),
                float(v[count * (n + 1) + k]),
            )
            for k in range(count)
        ]
        return np.array([float(value) for value in law(parts, ends)])

    # Small enough to leave every tap its sign; a tap of 0 stays 0.
    moved = x != 0
    moved[count * n :] = True
    step = 1e-3 * np.min(np.abs(x[: count * n][moved[: count * n]]))
    each = step * np.diag(moved.astype(float))
    return np.stack([(values(x + d) - values(x - d)) / (2 * step) for d in each], axis=1)


def _single(lab: Lab) -> tuple[int, float]:
    """Single-channel networks, with conv bias, that can be refined to exact ones; and the lowest
    loss.
    """
    count, lowest = 0, np.inf
    for setting in SINGLE:
        ensemble = lab.ensemble(setting)
        measured = measure(ensemble)
        error = measured.prediction - setting.radii.r
        for j in np.nonzero(is_rounding(setting, ensemble.weights, error))[0]:
            net = refined(Problem(setting, True, 0), ensemble.weights, int(j))
            count += net is not None
        lowest = min(lowest, float(np.min(measured.loss)))
    return count, lowest


def figures(lab: Lab) -> tuple[Figure, ...]:
    """Every trained network of two channels: its imbalance, and its loss."""
    exact: list[Array] = []
    others: list[Array] = []
    for problem in PAIRS:
        batch = _trained(lab, problem)
        sides = batch.weights.a * np.sum(np.abs(batch.weights.w), axis=2)
        lean = np.sum(sides, axis=1) / np.sum(np.abs(sides), axis=1)
        points = np.stack([lean, np.log10(np.maximum(batch.loss, FLOOR))], axis=1)
        exact.append(points[batch.exact])
        others.append(points[~batch.exact])
    groups = {"not exact": np.concatenate(others), "exact": np.concatenate(exact)}
    across = "imbalance Σ a |w| / Σ |a| |w|"
    drawing = scatter(groups, across, "log₁₀ of the loss", ((0.0, -33.0), (0.0, 0.0)))
    caption = sentence("asymptotes", "caption")
    return (figure("asymptotes-balance", "Exact networks are balanced", caption, drawing),)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the double sum continued to φ = ±∞, for every pattern of signs",
            ("theory.pulse.network.direct_response",),
        ),
        check=Judge(
            "the double sum by loops in 256-bit balls, continued to φ = ±4096",
            ("numerics.arithmetic.oracle",),
        ),
        training=Judge(
            "networks trained and refined in 256 bits until they are exact",
            (
                "verify.shape.pairs",
                "verify.optimise.refine.refine",
                "verify.models.networks",
                "verify.optimise.ensemble",
            ),
        ),
    ),
    needs=lambda profile: SINGLE,
    figures=figures,
)
"""What the claim rests on."""
