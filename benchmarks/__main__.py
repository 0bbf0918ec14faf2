"""``python -m benchmarks``: how much each fast path gains over the slow, obvious one, in one run.

Times on one machine mean little to another, and a busy machine moves them; a ratio of two paths that are
timed in turn, round by round, does not.  Printed are the median ratio and its range over the rounds, and the
time of the fast path.  One thread.
"""

from __future__ import annotations

import argparse
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch
from flint import fmpq
from rich.console import Console
from rich.table import Table

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import compile_law
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net, summary
from numerics.pulse.sample import pulse, windows
from theory.process import run
from theory.pulse.network import direct_response, taps
from theory.pulse.plateau import plateau_response
from theory.pulse.signal import phi
from theory.pulse.staircase import to_taps
from theory.pulse.subpixel import subpixel_response
from verify.models.networks import load, signals
from verify.models.problem import Setting, initial
from verify.optimise.ensemble import train_ensemble
from verify.optimise.sgd import OPTIMIZERS, descend


@dataclass(frozen=True)
class Pair:
    """Two ways to the same result: what they do, and how many results each call gives."""

    name: str
    slow: Callable[[], object]
    fast: Callable[[], object]
    slow_results: int = 1
    fast_results: int = 1


def pairs() -> Iterator[Pair]:
    """The pairs, made once; inputs are fixed."""
    rng = np.random.default_rng(0)
    n, networks = 9, 200
    setting = Setting("relu", 1, n)
    radii = setting.radii
    w, b = rng.normal(size=(networks, n)), rng.normal(size=networks)
    x = pulse(radii.r, radii.half_length(n))
    law = compile_law(subpixel_response(n), n, "relu")
    relu = oracle.RATIONAL["relu"]
    yield Pair(
        "sub-pixel law, compiled, against direct loops",
        lambda: [oracle.pooled(w[0].tolist(), float(b[0]), relu, row) for row in x.tolist()],
        lambda: law(w, b, radii.r, radii.phi),
        1,
        networks,
    )
    seen = windows(x, n)
    signal_tensor = signals(radii, n)
    nets = [load(setting, initial(setting, 20, 0), j) for j in range(20)]

    def by_torch() -> None:
        with torch.inference_mode():
            for net in nets:
                net(signal_tensor)

    yield Pair(
        "features from distinct windows, against torch's convolution",
        by_torch,
        lambda: np.maximum(w @ seen.windows.T + b[:, None], 0) @ seen.counts.T,
        20,
        networks,
    )
    small = Setting("abs", 1, 5)
    small_signals, small_target = signals(small.radii, 5), torch.tensor(small.radii.r)

    def by_adam() -> None:
        net = load(small, initial(small, 1, 0))
        descend(net, small_signals, small_target, 300, make=OPTIMIZERS["Adam"])

    yield Pair(
        "ensemble to machine precision, against 300 Adam steps",
        by_adam,
        lambda: train_ensemble(small, 50, 0),
        1,
        50,
    )

    def derivation(size: int) -> Callable[[], object]:
        def derive() -> object:
            h = size // 2
            direct = direct_response(taps(size), h + 1, phi, 2 * h + 1)
            return direct, to_taps(subpixel_response(size), size)

        return derive

    yield Pair("derivation for 21 taps, against 101 taps", derivation(101), derivation(21))
    r = Fraction(13, 2)
    fractions = [Fraction(k, 7) for k in range(n)]
    floats = [float(v) for v in fractions]
    yield Pair(
        "direct loops on floats, against exact rationals",
        lambda: oracle.pooled(fractions, Fraction(1, 3), relu, oracle.overlap_pulse(r, 11)),
        lambda: oracle.pooled(floats, 1 / 3, relu, oracle.overlap_pulse(6.5, 11)),
    )
    yield Pair(
        "compiled plateau law for 200 networks, against one at a time",
        lambda: [compile_law(plateau_response(n), n, "relu")(w[0], b[0], radii.r, radii.phi)],
        lambda: compile_law(plateau_response(n), n, "relu")(w, b, radii.r, radii.phi),
        1,
        networks,
    )

    def certified(channels: int, taps: int, radius: int) -> Callable[[], object]:
        draw = lambda *size: rng.normal(size=size).astype(np.float32).tolist()
        net = exact_net("relu", draw(channels, taps), draw(channels), draw(channels), 0.5)
        domain = Domain(radius + taps, fmpq(1, 2), fmpq(radius))

        return lambda: summary(replace(net), domain)  # a new object: nothing is remembered

    whole = certified(16, 31, 100)
    yield Pair("exact worst error, 16 channels, 31 taps, radii to 100, against to 200", certified(16, 31, 200), whole)  # fmt: skip
    yield Pair("the same, against 32 channels", certified(32, 31, 100), whole)


def _seconds(call: Callable[[], object]) -> float:
    """The time of one call, repeated until it is well above the clock's resolution."""
    repeats = 1
    while True:
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        elapsed = time.perf_counter() - start
        if elapsed > 0.02:
            return elapsed / repeats
        repeats *= 4


def main() -> int:
    """Measure every pair and print a table; returns the exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds per pair (default 5)")
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("--rounds must be at least 1")
    torch.set_num_threads(1)
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "gain per result", "range", "fast path, per result"):
        table.add_column(heading, no_wrap=heading != "what")
    for pair in pairs():
        pair.slow(), pair.fast()
        ratios, fast_times = [], []
        for _ in range(rounds):
            slow = _seconds(pair.slow) / pair.slow_results
            fast = _seconds(pair.fast) / pair.fast_results
            ratios.append(slow / fast)
            fast_times.append(fast)
        table.add_row(
            pair.name,
            f"{statistics.median(ratios):.3g} ×",
            f"{min(ratios):.3g}–{max(ratios):.3g}",
            f"{1e6 * statistics.median(fast_times):.3g} µs",
        )
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(run("python -m benchmarks", main))
