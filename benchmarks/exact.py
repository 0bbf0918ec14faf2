"""(d) Derivations and certificates against taps and channels, and the certificate against HiGHS on
the same network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
from flint import fmpq

from benchmarks.measure import Row, measured
from benchmarks.milp import worst_error
from numerics.certificates.certificate import certificate
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net
from theory.pulse.network import direct_response, taps
from theory.pulse.signal import phi
from theory.pulse.staircase import to_taps
from theory.pulse.subpixel import subpixel_response

__all__ = ["rows"]

CELLS = 2
"""The certificates are for the first plateau cells."""


def _derived(n: int) -> object:
    h = n // 2
    direct = direct_response(taps(n), h + 1, phi, 2 * h + 1)
    return direct, to_taps(subpixel_response(n), n)


def rows(quick: bool) -> Iterator[Row]:
    """Derivations; certificates; HiGHS."""
    rng = np.random.default_rng(0)
    for n in (5, 21) if quick else (5, 21, 51, 101):
        seconds, peak, _ = measured(_derived, n)
        yield Row(f"derivation of the sub-pixel law, {n} taps", seconds, peak=peak)
    for n, channels, compared in (
        (5, 1, True),
        (5, 4, True),
        *(() if quick else ((5, 16, True), (31, 4, True), (31, 16, False), (101, 4, False))),
    ):
        w, b, a = (rng.integers(-64, 65, size) for size in ((channels, n), channels, channels))

        def rational(values: Iterable[int]) -> list[Fraction]:
            return [Fraction(int(value), 32) for value in values]

        filters, biases, readout = [rational(row) for row in w], rational(b), rational(a)
        net = exact_net("relu", filters, biases, readout, Fraction(1, 2))
        first, half_length = n // 2 + 1, n + CELLS
        domain = Domain(half_length, fmpq(2 * first - 1, 2), fmpq(2 * first - 1, 2) + CELLS)
        # A new object each time: a network remembers what was computed of it.
        seconds, peak, document = measured(
            lambda *case: certificate(replace(case[0]), case[1]), net, domain, rounds=3
        )
        name = f"{n} taps, {channels} channel{'s' if channels > 1 else ''}"
        worst = Fraction(document["claim"]["worst"][1])
        yield Row(
            f"certificate, {name}",
            seconds,
            peak=peak,
            note=f"worst error {float(worst):.6g}, in exact rationals",
        )
        if compared:
            case = (filters, biases, readout, Fraction(1, 2), half_length, first, CELLS)
            took, high, bound = measured(worst_error, *case)
            gap = float(bound - worst) / float(worst)
            yield Row(
                f"HiGHS, {name}",
                took,
                took / seconds,
                "the certificate",
                high,
                f"its bound is off by {gap:.1g} of the error",
            )
