"""Values come back bit for bit, and what is no value of a known type is refused."""

from __future__ import annotations

import math
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from verify.models.problem import Ensemble, NetworkBatch, Setting
from verify.report.judge import Examined
from verify.report.page import Figure, Section
from verify.report.verdict import COLUMNS, Column, Verdict
from verify.work.codec import Codec

ANY_FLOAT = st.integers(0, 2**64 - 1).map(
    lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]
)
FLOATS = st.floats() | ANY_FLOAT
COLUMN = st.builds(
    Column, st.sampled_from(("holds", "fails", "blocked")), FLOATS, FLOATS, st.text()
)
VERDICT = st.builds(
    Verdict,
    st.text(),
    st.text(),
    st.text(),
    st.fixed_dictionaries(dict.fromkeys(COLUMNS, COLUMN)),
    FLOATS,
)
SECTION = st.builds(Section, st.text(), st.text(), st.text(), st.booleans())
EXAMINED = st.builds(
    Examined,
    VERDICT,
    st.lists(st.builds(Figure, st.text(), st.text(), st.text(), st.text()), max_size=2).map(tuple),
    st.lists(SECTION, max_size=2).map(tuple),
    st.lists(st.text(), max_size=2).map(tuple),
)


def same(left: Any, right: Any) -> bool:
    """Equal in types, in order and in every bit."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    if isinstance(left, np.ndarray):
        return (left.dtype, left.shape, left.tobytes()) == (
            right.dtype,
            right.shape,
            right.tobytes(),
        )
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(tuple(left.items()), tuple(right.items()))
    if hasattr(left, "__dataclass_fields__"):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in fields(left))
    return bool(left == right)


def returned(kind: Any, value: Any) -> Any:
    """What is read of what was written."""
    return Codec(kind).decode(Codec(kind).encode(value))


@given(EXAMINED)
def test_a_verdict_comes_back_bit_for_bit(examined: Examined) -> None:
    assert same(returned(Examined, examined), examined)


def _doubles(*shape: int) -> st.SearchStrategy[NDArray[np.float64]]:
    bits = arrays.arrays(np.uint64, shape, elements=st.integers(0, 2**64 - 1))
    return bits.map(lambda each: each.view(np.float64))


@st.composite
def ensembles(draw: st.DrawFn) -> Ensemble:
    """Arrays of any bits in the shapes of an ensemble, with held faces."""
    size, channels, taps, cells = draw(st.tuples(*[st.integers(0, 3)] * 4))
    faces = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=2).map(tuple)
    shapes = ((size, channels, taps), (size, channels), (size, channels), (size,))
    return Ensemble(
        draw(st.builds(Setting, st.text(), st.integers(1, 9), st.integers(), st.integers())),
        *(draw(_doubles(*shape)) for shape in shapes),
        NetworkBatch(*(draw(_doubles(*shape)) for shape in shapes)),
        draw(_doubles(size)),
        draw(_doubles(size)),
        tuple(draw(faces) for _ in range(size)),
        tuple(draw(_doubles(draw(st.integers(0, 2)), 2)) for _ in range(size)),
        draw(arrays.arrays(np.int8, (size, channels, cells))),
        draw(arrays.arrays(np.bool_, size)),
        draw(arrays.arrays(np.int64, size)),
    )


@given(ensembles())
def test_an_ensemble_comes_back_bit_for_bit(ensemble: Ensemble) -> None:
    assert same(returned(Ensemble, ensemble), ensemble)


@dataclass(frozen=True)
class Small:
    """A part of other values."""

    number: int | None
    share: float = 0.5


@dataclass
class Thawed:
    """It can change."""

    number: int


PAIRS = Mapping[tuple[int, str], Small | NDArray[np.int64] | None]


@given(
    st.dictionaries(
        st.tuples(st.integers(), st.text()),
        st.one_of(
            st.none(),
            st.builds(Small, st.none() | st.integers(), FLOATS),
            arrays.arrays(np.int64, (2, 1)),
        ),
    )
)
def test_mappings_and_unions(value: Any) -> None:
    assert same(returned(PAIRS, value), value)


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_keep_shape_and_kind_of_number(order: Any) -> None:
    table = np.arange(6, dtype=">i4").reshape(2, 3)
    value = (table.copy(order), table[:, ::2], np.array(1 + 2j), np.zeros((0, 2)))
    for back, array in zip(returned(tuple[np.ndarray, ...], value), value, strict=True):
        assert (back.dtype, back.shape) == (array.dtype, array.shape)
        assert np.array_equal(back, array) and back.flags.writeable


def test_scalars_of_numpy_come_back_as_numbers_of_python() -> None:
    value = returned(tuple[int, float, bool], (np.int8(3), np.float64(0.1), np.bool_(True)))
    assert same(value, (3, 0.1, True))


@pytest.mark.parametrize(
    "kind",
    [
        object,
        Any,
        list[int],
        set[int],
        bytes,
        complex,
        Fraction,
        Thawed,
        tuple,
        dict,
        type,
        Small | list[int],
        tuple[object, ...],
    ],
)
def test_other_types_are_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match="are not written"):
        Codec(kind)


class Loud(str):
    """A string that is more than a string."""


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, True),
        (int, 1.0),
        (float, "1"),
        (float, False),
        (float, np.longdouble(1)),
        (str, Loud("x")),
        (str, None),
        (Literal["a", "b"], "c"),
        (tuple[int, int], [1, 2]),
        (tuple[int, ...], (1, None)),
        (Small, Thawed(1)),
        (Small, Small("1")),  # type: ignore[arg-type]
        (np.ndarray, np.array([None])),
        (np.ndarray, np.array(["a"])),
        (np.ndarray, np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")])),
        (np.ndarray, np.ma.array([1.0])),
        (np.ndarray, [1.0]),
        (Small | None, 1),
        (dict[str, int], {1: 1}),
    ],
)
def test_values_of_other_types_are_refused(kind: Any, value: Any) -> None:
    with pytest.raises(TypeError):
        Codec(kind).encode(value)


def test_a_tuple_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Codec(tuple[int, int]).encode((1,))


class _Trap:
    def __reduce__(self) -> Any:
        return pytest.fail, ("it was unpickled",)


def test_nothing_is_unpickled() -> None:
    codec = Codec(tuple[np.ndarray, ...])
    pickled = pickle.dumps(_Trap())
    for head in (b"", b"[]\n", b'[["|O", [1]]]\n', b'[["|V8", [1]]]\n', b'[["<f8", [1]]]\n'):
        with pytest.raises((TypeError, ValueError)):
            codec.decode(head + pickled)


@given(st.data())
def test_bytes_that_were_cut_or_changed_never_crash(data: st.DataObject) -> None:
    """Without the store's checksum: what is read is refused, or is of the type."""
    codec = Codec(tuple[Small | None, np.ndarray])
    whole = bytearray(codec.encode((Small(3, math.nan), np.arange(3.0))))
    place = data.draw(st.integers(0, len(whole) - 1))
    with_change = bytearray(whole)
    with_change[place] = data.draw(st.integers(0, 255))
    for each in (whole[:place], with_change, whole + b"x"):
        try:
            value = codec.decode(bytes(each))
        except Exception:  # noqa: BLE001, S112 - refused
            continue
        assert isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], np.ndarray)
