r"""What gradient flow never changes, whatever the data: found by linear algebra, and shown to be
everything.

*Linear cell* (identity, or ReLU while every lit pre-activation is positive; no conv bias), K
channels, S_k = Σ_u w_{k,u}:

    w_{k,u} - S_k/n,    a_j a_k - S_j S_k/n,    a_j S_k - a_k S_j,

of which K(n + 1) - 1 are independent; with a readout bias c the same ones, and none of them holds
c.

*One channel, any cell of any positively homogeneous σ, any bias*: there r̂ = c + a ℓ_r(w, b) with
linear functionals ℓ_r, and conserved are d · (w, b) for every d orthogonal to all of them, and

    a² - |w|² - b²,

which survives in every cell and across the walls.  With p independent functionals these are dim(w,
b) - p + 1. In the linear cell p = 1; each further one, a crossed partial sum or a bias, costs one
conserved quantity.  Derivation: docs/training/conserved.md.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import sympy as sp

from theory.claim import Claim, Kernel, Proof, Step, Wrong
from theory.pulse.network import taps
from theory.pulse.signal import pulse
from theory.training.invariants import (
    answer,
    conserved,
    field,
    invariants,
    jacobian_rank,
    orbit_dimension,
    same_span,
)
from theory.training.linear_cell import Taps
from theory.types import Scalar, Vector

__all__ = ["CLAIM", "Conserved", "deviations", "everywhere", "products"]


def deviations(w: Taps) -> list[Any]:
    """w_{k,u} - S_k/n of taps w (K, n), for every channel and every tap but the last, whose value
    the others give.
    """
    means = [sum(row[1:], row[0]) / len(row) for row in w]
    return [tap - mean for row, mean in zip(w, means, strict=True) for tap in row[:-1]]


def products(w: Taps, a: Vector) -> list[Any]:
    """a_j a_k - S_j S_k/n for j <= k, and a_j S_k - a_k S_j for j < k, of taps w (K, n) and readout
    a (K,).
    """
    n, sums = len(w[0]), [sum(row[1:], row[0]) for row in w]
    pairs = [(j, k) for k in range(len(a)) for j in range(k + 1)]
    even = [a[j] * a[k] - sums[j] * sums[k] / n for j, k in pairs]
    return [*even, *(a[j] * sums[k] - a[k] * sums[j] for j, k in pairs if j != k)]


def everywhere(w: Vector, b: Scalar, a: Scalar) -> Any:
    """a² - |w|² - b² of one channel with taps w (n,), for every positively homogeneous σ, in every
    cell and across walls.
    """
    return a * a - sum(tap * tap for tap in w) - b * b


@dataclass(frozen=True)
class Conserved:
    """The law: the quantities of the linear cell, and the one that every
    homogeneous channel keeps.
    """

    deviations: Callable[[Taps], list[Any]]
    products: Callable[[Taps, Vector], list[Any]]
    everywhere: Callable[[Vector, Scalar, Scalar], Any]


MODELS = (
    (1, 1, False),
    (3, 1, False),
    (3, 1, True),
    (5, 1, True),
    (1, 3, False),
    (3, 2, False),
    (3, 2, True),
    (5, 2, False),
    (3, 3, False),
)
"""(n, K, with c) of the linear cell."""

R = sp.Rational
CELLS: tuple[tuple[str, tuple[sp.Rational, ...], sp.Rational | None], ...] = (
    ("linear", (R(1), R(2), R(1)), None),
    ("a step begins below 0", (R(-1), R(3), R(2)), None),
    ("a partial sum between lies below 0", (R(1), R(-2), R(3)), None),
    ("one of five steps begins below 0", (R(-1), R(2), R(3), R(1), R(2)), None),
    ("linear, with a bias", (R(1), R(2), R(1)), R(3)),
    ("crossed, with a bias", (R(-2), R(3), R(1)), R(1)),
)
"""A name and a point (w, b) inside a cell of ReLU; no b: no bias."""


def _point(variables: Sequence[sp.Symbol]) -> dict[sp.Symbol, sp.Rational]:
    """A rational point in general position; any point at which the ranks are largest will do."""
    rng = random.Random(len(variables))
    return {v: sp.Rational(rng.randint(1, 40), rng.randint(1, 9)) for v in variables}


def prove(law: Conserved) -> Proof:
    """Linear algebra over the rationals, from the double sum: conserved, all of degree 2, and no
    others.
    """

    def steps() -> Iterator[Step]:
        groups = [
            *(_linear(law, *model) for model in MODELS),
            *(_cell(law, *cell) for cell in CELLS),
        ]
        for group in groups:  # what tells laws apart
            yield from islice(group, 2)
        for group in groups:
            yield from group

    covers = (
        "linear cell: n = 1 with K = 1, 3, n = 3 with K = 1, 2, 3, n = 5 with K = 1, 2, with and"
        " without c; cells of ReLU, K = 1, n = 3, 5, with p = 1, 2, 3, 4, with and without conv"
        " bias; any weights, any data on the radii, and any loss of the answers, since each"
        " answer's own gradient leaves the quantities as they are"
    )
    return Proof(steps(), covers)


def _linear(law: Conserved, n: int, channels: int, biased: bool) -> Iterator[Step]:
    w = [taps(n, str(k)) for k in range(1, channels + 1)]
    a = [sp.Symbol(f"a_{k}", real=True) for k in range(1, channels + 1)]
    c = sp.Symbol("c", real=True) if biased else sp.Integer(0)
    variables = [*(tap for row in w for tap in row), *a, *([c] if biased else [])]
    h = n // 2
    signals = [pulse(m, part, 3 * h + 3) for m, part in ((h + 1, sp.Integer(0)), (h + 2, R(1, 3)))]
    answers = [answer(w, [sp.Integer(0)] * channels, a, c, x) for x in signals]
    first, second = law.deviations(w), law.products(w, a)
    more = [x * y for j, x in enumerate(first) for y in first[: j + 1]]
    name = f"n = {n}, K = {channels}{', c' if biased else ''}"
    yield from _decided(name, answers, variables, [*first, *second], more, channels * (n + 1) - 1)


def _cell(
    law: Conserved, name: str, tap_values: Sequence[sp.Rational], bias: sp.Rational | None
) -> Iterator[Step]:
    n = len(tap_values)
    h, w, a = n // 2, taps(n), sp.Symbol("a", real=True)
    b = sp.Symbol("b", real=True) if bias is not None else sp.Integer(0)
    known = [*w, *([b] if bias is not None else [])]
    cell = dict(zip(known, [*tap_values, *([bias] if bias is not None else [])], strict=True))
    radii = [(m, part) for m in (h + 1, h + 2) for part in (sp.Integer(0), R(1, 5), R(4, 5))]
    answers = [answer([w], [b], [a], sp.Integer(0), pulse(m, p, 3 * h + 3), cell) for m, p in radii]
    functionals = sp.Matrix([[sp.diff(output, a, v) for v in known] for output in answers])
    linear = [
        sp.Add(*(x * v for x, v in zip(d, known, strict=True))) for d in functionals.nullspace()
    ]
    square = law.everywhere(w, b, a)
    more = [x * y for j, x in enumerate(linear) for y in linear[: j + 1]]
    p = functionals.rank()
    name = f"{name}, n = {n}, p = {p}"
    yield from _decided(name, answers, [*known, a], [*linear, square], more, len(known) - p + 1)


def _decided(
    name: str,
    answers: Sequence[sp.Expr],
    variables: Sequence[sp.Symbol],
    quantities: list[sp.Expr],
    more: list[sp.Expr],
    count: int,
) -> Iterator[Step]:
    """Conserved; with ``more`` (products of linear ones) all of degree <= 2; and as many as any
    function allows.
    """
    fields = [field(direction, variables) for direction in answers]
    yield Step(f"conserved, {name}", conserved(quantities, fields, variables))
    point = _point(variables)
    independent = jacobian_rank(quantities, variables, point) if quantities else 0
    yield Step(f"{count} independent, {name}", independent == count)
    room = len(variables) - orbit_dimension(fields, variables, point)
    yield Step(f"no others of any kind, {name}", independent == room)
    same = same_span(invariants(fields, variables), [*quantities, *more], variables)
    yield Step(f"every one of degree 2, {name}", same)


def _sum_of_squares(w: Taps, a: Vector) -> list[Any]:
    """Wrong: a circle in place of a hyperbola."""
    n, sums = len(w[0]), [sum(row[1:], row[0]) for row in w]
    pairs = [(j, k) for k in range(len(a)) for j in range(k + 1)]
    return [a[j] * a[k] + sums[j] * sums[k] / n for j, k in pairs]


def _unscaled(w: Taps, a: Vector) -> list[Any]:
    """Wrong: a filter is taken to have one tap more than it has."""
    quantities = products(w, a)
    sums = [sum(row[1:], row[0]) for row in w]
    pairs = [(j, k) for k in range(len(a)) for j in range(k + 1)]
    even = [a[j] * a[k] - sums[j] * sums[k] / (len(w[0]) + 1) for j, k in pairs]
    return even + quantities[len(even) :]


def _each_for_itself(w: Taps, a: Vector) -> list[Any]:
    """Wrong (too few): every channel keeps its own a_k² - S_k²/n, and nothing ties the channels
    together.
    """
    return [x for row, weight in zip(w, a, strict=True) for x in products([row], [weight])]


def _without_bias(w: Vector, b: Scalar, a: Scalar) -> Any:
    """Wrong: the bias is left out of the balance."""
    return everywhere(w, 0 * b, a)


LAW = Conserved(deviations, products, everywhere)

CLAIM: Claim[Conserved] = Claim(
    id="conserved",
    title="What training never changes: every conserved quantity of gradient flow",
    statement=(
        r"w_{k,u} - \frac{S_k}{n}, \quad a_j a_k - \frac{S_j S_k}{n}, \quad a_j S_k - a_k S_j"
        r" \qquad \text{of these } K(n+1) - 1 \text{ are independent, and there are no others}"
        r" \qquad a_k^2 - |w_k|^2 - b_k^2 \text{ in every cell}"
    ),
    assumptions=(
        (
            r"gradient flow on a differentiable loss of the answers, such as the mean squared"
            r" error, with or without $c$; conserved means: for all data"
        ),
        (
            r"first line: the linear cell, no conv bias, any radii whose pulses stay clear of the"
            r" border"
        ),
        (
            r"last line: $\sigma$ positively homogeneous; for $K = 1$ the other quantities of a"
            r" cell are linear"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong(
            "a circle: a² + S²/n in place of the difference", replace(LAW, products=_sum_of_squares)
        ),
        Wrong("S²/(n + 1) in place of S²/n", replace(LAW, products=_unscaled)),
        Wrong("nothing ties the channels together", replace(LAW, products=_each_for_itself)),
        Wrong("the bias is left out of the balance", replace(LAW, everywhere=_without_bias)),
    ),
    requires=("signal",),
    kernel=Kernel(
        (
            "all n and K: that the quantities of the statement are conserved, not "
            "that there are no others"
        ),
        (
            "Flow.deviation_conserved",
            "Flow.even_conserved",
            "Flow.odd_conserved",
            "Flow.homogeneous_conserved",
        ),
    ),
)
