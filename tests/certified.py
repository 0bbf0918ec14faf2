"""Certificates of small networks, for the tests of what makes and what checks them."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from numerics.certificates.certificate import certificate
from numerics.certificates.checker import canonical
from numerics.pulse.exact_error import exact_net
from tests.paddings import domain_of
from tests.stored import q

F = Fraction
Document = dict[str, Any]
RELU = ("relu", "zeros", 5, [[[F(3, 2), F(-1, 4), F(1)]], [F(-1, 8)], [F(2, 5)]], F(1, 3))


def made(case: Any, low: Fraction, high: Fraction) -> Document:
    """The certificate of (activation, padding, half length, (w, b, a), c) from one radius to
    another.
    """
    name, padding, half_length, (w, b, a), c = case
    net = exact_net(name, w, b, a, c)
    return certificate(net, domain_of(half_length, q(low), q(high), padding))


def in_bytes(document: Document) -> bytes:
    """The file of a certificate."""
    return json.dumps(document).encode()


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every text of a document."""
    if isinstance(value, dict):
        return [place for key, part in value.items() for place in _places(part, (*path, key))]
    if isinstance(value, list):
        return [place for key, part in enumerate(value) for place in _places(part, (*path, key))]
    return [path]


def changed(samples: Sequence[Document], rng: random.Random) -> str:
    """One text of one certificate made another one, the digest made to fit or not; or its
    characters changed.
    """
    document = copy.deepcopy(rng.choice(samples))
    *way, last = rng.choice([place for place in _places(document) if place != ("digest",)])
    holder = document
    for key in way:
        holder = holder[key]
    text = str(holder[last])
    number = (
        Fraction(text)
        if text.lstrip("-").replace("/", "").isdigit()
        else Fraction(rng.randint(-3, 9), rng.randint(1, 4))
    )
    holder[last] = rng.choice(
        [
            str(number + F(1, rng.choice([1, 2, 10**9]))),
            str(-number),
            str(number * 2),
            "0",
            "01",
            "1/0",
            "2/4",
            "",
            text + " ",
            "valid",
            "zeros 1",
            "circular",
            3,
            None,
            [],
            {},
        ]
    )
    if rng.random() < 0.9:
        document["digest"] = canonical(document)
    written = json.dumps(document)
    if rng.random() < 0.1:
        place = rng.randrange(len(written))
        written = written[:place] + rng.choice('{}[]":,0é') + written[place + rng.randrange(2) :]
    if rng.random() < 0.02:
        written = written.replace('"version"', '"version": "1", "version"')
    return written
