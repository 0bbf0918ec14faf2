"""What rounding adds to a network's answers at most, by type, or why no bound on that is known."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from numerics.certificates.conditions import Stored, exact_of
from numerics.certificates.running import FORMATS, assumed_error, computed, running_error
from verify.models.checkpoint import Checkpoint
from verify.models.setup import Setup

__all__ = ["roundings"]

UNKNOWN = "with which roundings a machine computes this expression is not known"
FOLDED = "folded weights are fractions that no type of floats holds"
"""Why there is no bound on rounding then."""
JUMPS = "at a jump of σ the smallest rounding may change the answer"
"""Why there is no bound on what the network answers as it runs."""


def roundings(stored: Stored, checkpoint: Checkpoint, setup: Setup) -> dict[str, Fraction | str]:
    """By type, the network's own first, what rounding adds to an answer at most, or why no bound on
    that is known.
    """
    net = exact_of(stored, setup.activation)
    none = "" if computed(setup.activation) else UNKNOWN
    if net is not None and not net.sigma.continuous:
        none = JUMPS
    if checkpoint.rational:
        none = FOLDED
    weights = [x for x in (checkpoint.w, checkpoint.a, checkpoint.b, checkpoint.c) if x is not None]
    single = all(np.all(np.float32(x) == x) for x in weights)
    kinds = {"float64", checkpoint.dtype, *(("float32",) if single else ())}
    bounds: dict[str, Fraction | str] = {}
    for kind in (kind for kind in FORMATS if kind in kinds):
        if none:
            bounds[kind] = none
            continue
        try:
            if net is None:
                smooth = replace(stored, sigma=setup.activation)
                bounds[kind] = assumed_error(smooth, setup.domain, kind)
            else:
                bounds[kind] = running_error(net, setup.domain, kind)
        except ValueError as error:
            if kind == "float64":
                raise
            bounds[kind] = str(error)
    return bounds
