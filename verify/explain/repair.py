"""The nearest exact network as a checkpoint, and the certified worst error of what is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.arithmetic.numbers import rational
from numerics.certificates.conditions import exact_of
from numerics.certificates.dyadic import dyadic
from numerics.certificates.nearest import nearest
from numerics.pulse.exact_error import summary
from theory.expressions.spelling import spelled
from verify.explain.facts import enclosed
from verify.explain.value import SignalExplanation
from verify.models.checkpoint import Checkpoint, encoded

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
    homogeneous = spelled(setup.activation).homogeneous
    net = None if own is None else dyadic(own, homogeneous=homogeneous)
    error = "its certificate says 0: it is exact in its float64 weights"
    if net is None:
        net = exact.mapped(lambda x: rational(float(x)))
        rounded = exact_of(net, setup.activation)
        worst = enclosed(net, setup) if rounded is None else summary(rounded, setup.domain).worst
        error = f"rounded to float64 from an exact one, it errs by {float(worst.high):.3g} pixel at most"
    which = "exact network" if near.error == 0 else "network, nearly exact,"
    text = f"the nearest {which} that was found; {error}"
    stored = net.mapped(float)
    b, c = stored.b, stored.c
    checkpoint = Checkpoint(
        np.array(stored.w),
        np.array(stored.a),
        None if b is None else np.array(b),
        None if c is None else np.array([c]),
        setup.as_dict(),
    )
    return Repaired(encoded(checkpoint), text)
