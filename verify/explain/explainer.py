"""Who explains a network: signals.py or images.py, imported when it is asked for, since the chapter
on disks takes its time.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from verify.explain.value import ImageExplanation, SignalExplanation
from verify.models.checkpoint import Checkpoint
from verify.models.setup import Setup

__all__ = ["explainer"]

TooMuch = Callable[[Checkpoint, Setup], str]
Explain = Callable[[Checkpoint, Setup, Fraction, str], SignalExplanation | ImageExplanation]


def explainer(checkpoint: Checkpoint) -> tuple[TooMuch, Explain]:
    """``too_much`` and ``explain`` for networks with filters (K, n), or (K, n, n) of images."""
    if checkpoint.w.ndim == 2:
        from verify.explain import signals

        return signals.too_much, signals.explain
    from verify.explain import images

    return images.too_much, images.explain
