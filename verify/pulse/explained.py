"""One trained network explained: its weights, its cell, its three residuals, its loss term by term."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from numerics.arithmetic.rounding import prediction_bound
from numerics.pulse.channel import quantities
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.kinks import Cell, cell
from theory.pulse.loss import TERMS, Moments, attribution, residuals
from theory.pulse.symmetry import Channel, canonical
from verify.models.networks import measure
from verify.models.problem import Ensemble
from verify.pulse.classify import Ending
from verify.report import figures as draw
from verify.report.render import render

__all__ = ["Explanation", "explain", "explanation"]

Array = NDArray[np.float64]
Explanation = dict[str, Any]
"""The values that the template shows, by name."""


def explanation(ensemble: Ensemble, ending: Ending, j: int) -> Explanation:
    """What the theory says of network j of a single-channel ensemble on plateau radii.

    Keys: the trained weights, the canonical form, Δ, κ and S, the predicted readout, the residuals α, β and
    D(φ), the six terms of the loss, and the loss that torch measured.
    """
    setting = ensemble.setting
    radii = setting.radii
    size = setting.pixels
    w, b, a, c = ensemble.w[j, 0], ensemble.b[j, 0], ensemble.a[j, 0], ensemble.c[j]
    q = quantities(w, b, setting.activation, radii.phi)
    alpha, beta, d = residuals([a], c, size, [q.slope], [q.background], [q.kappa], [q.deviation])
    r = radii.r
    mean = Moments(np.mean(r), np.mean(r**2), np.mean(d), np.mean(r * d), np.mean(d**2))
    terms = attribution(alpha, beta, mean)
    row = ACTIVATIONS[setting.activation]
    form = canonical(
        [Channel(float(a), float(b), tuple(w.tolist()))],
        homogeneous=row.homogeneous,
        parity=row.parity,
    )[0]
    # On a partial sum: what moves no answer by more than rounding, at the scale of this channel.
    near = float(np.max(prediction_bound(*_one(ensemble, j), r, size, setting.activation)))
    signs = cell(w.tolist(), float(b), near / max(abs(float(a)), np.finfo(float).tiny))
    exact = ending.kind == "exact"
    predicted = 1 / (2 * q.slope) if exact else None
    return {
        "ending": ending,
        "setting": setting,
        "size": size,
        "taps": _roles(w, signs),
        "b": float(b),
        "a": float(a),
        "c": float(c),
        "sum": float(np.sum(w)),
        "canonical": form,
        "slope": float(q.slope),
        "background": float(q.background),
        "kappa": float(q.kappa),
        "predicted_a": None if predicted is None else float(predicted),
        "predicted_c": None
        if predicted is None
        else float(-predicted * (size * q.background + q.kappa)),
        "alpha": float(alpha),
        "beta": float(beta),
        "deviation": float(np.max(np.abs(d))),
        "terms": list(zip(TERMS, (float(term) for term in terms), strict=True)),
        "total": float(sum(terms)),
        "loss": ending.loss,
        "signs": signs,
        "error": alpha * r + beta + d,
    }


def _one(ensemble: Ensemble, j: int) -> tuple[Array, Array, Array, Array]:
    return (
        ensemble.w[j : j + 1],
        ensemble.b[j : j + 1],
        ensemble.a[j : j + 1],
        ensemble.c[j : j + 1],
    )


def _roles(w: Array, signs: Cell) -> list[dict[str, Any]]:
    """Per tap: its position, its value, and the equations "partial sum = -b" that it takes part in."""
    n, h = len(w), len(w) // 2
    held: list[list[str]] = [[] for _ in range(n)]
    for path, letter in ((signs.left, "C"), (signs.right, "T")):
        for count, sign in enumerate(path):
            if sign == "0" and count:
                members = range(count) if letter == "C" else range(n - count, n)
                edge = members[-1] if letter == "C" else members[0]
                terms = " + ".join(f"w({u - h})" for u in members)
                for u in members:
                    held[u].append(f"Held: {letter}({edge - h}) = {terms} = −b")
    return [{"u": u - h, "value": float(w[u]), "held": held[u]} for u in range(n)]


def explain(ensemble: Ensemble, ending: Ending, j: int, name: str) -> str:
    """The explanation of network j as markup, with the picture of its filter and of its error."""
    values = explanation(ensemble, ending, j)
    r = ensemble.setting.radii.r
    filter_picture = draw.figure_svg(
        draw.staircase(ensemble.w[j, 0], float(ensemble.b[j, 0])),
        f"{name}-staircase",
        "A trained filter and its staircases",
    )
    error = measure(ensemble).prediction[j] - r
    error_picture = draw.figure_svg(
        draw.error_between(r, error, values["error"]),
        f"{name}-error",
        "The error between half-integers, measured and predicted",
    )
    return render(
        "explained.html",
        **values,
        pictures=(Markup(filter_picture), Markup(error_picture)),
        number=j,
    )
