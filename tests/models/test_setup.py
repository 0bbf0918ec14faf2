"""What weights do not say: every setting is read or refused in one sentence that names it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
import torch
from flint import fmpq
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from numerics.pulse.domain import MODES
from tests.disk_accounts import SETUP
from tests.stored import fraction
from theory.expressions.activation import ACTIVATIONS, z
from verify.models.pooling import POOLINGS
from verify.models.setup import KEYS, Setup, left_out, merged, setup_of, too_large

LEAST = {"activation": "relu", "length": "13"}


def refused(told: dict[str, str | None], taps: int = 3) -> str:
    """The sentence with which these settings are refused."""
    with pytest.raises(ValueError) as error:
        setup_of(told, taps)
    message = str(error.value)
    assert message and "\n" not in message and len(message) < 400
    return message


def test_what_is_not_said_has_a_default() -> None:
    """Sum pooling, zeros outside, and radii at which no window sees both ends of the pulse, or the
    border.
    """
    for taps in (1, 3, 5):
        found = setup_of(LEAST, taps)
        domain = found.domain
        assert (found.activation, found.pooling, domain.padding) == ("relu", "sum", "zeros")
        assert (domain.half_length, domain.positions) == (6, 13)
        # The narrowest pulse fills a window; at the widest one the last window with light is
        # centred on a pixel.
        assert fraction(2 * domain.low) == taps
        assert fraction(domain.high) + taps // 2 == domain.half_length


NUMPY = {"zeros": "constant", "circular": "wrap", "reflect": "reflect", "replicate": "edge"}
"""numpy's names of the padding modes."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", ["same", "valid", "1", "2", "3", "5"])
@pytest.mark.parametrize("taps", [1, 3, 5])
def test_at_the_default_radii_no_window_holds_an_edge_and_the_border(
    padding: str, mode: str, taps: int
) -> None:
    """One linear channel measures 2r of light with every tap, up to the last radius and no farther.

    Cause: with valid padding the last window is centred on L - h, and the default r_max was that of
    zeros.  Siblings: reflect and replicate mirror an edge before that, fewer padded pixels than h
    lack windows.
    """
    half = 10
    told = {**LEAST, "length": str(2 * half + 1), "padding": padding, "padding_mode": mode}
    domain = setup_of(told, taps).domain
    pixels = {"same": taps // 2, "valid": 0}.get(padding) if not padding.isdigit() else int(padding)
    assert pixels is not None

    def answer(r: Fraction) -> Fraction:
        seen = np.pad(np.array(oracle.overlap_pulse(r, half)), pixels, NUMPY[mode])  # type: ignore[call-overload]
        total: Fraction = sum(sum(seen[i : i + taps]) for i in range(len(seen) - taps + 1))
        return total / (2 * taps)

    low, high = fraction(domain.low), fraction(domain.high)
    steps = [low + (high - low) * k / 32 for k in range(33)]
    assert all(answer(r) == r for r in steps)
    if high < half - taps // 2:
        assert answer(high + Fraction(1, 8)) != high + Fraction(1, 8)
    else:
        assert high == half - taps // 2
    if padding == "valid" and taps > 1:
        assert high == half - 2 * (taps // 2) + Fraction(1, 2)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("side", [1, -1])
def test_only_what_grows_exponentially_is_refused(name: str, side: int) -> None:
    """By what σ is in sympy: its value at ±1000 beside that of a polynomial.

    Cause: one bound on |w| + |b| for every σ without affine pieces, on both sides.  Siblings:
        signals (10^6, of exp 300)
    and images (300).
    """
    expression = ACTIVATIONS[name].expression
    grows = bool(abs(expression.xreplace({z: sp.Integer(1000 * side)}).evalf()) > 10**12)
    assert grows == (name == "exp" and side > 0)
    one = np.ones(1)
    wave = expression.has(sp.sin)
    for reach in (301.0, 1e6, 1e12):
        w = np.array([[reach * side / 2, reach * side / 2]])
        for shift in (0.0, side * reach / 4):
            assert bool(too_large(name, w, shift * one, one, np.inf)) is grows
            assert bool(too_large(name, w, shift * one, one, 300)) is (grows or wave)
    # Both signs of taps: the other side is met as well.
    assert bool(too_large(name, np.array([[1e3, -1e3]]), 0 * one, one, np.inf)) is (name == "exp")
    assert not too_large(name, np.array([[100.0 * side]]), 100.0 * side * one, one, 300)


def test_an_empty_string_is_not_said() -> None:
    assert setup_of({**LEAST, "pooling": "", "r_min": "", "r_max": None}, 3) == setup_of(LEAST, 3)


@pytest.mark.parametrize("key", ["activation", "length"])
@pytest.mark.parametrize("value", [None, ""])
def test_these_have_no_default(key: str, value: str | None) -> None:
    message = refused({**LEAST, key: value})
    assert key in message and f"--{key}" in message


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"activation": "gellu"}, "'gellu': did you mean gelu?"),
        ({"activation": "__class__"}, "activation '__class__'"),
        ({"activation": "log(x)"}, "activation 'log(x)': "),
        ({"activation": "ELU(-1)"}, "alpha has to be positive"),
        ({"activation_args": "0.2"}, "relu takes no parameters: activation_args '0.2'"),
        ({"activation_args": "1) + exp(x"}, "relu takes no parameters"),
        ({"activation": "elu", "activation_args": "1) + exp(x"}, "activation_args are numbers"),
        ({"activation": "relu(0.2)"}, "activation 'relu(0.2)' is constant"),
        ({"activation": "x*exp(x)", "activation_args": "2"}, "'2' are left over"),
        ({"activation": "tanh", "beta": "5"}, "beta=5, and tanh has no beta"),
        ({"activation": "x*sigmoid(2*x)", "beta": "2"}, "has no beta"),
        ({"activation": "LeakyReLU(0.2)", "negative_slope": "0.1"}, "they differ"),
        ({"activation": "gelu_new", "approximate": "none"}, "they differ"),
        ({"pooling": "max"}, "max pooling is not explained"),
        ({"padding": "left"}, "padding is same, valid or a number of pixels"),
        ({"padding": "1, 2"}, "padding is same, valid or a number of pixels"),
        ({"padding": "-1"}, "padding is same, valid or a number of pixels"),
        ({"padding": "14"}, "13 pixels can be padded with 0 to 13"),
        ({"padding": "13", "padding_mode": "reflect"}, "13 pixels can be padded with 0 to 12"),
        ({"padding": "99999999"}, "padding is same, valid or a number of pixels"),
        ({"padding_mode": "mirror"}, "padding_mode is one of zeros, circular, reflect, replicate"),
        ({"padding": "zeros", "padding_mode": "circular"}, "give --padding same"),
        ({"stride": "2"}, "stride = 2, which changes what the weights mean"),
        ({"conv.stride": "(2,)"}, "stride = (2,)"),
        ({"dilation": "2"}, "dilation = 2"),
        ({"groups": "4"}, "groups = 4"),
        ({"kernel_size": "5"}, "kernel_size = 5, and its filters have 3 taps"),
        ({"dimensions": "2"}, "dimensions = 2, and its filters are for 1"),
        ({"output_padding": "1"}, "output_padding = 1"),
        ({"transposed": "True"}, "transposed = True"),
        ({"in_channels": "3"}, "in_channels = 3"),
        ({"center": "3"}, "center = 3: pulses and disks are centred"),
        ({"conv.padding": "0"}, "settings are read under the name padding"),
        ({"length": "12"}, "length is an odd number"),
        ({"length": "0"}, "length is a positive odd number"),
        ({"length": "-13"}, "length is a positive odd number"),
        ({"length": "13.0"}, "length is a positive odd number"),
        ({"length": "1_3"}, "length is a positive odd number"),
        ({"length": " 13"}, "length is a positive odd number"),
        ({"length": "13\n"}, "length is a positive odd number"),
        ({"length": "٣"}, "length is a positive odd number"),
        ({"length": "12"}, "train on 11 or 13"),
        ({"length": "20003"}, "up to 20001, and not 20003"),
        ({"length": "9" * 10**6}, "length is a positive odd number"),
        ({"length": "1"}, "do not fit into 1 pixels"),
        ({"r_min": "nan"}, "r_min is a number"),
        ({"r_min": "inf"}, "r_min is a number"),
        ({"r_min": "-1"}, "r_min is a number"),
        ({"r_min": "1e0"}, "r_min is a number"),
        ({"r_min": "2,5"}, "r_min is a number"),
        ({"r_min": "1/0"}, "r_min is a number"),
        ({"r_min": "2.5\n"}, "r_min is a number"),
        ({"r_min": "\x1b[31m2"}, "r_min is a number"),
        ({"r_max": "5/"}, "r_max is a number"),
        ({"r_max": "9" * 10**6}, "r_max is a number"),
        ({"r_min": "0.49"}, "from 0.49 to"),
        ({"r_min": "5", "r_max": "5"}, "from 5 to 5"),
        ({"r_min": "6"}, "so few pixels"),
        ({"r_min": "4", "r_max": "3"}, "from 4 to 3"),
        ({"r_max": "6.51"}, "at most on 13 pixels"),
        ({"r_max": "999999"}, "at most on 13 pixels"),
    ],
)
def test_what_does_not_fit_is_named(told: dict[str, str | None], words: str) -> None:
    message = refused({**LEAST, **told})
    assert words in message and "\x1b" not in message


def test_the_default_radii_of_a_filter_as_long_as_the_signal_are_refused_and_others_taken() -> None:
    assert "from r = 2.5 on; give more pixels" in refused({**LEAST, "length": "5"}, 5)
    assert (
        setup_of({**LEAST, "length": "5", "r_min": "1/2", "r_max": "2.5"}, 5).domain.half_length
        == 2
    )


OTHERS = (
    "activation_args",
    "stride",
    "transposed",
    "center",
    "negative_slope",
    "approximate",
    "conv.padding",
)
"""What else is looked at."""


@given(
    st.sampled_from((*KEYS, *OTHERS)),
    st.text(max_size=60) | st.from_regex(r"[-+0-9./e_ ]{1,12}", fullmatch=True),
)
@example("r_max", "5/1")
@example("stride", "\x1b[31m2")
@example("approximate", "\n'")
@example("r_min", "1/1/1")
@example("length", "0000013")
def test_any_text_is_read_or_refused_in_one_line(key: str, value: str) -> None:
    told = {**LEAST, key: value}
    try:
        found = setup_of(told, 3)
    except ValueError as error:
        message = str(error)
        assert "\n" not in message and message.isprintable()
        return
    domain = found.domain
    assert Fraction(1, 2) <= fraction(domain.low) < fraction(domain.high)
    assert fraction(domain.high) <= domain.half_length + Fraction(1, 2)


@st.composite
def setups(draw: st.DrawFn) -> tuple[dict[str, str], int]:
    """Everything said, and right."""
    taps = draw(st.sampled_from((1, 3, 5, 9)))
    half = draw(st.integers(taps // 2, 200))
    top = 2 * half + 1
    parts = draw(st.sampled_from((1, 2, 3, 10, 64, 99999)))
    ends = [draw(st.integers(parts, top * parts)) for _ in range(2)]
    assume(ends[0] != ends[1])
    low, high = sorted(Fraction(x, 2 * parts) for x in ends)
    return {
        "activation": draw(st.sampled_from(sorted(ACTIVATIONS))),
        "pooling": draw(st.sampled_from(POOLINGS)),
        "padding": draw(st.sampled_from(("same", "valid", "1", "2", *MODES[:1]))),
        "padding_mode": "zeros",
        "length": str(top),
        "r_min": str(low),
        "r_max": str(high),
    }, taps


@given(setups())
@example(({**LEAST, "pooling": "mean", "padding": "valid", "r_min": "1/3", "r_max": "13/2"}, 3))
@example(({**LEAST, "padding": "1", "padding_mode": "circular", "r_min": "1", "r_max": "2"}, 3))
def test_what_it_says_of_itself_gives_it_back(case: tuple[dict[str, str], int]) -> None:
    told, taps = case
    if told["r_min"] == "1/3":  # below the narrowest pulse of all
        assert "1/3" in refused(dict(told), taps)
        return
    found = setup_of(told, taps)
    assert (found.domain.low, found.domain.high) == tuple(
        _exact(told[key]) for key in ("r_min", "r_max")
    )
    said = found.as_dict()
    assert tuple(said) == KEYS and all(isinstance(value, str) for value in said.values())
    again = setup_of(said, taps)
    assert again == found and again.as_dict() == said
    assert isinstance(again, Setup)


def _exact(text: str) -> fmpq:
    value = Fraction(text)
    return fmpq(value.numerator, value.denominator)


@given(setups())
def test_the_pooled_sum_is_divided_by_the_positions(case: tuple[dict[str, str], int]) -> None:
    """A mean over what a convolution of this padding gives back."""
    told, taps = case
    found = setup_of(told, taps)
    pixels = {"same": taps // 2, "zeros": taps // 2, "valid": 0}.get(told["padding"])
    pixels = int(told["padding"]) if pixels is None else pixels
    row = torch.zeros(1, 1, found.domain.positions)
    places = torch.nn.Conv1d(1, 1, taps, padding=pixels)(row).shape[2]
    assert found.share(taps) == (1 if found.pooling == "sum" else places)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"r_max": "11.75"}, "border"),
        ({"r_min": "10"}, "radii"),
        ({"r_min": "1/4"}, "radii"),
        ({"length": "24"}, "length"),
        ({"length": "2003"}, "length"),
        ({"length": "3"}, "radii"),
        ({"padding": "valid", "r_max": "10.75"}, "to 10.5 at most"),
        ({"padding_mode": "reflect", "r_max": "10.75"}, "to 10.5 at most"),
        ({"length": "21x25"}, "its sides have to be equal"),
        ({"pooling": "max"}, "pooling"),
        ({"activation": ""}, "activation"),
    ],
)
def test_settings_that_do_not_fit(other: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        setup_of({**SETUP, **other}, 3, images=True)


def test_defaults() -> None:
    setup = setup_of({"activation": "abs", "length": "25"}, 5, images=True)
    assert (setup.as_dict()["r_min"], setup.as_dict()["r_max"]) == ("5", "10")
    assert setup_of({**SETUP, "r_max": "11.5"}, 3, images=True).as_dict()["r_max"] == "11.5"


LEAKY = {"activation": "leaky_relu", "negative_slope": ".2", "length": "13"}
RELUS = {"activation": "relu", "negative_slope": ".2", "length": "13"}
OPTIONS: dict[str, tuple[dict[str, str], str, str, str]] = {
    "the same": (LEAKY, "leaky_relu", "leaky_relu(negative_slope=0.2)", ""),
    "torch's name": (LEAKY, "nn.LeakyReLU", "leaky_relu(negative_slope=0.2)", ""),
    "with its parameter": (
        {**LEAST, "activation": "leaky_relu(0.2)"},
        "leaky_relu",
        "leaky_relu(negative_slope=0.2)",
        "",
    ),
    "slope": (
        {**LEAST, "activation": "leaky_relu", "slope": "0.2"},
        "leaky_relu",
        "leaky_relu(negative_slope=0.2)",
        "",
    ),
    "another": (
        LEAKY,
        "elu",
        "elu",
        "its metadata says negative_slope = .2, which --activation elu replaces",
    ),
    "its own parameters": (
        LEAKY,
        "LeakyReLU(0.1)",
        "leaky_relu(negative_slope=0.1)",
        "its metadata says negative_slope = .2, which --activation LeakyReLU(0.1) replaces",
    ),
    "none": (
        RELUS,
        "relu()",
        "relu",
        "its metadata says negative_slope = .2, which --activation relu() replaces",
    ),
    "an expression of it": ({**LEAST, "activation": "sin"}, "x*sin(x)", "z*sin(z)", ""),
}
"""Metadata, the option, the activation, the note."""


@pytest.mark.parametrize("name", OPTIONS)
def test_parameters_go_with_their_activation(name: str) -> None:
    """The file's stay where the option names its activation; where they are replaced a note says
    so.
    """
    metadata, option, activation, note = OPTIONS[name]
    given = {"activation": option}
    assert setup_of(merged(given, metadata), 3).activation == activation
    assert left_out(given, metadata) == ((note,) if note else ())
    assert left_out({}, metadata) == ()


def test_arguments_of_the_command_replace_those_of_the_file() -> None:
    given = {"activation_args": "0.1"}
    assert setup_of(merged(given, LEAKY), 3).activation == "leaky_relu(negative_slope=0.1)"
    assert left_out(given, LEAKY) == (
        "its metadata says negative_slope = .2, which --activation-args 0.1 replaces",
    )


def test_the_default_radii_increase_where_there_are_any() -> None:
    """Seven taps with padding 4 on 13 pixels: L - h = 3 is below n/2, and no window sees edge and
    border up to 4.5.
    """
    found = setup_of({**LEAST, "padding": "4"}, 7)
    assert (found.domain.low, found.domain.high) == (fmpq(7, 2), fmpq(9, 2))
    assert setup_of({**LEAST, "r_min": "5"}, 3).domain.high == fmpq(11, 2)
    assert "with so few pixels filters of 7 taps" in refused({**LEAST, "length": "9"}, 7)
