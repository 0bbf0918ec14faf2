"""One network predicted and trained: a closed form where there is one, the reduced dynamics elsewhere.

From the initial weights and torch's own settings (lr, momentum, weight_decay, the number of steps, the type) every weight is
predicted, then torch trains Conv1d, activation, sum, Linear, and both stand side by side.  The method is named:

    closed form        no biases, plain steps: where gradient flow ends, and what the step adds, to first order and within bounds
    reduced dynamics   3K + 1 numbers, iterated step by step, with a proved bound on rounding
    simulated          Adam: the deviations of the taps are predicted, all else is iterated without a bound
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.typing import ArrayLike

from numerics.pulse.sample import Radii

__all__ = ["Condition", "OutsideTheorem", "Prediction", "Weight", "prediction"]

NEAREST = 1e-8
"""Starts with U below this share of U + W pass the saddle so closely that rounding may decide."""
LARGEST_STEP = 0.5
"""Steps up to this share of 1/sharpness have a closed form."""
MOST = 10000
"""Steps, where their number is not given and training has not settled before."""


@dataclass(frozen=True)
class Condition:
    """A condition of the theorem, the number that decides it, and what that is."""

    name: str
    holds: bool
    value: float
    text: str


@dataclass(frozen=True)
class Weight:
    """One weight: where it began, where it is predicted and trained to be, and how far apart these are proved to be.

    ``end`` is where gradient flow, or descent with decay, ends, where a law says so.  By closed form ``corrected`` is the
    prediction to first order in the step, ``beyond`` what training adds to it.  ``rounding`` bounds the distance of exact
    arithmetic from the prediction.  None is what the method does not give; by simulation there is no bound.
    """

    name: str
    index: tuple[int, ...]
    initial: float
    predicted: float
    trained: float
    difference: float
    bound: float | None
    corrected: float | None = None
    beyond: float | None = None
    beyond_bound: float | None = None
    rounding: float | None = None
    end: float | None = None

    @property
    def agrees(self) -> bool:
        """The distances that have bounds are within them."""
        pairs = (self.difference, self.bound), (self.beyond, self.beyond_bound)
        return all(x is None or most is None or abs(x) <= most for x, most in pairs)


@dataclass(frozen=True)
class Prediction:
    """A network predicted and trained; its fields are those of docs/predict.md."""

    model: Mapping[str, str | int | bool]
    conditions: tuple[Condition, ...]
    sharpness: float
    step: Mapping[str, float]
    drift: Mapping[str, float] | None
    loss: Mapping[str, float]
    weights: tuple[Weight, ...]
    agrees: bool
    method: str
    law: str | None
    optimizer: Mapping[str, str | float | bool]
    kept: Mapping[str, float | str]


class OutsideTheorem(ValueError):
    """The start does not satisfy a condition of the theorem; the message names it."""


def prediction(
    w: ArrayLike,
    a: ArrayLike,
    b: ArrayLike | None = None,
    c: float | None = None,
    *,
    activation: str = "identity",
    optimizer: str = "sgd",
    lr: float | None = None,
    step: float = 0.01,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    steps: int | None = None,
    dtype: str = "float64",
    radii: Radii | None = None,
    length: int | None = None,
) -> Prediction:
    """Predict, train and compare one network Conv1d -> activation -> sum -> Linear on full batches of pulses.

    Parameters
    ----------
    w, a, b, c: initial weights (K, n), (K,), (K,) or None, number or None; None is a bias that the network has not.
    activation: ``identity`` or ``relu``.
    optimizer: ``sgd``, ``adam`` or ``adamw``.
    lr, momentum, dampening, nesterov, weight_decay, betas, eps: torch's.  weight_decay acts on biases, too, as in torch.
    step: without ``lr``, it is step/λ for SGD (λ is the sharpness where flow without conv bias would end) and torch's 0.001 for Adam.
    steps: their number; None: until training has settled, at most 10000.
    dtype: ``float64`` or ``float32``; the initial weights are rounded to it.
    radii, length: plateau radii on the smallest number of pixels that never shows the border; others have to be clear of it, too.

    Raises
    ------
    OutsideTheorem: the start does not satisfy a condition; the message names it.
    """
    raise NotImplementedError
