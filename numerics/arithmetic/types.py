"""The arrays of numpy that are passed around, by what they hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Flags", "Indices"]

Array = NDArray[np.float64]
"""Numbers, as float64."""
Flags = NDArray[np.bool_]
"""True or false."""
Indices = NDArray[np.intp]
"""Places in another array."""
