"""Networks on disks as torch runs them: shifts, the symmetries of the square, and disks by brute
force.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.arithmetic.rounding import lipschitz
from numerics.disk.disk import disk
from tests.disks import around
from verify.disk.filters import Filters
from verify.disk.networks import disks, drawn, excess, loss, loss_with_gradient
from verify.models.networks import Network

seeds = st.integers(0, 2**32 - 1)
exact = st.sampled_from(["relu", "abs", "hardtanh", "square"])
SYMMETRIES = [
    lambda x, k=k, back=back: np.rot90(x.swapaxes(-1, -2) if back else x, k, axes=(-2, -1))
    for k in range(4)
    for back in (False, True)
]
assert len({tuple(f(np.arange(9).reshape(3, 3)).ravel()) for f in SYMMETRIES}) == 8


def _net(seed: int, name: str, channels: int, taps: int = 3) -> Network:
    """Weights that are eighths: on pixels that are 2⁻¹⁶ths nothing is rounded."""
    rng = np.random.default_rng(seed)
    net = drawn(name, channels, taps, rng)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.tensor(rng.integers(-16, 17, parameter.shape) / 8))
    return net


def _coarse(r: float, half_length: int) -> np.ndarray:
    """A disk, its pixels rounded to 2⁻¹⁶ths."""
    return np.round(disk([r], half_length)[0] * 2**16) / 2**16


def _answer(net: Network, x: np.ndarray) -> float:
    with torch.no_grad():
        return float(net(torch.tensor(np.ascontiguousarray(x))[None]))


@given(seeds, exact, st.integers(1, 3), st.floats(0.6, 5), st.integers(-3, 3), st.integers(-3, 3))
@example(0, "relu", 1, 2.5, 3, -3)
def test_shifts_leave_the_answer_as_it_is(
    seed: int, name: str, channels: int, r: float, i: int, j: int
) -> None:
    """Exactly: nothing is rounded, and the windows are the same in another order."""
    net, x = _net(seed, name, channels), _coarse(r, 10)
    assert _answer(net, np.roll(x, (i, j), axis=(0, 1))) == _answer(net, x)


@given(seeds, exact, st.integers(1, 2), st.sampled_from([3, 5]), st.floats(0.6, 6))
def test_a_disk_does_not_see_how_filters_are_turned(
    seed: int, name: str, channels: int, taps: int, r: float
) -> None:
    """The eight images of a filter answer a centred disk alike: exactly, where
    nothing is rounded.
    """
    net, x = _net(seed, name, channels, taps), _coarse(r, 10)
    w = net.conv.weight.detach().numpy().copy()
    answers = set()
    for turn in SYMMETRIES:
        with torch.no_grad():
            net.conv.weight.copy_(torch.tensor(np.ascontiguousarray(turn(w))))
        answers.add(_answer(net, x))
    assert len(answers) == 1


@given(seeds, exact, st.floats(0.6, 6))
def test_an_image_and_its_filter_turn_together(seed: int, name: str, r: float) -> None:
    """On a disk anywhere only both together do."""
    rng = np.random.default_rng(seed)
    centre = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5)))
    net, x = _net(seed, name, 1), np.round(around(r, centre, 10) * 2**16) / 2**16
    w, first = net.conv.weight.detach().numpy().copy(), _answer(net, x)
    for turn in SYMMETRIES:
        with torch.no_grad():
            net.conv.weight.copy_(torch.tensor(np.ascontiguousarray(turn(w))))
        assert _answer(net, turn(x)) == first


def _supersampled(
    r: float, centre: tuple[float, float], half_length: int, parts: int
) -> np.ndarray:
    """The share of parts × parts points of every pixel that the disk holds."""
    count = (2 * half_length + 1) * parts
    at = (np.arange(count) + 0.5) / parts - half_length - 0.5
    inside = (at[:, None] - centre[0]) ** 2 + (at - centre[1]) ** 2 <= r * r
    shape = (2 * half_length + 1, parts, 2 * half_length + 1, parts)
    return np.asarray(inside.reshape(shape).mean(axis=(1, 3)))


@given(
    seeds,
    st.floats(0.6, 6),
    st.sampled_from(["relu", "abs", "tanh", "gelu", "hardtanh"]),
    st.sampled_from([3, 5]),
)
@example(0, 3.0, "abs", 3)
def test_random_filters_against_brute_force(seed: int, r: float, name: str, taps: int) -> None:
    """A convex curve passes a grid line twice at most, so it meets no more than 4s of a pixel's s²
    cells, each of which the points count wholly or not.
    """
    rng, parts = np.random.default_rng(seed), 48
    centre = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5)))
    points, areas = _supersampled(r, centre, 10, parts), around(r, centre, 10)
    assert np.max(np.abs(points - areas)) <= 4 / parts
    w, b = rng.normal(size=(1, taps, taps)), rng.normal(size=1)
    padded = np.pad(points, taps // 2)
    seen = np.lib.stride_tricks.sliding_window_view(padded, (taps, taps))
    net = drawn(name, 1, taps, rng)
    with torch.no_grad():
        z = torch.tensor(np.einsum("ijuv,uv->ij", seen, w[0]) + b)
        found = float(torch.sum(net.activation(z) - net.activation(torch.tensor(b))))
    weight = float(np.abs(w).sum())
    steep = float(lipschitz(name, np.array(weight + abs(float(b[0])))))
    # The circle meets 8r + 4 pixels at most, and each is seen once by every tap.
    allowed = steep * weight * (8 * r + 4) * 4 / parts
    assert abs(found - float(Filters(w, b, (name,), (1,)).summed(r, centre)[0])) <= allowed


@pytest.mark.parametrize("parts", [8, 32, 128])
def test_brute_force_converges(parts: int) -> None:
    """To the closed form, and not much slower than its bound allows."""
    gap = np.abs(_supersampled(3.7, (0.2, -0.4), 6, parts) - around(3.7, (0.2, -0.4), 6))
    assert 0 < float(np.max(gap)) <= 4 / parts


@given(seeds)
def test_a_gradient_says_what_is_left(seed: int) -> None:
    """Of the loss as a function of the readout, against its regression by numpy."""
    rng = np.random.default_rng(seed)
    net, r = drawn("tanh", 1, 3, rng), np.linspace(1, 4, 7)
    x, share = disks(r, 6), rng.uniform(0.5, 1.5, 7)
    value = loss_with_gradient(net, x, r, share)
    with torch.no_grad():
        assert value == float(loss(net, x, torch.tensor(r), torch.tensor(share)))
        features = np.vstack([net.pooled(x).numpy().T, np.ones(7)])
    slopes = [np.ravel(p.grad) for p in net.readout.parameters() if p.grad is not None]
    scaled = (features * np.sqrt(share)).T
    left = np.linalg.lstsq(scaled, np.sqrt(share) * r, rcond=None)[0]
    least = float(np.sum(share * (features.T @ left - r) ** 2))
    assert value - excess(features, share, np.concatenate(slopes)) == pytest.approx(
        least, abs=1e-6 * value
    )
