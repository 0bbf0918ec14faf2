"""The nearest exact network as a checkpoint, and the certified worst error of what is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.certificates.conditions import Stored, exact_of
from numerics.certificates.dyadic import dyadic
from numerics.certificates.nearest import nearest
from numerics.pulse.exact_error import summary
from theory.expressions.activation import ACTIVATIONS
from verify.explain.account import Account
from verify.explain.facts import enclosed, floats, number, rational
from verify.models.checkpoint import encoded

__all__ = ["Repaired", "repaired"]


@dataclass(frozen=True)
class Repaired:
    """A safetensors file, and one sentence about it."""

    content: bytes
    text: str


def repaired(explained: Account) -> Repaired | None:
    """The nearest exact network in float64; None where there is none.

    For a positively homogeneous σ the scale of each channel is free, and is used to find float64 weights that are exact.
    Elsewhere the weights are rounded, and the sentence says how much they err.
    """
    setup = explained.setup
    own = nearest(setup.activation, explained.stored, setup.domain)
    near, exact = explained.near, explained.exact
    if own is not None:
        near, exact = own, own.net
    if near is None or exact is None:
        return None
    homogeneous = ACTIVATIONS[setup.activation].homogeneous
    in_floats = None if own is None else dyadic(own, homogeneous=homogeneous)
    if in_floats is not None:
        error = "its certificate says 0: it is exact in its float64 weights"
        net = in_floats
    else:
        net = _rounded(exact)
        rounded = exact_of(net, setup.activation)
        worst = enclosed(net, setup) if rounded is None else summary(rounded, setup.domain).worst
        error = f"rounded to float64 from an exact one, it errs by {number(worst.high):.3g} pixel at most"
    proved = explained.document["nearest"]["exists"] if near is None else near.error == 0
    which = "exact network" if proved else "network, nearly exact,"
    return Repaired(_file(net, explained), f"the nearest {which} that was found; {error}")


def _rounded(net: Stored) -> Stored:
    w, b, a, c = floats(net)
    return Stored(
        tuple(tuple(rational(x) for x in row) for row in w),
        None if net.b is None else tuple(rational(x) for x in b),
        tuple(rational(x) for x in a),
        None if net.c is None else rational(c),
        net.share,
    )


def _file(net: Stored, explained: Account) -> bytes:
    w, b, a, c = floats(net)
    tensors = {"conv.weight": w[:, None, :], "readout.weight": a[None, :]}
    if net.b is not None:
        tensors["conv.bias"] = b
    if net.c is not None:
        tensors["readout.bias"] = np.array([c])
    return encoded(tensors, explained.setup.as_dict())
