"""Certificates of small networks, for the tests of what makes and what checks them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from numerics.certificates.certificate import certificate
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
