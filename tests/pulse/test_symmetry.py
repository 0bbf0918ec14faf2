"""The symmetries leave every answer unchanged; the canonical form is one per orbit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from numerics.arithmetic import oracle
from tests.strategies import (
    HOMOGENEOUS,
    RATIONAL,
    answer,
    channels,
    networks,
    positive,
    unit,
    widths,
)
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.symmetry import (
    CLAIM,
    LAW,
    Channel,
    canonical,
    finite_symmetries,
    negate,
    negate_filter,
    rescale,
    reverse,
)

Net = tuple[tuple[Channel, ...], Fraction]
F = Fraction
ODD = (
    "identity",
    "hardtanh",
    "softshrink",
    "hardshrink",
    "cube",
    "softsign",
    "tanh",
    "arctan",
    "erf",
    "sin",
    "tanhshrink",
)
PARITY = {name: "odd" if name in ODD else "" for name in ACTIVATIONS}
PARITY |= {"abs": "even", "square": "even"}


@st.composite
def moves(draw: st.DrawFn, name: str, net: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """A random element of the symmetry group of this activation, applied to the channels."""

    def moved(channel: Channel) -> Channel:
        choices: list[Callable[[Channel], Channel]] = [reverse]
        if PARITY[name] == "odd":
            choices.append(negate)
        if PARITY[name] == "even":
            choices.append(negate_filter)
        for change in draw(st.lists(st.sampled_from(choices), max_size=4)):
            channel = change(channel)
        return rescale(channel, draw(positive())) if name in HOMOGENEOUS else channel

    return tuple(draw(st.permutations([moved(channel) for channel in net])))


def form(name: str, net: tuple[Channel, ...]) -> tuple[Channel, ...]:
    return canonical(net, homogeneous=name in HOMOGENEOUS, parity=PARITY[name])


SMALL_AND_LARGE = st.tuples(st.integers(1, 8), unit()).map(lambda mp: mp[0] - F(1, 2) + mp[1])


@given(st.data(), networks(), st.sampled_from(RATIONAL), SMALL_AND_LARGE)
def test_answers_do_not_change(data: st.DataObject, net: Net, name: str, r: Fraction) -> None:
    moved = data.draw(moves(name, net[0]))
    half_length = 9  # the border is met on purpose: zero padding is symmetric too
    assert answer(moved, net[1], name, r, half_length) == answer(
        net[0], net[1], name, r, half_length
    )


@given(networks(), st.sampled_from(RATIONAL), SMALL_AND_LARGE)
def test_canonical_form_answers_the_same(net: Net, name: str, r: Fraction) -> None:
    same = answer(form(name, net[0]), net[1], name, r, 9)
    assert same == answer(net[0], net[1], name, r, 9)


ZERO3 = Channel(F(0), F(0), (F(0),) * 3)


@given(networks(), st.sampled_from(RATIONAL))
@example(((ZERO3, ZERO3), F(0)), "identity")
@example(((Channel(F(0), F(2), (F(-3), F(1), F(-3))),), F(0)), "abs")
def test_canonical_form_is_idempotent(net: Net, name: str) -> None:
    once = form(name, net[0])
    assert form(name, once) == once
    assert len(once) == len(net[0])


@given(st.data(), networks(), st.sampled_from(RATIONAL))
@example(None, ((ZERO3, replace(ZERO3, a=F(1))), F(0)), "relu")
def test_canonical_form_is_constant_on_orbits(
    data: st.DataObject | None, net: Net, name: str
) -> None:
    moved = data.draw(moves(name, net[0])) if data else net[0][::-1]
    assert form(name, moved) == form(name, net[0])


DEGENERATE = {
    "a = 0": Channel(F(0), F(1, 3), (F(2), F(-1), F(5))),
    "zero filter": Channel(F(3), F(-1, 2), (F(0),) * 3),
    "zero filter, a = 0": Channel(F(0), F(-1, 2), (F(0),) * 3),
    "all zero": ZERO3,
    "palindrome": Channel(F(-2), F(0), (F(1), F(4), F(1))),
    "antisymmetric, b = 0": Channel(F(1, 7), F(0), (F(-1), F(0), F(1))),
    "b = 0, S = 0": Channel(F(-1), F(0), (F(1), F(-2), F(1))),
}


@pytest.mark.parametrize("name", RATIONAL)
@pytest.mark.parametrize("key", DEGENERATE)
def test_degenerate_channels(key: str, name: str) -> None:
    channel = DEGENERATE[key]
    images = {channel, reverse(channel)}
    if PARITY[name] == "odd":
        images |= {negate(image) for image in images}
    if PARITY[name] == "even":
        images |= {negate_filter(image) for image in images}
    if name in HOMOGENEOUS:
        images |= {rescale(image, t) for image in images for t in (F(1, 3), F(7))}
    other = Channel(F(1), F(1), (F(1), F(2), F(3)))
    expected = form(name, (channel, other, channel))
    for image in images:
        assert form(name, (other, image, channel)) == expected
        assert form(name, (image, image, other)) == expected


@given(st.data(), widths(9), st.sampled_from(HOMOGENEOUS))
def test_scale_is_fixed(data: st.DataObject, n: int, name: str) -> None:
    (found,) = form(name, (data.draw(channels(n)),))
    largest = max(abs(entry) for entry in (found.b, *found.w))
    assert abs(found.a) == 1 or (found.a == 0 and largest in (0, 1))


@given(st.data(), widths(9), st.sampled_from(RATIONAL))
def test_the_largest_image_is_taken(data: st.DataObject, n: int, name: str) -> None:
    (found,) = form(name, (data.draw(channels(n)),))
    assert found >= reverse(found)
    for symmetry in finite_symmetries(PARITY[name]):
        assert found >= symmetry(found)


@given(st.data(), widths(7, 3), st.sampled_from(["relu", "leaky_relu", "hardtanh"]))
def test_different_orbits_have_different_forms(data: st.DataObject, n: int, name: str) -> None:
    """One tap changed, in a channel that answers and is seen: another orbit unless reversal undoes
    it.
    """
    channel = data.draw(channels(n).filter(lambda one: one.a != 0))
    place, step = data.draw(st.integers(0, n - 1)), data.draw(positive())
    w = [tap + step * (u == place) for u, tap in enumerate(channel.w)]
    other = replace(channel, w=tuple(w))
    # negation (odd σ) maps the sum of a·w to itself, and so does every other symmetry
    assert form(name, (channel,)) != form(name, (other,))


@given(st.data(), widths(9), st.sampled_from(HOMOGENEOUS))
def test_floats_are_scaled_to_one_rounding(data: st.DataObject, n: int, name: str) -> None:
    exact = data.draw(channels(n).filter(lambda one: one.a != 0))
    rounded = Channel(float(exact.a), float(exact.b), tuple(map(float, exact.w)))
    (found,) = form(name, (rounded,))
    (again,) = form(name, (Channel(F(rounded.a), F(rounded.b), tuple(map(F, rounded.w))),))
    assert found.a == again.a
    for x, y in zip((found.b, *found.w), (again.b, *again.w), strict=True):
        assert x == float(y)


def test_integers_are_exact_numbers_too() -> None:
    """a = 0: the scale 1/49 of Python integers must not be rounded to a float."""
    (found,) = canonical((Channel(0, 49, (0,)),), homogeneous=True, parity="")
    assert found == Channel(0, 1, (0,))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_parity_and_scale_of_the_catalogue(name: str) -> None:
    """On a grid of exact numbers, by a second implementation where there is one."""
    row = ACTIVATIONS[name]
    if name in oracle.RATIONAL:
        sigma = oracle.RATIONAL[name]
        grid = [F(k, 4) for k in range(-12, 13)]
        odd = all(sigma(-v) == -sigma(v) for v in grid)
        even = all(sigma(-v) == sigma(v) for v in grid)
        assert row.parity == ("odd" if odd else "even" if even else "")
        scales = all(sigma(3 * v) == 3 * sigma(v) for v in grid)
        assert row.homogeneous == scales
    else:
        assert not row.homogeneous
        assert row.parity == PARITY[name]


# --- every sign counts ------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["a", "b", "w"])
@pytest.mark.parametrize("symmetry", ["reverse", "rescale", "odd", "even"])
def test_every_sign_counts(symmetry: str, field: str) -> None:
    right = getattr(LAW, symmetry)

    def mutant(channel: Channel, *scale: object) -> Channel:
        image = right(channel, *scale)
        value = getattr(image, field)
        return replace(image, **{field: tuple(-x for x in value) if field == "w" else -value})

    assert not CLAIM.prove(replace(LAW, **{symmetry: mutant})).holds


@given(st.data(), networks(), SMALL_AND_LARGE)
def test_what_the_wrong_laws_break(data: st.DataObject, net: Net, r: Fraction) -> None:
    """Negation of a network with ReLU, which is not odd, changes σ(z) - σ(-z) = z summed over
    positions.
    """
    channel = net[0][0]
    assume(channel.a != 0)
    difference = answer((channel,), F(0), "relu", r, 9) - answer(
        (negate(channel),), F(0), "relu", r, 9
    )
    total = answer((replace(channel, a=F(1)),), F(0), "abs", r, 9)
    assert difference == channel.a * total


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=2),
    st.lists(st.integers(-3, 3), min_size=3, max_size=3),
    st.lists(st.integers(-2, 2), min_size=3, max_size=6),
)
def test_reversal_asks_for_a_mirror_image_alone(
    outer: list[int], inner: list[int], half: list[int]
) -> None:
    """It was stated for pulses from r = 1/2 on and zero padding."""
    w, x = [*outer, *inner, *outer[1:], 1], [*reversed(half[1:]), *half]
    relu = oracle.RATIONAL["relu"]
    for windows in (oracle.preactivations, oracle.ring):
        answers = [sum(map(relu, windows(taps, 1, x))) for taps in (w, w[::-1])]
        assert answers[0] == answers[1]
