"""The types of what is passed around: arrays, functions of arrays, rational numbers."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Array", "Elementwise", "Flags", "Indices", "Rational", "Signs"]

Array = NDArray[np.float64]
"""Numbers, as float64."""
Flags = NDArray[np.bool_]
"""True or false."""
Indices = NDArray[np.intp]
"""Places in another array."""
Signs = NDArray[np.int8]
"""-1, 0 or 1 for each number."""
Elementwise = Callable[[ArrayLike], Array]
"""A function of one number, at every entry of an array."""
Rational = int | float | Fraction
"""A rational number: a finite float is one."""
