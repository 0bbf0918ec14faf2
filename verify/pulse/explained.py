"""One trained network explained as verify.network explains it, and how its training ended."""

from __future__ import annotations

from fractions import Fraction

from verify.explain import signals
from verify.explain.page import body
from verify.explain.value import SignalExplanation
from verify.models.problem import Ensemble
from verify.pulse.certified import checkpoint_of, setup_for
from verify.pulse.classify import Ending
from verify.report.render import render

__all__ = ["explained", "section"]

TOLERANCE = Fraction(1, 1000)
"""In pixels, as of the command."""


def explained(ensemble: Ensemble, j: int) -> SignalExplanation:
    """Network j of an ensemble, over every real radius that it was trained for."""
    setting = ensemble.setting
    checkpoint = checkpoint_of(setting, ensemble.weights, j)
    return signals.explain(checkpoint, setup_for(setting), TOLERANCE, f"network {j}")


def section(ensemble: Ensemble, ending: Ending, j: int, name: str) -> str:
    """The same as markup; ``name`` begins its anchors."""
    explanation = explained(ensemble, j)
    return render(
        "explained.html",
        it=explanation,
        body=body(explanation, f"{name}-", 3),
        ending=ending,
    )
