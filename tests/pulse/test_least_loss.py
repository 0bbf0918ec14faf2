"""The exact level of a cell, against floating-point least squares and against trained networks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.pulse.least_loss import dead_level, level
from numerics.pulse.sample import Radii, pulse, windows
from theory.expressions.activation import ACTIVATIONS
from verify.models.problem import Setting
from verify.optimise.ensemble import train_ensemble
from verify.optimise.residuals import rounding, task

EPS = np.finfo(float).eps
SLOPES = {"identity": (1.0, 1.0), "relu": (0.0, 1.0), "leaky_relu": (0.01, 1.0), "abs": (-1.0, 1.0)}


def by_lstsq(radii: Radii, taps: int, activation: str, pattern: np.ndarray) -> float:
    """Slow oracle: features column by column, held faces by an explicit null space, then lstsq."""
    seen = windows(pulse(radii.r, radii.half_length(taps)), taps)
    low, high = SLOPES[activation]
    columns = [np.ones(len(radii.r))]
    for row in pattern:
        slope = np.where(row > 0, high, low)
        held = [[*seen.windows[s], 1.0] for s in np.nonzero(row == 0)[0]]
        free = np.eye(taps + 1)
        if held:
            _, size, right = np.linalg.svd(np.array(held))
            free = right[int(np.sum(size > 1e-9)) :].T
        for direction in free.T:
            feature = slope * (seen.windows @ direction[:-1] + direction[-1]) * (row != 0)
            columns.append(seen.counts @ feature)
    matrix = np.column_stack(columns)
    answer = np.linalg.lstsq(matrix, radii.r, rcond=1e-10)[0]
    return float(np.mean((matrix @ answer - radii.r) ** 2))


@st.composite
def cells(draw: st.DrawFn) -> tuple[Radii, int, str, np.ndarray]:
    taps = draw(st.sampled_from([1, 3, 5]))
    radii = Radii(
        draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 4]))
    )
    seen = windows(pulse(radii.r, radii.half_length(taps)), taps)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels = draw(st.integers(1, 2))
    # Signs of real filters; small integer weights leave some pre-activations exactly at 0.
    w, b = rng.integers(-2, 3, (channels, taps)), rng.integers(-2, 3, channels)
    pattern = np.sign(w @ seen.windows.T + b[:, None]).astype(np.int8)
    return radii, taps, draw(st.sampled_from(sorted(SLOPES))), pattern


@given(cells())
def test_level_is_the_least_squares_residual(case: tuple[Radii, int, str, np.ndarray]) -> None:
    # The residual of least squares is off by its conditioning, at most 1e6 here, times the rounding
    # of the data, squared or times the residual.
    exact, floating = float(level(*case)), by_lstsq(*case)
    off = 1e6 * EPS * np.max(case[0].r)
    assert abs(exact - floating) <= 2 * off * np.sqrt(exact) + off**2


def test_no_channel_that_answers_leaves_the_variance() -> None:
    radii = Radii(2, 4, 4)
    count = task(Setting("relu", 1, 3, 0, 4, 4)).view.windows.shape[0]
    silent = np.full((1, count), -1, dtype=np.int8)
    assert level(radii, 3, "relu", silent) == dead_level(radii)
    assert float(dead_level(radii)) == pytest.approx(np.var(radii.r), rel=16 * EPS)
    # Uniform on a grid of step 1/q over M cells: ((Mq)² - 1) / (12 q²).
    assert dead_level(radii) == Fraction(16**2 - 1, 12 * 4**2)


@pytest.mark.parametrize("activation", sorted(SLOPES))
def test_the_linear_cell_is_exact(activation: str) -> None:
    radii = Radii(3, 4, 4)
    count = task(Setting(activation, 1, 5, 0, 4, 4)).view.windows.shape[0]
    assert level(radii, 5, activation, np.ones((1, count), dtype=np.int8)) == 0


def test_trained_networks_end_at_the_level_of_their_own_cell_and_of_no_other() -> None:
    setting = Setting("relu", 1, 3)
    ensemble = train_ensemble(setting, 60, 0)
    off = rounding(setting, ensemble.weights)
    size = np.sqrt(np.mean(off**2, axis=1))
    others = 0
    for j, loss in enumerate(ensemble.loss):
        exact = float(level(setting.radii, 3, "relu", ensemble.pattern[j]))
        # |mean e'² - mean e²| for e' - e within the bound ``off``, and the rounding of ``exact``.
        tolerance = 2 * np.sqrt(loss) * size[j] + size[j] ** 2 + EPS * exact
        assert abs(loss - exact) <= tolerance
        wrong = ensemble.pattern[j].copy()
        wrong[0, 0] = -wrong[0, 0] if wrong[0, 0] else 1
        wrong[0, -1] = -wrong[0, -1] if wrong[0, -1] else 1
        others += abs(loss - float(level(setting.radii, 3, "relu", wrong))) > tolerance
    assert others >= 1


def test_wrong_pattern_has_another_level() -> None:
    setting = Setting("relu", 1, 3)
    right = np.ones((1, len(task(setting).view.windows)), dtype=np.int8)
    wrong = right.copy()
    # The first window is the background, the last the plateau: a filter that is silent at both
    # knows the fraction φ only, and explains no more than the spread of φ.
    wrong[0, [0, -1]] = -1
    cells, per_cell = setting.cells, setting.per_cell
    assert level(setting.radii, 3, "relu", right) == 0
    blind = level(setting.radii, 3, "relu", wrong)
    assert dead_level(setting.radii) - Fraction(per_cell**2 - 1, 12 * per_cell**2) <= blind
    assert blind >= Fraction(cells**2 - 1, 12)


def test_order_of_channels_does_not_matter() -> None:
    setting = Setting("abs", 2, 3, 0, 4, 4)
    pattern = train_ensemble(setting, 1, 3).pattern[0]
    first = level(setting.radii, 3, "abs", pattern)
    assert first == level(setting.radii, 3, "abs", pattern[::-1])


def test_bad_input_is_refused() -> None:
    one = np.ones((1, 4), dtype=np.int8)
    with pytest.raises(ValueError, match="shape"):
        level(Radii(2, 4, 4), 3, "relu", one)
    with pytest.raises(ValueError, match="power"):
        level(Radii(2, 4, 3), 3, "relu", one)
    count = task(Setting("relu", 1, 3, 0, 4, 4)).view.windows.shape[0]
    with pytest.raises(ValueError, match="homogeneous"):
        level(Radii(2, 4, 4), 3, "tanh", np.ones((1, count), dtype=np.int8))


def test_catalogue_slopes_are_the_oracles() -> None:
    for name, slopes in SLOPES.items():
        assert tuple(float(s) for s in ACTIVATIONS[name].slopes) == slopes
