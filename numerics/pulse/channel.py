"""What a channel adds to slope, offset and chord deviation: Δ, g(0), κ and D.

The compiled laws of theory/pulse/plateau.py and theory/pulse/subpixel.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from numerics.arithmetic.compile import activation, compile_law, exact_law
from numerics.arithmetic.types import Array
from theory.pulse.plateau import kappa, slope
from theory.pulse.subpixel import deviation
from theory.types import Function, Vector

__all__ = ["Quantities", "exact_quantities", "quantities"]


@dataclass(frozen=True)
class Quantities:
    """What a channel contributes to the three laws.

    Attributes
    ----------
    slope: Δ = g(S) - g(0).
    background: g(0).
    kappa: κ.
    deviation: D(φ) at each requested φ.
    """

    slope: Any
    background: Any
    kappa: Any
    deviation: Any


@lru_cache(maxsize=64)
def _laws(n: int) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    return slope(), kappa(n), deviation(n)


def quantities(w: Array, b: Array, name: str, phi: Array) -> Quantities:
    """float64 arrays: w (..., n), b (...), phi (R,) -> shapes (...), (...), (...), (..., R)."""
    n = w.shape[-1]
    zero = np.zeros(1)
    delta, offset, bent = (compile_law(law, n, name) for law in _laws(n))
    return Quantities(
        delta(w, b, zero, zero)[..., 0],
        activation(name)[0](b),
        offset(w, b, zero, zero)[..., 0],
        bent(w, b, np.zeros_like(phi), phi),
    )


def exact_quantities(w: Vector, g: Function, phi: Vector) -> Quantities:
    """The same of one channel on exact numbers, with g(z) = σ(z + b) as a Python function: w (n,),
    phi (R,) -> three numbers and a list (R,).
    """
    n = len(w)
    delta, offset, bent = (exact_law(law, n) for law in _laws(n))
    return Quantities(
        delta(w, 0, 0, g), g(0 * w[0]), offset(w, 0, 0, g), [bent(w, 0, p, g) for p in phi]
    )
