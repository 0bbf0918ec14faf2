"""The page's laws: what the browser answers against numpy and fractions, within the bound that ball
arithmetic derives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx

from numerics.arithmetic.javascript import Law, leaves
from theory.pulse.network import g
from verify.explorer.laws import groups, module

RANDOM = 10_000
EVERY = {f"{group}.{law.name}": law for group, laws in groups().items() for law in laws}
SMOOTH = {
    "box",
    "end",
    "first_order",
    "gain_from_start",
    "rate",
    "roots",
    "stretch",
    "arc",
    "dipole",
    "distance",
    "bias_end",
}
"""Those with roots, logarithms or arcs: they have no exact form."""


def _flat(arguments: Sequence[Any]) -> Iterator[Any]:
    for argument in arguments:
        if isinstance(argument, Sequence):
            yield from _flat(argument)
        else:
            yield argument


def _flat_text(case: Sequence[Any]) -> Iterator[Any]:
    for x in case:
        if isinstance(x, list):
            yield from _flat_text(x)
        else:
            yield x


def _filled(argument: Any, values: Iterator[float]) -> Any:
    """The argument's shape with numbers in it; functions stay out."""
    if isinstance(argument, Sequence):
        return [_filled(part, values) for part in argument]
    return None if isinstance(argument, sp.core.function.UndefinedFunction) else next(values)


def _drawn(law: Law, rng: np.random.Generator) -> list[Any]:
    """Arguments of a law; positive where their symbols are, and of the arc where it leaves the
    corner inside.
    """
    if law.name == "arc":
        r = float(rng.uniform(0.5, 9))
        return [r * float(rng.uniform(0.8, 1)), r * float(rng.uniform(0.8, 1)), r]
    symbols = [x for x in _flat(law.arguments) if isinstance(x, sp.Symbol)]
    drawn = zip(symbols, rng.normal(size=len(symbols)).tolist(), strict=True)
    values = iter([abs(x) if symbol.is_positive else x for symbol, x in drawn])
    return [_filled(argument, values) for argument in law.arguments]


def _numbers(arguments: Sequence[Any], convert: Any) -> list[Any]:
    return [
        _numbers(x, convert) if isinstance(x, list) else abs if x is None else convert(x)
        for x in arguments
    ]


BALLS = {"sqrt": arb.sqrt, "log": arb.log, "asin": arb.asin, "Abs": abs, "pi": arb.pi()}


def _compiled(law: Law, modules: Any) -> Any:
    return sp.lambdify(list(law.arguments), list(leaves(law.result)), modules=modules, cse=True)


FLOAT = """
async ([group, name, cases]) => {
  const {float} = await import("laws");
  const flat = (x) => typeof x === "number" ? [x] : Object.values(x).flatMap(flat);
  const filled = (x) => x === null ? Math.abs : x;
  return cases.map((row) => flat(float[group][name](...row.map(filled))));
}
"""
EXACT = """
async ([group, name, cases]) => {
  const {fractions} = await import("laws");
  const {Fraction, fractionArithmetic: f} = await import("numbers");
  const flat = (x) => x instanceof Fraction ? [String(x)] : Object.values(x).flatMap(flat);
  const filled = (x) => x === null ? f.abs : Array.isArray(x) ? x.map(filled) : Fraction.parse(x);
  const laws = fractions(f);
  return cases.map((row) => flat(laws[group][name](...row.map(filled))));
}
"""


@pytest.mark.browser
@pytest.mark.parametrize("name", EVERY)
def test_a_law_in_the_browser_is_the_law_of_numpy(page: Any, name: str) -> None:
    """Both are within the radius of the same expressions in balls of 53 bits, one bit given away
    for the order of sums.
    """
    law, (group, _, own) = EVERY[name], name.partition(".")
    rng = np.random.default_rng(0)
    cases = [_drawn(law, rng) for _ in range(max(RANDOM // len(EVERY), 30))]
    answers = page.evaluate(FLOAT, [group, own, cases])
    by_numpy, by_balls = _compiled(law, "numpy"), _compiled(law, [BALLS])
    precision, ctx.prec = ctx.prec, 52
    try:
        for case, answer in zip(cases, answers, strict=True):
            wanted = by_numpy(*_numbers(case, float))
            balls = by_balls(*_numbers(case, arb))
            for x, y, ball in zip(answer, wanted, balls, strict=True):
                radius = float(arb(ball).rad()) if isinstance(ball, arb) else 0.0
                assert math.isfinite(x) and abs(x - y) <= 2 * radius, (case, x, y)
    finally:
        ctx.prec = precision


@pytest.mark.browser
@pytest.mark.parametrize("name", [name for name in EVERY if name.partition(".")[2] not in SMOOTH])
def test_a_law_in_fractions_is_exact(page: Any, name: str) -> None:
    law, (group, _, own) = EVERY[name], name.partition(".")
    rng = np.random.default_rng(1)

    def ratio(_: float) -> str:
        return f"{rng.integers(1, 40)}/{rng.integers(1, 40)}"

    cases = [
        [_numbers(x, ratio) if isinstance(x, list) else x and ratio(x) for x in _drawn(law, rng)]
        for _ in range(5)
    ]
    answers = page.evaluate(EXACT, [group, own, cases])
    symbols = [x for x in _flat(law.arguments) if isinstance(x, sp.Symbol)]
    for case, answer in zip(cases, answers, strict=True):
        values = map(sp.Rational, (x for x in _flat_text(case) if x))
        exact = dict(zip(symbols, values, strict=True))
        wanted = [x.replace(g, sp.Abs).xreplace(exact) for x in leaves(law.result)]
        assert answer == list(map(str, wanted))


def test_every_law_is_printed_in_both_arithmetics_where_it_is_rational() -> None:
    text = module()
    floats, _, exact = text.partition("export const fractions")
    for name, law in EVERY.items():
        assert f"\n{law.name}(" in floats
        assert (f"\n{law.name}(" in exact) == (law.name not in SMOOTH), name
    assert "Math." not in exact
