"""Where each trained network ended, and whether the theory explains it.

The kinds, in the order in which they are tried:

    not converged   the trainer still saw a way down, or the gradient exceeds its rounding
    exact           the three laws hold on the sample, r̂ = r there and at every real radius between, to rounding
    interpolating   r̂ = r at every sampled radius only: the kinks of two channels cancel at the samples
    dead            no channel's answer changes with r
    blind           no channel's answer changes between half-integers, some change with φ
    pinned          a kink holds a pre-activation at 0 and the loss has two slopes there
    thresholded     a smooth stationary point with a positive loss

An ending is *explained* when it converged and its torch loss is the level that its sign pattern predicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from numerics.channel import quantities
from numerics.levels import level
from numerics.rounding import preactivation_bound, prediction_bound
from theory.activation import ACTIVATIONS
from theory.endings import LAW, EndingLaw
from theory.kinks import cell
from theory.loss import CLAIM as LOSS
from verify.ensemble import Ensemble, gradient_rounding, worst
from verify.nets import measure
from verify.residuals import residual_errors

__all__ = ["KINDS", "Ending", "classify", "wilson"]

Array = NDArray[np.float64]
KINDS = ("exact", "interpolating", "dead", "blind", "pinned", "thresholded", "not converged")
"""Every kind of ending; the order is that of the module's table but for the last."""


@dataclass(frozen=True)
class Ending:
    """One network at its end.

    Attributes
    ----------
    kind: one of :data:`KINDS`.
    cell: for exact networks ``linear``, ``threshold`` or ``balanced``, else empty.
    level: the predicted loss, from the signs of the pre-activations alone.
    loss: the loss that torch measures on real signals.
    tolerance: the rounding bound of |loss - level|.
    between: the largest |r̂ - r| over all real radii of the training range.
    gradient: the length of the part of the gradient that no held kink explains.
    """

    kind: str
    cell: str
    level: Fraction
    loss: float
    tolerance: float
    between: float
    gradient: float

    @property
    def distance(self) -> float:
        """|loss - level| in units of its tolerance."""
        return abs(self.loss - float(self.level)) / self.tolerance

    @property
    def explained(self) -> bool:
        """It converged, and its loss is the predicted level."""
        return self.kind != "not converged" and self.distance <= 1


@lru_cache(maxsize=512)
def classify(ensemble: Ensemble, law: EndingLaw = LAW) -> tuple[Ending, ...]:
    """The ending of every network of an ensemble of a positively homogeneous σ."""
    setting, weights = ensemble.setting, ensemble.weights
    measured = measure(ensemble)
    radii = setting.radii
    bound = prediction_bound(
        weights.w,
        weights.b,
        weights.a,
        weights.c,
        radii.r,
        2 * radii.half_length(setting.taps) + 1,
        setting.activation,
    )
    alpha, beta, d = residual_errors(LOSS.law, ensemble)
    # Where |e| <= B is measured, the laws give |e| <= 2B: so at half-integers is the line α r + β, and 4B
    # at the last radius, less than a cell further; D is the difference of the two.
    ends = alpha[:, None] * radii.r[[0, -1]] + beta[:, None]
    laws = np.maximum(np.max(np.abs(ends), axis=1), np.max(np.abs(d), axis=1))
    rms, most = np.sqrt(np.mean(bound**2, axis=1)), np.max(bound, axis=1)
    between = worst(setting, weights)
    stuck = ensemble.gradient > gradient_rounding(setting, weights)
    spread = _spread(ensemble)
    endings = []
    for j in range(len(weights.c)):
        loss = float(measured.loss[j])
        if stuck[j] or not ensemble.stationary[j]:
            kind = "not converged"
        elif loss <= rms[j] ** 2 and laws[j] <= 4 * most[j]:
            # Between samples the weights' own rounding and that of the evaluation add up.
            kind = "exact" if between[j] <= 2 * most[j] else "interpolating"
        elif spread.whole[j] <= most[j]:
            kind = "dead" if spread.within[j] <= most[j] else "blind"
        else:
            kind = "pinned" if np.any(ensemble.multipliers[j][:, 1] != 0) else "thresholded"
        endings.append(
            Ending(
                kind,
                _cell(ensemble, j, spread.live[j], float(most[j])) if kind == "exact" else "",
                level(radii, setting.taps, setting.activation, ensemble.pattern[j], law),
                loss,
                # The answers are off by at most B, so their mean square by 2 rms(e) rms(B) + rms(B)².
                2 * np.sqrt(loss) * rms[j] + rms[j] ** 2,
                float(between[j]),
                float(ensemble.gradient[j]),
            )
        )
    return tuple(endings)


@dataclass(frozen=True)
class _Spread:
    """How far answers move: between half-integers (whole, (B,)), within a cell ((B,)), and which channels do."""

    whole: Array
    within: Array
    live: NDArray[np.bool_]


def _spread(ensemble: Ensemble) -> _Spread:
    """From the laws: a channel moves by 2 a Δ per unit of r, and by a D(φ) within a cell."""
    setting = ensemble.setting
    q = quantities(ensemble.w, ensemble.b, setting.activation, setting.radii.phi)
    whole = 2 * setting.radii.cells * np.abs(ensemble.a * q.slope)
    within = np.max(np.abs(ensemble.a[..., None] * q.deviation), axis=2)
    tolerance = np.max(
        np.abs(ensemble.a) * preactivation_bound(ensemble.w, ensemble.b), axis=1, keepdims=True
    )
    return _Spread(
        np.max(whole, axis=1),
        np.max(within, axis=1),
        np.maximum(whole, within) > 4 * setting.taps * tolerance,
    )


def _cell(ensemble: Ensemble, j: int, live: Sequence[bool], bound: float) -> str:
    """``linear``: no kink inside any staircase; ``threshold``: at partial sums only; else ``balanced``.

    A pre-activation closer to the kink than bound/(|a| J) counts as being on it: crossing it there bends
    no answer by more than the rounding bound.
    """
    jump = max(
        (float(kink.jump) for kink in ACTIVATIONS[ensemble.setting.activation].kinks), default=0
    )
    if jump == 0:
        return "linear"
    kinds = set()
    for k in range(ensemble.setting.channels):
        if live[k]:
            tolerance = bound / (abs(float(ensemble.a[j, k])) * jump)
            kinds.add(cell(ensemble.w[j, k].tolist(), float(ensemble.b[j, k]), tolerance).kind)
    if "crossed" in kinds:
        return "balanced"
    return "threshold" if "threshold" in kinds else "linear"


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion count/total, total > 0."""
    z = 1.959963984540054
    share = count / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * np.sqrt(share * (1 - share) / total + z * z / (4 * total**2))
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))
