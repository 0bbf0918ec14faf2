"""The predicted minimum of one channel."""

from __future__ import annotations

import numpy as np
import pytest

from numerics.arithmetic.taylor import inflections
from theory.shape.rates import LAW
from verify.shape.rates.height import measured
from verify.shape.rates.minima import Place, account, predicted
from verify.shape.rates.remainder import stated


@pytest.mark.parametrize("name", ("tanh", "gelu", "exp"))
def test_the_predicted_minimum_is_one(name: str) -> None:
    """No small move of the bias or the filter leads below it, by the law itself."""
    place = Place(inflections(name)[-1] if name != "exp" else 0.0, -1, 1 / 16)
    w, b = predicted(LAW, name, 3, [place])
    least = stated(LAW, name, w, b).root[0]
    rng = np.random.default_rng(0)
    for _ in range(20):
        step = rng.normal(size=3) * 1e-4
        other = stated(LAW, name, w + step - step.mean(), b + rng.normal(size=1) * 1e-4)
        assert other.root[0] >= least * (1 - 1e-12)


def test_a_network_on_its_way_out_is_compared_with_no_minimum() -> None:
    """Far out the loss is below that of the inflection it passed, and still falls steeply."""
    height, b = np.array([1 / 64]), np.array([5.577])
    far = measured("gelu_tanh", height, height[:, None], b, np.array([7.48]))
    ended = account(LAW, far, stated(LAW, "gelu_tanh", far.w, far.b))
    assert ended.kind == ("elsewhere",)
    assert np.isnan(ended.minimum[0])
