r"""Layers that are part of a convolution or a readout: weight norm, masks of pruning, batch norm in
evaluation mode, PReLU's slopes.

    weight norm   w = g v / ‖v‖
    pruning       w = w₀ m
    batch norm    w' = s w,  b' = s (b - μ) + β,   s = γ / √(var + eps)
    PReLU         σ_p(z) = relu(z) - p relu(-z),   so a channel is one of relu and its mirror
                  image's

Each is computed in fractions and stays exact where it is rational.  Square roots that are not have
200 binary digits; what they are in is rounded to float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.arithmetic.types import Array
from verify.models.tensors import CheckpointError

__all__ = ["Folded", "batch_norm", "masked", "mirrored", "weight_norm"]

MOST = 10**5
"""Numbers that are folded; networks with more are not explained."""
DIGITS = 200
"""Binary digits of a square root."""
PRECISION = 2 ** (DIGITS - 2)
"""Products and quotients with such a root are off by one part of this at most."""
Fractions = NDArray[np.object_]
"""An array of fractions."""


@dataclass(frozen=True)
class Folded:
    """Arrays, and how far rounding has moved any of their numbers: 0 where they are exact.

    They are float64; of fractions where these are known exactly and are no floats.
    """

    arrays: tuple[NDArray[Any], ...]
    error: float


def weight_norm(length: Array, direction: Array) -> Folded:
    """g v / ‖v‖ of the shape of v, the norm over the axes along which ``length`` has one entry.

    Raises
    ------
    CheckpointError: the shapes do not fit, or a norm is 0.
    """
    _small(direction.size)
    shape = direction.shape
    g = length.reshape((1,) * direction.ndim) if length.size == 1 else length
    if (
        not shape
        or g.ndim != direction.ndim
        or any(size not in (1, most) for size, most in zip(g.shape, shape, strict=False))
    ):
        raise CheckpointError(
            f"a weight norm with lengths of the shape {list(length.shape)} does not fit"
            f" {list(shape)}"
        )
    lengths = np.broadcast_to(g, shape)
    values = np.empty(shape, dtype=object)
    exact = True
    for place in product(*map(range, g.shape)):
        part = tuple(
            slice(None) if size == 1 else slice(i, i + 1)
            for i, size in zip(place, g.shape, strict=True)
        )
        norm, rational = _root(sum((x * x for x in _fractions(direction[part])), Fraction(0)))
        if not norm:
            raise CheckpointError("a weight norm divides by the length of a vector that is 0")
        exact &= rational
        quotients = [
            Fraction(size) * x / norm
            for size, x in zip(
                lengths[part].ravel().tolist(), _fractions(direction[part]), strict=True
            )
        ]
        values[part] = np.array(quotients, dtype=object).reshape(values[part].shape)
    return _rounded([values], Fraction(0) if exact else _largest(values) / PRECISION)


def masked(original: Array, mask: Array) -> Folded:
    """w₀ m, of the same shape.

    Raises
    ------
    CheckpointError: the shapes differ.
    """
    if original.shape != mask.shape or not mask.shape:
        raise CheckpointError(
            f"a mask of the shape {list(mask.shape)} does not fit {list(original.shape)}"
        )
    _small(original.size)
    return _rounded([_exact(original) * _exact(mask)])


def batch_norm(
    w: Array, b: Array, mean: Array, variance: Array, scale: Array, shift: Array, eps: float
) -> Folded:
    """(w', b') of the filters w (K, ...) and biases b (K,) before a batch norm; all else (K,).

    Raises
    ------
    CheckpointError: var + eps is not positive.
    """
    _small(w.size)
    if np.any(variance + eps <= 0):
        raise CheckpointError("a batch norm has a variance below 0")
    roots = [_root(x + Fraction(eps)) for x in _fractions(variance)]
    factors = np.array([x / root for x, (root, _) in zip(_fractions(scale), roots, strict=True)])
    filters = _exact(w) * factors.reshape((-1,) + (1,) * (w.ndim - 1))
    centred = factors * (_exact(b) - _exact(mean))
    exact = all(rational for _, rational in roots)
    doubt = Fraction(0) if exact else (_largest(filters) + _largest(centred)) / PRECISION
    return _rounded([filters, centred + _exact(shift)], doubt)


def mirrored(w: Array, b: Array, a: Array, slopes: Array) -> Folded:
    """(w, b, a) of 2K channels of relu that answer what K of PReLU with these slopes (K,) do."""
    _small(w.size)
    readout = _rounded([-_exact(a) * _exact(slopes)])
    return Folded(
        (
            np.concatenate([w, 0 - w]),
            np.concatenate([b, 0 - b]),
            np.concatenate([a, *readout.arrays]),
        ),
        readout.error,
    )


def _small(size: int) -> None:
    if size > MOST:
        raise CheckpointError(f"{size} numbers to fold are too many: {MOST} are folded")


def _fractions(values: Array) -> Iterator[Fraction]:
    return map(Fraction, values.ravel().tolist())


def _exact(values: Array) -> Fractions:
    return np.array([*_fractions(values), None], dtype=object)[:-1].reshape(values.shape)


def _root(square: Fraction) -> tuple[Fraction, bool]:
    """√square, and whether that is rational; else off by a part of 2^-200 at most."""
    p, q = square.numerator * square.denominator, square.denominator
    whole = isqrt(p)
    if whole * whole == p:
        return Fraction(whole, q), True
    shift = max(0, DIGITS + 1 - p.bit_length() // 2)
    return Fraction(isqrt(p << 2 * shift), q << shift), False


def _largest(values: Fractions) -> Fraction:
    return max(map(abs, values.ravel().tolist()), default=Fraction(0))


def _rounded(values: Iterable[Fractions], doubt: Fraction = Fraction(0)) -> Folded:
    """What is known exactly; the nearest floats, and how far they are off at most, where the values
    are by ``doubt``.
    """
    arrays, error = [], doubt
    for array in values:
        try:
            floats = array.astype(np.float64)
        except OverflowError as overflow:
            raise CheckpointError("a folded weight leaves the range of float64") from overflow
        off = _largest(array - _exact(floats))
        arrays.append(array if off and not doubt else floats)
        error = max(error, doubt and doubt + off)
    return Folded(tuple(arrays), float(np.nextafter(float(error), np.inf)) if error else 0.0)
