"""The plateau law on random and on trained networks."""

from __future__ import annotations

from theory.pulse.plateau import Law
from verify.pulse.compare import check_response, plateau_cells, train_response
from verify.pulse.settings import LAWS
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.verdict import Column

__all__ = ["EVIDENCE", "check", "train"]


def check(law: Law, lab: Lab) -> Column:
    """Law against direct simulation at half-integer plateau radii."""
    return check_response(lambda n, m: law(n), lab, "plateau", plateau_cells, fractions=False)


def train(law: Law, lab: Lab) -> Column:
    """Law against the features of trained torch modules at half-integer plateau radii."""
    return train_response(lambda n, m: law(n), lab, LAWS, fractions=False)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the double sum with an undefined g and symbols for taps",
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
