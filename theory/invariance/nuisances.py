r"""What the atlas of invariance needs beside the claims: least losses, and two exact networks.

V = Var r, m = E r, A = Var α, μ = E α, B = Var β; r, α, β independent.

    linear, sums:    r̂ = c + θ (2αr + Tβ):     V - (2μV)² / (4 (VA + Vμ² + Am²) + T²B)     T = N on
                     a ring, 0 with zeros beyond
    linear, dense:   r̂ = c + α h(r) + tβ:      VA / (A + μ²)
    sums, any σ, K:  β in {0, 1}, α in {1, 2}:  V/12

The last one: f(β + α) - f(β) should be 1/2, and f(2) - f(0) cannot be 1/2 and 1.  Derivation:
docs/invariance/atlas.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theory.invariance.background import border
from theory.pulse.network import Network
from theory.types import Scalar

__all__ = [
    "background_contrast_risk",
    "border_network",
    "dense_risk",
    "right_edge_network",
    "sum_risk",
]


def sum_risk(
    spread: Scalar, mean: Scalar, light: Scalar, level: Scalar, background: Scalar, lift: Scalar
) -> Any:
    """V - (2μV)²/(4 (VA + Vμ² + Am²) + T²B): the least loss of linear networks with sum pooling."""
    power = 4 * (spread * light + spread * level**2 + light * mean**2) + lift**2 * background
    return spread - (2 * level * spread) ** 2 / power


def dense_risk(spread: Scalar, light: Scalar, level: Scalar) -> Any:
    """VA/(A + μ²): the least loss of linear networks with a weight per position."""
    return spread * light / (light + level**2)


def background_contrast_risk(spread: Scalar) -> Any:
    """V/12: the least loss of sum pooling, any σ and K, on backgrounds 0, 1 and contrasts 1, 2, all
    equally likely.
    """
    return spread / 12


def border_network(pixels: Scalar, bias: Scalar) -> Network[Any]:
    """The linear network that zeros beyond the border permit: w = (x, 1 - 2x, x), on which a
    background adds up to 0.
    """
    unit = pixels / pixels
    x = -border((0 * unit, unit, 0 * unit), pixels) / border((unit, -2 * unit, unit), pixels)
    return Network(((x, unit - 2 * x, x),), (bias,), (unit / 2,), -pixels * bias / 2)


def right_edge_network(gain: Scalar, positions: Sequence[int]) -> Network[Any]:
    """One ReLU, a readout weight v_i for each position, that is 1 but at the two edges: mute at k +
    1, and what it says on the left is not read.

    w = (-γ, γ, 0), b = 1, v_i = -(i - 1/2) for i > 0, else 0; c = Σ (i - 1/2): r̂ = -v_{k+1} = k +
    1/2 if γα >= 1.
    """
    unit = gain / gain
    v = tuple(-(i - unit / 2) if i > 0 else 0 * unit for i in positions)
    return Network(((-gain, gain, 0 * gain),), (unit,), (v,), -sum(v))
