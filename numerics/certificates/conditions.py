r"""What makes a network exact, as equations in its weights: one pattern of branches at a time.

A pattern says, for every window at both ends of every cell of radii, on which affine branch of σ
the pre-activation lies.  As long as it holds, the pooled response is linear in v_k = (w_k, b_k), so
that r̂ is bilinear in a and v, and the network is exact on the whole domain if and only if finitely
many equations hold,

    Σ_k [a_k (p_k·v_k + t_k) + q_k·v_k] + γ c = d :

    error 0 at both ends of every cell,
    held      a window that separates two branches lies on the kink between them:  q·v_k = t,
    silent    a channel has the readout weight 0,
    balanced  two kinks of opposite jump are met at the same φ*:  Σ a J d = 0 and Σ a J (t - p) = 0,
              where the
              pre-activation runs from p by d (theory/pulse/kinks.py).

Which pattern is tried is a matter of choice, and of no consequence for what is proved:
:func:`holds` decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import sympy as sp
from flint import fmpq

from numerics.arithmetic.piecewise import exact_activation
from theory.pulse.network import Network

__all__ = [
    "Branch",
    "Condition",
    "End",
    "Form",
    "Pattern",
    "Stored",
    "Sums",
    "accumulate",
    "dot",
    "exact_of",
    "holds",
    "violated",
]

Form = tuple[fmpq | int, ...]
"""What multiplies v_k: rational numbers, whole ones of them as ints where it is a window."""
ZERO, ONE = fmpq(0), fmpq(1)


Stored: TypeAlias = Network[fmpq]
"""The weights as they are stored, in rational numbers."""


def exact_of(net: Stored, sigma: str | sp.Expr) -> Network[fmpq] | None:
    """With σ for numerics.pulse.exact_error; None where it is no piecewise polynomial."""
    exact_sigma = exact_activation(sigma)
    return None if exact_sigma is None else replace(net, sigma=exact_sigma)


@dataclass(frozen=True)
class Branch:
    """σ(z) = slope z + constant for low <= z <= high; None is infinite."""

    low: fmpq | None
    high: fmpq | None
    slope: fmpq
    constant: fmpq

    def holds(self, value: fmpq) -> bool:
        """The closed branch contains it."""
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Condition:
    """Σ_k [a_k (p_k·v_k + t_k) + q_k·v_k] + γ c = d; channels that are not named do not occur."""

    product: Mapping[int, tuple[Form, fmpq]] = field(default_factory=dict)
    plain: Mapping[int, Form] = field(default_factory=dict)
    offset: fmpq = ZERO
    value: fmpq = ZERO

    def row(self, net: Stored) -> list[fmpq]:
        """What multiplies (v_1, ..., v_K, c) while a stays as it is; 0 for a bias that is not
        stored.
        """
        width = net.taps + 1
        row = [ZERO] * (net.channels * width) + [ZERO if net.c is None else self.offset]
        parts = [(k, net.a[k], p) for k, (p, _) in self.product.items()]
        for k, factor, form in parts + [(k, ONE, q) for k, q in self.plain.items()]:
            for u, y in enumerate(form):
                row[k * width + u] += factor * y
        if net.b is None:
            row[net.taps : -1 : width] = [ZERO] * net.channels
        return row

    def residual(self, net: Stored) -> fmpq:
        """Left minus right."""
        total = self.offset * net.offset - self.value
        for k, (p, t) in self.product.items():
            total += net.a[k] * (dot(p, net.vector(k)) + t)
        for k, q in self.plain.items():
            total += dot(q, net.vector(k))
        return total


@dataclass(frozen=True)
class End:
    """A window of channel k and the branch on which it has to lie."""

    k: int
    form: Form
    branch: Branch


@dataclass(frozen=True)
class Pattern:
    """A choice of branches.

    Attributes
    ----------
    errors: the error is 0 at both ends of every cell.
    bends: held and balanced windows, silent channels, mirror images.
    held: (channel, window, kink) of the held ones.
    ends: every other window with its branch.
    kinds: per channel ``linear`` (one branch), ``threshold`` (several), ``balanced`` (bends that
        another channel cancels), ``paired`` (with its mirror image), ``silent`` (readout weight 0)
        or ``constant`` (its response is the same for all radii).
    pairs: (first, second, turned round) of the mirror images.
    """

    errors: tuple[Condition, ...]
    bends: tuple[Condition, ...]
    held: tuple[tuple[int, Form, fmpq], ...]
    ends: tuple[End, ...]
    kinds: tuple[str, ...]
    pairs: tuple[tuple[int, int, bool], ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All of them."""
        return self.errors + self.bends


Sums = dict[int, tuple[Form, fmpq]]
"""Per channel what multiplies a_k v_k, and a_k."""


def accumulate(sums: Sums, k: int, factor: fmpq, form: Form, constant: fmpq) -> None:
    """Add factor · form to what multiplies a_k v_k, and the constant to what multiplies a_k."""
    row, t = sums.get(k, ((ZERO,) * len(form), ZERO))
    if factor:
        row = tuple(x + factor * y for x, y in zip(row, form, strict=True))
    sums[k] = row, t + constant


def dot(left: Sequence[fmpq | int], right: Sequence[fmpq]) -> fmpq:
    """Σ x y."""
    return sum((x * y for x, y in zip(left, right, strict=True) if x), ZERO)


# ------------------------------------------------------------------------------------- the verdict


def violated(pattern: Pattern, net: Stored) -> list[tuple[End, fmpq]]:
    """The ends that left their branch, and the kink they passed; the farthest first."""
    passed = []
    vectors = net.vectors
    for end in pattern.ends:
        value = dot(end.form, vectors[end.k])
        low, high = end.branch.low, end.branch.high
        if low is not None and value < low:
            passed.append((low - value, end, low))
        elif high is not None and value > high:
            passed.append((value - high, end, high))
    passed.sort(key=lambda item: item[0], reverse=True)
    return [(end, kink) for _, end, kink in passed]


def holds(pattern: Pattern, net: Stored) -> bool:
    """The network lies in the (closed) pattern and meets all its conditions: r̂ = r at every radius
    of the domain.
    """
    exact = all(condition.residual(net) == 0 for condition in pattern.conditions)
    return exact and not violated(pattern, net)
