"""Pre-activations between two radii: straight lines that are those of the
simulation, and of torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from numerics.pulse.domain import MODES, Domain
from numerics.pulse.preactivations import edges, last_plateau_radius
from numerics.pulse.preactivations import lines as lines_on
from numerics.pulse.sample import pulse
from tests.strategies import filters, widths
from theory.certificates.extremes import lines

taps = widths(5).flatmap(filters)


@given(taps, st.integers(1, 6))
def test_the_lines_are_those_of_the_path(w: Sequence[Fraction], m: int) -> None:
    """Two programs for the same windows; beyond the plateau the path counts from m = h + 1."""
    h = len(w) // 2
    rational = tuple(fmpq(x.numerator, x.denominator) for x in w)
    found = sorted(
        (Fraction(int(x.start.p), int(x.start.q)), Fraction(int(x.slope.p), int(x.slope.q)))
        for x in edges(rational, m)
    )
    assert found == sorted(lines(w, min(m, h + 1)))


@pytest.mark.parametrize("mode", MODES)
@given(st.data())
def test_the_lines_are_those_of_torch(mode: str, data: st.DataObject) -> None:
    """Conv1d with N padded pixels in each mode; all numbers are dyadic, so that
    torch's are exact.
    """
    n = data.draw(st.sampled_from((1, 3, 5, 7)))
    half = data.draw(st.integers(max(n // 2, 1), 8))
    pixels = data.draw(st.integers(0, min(2 * half, n + 1)))
    w = data.draw(st.lists(st.integers(-16, 16), min_size=n, max_size=n))
    m, phi = data.draw(st.integers(1, half)), data.draw(st.integers(0, 64))
    conv = torch.nn.Conv1d(1, 1, n, padding=pixels, padding_mode=mode, bias=False).double()  # type: ignore[arg-type]
    r = m - 0.5 + phi / 64
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(w) / 8)
        theirs = conv(torch.tensor(pulse(np.array([r]), half))[:, None])[0, 0].tolist()
    domain = Domain(half, fmpq(1, 2), fmpq(1, 2), mode, pixels)
    runs = lines_on([fmpq(x, 8) for x in w], m, domain)
    values = [float(x.start + fmpq(phi, 64) * x.slope) for x in runs for _ in range(x.count)]
    assert sorted(values) == sorted(theirs)
    assert len(values) == domain.windows(n)


@pytest.mark.parametrize(
    ("padding", "pixels", "radius"),
    [
        ("zeros", None, 7.5),
        ("valid", None, 6.5),
        ("zeros", 0, 6.5),
        ("zeros", 2, 8.5),
        ("zeros", 9, 8.5),
        ("circular", None, 7.5),
        ("circular", 2, 6.5),
        ("reflect", None, 6.5),
        ("reflect", 2, 5.5),
        ("replicate", None, 7.5),
    ],
)
def test_three_taps_on_seventeen_pixels(padding: str, pixels: int | None, radius: float) -> None:
    domain = Domain(8, fmpq(1, 2), fmpq(1, 2), padding, pixels)
    assert float(last_plateau_radius(3, domain)) == radius
