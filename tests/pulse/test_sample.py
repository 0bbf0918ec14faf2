"""Radii and windows: exact numbers, and counts that lose nothing."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.pulse.sample import Radii, Windows, pulse, windows
from tests.strategies import RATIONAL, filters, rationals, widths

RADII = st.builds(Radii, st.integers(1, 6), st.integers(1, 4), st.sampled_from([1, 2, 4, 8]))


@given(RADII)
def test_radii_are_m_and_a_fraction(radii: Radii) -> None:
    count = radii.cells * radii.per_cell
    assert radii.m.shape == radii.phi.shape == radii.r.shape == (count,)
    assert np.array_equal(radii.r, radii.m - 0.5 + radii.phi)
    steps = [Fraction(x) for x in np.diff(radii.r)]
    assert steps == [Fraction(1, radii.per_cell)] * (count - 1)
    assert Fraction(radii.r[0]) == radii.first - Fraction(1, 2)
    assert np.all((radii.phi >= 0) & (radii.phi < 1))


@given(RADII)
def test_integer_part_and_fraction_are_independent(radii: Radii) -> None:
    pairs = Counter(zip(radii.m.tolist(), radii.phi.tolist(), strict=True))
    assert set(pairs.values()) == {1}
    assert len(pairs) == len(set(radii.m.tolist())) * len(set(radii.phi.tolist()))


@given(RADII, widths(9))
def test_the_border_is_never_seen_and_just_so(radii: Radii, n: int) -> None:
    """The border pixels of the largest cell reach L - h, and no further."""
    half_length = radii.half_length(n)
    x = pulse(radii.m[-1] + 0.5, half_length)
    lit = np.abs(np.arange(-half_length, half_length + 1))[x > 0]
    assert lit.max() == half_length - n // 2
    assert np.all(pulse(radii.r, half_length) <= x)


@given(RADII, widths(9))
def test_windows_are_counted_once(radii: Radii, n: int) -> None:
    x = pulse(radii.r, radii.half_length(n))
    seen = windows(x, n)
    assert seen.counts.shape == (len(radii.r), len(seen.windows))
    assert len({tuple(row) for row in seen.windows.tolist()}) == len(seen.windows)
    assert seen.windows.tolist() == sorted(seen.windows.tolist())
    assert np.all(seen.counts.sum(axis=1) == x.shape[1])
    for signal, counts in zip(x, seen.counts, strict=True):
        padded = [0.0] * (n // 2) + signal.tolist() + [0.0] * (n // 2)
        direct = Counter(tuple(padded[i : i + n]) for i in range(len(signal)))
        stated = {tuple(w): int(c) for w, c in zip(seen.windows.tolist(), counts, strict=True) if c}
        assert stated == dict(direct)


@given(st.data(), RADII, widths(7), st.sampled_from(RATIONAL), rationals())
def test_pooling_sees_the_counts_only(
    data: st.DataObject, radii: Radii, n: int, name: str, b: Fraction
) -> None:
    w, sigma = data.draw(filters(n)), oracle.RATIONAL[name]
    half_length = radii.half_length(n)
    seen = windows(pulse(radii.r, half_length), n)
    values = [
        sigma(b + sum((tap * Fraction(x) for tap, x in zip(w, row, strict=True)), Fraction(0)))
        for row in seen.windows
    ]
    for r, counts in zip(radii.r, seen.counts, strict=True):
        x = oracle.overlap_pulse(Fraction(r), half_length)
        stated = sum((int(c) * v for c, v in zip(counts, values, strict=True)), Fraction(0))
        assert stated == oracle.pooled(w, b, sigma, x) + len(x) * sigma(b)


@given(
    st.lists(st.lists(st.integers(-2, 2), min_size=5, max_size=5), min_size=1, max_size=4),
    widths(7),
)
def test_any_signal_is_cut_alike(rows: list[list[int]], n: int) -> None:
    """Nothing about pulses is assumed; a filter may be wider than the signal."""
    seen = windows(np.array(rows, dtype=float), n)
    w = np.arange(1.0, n + 1)
    for row, counts in zip(rows, seen.counts, strict=True):
        z = oracle.preactivations(w.tolist(), 0.0, [float(v) for v in row])
        assert counts @ (seen.windows @ w) ** 2 == sum(v * v for v in z)


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 5]))
def test_images_are_cut_alike_and_all_listings_say_the_same(seed: int, n: int) -> None:
    """Windows of images against every position, listed once for all or image by image."""
    rng = np.random.default_rng(seed)
    x, w = rng.integers(0, 2, (3, 5, 6)).astype(float), rng.normal(size=(n, n))
    shared, alone = windows(x, n), [windows(image[None], n) for image in x]
    starts = np.cumsum([0, *(len(each.windows) for each in alone[:-1])])
    listed = Windows(
        np.concatenate([each.windows for each in alone]),
        np.concatenate([each.counts[0] for each in alone]),
        starts,
    )
    padded = np.pad(x, ((0, 0), (n // 2, n // 2), (n // 2, n // 2)))
    cut = np.array([[padded[:, i : i + n, j : j + n] for j in range(6)] for i in range(5)])
    direct = np.sum(np.abs(np.sum(cut * w, axis=(3, 4)) + 0.5), axis=(0, 1))
    v = np.append(w.ravel(), 0.5)
    for seen in (shared, listed):
        assert [part.indices(len(seen.windows))[:2] for part in seen.parts] == (
            [(0, len(seen.windows))] * 3
            if seen.starts is None
            else list(zip(starts, [*starts[1:], len(seen.windows)], strict=True))
        )
        z = seen.rows @ v
        assert np.allclose(seen.summed(np.abs(z)), direct, rtol=1e-12)
        values = rng.normal(size=(2, 4, len(z)))
        moments = seen.moments(values)
        assert moments.shape == (2, 4, 3, n * n + 1)
        stated = seen.summed(values[..., None, :] * seen.rows.T)
        assert np.allclose(moments, np.swapaxes(stated, -1, -2), rtol=0, atol=1e-9)
        force, some = rng.normal(size=3), np.arange(len(z))[::2]
        assert np.isclose(seen.adjoint(force) @ z, force @ seen.summed(z), rtol=1e-9)
        assert np.allclose(
            seen.columns(some) @ z[some],
            seen.summed(z * np.isin(np.arange(len(z)), some)),
            rtol=0,
            atol=1e-9,
        )
