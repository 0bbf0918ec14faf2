"""Laplacians: distances by quadrature, classes by looking everywhere, P by the midpoint rule, and
trained even filters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import pi
from typing import Any

import mpmath
import numpy as np
import torch
from torch import Tensor

from numerics.arithmetic.rounding import UNIT, gamma
from numerics.arithmetic.types import Array
from numerics.disk.closed_form import rational
from numerics.disk.perimeter import Midpoints, angles, circle_bound, half_squares, reach
from numerics.disk.perimeter_enclosure import by_direction, filter_of, quadrature_of
from theory.disk.laplacian import Laplacian, across
from theory.disk.zero_lines import Crossing, Filter, stretches
from verify.disk import figures as draw
from verify.disk.clipping import clipped
from verify.disk.networks import combination, disks, loss
from verify.disk.networks import train as train_one
from verify.models.networks import Network
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import figure
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "KINDS", "Digits", "check", "figures", "sampled", "train"]

DIGITS = 40


class Digits:
    """The arithmetic of mpmath: how to write a fraction, √ and asinh."""

    sqrt = staticmethod(mpmath.sqrt)
    asinh = staticmethod(mpmath.asinh)

    @staticmethod
    def number(x: Any) -> Any:
        """A fraction."""
        fraction = Fraction(x)
        return mpmath.mpf(fraction.numerator) / fraction.denominator


def _strength(law: Laplacian, w: Filter, crossing: Crossing) -> float:
    """P of |z - S/2| by the law, for a filter whose sign changes it knows about a point."""
    assert crossing.centre is not None
    with mpmath.workdps(DIGITS):
        by = law.turned if crossing.turns else law.strength
        return float(by(w, crossing.centre, Digits))


# ------------------------------------------------------------------------------------------ check

SECONDS = np.array(
    [
        [[0, 0, 0], [1, -2, 1], [0, 0, 0]],
        [[0, 1, 0], [0, -2, 0], [0, 1, 0]],
        [[1, 0, 0], [0, -2, 0], [0, 0, 1]],
        [[0, 0, 1], [0, -2, 0], [1, 0, 0]],
    ],
    float,
)
"""The second differences of 3 × 3: along the columns, the rows, and both diagonals."""
SADDLES = np.stack([SECONDS[0] - SECONDS[1], SECONDS[2] - SECONDS[3]])
PAIRS = np.concatenate([SECONDS + 2 * (SECONDS == -2), (SECONDS[:1] == -2) * 1.0])
"""The two ends of each, and the middle: even filters with a sum."""


def _even(rng: np.random.Generator) -> Array:
    """Whole taps, of any signs or not, even about the middle, between two pixels or at a corner of
    four.
    """
    rows, columns = (
        (3, 3) if rng.integers(2) else (int(rng.integers(2, 4)), int(rng.integers(2, 4)))
    )
    part = rng.integers(-3 * int(rng.integers(2)), 4, (rows, columns)).astype(float)
    part = part + part[::-1, ::-1]
    if rows == columns == 3 and rng.integers(2):
        part[1, 1] -= part.sum()
    w = np.zeros((3, 3))
    w[:rows, :columns] = part
    return w


def _difference(rng: np.random.Generator) -> Array:
    w = np.zeros((3, 3))
    e = ((1, 0), (0, 1), (1, 1), (1, -1))[int(rng.integers(4))]
    for u, v in np.ndindex(3, 3):
        if 0 <= u + e[0] < 3 and 0 <= v + e[1] < 3:
            tap = rng.choice([-1.0, -0.125, 0.0, 1.0, 2.0], p=[0.1, 0.2, 0.1, 0.3, 0.3])
            w[u + e[0], v + e[1]] += tap
            w[u, v] -= tap
    return w


@lru_cache(maxsize=2)
def _edges() -> tuple[Array, Array, Array]:
    """H_θ(t + u·n) at 120 directions of half a turn and 220 distances (T, t, 9), the distances, and
    the directions.
    """
    t = (np.arange(220) - 109.5) / 50
    turn = (np.arange(120) + 0.37) * pi / 120
    responses = [half_squares(3, t, float(np.cos(x)), float(np.sin(x))).T for x in turn]
    return np.stack(responses), t, turn


def sampled(w: Array, level: float, centre: tuple[float, float] | None) -> bool:
    """Whether p_θ + level, of taps (3, 3), was seen to take both signs on one side of the line of
    the centre, or anywhere if there is none.
    """
    responses, t, turn = _edges()
    p = responses @ w.ravel() + level
    p[np.abs(p) < 1e-9 * np.abs(w).sum()] = 0  # more than its rounding
    if centre is None:
        return bool(np.any((p.max(axis=1) > 0) & (p.min(axis=1) < 0)))
    above = t > -(centre[0] * np.cos(turn) + centre[1] * np.sin(turn))[:, None] + 1e-9
    return bool(
        np.any((np.where(above, p, 0).max(axis=1) > 0) & (np.where(above, p, 0).min(axis=1) < 0))
    )


def _wrongly_classed(crossing: Crossing, w: Array, level: float) -> bool:
    """Whether looking everywhere disagrees with the class."""
    if crossing.kind == "centre" and crossing.centre is not None:
        return sampled(w, level, (float(crossing.centre[0]), float(crossing.centre[1])))
    if crossing.kind == "dipole":
        return sampled(w, level, None)
    centre = _centre(w)
    if crossing.kind == "none" or (w.sum() or level) and centre is None:
        return sampled(w, level, None) == (crossing.kind == "none")
    return not (sampled(w, level, centre) or _shown(w, level, centre))


def _shown(w: Array, level: float, centre: tuple[float, float] | None) -> bool:
    """Whether clipped squares, in fractions, have both signs at two places that the decision names:
    what few places see can be too small.
    """
    taps = rational(w)
    point = None if centre is None else (Fraction(centre[0]), Fraction(centre[1]))
    for stretch in stretches(taps, Fraction(level), point):
        (p, q), (r, s) = stretch.octant
        signs = set()
        for u, x in stretch.signs.values():
            if u:
                value = sum(
                    (
                        tap * clipped(x + p * i + q * j + (r * i + s * j) * u, Fraction(1), u)
                        for (i, j), tap in taps.items()
                    ),
                    Fraction(level),
                )
                signs.add((value > 0) - (value < 0))
        if {1, -1} <= signs:
            return True
    return False


def _centre(w: Array) -> tuple[float, float] | None:
    """The middle of the taps, where w is even about it."""
    i, j = np.nonzero(w)
    box = w[i.min() : i.max() + 1, j.min() : j.max() + 1]
    even = np.array_equal(box, box[::-1, ::-1])
    return ((i.min() + i.max()) / 2 - 1, (j.min() + j.max()) / 2 - 1) if even else None


def _by_rays(x: float, y: float) -> float:
    """D(x, y) from rectangles at 0: with ξ = as, η = bst and the other way round, ab/3 ∫ (√(a² +
    b²t²) + √(a²t² + b²)) dt.
    """
    node, share = np.polynomial.legendre.leggauss(60)
    t = (1 + node) / 2
    total = 0.0
    for i in (1, -1):
        for j in (1, -1):
            a, b = x + i / 2, y + j / 2
            total += i * j * a * b / 6 * float(share @ (np.hypot(a, b * t) + np.hypot(a * t, b)))
    return total


@dataclass(frozen=True)
class _Cases:
    """What is drawn: filters with levels, directions (T,) of edges, places of pixels, and how many
    P are looked at.
    """

    filters: tuple[tuple[Array, float], ...]
    turn: Array
    places: tuple[tuple[float, float], ...]
    count: int


def _cases(lab: Lab) -> _Cases:
    rng, draws, filters = lab.rng("laplacian"), lab.profile.draws, []
    for k in range(draws):
        w = _difference(rng) if k % 4 == 0 else _even(rng)
        if np.any(w):
            filters.append((w, 0.0 if k % 4 == 0 else -float(w.sum()) / 2))
    places = [(0.0, 0.0), (0.5, 0.5), *map(tuple, rng.uniform(-3, 3, (draws // 4, 2)).tolist())]
    turn = np.sort(rng.uniform(0.01, pi / 2 - 0.01, 6))
    return _Cases(tuple(filters), turn, tuple(places), max(draws // 4, 12))


def _refutations(law: Laplacian, cases: _Cases) -> Iterator[str]:
    """All that differs, the cheapest first."""
    for x, y in cases.places:
        distance = float(law.distance(mpmath.mpf(x), mpmath.mpf(y), Digits))
        # Gauss' rule next to a corner; elsewhere 1e-14.
        if abs(distance - _by_rays(x, y)) > 1e-9:
            yield f"another D at ({x:.3g}, {y:.3g})"
    named = [(w, 0.0, law.crossing(rational(w))) for w in (*SECONDS[::2], *SADDLES)]
    for case in named:
        yield from _of_strength(law, cases.turn, *case)
    known = []
    for w, level in cases.filters:
        crossing = law.crossing(rational(w), Fraction(level))
        if _wrongly_classed(crossing, w, level):
            yield f"another class than {crossing.kind} of {w.tolist()} at {level}"
        if crossing.kind == "centre":
            known.append((w, level, crossing))
    for case in known[len(named) - cases.count :]:
        yield from _of_strength(law, cases.turn, *case)


def _of_strength(
    law: Laplacian, turn: Array, w: Array, level: float, crossing: Crossing
) -> Iterator[str]:
    """One direction and P against quadrature."""
    exact, edge, centre = rational(w), filter_of(w, level, "abs"), crossing.centre
    if centre is None:
        yield f"{w.tolist()} has no centre"
        return
    for theta, integral, off in zip(turn.tolist(), *by_direction(edge, turn), strict=True):
        c, s = (Fraction(float(f(theta))) for f in (np.cos, np.sin))
        whole = abs(float(law.across(exact, centre, c, s)))
        if abs(whole - abs(integral)) > off + 1e-9 * float(np.abs(w).sum()):
            yield f"another ∫ of {w.tolist()} in the direction {theta:.3f}"
    by = quadrature_of(edge, most=1 << 12)
    error = np.inf if by.error is None else by.error
    if not abs(_strength(law, exact, crossing) - by.value) <= error:
        yield f"another P of {w.tolist()}"


def check(law: Laplacian, lab: Lab) -> Column:
    """D against Gauss' rule along rays, classes against p_θ at thousands of places, one direction
    and P against quadrature; up to the first that differs.
    """
    cases = _cases(lab)
    for refutation in _refutations(law, cases):
        return column(1, 0, refutation)
    detail = (
        f"none differs of {len(cases.places)} pixels by their D, of {len(cases.filters)} filters by"
        f" their class, held to what p_θ shows at {120 * 220} places, and of {cases.count} filters"
        f" even about a point by their ∫ in {len(cases.turn)} directions and by P, held to"
        " quadrature with its bounds"
    )
    return column(0, 0, detail)


# --------------------------------------------------------------------------------------- training

LOW, HIGH, COUNT, HALF_LENGTH = 3, 8, 11, 10
STEPS = 25
"""Of LBFGS: what is claimed holds on the way as well as at the end."""
RULE = Midpoints(3, 480, 128)
"""Directions and distances at which torch is shown the edge of a circle."""
LARGE = 1.0e5
"""Its radius."""


@dataclass(frozen=True)
class Kind:
    """What is trained: fixed filters, and how the weights on them start."""

    name: str
    filters: Array
    start: Callable[[np.random.Generator], Array]


KINDS = (
    Kind("second differences, started positive", SECONDS, lambda rng: rng.uniform(0.5, 1.5, 4)),
    Kind("second differences, started anywhere", SECONDS, lambda rng: rng.uniform(-1.5, 1.5, 4)),
    Kind("a saddle", SADDLES[:1], lambda rng: rng.uniform(0.5, 1.5, 1)),
    Kind("a saddle along the diagonals", SADDLES[1:], lambda rng: rng.uniform(0.5, 1.5, 1)),
    Kind("pairs at half their sum", PAIRS, lambda rng: rng.uniform(0.5, 1.5, 5)),
)
"""Positive weights on second differences keep their sides; any weights need not; saddles turn;
pairs have a sum, and a threshold at its half.
"""


@dataclass(frozen=True)
class TrainedLaplacian:
    """A network at its end.

    Attributes
    ----------
    w, level: the filter, each tap correctly rounded, and b = -S/2.
    loss: as torch has it.
    strength, bound: P as torch sees it at a circle of radius :data:`LARGE`, and how far that may be
        from P.
    share: aP by that.
    """

    kind: Kind
    activation: str
    net: Network
    w: Array
    level: float
    loss: float
    strength: float
    bound: float
    share: float


def _filtered(x: Tensor, filters: Array, padding: str = "same") -> Tensor:
    """y_k = filter_k ⋆ x - S_k/2: (signals, N, N) -> (signals, C, N, N), or less if ``padding`` is
    ``valid``.
    """
    fixed = torch.tensor(filters)
    level = fixed.sum(dim=(1, 2)) / 2
    return (
        torch.nn.functional.conv2d(x[:, None], fixed[:, None], padding=padding)
        - level[:, None, None]
    )


@lru_cache(maxsize=1)
def _windows() -> Tensor:
    """3 × 3 pixels of the large circle at every node of the rule, then darkness and light: (nodes +
    2, 3, 3).
    """
    ends = np.zeros((1, 3, 3)), np.ones((1, 3, 3))
    return torch.tensor(np.concatenate([RULE.windows(LARGE), *ends]))


def _torch_strength(net: Network, filtered: Tensor) -> float:
    """∮∫ [σ(z) - σ(dark) - Δ 1{t > 0}] dt dθ, z as torch answers at the nodes: half of them lie
    where t > 0.
    """
    with torch.no_grad():
        values = net.activation(net.conv(filtered)).flatten()
        total = torch.sum(values[:-2] - (values[-2] + values[-1]) / 2)
    return float(total) * RULE.weight


def _bound(w: Array, level: float, activation: str) -> float:
    """How far P as torch sees it may be: the curvature of the circle, the midpoint rules in t and
    in θ, rounding.
    """
    weight, rho = float(np.abs(w).sum()), reach(3)
    size = weight + abs(level)
    edge = weight * circle_bound(LARGE, rho)
    nodes = RULE.turns * RULE.places * UNIT + float(gamma(40))
    # Along t the slope of a pixel rises and falls by at most √2, and is turned over where p + b
    # passes 0.
    along = RULE.steps[0] ** 2 / 8 * 4 * 2**0.5 * weight * 2 * pi
    around = quadrature_of(filter_of(w, level, activation), most=RULE.turns).error
    return (
        2 * pi * 2 * rho * (edge + nodes * size * 4)
        + along
        + (np.inf if around is None else around)
    )


def _trained(lab: Lab) -> tuple[TrainedLaplacian, ...]:
    """A few networks of each kind, abs and ReLU in turn, from random starts."""
    rng, nets = lab.rng("laplacian/networks"), []
    r, share = np.linspace(LOW, HIGH, COUNT), np.full(COUNT, 1 / COUNT)
    x = disks(r, HALF_LENGTH)
    for kind in KINDS:
        y, straight = _filtered(x, kind.filters), _filtered(_windows(), kind.filters, "valid")
        for k in range(max(lab.profile.networks // 8, 4)):
            name = ("abs", "relu")[k % 2]
            net = combination(name, kind.start(rng), rng)
            train_one(net, y, r, share, STEPS, rounds=1)
            with torch.no_grad():
                value = float(loss(net, y, torch.tensor(r), torch.tensor(share)))
                weights = net.conv.weight.numpy()[0, :, 0, 0]
                w = np.tensordot(weights, kind.filters, axes=1)
                strength = _torch_strength(net, straight)
                a = float(net.readout.weight[0, 0])
            level = -float(weights @ kind.filters.sum(axis=(1, 2))) / 2
            nets.append(
                TrainedLaplacian(
                    kind, name, net, w, level, value, strength, _bound(w, level, name), a * strength
                )
            )
    return tuple(nets)


def _exact(laplacian: TrainedLaplacian) -> dict[tuple[int, int], Fraction]:
    """The filter without rounding, from the weights."""
    weights = [Fraction(x) for x in laplacian.net.conv.weight.detach().numpy()[0, :, 0, 0].tolist()]
    taps = [rational(fixed) for fixed in laplacian.kind.filters]
    return {
        place: sum((x * each[place] for x, each in zip(weights, taps, strict=True)), Fraction(0))
        for place in taps[0]
    }


def train(law: Laplacian, lab: Lab) -> Column:
    """P of trained even filters as torch sees it at a large circle, against the closed form; those
    of class other are counted.
    """
    nets = lab.once("laplacian/networks", _trained, lab)
    scores, ratios, other, turned = [], [], 0, 0
    for laplacian in nets:
        exact = _exact(laplacian)
        level = -sum(exact.values(), Fraction(0)) / 2
        kind = law.crossing(exact, level)
        if kind.kind != "centre" or kind.centre is None:
            other += 1
            continue
        turned += kind.turns
        factor = 0.5 if laplacian.activation == "relu" else 1.0
        claimed = factor * _strength(law, exact, kind)
        scores.append(abs(laplacian.strength - claimed) / laplacian.bound)
        if scores[-1] > 1:
            return column(scores[-1], 1.0, f"a network of {laplacian.kind.name} has another P")
        ratios.append(laplacian.bound / abs(laplacian.strength))
    kinds = ", ".join(
        f"{kind.name} {min(losses):.1g}/{np.median(losses):.1g}"
        for kind in KINDS
        if (losses := [laplacian.loss for laplacian in nets if laplacian.kind is kind])
    )
    shares = [
        laplacian.share
        for laplacian in nets
        if laplacian.loss < 0.05 and laplacian.activation == "abs"
    ]
    detail = (
        f"{len(nets)} networks, abs and ReLU, from random starts; {other} ended with both signs on"
        f" one side and have no closed form, for {turned} the sides turn. Figure: the largest"
        f" distance of P, as torch sees it at {RULE.turns * RULE.places} places of a circle of"
        f" radius {LARGE:g}, from the closed form, in units of its bound (median"
        f" {np.median(ratios):.1%} of P). Least/median loss: {kinds}. Only seen: aP of the"
        f" {len(shares)} with abs that err by less than 0.22 pixel lies between"
        f" {min(shares, default=np.nan):.3f} and {max(shares, default=np.nan):.3f}"
    )
    return column(float(np.max(scores)) if scores else float("nan"), 1.0, detail)


# ---------------------------------------------------------------------------------------- figures

SHOWN = {
    "(1, -2, 1)": SECONDS[0],
    "along the diagonal": SECONDS[2],
    "5 points": SECONDS[0] + SECONDS[1],
    "a saddle": SADDLES[0],
}


def figures(lab: Lab) -> tuple[Figure, ...]:
    """What an edge adds by its direction: closed form and quadrature."""
    turn = np.linspace(0.003, 2 * pi + 0.003, 361)
    lines, dots = {}, {}
    nodes = angles(48)

    def direction(x: float) -> tuple[Fraction, Fraction]:
        return Fraction(float(np.cos(x))), Fraction(float(np.sin(x)))

    for name, w in SHOWN.items():
        exact = rational(w)
        lines[name] = [
            abs(float(across(exact, (Fraction(0), Fraction(0)), *direction(x))))
            for x in turn.tolist()
        ]
        dots[name] = by_direction(filter_of(w, 0.0, "abs"), nodes)[0]
    caption = (
        "What an edge adds to Σ|w ⋆ x| per unit of its length, by the direction of its normal: the"
        " closed form as lines, the quadrature as dots. The mean of a curve over all directions is"
        " P/2π. A second difference does not see edges that run along it; the five points see every"
        " edge, those across a diagonal best; the saddle does not see these, and there its sides"
        " turn."
    )
    return (
        figure(
            "laplacian-directions",
            "What Laplacians see of edges",
            caption,
            draw.by_direction(turn, lines, nodes, dots),
        ),
    )


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "distances from triangles, and half squares by rows",
            ("theory.disk.laplacian._area", "theory.disk.perimeter.half_square"),
        ),
        check=Judge(
            "Gauss' rule along rays, signs at thousands of places, and P by splines; where "
            "places see too little, clipped squares at places that the decision names",
            (
                f"{__name__}._by_rays",
                f"{__name__}.sampled",
                "numerics.disk.perimeter_enclosure.quadrature_of",
                "numerics.disk.perimeter_enclosure.by_direction",
            ),
        ),
        training=Judge(
            "P summed from torch's answers around a large circle",
            (f"{__name__}._torch_strength", "verify.disk.networks", "verify.models.networks"),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
