r"""The exact risk of one ReLU channel on noisy pulses, its gradient, and its minimum: circular
padding, every pixel N(x, s²).

    f = Σ_i ReLU((w ⋆ (x + sξ))_i + b),   M = E f,  D = Var f,
    risk = E_r[(c + aM - r)²] + a² E_r[D]

with the moments of :mod:`theory.training.gaussian`; a and c are the best for given filters, so that
the risk is a function of (w, b) alone, and by the envelope theorem its gradient is the partial one.
Derivation: docs/training/noise.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize, minimize_scalar
from scipy.special import ndtr, owens_t

from numerics.arithmetic.types import Array
from theory.training import gaussian
from theory.training.gaussian import Normal
from theory.training.noise import LAW, Noise

__all__ = [
    "NUMERIC",
    "Best",
    "Problem",
    "best",
    "bivariate_cdf",
    "moments",
    "risk",
    "risk_gradient",
    "scan",
    "small_noise_ratio",
]

Law = Noise | ModuleType
"""What has ``first``, ``second`` and ``product``: a law, or the module of moments as derived."""


def _pdf(x: ArrayLike) -> Array:
    return np.asarray(np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi))


def bivariate_cdf(alpha: ArrayLike, beta: ArrayLike, rho: ArrayLike) -> Array:
    """Φ₂(α, β; ρ) for |ρ| < 1, all three broadcast, by Owen's T function."""
    alpha, beta, rho = (np.asarray(x, dtype=float) for x in (alpha, beta, rho))
    # At 0 the two quotients have no value; beside it they have the right limit.
    h, k = (np.where(x == 0, 1e-300, x) for x in (alpha, beta))
    q = np.sqrt(1 - np.square(rho))
    with np.errstate(over="ignore"):
        first = owens_t(h, (k - rho * h) / (h * q))
        second = owens_t(k, (h - rho * k) / (k * q))
    return np.asarray(
        (ndtr(h) + ndtr(k)) / 2 - first - second - np.where((h < 0) != (k < 0), 0.5, 0.0)
    )


NUMERIC = Normal(ndtr, _pdf, bivariate_cdf, np.exp, np.sqrt, math.pi)
"""The functions as arrays."""


@dataclass(frozen=True)
class Problem:
    """Radii r (R,), all equally likely, their pulses x (R, N) and the noise s; N >= 2n - 1 for n
    taps.
    """

    r: Array
    x: Array
    noise: float

    @property
    def spread(self) -> float:
        """V = Var r."""
        return float(np.var(self.r))


def _means(problem: Problem, w: Array, b: float | Array) -> tuple[Array, list[Array]]:
    """Means of the pre-activations (R, N), and their derivatives by every tap."""
    h = len(w) // 2
    shifted = [np.roll(problem.x, -u, axis=1) for u in range(-h, h + 1)]
    return sum(tap * x for tap, x in zip(w, shifted, strict=True)) + b, shifted


def _lags(w: Array) -> Array:
    """Σ_u w_u w_{u+d} for d = 0..n-1: covariances for s = 1."""
    return np.array([w[: len(w) - d] @ w[d:] for d in range(len(w))])


def moments(problem: Problem, w: Array, b: float | Array, law: Law) -> tuple[Array, Array]:
    """(M, D), each (R,): mean and variance of the feature of the filter w (n,), b for every radius;
    (B, R) for b (B, 1, 1).
    """
    mean, _ = _means(problem, w, b)
    cov = problem.noise**2 * _lags(w)
    sd = math.sqrt(cov[0])
    first = law.first(mean, sd, NUMERIC)
    spread = np.sum(law.second(mean, sd, NUMERIC) - first**2, axis=-1)
    for d in range(1, len(w)):
        other = np.roll(mean, -d, axis=-1)
        both = law.product(mean, other, sd, sd, cov[d] / cov[0], NUMERIC)
        spread = spread + 2 * np.sum(both - first * np.roll(first, -d, axis=-1), axis=-1)
    return np.sum(first, axis=-1), spread


def _readout(problem: Problem, total: Array, spread: Array) -> tuple[float, float]:
    """The best (a, c)."""
    together = float(np.mean((total - total.mean()) * (problem.r - problem.r.mean())))
    square = float(np.var(total)) + float(np.mean(spread))
    a = together / square if square else 0.0  # a dead channel
    return a, float(problem.r.mean() - a * total.mean())


def risk(problem: Problem, w: Array, b: float, law: Law = gaussian) -> tuple[float, float, float]:
    """(risk, a, c) with the best readout for the filter w (n,), b."""
    total, spread = moments(problem, w, b, law)
    a, c = _readout(problem, total, spread)
    value = float(np.mean((c + a * total - problem.r) ** 2) + a**2 * np.mean(spread))
    return value, a, c


def risk_gradient(problem: Problem, w: Array, b: float) -> tuple[float, Array]:
    """(risk, its gradient (n + 1,) by w and b), the readout being the best."""
    n = len(w)
    mean, shifted = _means(problem, w, b)
    lags = _lags(w)
    cov = problem.noise**2 * lags
    sd = math.sqrt(cov[0])
    alpha = mean / sd
    total, spread = moments(problem, w, b, gaussian)
    a, c = _readout(problem, total, spread)
    count = len(problem.r)
    error = (c + a * total - problem.r)[:, None]
    inside, edge = ndtr(alpha), _pdf(alpha)
    first = gaussian.first(mean, sd, NUMERIC)
    # By the means (R, N), and by the covariances of every lag.
    by_mean = 2 * a * error * inside / count
    by_lag = np.zeros(n)
    by_lag[0] += np.sum(2 * a * error * edge / count) / (2 * sd)
    share = a * a / count
    by_mean = by_mean + share * (2 * first - 2 * first * inside)
    by_lag[0] += share * np.sum(inside - first * edge / sd)
    for d in range(1, n):
        other, next_one = np.roll(mean, -d, axis=1), np.roll(first, -d, axis=1)
        rho = cov[d] / cov[0]
        forth = gaussian.one_sided(mean, other, sd, sd, rho, NUMERIC) - inside * next_one
        back = (
            gaussian.one_sided(other, mean, sd, sd, rho, NUMERIC)
            - np.roll(inside, -d, axis=1) * first
        )
        by_mean = by_mean + 2 * share * (forth + np.roll(back, d, axis=1))
        by_lag[d] += 2 * share * np.sum(bivariate_cdf(alpha, np.roll(alpha, -d, axis=1), rho))
        pinned = gaussian.pinned(mean, other, sd, sd, rho, NUMERIC)
        pinned = pinned + gaussian.pinned(other, mean, sd, sd, rho, NUMERIC)
        edges = edge / sd * next_one + np.roll(edge, -d, axis=1) / sd * first
        by_lag[0] += 2 * share * np.sum(pinned - edges) / 2
    gradient = np.array([np.sum(by_mean * x) for x in shifted] + [np.sum(by_mean)])
    for d in range(n):
        # ∂/∂w_u of Σ w_v w_{v+d}.
        gradient[: n - d] += problem.noise**2 * by_lag[d] * w[d:]
        gradient[d:n] += problem.noise**2 * by_lag[d] * w[: n - d]
    value = float(np.mean(error**2) + a * a * np.mean(spread))
    return value, gradient


@dataclass(frozen=True)
class Best:
    """The best network found: its risk, filter (n,), bias and readout, |filter| = 1; the gradient's
    largest component there.
    """

    risk: float
    w: Array
    b: float
    a: float
    c: float
    slope: float


def best(problem: Problem, taps: int, starts: int = 8, seed: int = 0) -> Best:
    """The least risk that BFGS (scipy) finds, over filters with sums of either sign: w < 0 can
    silence the lit pixels.

    One tap starts where a scan of all biases, for either sign, has it least: nothing is left to
    chance.  More taps start at ``starts`` random filters of either sign, at boxes, one of them
    turned over, and at the best narrower filter and its like.
    """
    rng = np.random.default_rng(seed)

    def turned(y: Array) -> Array:
        """What it sees in x is what y sees in 1 - x."""
        return np.append(-y[:-1], np.sum(y))

    if taps == 1:
        begins = [np.array([sign, scan(problem, sign)[1]]) for sign in (1.0, -1.0)]
    else:
        narrow = best(problem, taps - 2, starts, seed)  # a wide filter with zeros
        box = np.ones(taps) / math.sqrt(taps)
        begins = [np.append(box, value) for value in (0.5, 0.0, -problem.noise)]
        begins += [np.array([1e-3, *narrow.w, 1e-3, narrow.b]), turned(begins[1])]
        begins.append(turned(begins[3]))
        for j in range(starts):
            begin = np.append(np.abs(rng.normal(size=taps)), rng.normal() / 2)
            begins.append(turned(begin) if j % 2 else begin)
    minima = []
    for begin in begins:
        with np.errstate(all="ignore"):
            end = minimize(
                lambda y: risk_gradient(problem, y[:-1], float(y[-1])),
                begin,
                jac=True,
                method="BFGS",
                options={"gtol": 1e-10},
            )
        if np.isfinite(end.fun):
            size = math.sqrt(float(end.x[:-1] @ end.x[:-1]))
            minima.append((float(end.fun), end.x / size))
    value, y = min(minima, key=lambda pair: pair[0])
    w, b = y[:-1], float(y[-1])
    _, a, c = risk(problem, w, b)
    return Best(value, w, b, a, c, float(np.max(np.abs(risk_gradient(problem, w, b)[1]))))


def scan(problem: Problem, sign: float, parts: int = 100) -> tuple[float, float]:
    """(least risk, its b) of the one tap ``sign`` = ±1, over all biases: on a grid, then between
    its neighbours.

    Steps of 2s/5 where a threshold lies within 8s of the dark or of the lit level, and ``parts`` on
    [-1, 2].
    """
    near = np.arange(-20, 21) * problem.noise * 0.4
    level = 0.0 if sign > 0 else 1.0
    biases = np.unique(np.concatenate([np.linspace(-1, 2, parts), level + near, level - 1 + near]))

    def value(b: float) -> float:
        return risk(problem, np.array([sign]), float(b))[0]

    # With the best readout the risk is V - Cov(M, r)²/(Var M + E D): good enough to compare biases.
    total, spread = moments(problem, np.array([sign]), biases[:, None, None], gaussian)
    together = total @ (problem.r - problem.r.mean()) / len(problem.r)
    with np.errstate(invalid="ignore"):  # a dead channel
        gain = together**2 / (np.var(total, axis=1) + np.mean(spread, axis=1))
    lowest = int(np.nanargmax(gain))
    ends = biases[max(lowest - 1, 0)], biases[min(lowest + 1, len(biases) - 1)]
    end = minimize_scalar(value, bounds=ends, method="bounded", options={"xatol": 1e-10})
    return float(end.fun), float(end.x)


def small_noise_ratio(problem: Problem, law: Noise = LAW) -> float:
    """The limit of (least risk of ReLU with one tap)/(least linear risk) as s -> 0, for fixed
    radii.

    The least, over both signs of the tap and all thresholds, of the ``silenced`` and ``passing`` of
    the law.

    Raises
    ------
    ValueError: fewer than two of the radii are half-integers; then a threshold amid the pixels may
        be exact, too.
    """
    r = problem.r
    if len(np.unique(r[(2 * r) % 2 == 1])) < 2:
        raise ValueError("two half-integers at least among the radii")
    size = problem.x.shape[1]
    counts = np.array([law.passing(x) for x in problem.x], dtype=float).T

    def least(k: Array) -> float:
        slope = float(np.mean((k - k.mean()) * (r - r.mean()))) / problem.spread
        bend = float(np.var(k - slope * r))

        def share(tau: float) -> float:
            return float(law.silenced(k.mean(), size, bend, tau, NUMERIC))

        return float(minimize_scalar(share, bounds=(-8, 8), method="bounded").fun)

    return min(least(k) for k in counts)
