"""An unknown contrast: counting silence, the quotient, and the ruler."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.invariance.gram_schmidt import dot, orthogonal, residual
from tests.columns import hold_and_reject, plateau_cases
from theory.invariance.contrast import CLAIM, mute_on_pulse, partial_sums, response, silence_readout
from theory.pulse.network import last_radius
from verify.invariance.claims import contrast as evidence
from verify.invariance.dense_readout import DenseReadout, spectrum, train

HALF = Fraction(1, 2)
small = st.fractions(-3, 3, max_denominator=4)


@pytest.mark.thorough
def test_check_and_training_reject_wrong_laws() -> None:
    hold_and_reject(CLAIM, 1)


@given(plateau_cases(small), st.fractions(0, 5, max_denominator=4))
def test_the_plateau_law_at_any_contrast(case, alpha: Fraction) -> None:
    name, w, b, r, pulse = case
    """With zeros beyond the border, and on a ring."""
    x, sigma = [alpha * value for value in pulse], oracle.RATIONAL[name]
    stated = response(oracle.shifted(sigma, b), w, alpha, r, len(x))
    assert stated == evidence._pooled(w, b, name, x) == sum(map(sigma, oracle.ring(w, b, x)))


def test_with_one_tap_the_plateau_itself_has_to_be_mute() -> None:
    """Cause: the statement asked for S < 0 only; with n = 1 there is no partial sum that says more.
    Here w = -1, b = 1, α_0 = 1/2.

    Siblings: docs, module and docstring of ``mute_on_pulse``, each of which had another form of the
        condition.
    """
    w, b, least = [Fraction(-1)], Fraction(1), HALF
    assert not mute_on_pulse(w, b, least) and not evidence._readable(w, b, least)
    assert mute_on_pulse(w, b, Fraction(1)) and evidence._readable(w, b, Fraction(1))
    (formula,) = [line for line in CLAIM.lines if "ReLU" in line]
    assert r"S \le -b/\alpha_0" in formula


@given(plateau_cases(small), st.fractions(Fraction(1, 4), 5, max_denominator=4))
def test_beyond_the_last_radius_the_law_errs(case, alpha: Fraction) -> None:
    """With as few pixels as the last radius asks for it holds, with two fewer it does not: some
    window is missing.
    """
    _, w, b, r, _ = case
    w = [abs(tap) + 1 for tap in w]
    length, bent = int(r) + len(w) // 2, oracle.RATIONAL["softsign"]
    for half_length in (length, length - 1):
        if half_length < r - HALF:
            continue
        x = [alpha * value for value in oracle.overlap_pulse(r, half_length)]
        stated = response(oracle.shifted(bent, b), w, alpha, r, len(x))
        inside = r <= last_radius(len(w), Fraction(len(x)))
        assert inside == (half_length == length)
        # The two windows that are missing hold one positive tap each, not the dark: more than is
        # left out.
        assert (stated == sum(bent(z) for z in oracle.preactivations(w, b, x))) == inside


@given(st.sampled_from([1, 3, 5]), st.data())
def test_a_channel_is_quiet_iff_it_can_be_read(n: int, data) -> None:
    w = data.draw(
        st.lists(
            st.sampled_from([Fraction(k, 2) for k in (-4, -2, -1, 0, 0, 0, 1)]),
            min_size=n,
            max_size=n,
        )
    )
    b, least = data.draw(small), data.draw(st.fractions(Fraction(1, 4), 3, max_denominator=4))
    assert mute_on_pulse(w, b, least) == evidence._readable(w, b, least)


@pytest.mark.parametrize("w", [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (-1, -1, -1), (-1, 0, 0, 0, -1)])
def test_a_partial_sum_at_the_kink_is_still_mute(w: tuple[int, ...]) -> None:
    """The equality -b/α_0: quiet from there on, and from no contrast below."""
    taps, b = [Fraction(tap) for tap in w], Fraction(1)
    assert mute_on_pulse(taps, b, Fraction(1)) and evidence._readable(taps, b, Fraction(1))
    below = Fraction(15, 16)
    assert not mute_on_pulse(taps, b, below) and not evidence._readable(taps, b, below)


@given(
    st.lists(st.sampled_from([Fraction(k, 2) for k in (-6, -4, -2, 0, 0)]), min_size=3, max_size=3),
    st.fractions(Fraction(1, 4), 1, max_denominator=4),
    st.fractions(1, 50, max_denominator=6),
    st.integers(2, 5),
)
@example([Fraction(0), Fraction(-1), Fraction(0)], Fraction(1), Fraction(1), 2)
def test_a_quiet_channel_is_exact(w: list[Fraction], b: Fraction, alpha: Fraction, m: int) -> None:
    assume(mute_on_pulse(w, b, Fraction(1)))
    x = [alpha * value for value in oracle.overlap_pulse(m - HALF, 7)]
    a, c = silence_readout(w, b, len(x))
    assert c + a * evidence._pooled(w, b, "relu", x) == m - HALF
    assert len(partial_sums(w)) == 4


@given(
    st.fractions(Fraction(1, 4), 4, max_denominator=5),
    st.fractions(0, 9, max_denominator=5),
    st.integers(1, 5),
)
def test_a_full_ramp_is_exact_with_two_channels(t: Fraction, more: Fraction, m: int) -> None:
    least, w = HALF, 2 * t
    x = [(least + more) * value for value in oracle.overlap_pulse(m - HALF, 6)]
    ramp = sum(max(w * v, Fraction(0)) - max(w * v - t, Fraction(0)) for v in x)
    assert ramp / (2 * t) == m - HALF


@given(
    small, st.fractions(Fraction(1, 2), 9, max_denominator=6), st.integers(0, 8), small, st.data()
)
def test_the_ruler_ignores_background_contrast_and_place(
    beta: Fraction, alpha: Fraction, k: int, zero: Fraction, data
) -> None:
    """Wherever both legs are inside, -L <= s - k and s + k < L; one pixel further it is wrong."""
    length = 9
    places = range(-length, length + 1)
    s = data.draw(st.integers(k - length, length - 1 - k))

    def answer(s: int) -> Fraction:
        x = [beta + alpha * (abs(i - s) <= k) for i in places]
        legs = [oracle.RATIONAL["hardtanh"](2 * (x[j] - x[j - 1])) for j in range(len(x))]
        return sum((zero - HALF * i) * leg for i, leg in zip(places, legs, strict=True))

    assert answer(s) == k + HALF
    assert k + HALF not in (answer(k - length - 1), answer(length - k))


@given(
    small, st.lists(small, min_size=9, max_size=9), st.lists(small, min_size=3, max_size=3), small
)
def test_a_linear_network_that_ignores_the_contrast_is_blind(
    beta: Fraction, v: list[Fraction], w: list[Fraction], bias: Fraction
) -> None:
    """Any taps and readout weights, moved to where the contrast of no radius is seen."""
    light = [[Fraction(abs(i) <= k) for i in range(-4, 5)] for k in range(4)]
    blind = residual(v, orthogonal([oracle.ring(w, Fraction(0), one) for one in light]))

    def answers(v: list[Fraction], alpha: int) -> list[Fraction]:
        signals = ([beta + alpha * value for value in one] for one in light)
        return [dot(v, oracle.ring(w, bias, x)) for x in signals]

    assert answers(blind, 1) == answers(blind, 3) and len(set(answers(blind, 2))) == 1
    for one, two in zip(answers(v, 1), answers(v, 2), strict=True):
        assert one != two or one == dot(v, oracle.ring(w, bias, [beta] * 9))


@given(st.sampled_from(["relu", "abs", "hardtanh", "leaky_relu"]), st.integers(1, 3), st.data())
def test_no_network_divides(name: str, m: int, data) -> None:
    """Any readout, sums or dense: where no window meets a kink the answer is affine in α and αφ,
    and the radius is not.
    """
    n = data.draw(st.sampled_from([1, 3]))
    w = data.draw(st.lists(small, min_size=n, max_size=n))
    b, sigma = data.draw(small), oracle.RATIONAL[name]
    v = data.draw(st.lists(small, min_size=13, max_size=13))
    base, grey = data.draw(st.fractions(Fraction(1, 2), 4, max_denominator=7)), Fraction(3, 11)

    def windows(alpha: Fraction, seen: Fraction) -> list[Fraction]:
        x = [alpha * value for value in oracle.overlap_pulse(m - HALF, 6)]
        x[6 - m] = x[6 + m] = seen
        return oracle.preactivations(w, b, x)

    step = Fraction(1, 10**6)
    corners = [
        (base + i * step, grey * base + j * step) for i, j in ((1, 1), (1, 0), (0, 1), (0, 0))
    ]
    found = [windows(*corner) for corner in corners]
    sides = [[(z > 0, z > 1, z > -1) for z in one] for one in found]
    assume(all(side == sides[0] for side in sides))

    def mixed(one: Fraction, two: Fraction, three: Fraction, four: Fraction) -> Fraction:
        return one - two - three + four

    assert mixed(*(dot(v, list(map(sigma, one))) for one in found)) == 0
    assert mixed(*(m - HALF + seen / alpha for alpha, seen in corners)) != 0


@pytest.mark.parametrize("bias", [False, True])
def test_shifts_make_the_ruler(bias: bool) -> None:
    """All exact readouts for shifts of up to three pixels: one straight line on all legs, free in
    its zero alone.
    """
    length, rows, radii = 8, [], []
    for k in (0, 1, 2):
        for s in range(4):
            row = np.zeros(2 * length + 1 + bias)
            row[length + s - k], row[length + s + k + 1] = 1, -1
            row[2 * length + 1 :] = 1
            rows.append(row)
            radii.append(k + 0.5)
    x, r = np.array(rows), np.array(radii)
    touched = np.any(x != 0, axis=0)
    assert np.linalg.matrix_rank(x) == np.sum(touched) - 1
    start = np.random.default_rng(0).normal(size=x.shape[1])
    end = start + np.linalg.pinv(x) @ (r - x @ start)
    legs = touched[: 2 * length + 1]
    assert np.allclose(np.diff(end[: 2 * length + 1][legs]), -0.5)
    if bias:
        assert abs(end[-1]) < 1e-12


def test_legs_that_never_meet_make_two_rulers() -> None:
    rows = np.zeros((6, 19))
    for j, (k, s) in enumerate((k, s) for k in (5, 6, 7) for s in (0, 1)):
        rows[j, 9 + s - k], rows[j, 9 + s + k + 1] = 1, -1
    touched = np.any(rows != 0, axis=0)
    assert np.linalg.matrix_rank(rows) == np.sum(touched) - 2
    two = np.zeros(19)
    two[[9 + i for i in range(-9, 10) if (i % 2 == 0) == (i <= 0)]] = 1
    assert not np.any(rows @ two)


def test_a_trained_ruler_errs_off_centre_until_it_has_seen_shifts() -> None:
    """torch: trained at the centre it is right there only; trained on shifted
    pulses it is a ruler.
    """
    length, chosen = 8, (0, 1, 2)
    centred = [(k, 0) for k in chosen]
    shifted = [(k, s) for k in chosen for s in range(4)]
    i = np.arange(-length, length + 1)

    def signal(pairs: list[tuple[int, int]]) -> torch.Tensor:
        return torch.tensor(np.array([0.25 + 1.5 * (np.abs(i - s) <= k) for k, s in pairs]))

    worst = []
    for pairs in (centred, shifted):
        torch.manual_seed(0)
        net = DenseReadout("hardtanh", len(i), 3, False, (-1.0, 1.0, 0.0))
        with torch.no_grad():
            features = net.features(signal(pairs)).numpy()
        top, low = (2 * v * v / len(pairs) for v in spectrum(features, False))
        target = torch.tensor([k + 0.5 for k, _ in pairs], dtype=torch.float64)
        train(net, signal(pairs), target, int(20 * top / low), 2 / (top + low))
        with torch.no_grad():
            off = net(signal([(1, s) for s in range(4)])) - 1.5
        worst.append(float(off.abs().max()))
    assert worst[0] > 0.1 and worst[1] < 1e-9
