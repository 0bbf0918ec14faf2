r"""Moments of rectified Gaussians, in Φ, φ and Φ₂: what noise makes of ReLU.

For X ~ N(μ, ς²), α = μ/ς, and a pair with correlation ρ, q = √(1 - ρ²), X₊ = max(X, 0):

    E X₊ = μ Φ(α) + ς φ(α),        E X₊² = (μ² + ς²) Φ(α) + μ ς φ(α),
    E X₊Y₊ = (μν + ρςτ) Φ₂(α, β; ρ) + μτ φ(β) Φ((α - ρβ)/q) + νς φ(α) Φ((β - ρα)/q)
              + ςτ q² φ₂(α, β; ρ)

with Y ~ N(ν, τ²), β = ν/τ and φ₂ = exp(-(α² - 2ραβ + β²)/(2q²))/(2πq).  All functions take any kind
of number; Φ, φ, Φ₂, exp and √ come with the kind, as :class:`Normal`.  Derivation:
docs/training/noise.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.types import Function, Scalar

__all__ = [
    "SYMBOLIC",
    "Normal",
    "bivariate_density",
    "first",
    "one_sided",
    "pinned",
    "product",
    "second",
]


@dataclass(frozen=True)
class Normal:
    """Φ, φ, Φ₂(α, β, ρ), exp, √ and π of one kind of number."""

    cdf: Function
    pdf: Function
    bivariate: Callable[[Any, Any, Any], Any]
    exp: Function
    sqrt: Function
    pi: Scalar


SYMBOLIC = Normal(
    lambda x: sp.erfc(-x / sp.sqrt(2)) / 2,
    lambda x: sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi),
    sp.Function("Phi_2"),
    sp.exp,
    sp.sqrt,
    sp.pi,
)
"""sympy's; Φ₂ is an undefined function, of which proofs use ∂Φ₂/∂ρ = φ₂ and ∂Φ₂/∂α = φ(α) Φ((β -
ρα)/q).
"""


def first(mean: Scalar, deviation: Scalar, normal: Normal) -> Any:
    """E X₊."""
    alpha = mean / deviation
    return mean * normal.cdf(alpha) + deviation * normal.pdf(alpha)


def second(mean: Scalar, deviation: Scalar, normal: Normal) -> Any:
    """E X₊²."""
    alpha = mean / deviation
    return (mean**2 + deviation**2) * normal.cdf(alpha) + mean * deviation * normal.pdf(alpha)


def bivariate_density(alpha: Scalar, beta: Scalar, rho: Scalar, normal: Normal) -> Any:
    """φ₂(α, β; ρ)."""
    square = 1 - rho**2
    shape = normal.exp(-(alpha**2 - 2 * rho * alpha * beta + beta**2) / (2 * square))
    return shape / (2 * normal.pi * normal.sqrt(square))


def product(
    mu: Scalar, nu: Scalar, deviation: Scalar, other: Scalar, rho: Scalar, normal: Normal
) -> Any:
    """E X₊Y₊ of a pair with means μ, ν, deviations ς, τ and correlation ρ, |ρ| < 1."""
    alpha, beta = mu / deviation, nu / other
    q = normal.sqrt(1 - rho**2)
    both = (mu * nu + rho * deviation * other) * normal.bivariate(alpha, beta, rho)
    left = mu * other * normal.pdf(beta) * normal.cdf((alpha - rho * beta) / q)
    right = nu * deviation * normal.pdf(alpha) * normal.cdf((beta - rho * alpha) / q)
    density = bivariate_density(alpha, beta, rho, normal)
    return both + left + right + deviation * other * q**2 * density


def one_sided(
    mu: Scalar, nu: Scalar, deviation: Scalar, other: Scalar, rho: Scalar, normal: Normal
) -> Any:
    """E 1{X > 0} Y₊ = ∂/∂μ of :func:`product`."""
    alpha, beta = mu / deviation, nu / other
    q = normal.sqrt(1 - rho**2)
    near = normal.pdf(beta) * normal.cdf((alpha - rho * beta) / q)
    far = rho * normal.pdf(alpha) * normal.cdf((beta - rho * alpha) / q)
    return nu * normal.bivariate(alpha, beta, rho) + other * (near + far)


def pinned(
    mu: Scalar, nu: Scalar, deviation: Scalar, other: Scalar, rho: Scalar, normal: Normal
) -> Any:
    """(density of X at 0) · E[Y₊ | X = 0] = 2 ∂/∂ς² of :func:`product` at a fixed
    covariance ρςτ.
    """
    alpha = mu / deviation
    q = normal.sqrt(1 - rho**2)
    given = first(nu - rho * other * alpha, other * q, normal)
    return normal.pdf(alpha) / deviation * given
