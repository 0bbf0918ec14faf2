"""(b) What a second-order step costs, against the sizes of the problem, and memory against the
number of networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.measure import Row, measured
from numerics.pulse.sample import Radii
from verify.models.problem import Setting, initial
from verify.optimise.ensemble import fit, train_ensemble
from verify.optimise.residuals import task

__all__ = ["rows"]

STEPS = 10


@dataclass(frozen=True)
class _Longer(Radii):
    """The same radii in signals with more zeros beside them."""

    half: int = 12

    def half_length(self, taps: int) -> int:
        return self.half


@dataclass(frozen=True)
class _Long(Setting):
    half: int = 12

    @property
    def radii(self) -> Radii:
        return _Longer(3, 8, 8, self.half)


def _step(setting: Setting, networks: int, rounds: int = 5) -> tuple[float, float]:
    """Seconds of one trial step of one network, and the peak of memory."""
    task(setting)
    start = initial(setting, networks, 0)
    seconds, peak, fitted = measured(fit, setting, start, STEPS, rounds=rounds)
    return seconds / int(fitted.steps.sum()), peak


def rows(quick: bool) -> Iterator[Row]:
    """Signal length, taps, channels, networks."""
    first = _step(_Long("relu", 1, 5), 200)[0]
    for half in (12, 1250 if quick else 12_500):
        setting = _Long("relu", 1, 5, half=half)
        once, peak, _ = measured(lambda each: task.__wrapped__(each).frame, setting)
        seconds, _ = _step(setting, 200)
        yield Row(
            f"a step, N = {2 * half + 1:,}",
            seconds,
            seconds / first,
            "N = 25, so many times more",
            peak,
            f"windows cut and counted once, {once:.2g} s",
        )
    for name, sizes in (
        ("taps", (3, 9, 27) if quick else (3, 7, 15, 31, 63, 101)),
        ("channels", (1, 4, 16) if quick else (1, 4, 16, 64)),
    ):
        before: tuple[int, float] | None = None
        for size in sizes:
            taps, channels = (size, 1) if name == "taps" else (5, size)
            seconds, peak = _step(Setting("relu", channels, taps, cells=4, per_cell=8), 50, 2)
            slope = math.log(seconds / before[1]) / math.log(size / before[0]) if before else None
            parameters = channels * (taps + 2) + 1
            note = f"{parameters} parameters" + (
                f"; grows as {name}^{slope:.2f}" if slope is not None else ""
            )
            yield Row(f"a step, {size} {name}", seconds, peak=peak, note=note)
            before = size, seconds
    small = None
    for networks in (100, 1000) if quick else (100, 1000, 10_000, 100_000):
        seconds, peak, _ = measured(train_ensemble, Setting("relu", 1, 5), networks, 0)
        small = small or seconds / networks
        yield Row(
            f"{networks:,} networks to their ends, each",
            seconds / networks,
            seconds / networks / small,
            "100 networks, so many times more",
            peak,
        )
