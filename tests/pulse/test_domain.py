"""What filters see of a pulse and of its padding, against plain lists."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from tests.paddings import domain_of, padded, paddings, windows

PHI = Fraction(3, 8)


@st.composite
def signals(draw: st.DrawFn) -> tuple[int, int, str]:
    """Taps, L and a padding."""
    taps = draw(st.sampled_from((1, 3, 5, 7)))
    half = draw(st.integers(taps // 2 + 1, 9))
    return taps, half, draw(paddings(half, taps))


@given(signals())
@example((3, 4, "circular 9"))
@example((3, 4, "reflect 8"))
def test_the_pixels_are_those_of_the_padded_signal(case: tuple[int, int, str]) -> None:
    taps, half, padding = case
    domain = domain_of(half, fmpq(1), fmpq(1), padding)
    seen = padded(range(-half, half + 1), padding, taps, half + 1)
    width = half + domain.padded(taps)
    pixels = [domain.pixel(place) for place in range(-width, width + 1)]
    assert [min(abs(j), half + 1) for j in pixels] == list(map(abs, seen))
    assert [j for j, k in zip(pixels, seen, strict=True) if abs(j) <= half] == [
        j for j in seen if j <= half
    ]
    assert domain.windows(taps) == len(seen) - taps + 1 == 2 * domain.reach(taps) + 1


def lit(r: Fraction, half: int, padding: str, taps: int) -> Counter[tuple[Fraction, ...]]:
    """The windows that see light."""
    pulse = oracle.overlap_pulse(r, half)
    return Counter(tuple(x) for x in windows(pulse, padding, taps, Fraction(0)) if any(x))


@given(signals())
@example((3, 8, "zeros 1"))
@example((3, 8, "zeros 7"))
@example((3, 8, "valid"))
@example((3, 8, "reflect"))
@example((3, 8, "replicate"))
@example((1, 3, "circular 1"))
def test_up_to_the_last_plateau_the_border_does_not_matter(case: tuple[int, int, str]) -> None:
    """The windows with light are those of an endless signal for these m, and for no others."""
    taps, half, padding = case
    domain = domain_of(half, fmpq(1), fmpq(1), padding)
    for m in range(1, half + 1):
        r = m - Fraction(1, 2) + PHI
        endless = lit(r, half + taps, "zeros", taps)
        assert (lit(r, half, padding, taps) == endless) == (m <= domain.last_plateau(taps))


@given(signals(), st.fractions(Fraction(1, 2), 9, max_denominator=8))
@example((3, 8, "reflect"), Fraction(8))
@example((3, 2, "circular 3"), Fraction(1, 2))  # both ends of the ring show the middle pixel
def test_more_light_than_that_of_the_pulse_is_counted(
    case: tuple[int, int, str], radius: Fraction
) -> None:
    """No tap sees more than 2r and the mirrored pixels, and no more windows see light."""
    taps, half, padding = case
    r = min(radius, half + Fraction(1, 2))
    high = fmpq(r.numerator, r.denominator)
    more = domain_of(half, high, high, padding).mirrored(taps)
    seen = windows(oracle.overlap_pulse(r, half), padding, taps, Fraction(0))
    assert all(sum(x[u] for x in seen) <= 2 * r + more for u in range(taps))
    assert sum(any(x) for x in seen) <= -(-2 * r // 1) + taps + 1 + more
