r"""The symmetries of the network, and one representative of every orbit.

Without changing r̂ on any centred pulse one may permute the channels and, channel by channel,

    reverse the filter                   w_u -> w_{-u}                            any σ
    rescale                              (w, b, a) -> (t w, t b, a/t), t > 0
    positively homogeneous σ
    negate everything                    (w, b, a) -> (-w, -b, -a)                odd σ
    negate the filter                    (w, b, a) -> (-w, -b, a)                 even σ

Derived values are compared modulo this group, in the canonical form: for homogeneous σ the scale is
fixed by |a| = 1 (by max(|w|, |b|) = 1 when a = 0); of the remaining finitely many images of a
channel the largest in lexicographic order is taken; channels are sorted.  Derivation:
docs/pulse/symmetry.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.expressions.activation import ACTIVATIONS, Activation, z
from theory.pulse.network import g, preactivations, taps
from theory.types import Scalar

__all__ = [
    "CLAIM",
    "LAW",
    "Channel",
    "Symmetries",
    "canonical",
    "finite_symmetries",
    "rescale",
    "reverse",
]


@dataclass(frozen=True, order=True)
class Channel:
    """One filter with its bias and its readout weight, exact or floating numbers or symbols."""

    a: Any
    b: Any
    w: tuple[Any, ...]


def reverse(channel: Channel) -> Channel:
    """w_u -> w_{-u}."""
    return Channel(channel.a, channel.b, tuple(reversed(channel.w)))


def rescale(channel: Channel, t: Scalar) -> Channel:
    """(w, b, a) -> (t w, t b, a/t)."""
    return Channel(channel.a / t, t * channel.b, tuple(t * tap for tap in channel.w))


def negate(channel: Channel) -> Channel:
    """(w, b, a) -> (-w, -b, -a)."""
    return Channel(-channel.a, -channel.b, tuple(-tap for tap in channel.w))


def negate_filter(channel: Channel) -> Channel:
    """(w, b, a) -> (-w, -b, a)."""
    return Channel(channel.a, -channel.b, tuple(-tap for tap in channel.w))


def size(channel: Channel) -> Any:
    """The factor t > 0 that fixes the scale: |a|, or 1/max(|w|, |b|) when a = 0; 0 for a silent
    channel.
    """
    largest = max(abs(entry) for entry in (channel.b, *channel.w))
    return abs(channel.a) or (1 / largest if largest else largest)


@dataclass(frozen=True)
class Symmetries:
    """The law: what each symmetry does to a channel, and the scale of the canonical form."""

    reverse: Callable[[Channel], Channel]
    rescale: Callable[[Channel, Scalar], Channel]
    odd: Callable[[Channel], Channel]
    even: Callable[[Channel], Channel]
    size: Callable[[Channel], Any]


LAW = Symmetries(reverse, rescale, negate, negate_filter, size)
"""The law as derived; wrong laws replace one of its parts."""


def finite_symmetries(parity: str, law: Symmetries = LAW) -> list[Callable[[Channel], Channel]]:
    """The symmetries of finite order that a σ of this parity (``odd``, ``even``, empty) has."""
    by_parity = {"odd": [law.odd], "even": [law.even], "": []}
    return [law.reverse, *by_parity[parity]]


def canonical(
    channels: Sequence[Channel], *, homogeneous: bool, parity: str, law: Symmetries = LAW
) -> tuple[Channel, ...]:
    """The representative of the orbit of a network (its readout bias c never changes).

    Exact on exact numbers; on floats the scale is correct to one rounding per entry.
    """
    return tuple(
        sorted((_representative(c, homogeneous, parity, law) for c in channels), reverse=True)
    )


def _exact(value: Scalar) -> Any:
    """Integers divide into floats: as fractions they stay exact."""
    return Fraction(value) if isinstance(value, int) else value


def _representative(channel: Channel, homogeneous: bool, parity: str, law: Symmetries) -> Channel:
    channel = Channel(_exact(channel.a), _exact(channel.b), tuple(map(_exact, channel.w)))
    if homogeneous:
        factor = law.size(channel)
        channel = law.rescale(channel, factor) if factor else channel
    images = [channel]
    for symmetry in finite_symmetries(parity, law):
        images += [symmetry(image) for image in images]
    return max(images)


PROVED_TAPS = (1, 3, 5, 7, 9)


def prove(law: Symmetries) -> Proof:
    """Each symmetry maps the pre-activations to ρ times themselves, and a' σ(ρ z) = a σ(z).

    The pixels are symbols, equal at i and -i, and go on beyond the border: they stand for each
    pulse and each padding that is its own mirror image.
    """

    def steps() -> Iterator[Step]:
        yield from _prove_size(law)
        yield from _prove_reversal(law)
        yield from _prove_scaling(law)

    covers = (
        "n = 1, 3, 5, 7, 9 and N = 3, 5, ..., n + 4, any pixels that are their own mirror image,"
        " as of every radius, beyond the border, too; reversal for any g, the others for every"
        " row of the catalogue that has the property"
    )
    return Proof(steps(), covers)


def _windows(w: Sequence[Any], half_length: int) -> list[Any]:
    """The pre-activations at |i| <= L, of pixels that are symbols up to |i| <= L + h."""
    h = len(w) // 2
    reach = range(-half_length - h, half_length + h + 1)
    z = preactivations(w, [sp.Symbol(f"x_{abs(i)}", real=True) for i in reach])
    return z[h : len(z) - h]


def _prove_reversal(law: Symmetries) -> Iterator[Step]:
    for n in PROVED_TAPS:
        channel = Channel(sp.Symbol("a"), sp.Symbol("b"), taps(n))
        image = law.reverse(channel)
        for half_length in range(1, n // 2 + 3):
            before, after = (
                each.a * sp.Add(*(g(value + each.b) for value in _windows(each.w, half_length)))
                for each in (channel, image)
            )
            name = f"reversal, n = {n}, N = {2 * half_length + 1}"
            yield Step(name, sp.expand(after - before) == 0)


def _prove_scaling(law: Symmetries) -> Iterator[Step]:
    t, p = sp.symbols("t p", positive=True)
    a, b = sp.symbols("a b", real=True)
    cases = [("rescaling", lambda c: law.rescale(c, t), t, lambda row: row.homogeneous)]
    cases += [("negation", law.odd, sp.Integer(-1), lambda row: row.parity == "odd")]
    cases += [("filter negation", law.even, sp.Integer(-1), lambda row: row.parity == "even")]
    for name, apply, rho, has in cases:
        for n in PROVED_TAPS:
            image = apply(Channel(a, b, taps(n)))
            pairs = zip(_windows(image.w, n), _windows(taps(n), n), strict=True)
            scaled = all(sp.expand(new + image.b - rho * (old + b)) == 0 for new, old in pairs)
            yield Step(f"{name}: pre-activations, n = {n}", scaled)
        new_a = apply(Channel(a, b, taps(1))).a
        rows = [row for row in ACTIVATIONS.values() if has(row)]
        for row, value in product(rows, (p, -p)):
            balance = new_a * _sigma(row, rho * value) - a * _sigma(row, value)
            yield Step(
                f"{name}: {row.name} at z = {value}",
                sp.simplify(balance.rewrite(sp.Piecewise)) == 0,
            )


def _prove_size(law: Symmetries) -> Iterator[Step]:
    """The scale of the canonical form is positive and makes |a| = 1, for either sign of a."""
    p = sp.Symbol("p", positive=True)
    for a in (p, -p):
        channel = Channel(a, sp.Integer(1), (sp.Integer(2), sp.Integer(-3)))
        factor = law.size(channel)
        unit = abs(law.rescale(channel, factor).a)
        yield Step(f"scale for a = {a}", bool(factor.is_positive) and sp.simplify(unit - 1) == 0)
    silent = Channel(sp.Integer(0), sp.Integer(1), (sp.Integer(2), sp.Integer(-3)))
    yield Step("scale for a = 0", law.size(silent) == sp.Rational(1, 3))


def _sigma(row: Activation, value: sp.Expr) -> sp.Expr:
    return row.expression.xreplace({z: value})


def _same_scale(channel: Channel, t: Scalar) -> Channel:
    """Wrong: the readout weight scales with the filter."""
    return Channel(channel.a * t, t * channel.b, tuple(t * tap for tap in channel.w))


def _bias_kept(channel: Channel) -> Channel:
    """Wrong: the bias keeps its sign."""
    return Channel(-channel.a, channel.b, tuple(-tap for tap in channel.w))


def _readout_too(channel: Channel) -> Channel:
    """Wrong: for even σ the readout weight changes sign too."""
    return negate(channel)


def _rotate(channel: Channel) -> Channel:
    """Wrong: off by one, the filter is rotated instead of reversed."""
    return Channel(channel.a, channel.b, channel.w[1:] + channel.w[:1])


def _signed_size(channel: Channel) -> Any:
    """Wrong: the canonical form divides by a, not by |a|."""
    return channel.a or size(channel)


CLAIM: Claim[Symmetries] = Claim(
    id="symmetry",
    title="The symmetries: weights are compared modulo permutation, reversal, scale and sign",
    statement=(
        r"w_u \to w_{-u}; \qquad (w,b,a) \to (tw, tb, a/t),\ t>0; \qquad (w,b,a) \to (-w,-b,-a);"
        r" \qquad (w,b) \to (-w,-b)"
    ),
    assumptions=(
        (
            r"signals that are their own mirror image, such as centred pulses; a padding that"
            r" treats both borders alike; permutation of channels always"
        ),
        (
            r"reversal: any $\sigma$; scale: positively homogeneous $\sigma$; negation of all: odd"
            r" $\sigma$;"
            r" negation of the filter: even $\sigma$"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("a scales with w", Symmetries(reverse, _same_scale, negate, negate_filter, size)),
        Wrong(
            "odd σ: the bias keeps its sign",
            Symmetries(reverse, rescale, _bias_kept, negate_filter, size),
        ),
        Wrong(
            "even σ: a changes sign too", Symmetries(reverse, rescale, negate, _readout_too, size)
        ),
        Wrong(
            "the filter is rotated, not reversed",
            Symmetries(_rotate, rescale, negate, negate_filter, size),
        ),
        Wrong(
            "the canonical form divides by a, not by |a|",
            Symmetries(reverse, rescale, negate, negate_filter, _signed_size),
        ),
    ),
    requires=("staircase",),
)
