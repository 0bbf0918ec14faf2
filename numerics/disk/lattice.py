r"""How the response to a disk fluctuates with its place on the pixel lattice, for many filters:
√r Σ_q |q|^{-3/2} ∫ K(|q|r - q·c - u) db_q'(u), of theory/disk/lattice.py.

b_q is replaced by the polygon through some of its values, whose kinks are weighted with K:
:data:`PLACES` for q = (1, 0), in other directions as many to a pixel's width.  Directions up to |q|
= :data:`REACH` are taken: those beyond have weights |q|^{-3/2}, and waves b_q of the size |q|^{-1}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from numerics.arithmetic.types import Array
from numerics.disk.perimeter import half_squares
from numerics.disk.perimeter import reach as reach_of
from theory.disk.lattice import LAW, Lag, Lattice, directions

__all__ = ["fluctuation", "hurwitz", "parts", "spread", "swing", "unsettled", "wave"]

Sigma = Callable[[Array], Array]

PLACES, FEWEST = 128, 16
REACH = 24
"""The longest q that takes part, unless said otherwise."""
TERMS = 8


def hurwitz(s: float, x: ArrayLike) -> Array:
    """ζ(s, x) for 0 < x <= 1 and s = -3/2 or -1, of the shape of x: eight terms, then Euler's and
    Maclaurin's formula with four.

    Off by less than the first term that is left out, B₁₀/10! s(s+1)···(s+8) X^{-s-9} with X >= 8,
    3·10⁻¹², and 10⁴ units of rounding.
    """
    points = np.asarray(x, dtype=float)

    def raised(y: Array) -> Array:
        """The power -s."""
        return y * np.sqrt(y) if s < -1 else y

    total = np.zeros_like(points)
    for k in range(TERMS):
        total += raised(points + k)
    end = points + TERMS
    last = raised(end)
    total += end * last / (s - 1) + last / 2
    factor, power = s, last / end
    for k, share in enumerate((1 / 12, -1 / 720, 1 / 30240, -1 / 1209600)):
        total += share * factor * power
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2)
        power = power / end**2
    return total


def swing(x: ArrayLike, law: Lattice = LAW) -> Array:
    """K at any x, of its shape."""
    points = np.asarray(x, dtype=float)
    inside = points - np.ceil(points) + 1  # in (0, 1]
    return np.asarray(law.swing(inside, lambda s, y: hurwitz(float(s), y), np))


def wave(w: Array, b: Array, sigma: Sigma, q: Lag, law: Lattice = LAW) -> Array:
    """b_q of filters w (B, n, n) with biases b (B,), at equidistant x = 0, ... < 1: (B, places)."""
    h = w.shape[-1] // 2
    each = {(u - h, v - h): w[:, u, v] for u in range(w.shape[-1]) for v in range(w.shape[-1])}
    taps = law.project(each, q)
    # A pixel is dark or lit where |T| is at least half of |q₁| + |q₂|.
    apart, far = max(map(abs, taps)), sum(map(abs, q)) // 2 + 1
    lines, places = 2 * (far + apart) + 1, _places(q)
    beside = np.arange(-far - 2 * apart - 1, far + 2 * apart + 1)[:, None] + places
    table = law.response(beside, q)
    shown = np.stack([table[apart + j : apart + j + lines + 1] for j in taps])
    z = np.tensordot(np.stack(list(taps.values()), axis=1), shown, 1)
    return _summed(z, w, b, sigma, table[apart : apart + lines + 1])


def _summed(z: Array, w: Array, b: Array, sigma: Sigma, lit: Array) -> Array:
    """Σ_m [g(z) - g(0) - Δ·lit] for z (B, lines, places) and lit (lines, places): (B, places)."""
    dark, full = sigma(b), sigma(w.sum(axis=(1, 2)) + b)
    values = sigma(z + b[:, None, None]).sum(axis=1)
    return np.asarray(values - len(lit) * dark[:, None] - np.outer(full - dark, lit.sum(axis=0)))


def _places(q: Lag) -> Array:
    count = max(PLACES // max(map(abs, q)), FEWEST)
    return np.arange(count) / count


def _kinks(values: Array) -> Array:
    """The slope jumps of the polygon: (..., places)."""
    second = np.roll(values, -1, axis=-1) - 2 * values + np.roll(values, 1, axis=-1)
    return np.asarray(second * values.shape[-1])


def fluctuation(
    w: Array,
    b: Array,
    sigma: Sigma,
    r: ArrayLike,
    centre: tuple[float, float] = (0.0, 0.0),
    law: Lattice = LAW,
    reach: int = REACH,
) -> Array:
    """What disks of radii r (R,) around ``centre`` add to the mean over all centres, to leading
    order: (B, R).
    """
    radii = np.asarray(r, dtype=float)
    total = np.zeros((len(w), len(radii)))
    for q in directions(reach):
        phase = np.hypot(*q) * radii - q[0] * centre[0] - q[1] * centre[1]
        kernel = swing(phase - _places(q)[:, None], law)
        total += float(law.weight(q, np)) * (_kinks(wave(w, b, sigma, q, law)) @ kernel)
    return np.asarray(np.sqrt(radii) * total)


def _turned(w: Array, b: Array, sigma: Sigma, q: Lag, angles: Sequence[float]) -> Array:
    """b_q as edges show it whose normal is turned from q by each of the ``angles``, at the same
    places: (B, angles, places).
    """
    n, size = w.shape[-1], float(np.hypot(*q))
    far = int(np.ceil(size * reach_of(n))) + 1
    t = (np.arange(-far - 1, far + 1)[:, None] + _places(q)) / size
    normals = (np.arctan2(q[1], q[0]) + angle for angle in angles)
    each = [half_squares(n, t, float(np.cos(turn)), float(np.sin(turn))) for turn in normals]
    squares = np.concatenate(each, axis=-1)
    z = np.tensordot(w.reshape(len(w), -1), squares, 1)
    return _summed(z, w, b, sigma, squares[n * n // 2]).reshape(len(w), len(angles), -1)


QUARTERS = (0.25, 0.5, 0.75, 1.0)
"""Where, inside the first Fresnel zone, a turned wave is looked at."""


def unsettled(w: Array, b: Array, sigma: Sigma, r: float, reach: int) -> Array:
    """How much the waves change while the normal turns within the first Fresnel zone, at the radius
    r: (B,).

    At its end the edge has left the line across q by half a line: λ = 1 and θ = ±1/√(|q|r).  A wave
    near a kink may change more on the way than at the end, so the largest of four :data:`QUARTERS`
    counts.  On both sides of the point of contact the circle is the same: what one side gains and
    the other loses does not count.  The spreads of all directions are added up: for one disk their
    waves may meet at their worst.
    """
    total = np.zeros(len(w))
    for q in directions(reach):
        end, x = 1 / np.sqrt(np.hypot(*q) * r), _places(q)
        straight, kernel = wave(w, b, sigma, q), swing(x - x[:, None])
        turned = _turned(
            w, b, sigma, q, [side * share * end for share in QUARTERS for side in (1, -1)]
        )
        sides = turned.reshape(len(w), len(QUARTERS), 2, len(x)).sum(axis=2)
        change = _kinks(sides / 2 - straight[:, None]) @ kernel
        spreads = np.sqrt(np.mean(change**2, axis=-1))
        total += float(LAW.weight(q, np)) * np.max(spreads, axis=-1)
    return np.asarray(np.sqrt(r) * total)


def parts(
    w: Array, b: Array, sigma: Sigma, law: Lattice = LAW, reach: int = REACH
) -> dict[Lag, Array]:
    """|q|^{-3/2} times the root of ∫ (∫ K db_q')² dx, what each direction adds to the spread,
    divided by √r: (B,).
    """
    shares = {}
    for q in directions(reach):
        x = _places(q)
        swung = _kinks(wave(w, b, sigma, q, law)) @ swing(x - x[:, None], law)
        shares[q] = float(law.weight(q, np)) * np.sqrt(np.mean(swung**2, axis=1))
    return shares


def spread(w: Array, b: Array, sigma: Sigma, law: Lattice = LAW, reach: int = REACH) -> Array:
    """The root of the sum of their squares: the spread over all centres and many radii is this
    times √r, (B,).
    """
    every = np.stack(list(parts(w, b, sigma, law, reach).values()))
    return np.asarray(np.sqrt(np.sum(every**2, axis=0)))
