r"""What a network is asked about: the pixels -L..L, what filters see beyond them, and an interval
of radii.

With N padded pixels on each side, a filter of n = 2h + 1 taps stands at the positions -(L - h +
N)..(L - h + N), as torch's Conv1d(padding=N).  N = h makes as many positions as pixels, N = 0 is
torch's default, ``valid``. At a place j beyond the border the padding shows

    zeros        nothing
    circular     the pixel j ∓ (2L + 1)
    reflect      the pixel ±2L - j
    replicate    the pixel ±L.

No window holds the pulse's edge together with the border while 1. every window that holds the pixel
m is there, m + h <= L - h + N, and 2. all that the padding shows is dark: m <= L for zeros, L - N
for circular, L - N - 1 for reflect, L - 1 for replicate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from flint import fmpq

__all__ = ["HALF", "MODES", "PADDINGS", "Domain"]

HALF = fmpq(1, 2)
"""The smallest radius."""
MODES = ("zeros", "circular", "reflect", "replicate")
"""torch's padding modes."""
PADDINGS = (*MODES, "valid")
"""The modes, and ``valid``: no pixel is padded."""
PIXEL: MappingProxyType[str, Callable[[int, int], int]] = MappingProxyType(
    {
        "zeros": lambda j, half_length: j,
        "valid": lambda j, half_length: j,
        "circular": lambda j, half_length: j - 2 * half_length - 1,
        "reflect": lambda j, half_length: 2 * half_length - j,
        "replicate": lambda j, half_length: half_length,
    }
)
"""(j, L) -> the pixel that the padding shows at j > L; one beyond L is dark."""


@dataclass(frozen=True)
class Domain:
    """Pixels -L..L, the padding, and the radii from ``low`` to ``high``.

    Attributes
    ----------
    padding: one of :data:`PADDINGS`.
    pixels: N, padded on each side; None: h, as many as keep the length.

    Raises
    ------
    ValueError: 1/2 <= low <= high <= L + 1/2 does not hold, the padding is unknown, or the signal
        has not enough pixels to be padded with so many.
    """

    half_length: int
    low: fmpq
    high: fmpq
    padding: str = "zeros"
    pixels: int | None = None

    def __post_init__(self) -> None:
        if not HALF <= self.low <= self.high <= self.half_length + HALF:
            raise ValueError(
                f"the radii {self.low} to {self.high} do not lie in [1/2, {self.half_length} + 1/2]"
            )
        if self.padding not in PADDINGS:
            raise ValueError(f"padding is one of {', '.join(PADDINGS)}, not {self.padding!r}")
        most = self.positions - (self.padding == "reflect")
        if self.pixels is not None and not 0 <= self.pixels <= most:
            raise ValueError(
                f"{self.positions} pixels can be padded with 0 to {most} pixels on each side, not"
                f" {self.pixels}"
            )

    @property
    def positions(self) -> int:
        """2L + 1, the number of pixels."""
        return 2 * self.half_length + 1

    def padded(self, taps: int) -> int:
        """N, the pixels that are added on each side."""
        if self.padding == "valid":
            return 0
        return taps // 2 if self.pixels is None else self.pixels

    def reach(self, taps: int) -> int:
        """The last position of a filter of so many taps: L - h + N."""
        return self.half_length - taps // 2 + self.padded(taps)

    def windows(self, taps: int) -> int:
        """At how many positions a filter of so many taps is."""
        return 2 * self.reach(taps) + 1

    def pixel(self, place: int) -> int:
        """The pixel that is seen at a place, padded ones included; one beyond L is dark."""
        inside, side = abs(place), 1 if place > 0 else -1
        if inside <= self.half_length:
            return place
        return side * PIXEL[self.padding](inside, self.half_length)

    def last_plateau(self, taps: int) -> int:
        """The last m for which no window holds the pulse's edge together with the border."""
        length, padded = self.half_length, self.padded(taps)
        # What the padding shows comes closer to the middle pixel by pixel, if at all.
        # The middle one is met at 2L by reflection, at 2L + 1 around a ring.
        last = length + padded
        ends = (length + 1, min(last, 2 * length), min(last, 2 * length + 1)) if padded else ()
        darkest = min((abs(self.pixel(place)) - 1 for place in ends), default=length)
        return min(length, darkest, self.reach(taps) - taps // 2)

    def mirrored(self, taps: int) -> int:
        """How many padded pixels can show light, at most.  A ring that keeps the length shows every
        tap each pixel once: there none is counted.
        """
        once = self.padding == "circular" and self.padded(taps) == taps // 2
        if once or self.padding == "zeros" or self.high <= self.last_plateau(taps) + HALF:
            return 0
        return 2 * self.padded(taps)
