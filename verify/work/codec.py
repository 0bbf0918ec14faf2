"""Values as bytes and back, by their type; bytes never become code.

Frozen dataclasses, tuples, mappings, literals, unions, numbers, strings, None and numpy arrays of
numbers are written; anything else is refused.  A value is one line of JSON, which has the kind and
the shape of each array, and after it the numbers of all arrays, in the order in which the value
holds them.  Floats come back bit for bit, signs and payloads of nan too; a scalar of numpy comes
back as the same number of Python.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import numpy as np

__all__ = ["Codec"]


Numbers = np.ndarray[Any, Any]
KINDS = re.compile(r"[<>|][biufc]\d+")
"""Kinds of numbers, as numpy names them."""


class _Rule(NamedTuple):
    """How values of a type become JSON, their arrays put aside, and come back with those of a
    stream.
    """

    write: Callable[[Any, list[Numbers]], Any]
    read: Callable[[Any, io.BytesIO], Any]


@dataclass(frozen=True)
class Codec:
    """How values of one type are written and read.

    Raises
    ------
    TypeError: values of this type, or of a part of it, are not written.
    """

    kind: Any

    def __post_init__(self) -> None:
        _rule(self.kind)

    def encode(self, value: Any) -> bytes:
        """The value as bytes.

        Raises
        ------
        TypeError, ValueError: the value, or a part of it, is not of its type.
        """
        arrays: list[Numbers] = []
        text = json.dumps(_rule(self.kind).write(value, arrays), allow_nan=False)
        return b"\n".join([text.encode(), b"".join(array.tobytes() for array in arrays)])

    def decode(self, data: bytes) -> Any:
        """The value again.

        Raises
        ------
        Exception: the bytes are not those of such a value.
        """
        stream = io.BytesIO(data)
        value = _rule(self.kind).read(json.loads(stream.readline()), stream)
        if stream.read(1):
            raise ValueError("there is more than one value")
        return value


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _rule(kind: Any) -> _Rule:
    origin, parts = get_origin(kind), get_args(kind)
    if kind in (bool, int, str, NoneType, None):
        return _plain(kind or NoneType)
    if kind is float:
        return _Rule(_write_float, _read_float)
    if origin is Literal:
        return _literal(parts)
    if isinstance(kind, type) and is_dataclass(kind) and _frozen(kind):
        return _fields(kind)
    if origin is tuple:
        return _series(_rule(parts[0])) if parts[-1:] == (...,) else _tuple([*map(_rule, parts)])
    if origin in (dict, Mapping):
        return _mapping(_tuple([*map(_rule, parts)]))
    if origin in (Union, UnionType):
        return _union([*map(_rule, parts)])
    if np.ndarray in (kind, origin):
        return _Rule(_write_array, _read_array)
    raise TypeError(f"values of the type {kind} are not written")


def _frozen(kind: Any) -> bool:
    return bool(kind.__dataclass_params__.frozen)


def _exactly(kind: type, value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if type(value) is not kind:
        raise TypeError(f"{kind.__qualname__} is expected, not {_name(value)}")
    return value


def _plain(kind: type) -> _Rule:
    return _Rule(lambda value, _: _exactly(kind, value), lambda value, _: _exactly(kind, value))


def _write_float(value: Any, _: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if type(value) is int:
        return value
    value = _exactly(float, value)
    return value if math.isfinite(value) else np.array(value, ">f8").tobytes().hex()


def _read_float(value: Any, _: Any) -> Any:
    if type(value) is str:
        value = np.frombuffer(bytes.fromhex(value), ">f8").item()
    return value if type(value) is int else _exactly(float, value)


def _write_array(value: Any, arrays: list[Numbers]) -> Any:
    if type(value) is not np.ndarray or not KINDS.fullmatch(value.dtype.str):
        raise TypeError(f"an array of numbers is expected, not {_name(value)}")
    arrays.append(value)
    return [value.dtype.str, list(value.shape)]


def _read_array(text: Any, stream: io.BytesIO) -> Numbers:
    name, shape = text
    if not KINDS.fullmatch(name):
        raise TypeError(f"an array of numbers is expected, not of {name}")
    kind = np.dtype(name)
    return np.frombuffer(stream.read(kind.itemsize * math.prod(shape)), kind).reshape(shape).copy()


def _literal(values: tuple[Any, ...]) -> _Rule:
    def known(value: Any, _: Any) -> Any:
        if value not in values:
            raise TypeError(f"{values} are expected, not {value!r}")
        return value

    return _Rule(known, known)


def _fields(kind: Any) -> _Rule:
    hints = get_type_hints(kind)
    names = [each.name for each in fields(kind)]
    parts = _tuple([_rule(hints[name]) for name in names])

    def write(value: Any, arrays: Any) -> Any:
        value = _exactly(kind, value)
        return parts.write(tuple(getattr(value, name) for name in names), arrays)

    return _Rule(write, lambda texts, stream: kind(*parts.read(texts, stream)))


def _tuple(parts: list[_Rule]) -> _Rule:
    return _Rule(
        lambda values, arrays: [
            part.write(value, arrays)
            for part, value in zip(parts, _exactly(tuple, values), strict=True)
        ],
        lambda texts, stream: tuple(
            part.read(text, stream) for part, text in zip(parts, _exactly(list, texts), strict=True)
        ),
    )


def _series(part: _Rule) -> _Rule:
    return _Rule(
        lambda values, arrays: [part.write(value, arrays) for value in _exactly(tuple, values)],
        lambda texts, stream: tuple(part.read(text, stream) for text in _exactly(list, texts)),
    )


def _mapping(pair: _Rule) -> _Rule:
    pairs = _series(pair)
    return _Rule(
        lambda values, arrays: pairs.write(tuple(_exactly(dict, values).items()), arrays),
        lambda texts, stream: dict(pairs.read(texts, stream)),
    )


def _union(parts: list[_Rule]) -> _Rule:
    """The place of the first type that takes the value, and what it makes of it."""

    def write(value: Any, arrays: list[Numbers]) -> Any:
        count = len(arrays)
        for place, part in enumerate(parts):
            try:
                return [place, part.write(value, arrays)]
            except (TypeError, ValueError):
                del arrays[count:]
        raise TypeError(f"no type of a union takes {_name(value)}")

    def read(text: Any, stream: io.BytesIO) -> Any:
        place, inner = _exactly(list, text)
        return parts[_exactly(int, place)].read(inner, stream)

    return _Rule(write, read)
