"""The nearest exact network as a checkpoint, and the certified worst error of what is written."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from numerics.certificates.conditions import Stored, exact_of
from numerics.certificates.dyadic import dyadic
from numerics.certificates.nearest import nearest
from numerics.pulse.exact_error import summary
from theory.expressions.activation import ACTIVATIONS
from verify.explain.facts import enclosed, floats, number, rational
from verify.explain.value import SignalExplanation
from verify.models.checkpoint import encoded

__all__ = ["Repaired", "repaired"]


@dataclass(frozen=True)
class Repaired:
    """A safetensors file, and one sentence about it."""

    content: bytes
    text: str


def repaired(explanation: SignalExplanation) -> Repaired | None:
    """The nearest exact network in float64; None where there is none.

    For a positively homogeneous σ the scale of each channel is free, and is used to find float64 weights that are exact.
    Elsewhere the weights are rounded, and the sentence says how much they err.
    """
    setup = explanation.setup
    own = nearest(setup.activation, explanation.stored, setup.domain)
    near, exact = (own, own.net) if own else (explanation.near, explanation.exact)
    if near is None or exact is None:
        return None
    homogeneous = ACTIVATIONS[setup.activation].homogeneous
    net = None if own is None else dyadic(own, homogeneous=homogeneous)
    error = "its certificate says 0: it is exact in its float64 weights"
    if net is None:
        net = _rounded(exact)
        rounded = exact_of(net, setup.activation)
        worst = enclosed(net, setup) if rounded is None else summary(rounded, setup.domain).worst
        error = f"rounded to float64 from an exact one, it errs by {number(worst.high):.3g} pixel at most"
    which = "exact network" if near.error == 0 else "network, nearly exact,"
    text = f"the nearest {which} that was found; {error}"
    w, b, a, c = floats(net)
    tensors = {"conv.weight": w[:, None, :], "readout.weight": a[None, :]}
    if net.b is not None:
        tensors["conv.bias"] = b
    if net.c is not None:
        tensors["readout.bias"] = np.array([c])
    return Repaired(encoded(tensors, setup.as_dict()), text)


def _rounded(net: Stored) -> Stored:
    w, b, a, c = floats(net)
    return replace(
        net,
        w=tuple(tuple(map(rational, row)) for row in w.tolist()),
        b=None if net.b is None else tuple(map(rational, b.tolist())),
        a=tuple(map(rational, a.tolist())),
        c=None if net.c is None else rational(c),
    )
