"""Where each trained network ended, and whether the theory explains it.

The kinds, in the order in which they are tried:

    not converged   some one-sided derivative of the loss is negative beyond rounding
    exact           the three laws hold on the sample, r̂ = r there and at every real radius
                    between, to rounding
    interpolating   r̂ = r at every sampled radius only: the kinks of two channels cancel at the
                    samples
    dead            the answer does not change with r
    blind           the answer does not change with m, and does with φ
    pinned          a pre-activation lies on the kink, where the loss has one-sided derivatives only
    thresholded     a smooth stationary point with a positive loss

An ending is *explained* when it converged and its torch loss is the level that its sign pattern
predicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from numerics.arithmetic.rounding import prediction_bound
from numerics.arithmetic.types import Array, Flags, Signs
from numerics.pulse.channel import quantities
from numerics.pulse.least_loss import level
from theory.expressions.spelling import spelled
from theory.pulse.endings import LAW, EndingLaw
from theory.pulse.kinks import cell
from theory.pulse.loss import CLAIM as LOSS
from verify.models.networks import measure
from verify.models.problem import Ensemble
from verify.optimise.residuals import worst
from verify.optimise.stationary import Descent, descent, signs
from verify.pulse.residuals import residual_errors

__all__ = ["KINDS", "Ending", "classify", "wilson"]

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
    gradient: how fast the loss falls along the steepest way down, over |d| <= 1; 0 to rounding at
        an end.
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


RESOLUTION = 2.0**-20
"""A network whose answers are known no better than this, in pixels, is not judged at all."""


def classify(
    ensemble: Ensemble, law: EndingLaw = LAW, looked: Look | None = None
) -> tuple[Ending, ...]:
    """The ending of every network of an ensemble of a positively homogeneous σ, from its weights
    alone.

    What the trainer says of signs, held kinks and convergence is not used: all of it is found
    again, by :func:`look` if it was not asked before.
    """
    setting, weights = ensemble.setting, ensemble.weights
    looked = looked or look(ensemble)
    measured = measure(ensemble)
    endings = []
    for j in range(len(weights.c)):
        loss, most = float(measured.loss[j]), looked.most[j]
        kind = looked.kind(j, loss)
        endings.append(
            Ending(
                kind,
                _cell(ensemble, j, looked.live[j], most) if kind == "exact" else "",
                level(setting.radii, setting.taps, setting.activation, looked.pattern[j], law),
                loss,
                # The answers are off by at most B, so their mean square by 2 rms(e) rms(B) +
                # rms(B)².
                2 * np.sqrt(loss) * looked.rms[j] + looked.rms[j] ** 2,
                float(looked.between[j]),
                -looked.ways[j].slope,
            )
        )
    return tuple(endings)


@dataclass(frozen=True)
class Look:
    """What is measured of every network; :meth:`kind` judges.

    B bounds the rounding of one answer.  rms and most: its root mean square and maximum over the
    radii.
    laws: the largest |α r + β| or |D| at the sampled radii.  whole and within: how far the answer
        moves with
    m, and with φ.  ways: the steepest ways down.
    """

    pattern: Signs
    rms: Array
    most: Array
    between: Array
    laws: Array
    whole: Array
    within: Array
    live: Flags
    ways: list[Descent]

    def kind(self, j: int, loss: float) -> str:
        """The kind of network j, in the order of the module's table."""
        most, way = self.most[j], self.ways[j]
        if most > RESOLUTION or way.slope < -way.noise:
            return "not converged"
        if loss <= self.rms[j] ** 2 and self.laws[j] <= 4 * most:
            # Between samples the weights' own rounding and that of the evaluation add up.
            return "exact" if self.between[j] <= 2 * most else "interpolating"
        if self.whole[j] <= 4 * most:
            return "dead" if self.within[j] <= 4 * most else "blind"
        return "pinned" if way.held else "thresholded"


def look(ensemble: Ensemble) -> Look:
    """Measure every network; no law of endings is asked."""
    setting, weights = ensemble.setting, ensemble.weights
    radii = setting.radii
    bound = prediction_bound(
        weights.w, weights.b, weights.a, weights.c, radii.r, setting.pixels, setting.activation
    )
    alpha, beta, d = residual_errors(LOSS.law, setting, weights)
    # Where |e| <= B is measured, the laws give |e| <= 2B: so at half-integers is the line α r + β,
    # and 4B at the last radius, less than a cell further; D is the difference of the two.
    ends = alpha[:, None] * radii.r[[0, -1]] + beta[:, None]
    q = quantities(weights.w, weights.b, setting.activation, radii.phi)
    moves = np.maximum(
        2 * radii.cells * np.abs(weights.a * q.slope),
        np.max(np.abs(weights.a[..., None] * q.deviation), axis=2),
    )
    most = np.max(bound, axis=1)
    pattern = signs(setting, weights)
    return Look(
        pattern,
        np.sqrt(np.mean(bound**2, axis=1)),
        most,
        worst(setting, weights),
        np.maximum(np.max(np.abs(ends), axis=1), np.max(np.abs(d), axis=1)),
        radii.cells * np.abs(alpha + 1),
        np.max(np.abs(d), axis=1),
        moves > most[:, None],
        [descent(setting, weights, j, pattern[j]) for j in range(len(weights.c))],
    )


def _cell(ensemble: Ensemble, j: int, live: Sequence[bool], bound: float) -> str:
    """``linear``: no kink inside any staircase; ``threshold``: at partial sums only; else
    ``balanced``.

    A pre-activation closer to the kink than bound/(|a| J) counts as being on it: crossing it there
    bends no answer by more than the rounding bound.
    """
    jump = max((float(kink.jump) for kink in spelled(ensemble.setting.activation).kinks), default=0)
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
    from scipy.stats import binomtest  # slow to import: not where nothing is counted

    interval = binomtest(count, total).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
