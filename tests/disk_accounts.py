"""Networks for images, explained: the documents that several tests ask for."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from verify.explain.images import explain, too_much
from verify.explain.value import ImageExplanation, document
from verify.models.checkpoint import Checkpoint
from verify.models.setup import setup_of

SETUP = {"activation": "abs", "length": "25", "r_min": "3", "r_max": "10"}
STEP = np.array([[0.0, 0.0, 0.0], [0.0, -1.0, 1.0], [0.0, 0.0, 0.0]])
"""A difference along the rows."""


def account_of(*net: Any, **other: Any) -> dict[str, Any]:
    """The JSON object of a network on disks, as :func:`explained`."""
    return document(explained(*net, **other))


def explained(
    w: np.ndarray,
    a: np.ndarray,
    b: np.ndarray | None = None,
    c: float | None = 0.0,
    tolerance: Fraction = Fraction(1, 100),
    **other: str,
) -> ImageExplanation:
    """The explanation of a network on disks; ``other`` settings take the place of
    the usual ones.
    """
    offset = None if c is None else np.array([c])
    checkpoint = Checkpoint(np.asarray(w, float), np.asarray(a, float), b, offset, {})
    setup = setup_of({**SETUP, **other}, checkpoint.w.shape[1], images=True)
    assert not too_much(checkpoint, setup)
    return explain(checkpoint, setup, tolerance)
