r"""Light-cone coordinates: in them, every gradient step on the linear cell is a stretch.

On the linear cell (identity, or ReLU while every pre-activation is positive; no conv bias) a
network knows its weights only through a_k and S_k = Σ_u w_{k,u}: r̂ = c + 2rθ with θ = Σ_k a_k S_k.
With s_k = S_k/√n,

    u_k = a_k + s_k,    v_k = a_k - s_k,    U = Σ u_k²,    W = Σ v_k²,

a gradient step multiplies every u_k by one common factor and every v_k by another.  After the
factors A and B,

    a_k = (A u_k + B v_k)/2,    s_k = (A u_k - B v_k)/2,    θ = (√n/4)(U A² - W B²),

and gradient flow keeps AB = 1.  All functions here take any kind of number (symbols, rationals,
arrays, enclosures); ``root`` is √n in that kind.  Derivation: docs/training/flow.md.
"""

from __future__ import annotations

from typing import Any

from theory.types import Function, Matrix, Scalar, Vector

__all__ = ["Taps", "light_cone", "moved", "squares", "stretch", "theta", "unfold"]

Taps = Matrix
"""w[k][u]: the taps of every channel."""


def light_cone(w: Taps, a: Vector, root: Scalar) -> tuple[list[Any], list[Any]]:
    """(u_1..u_K, v_1..v_K) = a_k ± S_k/√n of a network with taps w (K, n) and readout a (K,)."""
    s = [sum(taps[1:], taps[0]) / root for taps in w]
    return [x + y for x, y in zip(a, s, strict=True)], [x - y for x, y in zip(a, s, strict=True)]


def squares(u: Vector, v: Vector) -> tuple[Any, Any]:
    """(U, W) = (Σ u_k², Σ v_k²)."""
    return sum(x * x for x in u), sum(x * x for x in v)


def theta(big_u: Scalar, big_w: Scalar, root: Scalar, first: Scalar, second: Scalar) -> Any:
    """θ = (√n/4)(U A² - W B²); the network is exact where c = 0 and θ = 1/2."""
    return root * (big_u * first**2 - big_w * second**2) / 4


def stretch(big_u: Scalar, big_w: Scalar, root: Scalar, sqrt: Function, grown: Scalar = 1) -> Any:
    """E = A/B at which θ = 1/2, when AB = 1/``grown``: U E - W/E = 2 grown/√n.

    E = (grown + √(grown² + n U W)) / (√n U), the only positive root; U must be positive.  Gradient
    flow has grown = 1 and E = e^{2τ}.
    """
    return (grown + sqrt(grown**2 + root**2 * big_u * big_w)) / (root * big_u)


def unfold(
    u: Vector, v: Vector, root: Scalar, first: Scalar, second: Scalar
) -> tuple[list[Any], list[Any]]:
    """(a_1..a_K, S_1..S_K) after u was multiplied by A (``first``) and v by B (``second``)."""
    pairs = [(first * x, second * y) for x, y in zip(u, v, strict=True)]
    return [(x + y) / 2 for x, y in pairs], [root * (x - y) / 2 for x, y in pairs]


def moved(w: Taps, sums: Vector) -> list[list[Any]]:
    """The taps (K, n) after their sums became S_k (K,): all taps of a filter are shifted by the
    same (S_k - Σ w_k)/n.
    """
    result = []
    for taps, total in zip(w, sums, strict=True):
        shift = (total - sum(taps[1:], taps[0])) / len(taps)
        result.append([tap + shift for tap in taps])
    return result
