"""(c) The compiled laws over a million radii, against torch's forward pass and against the memory's
bandwidth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from benchmarks.measure import Row, measured
from numerics.arithmetic.compile import compile_law
from numerics.arithmetic.types import Array
from numerics.pulse.sample import pulse
from theory.pulse.subpixel import subpixel_response
from verify.models.networks import load
from verify.models.problem import NetworkBatch, Setting, initial

__all__ = ["rows"]

BLOCK = 1 << 13
"""Radii at a time: what is between stays in the cache."""
NUMBERS = 3
"""Numbers per radius that must pass through memory: r and φ are read, the answer is written."""


def rows(quick: bool) -> Iterator[Row]:
    """Three and nine taps, one network each."""
    count = 100_000 if quick else 1_000_000
    source, target = np.ones(1 << 22), np.empty(1 << 22)
    copied, _, _ = measured(np.copyto, target, source, rounds=5)
    bandwidth = 2 * source.nbytes / copied
    for n, half_length in ((3, 12), (9, 12), (9, 500), (9, 12_500)):
        setting = Setting("relu", 1, n)
        net = initial(setting, 1, 0)
        law = compile_law(subpixel_response(n), n, "relu")
        first = n // 2 + 1
        m = np.arange(count) % (half_length - 2 * first + 2) + first
        phi = np.random.default_rng(0).random(count)
        r = m - 0.5 + phi

        seconds, peak, values = measured(_answers, law, net, r, phi, rounds=3)
        module = load(setting, net)
        size = 2 * half_length + 1
        part = min(count, 250_000 // size)
        signals = torch.tensor(pulse(r[:part], half_length))
        with torch.inference_mode():
            took, high, direct = measured(module, signals, rounds=5)
        # The law leaves out σ(b) at the pixels that no edge reaches: one number for all radii.
        off = float(np.ptp(values[:part] - direct.numpy()))
        share = 8 * NUMBERS * count / seconds / bandwidth
        note = (
            f"{share:.1%} of the memory's bandwidth of {bandwidth / 1e9:.3g} GB/s; torch differs by"
            f" {off:.1g}"
        )
        yield Row(
            f"the law, {n} taps, {count:,} radii, each", seconds / count, peak=peak, note=note
        )
        yield Row(
            f"torch's forward pass, {n} taps, N = {size:,}, each",
            took / part,
            took / part / (seconds / count),
            "the law",
            high,
            "the signals are given",
        )


def _answers(law: Callable[..., Array], net: NetworkBatch, r: Array, phi: Array) -> Array:
    w, b, a, c = net.network()
    values = np.empty(len(r))
    for begin in range(0, len(r), BLOCK):
        part = slice(begin, begin + BLOCK)
        values[part] = a @ law(w, b, r[part], phi[part])
    return values + c
