"""Rates: the bound against random networks, the minimum against small moves, and the columns of the
claim.
"""

from __future__ import annotations

import mpmath

from numerics.arithmetic import oracle
from theory.shape.rates.expansion import basis, components, moments


def _left_over(w: list[mpmath.mpf]) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """(S, D, what its expansion leaves) for exp about the centre 0, at φ = 1/3, from the
    definition.
    """
    height, m, part = sum(w), 3, mpmath.mpf(1) / 3

    def at(phi: mpmath.mpf) -> mpmath.mpf:
        return oracle.pooled(w, -height / 2, mpmath.exp, oracle.overlap_pulse(m - 0.5 + phi, 6))

    bent = at(part) - (1 - part) * at(mpmath.mpf(0)) - part * at(mpmath.mpf(1))
    s = [1 / mpmath.factorial(k) for k in range(1, 6)]
    pairs = zip(components(s, moments(w)), basis(part), strict=True)
    return height, bent, abs(bent - sum(x * y for x, y in pairs))


def test_orders_in_the_height_are_those_of_a_fixed_shape() -> None:
    """O(S⁶) was stated without the shape; with w = (√S, S, -√S) even D = O(S²) fails.

    Siblings: the rates of the loss, in the headers of theory/shape/rates/__init__.py and
        leading.py, docs and figures.
    """
    with mpmath.workdps(60):
        heights = [mpmath.mpf(2) ** -k for k in (8, 16, 24)]
        kept = [_left_over([S * 2, -S / 2, -S / 2]) for S in heights]
        free = [_left_over([mpmath.sqrt(S), S, -mpmath.sqrt(S)]) for S in heights]
    for name, found, order in (("kept", kept, 6), ("free", free, 3)):
        parts = [float(rest / S**order) for S, _, rest in found]
        assert max(parts) < 2 * min(parts), name
    assert all(rest > S**6 * 10**4 for S, _, rest in free)
    assert all(abs(bent / S + 2 * mpmath.mpf(2) / 9) < S for S, bent, _ in free[1:])
