"""The reduced dynamics against torch: followed step by step with their bounds, or, for Adam,
simulated.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from numerics.arithmetic.types import Array
from numerics.training.active import margins as flow_margins
from numerics.training.forward_error import HIGHEST, UNITS, Enclosed, enclosed, margins, rounding
from numerics.training.linear_cell import coordinates
from numerics.training.reduced import Adam, Simulated, Weights, adam, sharpness
from numerics.training.steps import drift_bound, end_at
from theory.training import conv_bias, ridge
from theory.training.reduced import Sgd
from verify.training.side_by_side import (
    Condition,
    OutsideTheorem,
    Prediction,
    Task,
    bends,
    bounds,
    condition,
    flat,
    judged,
    kept,
    leaves,
    saddle,
    settings,
    table,
)

__all__ = ["ADAM_STEPS", "MOST", "flow_end", "followed", "simulated"]

MOST = 4000
"""Steps of SGD, where their number is not given and training has not settled before."""
ADAM_STEPS = 1000
"""Steps of Adam, where their number is not given."""


def flow_end(start: Weights) -> Weights:
    """Where gradient flow ends from there, its conv bias, if any, taken for 0 and untrained."""
    w, a = end_at(start.w[None], start.a[None], np.zeros(1))
    b = None if start.b is None else np.zeros_like(start.b)
    return Weights(w[0], a[0], b, None if start.c is None else 0.0)


def followed(task: Task, unit: float, rule: Sgd, steps: int | None) -> Prediction:
    """The reduced dynamics to the last step, and torch's run beside them; ``unit`` is the sharpness
    that steps are measured in.

    Raises
    ------
    OutsideTheorem: a partial sum is not shown to stay positive under ReLU, the bound is of no use,
        or a number may leave the range of the type: at which step.
    """
    last, count, least, moved = _path(task, rule, steps, unit)
    end = task.start.at(last.x)
    with np.errstate(over="ignore"):
        share = rule.lr * (sharpness(end, task.problem) + rule.weight_decay)
    share /= 2 * (1 + rule.momentum) / (1 + 2 * rule.momentum * rule.nesterov)
    if not math.isfinite(share):
        raise OutsideTheorem(
            f"the squares of the weights after step {count} leave float64; take a smaller --lr"
        )
    text = "the step, as a part of the largest at which the last weights are stable"
    met = [*saddle(task), condition("threshold", share < 1, share, text)]
    if rule == Sgd(rule.lr) and task.model.biases == (False, False):
        met.insert(1, _shrinks(task, unit, rule.lr))
    text = "the last step moves no weight by more than its rounding"
    if moved:
        text = "so far the last step moves a weight: what comes after it is not predicted"
    met.append(Condition("settled", not moved, moved, text))
    if task.model.activation == "relu":
        text = "least margin of a partial sum on the way"
        met.append(condition("linear cell", True, least, text))
    law, limit = _limit(task, rule, end)
    make = partial(
        torch.optim.SGD,
        lr=rule.lr,
        momentum=rule.momentum,
        dampening=rule.dampening,
        weight_decay=rule.weight_decay,
        nesterov=rule.nesterov,
    )
    path, trained = task.trained(count, make)
    run, exact = (bounds(task, off[0]) for off in (last.run, last.exact))
    ends = [None] * len(run) if limit is None else flat(limit)
    weights = [
        replace(weight, bound=bound, rounding=rounds, end=value)
        for weight, bound, rounds, value in zip(
            table(task, end, trained), run, exact, ends, strict=True
        )
    ]
    return judged(
        task,
        weights,
        tuple(met),
        path,
        sharpness=unit,
        step={"fraction": rule.lr * unit, "size": rule.lr, "steps": count},
        method="reduced dynamics",
        law=law,
        optimizer=settings("sgd", rule),
        kept=kept(task, trained, float(last.x[-1]), 2 * float(last.run[0, -1])),
    )


def _shrinks(task: Task, unit: float, rate: float) -> Condition:
    """Whether steps of this size are shown to shrink, without biases."""
    start = coordinates(task.start.w[None], task.start.a[None])
    shown = math.isfinite(float(drift_bound(start, task.problem.second, rate)[0]))
    text = "of 1/sharpness; the steps are shown to shrink"
    if not shown:
        text = (
            "of 1/sharpness; the steps are not shown to shrink, those that are counted here are"
            " proved all the same"
        )
    return condition("step", shown, rate * unit, text)


def _path(
    task: Task, rule: Sgd, steps: int | None, unit: float
) -> tuple[Enclosed, int, float, float]:
    """(the last moment, its number of steps, the least margin of ReLU on the way, what the last
    step moved beyond rounding).
    """
    least, useful = math.inf, 0
    before = np.full(3 * task.model.channels + 1, math.inf)
    path = enclosed(task.start, task.problem, rule, task.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for t, moment in enumerate(path):
            numbers = moment.x[:-1]
            size, reach = float(np.max(np.abs(numbers))), float(np.max(moment.run[0]))
            inside = moment.largest <= HIGHEST[task.dtype]
            if not inside or not reach < size:
                reason = (
                    f"bound: at step {t} the bound on rounding is as large as the weights, and"
                    " nothing is shown from there on; take a smaller --lr"
                )
                large = (
                    f"--lr {rule.lr:.3g} is {rule.lr * unit:.3g} times 1/sharpness, and training"
                )
                cause = f"{large} may diverge: " if rule.lr * unit > 1 else ""
                ways = [reason if inside else cause + leaves(t, task.dtype)]
                share = "the bound on rounding is a hundredth of the weights"
                ways += [f"--steps {useful}, where {share}"] * (useful > 0)
                ways += ["--dtype float64"] * (task.dtype != "float64")
                raise OutsideTheorem(", or ".join(ways))
            useful = t if 100 * reach < size else useful
            if task.model.activation == "relu":
                room = margins(task.start, moment, task.dtype)
                least = min(least, float(np.min(room)))
                if not least > 0:
                    raise OutsideTheorem(bends(int(np.argmin(room)), least, t))
            change = float(np.max(np.abs(numbers - before)))
            moved = change if change > 4 * UNITS["float64"] * size else 0.0
            if t == steps or (steps is None and (not moved or t == MOST)):
                break
            before = numbers
    return moment, t, least, moved


def _limit(task: Task, rule: Sgd, last: Weights) -> tuple[str | None, Weights | None]:
    """(the law that says where training ends for small steps, the weights there); None where none
    is known.
    """
    start, problem = task.start, task.problem
    relu, biases = task.model.activation == "relu", task.model.biases
    if not rule.weight_decay and not biases[0]:
        inside = np.all(flow_margins(start.w[None], start.a[None]) > 0)
        return ("flow", flow_end(start)) if inside or not relu else (None, None)
    if rule.weight_decay and biases == (False, False):
        end = _box(start, problem.second, rule.weight_decay / 2, last)
        return ("ridge", end) if np.all(end.w > 0) or not relu else (None, None)
    if not rule.weight_decay and biases == (True, False) and len(start.a) == 1 and not relu:
        law, numbers = conv_bias.LAW, start.numbers.tolist()
        taps, bias, readout = start.w[0].tolist(), numbers[2], numbers[0]
        balance = law.balance(taps, bias, readout)
        if law.sign_is_kept(balance, problem.loss(start.numbers), problem.second):
            sign = 1 if readout > 0 else -1
            w, a = conv_bias.end(law, taps, bias, readout, sign, math.sqrt)
            return "conv_bias", Weights(np.array([w]), np.array([a]), np.zeros(1))
    return None, None


def _box(start: Weights, moment: float, penalty: float, last: Weights) -> Weights:
    """Where descent with decay ends without biases: E[r²] takes the place of Var r."""
    root = math.sqrt(start.w.shape[1])
    if penalty >= ridge.LAW.collapse(moment, root):
        return Weights(0 * start.w, 0 * start.a)
    u, now = (coordinates(x.w[None], x.a[None]).u[0] for x in (start, last))
    # A large step, or momentum, may have turned all of u over.
    sign = math.copysign(1.0, float(u @ now))
    theta = ridge.LAW.angle(penalty, moment, root)
    a, taps = ridge.LAW.box((sign * u).tolist(), theta, root, math.sqrt)
    return Weights(np.repeat(np.array(taps)[:, None], start.w.shape[1], axis=1), np.array(a))


def simulated(task: Task, unit: float, rule: Adam, name: str, steps: int | None) -> Prediction:
    """Adam: the deviations of the taps are predicted; all else is iterated, with no bound.

    Raises
    ------
    OutsideTheorem: a partial sum becomes negative under ReLU, or a number leaves the range of the
        type: at which step.
    """
    count = ADAM_STEPS if steps is None else steps
    least, spread = math.inf, _Spread(task, rule)
    moments = adam(task.start, task.problem, rule)
    for t in range(count + 1):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            moment, before = next(moments), spread.largest
            spread.see(t, moment)
        sizes = np.max(np.abs(moment.x)), before, spread.total
        if not np.max(sizes) <= HIGHEST[task.dtype]:
            raise OutsideTheorem(leaves(t, task.dtype))
        if task.model.activation == "relu":
            room = margins(task.start, Enclosed.known(moment.x), task.dtype)
            least = min(least, float(np.min(room)))
            if not least > 0:
                raise OutsideTheorem(bends(int(np.argmin(room)), least, t))
    met = saddle(task)
    if task.model.activation == "relu":
        text = "least margin of a partial sum in the simulation"
        met.append(condition("linear cell", True, least, text))
    make = partial(
        torch.optim.AdamW if name == "adamw" else torch.optim.Adam,
        lr=rule.lr,
        betas=(rule.beta1, rule.beta2),
        eps=rule.eps,
        weight_decay=rule.weight_decay,
    )
    path, trained = task.trained(count, make)
    # A simulation has no bound: torch may leave its type where the simulation stays.
    if not np.all(np.isfinite([*flat(trained), *path.losses[:, 0]])):
        raise OutsideTheorem(leaves(count, task.dtype))
    return judged(
        task,
        table(task, task.start.at(moment.x), trained),
        tuple(met),
        path,
        sharpness=unit,
        step={"fraction": rule.lr * unit, "size": rule.lr, "steps": count},
        method="simulated",
        law=None,
        optimizer=settings(name, rule),
        kept=kept(task, trained, float(moment.x[-1]), spread.total),
    )


class _Spread:
    """An estimate of how far rounding drives the taps of a filter apart under Adam, along the
    simulation.

    A gradient that is rounded by ε moves the two moments, and the step m/(√v + eps) by what its
    derivatives say.
    """

    def __init__(self, task: Task, rule: Adam) -> None:
        self.task, self.rule, self.total, self.rounds = task, rule, 0.0, 0.0
        self.mean, self.square = np.zeros(task.model.channels), np.zeros(task.model.channels)
        self.largest = 0.0  # of all numbers that the next step computes: squares of gradients, too

    def see(self, t: int, moment: Simulated) -> None:
        """The next step: its moments come from the gradient at the weights before,
        rounded there.
        """
        rule, k, unit = self.rule, self.task.model.channels, UNITS[self.task.dtype]
        if t:
            mean, square = (np.abs(x[k : 2 * k]) for x in (moment.mean, moment.square))
            self.mean = rule.beta1 * self.mean + (1 - rule.beta1) * self.rounds + 4 * unit * mean
            grown = (1 - rule.beta2) * (2 * self.slope + self.rounds) * self.rounds
            self.square = rule.beta2 * self.square + grown + 4 * unit * square
            fade = 1 - rule.beta2**t
            least = np.sqrt(np.maximum(square - self.square, 0) / fade) + rule.eps
            size = np.sqrt(square / fade) + rule.eps
            off = self.mean / least + mean * (size - least) / (size * least)
            step = rule.lr / (1 - rule.beta1**t) * float(np.max(off))
            self.total += 2 * (
                step + 4 * unit * float(np.max(np.abs(self.task.start.at(moment.x).w)))
            )
        problem, none = self.task.problem, np.zeros((2, len(moment.x)))
        one = rounding(self.task.start, problem, Sgd(1.0), moment.x, none[0], none, self.task.dtype)
        self.rounds = float(one.box[1, -1])
        slope = np.abs(problem.gradient(moment.x, self.task.start))
        self.slope: Array = slope[k : 2 * k]
        self.largest = float(np.max([one.largest, np.max(slope) ** 2]))
