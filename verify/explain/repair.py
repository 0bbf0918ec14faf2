"""The nearest exact network as a checkpoint, and the certified worst error of what is written."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numerics.arithmetic.decimals import rounded_up
from numerics.arithmetic.numbers import fraction
from numerics.certificates.conditions import exact_of
from numerics.certificates.dyadic import dyadic, rounded
from numerics.certificates.nearest import nearest
from numerics.certificates.reduction import apart
from numerics.pulse.exact_error import summary
from theory.expressions.spelling import spelled
from verify.explain.facts import enclosed
from verify.explain.text import distance_in_words
from verify.explain.value import SignalExplanation
from verify.models.checkpoint import Checkpoint, encoded
from verify.models.hyperparameters import HOLDERS
from verify.models.setup import PARAMETERS

__all__ = ["Repaired", "repaired"]


@dataclass(frozen=True)
class Repaired:
    """The network, whether it is exact, and one sentence about it."""

    checkpoint: Checkpoint
    exact: bool
    text: str

    @property
    def content(self) -> bytes:
        """A safetensors file."""
        return encoded(self.checkpoint)


def repaired(explanation: SignalExplanation, dtype: str = "float64") -> Repaired | None:
    """The nearest exact network in numbers of a type; None where there is none.

    For a positively homogeneous σ the scale of each channel is free, and is used to find weights of
    the type that are exact.  Elsewhere they are rounded, and the sentence says how much they err.
    """
    setup = explanation.setup
    own = nearest(setup.activation, explanation.stored, setup.domain)
    near, exact = (own, own.net) if own else (explanation.near, explanation.exact)
    if near is None or exact is None:
        return None
    homogeneous = spelled(setup.activation).homogeneous
    net = None if own is None else dyadic(own, homogeneous=homogeneous, dtype=dtype)
    error = f"its certificate says 0: it is exact in its {dtype} weights"
    if rounding := net is None:
        net = exact.mapped(lambda x: rounded(x, dtype))
        pieces = exact_of(net, setup.activation)
        worst = enclosed(net, setup) if pieces is None else summary(pieces, setup.domain).worst
        most = rounded_up(fraction(worst.high))
        error = f"rounded to {dtype} from an exact one, it errs by {most} pixel at most"
    which = "exact network" if near.error == 0 else "network, nearly exact,"
    away = distance_in_words(apart(explanation.stored, exact))
    left = {*PARAMETERS, "activation_args", *HOLDERS}  # the setup says all of it
    kept = {key: x for key, x in explanation.checkpoint.metadata.items() if key not in left}
    checkpoint = replace(
        explanation.checkpoint.holding(net.mapped(float)), metadata={**kept, **setup.as_dict()}
    )
    text = f"the nearest {which} that was found, {away}; {error}"
    return Repaired(checkpoint, not rounding, text)
