"""One trained network explained as verify.network explains it, and how its training ended."""

from __future__ import annotations

from fractions import Fraction

from numerics.certificates.conditions import Stored
from verify.explain import signals
from verify.explain.page import body
from verify.explain.value import SignalExplanation
from verify.models.problem import Ensemble
from verify.pulse.certified import checkpoint_of, setup_for
from verify.pulse.classify import Ending
from verify.report.render import render

__all__ = ["explained", "held", "section"]

TOLERANCE = Fraction(1, 1000)
"""In pixels, as of the command."""


def explained(ensemble: Ensemble, j: int) -> SignalExplanation:
    """Network j of an ensemble, over every real radius that it was trained for."""
    setting = ensemble.setting
    checkpoint = checkpoint_of(setting, ensemble.weights, j)
    return signals.explain(checkpoint, setup_for(setting), TOLERANCE, f"network {j}")


def held(exact: Stored) -> list[str]:
    """The partial sums of the first filter that are -b: the windows that stand on the kink of a
    homogeneous σ.
    """
    *w, b = exact.vector(0)
    n, h = len(w), len(w) // 2
    equations = []
    for count in range(1, n):
        for letter, places in (("C", range(count)), ("T", range(n - count, n))):
            if sum((w[u] for u in places), b) == 0:
                edge = places[-1] if letter == "C" else places[0]
                terms = " + ".join(f"w({u - h})" for u in places)
                equations.append(f"{letter}({edge - h}) = {terms} = −b")
    return equations


def section(ensemble: Ensemble, ending: Ending, j: int, name: str) -> str:
    """The same as markup; ``name`` begins its anchors."""
    explanation = explained(ensemble, j)
    return render(
        "explained.html",
        explanation=explanation,
        body=body(explanation, f"{name}-", 3),
        ending=ending,
        held=[] if explanation.exact is None else held(explanation.exact),
    )
