"""The catalogue is complete, and every row is torch's: walked, compared, with random parameters."""

from __future__ import annotations

import contextlib
import inspect
import warnings
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.arithmetic.compile import activation
from tests.strategies import (
    HOMOGENEOUS,
    JUMPING,
    KINKS,
    PIECEWISE_LINEAR,
    RATIONAL,
    SMOOTH,
    floats,
    rationals,
)
from theory.expressions.activation import ACTIVATIONS, Activation, z
from verify.models.networks import Network

ROWS = list(ACTIVATIONS.values())
UNIT = 2.0**-53


def test_rows_are_named_once() -> None:
    assert list(ACTIVATIONS) == [row.name for row in ROWS]
    assert set(ACTIVATIONS) == {*RATIONAL, *SMOOTH}
    with pytest.raises(TypeError):
        ACTIVATIONS["relu"] = ROWS[0]  # type: ignore[index]


# --- nothing of torch.nn is missing -------------------------------------------------------------

ARGUMENTS = ((), (1,), (1, 1), (1, 1, 1), (1, 1, 1, 1), (1, (1,)), (1, 3, [1]), ("LSTM", 1, 1))
"""Tried in this order, to construct a module."""
SHAPES = ((5,), (2, 3), (2, 3, 4))
"""A function of single elements takes arrays of any shape."""
SILENT = (
    "AlphaDropout", "Dropout", "Dropout2d", "Dropout3d", "FeatureAlphaDropout", "Sequential",
)  # fmt: skip
"""Elementwise only as the identity: dropout in evaluation mode, and an empty
sequence of modules.
"""
UNBUILT = ("DataParallel", "TransformerDecoder", "TransformerEncoder")
"""Wrappers of other modules: they have no function of their own."""
REFUSALS = (
    AssertionError,
    AttributeError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""How torch says that arguments, or an array of some shape, do not fit."""


def construct(kind: type[torch.nn.Module]) -> torch.nn.Module | None:
    """An instance in evaluation mode, or None when no arguments at hand fit."""
    for arguments in ARGUMENTS:
        with contextlib.suppress(*REFUSALS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind(*arguments).double().eval()
    return None


@cache
def modules() -> dict[str, torch.nn.Module | None]:
    """Every module class in torch.nn."""
    classes = inspect.getmembers(torch.nn, inspect.isclass)
    return {name: construct(kind) for name, kind in classes if issubclass(kind, torch.nn.Module)}


def elementwise(module: torch.nn.Module | None) -> bool:
    """By behaviour: takes any shape and keeps it, commutes with permutations, output i sees input i
    only.
    """
    generator = torch.Generator().manual_seed(1)

    def answer(x: torch.Tensor) -> torch.Tensor:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            return module(x.clone())

    def same(x: torch.Tensor, y: torch.Tensor) -> bool:
        # A vector loop may round its last elements differently.
        return torch.allclose(x, y, rtol=2.0**-48, atol=0)

    with contextlib.suppress(*REFUSALS):
        for shape in SHAPES:
            x = 2 * torch.randn(shape, dtype=torch.float64, generator=generator)
            y = answer(x)
            if not isinstance(y, torch.Tensor) or y.shape != x.shape:
                return False
            order = torch.randperm(x.numel(), generator=generator)
            if not same(answer(x.flatten()[order].reshape(shape)).flatten(), y.flatten()[order]):
                return False
            for i in range(x.numel()):
                other = x.flatten().clone()
                other[i] += 1
                keep = torch.arange(x.numel()) != i
                if not same(answer(other.reshape(shape)).flatten()[keep], y.flatten()[keep]):
                    return False
        return True
    return False


def test_every_elementwise_module_of_torch_is_in_the_catalogue() -> None:
    found = {name for name, module in modules().items() if elementwise(module)}
    stated = {row.torch for row in ROWS if row.torch}
    assert found == stated | set(SILENT)


def test_the_walk_reaches_all_of_torch() -> None:
    built = {name: module for name, module in modules().items() if module is not None}
    assert set(modules()) - set(built) <= set(UNBUILT)
    assert len(built) > 150
    # The walk does tell others apart.
    for name in ("Softmax", "GLU", "LayerNorm", "Linear", "Flatten", "Softmax2d", "BatchNorm1d"):
        assert name in built
        assert not elementwise(built[name])


@pytest.mark.parametrize("name", SILENT)
def test_silent_modules_are_the_identity(name: str) -> None:
    x = torch.randn(4, 5, dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert torch.equal(modules()[name](x), x)


# --- rows and torch ----------------------------------------------------------------------------


def on_torch(row: Activation, values: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return Network(row.name, 1, 1).activation(torch.tensor(values, dtype=torch.float64)).numpy()


def special(row: Activation) -> list[float]:
    """0, the kinks, the jumps, the inflections, and their neighbours among the floats."""
    places = [0.0, *(float(each.location) for each in (*row.kinks, *row.jumps))]
    around = [np.nextafter(place, side) for place in places for side in (-np.inf, np.inf)]
    return places + [float(value) for value in around]


def exact(value: sp.Expr) -> sp.Expr:
    """30 digits; rational numbers as they are."""
    return value if value.is_Rational else sp.N(value, 30, maxn=200)


def allowance(at: np.ndarray, value: np.ndarray) -> np.ndarray:
    """8u(1 + |z| + |σ|), the evaluation error that every bound on rounding counts with."""
    return 8 * UNIT * (1 + np.abs(at) + np.abs(value))


def assert_agree(row: Activation, values: list[float]) -> None:
    """numpy and torch: each within the allowance of the exact value."""
    at = np.array([value for value in values if value <= 20 or row.name != "softplus"])
    true = [exact(row(sp.Rational(Fraction(value)))) for value in at]
    for found in (activation(row.name)[0](at), on_torch(row, at)):
        for j, value in enumerate(true):
            bound = sp.Rational(Fraction(float(allowance(at[j], float(value)))))
            assert abs(sp.Rational(Fraction(float(found[j]))) - value) <= bound


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_expression_numpy_and_torch_agree_on_special_points(row: Activation) -> None:
    assert_agree(row, special(row) + np.linspace(-12, 12, 25).tolist())


@given(st.sampled_from(ROWS), st.lists(floats(30.0), min_size=1, max_size=4))
def test_expression_numpy_and_torch_agree(row: Activation, values: list[float]) -> None:
    assert_agree(row, values)


@given(rationals(8), st.sampled_from(RATIONAL))
def test_expression_is_the_oracles(value: Fraction, name: str) -> None:
    stated = ACTIVATIONS[name](sp.Rational(value.numerator, value.denominator))
    assert Fraction(int(stated.p), int(stated.q)) == oracle.RATIONAL[name](value)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_expressions_have_one_symbol(row: Activation) -> None:
    assert row.expression.free_symbols == {z}
    assert row.family.free_symbols == {z, *row.parameters}
    assert row.family.xreplace(dict(row.parameters)) == row.expression


@pytest.mark.parametrize("row", [row for row in ROWS if row.torch], ids=lambda row: row.name)
def test_defaults_are_torchs(row: Activation) -> None:
    """Every real parameter of the torch class is a symbol of the family, with the same default."""
    signature = inspect.signature(getattr(torch.nn, row.torch)).parameters
    stated = {symbol.name: float(value) for symbol, value in row.parameters.items()}
    if row.name == "prelu":
        assert signature["init"].default == stated.pop("weight")
    for name, default in stated.items():
        given_value = row.options.get(name, signature[name].default)
        assert given_value == default
    others = {"inplace", "threshold"} if row.name == "softplus" else {"inplace"}
    others |= {"args", "kwargs", "num_parameters", "init", "device", "dtype", "approximate"}
    assert set(signature) - others - {"min_value", "max_value"} == set(stated)


PARAMETERS = {
    "leaky_relu": (), "prelu": (), "rrelu": ("lower", "upper"), "hardtanh": ("min_val", "max_val"),
    "hardshrink": (), "softshrink": (), "threshold": (), "elu": (), "celu": (), "softplus": (),
}  # fmt: skip
"""The families, each with the parameters that must increase."""


def test_families_are_known() -> None:
    assert set(PARAMETERS) == {row.name for row in ROWS if row.parameters}


@given(st.sampled_from(sorted(PARAMETERS)), st.data())
def test_families_are_torchs(name: str, data: st.DataObject) -> None:
    """Random parameters, multiples of 1/8, in the torch class and in the family.

    Parameters p scale values by at most p or 1/p, so the allowance becomes 8u(1 + |z| + |σ| + Σ (p
    + 1/p)).
    """
    row = ACTIVATIONS[name]
    eighths = {
        symbol: Fraction(data.draw(st.integers(1, 40)), 8)
        * (1 if symbol.is_positive else data.draw(st.sampled_from([1, -1])))
        for symbol in row.parameters
    }
    if PARAMETERS[name]:
        low, high = sorted(eighths.values())
        assume(low < high)
        eighths = {s: low if s.name == PARAMETERS[name][0] else high for s in eighths}
    keywords = {symbol.name: float(value) for symbol, value in eighths.items()}
    if name == "prelu":
        keywords = {"init": keywords["weight"]}
    if name == "softplus":
        keywords["threshold"] = 1e6
    module = getattr(torch.nn, row.torch)(**keywords).double().eval()
    values = {symbol: sp.Rational(value) for symbol, value in eighths.items()}
    edges = [sign * float(value) for value in eighths.values() for sign in (-1, 1)]
    scale = sum(abs(float(v)) + 1 / abs(float(v)) for v in eighths.values())
    for at in [0.0, *edges, *data.draw(st.lists(floats(20.0), max_size=3))]:
        with torch.no_grad():
            found = module(torch.tensor([at], dtype=torch.float64)).item()
        true = exact(row.family.xreplace({**values, z: sp.Rational(Fraction(at))}))
        bound = 8 * UNIT * (1 + abs(at) + abs(found) + scale)
        assert abs(sp.Rational(Fraction(found)) - true) <= sp.Rational(Fraction(bound))


def test_torch_cuts_softplus_at_twenty() -> None:
    """Above its threshold torch answers z itself: below σ by log(1 + exp(-z)), 1.3e-9 here."""
    value = np.array(20.5)
    cut = on_torch(ACTIVATIONS["softplus"], value)
    assert cut == value
    missing = float(activation("softplus")[0](value) - cut)
    # σ(20.5) is rounded to a multiple of 2^-48.
    assert abs(missing - np.log1p(np.exp(-20.5))) <= 2.0**-48
    assert "20" in ACTIVATIONS["softplus"].note


def test_the_random_leak_is_its_mean_even_while_training() -> None:
    net = Network("rrelu", 1, 1).train()
    assert net.training
    x = torch.full((100,), -48.0, dtype=torch.float64)
    assert torch.allclose(
        net.activation(x), torch.tensor(-11.0, dtype=torch.float64), rtol=2.0**-51
    )
    assert net.eval().activation(x[0]) == net.train().activation(x[0])


def test_the_learned_leak_stays_where_it_starts() -> None:
    net = Network("prelu", 2, 3)
    assert [name for name, _ in net.named_parameters()] == [
        "conv.weight", "conv.bias", "readout.weight", "readout.bias",
    ]  # fmt: skip
    assert net.activation(torch.tensor([-4.0, 4.0], dtype=torch.float64)).tolist() == [-1.0, 4.0]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_large_arguments_stay_finite(row: Activation) -> None:
    """No overflow, no warning: pre-activations of a thousand come up while networks are trained."""
    at = np.array([-1000.0, -700.0, -40.0, 40.0, 700.0, 1000.0])
    z_torch = torch.tensor(at, requires_grad=True)
    expected = Network(row.name, 1, 1).activation(z_torch)
    expected.sum().backward()
    value, slope = (function(at) for function in activation(row.name))
    if row.name == "exp":
        assert np.isinf([value[-1], slope[-1], expected[-1].item()]).all()
        value, slope, at = value[:-1], slope[:-1], at[:-1]
    assert np.all(np.isfinite(value) & np.isfinite(slope))
    theirs, grad = expected.detach().numpy()[: len(at)], z_torch.grad.numpy()[: len(at)]
    assert np.all(np.abs(value - theirs) <= 2 * allowance(at, value))
    assert np.all(np.abs(slope - grad) <= 2 * allowance(at, slope))


# --- slopes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PIECEWISE_LINEAR)
def test_slopes_jump_at_the_kinks_by_what_is_stated(name: str) -> None:
    """Difference quotients of exact numbers on both sides of every kink, and none elsewhere."""
    sigma, tiny = oracle.RATIONAL[name], Fraction(1, 1000)
    kinks = dict(KINKS[name])
    for at in [Fraction(k, 4) for k in range(-12, 29)]:
        after, before = sigma(at + tiny) - sigma(at), sigma(at) - sigma(at - tiny)
        assert (after - before) / tiny == kinks.get(at, 0)


@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_slopes_of_homogeneous_rows(name: str) -> None:
    row, sigma = ACTIVATIONS[name], oracle.RATIONAL[name]
    low, high = row.slopes
    assert row.homogeneous
    assert (low, high) == (
        sp.Rational(str(-sigma(Fraction(-1)))),
        sp.Rational(str(sigma(Fraction(1)))),
    )


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - set(HOMOGENEOUS)))
def test_other_rows_have_no_two_slopes(name: str) -> None:
    assert not ACTIVATIONS[name].homogeneous
    with pytest.raises(ValueError, match="not positively homogeneous"):
        _ = ACTIVATIONS[name].slopes


THIRD = {"exp": 165.0, "cube": 6.0, "softsign": 6.0, "erf": 2.3}
"""Bounds on |σ'''| on [-5.1, 5.1]; 2 for the others."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_derivative_is_a_difference_quotient(row: Activation) -> None:
    """Central differences of step s away from kinks and jumps: off by s²/6 max|σ'''|, and by the
    rounding 16u(1 + |z| + |σ|)/s of the two values.
    """
    sigma, slope = activation(row.name)
    at, step = np.linspace(-5.03, 5.05, 400), 2.0**-13
    torn = [float(each.location) for each in (*row.kinks, *row.jumps)]
    at = at[np.all([np.abs(at - t) > step for t in [*torn, 1e9]], axis=0)]
    quotient = (sigma(at + step) - sigma(at - step)) / (2 * step)
    allowed = THIRD.get(row.name, 2.0) * step**2 / 6
    allowed = allowed + 16 * UNIT * (1 + np.abs(at) + np.abs(sigma(at))) / step
    assert np.all(np.abs(quotient - slope(at)) <= allowed)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_slope_at_a_kink_or_jump_is_the_mean(row: Activation) -> None:
    """Of the slopes 2⁻²⁶ away on both sides, which differ from the one-sided ones by 2⁻²⁶ max|σ''|
    <= 2⁻²⁵.
    """
    slope = activation(row.name)[1]
    for each in (*row.kinks, *row.jumps):
        at, step = float(each.location), 2.0**-26
        mean = (slope(at - step) + slope(at + step)) / 2
        assert abs(float(slope(at) - mean)) <= 2.0**-25


@given(floats(30.0), st.sampled_from(JUMPING))
@example(0.5, "hardshrink")
@example(-0.5, "hardshrink")
@example(1.0, "threshold")
def test_jumping_rows_are_torchs_to_the_bit(value: float, name: str) -> None:
    at = np.array([value])
    assert np.array_equal(activation(name)[0](at), on_torch(ACTIVATIONS[name], at))
