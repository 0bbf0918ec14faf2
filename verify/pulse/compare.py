"""Response laws against direct simulation (check) and against what torch pools (training).

A response law gives Σ_i [g(z_i) - g(0)] on the cell m - 1/2 <= r <= m + 1/2 as an expression in the
staircase symbols, r and φ.  Three claims state one; they share this comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation, compile_law, exact_law
from numerics.arithmetic.rounding import response_bound
from numerics.arithmetic.types import Array
from verify.models.networks import measure
from verify.models.problem import Ensemble, Setting
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["ResponseLaw", "check_response", "law_response", "plateau_cells", "train_response"]

ResponseLaw = Callable[[int, int], sp.Expr]
"""(n, m) -> the law on the cell of m, with φ in [0, 1]."""

EXACT_TAPS = (1, 3, 5, 7)
FLOAT_TAPS = (1, 5, 15)
SMOOTH = ("tanh", "sigmoid", "softplus", "gelu", "silu", "square")


ExactCase = tuple[int, int, list[Fraction], Fraction, Fraction, Callable[[Any], Any], Fraction]
"""n, m, w, r, φ, g, and the simulated Σ_i [g(z_i) - g(0)], all rational."""
FloatCase = tuple[str, int, Array, float, float, float, float, float]
"""σ, m, w, b, r, φ, the simulated response, and the bound on rounding."""


@dataclass(frozen=True)
class _Domain:
    """Where a law is claimed: the cells m for n taps, and whether between half-integers too."""

    cells: Callable[[int], Sequence[int]]
    fractions: bool

    @property
    def key(self) -> str:
        """The cells for every n that is drawn, in words."""
        taps = dict.fromkeys((*EXACT_TAPS, *FLOAT_TAPS))
        return f"{[list(self.cells(n)) for n in taps]} {self.fractions}"


def plateau_cells(n: int) -> range:
    """The first four cells of the plateau laws: m = h + 1, ..., h + 4 for n = 2h + 1 taps."""
    return range(n // 2 + 1, n // 2 + 5)


def check_response(
    law: ResponseLaw, lab: Lab, name: str, cells: Callable[[int], Sequence[int]], fractions: bool
) -> Column:
    """Count the random networks on which the law and the direct simulation disagree, up to the
    first of the exact ones.

    σ that keeps numbers rational, on rational weights and radii: both sides exact, any difference
    counts.  Smooth σ on
    floats: a difference beyond the rounding bound of both sides counts.
    """
    domain = _Domain(cells, fractions)
    exact, floats = lab.once(("simulated", name, domain.key), _simulated, lab, name, domain)
    on_fractions = cache(lambda n, m: exact_law(law(n, m), n))
    for place, (n, m, w, r, fraction, sigma, direct) in enumerate(exact, 1):
        if on_fractions(n, m)(w, r, fraction, sigma) != direct:
            return column(1, 0, f"direct simulation differs in exact case {place} of {len(exact)}")
    ratios = []
    for float_case in floats:
        activation_name, m, taps, bias, radius, part, value, bound = float_case
        n = len(taps)
        response = compile_law(law(n, m), n, activation_name)
        claimed = float(response(taps, bias, [radius], [part])[0])
        ratios.append(abs(claimed - value) / bound)
    wrong = sum(ratio > 1 for ratio in ratios)
    detail = (
        f"disagreements of law and direct simulation in {len(exact)} exact rational cases and "
        f"{len(floats)} float cases; largest float error {max(ratios):.2g} of its rounding bound"
    )
    return column(wrong, 0, detail)


def _simulated(lab: Lab, name: str, domain: _Domain) -> tuple[list[ExactCase], list[FloatCase]]:
    """No law is asked."""
    return list(_exact_cases(lab, name, domain)), list(_float_cases(lab, name, domain))


def _exact_cases(lab: Lab, name: str, domain: _Domain) -> Iterator[ExactCase]:
    rng = lab.rng(f"{name}: exact")
    kinds = list(oracle.RATIONAL.items())
    for k in range(lab.profile.draws):
        _sigma_name, sigma = kinds[k % len(kinds)]
        # Every width within four draws, and a shift with every round: all pairs within four rounds.
        n = EXACT_TAPS[(k + k // len(kinds)) % len(EXACT_TAPS)]
        m = int(rng.choice(domain.cells(n)))
        fraction = Fraction(int(rng.integers(0, 13)), 12) if domain.fractions else Fraction(0)
        w = [Fraction(int(v), 8) for v in rng.integers(-16, 17, n)]
        b = Fraction(int(rng.integers(-16, 17)), 8)
        r = m - Fraction(1, 2) + fraction
        x = oracle.overlap_pulse(r, m + n // 2 + int(rng.integers(0, 3)))
        direct = Fraction(oracle.pooled(w, b, sigma, x))
        yield n, m, w, r, fraction, oracle.shifted(sigma, b), direct


def _float_cases(lab: Lab, name: str, domain: _Domain) -> Iterator[FloatCase]:
    rng = lab.rng(f"{name}: floats")
    for k in range(max(lab.profile.draws // 4, len(SMOOTH))):
        sigma_name = SMOOTH[k % len(SMOOTH)]
        n = FLOAT_TAPS[(k // len(SMOOTH)) % len(FLOAT_TAPS)]
        m = int(rng.choice(domain.cells(n)))
        fraction = float(rng.uniform()) if domain.fractions else 0.0
        w, b = rng.normal(size=n), float(rng.normal())
        r, half_length = m - 0.5 + fraction, m + n // 2
        sigma = activation(sigma_name)[0]
        x = oracle.overlap_pulse(r, half_length)
        direct = float(oracle.pooled(w.tolist(), b, lambda v: float(sigma(v)), x))  # noqa: B023
        bound = response_bound(w, np.array(b), np.array([r]), 2 * half_length + 1, sigma_name)
        yield sigma_name, m, w, b, r, fraction, direct, float(bound[0])


def law_response(law: ResponseLaw, ensemble: Ensemble) -> Array:
    """What the law predicts for every network, training radius and channel: (B, R, K)."""
    setting, radii = ensemble.setting, ensemble.setting.radii
    parts = []
    for m in range(radii.first, radii.first + radii.cells):
        chosen = radii.m == m
        function = compile_law(law(setting.taps, m), setting.taps, setting.activation)
        parts.append(function(ensemble.w, ensemble.b, radii.r[chosen], radii.phi[chosen]))
    return np.moveaxis(np.concatenate(parts, axis=2), 1, 2)


def train_response(
    law: ResponseLaw, lab: Lab, settings: Sequence[Setting], fractions: bool
) -> Column:
    """The largest distance between the law and the features that trained torch modules pool.

    Every network of every setting counts; the figure is in units of the rounding bound.
    """
    worst, largest, networks = 0.0, 0.0, 0
    for setting in settings:
        ensemble = lab.ensemble(setting)
        radii, size = setting.radii, setting.pixels
        background = activation(setting.activation)[0](ensemble.b)
        measured = measure(ensemble).pooled - size * background[:, None, :]
        bound = np.moveaxis(
            response_bound(ensemble.w, ensemble.b, radii.r, size, setting.activation), 1, 2
        )
        # torch pools the background too, and it was subtracted here: N more terms of size |g(0)|.
        keep = np.ones(len(radii.r), bool) if fractions else radii.phi == 0
        distance = np.abs(measured - law_response(law, ensemble))[:, keep]
        worst = max(worst, float(np.max(distance / bound[:, keep])))
        largest = max(largest, float(np.max(distance)))
        networks += len(ensemble.c)
    detail = (
        f"largest distance between the law and the pooled features of {networks} trained networks "
        f"({len(settings)} settings) is {largest:.2g}; the figure is in units of the rounding bound"
    )
    return column(worst, 1.0, detail)
