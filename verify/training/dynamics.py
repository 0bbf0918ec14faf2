"""What the claims on training share: random starts and runs from them, independent integration of
the flow, tolerances.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from numerics.arithmetic.types import Array, Indices
from numerics.pulse.sample import Radii, pulse, windows
from numerics.training.linear_cell import Cone, coordinates
from numerics.training.steps import change_bound, end_at, sharpness, shift_error
from theory.training import linear_cell
from theory.training.steps import Steps
from verify.models.networks import Bundle, data, fresh
from verify.models.problem import Model, NetworkBatch
from verify.optimise.flow import flow
from verify.optimise.sgd import Path, batches, descend, step_rounding
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = [
    "Run",
    "corrected",
    "end_rounding",
    "integrate",
    "integrated",
    "jacobian",
    "light",
    "pull",
    "run",
    "second_moment",
    "shift",
    "shuffled",
    "starts",
]


def jacobian(
    values: Callable[[list[Fraction]], list[Fraction]],
    p: list[Fraction],
    free: Sequence[int],
    step: Fraction,
) -> list[list[Fraction]]:
    """A row of exact partial derivatives for each function, by central differences: all are
    quadratic in each weight.
    """
    columns = []
    for j in free:
        up, down = list(p), list(p)
        up[j] += step
        down[j] -= step
        differences = zip(values(up), values(down), strict=True)
        columns.append([(x - y) / (2 * step) for x, y in differences])
    return [list(row) for row in zip(*columns, strict=True)]


def second_moment(radii: Radii) -> float:
    """E[r²] over the training radii."""
    return float(np.mean(radii.r**2))


def starts(lab: Lab, model: Model, networks: int) -> NetworkBatch:
    """torch's own initial weights, keyed by the model: the first are the same however many are
    drawn.
    """
    with lab.torch(model):
        return fresh(model, networks)


def shuffled(lab: Lab, model: Model, size: int) -> Iterator[Indices]:
    """The mini-batches of ``size`` radii that networks of a model see, keyed by both: indices
    (size,), without end.
    """
    return batches(len(model.radii.r), size, lab.rng(("batches", size, model)))


def light(radii: Radii, taps: int) -> Array:
    """What every tap sees of a signal at all its positions together, and their number N: (R, n +
    1).

    With σ the identity r̂ = c + Σ_k a_k light · (w_k, b_k); counted on the signals' windows.
    """
    view = windows(pulse(radii.r, radii.half_length(taps)), taps)
    return np.asarray(view.counts @ view.rows)


def pull(
    seen: Array, r: Array, v: Array, a: Array, c: float | np.floating = 0.0
) -> tuple[Array, float]:
    """The gradient of mean((r̂ - r)²), r̂ = c + Σ_k a_k seen · v_k, by Σ_k a_k v_k and by c; seen
    (R, n), v (K, n), a (K,).

    By v_k it is a_k times the first, by a_k it is v_k · the first.
    """
    error = seen @ (a @ v) + c - r
    return 2 / len(r) * (error @ seen), 2 / len(r) * float(error.sum())


def integrate(
    w: Array, a: Array, radii: Radii, times: Array, c: float | None = None, method: str = "LSODA"
) -> tuple[Array, Array, int]:
    """Gradient flow of one network with σ the identity, integrated by scipy: w (K, n), a (K,), no
    conv bias.

    The right-hand side is the gradient of mean((r̂ - r)²) on the signals' windows: none of the
    closed forms enters. Returns w (T, K, n), a (T, K) at the ``times``, and the number of
    evaluations.
    """
    channels, n = w.shape
    seen, size, r = light(radii, n)[:, :-1], channels * n, radii.r

    def slope(y: Array) -> Array:
        taps, readout = y[:size].reshape(channels, n), y[size : size + channels]
        by_sum, by_c = pull(seen, r, taps, readout, 0.0 if c is None else y[-1])
        down = np.empty_like(y)
        down[:size] = np.multiply.outer(-readout, by_sum).ravel()
        down[size : size + channels] = -(taps @ by_sum)
        if c is not None:
            down[-1] = -by_c
        return down

    start = np.concatenate([w.ravel(), a, [] if c is None else [c]])
    y, evaluations = flow(slope, start, times, method=method)
    return y[:, :size].reshape(-1, channels, n), y[:, size : size + channels], evaluations


SHAPES = ((1, 1), (1, 5), (2, 3), (3, 7), (4, 9), (8, 3))
"""(K, n) of the networks that are integrated."""


def integrated(
    lab: Lab,
    key: str,
    times: Callable[[Cone, Radii], Array],
    claimed: Callable[[Array, Array, Radii, Array], tuple[Array, Array]],
    where: str = "",
) -> Column:
    """The integrator against what is ``claimed`` of random starts w (K, n), a (K,) at the
    ``times``, the first of which is 0.

    The integrator asks for 1e-13 in each of its evaluations; an error on the curve is stretched by
    the rest of the flow at most as the weights are, e^{|τ|}.
    """
    rng, ratios, distance = lab.rng(key), [], 0.0
    count = max(lab.profile.draws // 4, len(SHAPES))
    for t in range(count):
        k, n = SHAPES[t % len(SHAPES)]
        w, a = rng.normal(size=(k, n)) / math.sqrt(n), rng.normal(size=k) / math.sqrt(k)
        radii = Radii(n // 2 + 1, 2 + t % 3, 2)
        start = coordinates(w[None], a[None])
        when = times(start, radii)
        found_w, found_a, evaluations = integrate(w, a, radii, when)
        wanted_w, wanted_a = claimed(w, a, radii, when)
        gaps = np.max(np.abs(found_w - wanted_w)), np.max(np.abs(found_a - wanted_a))
        off, size = np.max(gaps), 1 + max(np.max(np.abs(found_w)), np.max(np.abs(found_a)))
        last = coordinates(found_w[-1:], found_a[-1:])
        turned = math.exp(abs(math.log(float(last.big_u[0] / start.big_u[0]))))
        ratios.append(off / (1e-13 * evaluations * size * turned))
        distance = float(np.max([distance, off]))
    detail = (
        "largest distance of a weight between scipy's stiff integrator (LSODA) and the closed"
        f" form{where}, {count} random starts, is {distance:.2g}; the figure is in units of the"
        " integrator's accuracy"
    )
    return column(float(np.max(ratios)), 1.0, detail)


@dataclass(frozen=True)
class Run:
    """Networks of one model trained by torch.optim.SGD, each with the step ``rate`` (B,).

    ``moment_bound`` bounds E_b[r²] of every batch.
    """

    model: Model
    start: NetworkBatch
    rate: Array
    path: Path
    cone: Cone
    second_moment: float
    moment_bound: float


def run(
    lab: Lab,
    model: Model,
    networks: int,
    fraction: float,
    steps: int,
    batch: int = 0,
    look: tuple[int, ...] = (),
    positive: bool = False,
) -> Run:
    """Train with the step ``fraction``/(λ + 2), or ``fraction``/λ without c; with ``batch`` in
    mini-batches.

    ``positive``: all initial taps replaced by their absolute values, which keeps ReLU on its
        straight part at
    least at the start.  Starts with U = 0 have probability 0 and are not excluded.
    """

    def train() -> Run:
        start = starts(lab, model, networks)
        if positive:
            start = NetworkBatch(np.abs(start.w), start.b, start.a, start.c)
        cone = coordinates(start.w, start.a)
        moment = second_moment(model.radii)
        rate = fraction / (sharpness(cone, moment) + (2.0 if model.readout_bias else 0.0))
        order = shuffled(lab, model, batch) if batch else None
        bundle = Bundle(model, start)
        path = descend(bundle, *data(model), steps, rate, order=order, look=look)
        largest = float(np.max(model.radii.r) ** 2) if batch else moment
        return Run(model, start, rate, path, cone, moment, largest)

    return lab.once(("run", model, networks, fraction, steps, batch, look, positive), train)


def end_rounding(done: Run) -> Array:
    """(B,): what rounding and the steps not taken may add to the distance of any weight from its
    predicted end.

    Each of T steps rounds by at most :func:`step_rounding`; later steps stretch an error along the
    curve by at most e^{2|τ|}.  What is left of the loss, L, bounds |2θ - 1| by √(L/V) (V in place
    of E r² covers c), and the rest of the turn by that over the slope of 2θ; twice it, since the
    slope changes on the way.
    """
    model, path = done.model, done.path
    end = path.end
    steps = len(path.losses)
    largest = np.maximum(
        step_rounding(model, done.start, done.rate), step_rounding(model, end, done.rate)
    )
    last = coordinates(end.w, end.a)
    turned = np.abs(np.log(np.maximum(last.big_u / done.cone.big_u, 1e-300)))
    r = model.radii.r
    spread = float(np.var(r)) if model.readout_bias else done.second_moment
    left = np.sqrt(np.max(path.losses[-20:], axis=0) / spread)
    slope = last.root * (last.big_u + last.big_w)
    size = np.sqrt(last.big_u + last.big_w)
    return np.asarray(
        steps * largest * np.exp(turned) + 2 * left / slope * size + 64 * math.ulp(1.0) * (1 + size)
    )


def shift(law: Steps, c: Cone, moment: float) -> Array:
    """ρ₁ (B,): the drift to first order in the step."""
    e = linear_cell.stretch(c.big_u, c.big_w, c.root, np.sqrt)
    return np.asarray(law.first_order(c.big_u, c.big_w, c.root, moment, e, np.log))


def corrected(
    law: Steps, w: Array, a: Array, moment: float, rate: Array
) -> tuple[Array, Array, Array, Array]:
    """The end to first order in the step, and proved bounds on what is left: w, a, by tap (B, K),
    by a_k (B, K).
    """
    c = coordinates(w, a)
    rho = np.maximum(rate * shift(law, c, moment), 0.0)
    error = shift_error(c, moment, rate)
    low = np.maximum(rho - error, 0.0)
    tap, read = change_bound(c, low, rho + error)
    return *end_at(w, a, rho), tap, read
