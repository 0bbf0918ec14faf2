"""Who explains a network: signals.py or images.py, imported when it is asked for, since the chapter
on disks takes its time.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace
from fractions import Fraction

from numerics.arithmetic.numbers import to_float
from verify.explain.value import ImageExplanation, SignalExplanation
from verify.models.checkpoint import Checkpoint
from verify.models.setup import Setup

__all__ = ["explainer", "with_radii"]

TooMuch = Callable[[Checkpoint, Setup], str]
Explain = Callable[[Checkpoint, Setup, Fraction, str], SignalExplanation | ImageExplanation]


def explainer(checkpoint: Checkpoint) -> tuple[TooMuch, Explain]:
    """``too_much`` and ``explain`` for networks with filters (K, n), or (K, n, n) of images."""
    if checkpoint.w.ndim == 2:
        from verify.explain import signals

        return signals.too_much, signals.explain
    from verify.explain import images

    return images.too_much, images.explain


def with_radii(
    explanation: SignalExplanation | ImageExplanation, said: Container[str]
) -> SignalExplanation | ImageExplanation:
    """With a note where it is not explained and errs most at an end of the radii that is a default,
    not among the settings that were ``said``.
    """
    domain, worst = explanation.setup.domain, explanation.worst_error.radius
    radius = worst if isinstance(worst, float) else to_float(worst)
    for name, end in {"r_min": domain.low, "r_max": domain.high}.items():
        if not explanation.explained and name not in said and radius == to_float(end):
            note = (
                f"it errs most at r = {radius:g}, an end of the default radii: if it was trained on"
                " others, say them with --r-min and --r-max (in Python r_min= and r_max=)"
            )
            return replace(explanation, notes=(*explanation.notes, note))
    return explanation
