"""Noisy pulses: the moments against quadrature, the risk against simulation, and networks trained
on fresh noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from itertools import product as every

import numpy as np
import torch
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import norm

from numerics.arithmetic import oracle
from numerics.arithmetic.types import Array
from numerics.pulse.sample import Radii, pulse
from numerics.training.noise import NUMERIC, Problem, best, moments, risk, scan, small_noise_ratio
from theory.training import gaussian
from theory.training.noise import LAW, Noise, linear_risk
from verify.models.networks import Network, data
from verify.models.problem import Model, NetworkBatch
from verify.optimise.sgd import OPTIMIZERS, descend
from verify.report import figures as draw
from verify.report import path_figures
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.training.dynamics import starts
from verify.training.noisy import Averaged, average, interval

__all__ = ["EVIDENCE", "check", "figures", "train"]

LEVEL = 1e-6
"""The probability with which chance alone turns the column red; shared among all comparisons
(Bonferroni).
"""


def _limit(comparisons: int) -> float:
    return float(norm.isf(LEVEL / 2 / comparisons))


# ------------------------------------------------------------------------------------------ check


def check(law: Noise, lab: Lab) -> Column:
    """The linear risk by enumeration in rationals, the moments by quadrature, ReLU's risk by
    simulation.
    """
    drawn = lab.once("noise/cases", _cases, lab)
    wrong = sum(not _linear_agrees(law, case) for case in drawn.linear)
    wrong += sum(not _moments_agree(law, case) for case in drawn.pairs)
    wrong += sum(not _quiet_agrees(law, case) for case in drawn.quiet)
    worst = float(np.max([_simulated(law, case) for case in drawn.simulated]))
    detail = sentence("noise", "check", pairs=len(drawn.pairs), quiet=len(QUIET), worst=worst)
    return column(wrong if worst <= _limit(3) else math.inf, 0, detail)


@dataclass(frozen=True)
class Cases:
    """What is drawn, enumerated, integrated and simulated before any law is asked.

    linear: (V, N, s, E r, the risk as a function of θ and c); pairs: (means, deviations, ρ, the
        three moments and their
    accuracies); quiet: (problem without noise, least risk over the linear one at two levels);
    simulated: (problem, w, b, features (copies, R)).
    """

    linear: tuple[
        tuple[Fraction, int, Fraction, Fraction, Callable[[Fraction, Fraction], Fraction]], ...
    ]
    pairs: tuple[tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]], ...]
    quiet: tuple[tuple[Problem, float, float], ...]
    simulated: tuple[tuple[Problem, Array, float, Array], ...]


def _cases(lab: Lab) -> Cases:
    rng = lab.rng("noise")
    linear = tuple(_enumerated(rng) for _ in range(8))
    pairs = tuple(_integrated(rng) for _ in range(max(lab.profile.draws // 2, 20)))
    simulated = tuple(_noisy(rng, n) for n in (1, 3, 5))
    return Cases(linear, pairs, tuple(_quiet(*scene) for scene in QUIET), simulated)


def _enumerated(
    rng: np.random.Generator,
) -> tuple[Fraction, int, Fraction, Fraction, Callable[[Fraction, Fraction], Fraction]]:
    """Noise ±s on each pixel has the same first two moments: every combination is put through the
    network.
    """
    radii = [Fraction(1, 2), Fraction(1), Fraction(3, 2)]
    noise = Fraction(int(rng.integers(1, 9)), 8)
    length, total = 1, Fraction(int(rng.integers(1, 9)), 4)
    pixels = 2 * length + 1
    mean = sum(radii, Fraction(0)) / 3
    spread = sum(((r - mean) ** 2 for r in radii), Fraction(0)) / 3

    @cache
    def value(theta: Fraction, c: Fraction) -> Fraction:
        a, squares = theta / total, Fraction(0)
        for r in radii:
            x = oracle.overlap_pulse(r, length)
            for signs in every((-1, 1), repeat=pixels):
                noisy = [p + s * noise for p, s in zip(x, signs, strict=True)]
                error = c + a * sum((total * p for p in noisy), Fraction(0)) - r
                squares += error * error
        return Fraction(squares / (3 * 2**pixels))

    return spread, pixels, noise, mean, value


def _linear_agrees(
    law: Noise,
    case: tuple[Fraction, int, Fraction, Fraction, Callable[[Fraction, Fraction], Fraction]],
) -> bool:
    spread, pixels, noise, mean, value = case
    theta = law.angle(spread, pixels, noise)
    c = (1 - 2 * theta) * mean
    # A quadratic form: its central differences are its derivatives.
    flat = value(theta + 1, c) == value(theta - 1, c) and value(theta, c + 1) == value(theta, c - 1)
    return bool(flat and value(theta, c) == law.linear_risk(spread, pixels, noise))


def _integrated(
    rng: np.random.Generator,
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """One-dimensional integrals; for the pair E[X₊ E(Y₊ | X)], the inner mean by
    quadrature, too.
    """
    mu, nu = rng.normal(size=2)
    sd, other = rng.uniform(0.3, 2, 2)
    rho = float(rng.uniform(-0.9, 0.9))
    q = math.sqrt(1 - rho * rho)

    def density(z: float, m: float, s: float) -> float:
        return math.exp(-(((z - m) / s) ** 2) / 2) / (s * math.sqrt(2 * math.pi))

    def top(m: float, s: float) -> float:
        return max(m, 0) + 12 * s

    single = [
        quad(lambda z, power=power: z**power * density(z, mu, sd), 0, top(mu, sd), epsabs=1e-12)
        for power in (1, 2)
    ]
    node, weight = np.polynomial.legendre.leggauss(60)
    ends = [0.0, top(mu, sd) / 3, top(mu, sd)]

    def inner(x: float) -> float:
        m, s = nu + rho * other * (x - mu) / sd, other * q
        parts = np.linspace(0, top(m, s), 7)
        z = [(lo + hi) / 2 + (hi - lo) / 2 * node for lo, hi in pairwise(parts)]
        half = (parts[1] - parts[0]) / 2
        return float(
            sum(half * np.sum(weight * y * np.exp(-(((y - m) / s) ** 2) / 2)) for y in z)
            / (s * math.sqrt(2 * math.pi))
        )

    value = 0.0
    for lo, hi in pairwise(ends):
        part, _ = quad(lambda x: x * density(x, mu, sd) * inner(x), lo, hi, epsabs=1e-11)
        value += part
    (first, first_error), (second, second_error) = single
    errors = first_error + 1e-11, second_error + 1e-11, 1e-9
    return (mu, nu, sd, other, rho), (first, second, value), errors


def _moments_agree(
    law: Noise, case: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
) -> bool:
    (mu, nu, sd, other, rho), values, errors = case
    claimed = (
        law.first(mu, sd, NUMERIC),
        law.second(mu, sd, NUMERIC),
        law.product(mu, nu, sd, other, rho, NUMERIC),
    )
    return all(
        abs(value - float(moment)) <= error
        for value, moment, error in zip(values, claimed, errors, strict=True)
    )


QUIET = ((Radii(4, 3, 1), 5), (Radii(1, 3, 4), 5), (Radii(3, 3, 2), 6))
"""Radii and half-lengths: most pixels lit, most dark, and between."""


def _quiet(radii: Radii, half_length: int) -> tuple[Problem, float, float]:
    """The least risk of one tap, all biases and both signs scanned, over the linear one, at two
    levels of noise.
    """
    x, ratios = pulse(radii.r, half_length), []
    for noise in (2e-3, 1e-3):
        p = Problem(radii.r, x, noise)
        line = linear_risk(p.spread, x.shape[1], noise)
        ratios.append(min(scan(p, sign)[0] for sign in (1.0, -1.0)) / line)
    return Problem(radii.r, x, 0.0), ratios[0], ratios[1]


def _quiet_agrees(law: Noise, case: tuple[Problem, float, float]) -> bool:
    """What is left of the limit is of order s, up to logarithms: it is below twice the change from
    the one level to its half.
    """
    problem, coarse, fine = case
    return bool(abs(fine - small_noise_ratio(problem, law)) <= 2 * abs(coarse - fine))


def _noisy(rng: np.random.Generator, n: int) -> tuple[Problem, Array, float, Array]:
    """The feature on 4000 noisy copies of all pulses."""
    model = Model("relu", 1, n, first=1, cells=4, circular=True)
    x, r = data(model)[0].numpy(), model.radii.r
    problem = Problem(r, x, float(rng.uniform(0.2, 0.8)))
    # Of both signs, but with a positive sum: alive.
    w, b = rng.normal(size=n) / 2 + 0.7, float(rng.normal()) / 2
    noisy = x + problem.noise * rng.normal(size=(4000, *x.shape))
    z = sum(w[u] * np.roll(noisy, n // 2 - u, axis=2) for u in range(n)) + b
    return problem, w, b, np.sum(np.maximum(z, 0), axis=2)


def _simulated(law: Noise, case: tuple[Problem, Array, float, Array]) -> float:
    """|exact risk - mean over all copies| in standard deviations."""
    problem, w, b, features = case
    value, a, c = risk(problem, w, b, law)
    losses = np.mean((c + a * features - problem.r) ** 2, axis=1)
    return abs(value - float(losses.mean())) / float(losses.std() / math.sqrt(len(losses)))


# --------------------------------------------------------------------------------------- training

NETWORKS = 4
COPIES = (16, 64, 128)
"""Of every pulse in a batch, stage by stage: the way bears more noise than the average does."""
SAMPLES, FEWER = 400, 32
"""Batches from which a step's gradient noise is estimated, and the copies in each."""


@dataclass(frozen=True)
class Task:
    """A model, the noise, and the steps of the two stages before the average and of the average."""

    model: Model
    noise: float
    steps: tuple[int, int, int]

    @property
    def problem(self) -> Problem:
        """Radii, signals and noise as numbers."""
        return Problem(self.model.radii.r, data(self.model)[0].numpy(), self.noise)


TASKS = (
    Task(
        Model("identity", 2, 3, readout_bias=True, first=1, cells=3, circular=True),
        0.3,
        (100, 500, 750),
    ),
    Task(
        Model(
            "relu",
            1,
            1,
            conv_bias=True,
            readout_bias=True,
            first=1,
            cells=3,
            per_cell=4,
            circular=True,
        ),
        0.1,
        (300, 1700, 1000),
    ),
    Task(
        Model(
            "relu",
            1,
            3,
            conv_bias=True,
            readout_bias=True,
            first=1,
            cells=2,
            per_cell=4,
            circular=True,
        ),
        0.3,
        (300, 1700, 1000),
    ),
)
RATES = (0.05, 1.5, 0.45)
"""Step sizes of the three stages, in units of 1 over the largest eigenvalue of the Hessian at the
best network.
"""


def _coordinates(weights: NetworkBatch) -> Array:
    """q (B, ·): for ReLU with one channel (aw, ab, c), for the identity (Σ aS, c)."""
    if weights.a.shape[1] == 1:
        parts = [weights.a * weights.w[:, 0], weights.a * weights.b, weights.c[:, None]]
        return np.concatenate(parts, axis=1)
    theta = np.sum(weights.a * weights.w.sum(axis=2), axis=1)
    return np.stack([theta, weights.c], axis=1)


def _true_risk(task: Task, q: Array) -> float:
    """The exact risk at q, with the moments as derived."""
    p = task.problem
    if task.model.activation == "identity":
        error = q[1] + 2 * q[0] * p.r - p.r
        return float(np.mean(error**2) + q[0] ** 2 * p.x.shape[1] * p.noise**2)
    total, spread = moments(p, q[:-2], float(q[-2]), gaussian)
    return float(np.mean((q[-1] + total - p.r) ** 2) + np.mean(spread))


def _hessian(task: Task, q: Array) -> Array:
    """By second differences of the exact risk."""
    e = np.eye(len(q)) * 1e-4

    def value(move: Array) -> float:
        return _true_risk(task, q + move)

    return np.array(
        [
            [(value(x + y) - value(x - y) - value(y - x) + value(-x - y)) / 4e-8 for y in e]
            for x in e
        ]
    )


def _batches(task: Task, q: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Gradients by q (SAMPLES, ·) and losses (SAMPLES,) of fresh batches, from the signals."""
    p = task.problem
    x, r = np.tile(p.x, (FEWER, 1)), np.tile(p.r, FEWER)
    slopes, losses = [], []
    n = task.model.taps
    for _ in range(SAMPLES):
        noisy = x + p.noise * rng.normal(size=x.shape)
        if task.model.activation == "identity":
            features = [noisy.sum(axis=1)]
            answer = q[0] * features[0] + q[1]
        else:
            shifted = [np.roll(noisy, n // 2 - u, axis=1) for u in range(n)]
            z = sum(q[u] * y for u, y in enumerate(shifted)) + q[n]
            lit = z > 0
            answer = np.sum(np.maximum(z, 0), axis=1) + q[-1]
            features = [np.sum(lit * y, axis=1) for y in shifted] + [np.sum(lit, axis=1)]
        error = answer - r
        slopes.append([np.mean(2 * error * y) for y in (*features, np.ones_like(r))])
        losses.append(np.mean(error**2))
    return np.array(slopes), np.array(losses)


def _trained(task: Task, lab: Lab) -> tuple[Averaged, Array, Array, Array, tuple[str, ...]]:
    """(run, standard deviations (B, q), mean losses (B,) and their deviations (B,) on fresh noise,
    states (B,)).

    A network is *dead* where its risk is that of a constant, *on the way* where the exact risk is
    not convex or where the two halves of the average differ by more than three standard deviations:
    it has not settled.  Neither uses the law.
    """
    model, p = task.model, task.problem
    start = starts(lab, model, NETWORKS)
    if model.activation == "relu":
        start = NetworkBatch(np.abs(start.w), np.abs(start.b), np.abs(start.a), start.c)
        top = best(p, model.taps, starts=2)
        q = np.array([*(top.a * top.w), top.a * top.b, top.c])
    else:
        v, size = p.spread, p.x.shape[1]
        theta = LAW.angle(v, size, p.noise)
        q = np.array([theta, (1 - 2 * theta) * np.mean(p.r)])
    steep = float(np.linalg.eigvalsh(_hessian(task, q))[-1])
    # The coordinate θ = Σ aS moves by the gradient of (w, a), whose square is at most this at such
    # starts.
    steep *= 4 if model.activation == "identity" else 1
    schedule = tuple(
        (share / steep, count, copies)
        for share, count, copies in zip(RATES, task.steps, COPIES, strict=True)
    )
    with lab.torch(("noise", "train", model)):
        run = average(model, start, p.noise, schedule, _coordinates)
    deviations, losses, errors, states = [], [], [], []
    for j, (mean, early, late) in enumerate(zip(run.mean, *run.halves, strict=True)):
        hessian = _hessian(task, mean)
        slopes, values = _batches(task, mean, lab.rng(("noise", "batches", model, j)))
        losses.append(np.mean(values))
        errors.append(np.std(values) / math.sqrt(SAMPLES))
        state, deviation = "settled", np.full(len(mean), np.inf)
        if _true_risk(task, mean) > 0.9 * p.spread:
            state = "dead"
        elif np.linalg.eigvalsh(hessian)[0] <= 0:
            state = "on the way"
        else:
            deviation = interval(hessian, slopes, run.steps * COPIES[-1] // FEWER)
            # Each half varies by √2 as much, their difference by twice as much: three deviations of
            # it.
            if np.any(np.abs(early - late) > 2 * 3 * deviation):
                state = "on the way"
        deviations.append(deviation)
        states.append(state)
    return run, np.array(deviations), np.array(losses), np.array(errors), tuple(states)


SILENCING, LITTLE = 8, 0.02
THREE, THREE_LENGTH = Radii(4, 3, 1), 7
"""Radii 7/2, 9/2, 11/2 on 15 pixels: 9 of them lit in the mean."""


def _silencing(lab: Lab) -> tuple[tuple[float, float], ...]:
    """(risk, its standard deviation), on fresh noise, of one-tap ReLU networks trained by LBFGS on
    noisy pulses.

    Random taps of either sign in turn, with random thresholds between dark and lit.
    """
    rng = lab.rng("noise/silencing")
    x, r = pulse(THREE.r, THREE_LENGTH), THREE.r

    def copies(count: int) -> Array:
        return np.asarray(x + LITTLE * rng.normal(size=(count, *x.shape)))

    risks = []
    for j in range(SILENCING):
        net = Network("relu", 1, 1, circular=True)
        tap, level = (1 - 2 * (j % 2)) * rng.uniform(0.5, 1.5), rng.uniform(0.2, 0.8)
        with torch.no_grad():
            net.conv.weight.fill_(tap)
            net.conv.bias.fill_(-tap * level)  # type: ignore[union-attr]
            net.readout.weight.fill_(np.sign(tap) * rng.uniform(0.5, 1.5))
            # What is not lit falls as r grows: that is counted from N/2 downwards.
            net.readout.bias.fill_(rng.normal() + (tap < 0) * x.shape[1] / 2)
        noisy = copies(200)
        descend(
            net,
            torch.tensor(noisy.reshape(-1, x.shape[1])),
            torch.tensor(np.tile(r, 200)),
            6,
            make=OPTIMIZERS["LBFGS"],
        )
        with torch.no_grad():
            error = net(torch.tensor(copies(4000).reshape(-1, x.shape[1]))).numpy() - np.tile(
                r, 4000
            )
        losses = np.mean((error**2).reshape(4000, len(r)), axis=1)
        risks.append((float(losses.mean()), float(losses.std() / math.sqrt(4000))))
    return tuple(risks)


def _minimum(law: Noise, task: Task, near: Array) -> tuple[Array, float]:
    """(q, risk): the law's minimum; for ReLU the one that scipy finds from ``near``."""
    p = task.problem
    if task.model.activation == "identity":
        size = p.x.shape[1]
        theta = float(law.angle(p.spread, size, p.noise))
        value = float(law.linear_risk(p.spread, size, p.noise))
        return np.array([theta, (1 - 2 * theta) * np.mean(p.r)]), value
    # |filter| = 1 and the best readout: a function of the direction.
    solved = minimize(
        lambda y: risk(p, y[:-1], float(y[-1]), law)[0],
        near[:-1] / np.linalg.norm(near[:-2]),
        method="BFGS",
        options={"gtol": 1e-7},
    )
    value, a, c = risk(p, solved.x[:-1], float(solved.x[-1]), law)
    return np.array([*(a * solved.x), c]), value


def train(law: Noise, lab: Lab) -> Column:
    """The average of torch.optim.SGD's iterates on fresh noise against the minimum of the exact
    risk, in confidence intervals.
    """
    trained = [lab.once(("noise", task), _trained, task, lab) for task in TASKS]
    outcomes = [state for *_, states in trained for state in states]
    count = outcomes.count("settled")
    comparisons = SILENCING + sum(
        states.count("settled") * (run.mean.shape[1] + 1) for run, *_, states in trained
    )
    limit = _limit(max(comparisons, 1))
    silent = lab.once("noise/silencing", _silencing, lab)
    p = Problem(THREE.r, pulse(THREE.r, THREE_LENGTH), LITTLE)
    line = LAW.linear_risk(p.spread, p.x.shape[1], LITTLE)
    share = small_noise_ratio(p, law)
    scores = [(share * line - value) / (limit * error) for value, error in silent]
    settled = [
        (task, j, each)
        for task, each in zip(TASKS, trained, strict=True)
        for j, state in enumerate(each[-1])
        if state == "settled"
    ]
    for task, j, (run, deviations, losses, errors, _) in settled:
        if not max(scores) <= 1:  # one network refutes a law
            break
        want, value = _minimum(law, task, run.mean[j])
        # What is left of the way to the minimum falls by a factor from half to half: their
        # difference covers it.
        allowed = limit * deviations[j] + np.abs(run.halves[0, j] - run.halves[1, j])
        scores += [*np.abs(run.mean[j] - want) / allowed]
        scores.append(abs(losses[j] - value) / (limit * errors[j]))
    worst = float(np.max(np.where(np.isfinite(scores), scores, np.inf)))
    least = min(value for value, _ in silent) / line
    detail = sentence(
        "noise",
        "train",
        limit=limit,
        level=LEVEL,
        comparisons=comparisons,
        count=count,
        dead=outcomes.count("dead"),
        on_the_way=outcomes.count("on the way"),
        silencing=SILENCING,
        share=share,
        least=least,
    )
    return column(worst if 2 * count > len(outcomes) else math.nan, 1.0, detail)


# ---------------------------------------------------------------------------------------- figures


def figures(lab: Lab) -> list[Figure]:
    """What the threshold buys, against the noise: where most pixels are dark, and where most are
    lit.
    """
    model = Model("relu", 1, 3, first=1, cells=3, per_cell=4, circular=True)
    r, x = model.radii.r, data(model)[0].numpy()
    long = Radii(3, 3, 4)
    bright = pulse(long.r, 5)
    levels = np.geomspace(0.01, 2, 8)
    linear, ratios = [], []
    for s in levels:
        p, lit = Problem(r, x, float(s)), Problem(long.r, bright, float(s))
        line, other = (LAW.linear_risk(q.spread, q.x.shape[1], q.noise) for q in (p, lit))
        linear.append(line)
        ratios.append([
            *(best(p, n, starts=1).risk / line for n in (1, 3)),
            min(scan(lit, sign)[0] for sign in (1.0, -1.0)) / other,
        ])  # fmt: skip
    limits = {
        0: small_noise_ratio(Problem(r, x, 0.0)),
        2: small_noise_ratio(Problem(long.r, bright, 0.0)),
    }
    names = ("one tap, mostly dark", "three taps, mostly dark", "one tap, mostly lit")
    drawing = path_figures.threshold(levels, linear, ratios, names, limits)
    caption = sentence("noise", "caption")
    return [draw.figure("noise-threshold", "What a threshold buys", caption, drawing)]


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the double sum on noisy pixels; derivatives of the Gaussian density",
            ("theory.pulse.network.preactivations", "theory.pulse.network.circular"),
        ),
        check=Judge(
            sentence("noise", "Judge"),
            (
                f"{__name__}._enumerated",
                f"{__name__}._integrated",
                f"{__name__}._noisy",
                f"{__name__}._quiet",
            ),
            (
                "numerics.training.noise",
                "theory.training.gaussian",
                "theory.training.noise.linear_risk",
            ),
        ),
        training=Judge(
            "averages of torch.optim.SGD on fresh noise",
            (
                "verify.training.noisy",
                f"{__name__}._silencing",
                "verify.models.networks",
                "verify.optimise.sgd",
            ),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
