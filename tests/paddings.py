"""Paddings as certificates write them, a mode and perhaps a number of pixels, by plain lists: what
filters see beyond the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from flint import fmpq
from hypothesis import strategies as st

from numerics.pulse.domain import PADDINGS, Domain

Pixel = TypeVar("Pixel")


def domain_of(half_length: int, low: fmpq, high: fmpq, padding: str = "zeros") -> Domain:
    """``reflect 2``: two pixels on each side; ``reflect``: as many as keep the length."""
    mode, _, pixels = padding.partition(" ")
    return Domain(half_length, low, high, mode, int(pixels) if pixels else None)


def padded(x: Sequence[Pixel], padding: str, taps: int, dark: Pixel) -> list[Pixel]:
    """The signal with all that a filter of so many taps sees beyond it."""
    mode, _, number = padding.partition(" ")
    pixels = int(number) if number else 0 if mode == "valid" else taps // 2
    beyond = range(pixels)
    if mode == "circular":
        before, after = [x[j - pixels] for j in beyond], [x[j] for j in beyond]
    elif mode == "reflect":
        before, after = [x[pixels - j] for j in beyond], [x[-2 - j] for j in beyond]
    elif mode == "replicate":
        before, after = [x[0] for _ in beyond], [x[-1] for _ in beyond]
    else:
        before = after = [dark for _ in beyond]
    return [*before, *x, *after]


def windows(x: Sequence[Pixel], padding: str, taps: int, dark: Pixel) -> list[list[Pixel]]:
    """What the filter sees at every position."""
    seen = padded(x, padding, taps, dark)
    return [seen[j : j + taps] for j in range(len(seen) - taps + 1)]


def paddings(half_length: int, taps: int) -> st.SearchStrategy[str]:
    """Any of them for a filter on 2 ``half_length`` + 1 pixels."""
    numbers = st.integers(0, min(2 * half_length, taps + 1))
    return st.sampled_from(PADDINGS) | st.builds(
        "{} {}".format, st.sampled_from(PADDINGS[:-1]), numbers
    )
