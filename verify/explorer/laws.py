"""The laws that the page computes with, as one module of JavaScript: ``float`` and
``fractions(f)``, two objects alike.

    n3.deviation(w, phi, g)
    by taps: the staircase, the response on plateaus and below, the kinks' steps
    k2.residuals(a, c, N, …)        by channels: the three laws, the readout
    n3k2.end(w, a, root)            by both: where training ends
    any.bend(p, q, t)               by neither
    disks.edge(t, c, s)             of pixels and disks

Each is traced from the function of theory/ that the proofs are about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import sympy as sp

from numerics.arithmetic.javascript import Law, function, traced
from numerics.training import steps
from theory.certificates.nearest import LAW as NEAREST
from theory.certificates.nearest import Facts, distance
from theory.disk import disk, perimeter
from theory.pulse import kinks, loss, plateau, readout, small_radius, subpixel, symmetry
from theory.pulse.network import g, taps
from theory.pulse.signal import phi
from theory.pulse.staircase import C, T, to_taps
from theory.training import conserved, conv_bias, flow, linear_cell, ridge, sharpness, trajectory

__all__ = ["CHANNELS", "TAPS", "groups", "module"]

root = sp.Symbol("root", positive=True)
"""√n."""
TAPS = (1, 3, 5, 7, 9)
"""The numbers of taps that the page knows."""
LARGE = (11, 13, 15)
"""More of them, in networks that are read from files: their laws on plateau radii, and
symmetries.
"""
CHANNELS = (1, 2, 3)
"""The numbers of channels."""


@cache
def module() -> str:
    """The text of the module."""
    every = groups()
    floats = {name: [function(law) for law in laws] for name, laws in every.items()}
    exact = {name: list(filter(None, map(_fractions, laws))) for name, laws in every.items()}
    return (
        f"export const float = {_object(floats)};\n\n"
        f"export const fractions = (f) => ({_object(exact)});\n"
    )


@cache
def groups() -> dict[str, list[Law]]:
    """The laws by the name of their group."""
    return {name: list(laws) for name, laws in _groups()}


def _object(every: dict[str, list[str]]) -> str:
    parts = (f"{name}: {{\n" + ",\n".join(laws) + "}" for name, laws in every.items() if laws)
    return "{\n" + ",\n".join(parts) + "}"


def _fractions(law: Law) -> str | None:
    """The law in fractions; None where it needs a root or a logarithm."""
    try:
        return function(law, "fraction")
    except ValueError:
        return None


def _groups() -> Iterator[tuple[str, Iterator[Law]]]:
    yield "any", _of_neither()
    yield "disks", _of_disks()
    for n in TAPS:
        yield f"n{n}", _of_taps(n)
    for n in LARGE:
        yield f"n{n}", _on_plateaus(n)
    for channels in CHANNELS:
        yield f"k{channels}", _of_channels(channels)
        for n in TAPS:
            yield f"n{n}k{channels}", _of_both(n, channels)


def _on_plateaus(n: int) -> Iterator[Law]:
    w, h = list(taps(n)), n // 2
    sums = {
        "left": [C(j, n) for j in range(-h - 1, h + 1)],
        "right": [T(j, n) for j in range(h + 1, -h - 1, -1)],
    }
    in_taps = {name: [to_taps(x, n) for x in values] for name, values in sums.items()}
    yield Law("sums", (w,), in_taps)
    yield Law("slope", (w, g), to_taps(plateau.slope(), n))
    yield Law("kappa", (w, g), to_taps(plateau.kappa(n), n))
    yield Law("deviation", (w, phi, g), to_taps(subpixel.deviation(n), n))
    yield Law("response", (w, plateau.r, phi, g), to_taps(subpixel.subpixel_response(n), n))
    yield traced("segments", kinks.segments, w)
    b, a, t = sp.symbols("b a t", real=True)
    for name in ("reverse", "negate", "negate_filter"):
        law = getattr(symmetry, name)
        yield Law(name, (w, b, a), law(symmetry.Channel(a, b, tuple(w))))
    yield Law("rescale", (w, b, a, t), symmetry.rescale(symmetry.Channel(a, b, tuple(w)), t))


def _of_taps(n: int) -> Iterator[Law]:
    yield from _on_plateaus(n)
    w, h = list(taps(n)), n // 2
    for m in range(1, h + 1):
        law = to_taps(small_radius.small_response(n, m), n)
        yield Law(f"response_{m}", (w, plateau.r, phi, g), law)
    b, a = sp.symbols("b a", real=True)
    yield traced("everywhere", conserved.everywhere, w, b, a)
    yield from _with_bias(w, a, b)


def _with_bias(w: list[Any], a: Any, b: Any) -> Iterator[Law]:
    """One channel with a bias in the convolution: what is kept, and where the flow ends."""
    sign = sp.Symbol("sign", real=True)

    def bias_end(w: Any, b: Any, a: Any, sign: Any) -> dict[str, Any]:
        taps, readout = conv_bias.end(conv_bias.LAW, w, b, a, sign, sp.sqrt)
        return {"w": taps, "a": readout}

    yield traced("bias_balance", conv_bias.balance, w, b, a)
    yield traced("bias_end", bias_end, w, b, a, sign)


def _numbers(letter: str, count: int) -> list[sp.Symbol]:
    return [sp.Symbol(f"{letter}_{k}", real=True) for k in range(1, count + 1)]


def _of_channels(channels: int) -> Iterator[Law]:
    a, slopes, zeros, kappas, deviations = (
        _numbers(letter, channels) for letter in ("a", "slope", "zero", "kappa", "deviation")
    )
    c, size = sp.symbols("c N", real=True)
    arguments = (a, c, size, slopes, zeros, kappas, deviations)
    yield traced("residuals", loss.residuals, *arguments)
    offsets = _numbers("offset", channels)
    yield traced("exact_readout", readout.exact_readout, slopes, offsets)
    yield _distance(channels)
    u, theta = _numbers("u", channels), sp.Symbol("theta", positive=True)
    yield traced("box", partial(ridge.box, sqrt=sp.sqrt), u, theta, root)


def _distance(channels: int) -> Law:
    """No exact network is nearer: from the error at a radius, the pooled responses there, the
    readout, and the steepest slope of σ.
    """
    error, radius, n, size, steepest = sp.symbols("error r n N Lambda", positive=True)
    pooled, a = _numbers("p", channels), _numbers("a", channels)
    facts = Facts(n, size, 1, radius, error, steepest, tuple(pooled), tuple(a))
    bound = distance(NEAREST, facts, sp.sqrt)
    return Law("distance", (error, radius, n, size, steepest, pooled, a), bound)


def _of_both(n: int, channels: int) -> Iterator[Law]:
    w = [list(taps(n, f"_{k}_")) for k in range(1, channels + 1)]
    a = _numbers("a", channels)

    def end(w: Sequence[Any], a: Sequence[Any], root: Any) -> dict[str, Any]:
        taps, readout = flow.end(flow.LAW, w, a, root, sp.sqrt)
        return {"w": taps, "a": readout}

    yield traced("end", end, w, a, root)
    yield traced("light_cone", linear_cell.light_cone, w, a, root)

    def turned(w: Any, a: Any, root: Any, first: Any, second: Any) -> dict[str, Any]:
        """The network after u was multiplied by ``first`` and v by ``second``."""
        u, v = linear_cell.light_cone(w, a, root)
        readout, sums = linear_cell.unfold(u, v, root, first, second)
        return {"w": linear_cell.moved(w, sums), "a": readout}

    yield traced("turned", turned, w, a, root, *sp.symbols("first second", positive=True))

    def change(w: Any, a: Any, root: Any, first: Any, second: Any) -> dict[str, Any]:
        """How far every tap and a move when A and B change by this much."""
        u, v = ([sp.Abs(x) for x in part] for part in linear_cell.light_cone(w, a, root))
        readout, _ = linear_cell.unfold(u, v, root, first, second)
        _, sums = linear_cell.unfold(u, [-x for x in v], root, first, second)
        return {"w": [x / n for x in sums], "a": readout}

    yield traced("change", change, w, a, root, *sp.symbols("first second", positive=True))
    yield traced("deviations", conserved.deviations, w)
    yield traced("products", conserved.products, w, a)


def _of_disks() -> Iterator[Law]:
    x, y, r, t, c, s = sp.symbols("x y r t c s", real=True)
    yield traced("arc", disk.arc, x, y, r)
    yield traced("edge", perimeter.edge, t, c, s)
    yield traced("upright", lambda t: perimeter.edge(t, sp.Integer(1), sp.Integer(0)), t)
    yield traced("dipole", perimeter.dipole, x, y)
    yield traced("lack", perimeter.lack, *sp.symbols("value dark full lit", real=True))


def _of_neither() -> Iterator[Law]:
    p, q, t = sp.symbols("p q t", real=True)
    yield traced("bend", kinks.bend, p, q, t)
    u, v, second, spread, penalty = sp.symbols("U W R V lambda_", positive=True)
    grown = sp.Symbol("grown", positive=True)
    yield traced(
        "stretch", lambda u, v, x, g: linear_cell.stretch(u, v, x, sp.sqrt, g), u, v, root, grown
    )
    yield traced("gain_from_start", partial(sharpness.gain_from_start, sqrt=sp.sqrt), u, v, root)
    yield traced("rate", partial(trajectory.rate, sqrt=sp.sqrt), u, v, root, second)
    yield traced("roots", partial(trajectory.roots, sqrt=sp.sqrt), u, v, root)
    plus, minus, decay = sp.symbols("plus minus decay", real=True)
    yield traced("stretch_at", trajectory.stretch_at, plus, minus, decay)
    largest, momentum = sp.symbols("largest momentum", positive=True)
    yield traced("threshold", sharpness.threshold, largest, momentum)
    yield traced("flattest", sharpness.flattest, root, second)
    yield traced("theta", linear_cell.theta, u, v, root, *sp.symbols("A B", positive=True))
    delta, travelled = sp.symbols("delta tau", nonnegative=True)
    yield traced("drift", steps.drift, delta, travelled)
    yield traced("slowing", steps.slowing, sp.Symbol("pace", positive=True), root, largest, delta)
    square, mean = sp.symbols("square mean", real=True)
    yield traced("pair", sharpness.pair, square, second, mean)
    yield traced("collapse", ridge.collapse, spread, root)
    yield traced("angle", ridge.angle, penalty, spread, root)
