"""Networks of signals, explained: the explanations that several tests ask for, and the errors of a
plain simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from tests.strategies import Exact
from verify.explain.signals import explain
from verify.explain.value import SignalExplanation, document
from verify.models.checkpoint import Checkpoint
from verify.models.setup import setup_of

F = Fraction
TOLERANCE = F(1, 1000)
SETUP = {"activation": "relu", "length": "13"}
RATIONAL = (
    "relu",
    "abs",
    "leaky_relu",
    "hardtanh",
    "softshrink",
    "square",
    "hardswish",
    "hardshrink",
    "threshold",
)
SMOOTH = ("softplus", "silu", "tanh", "elu")


def account_of(
    w: Any, b: Any, a: Any, c: Any, told: Any, tolerance: Fraction = TOLERANCE
) -> SignalExplanation:
    """A network explained; b and c may be None."""

    def array(values: Any) -> Any:
        return None if values is None else np.array(values, dtype=float)

    kept = Checkpoint(
        np.array(w, dtype=float),
        np.array(a, dtype=float),
        array(b),
        array(None if c is None else [c]),
        {},
    )
    return explain(kept, setup_of(told, kept.w.shape[1]), tolerance)


def document_of(w: Any, b: Any, a: Any, c: Any, told: Any, tolerance: Fraction = TOLERANCE) -> Any:
    """The JSON object of the same."""
    return document(account_of(w, b, a, c, told, tolerance))


def account_of_exact(exact: Exact) -> SignalExplanation:
    """That of a derived network: exact but for the rounding of its weights to float64."""
    net = exact.net
    assume(max(abs(x) for each in net for x in (each.a, each.b, *each.w)) < 1000)
    told = {**SETUP, "activation": exact.name, "length": str(2 * exact.half_length + 1)}
    return account_of(
        [x.w for x in net], [x.b for x in net], [x.a for x in net], exact.bias(), told
    )


def document_of_exact(exact: Exact) -> Any:
    """The JSON object of the same."""
    return document(account_of_exact(exact))


def error_of(w: Any, b: Any, a: Any, c: Any, name: str, r: Fraction, half: int) -> Fraction:
    """r̂ - r by plain loops on Fractions, with zeros outside and sum pooling."""
    sigma, x = oracle.RATIONAL[name], oracle.overlap_pulse(r, half)
    each = (
        F(y) * sum(sigma(z) for z in oracle.preactivations([F(t) for t in row], F(s), x))
        for row, s, y in zip(w, b, a, strict=True)
    )
    return F(c) + sum(each, F(0)) - r


def label(one: dict[str, Any]) -> str:
    """conv.weight 0,0,2"""
    return f"{one['name']} {','.join(map(str, one['index']))}"


def replaced(net: Any, place: str, value: float) -> Any:
    """The network with one weight replaced."""
    w, b, a, c = [
        [list(row) for row in net[0]],
        *(x if x is None or isinstance(x, float) else list(x) for x in net[1:]),
    ]
    name, index = place.split()
    at = [int(x) for x in index.split(",")]
    if name == "conv.weight":
        w[at[0]][at[2]] = value
    elif name == "readout.bias":
        c = value
    else:
        (b if name == "conv.bias" else a)[at[-1]] = value
    return w, b, a, c


def readout_of(explained: SignalExplanation) -> dict[str, Any]:
    """The first readout weight of an explanation."""
    return next(x for x in document(explained)["weights"] if label(x) == "readout.weight 0,0")


@st.composite
def networks(draw: st.DrawFn, names: Sequence[str] = RATIONAL) -> tuple[Any, dict[str, str]]:
    """Networks of every cell: sums of 0, mirror images, silent and saturated channels, exact ones
    with others beside them; any radii from 1/2 on.
    """
    name, n = draw(st.sampled_from(names)), draw(st.sampled_from((1, 3, 3, 5)))
    number = st.integers(-8, 8).map(lambda k: k / 4)
    rows, b, a = [], [], []
    c = draw(st.none() | number)
    if draw(st.booleans()):  # linear wherever it is positive, exact if nothing else is there
        row = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n).filter(any))
        size = 2.0 ** -draw(st.integers(2, 6))
        rows, b, a = [[size * x for x in row]], [0.0], [1 / (2 * size * sum(row))]
    for _ in range(draw(st.integers(not rows, 2))):
        row = draw(st.lists(number, min_size=n, max_size=n))
        if draw(st.booleans()):
            row[-1] = -sum(row[:-1])
        rows.append(row)
        b.append(draw(st.sampled_from((0.0, 0.0, -20.0, 20.0)) | number))
        a.append(draw(st.just(0.0) | number))
    told = {
        "activation": name,
        "length": str(2 * n + 5),
        "padding": draw(st.sampled_from(("zeros", "zeros", "circular", "valid"))),
        "pooling": draw(st.sampled_from(("sum", "mean"))),
    }
    ends = draw(st.lists(st.integers(2, 2 * n + 5), min_size=2, max_size=2, unique=True))
    if draw(st.booleans()):
        told |= {key: str(F(k, 4)) for key, k in zip(("r_min", "r_max"), sorted(ends), strict=True)}
    return (rows, draw(st.sampled_from((None, b))), a, c), told
