"""One network predicted and trained: a closed form where there is one, the reduced dynamics
elsewhere.

From the initial weights and torch's own settings (lr, momentum, weight_decay, the number of steps,
the type) every weight is predicted, then torch trains Conv1d, activation, sum, Linear, and both
stand side by side.  The method is named:

    closed form        no biases, plain steps: where gradient flow ends, and what the step adds, to
                       first order and within bounds
    reduced dynamics   3K + 1 numbers, iterated step by step, with a proved bound on rounding
    simulated          Adam: the deviations of the taps are predicted, all else is iterated without
                       a bound
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike

from numerics.arithmetic.types import Array
from numerics.pulse.sample import Radii
from numerics.training.active import margins
from numerics.training.forward_error import HIGHEST, UNITS, Enclosed, rounding
from numerics.training.forward_error import margins as first_margins
from numerics.training.linear_cell import coordinates
from numerics.training.reduced import Adam, Problem, Weights, sharpness
from numerics.training.steps import change_bound, drift_bound
from numerics.training.steps import sharpness as flow_sharpness
from theory.training import linear_cell
from theory.training.reduced import Sgd
from theory.training.steps import LAW, first_order
from verify.models.problem import Model
from verify.training.dynamics import Run, corrected, end_rounding
from verify.training.reduced import flow_end, followed, simulated
from verify.training.side_by_side import (
    CITED,
    Condition,
    OutsideTheorem,
    Prediction,
    Task,
    bends,
    condition,
    flat,
    judged,
    kept,
    saddle,
    settings,
    table,
)

__all__ = ["LARGEST_STEP", "NEAREST", "OPTIMIZERS", "admitted", "prediction"]

NEAREST = 1e-8
"""Starts with U below this share of U + W pass the saddle so closely that rounding may decide."""
SMALLEST = 2.0**-960
"""Starts with U + W below this: their squares lose digits, or all."""
LARGEST_STEP = 0.5
"""Steps up to this share of 1/sharpness have a closed form."""
TORCH_ADAM = 0.001
"""torch's lr of Adam."""
OPTIMIZERS = ("sgd", "adam", "adamw")
"""What is predicted, in torch's words."""


def prediction(
    w: ArrayLike,
    a: ArrayLike,
    b: ArrayLike | None = None,
    c: ArrayLike | None = None,
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
    """Predict, train and compare one network Conv1d -> activation -> sum -> Linear on full batches
    of pulses.

    Parameters
    ----------
    w, a, b, c: initial weights (K, n), (K,), (K,) or None, (1,) or None; None is a bias that the
        network has not.
    activation: ``identity`` or ``relu``.
    optimizer: ``sgd``, ``adam`` or ``adamw``.
    lr, momentum, dampening, nesterov, weight_decay, betas, eps: torch's.  weight_decay acts on
        biases, too, as in torch.
    step: without ``lr``, it is step/λ for SGD (λ is the sharpness where flow without conv bias
        would end) and torch's 0.001 for Adam.
    steps: their number; None: until training has settled, at most 4000.
    dtype: ``float64`` or ``float32``; the initial weights are rounded to it.
    radii, length: plateau radii on the smallest number of pixels that never shows the border;
        others have to be clear of it, too.

    Raises
    ------
    OutsideTheorem: the start does not satisfy a condition; the message names it.
    """
    if optimizer not in OPTIMIZERS:
        raise OutsideTheorem(f"optimizer {optimizer!r}: one of {', '.join(OPTIMIZERS)}")
    if dtype not in UNITS:
        raise OutsideTheorem(f"the type {dtype}: training in {' and '.join(UNITS)} is predicted")
    if not 0 <= dampening <= 1:
        raise OutsideTheorem(f"dampening {dampening:g}: from 0 to 1 is predicted")
    if not 0 < (step if lr is None else lr) < math.inf:
        raise OutsideTheorem(f"lr {step if lr is None else lr:g}: a positive number is predicted")
    if optimizer == "adam" and weight_decay:
        raise OutsideTheorem(
            "weight decay enters Adam's gradient, and nothing of the taps is kept; with adamw their"
            " deviations are, but for a factor"
        )
    task = _task(w, a, b, c, activation, dtype, radii, length)
    unit = _unit(task)
    if optimizer != "sgd":
        rate = TORCH_ADAM if lr is None else lr
        if not rate * unit < math.inf:
            raise OutsideTheorem("lr times the sharpness overflows; take a smaller --lr")
        return simulated(task, unit, Adam(rate, *betas, eps, weight_decay), optimizer, steps)
    rate, fraction = (step / unit, step) if lr is None else (lr, lr * unit)
    rule = Sgd(rate, momentum, weight_decay, dampening, nesterov)
    plain = rule == Sgd(rate) and steps is None and length is None and dtype == "float64"
    if plain and task.model.biases == (False, False) and fraction <= LARGEST_STEP:
        met = _closed_conditions(task, rate)
        if math.isfinite(met[1].value):
            return _closed(task, rate, fraction, met)
    return followed(task, unit, rule, steps)


def admitted(
    w: ArrayLike,
    a: ArrayLike,
    b: ArrayLike | None = None,
    c: ArrayLike | None = None,
    *,
    activation: str,
    step: float,
) -> None:
    """Ask of a start what it alone decides: without biases all that the closed form asks for, with
    them ReLU's first step.

    The arguments are those of :func:`predict`: w (K, n), a (K,), b (K,) and c (1,) where there are
    any; ``step`` is a share of 1/λ.

    Raises
    ------
    OutsideTheorem: a condition does not hold.
    """
    task = _task(w, a, b, c, activation, "float64", None, None)
    unit = _unit(task)
    if task.model.biases == (False, False):
        _closed_conditions(task, step / unit)
    elif activation == "relu":
        room = first_margins(task.start, Enclosed.known(task.start.numbers), "float64")
        if not np.all(room > 0):
            raise OutsideTheorem(bends(int(np.argmin(room)), float(np.min(room))))


def _task(
    w: ArrayLike,
    a: ArrayLike,
    b: ArrayLike | None,
    c: ArrayLike | None,
    activation: str,
    dtype: str,
    radii: Radii | None,
    length: int | None,
) -> Task:
    with np.errstate(over="ignore"):
        rounded = [
            None if x is None else np.asarray(x, dtype=dtype).astype(float) for x in (w, a, b, c)
        ]
    if not all(x is None or np.all(np.isfinite(x)) for x in rounded):
        raise OutsideTheorem(f"an initial weight is no number that {dtype} holds")
    taps, readout, bias, offset = rounded
    assert taps is not None and readout is not None
    start = Weights(taps, readout, bias, None if offset is None else float(np.ravel(offset)[0]))
    channels, n = taps.shape
    r = radii or Radii(n // 2 + 1, 4, 2)
    if r.per_cell & (r.per_cell - 1) or r.first <= n // 2:
        raise OutsideTheorem(f"radii: those are predicted that are dyadic, and from {n / 2:g} on")
    least = 2 * r.half_length(n) + 1
    if length is not None and (length < least or length % 2 == 0):
        raise OutsideTheorem(
            f"length {length}: an odd one from {least} on is predicted, so that no filter sees the"
            " border"
        )
    model = Model(
        activation, channels, n, b is not None, c is not None, r.first, r.cells, r.per_cell
    )
    return Task(model, start, Problem(r.r, length or least, n), dtype)


def _unit(task: Task) -> float:
    """The sharpness where gradient flow would end without conv bias, by all that is trained: what
    steps are measured in.

    Raises
    ------
    OutsideTheorem: the flow from there runs into the saddle, and there is no conv bias to lead
        elsewhere; or the squares overflow.
    """
    start, problem = task.start, task.problem
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        c = coordinates(start.w[None], start.a[None])
        big_u, big_w = float(c.big_u[0]), float(c.big_w[0])
        speed = float(flow_sharpness(c, problem.second)[0])
    if not math.isfinite(big_u + big_w) or not speed < math.inf:
        raise OutsideTheorem("the squares of these weights overflow")
    leads_on = big_u > NEAREST * (big_u + big_w)
    if leads_on and big_u + big_w < SMALLEST:
        raise OutsideTheorem("the squares of these weights underflow")
    if not leads_on and start.b is None:
        raise OutsideTheorem(
            f"U > 0: U = Σ(a + S/√n)² is {big_u:.3g} beside W = {big_w:.3g}; from there training"
            f" runs into the saddle at 0; {CITED['U > 0']}"
        )
    if start.b is None and start.c is None:
        return speed
    speed = sharpness(flow_end(start) if leads_on else start, problem)
    if not speed < math.inf:
        raise OutsideTheorem("the squares of these weights overflow")
    return speed


def _closed_conditions(task: Task, rate: float) -> tuple[Condition, ...]:
    """What the closed form asks for; where the drift is not bounded, the caller looks elsewhere.

    Raises
    ------
    OutsideTheorem: a partial sum of the taps becomes negative under ReLU.
    """
    w, a = task.start.w[None], task.start.a[None]
    rho = drift_bound(coordinates(w, a), task.problem.second, rate)
    text = "the steps shrink, and their drift is at most this"
    met = [*saddle(task), condition("step", True, float(rho[0]), text)]
    if task.model.activation == "relu" and math.isfinite(float(rho[0])):
        room = margins(w, a, rho)[0]
        worst = int(np.argmin(room))
        if not room[worst] > 0:
            raise OutsideTheorem(bends(worst, float(room[worst])))
        text = "least margin of a partial sum on the way"
        met.append(condition("linear cell", True, float(room[worst]), text))
    return tuple(met)


def _closed(
    task: Task, rate: float, fraction: float, conditions: tuple[Condition, ...]
) -> Prediction:
    """No biases, plain steps: the end of gradient flow, and the first order in the step."""
    w, a = task.start.w[None], task.start.a[None]
    c, moment, rates = coordinates(w, a), task.problem.second, np.array([rate])
    rho = drift_bound(c, moment, rates)
    e = linear_cell.stretch(c.big_u, c.big_w, c.root, np.sqrt)
    low = (1 - np.sqrt(1 + c.root**2 * c.big_u * c.big_w)) / (c.root * c.big_u)
    # e^{-λt} times where the logistic equation begins, down to rounding.
    begin = float(np.abs((1 - e) / (1 - low))[0])
    steps = math.ceil((40 + math.log1p(begin)) / fraction)
    _inside(task, rate, float(rho[0]))
    path, trained = task.trained(steps, partial(torch.optim.SGD, lr=rate))
    end = flow_end(task.start)
    near_w, near_a, *near_bound = corrected(LAW, w, a, moment, rates)
    more = float(end_rounding(Run(task.model, task.batch, rates, path, c, moment, moment))[0])
    whole, left = (
        _spread(task, tap[0] + more, read[0] + more)
        for tap, read in (change_bound(c, np.zeros(1), rho), near_bound)
    )
    columns = flat(Weights(near_w[0], near_a[0])), whole, left
    weights = [
        replace(
            weight,
            bound=bound,
            corrected=first,
            beyond=weight.trained - first,
            beyond_bound=beyond,
            end=weight.predicted,
        )
        for weight, first, bound, beyond in zip(table(task, end, trained), *columns, strict=True)
    ]
    drift = float((rates * first_order(c.big_u, c.big_w, c.root, moment, e, np.log))[0])
    return judged(
        task,
        weights,
        conditions,
        path,
        sharpness=float(flow_sharpness(c, moment)[0]),
        step={"fraction": fraction, "size": rate, "steps": steps},
        drift={"first_order": drift, "bound": float(rho[0])},
        method="closed form",
        law="flow, steps",
        optimizer=settings("sgd", Sgd(rate)),
        kept=kept(task, trained, 1.0, 2 * more),
    )


def _inside(task: Task, rate: float, drift: float) -> None:
    """Raise where a number on the way may leave float64: |a| and |s| stay below Σ(|a| + |s|) of
    both ends, but for the drift.

    In a ± s every step multiplies, always one up and the other down.
    """
    x, k = task.start.numbers, task.model.channels
    both = np.abs(x) + np.abs(flow_end(task.start).numbers)
    off = np.zeros((2, len(x)))
    off[0, : 2 * k] = (
        math.exp(drift) * math.sqrt(task.model.taps) * 2 * float(np.sum(both[: 2 * k]))
    )
    with np.errstate(over="ignore", invalid="ignore"):
        way = rounding(task.start, task.problem, Sgd(rate), x, 0 * x, off, "float64")
    if not way.largest <= HIGHEST["float64"]:
        raise OutsideTheorem("a gradient or the loss may leave float64 on the way")


def _spread(task: Task, tap: Array, read: Array) -> list[float]:
    """Bounds by channel as bounds on every weight."""
    return flat(Weights(np.repeat(tap[:, None], task.model.taps, axis=1), read))
