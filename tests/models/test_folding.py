"""Folding: torch's own layers answer the same, what is rational is exact, and the error that is
said holds.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from verify.models.folding import MOST, batch_norm, masked, mirrored, weight_norm
from verify.models.tensors import CheckpointError

numbers = st.floats(-8, 8).filter(lambda x: not x or abs(x) > 1e-6)
filters = arrays(float, (2, 1, 3), elements=numbers)
rows = arrays(float, 2, elements=numbers)


def mpf(value: float | Fraction) -> Any:
    """A float, or a fraction, in 300 digits; the fraction to one part of 2^-290."""
    return (
        mpmath.mpf(value.numerator) / value.denominator
        if isinstance(value, Fraction)
        else mpmath.mpf(value)
    )


TINY = mpmath.mpf(2) ** -280


@given(filters, arrays(float, (2, 1, 1), elements=numbers))
def test_weight_norm_is_torch_s(v: Any, g: Any) -> None:
    if not np.all(np.any(v, axis=(1, 2))):
        with pytest.raises(CheckpointError, match="a vector that is 0"):
            weight_norm(g, v)
        return
    made = weight_norm(g, v)
    want = torch._weight_norm(torch.tensor(v), torch.tensor(g), 0).numpy()
    assert np.allclose(made.arrays[0].astype(float), want, rtol=1e-12, atol=1e-300)
    with mpmath.workprec(300):
        for k in range(2):
            norm = mpmath.sqrt(sum(mpmath.mpf(x) ** 2 for x in v[k, 0].tolist()))
            for x, near in zip(v[k, 0].tolist(), made.arrays[0][k, 0].tolist(), strict=True):
                assert (
                    abs(mpmath.mpf(float(g[k, 0, 0])) * x / norm - mpf(near)) <= made.error + TINY
                )
    assert made.error <= 2.0**-52 * np.max(np.abs(g))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1), (2, 1, 1), (1, 1, 3), (2, 1, 3)])
def test_weight_norm_along_any_axes(shape: tuple[int, ...]) -> None:
    v = np.array([[[3.0, 4.0, 1.0]], [[1.0, 2.0, 2.0]]])
    g = np.full(shape, 2.0)
    kept = g.reshape((1,) * (3 - g.ndim) + g.shape)
    axes = tuple(j for j in range(3) if kept.shape[j] == 1)
    want = 2 * v / np.sqrt(np.sum(v**2, axis=axes, keepdims=True))
    assert np.allclose(weight_norm(g, v).arrays[0].astype(float), want, rtol=1e-15)


def test_weight_norm_of_single_numbers() -> None:
    assert weight_norm(np.array([2.0, 3.0]), np.array([-5.0, 7.0])).arrays[0].tolist() == [
        -2.0,
        3.0,
    ]


def test_a_rational_norm_is_exact() -> None:
    made = weight_norm(np.array([[[10.0]]]), np.array([[[3.0, 4.0, 0.0]]]))
    assert made.arrays[0].tolist() == [[[6.0, 8.0, 0.0]]] and made.error == 0
    thirds = weight_norm(np.array([[[1.0]]]), np.array([[[1.0, 2.0, 2.0]]]))
    assert thirds.arrays[0].ravel().tolist() == [Fraction(1, 3), Fraction(2, 3), Fraction(2, 3)]
    assert thirds.error == 0  # no floats, but exact


@given(filters, arrays(float, (2, 1, 3), elements=st.sampled_from((0.0, 1.0))))
def test_masks_are_exact(w: Any, mask: Any) -> None:
    made = masked(w, mask)
    assert np.array_equal(made.arrays[0], w * mask) and made.error == 0


@given(filters, rows, rows, arrays(float, 2, elements=st.floats(0, 9)), rows, rows)
def test_batch_norm_is_torch_s(
    w: Any, b: Any, mean: Any, variance: Any, scale: Any, shift: Any
) -> None:
    made = batch_norm(w, b, mean, variance, scale, shift, 1e-5)
    x = torch.linspace(-1, 1, 9, dtype=torch.float64)[None, None]
    z = torch.conv1d(x, torch.tensor(w), torch.tensor(b))
    tensors = (torch.tensor(y) for y in (mean, variance, scale, shift))
    want = torch.nn.functional.batch_norm(z, *tensors, eps=1e-5)  # type: ignore[arg-type]
    found = torch.conv1d(x, *(torch.tensor(y.astype(float)) for y in made.arrays))
    assert torch.allclose(found, want, rtol=1e-9, atol=1e-7)
    # A second time, in 300 digits.
    with mpmath.workprec(1000):
        for k in range(2):
            factor = mpmath.mpf(float(scale[k])) / mpmath.sqrt(
                mpmath.mpf(float(variance[k])) + mpmath.mpf(1e-5)
            )
            bias = factor * (mpmath.mpf(float(b[k])) - mpmath.mpf(float(mean[k]))) + mpmath.mpf(
                float(shift[k])
            )
            assert abs(bias - mpf(made.arrays[1].tolist()[k])) <= made.error + TINY
            for tap, near in zip(w[k, 0].tolist(), made.arrays[0][k, 0].tolist(), strict=True):
                assert abs(factor * tap - mpf(near)) <= made.error + TINY


def test_a_rational_variance_is_exact() -> None:
    w, one, four = np.ones((2, 1, 3)), np.ones(2), np.full(2, 4.0)
    made = batch_norm(w, one, one, four, one, one, 0.0)
    assert made.error == 0
    assert made.arrays[0].tolist() == (w / 2).tolist() and made.arrays[1].tolist() == [1.0, 1.0]


@given(filters, rows, rows, rows)
def test_mirrored_channels_answer_as_prelu(w: Any, b: Any, a: Any, slopes: Any) -> None:
    made = mirrored(w[:, 0], b, a, slopes)
    filters, biases, readout = (x.tolist() for x in made.arrays)
    x = [Fraction(1, 4), Fraction(1, 2), Fraction(1)]

    def response(taps: list[float], bias: float) -> Fraction:
        return Fraction(bias) + sum(
            Fraction(tap) * light for tap, light in zip(taps, x, strict=True)
        )

    want = Fraction(0)
    for taps, bias, y, p in zip(
        w[:, 0].tolist(), b.tolist(), a.tolist(), slopes.tolist(), strict=True
    ):
        z = response(taps, bias)
        want += Fraction(y) * (z if z > 0 else Fraction(p) * z)
    answers = [
        Fraction(y) * max(response(taps, bias), Fraction(0))
        for taps, bias, y in zip(filters, biases, readout, strict=True)
    ]
    size = sum(abs(response(taps, bias)) for taps, bias in zip(filters, biases, strict=True))
    assert abs(sum(answers) - want) <= Fraction(made.error) * size


@pytest.mark.parametrize(
    ("fold", "words"),
    [
        (lambda: masked(np.ones(2), np.ones(3)), "a mask of the shape"),
        (lambda: masked(np.ones(MOST + 1), np.ones(MOST + 1)), "too many"),
        (lambda: masked(np.full(1, 1e200), np.full(1, 1e200)), "leaves the range"),
        (lambda: weight_norm(np.ones((3, 1, 1)), np.ones((2, 1, 3))), "does not fit"),
        (lambda: weight_norm(np.ones(2), np.ones((2, 1, 3))), "does not fit"),
        (
            lambda: batch_norm(
                np.ones((1, 3)), *[np.zeros(1)] * 2, -np.ones(1), *[np.ones(1)] * 2, 1e-5
            ),
            "a variance below 0",
        ),
    ],
)
def test_what_cannot_be_folded(fold: Any, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        fold()
