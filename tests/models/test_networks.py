"""The torch modules are the networks of the theory: against the direct simulation, both poolings,
every row.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import preactivation_bound, prediction_bound, response_bound
from numerics.pulse.sample import pulse
from tests.strategies import JUMPING, RATIONAL, few, filters, floats, widths
from theory.expressions.activation import ACTIVATIONS
from theory.expressions.tokens import GrammarError
from verify.models.networks import (
    Bundle,
    Network,
    build,
    elementwise,
    load,
    measure,
    signals,
    weights_of,
)
from verify.models.problem import Model, NetworkBatch, Setting

ROUNDED = ("leaky_relu", "rrelu", "hardsigmoid", "hardswish", "softsign")
DYADIC = tuple(name for name in RATIONAL if name not in ROUNDED)
"""The rows that take dyadic numbers to dyadic numbers."""


@st.composite
def settings(draw: st.DrawFn) -> Setting:
    """Small shapes of every activation, plateau radii or all."""
    return Setting(
        draw(st.sampled_from(sorted(ACTIVATIONS))),
        draw(st.integers(1, 3)),
        draw(widths(9)),
        draw(st.sampled_from([0, 1])),
        draw(st.integers(1, 2)),
        draw(st.sampled_from([1, 2, 4])),
    )


@st.composite
def weights(draw: st.DrawFn, setting: Setting, count: int) -> NetworkBatch:
    n, channels = setting.taps, setting.channels
    # torch.nn.Softplus is the identity above 20: pre-activations stay below.
    number = floats(20 / (n + 1) if setting.activation == "softplus" else 4.0)
    w = [[draw(filters(n, number)) for _ in range(channels)] for _ in range(count)]
    b, a = ([[draw(number) for _ in range(channels)] for _ in range(count)] for _ in "ba")
    return NetworkBatch(
        np.array(w), np.array(b), np.array(a), np.array([draw(number) for _ in range(count)])
    )


@few
@given(st.data(), settings())
def test_torch_is_the_direct_simulation(data: st.DataObject, setting: Setting) -> None:
    at = data.draw(weights(setting, 1))
    radii, sigma = setting.radii, activation(setting.activation)[0]
    half_length = radii.half_length(setting.taps)
    size = 2 * half_length + 1
    net = load(setting, at, 0)
    x = signals(radii, setting.taps)
    with torch.inference_mode():
        features, answers = net.pooled(x).numpy(), net(x).numpy()
    assert features.shape == (len(radii.r), setting.channels)
    assert answers.shape == (len(radii.r),)
    response = response_bound(at.w[0], at.b[0], radii.r, size, setting.activation)
    bound = prediction_bound(at.w, at.b, at.a, at.c, radii.r, size, setting.activation)[0]
    for j, r in enumerate(radii.r):
        direct = at.c[0]
        for k in range(setting.channels):
            z = oracle.preactivations(
                at.w[0, k].tolist(), float(at.b[0, k]), oracle.overlap_pulse(float(r), half_length)
            )
            if setting.activation in JUMPING:
                # Rounding may put an argument on either side of a jump: no bound holds there.
                distances = [abs(abs(v) - jump) for v in z for jump in (0.5, 1.0)]
                assume(min(distances) > preactivation_bound(at.w[0, k], at.b[0, k]))
            pooled = sum(float(sigma(v)) for v in z)
            assert abs(features[j, k] - pooled) <= response[k, j]
            direct += at.a[0, k] * pooled
        assert abs(answers[j] - direct) <= bound[j]


@given(st.data(), st.sampled_from(DYADIC), st.integers(1, 2), widths(7))
def test_dyadic_networks_are_exact(data: st.DataObject, name: str, channels: int, n: int) -> None:
    """Weights in quarters, radii in quarters: torch rounds nothing."""
    setting = Setting(name, channels, n, 1, 2, 4)
    quarter = st.integers(-8, 8).map(lambda k: k / 4)
    rows = st.lists(quarter, min_size=n, max_size=n)
    w = np.array([[data.draw(rows) for _ in range(channels)]])
    b, a = (np.array([[data.draw(quarter) for _ in range(channels)]]) for _ in "ba")
    net = load(setting, NetworkBatch(w, b, a, np.array([0.25])), 0)
    half_length = setting.radii.half_length(n)
    with torch.inference_mode():
        answers = net(signals(setting.radii, n)).numpy()
    sigma = oracle.RATIONAL[name]
    for r, found in zip(setting.radii.r, answers, strict=True):
        x = oracle.overlap_pulse(Fraction(r), half_length)
        exact = Fraction(1, 4) + sum(
            Fraction(a[0, k])
            * sum(
                map(
                    sigma, oracle.preactivations(list(map(Fraction, w[0, k])), Fraction(b[0, k]), x)
                )
            )
            for k in range(channels)
        )
        assert Fraction(found) == exact


@given(st.data(), settings())
def test_mean_pooling_is_sum_pooling(data: st.DataObject, setting: Setting) -> None:
    at = data.draw(weights(setting, 1))
    x = signals(setting.radii, setting.taps)
    size = x.shape[1]
    first, second = load(setting, at, 0), load(setting, at, 0, setting.pixels)
    assert second.readout.weight.tolist() == [[float(v * size) for v in at.a[0]]]
    with torch.inference_mode():
        total, mean = first(x).numpy(), second(x).numpy()
    # Three more roundings per channel: the quotient by N, N a, and their product.
    bound = prediction_bound(at.w, at.b, at.a, at.c, setting.radii.r, size, setting.activation)[0]
    assert np.all(np.abs(total - mean) <= bound)


@given(st.data(), settings())
def test_load_and_weights_of_are_inverse(data: st.DataObject, setting: Setting) -> None:
    at = data.draw(weights(setting, 3))
    back = weights_of([load(setting, at, j) for j in range(3)])
    for name in ("w", "b", "a", "c"):
        assert np.array_equal(getattr(back, name), getattr(at, name)), name
    one = at[np.array([1])]
    again = weights_of([load(setting, one, 0)])
    assert np.array_equal(again.w[0], at.w[1])


@given(st.data(), settings())
def test_weights_are_copies(data: st.DataObject, setting: Setting) -> None:
    net = load(setting, data.draw(weights(setting, 1)), 0)
    found = weights_of([net])
    before = net.conv.weight[0, 0, 0].item()
    found.w[0, 0, 0] = before + 1
    assert net.conv.weight[0, 0, 0].item() == before


@few
@given(st.data(), settings())
def test_reversed_filters_answer_the_same(data: st.DataObject, setting: Setting) -> None:
    at = data.draw(weights(setting, 1))
    turned = NetworkBatch(at.w[:, :, ::-1].copy(), at.b, at.a, at.c)
    x = signals(setting.radii, setting.taps)
    with torch.inference_mode():
        first, second = load(setting, at, 0)(x).numpy(), load(setting, turned, 0)(x).numpy()
    bound = prediction_bound(
        at.w, at.b, at.a, at.c, setting.radii.r, x.shape[1], setting.activation
    )[0]
    assert np.all(np.abs(first - second) <= bound)


def test_torch_correlates() -> None:
    """(w ⋆ x)_i = Σ_u w_u x(i + u), not convolution: on a signal that is not symmetric."""
    setting = Setting("identity", 1, 3)
    at = NetworkBatch(np.array([[[1.0, 2.0, 4.0]]]), np.zeros((1, 1)), np.ones((1, 1)), np.zeros(1))
    x = torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    assert load(setting, at, 0).preactivation(x)[0, 0].tolist() == [0.0, 4.0, 2.0, 1.0, 0.0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_row_is_torchs_own(name: str) -> None:
    """σ and σ' on a grid without kinks, against the module and its autograd."""
    net = Network(name, 1, 1)
    z = torch.linspace(-9.03, 9.05, 1001, dtype=torch.float64, requires_grad=True)
    value = net.activation(z)
    value.sum().backward()
    sigma, slope = activation(name)
    at = z.detach().numpy()
    # Each side rounds a few elementary functions: 8u(1 + |z| + |σ|), the bound's own allowance,
    # twice.
    allowed = 2 * 8 * 2.0**-53 * (1 + np.abs(at) + np.abs(sigma(at)))
    assert np.all(np.abs(sigma(at) - value.detach().numpy()) <= allowed)
    # The derivative is one product and a few sums longer.  torch's slope of Hardsigmoid is 1/6 in
    # single precision, whatever the type of its argument.
    single = 2.0**-24 / 6 if name == "hardsigmoid" else 0.0
    assert np.all(np.abs(slope(at) - z.grad.numpy()) <= 4 * allowed + single)
    origin = net.activation(torch.zeros(1, dtype=torch.float64)).item()
    assert sigma(np.array(0.0)) == pytest.approx(origin, abs=2.0**-52)


@given(st.data(), settings())
def test_measure_runs_every_network(data: st.DataObject, setting: Setting) -> None:
    from verify.models.problem import Ensemble

    at = data.draw(weights(setting, 2))
    empty = np.zeros(2)
    ensemble = Ensemble(
        setting, at.w, at.b, at.a, at.c, at, empty, empty, ((), ()), (), empty, empty > 0, empty
    )
    found = measure(ensemble)
    x = signals(setting.radii, setting.taps)
    with torch.inference_mode():
        for j in range(2):
            net = load(setting, at, j)
            assert np.array_equal(found.pooled[j], net.pooled(x).numpy())
            assert np.array_equal(found.prediction[j], net(x).numpy())
    error = found.prediction - setting.radii.r
    assert np.array_equal(found.loss, np.mean(error**2, axis=1))


def test_pooling_has_two_kinds() -> None:
    with pytest.raises(ValueError, match="sum or mean"):
        Network("relu", 1, 3, "max")
    with pytest.raises(GrammarError):
        Network("no such row", 1, 3)


@given(settings())
def test_signals_are_the_pulses(setting: Setting) -> None:
    x = signals(setting.radii, setting.taps)
    assert x.dtype == torch.float64
    half_length = setting.radii.half_length(setting.taps)
    assert np.array_equal(x.numpy(), pulse(setting.radii.r, half_length))
    # The smallest signal on which no filter sees the border at the largest radius.
    assert half_length == setting.radii.m.max() + setting.taps // 2
    assert [p.dtype for p in build(setting).parameters()] == [torch.float64] * 4


@pytest.mark.parametrize("taps", [(3,), (3, 3), (5, 5)])
@pytest.mark.parametrize("biases", [(True, True), (False, True), (False, False)])
def test_a_bundle_answers_as_its_networks(taps: tuple[int, ...], biases: tuple[bool, bool]) -> None:
    """Signals and images, with and without biases: the same numbers in, the same answers, the same
    numbers out.
    """
    rng = np.random.default_rng(0)
    shape = Model("abs", 2, taps[0], *biases)
    b, c = (rng.normal(size=size) * some for size, some in zip(((3, 2), (3,)), biases, strict=True))
    batch = NetworkBatch(rng.normal(size=(3, 2, *taps)), b, rng.normal(size=(3, 2)), c)
    nets, bundle = [load(shape, batch, j) for j in range(3)], Bundle(shape, batch)
    x = torch.tensor(rng.normal(size=(4, *(9 for _ in taps))))
    with torch.inference_mode():
        alone, together = torch.stack([net(x) for net in nets]), bundle(x)
    assert torch.allclose(alone, together, rtol=0, atol=1e-12)
    for back in (weights_of(nets), bundle.weights):
        assert all(np.array_equal(getattr(back, name), getattr(batch, name)) for name in "wbac")
    assert [len(list(module.parameters())) for module in (nets[0], bundle)] == [2 + sum(biases)] * 2


@pytest.mark.parametrize(
    "text",
    [
        "x*sigmoid(1.702*x)",
        "Softplus(beta=5)",
        "PReLU(init=0.3)",
        "ELU(0.5)",
        "where(x > 1, x, x*x)",
        "symlog",
        "7",
        "min(x, 2) + log(1 + exp(-x)) + heaviside(x)/2",
        "abs(x)**1.5 + erf(x)*cos(x)",
        "sqrt(1 + x*x) - atan(x)",
    ],
)
def test_any_spelling_is_a_module_with_its_slope(text: str) -> None:
    x = torch.tensor(
        [-300.0, -2.5, -0.25, 0.75, 3.0, 300.0], dtype=torch.float64, requires_grad=True
    )
    value = elementwise(text)(x)
    sigma, slope = activation(text)
    assert np.allclose(value.detach().numpy(), sigma(x.detach().numpy()), rtol=1e-14, atol=1e-15)
    if text != "7":
        value.sum().backward()
        assert np.allclose(x.grad.numpy(), slope(x.detach().numpy()), rtol=1e-13, atol=1e-14)
    if "PReLU" not in text:  # torch's own wants one type
        assert elementwise(text)(x.detach().float()).dtype == torch.float32
