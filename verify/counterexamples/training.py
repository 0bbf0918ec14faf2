"""The chapter of training: exact gradients of small starts, and flows that are simulated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from numerics.arithmetic import oracle
from numerics.arithmetic.types import Array
from theory.training import active, conserved, conv_bias, flow, noise, ridge, trajectory
from verify.counterexamples.exact import covariance, dot, risk
from verify.counterexamples.pulse import border
from verify.counterexamples.search import (
    ASKS_NOTHING,
    DEFINES,
    NAMES,
    STATES,
    Case,
    Hypothesis,
    Search,
    at_least,
    ordered,
)
from verify.optimise.flow import flow as integrated

__all__ = ["REASONS", "SEARCHES", "Start", "close", "gradient"]

HALF = Fraction(1, 2)
SAME = 1e-6
"""Two results of flows that agree so far are the same."""
SETTLED = 1e-7
"""A flow whose gradient is below this has arrived."""
UNSETTLED = "not settled"
"""What is said of a flow that still moves at time 160."""
LOSSES: dict[str, Callable[[Any], Any]] = {
    "squares": lambda e: 2 * e,
    "fourth powers": lambda e: 4 * e**3,
}
"""Their slopes; each is averaged over the radii."""
SIGMAS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "identity": (lambda z: z, lambda z: 1),
    "relu": (lambda z: z if z > 0 else 0 * z, lambda z: int(z > 0)),
    "hardtanh": (oracle.RATIONAL["hardtanh"], lambda z: int(-1 < z < 1)),
}
"""σ and σ'."""


@dataclass(frozen=True)
class Start(Case):
    """Initial weights, and what they are trained on; b and c are None where there are none."""

    N: int
    w: tuple[tuple[int, ...], ...]
    a: tuple[Any, ...]
    b: int | None
    c: int | None
    sigma: str
    pooling: str
    loss: str
    radii: tuple[Fraction, ...]

    @property
    def flat(self) -> list[Any]:
        """All weights: the taps, a, one b per channel, c; 0 where there is none."""
        taps = [tap for row in self.w for tap in row]
        return [*taps, *self.a, *[self.b or 0] * len(self.a), self.c or 0]

    def parts(self, flat: Sequence[Any]) -> tuple[list[list[Any]], list[Any], list[Any], Any]:
        """(w, a, b, c) of such a list."""
        n, channels = len(self.w[0]), len(self.a)
        taps = n * channels
        w = [list(flat[k : k + n]) for k in range(0, taps, n)]
        return w, list(flat[taps : taps + channels]), list(flat[taps + channels : -1]), flat[-1]

    @property
    def clear(self) -> bool:
        """r <= N/2 - h."""
        return max(self.radii) <= Fraction(self.N, 2) - len(self.w[0]) // 2

    @property
    def straight(self) -> bool:
        """The identity, or ReLU with each window above 0 that sees light, at the start."""
        seen = [Windows(self.N, w, self.b or 0, self.radii) for w in self.w]
        return self.sigma == "identity" or (self.sigma == "relu" and all(map(_above, seen)))


def gradient(case: Start, flat: Sequence[Any], pulses: Sequence[Any]) -> list[Any]:
    """∇L by every weight, term by term from the definition; 0 for what is not trained."""
    w, a, b, c = case.parts(flat)
    sigma, slope = SIGMAS[case.sigma]
    share = case.N if case.pooling == "mean" else 1
    h, size = len(w[0]) // 2, case.N
    total = [0 * flat[0]] * len(flat)
    for r, x in pulses:
        windows = [
            [x[i + u] if 0 <= i + u < size else 0 for u in range(-h, h + 1)] for i in range(size)
        ]
        z = [[dot(row, seen) + bias for seen in windows] for row, bias in zip(w, b, strict=True)]
        pooled = [sum(map(sigma, row)) / share for row in z]
        pull = LOSSES[case.loss](c + dot(a, pooled) - r) / len(pulses)
        slopes = [[slope(value) for value in row] for row in z]
        by_taps = [
            a_k * sum(s * seen[u] for s, seen in zip(row, windows, strict=True)) / share
            for a_k, row in zip(a, slopes, strict=True)
            for u in range(2 * h + 1)
        ]
        by_b = [a_k * sum(row) / share for a_k, row in zip(a, slopes, strict=True)]
        moves = [
            *by_taps,
            *pooled,
            *(by_b if case.b is not None else [0] * len(a)),
            int(case.c is not None),
        ]
        total = [t + pull * move for t, move in zip(total, moves, strict=True)]
    return total


def _exact_pulses(case: Start) -> list[Any]:
    return [(r, oracle.overlap_pulse(r, case.N // 2)) for r in case.radii]


@cache
def _float_pulses(size: int, radii: tuple[Fraction, ...]) -> list[Any]:
    return [(float(r), [float(v) for v in oracle.overlap_pulse(r, size // 2)]) for r in radii]


def _pulled(case: Start, y: Sequence[float], decay: float) -> Array:
    """∇(L + decay (|w|² + |a|²)) in floats."""
    count = len(case.a) * (len(case.w[0]) + 1)
    shrunk = [2 * decay * v if k < count else 0.0 for k, v in enumerate(y)]
    return np.array(gradient(case, y, _float_pulses(case.N, case.radii))) + shrunk


def _flow_from(case: Start, y: Sequence[Any], time: float, decay: float = 0.0) -> list[float]:
    """Gradient flow by scipy's integrator, from the definition of the gradient."""

    def slope(y: Array) -> Array:
        """Downhill."""
        return -_pulled(case, y.tolist(), decay)

    start = np.array(y, dtype=float)
    path, _ = integrated(slope, start, np.array([0.0, time]), accuracy=1e-10)
    return [float(v) for v in path[-1]]


def _settled(case: Start, decay: float = 0.0) -> list[float] | str:
    """The end of the flow, or :data:`UNSETTLED` if the gradient has not vanished."""
    y: Sequence[Any] = case.flat
    for _ in range(4):
        y = _flow_from(case, y, 40.0, decay)
        if max(abs(_pulled(case, y, decay))) < SETTLED:
            return list(y)
    return UNSETTLED


def close(law: Any, truth: Any) -> bool:
    """Two results agree to six digits; words agree with themselves, and a flow that has not settled
    decides nothing.
    """
    if UNSETTLED in (law, truth):
        return True
    if isinstance(law, str) or isinstance(truth, str):
        return bool(law == truth)
    return bool(np.allclose(law, truth, rtol=SAME, atol=SAME))


PLAIN = Start(5, ((1,),), (1,), None, None, "identity", "sum", "squares", (HALF, Fraction(3, 2)))
"""What the cases vary."""


def _starts(
    sizes: Sequence[tuple[int, int]],
    most: int,
    vary: Sequence[dict[str, Any]],
    channels: int = 1,
) -> Iterator[Start]:
    """(N, n), then weights by their sum, then the variants of the first, in the order given."""
    for size, n in sizes:
        for flat in ordered((n + 1) * channels, most):
            w = tuple(flat[k : k + n] for k in range(0, n * channels, n))
            for variant in vary:
                yield replace(PLAIN, N=size, w=w, a=flat[n * channels :], **variant)


START_ORDER = "(N, n), the sum of the absolute values of w and a, these in lexicographic order, "
LONG = (HALF, Fraction(3, 2), Fraction(5, 2))


# --- conserved ----------------------------------------------------------------------------------


def _quantities(case: Start, flat: Sequence[Any]) -> list[Any]:
    w, a, _, _ = case.parts([Fraction(v) for v in flat])
    return [*conserved.deviations(w), *conserved.products(w, a)]


def _rate(values: Callable[[Start, Sequence[Any]], list[Any]]) -> Callable[[Start], Any]:
    """How fast quadratic quantities change along the flow: exact central differences."""

    def change(case: Start) -> Any:
        g = gradient(case, [Fraction(v) for v in case.flat], _exact_pulses(case))
        ahead = [v - x for v, x in zip(case.flat, g, strict=True)]
        behind = [v + x for v, x in zip(case.flat, g, strict=True)]
        pairs = zip(values(case, ahead), values(case, behind), strict=True)
        return tuple((p - q) / 2 for p, q in pairs)

    return change


def _still(values: Callable[[Start, Sequence[Any]], list[Any]]) -> Callable[[Start], Any]:
    return lambda case: (0,) * len(values(case, case.flat))


LINEAR_VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"sigma": "relu"},
    {"b": 1},
    {"c": 1},
    {"loss": "fourth powers"},
    {"radii": LONG},
)


def _clear(case: Start) -> bool:
    return case.clear


CONSERVED = Search(
    "conserved",
    "how fast the quantities of the linear cell change",
    "(N, n) = (3, 1), (5, 3), the sum of the absolute values of w and a up to 3, these in"
    " lexicographic order, ReLU, b = 1, c = 1, fourth powers, more radii",
    lambda: _starts(((3, 1), (5, 3)), 3, LINEAR_VARIANTS),
    (
        Hypothesis("the linear cell", "ReLU with windows below 0", lambda case: case.straight),
        Hypothesis("no conv bias", "a bias b in the convolution", lambda case: case.b is None),
        Hypothesis(
            "any radii whose pulses stay clear of the border",
            "windows at the border see the edge",
            _clear,
        ),
        Hypothesis(
            "gradient flow on the mean squared error",
            "the mean of fourth powers: the gradient is another multiple of the same vector",
            lambda case: case.loss == "squares",
            needed=False,
        ),
    ),
    _still(_quantities),
    _rate(_quantities),
)


def _balance(case: Start, flat: Sequence[Any]) -> list[Any]:
    w, a, b, _ = case.parts([Fraction(v) for v in flat])
    return [conserved.everywhere(w[0], b[0], a[0])]


BALANCE = Search(
    "conserved",
    "how fast a² - |w|² - b² changes",
    START_ORDER + "σ; N = 5, n = 3, b = 1, up to 4",
    lambda: _starts(((5, 3),), 4, ({"sigma": "relu", "b": 1}, {"sigma": "hardtanh", "b": 1})),
    (
        Hypothesis(
            r"$\sigma$ positively homogeneous", "hardtanh", lambda case: case.sigma != "hardtanh"
        ),
    ),
    _still(_balance),
    _rate(_balance),
)


# --- flow, trajectory, conv_bias ----------------------------------------------------------------


def _root(case: Start) -> float:
    return math.sqrt(len(case.w[0]))


def _end_law(case: Start) -> Any:
    try:
        w, a = flow.end(flow.LAW, case.w, case.a, _root(case), math.sqrt)
    except ZeroDivisionError:
        return "1/0"
    return [*(tap for row in w for tap in row), *a]


def _end_truth(case: Start) -> Any:
    y = _settled(case)
    return y if isinstance(y, str) else y[: len(case.a) * (len(case.w[0]) + 1)]


FLOW_VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"b": 1},
    {"c": 0},
    {"c": 0, "radii": (HALF,)},
    {"pooling": "mean"},
    {"sigma": "relu"},
    {"radii": LONG},
)


def _unbalanced(case: Start) -> bool:
    """U > 0."""
    sums = [sum(row) for row in case.w]
    return any(
        s * abs(s) != -len(case.w[0]) * a * abs(a) for s, a in zip(sums, case.a, strict=True)
    )


FLOW = Search(
    "flow",
    "the weights at the end, by scipy's integrator, to six digits",
    "(N, n) = (3, 1), (5, 3), the sum of the absolute values of w and a up to 2, these in"
    " lexicographic order, b = 1, c = 0, one radius with c, mean pooling, ReLU, more radii",
    lambda: _starts(((3, 1), (5, 3)), 2, FLOW_VARIANTS),
    (
        Hypothesis("no conv bias", "a bias b in the convolution", lambda case: case.b is None),
        Hypothesis("two or more radii", "one radius, with c", lambda case: len(case.radii) > 1),
        Hypothesis(r"up to $\frac N2 - h$, clear of the border", "r > N/2 - h", _clear),
        Hypothesis("sum pooling", "mean pooling", lambda case: case.pooling == "sum"),
        Hypothesis(
            r"the linear cell: $\sigma$ the identity, or ReLU while it stays active",
            "ReLU with windows below 0",
            lambda case: case.straight,
        ),
        Hypothesis("$U > 0$", "U = 0: a = -S/√n", _unbalanced),
    ),
    _end_law,
    _end_truth,
    close,
)


FLOW_BIAS = Search(
    "flow",
    "the weights at the end, where a bias starts at 0",
    START_ORDER + "b = 0; N = 3, n = 1, K = 1, up to 1",
    lambda: (case for case in _starts(((3, 1),), 1, ({}, {"b": 0})) if _unbalanced(case)),
    (
        Hypothesis(
            "no conv bias",
            "one that starts at 0, for one channel: it ends there, too",
            lambda case: case.b is None,
            needed=False,
        ),
    ),
    _end_law,
    _end_truth,
    close,
)


TIME = 1 / 16


def _path_law(case: Start) -> Any:
    root, law = _root(case), trajectory.LAW
    u, v = (
        sum((a + sign * sum(row) / root) ** 2 for a, row in zip(case.a, case.w, strict=True))
        for sign in (1, -1)
    )
    if u == 0:
        return "1/0"
    mean = float(sum(r * r for r in case.radii)) / len(case.radii)
    plus, minus = law.roots(u, v, root, math.sqrt)
    e = law.stretch_at(plus, minus, math.exp(-TIME * law.rate(u, v, root, mean, math.sqrt)))
    s = sum(case.w[0]) / root
    return (math.sqrt(e) * (case.a[0] + s) + (case.a[0] - s) / math.sqrt(e)) / 2


TRAJECTORY = Search(
    "trajectory",
    "a at time 1/16, by scipy's integrator, to six digits",
    START_ORDER + "with c; N = 3, n = 1, up to 2",
    lambda: (case for case in _starts(((3, 1),), 2, ({}, {"c": 0})) if _unbalanced(case)),
    (Hypothesis("without a readout bias $c$", "with c", lambda case: case.c is None),),
    _path_law,
    lambda case: _flow_from(case, case.flat, TIME)[1],
    close,
)


def _bias_law(case: Start) -> Any:
    """(b, |a|)."""
    n = len(case.w[0])
    h = case.a[0] ** 2 - sum(case.w[0]) ** 2 / n - (case.b or 0) ** 2
    return 0.0, math.sqrt(conv_bias.readout_squared(h, n, math.sqrt))


def _bias_truth(case: Start) -> Any:
    y = _settled(case)
    if isinstance(y, str):
        return y
    _, a, b, _ = case.parts(y)
    return b[0], abs(a[0])


def _biased() -> Iterator[Start]:
    variants: list[dict[str, Any]] = [
        {"b": 1},
        {"b": 1, "c": 0},
        {"b": 1, "radii": (HALF,)},
        {"b": 1, "sigma": "hardtanh"},
    ]
    yield from _starts(((3, 1),), 2, variants)
    yield from _starts(((3, 1),), 2, ({"b": 1},), channels=2)


CONV_BIAS = Search(
    "conv_bias",
    "b and |a| at the end, by scipy's integrator, to six digits",
    "(N, n) = (3, 1), then with two channels, the sum of the absolute values of w and"
    " a up to 2, these in lexicographic order, b = 1, then c = 0, one radius, hardtanh",
    lambda: (case for case in _biased() if sum(map(abs, case.a)) and any(map(any, case.w))),
    (
        Hypothesis("$K = 1$", "two channels", lambda case: len(case.a) == 1),
        Hypothesis("no readout bias", "with c", lambda case: case.c is None),
        Hypothesis(r"$\sigma$ the identity", "hardtanh", lambda case: case.sigma == "identity"),
        Hypothesis("data on two or more radii", "one radius", lambda case: len(case.radii) > 1),
    ),
    _bias_law,
    _bias_truth,
    close,
)


# --- steps --------------------------------------------------------------------------------------

ETA = Fraction(1, 16)


def _step_law(case: Start) -> Any:
    """(a, S) after u -> (1 + δ) u, v -> (1 - δ) v; δ is a rational multiple of √n."""
    (w,), (a,), total = case.w, case.a, Fraction(0)
    for r, x in _exact_pulses(case):
        answer = oracle.answer(case.w, [case.b or 0], case.a, case.c or 0, SIGMAS[case.sigma][0], x)
        total += (answer - r) * r / len(case.radii)
    part = -4 * ETA * total  # δ/√n
    return a + part * sum(w), sum(w) + len(w) * part * a


def _step_truth(case: Start) -> Any:
    g = gradient(case, [Fraction(v) for v in case.flat], _exact_pulses(case))
    w, a, _, _ = case.parts([v - ETA * x for v, x in zip(case.flat, g, strict=True)])
    return a[0], sum(w[0])


STEPS = Search(
    "steps",
    "a and S after one step of size 1/16",
    "(N, n) = (3, 1), (5, 3), the sum of the absolute values of w and a up to 3, these in"
    " lexicographic order, ReLU, b = 1, c = 1, more radii",
    lambda: (
        case for case in _starts(((3, 1), (5, 3)), 3, LINEAR_VARIANTS) if case.loss == "squares"
    ),
    (
        Hypothesis("in the linear cell", "ReLU with windows below 0", lambda case: case.straight),
        Hypothesis("no conv bias", "a bias b in the convolution", lambda case: case.b is None),
        Hypothesis(r"radii up to $\frac N2 - h$", "r > N/2 - h", _clear),
    ),
    _step_law,
    _step_truth,
)


# --- active -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Windows(Case):
    """A filter, a bias, and the pulses it sees."""

    N: int
    w: tuple[int, ...]
    b: int
    radii: tuple[Fraction, ...]


def _above(case: Windows) -> bool:
    """Each window that sees light is above 0."""
    half, h = case.N // 2, len(case.w) // 2
    for r in case.radii:
        x = oracle.overlap_pulse(r, half)
        z = border("zeros", case.w, case.b, x)
        for i, value in enumerate(z):
            if any(x[max(i - h, 0) : i + h + 1]) and value <= 0:
                return False
    return True


ACTIVE = Search(
    "active",
    "each window is above 0",
    "N = 5, 7, the sum of the absolute values of w and b up to 4, these in lexicographic order, r ="
    " 1/2, 3/2, N/2; n = 3",
    lambda: (
        Windows(size, tuple(w), b, (r,))
        for size in (5, 7)
        for *w, b in ordered(4, 4)
        for r in (HALF, Fraction(3, 2), Fraction(size, 2))
    ),
    (
        Hypothesis(
            "plateau radii", "the pulse is narrower than the filter", lambda c: min(c.radii) > 1
        ),
        Hypothesis(
            r"$m + h \le L$",
            "windows at the border see the edge of the pulse",
            lambda case: max(case.radii) <= Fraction(case.N, 2) - 1,
        ),
        Hypothesis("no conv bias", "a bias b in the convolution", lambda case: case.b == 0),
    ),
    lambda case: sum(case.w) > max(active.floors(tuple(map(Fraction, case.w)))),
    _above,
)


# --- ridge --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decayed(Case):
    """One tap on N = 3 pixels, r = 1/2 and 3/2, V = 1/4, the best c, and λ."""

    w: Fraction
    a: Fraction
    sigma: str
    decay: Fraction


STRETCHED: dict[str, Callable[[Any], Any]] = {
    "z": lambda z: z,
    "|z|": abs,
    "2z": lambda z: 2 * z,
}


def _penalized(case: Decayed) -> Any:
    rows = [(r, oracle.overlap_pulse(r, 1)) for r in (HALF, Fraction(3, 2))]
    f = [case.a * sum(STRETCHED[case.sigma](case.w * v) for v in x) for _, x in rows]
    errors = [y - r for y, (r, _) in zip(f, rows, strict=True)]
    return covariance(errors, errors) + case.decay * (case.w**2 + case.a**2)


RIDGE = Search(
    "ridge",
    "the least loss with weight decay, as a lower bound",
    "w, a in quarters, the sum of their absolute values up to 2, in lexicographic order, σ = z,"
    " |z|, 2z, λ = 1/8; n = 1, V = 1/4",
    lambda: (
        Decayed(Fraction(w, 4), Fraction(a, 4), sigma, Fraction(1, 8))
        for w, a in ordered(2, 8)
        for sigma in STRETCHED
    ),
    (
        Hypothesis(
            r"every $\sigma$ with $|\sigma(x) - \sigma(y)| \le |x - y|$",
            "σ(z) = 2z",
            lambda case: case.sigma != "2z",
        ),
    ),
    lambda case: ridge.least(case.decay, Fraction(1, 4), Fraction(1)),
    _penalized,
    at_least,
)


DECAY = 1 / 16


def _box_law(case: Start) -> Any:
    """(w, a) for one tap: √n = 1, V = 1/4."""
    u = [a + w for a, (w,) in zip(case.a, case.w, strict=True)]
    try:
        a, w = ridge.box(u, ridge.angle(DECAY, 0.25, 1.0), 1.0, math.sqrt)
    except ZeroDivisionError:
        return "0/0"
    return [*w, *a]


def _box_truth(case: Start) -> Any:
    y = _settled(case, DECAY)
    return y if isinstance(y, str) else y[: 2 * len(case.a)]


def _decaying() -> Iterator[Start]:
    variants: tuple[dict[str, Any], ...]
    variants = ({"c": 0}, {"c": 0, "b": 0}, {}, {"c": 0, "sigma": "relu"})
    yield from _starts(((3, 1),), 1, variants)
    yield from _starts(((3, 1),), 1, ({"c": 0}, {"c": 0, "b": 1}), channels=2)


RIDGE_END = Search(
    "ridge",
    "where weight decay ends, by scipy's integrator, to six digits",
    "channels, the sum of the absolute values of w and a up to 1, these in lexicographic"
    " order, b = 0 (1 for two channels), no c, ReLU; N = 3, n = 1, λ = 1/16",
    _decaying,
    (
        Hypothesis(
            r"$u(0) \ne 0$",
            "u(0) = 0",
            lambda case: any(a + w for a, (w,) in zip(case.a, case.w, strict=True)),
        ),
        Hypothesis(
            "no conv bias",
            "one that starts at 0, for one channel: c takes it up",
            lambda case: case.b is None or len(case.a) > 1,
            needed=False,
        ),
        Hypothesis(
            "no conv bias",
            "a bias b in each of two channels",
            lambda case: case.b is None or len(case.a) == 1,
        ),
        Hypothesis("readout bias $c$ free", "without c", lambda case: case.c is not None),
        Hypothesis(
            "identity, or ReLU in its linear cell",
            "ReLU with windows below 0",
            lambda case: case.straight,
        ),
    ),
    _box_law,
    _box_truth,
    close,
)


# --- noise --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Noisy(Case):
    """A linear filter on N = 5 pixels, r = 1/2 and 3/2, and noise ±1 or 0 on each pixel."""

    w: tuple[int, ...]
    sigma: str
    padding: str
    noise: str


NOISES: dict[str, Callable[[], list[tuple[int, ...]]]] = {
    "a coin per pixel": lambda: list(product((-1, 1), repeat=5)),
    "one coin for all pixels": lambda: [(s,) * 5 for s in (-1, 1)],
}


def _noisy_risk(case: Noisy) -> Any:
    """The regression of r on the response, all noise enumerated."""
    sigma, responses, target = oracle.RATIONAL[case.sigma], [], []
    for r, coins in product((HALF, Fraction(3, 2)), NOISES[case.noise]()):
        x = [int(v) + coin for v, coin in zip(oracle.overlap_pulse(r, 2), coins, strict=True)]
        responses.append(sum(map(sigma, border(case.padding, case.w, 0, x))))
        target.append(r)
    return risk([responses], target)


NOISE = Search(
    "noise",
    "the least loss of one channel",
    "n = 1, 3, the sum of |w| up to 2, in lexicographic order, S ≠ 0, σ, padding, noise; N = 5,"
    " s = 1, V = 1/4",
    lambda: (
        Noisy(w, sigma, padding, kind)
        for n in (1, 3)
        for w in ordered(n, 2)
        if sum(w)
        for sigma, padding, kind in product(("identity", "relu"), ("a ring", "zeros"), NOISES)
    ),
    (
        Hypothesis("independent noise", "one for all pixels", lambda case: "per" in case.noise),
        Hypothesis(
            "circular padding",
            "zeros beyond the border",
            lambda case: case.padding == "a ring" or len(case.w) == 1,
        ),
        Hypothesis(
            "linear cell", "ReLU, which cuts the noise", lambda case: case.sigma == "identity"
        ),
    ),
    lambda case: noise.linear_risk(Fraction(1, 4), 5, 1),
    _noisy_risk,
)


# --- sharpness ----------------------------------------------------------------------------------


def _curvature(case: Start) -> float:
    """The largest eigenvalue of the Hessian by the taps and a, from differences of the gradient."""
    pulses = [(float(r), [float(v) for v in x]) for r, x in _exact_pulses(case)]
    count = len(case.w[0]) + 1 + (case.b is not None)
    rows = []
    for j in range(count):
        ahead, behind = ([float(v) for v in case.flat] for _ in range(2))
        ahead[j] += 1e-4
        behind[j] -= 1e-4
        slopes = zip(gradient(case, ahead, pulses), gradient(case, behind, pulses), strict=True)
        rows.append([(x - y) / 2e-4 for x, y in slopes][:count])
    return float(np.linalg.eigvalsh(np.array(rows) / 2 + np.array(rows).T / 2)[-1])


def _sharp(case: Start) -> float:
    (w,), (a,) = case.w, case.a
    mean = float(sum(r * r for r in case.radii)) / len(case.radii)
    return float(2 * mean * 4 * (sum(w) ** 2 + len(w) * a * a))


def _exact_answer(case: Start) -> bool:
    sigma = SIGMAS[case.sigma][0]
    row = (case.w, [case.b or 0], case.a, 0, sigma)
    return all(oracle.answer(*row, x) == r for r, x in _exact_pulses(case))


def _sharp_starts() -> Iterator[Start]:
    variants: tuple[dict[str, Any], ...] = ({}, {"b": 0}, {"radii": (HALF, Fraction(5, 2))})
    for case in _starts(((3, 1), (5, 3)), 3, variants):
        for a in sorted({Fraction(v, 2) for v in case.a} | {Fraction(3, 5)}):
            yield replace(case, a=(a,))


SHARPNESS = Search(
    "sharpness",
    "the largest eigenvalue of the Hessian, from differences of the gradient, to six digits",
    "(N, n) = (3, 1), (5, 3), the sum of the absolute values of w and 2a up to 3, these in"
    " lexicographic order (a = 3/5 beside it), b = 0, other radii; without c",
    _sharp_starts,
    (
        Hypothesis("at an exact network", "elsewhere", _exact_answer),
        Hypothesis(r"radii up to $\frac N2 - h$", "r > N/2 - h", _clear),
        Hypothesis("no conv bias", "a bias b = 0 in the convolution", lambda case: case.b is None),
    ),
    _sharp,
    _curvature,
    close,
)

SEARCHES: tuple[Search[Any], ...] = (
    CONSERVED,
    BALANCE,
    FLOW,
    FLOW_BIAS,
    TRAJECTORY,
    STEPS,
    ACTIVE,
    CONV_BIAS,
    RIDGE,
    RIDGE_END,
    NOISE,
    SHARPNESS,
)
"""The searches of this chapter, in the order of its claims."""

UNDER_FLOW = "is dropped under flow, which this claim builds on"
REASONS: dict[str, tuple[tuple[str, str], ...]] = {
    "conserved": (
        ("with or without $c$; conserved means: for all data", DEFINES),
        ("first line:", NAMES),
        ("last line:", NAMES),
        ("for $K = 1$ the other quantities of a cell are linear", STATES),
    ),
    "flow": (
        ("gradient flow on the mean squared error, any data", "steps of finite size: see steps"),
        ("with or without $c$", ASKS_NOTHING),
    ),
    "trajectory": (
        ("as for the end point", UNDER_FLOW),
        (r"$\mathrm{E}[r^2]$: the mean over the training radii", DEFINES),
    ),
    "steps": (
        ("first two lines: gradient steps of any sizes on any batches", ASKS_NOTHING),
        ("last line: full batches, no $c$, step … gradient flow", "first order in η: not tried"),
    ),
    "active": (
        ("ReLU", "the formula is about windows; no σ enters"),
        ("no $c$; partial sums from both sides", "of the second formula: not tried"),
        ("a channel whose partial sums … for the others", STATES),
    ),
    "conv_bias": (
        ("gradient flow", "steps of finite size: see steps"),
        ("conv bias $b$", DEFINES),
        (
            r"up to $\frac N2 - h$, clear of the border",
            "is dropped under flow; with a bias the flows that were tried had not settled",
        ),
        ("where the last line says nothing,… with $a = 0$", STATES),
    ),
    "ridge": (
        ("first line:", NAMES),
        ("any $K$, $n$, radii and padding, biases free", ASKS_NOTHING),
        (r"$V = \mathrm{Var}\, r$", DEFINES),
        ("second line:", NAMES),
        (r"radii up to $\frac N2 - h$", UNDER_FLOW),
        ("gradient flow, or … turns $u$ over, from", "steps of finite size: not tried"),
    ),
    "noise": (
        (
            r"$s\,\mathcal N(0, 1)$ on each of $N$ pixels",
            "the search tosses coins: not needed here",
        ),
        (r"$V = \mathrm{Var}\, r$", DEFINES),
        ("first line:", NAMES),
        (r"$\theta = \sum_k a_k S_k$", DEFINES),
        (r"second line: … correlation $\rho$", DEFINES),
        (r"third line: one channel,… $v = \mathrm{Var}(\xi - \tau)_+$", "a limit: not tried"),
    ),
    "sharpness": (
        ("the linear cell", UNDER_FLOW),
        ("the Hessian of the mean squared error", DEFINES),
        ("all other eigenvalues are 0", STATES),
        ("$U, W$: of the start … beside the end", DEFINES),
        ("last line: without $c$ … the balanced ones are", STATES),
    ),
}
"""What of the assumptions no search drops, and why."""
