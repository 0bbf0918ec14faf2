"""What weights alone do not say of a network: activation, pooling, padding, length of the signal, radii."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy as sp
from flint import fmpq

from numerics.arithmetic.compile import activation
from numerics.arithmetic.numbers import fraction, rational
from numerics.arithmetic.types import Array
from numerics.pulse.exact_error import HALF, Domain
from numerics.pulse.preactivations import PADDINGS, last_plateau_radius
from theory.expressions.activation import ACTIVATIONS
from theory.expressions.spelling import spelled

__all__ = [
    "KEYS",
    "POOLINGS",
    "Setup",
    "default_high",
    "setup_of",
    "too_large",
]


POOLINGS = ("sum", "mean")
"""Over all positions."""
KEYS = ("activation", "pooling", "padding", "length", "r_min", "r_max")
"""The metadata of a checkpoint that a setup is read from."""
LONGEST, WIDEST = 20001, 2001
"""Pixels of a signal, and of an image per side."""
TALLEST = math.exp(300)
"""Of a response, also times its readout weight: squares stay within the range of float64."""
NUMBER = re.compile(r"\d{1,6}(\.\d{1,30})?|\d{1,9}/\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Setup:
    """A network but for its weights, and the radii it is asked about.

    Attributes
    ----------
    activation: a row of the catalogue.
    pooling: ``sum`` or ``mean``, over all positions.
    domain: pixels, padding and radii.
    """

    activation: str
    pooling: str
    domain: Domain

    def share(self, taps: int) -> int:
        """What the pooled sum is divided by."""
        return 1 if self.pooling == "sum" else self.domain.windows(taps)

    def as_dict(self) -> dict[str, str]:
        """The metadata of a checkpoint, strings by name."""
        return {
            "activation": self.activation,
            "pooling": self.pooling,
            "padding": self.domain.padding,
            "length": str(self.domain.positions),
            "r_min": _text(self.domain.low),
            "r_max": _text(self.domain.high),
        }


def setup_of(given: Mapping[str, str | None], taps: int, *, images: bool = False) -> Setup:
    """The setup in a mapping of strings by the names of :data:`KEYS`; missing ones have their defaults.

    Defaults: sum pooling, zero padding, radii from n/2 to :func:`default_high`.
    ``activation`` and ``length`` have none.  Images of length × length pixels have no other padding, and radii from n; no
    window that sees the disk may meet the border: r <= L - h + 1/2.

    Raises
    ------
    ValueError: something is missing, malformed or does not fit; one sentence.
    """
    paddings, longest = (("zeros",), WIDEST) if images else (PADDINGS, LONGEST)
    name, pooling, padding, length = _names(given, paddings, longest)
    if taps > length and not images:
        raise ValueError(f"filters of {taps} taps do not fit into {length} pixels")
    half = length // 2
    low = _radius("r_min", given, fmpq(taps) if images else fmpq(taps, 2))
    high = _radius("r_max", given, default_high(taps, half, padding))
    most, where = half + HALF, f" on {length} pixels"
    if images:
        most = last_plateau_radius(taps, half, padding)
        where = (
            f", where filters of {taps} × {taps} taps on {length} × {length} pixels see the border"
        )
    if not HALF <= low < high <= most:
        raise ValueError(
            f"the radii run from {_text(low)} to {_text(high)}; they have to increase, from 1/2 at least "
            f"to {_text(most)} at most{where}"
        )
    return Setup(name, pooling, Domain(half, low, high, padding))


def too_large(name: str, w: Array, b: Array, a: Array, waves: float) -> str:
    """Why a network with pre-activations of this size is not explained, or an empty string; w (K, taps), b (K,), a (K,).

    Light is between 0 and 1, so that those of channel k lie between b_k + Σ min(w, 0) and b_k + Σ max(w, 0).  What grows
    exponentially has a limit on the side where it does, at 300: exp, but not its flat tail, nor any polynomial, line or
    bounded σ.  A wave has one at ``waves``, beyond which it turns too often between two radii.
    """
    low, high = (np.sum(side, axis=1) + b for side in (np.minimum(w, 0), np.maximum(w, 0)))
    sigma = activation(name)[0]
    with np.errstate(all="ignore"):
        tall = np.maximum(np.abs(sigma(low)), np.abs(sigma(high)))
        most = float(np.max(tall * np.maximum(1, np.abs(a))))
    if not most <= TALLEST:
        return f"its responses reach {most:.3g}: up to {TALLEST:.3g} are explained"
    reach = float(np.max(np.sum(np.abs(w), axis=1) + np.abs(b)))
    if spelled(name).expression.has(sp.sin, sp.cos) and reach > waves:
        return f"its pre-activations reach {reach:.3g}: up to {waves:g} are explained for {name}"
    return ""


def default_high(taps: int, half_length: int, padding: str) -> fmpq:
    """L - h, or less where a window holds an edge of the pulse and the border before: valid padding."""
    usual = fmpq(half_length - taps // 2)
    return min(usual, last_plateau_radius(taps, half_length, padding))


def _names(
    given: Mapping[str, str | None], paddings: tuple[str, ...], longest: int
) -> tuple[str, str, str, int]:
    for key in ("activation", "length"):
        if not given.get(key):
            raise ValueError(f"the file does not say its {key}; give --{key}")
    name = _one_of("activation", given, tuple(ACTIVATIONS), "")
    pooling = _one_of("pooling", given, POOLINGS, "sum")
    padding = _one_of("padding", given, paddings, "zeros")
    text = given["length"] or ""
    good = re.fullmatch(r"\d{1,6}", text, re.ASCII)
    length = int(text) if good else 0
    if not 1 <= length <= longest or length % 2 == 0:
        raise ValueError(f"length is an odd number of pixels up to {longest}, not {text[:40]!r}")
    return name, pooling, padding, length


def _one_of(key: str, given: Mapping[str, str | None], known: tuple[str, ...], default: str) -> str:
    value = given.get(key) or default
    if value not in known:
        raise ValueError(f"{key} is one of {', '.join(known)}, not {value[:40]!r}")
    return value


def _radius(key: str, given: Mapping[str, str | None], default: fmpq) -> fmpq:
    text = given.get(key)
    if not text:
        return default
    if not NUMBER.fullmatch(text):
        raise ValueError(f"{key} is a number such as 2.5 or 5/2, not {text[:40]!r}")
    try:
        value = Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"{key} is a number such as 2.5 or 5/2, not {text[:40]!r}") from None
    return rational(value)


def _text(number: fmpq) -> str:
    """5 and 5/2 as 5 and 2.5, 1/3 as 1/3."""
    value = fraction(number)
    if value.denominator == 1:
        return str(value)
    decimal = str(float(value))
    return decimal if "e" not in decimal and Fraction(decimal) == value else str(value)
