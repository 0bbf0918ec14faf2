"""Changes of an input, each a function of (input, generator): bytes, words, JSON, and containers
whose lengths and sums are made right again, so that a change reaches what lies behind them.
"""

from __future__ import annotations

import copy
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["of_bytes", "of_json", "of_safetensors", "of_words", "of_zip"]

NUMBERS = (
    *("0", "-1", "1e400", "-1e-400", "NaN", "Infinity", "9" * 400, "1" * 5000, "0x10", "1_0", "٣"),
    *("1/0", "-0/1", "3/7", "1e99999", "2.5e-7", "18446744073709551616", "-9223372036854775809"),
)
VALUES = (
    *(None, True, False, 0, -1, 0.5, 1e308, 10**30, float("nan"), float("inf"), "", "\ud800", "\0"),
    *(
        {"toString": 0},
        {"length": -1},
        "σ\n\x1b[2J",
        "a" * 300,
        [],
        {},
        [[[[[[[[[]]]]]]]]],
        {"": {"": {"": 0}}},
        [0] * 100,
        *NUMBERS,
    ),
)
PICKLED = (
    *(
        b"c__builtin__\neval\n",
        b"cos\nsystem\n",
        b"c__builtin__\nbytearray\n",
        b"(lp0\n",
        b"R",
        b"b",
    ),
    *(b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", b"J\xff\xff\xff\x7f", b"\x8b\xff\xff\xff\x7f"),
    *(b"X\xff\xff\xff\xff", b"h\xff", b"q\x00", b"2" * 40, b"(" * 40, b"Q", b"\x81", b"\x85", b"}"),
    *(
        b"ctorch\nSize\n",
        b"ctorch\nTensor\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"N",
        b".",
        b"s",
    ),
)
"""Operations of pickles, harmless or not, that a file may hold."""


def of_bytes(data: bytes, rng: random.Random, pool: tuple[bytes, ...] = PICKLED) -> bytes:
    """One to four bits or bytes other, spans cut, moved, repeated or put in."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        kind, place = rng.randrange(8), rng.randrange(len(made) + 1)
        end = min(len(made), place + rng.choice((1, 2, 8, 64, 1024)))
        if kind <= 1 and place < len(made):
            made[place] ^= 1 << rng.randrange(8)
        elif kind == 2 and place < len(made):
            made[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind == 3:
            del made[place:end]
        elif kind == 4:
            made[place:place] = made[place:end] * rng.choice((1, 2, 20))
        elif kind == 5:
            made[place:place] = rng.choice(pool)
        elif kind == 6:
            made[place:end] = rng.randbytes(end - place)
        else:
            del made[place if rng.random() < 0.3 else len(made) - 1 :]
    return bytes(made)


def of_words(text: str, rng: random.Random, pool: tuple[str, ...]) -> str:
    """Words, numbers and signs other, left out, repeated, nested, or put in from the pool."""
    words = re.findall(r"\w+|\s+|.", text, re.DOTALL)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        kind, place = rng.randrange(8), rng.randrange(len(words) + 1)
        end = place + rng.randrange(1, 6)
        if kind <= 2:
            words[place : place + rng.randrange(2)] = [rng.choice(pool)]
        elif kind == 3:
            words[place : place + 1] = [rng.choice(NUMBERS)]
        elif kind == 4:
            del words[place:end]
        elif kind == 5:
            words[place:place] = words[place:end] * rng.choice((1, 1, 2, 50))
        elif kind == 6:
            depth = rng.choice((1, 2, 13, 300))
            words[place:end] = ["(" * depth, *words[place:end], ")" * depth]
        else:
            words[place:place] = [chr(rng.choice((rng.randrange(128), rng.randrange(0x110000))))]
    return "".join(words)


def of_json(text: str, rng: random.Random, *, raw: float = 0.2) -> str:
    """A value other, a key left out, twice or renamed; or, with probability ``raw``, characters."""
    if rng.random() < raw:
        return of_words(text, rng, (*'"{}[]:,', "\\u0000", "[" * 2000))
    document = json.loads(text)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = [(holder, key) for holder, key in _places(document) if holder]
        if places:
            _change(*rng.choice(places), rng)
    made = json.dumps(document)
    if rng.random() < 0.05 and (keys := re.findall(r'"\w+": ', made)):
        twice = f"{{{rng.choice(keys)}{json.dumps(rng.choice(VALUES))}, "
        made = made.replace("{", twice, 1)
    return made


def _change(holder: Any, key: Any, rng: random.Random) -> None:
    """One value changed, mostly into one of its type."""
    value, kind = holder[key], rng.randrange(10)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice((*map(str, VALUES), *holder))] = holder.pop(key)
    elif kind == 2:
        holder[key] = copy.deepcopy(rng.choice((*VALUES, [value], {"": value})))
    elif isinstance(value, str):
        small = f"{rng.randint(-9, 9)}/{rng.randint(1, 9)}", str(rng.randint(-3, 20))
        holder[key] = rng.choice((*small, of_words(value, rng, NUMBERS)))
    elif isinstance(value, int | float):
        holder[key] = rng.choice((-value, value + 1, value - 1, value * 2, 0, 2**63, 1.5))
    elif isinstance(value, list) and value:
        place = rng.randrange(len(value))
        value[place:place] = copy.deepcopy(value[: rng.randrange(3)])
    else:
        holder[key] = copy.deepcopy(holder)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (holder, key) of a JSON document."""
    if isinstance(value, dict | list):
        for key, part in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(part)


def of_safetensors(data: bytes, rng: random.Random) -> bytes:
    """The header changed as JSON, its length right; or bytes."""
    size = 8 + int.from_bytes(data[:8], "little")
    if rng.random() < 0.3 or size > len(data):
        return of_bytes(data, rng)
    header = of_json(data[8:size].decode(), rng).encode(errors="surrogatepass")
    return len(header).to_bytes(8, "little") + header + data[size:]


def of_zip(data: bytes, rng: random.Random) -> bytes:
    """One file of the archive changed and packed again, left out, or renamed; or bytes."""
    if rng.random() < 0.2:
        return of_bytes(data, rng)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(packed, "w") as new:
        names = old.namelist()
        pickles = [name for name in names if name.endswith(".pkl")]
        chosen = rng.choice(pickles if pickles and rng.random() < 0.8 else names)
        for name in names:
            content, called = old.read(name), name
            if name == chosen:
                change: Callable[..., bytes] = rng.choice((of_bytes, of_bytes, of_bytes, _none))
                content = change(content, rng)
                called = rng.choice((name, name, name, name + "x", "../" + name))
            dated = zipfile.ZipInfo(called)  # of 1980, whenever it is made
            new.writestr(dated, content, compress_type=rng.choice((0, 0, 8)))
    return packed.getvalue()


def _none(data: bytes, rng: random.Random) -> bytes:
    """Nothing, or as many zeros as a bomb unpacks to."""
    return b"" if rng.random() < 0.9 else bytes(rng.choice((1, 2**12, 2**20)))
