"""The sub-pixel law on random and on trained networks."""

from __future__ import annotations

from theory.pulse.subpixel import Law
from verify.pulse.compare import check_response, plateau_cells, train_response
from verify.pulse.settings import LAWS
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.verdict import Column

__all__ = ["EVIDENCE", "check", "train"]


def check(law: Law, lab: Lab) -> Column:
    """Law against direct simulation at fractional plateau radii."""
    return check_response(lambda n, m: law(n), lab, "subpixel", plateau_cells, fractions=True)


def train(law: Law, lab: Lab) -> Column:
    """Law against the features of trained torch modules at every training radius."""
    return train_response(lambda n, m: law(n), lab, LAWS, fractions=True)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the double sum with an undefined g, symbols for taps and φ",
            ("theory.pulse.network.direct_response",),
        ),
        check=Judge(
            "the double sum by loops, in fractions and in floats", ("numerics.arithmetic.oracle",)
        ),
        training=Judge(
            "features that trained torch modules pool",
            ("verify.models.networks", "verify.optimise.ensemble"),
        ),
    ),
    needs=lambda profile: LAWS,
)
"""What the claim rests on."""
