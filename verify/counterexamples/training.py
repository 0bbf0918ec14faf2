"""The chapter of training: exact gradients of small starts, and flows that are simulated."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import chain, product
from typing import Any

import numpy as np

from numerics.arithmetic import oracle
from numerics.arithmetic.types import Array
from theory.training import active, conserved, conv_bias, flow, noise, ridge, trajectory
from verify.counterexamples.exact import covariance, dot, risk
from verify.counterexamples.search import (
    Case,
    Hypothesis,
    Search,
    at_least,
    close,
    grid,
    ordered,
    sums,
)
from verify.counterexamples.signals import (
    HALF,
    SIGMAS,
    SLOPES,
    Filter,
    Several,
    channels,
    cut,
    narrow,
    pooled,
)
from verify.optimise.flow import flow as integrated

__all__ = ["Start", "gradient", "settles"]

SAME = 1e-6
"""Two results of flows that agree so far are the same."""
SETTLED = 1e-7
"""A flow whose gradient is below this has arrived."""
UNSETTLED = "not settled"
"""What is said of a flow that still moves at time 160."""
ETA, TIME, DECAY = Fraction(1, 16), 1 / 16, 1 / 16
"""The step, the time and λ that are tried."""
LOSSES: dict[str, Any] = {"squares": lambda e: 2 * e, "fourth powers": lambda e: 4 * e**3}
"""Their slopes; each is averaged over the radii."""


class Start(Case):
    """Initial weights w, a, b, c, and what they are trained on; b and c may be None."""

    @property
    def flat(self) -> list[Any]:
        """All weights: the taps, a, one b per channel, c; 0 where there is none."""
        taps = [tap for row in self.w for tap in row]
        return [*taps, *self.a, *[self.b or 0] * len(self.a), self.c or 0]

    def parts(self, flat: Sequence[Any]) -> tuple[list[list[Any]], list[Any], list[Any], Any]:
        """(w, a, b, c) of such a list."""
        n, count = len(self.w[0]), len(self.a)
        taps = n * count
        w = [list(flat[k : k + n]) for k in range(0, taps, n)]
        return w, list(flat[taps : taps + count]), list(flat[taps + count : -1]), flat[-1]

    @property
    def pulses(self) -> list[Any]:
        """(r, x) of each radius, exact."""
        return [(r, oracle.overlap_pulse(r, self.N // 2)) for r in self.radii]

    @property
    def clear(self) -> bool:
        """r <= N/2 - h."""
        return bool(max(self.radii) <= Fraction(self.N, 2) - len(self.w[0]) // 2)

    @property
    def straight(self) -> bool:
        """The identity, or ReLU with each window above 0 that sees light, at the start."""
        seen = [Case(N=self.N, w=w, b=self.b or 0, radii=self.radii) for w in self.w]
        return self.sigma == "identity" or (self.sigma == "relu" and all(map(_above, seen)))


def gradient(case: Start, flat: Sequence[Any], pulses: Sequence[Any]) -> list[Any]:
    """∇L by every weight, term by term from the definition; 0 for what is not trained."""
    w, a, b, c = case.parts(flat)
    sigma, slope = SIGMAS[case.sigma], SLOPES[case.sigma]
    share = case.N if case.pooling == "mean" else 1
    h = len(w[0]) // 2
    total = [0 * flat[0]] * len(flat)
    for r, x in pulses:
        longer = [*[0] * h, *x, *[0] * h]
        windows = [longer[i : i + 2 * h + 1] for i in range(len(x))]
        z = [[dot(row, seen) + bias for seen in windows] for row, bias in zip(w, b, strict=True)]
        means = [sum(map(sigma, row)) / share for row in z]
        pull = LOSSES[case.loss](c + dot(a, means) - r) / len(pulses)
        slopes = [[slope(value) for value in row] for row in z]
        by_taps = [
            a_k * sum(s * seen[u] for s, seen in zip(row, windows, strict=True)) / share
            for a_k, row in zip(a, slopes, strict=True)
            for u in range(2 * h + 1)
        ]
        by_b = [a_k * sum(row) / share for a_k, row in zip(a, slopes, strict=True)]
        trained = by_b if case.b is not None else [0] * len(a)
        moves = [*by_taps, *means, *trained, int(case.c is not None)]
        total = [t + pull * move for t, move in zip(total, moves, strict=True)]
    return total


@cache
def _floats(size: int, radii: tuple[Fraction, ...]) -> list[Any]:
    return [(float(r), [float(v) for v in oracle.overlap_pulse(r, size // 2)]) for r in radii]


def _pulled(case: Start, y: Sequence[float], decay: float) -> Array:
    """∇(L + decay (|w|² + |a|²)) in floats."""
    count = len(case.a) * (len(case.w[0]) + 1)
    shrunk = [2 * decay * v if k < count else 0.0 for k, v in enumerate(y)]
    return np.array(gradient(case, y, _floats(case.N, case.radii))) + shrunk


def _flow_from(case: Start, y: Sequence[Any], time: float, decay: float = 0.0) -> list[float]:
    """Gradient flow by scipy's integrator, from the definition of the gradient."""
    start, times = np.array(y, dtype=float), np.array([0.0, time])
    path, _ = integrated(lambda y: -_pulled(case, y.tolist(), decay), start, times, accuracy=1e-10)
    return [float(v) for v in path[-1]]


def _settled(case: Start, decay: float = 0.0) -> list[Any] | str:
    """All weights at the end of the flow, or words if the gradient has not vanished."""
    y: Sequence[Any] = case.flat
    for _ in range(4):
        y = _flow_from(case, y, 40.0, decay)
        if max(abs(_pulled(case, y, decay))) < SETTLED:
            return list(y)
    return UNSETTLED


def settles(law: Any, truth: Any) -> bool:
    """Two results agree to six digits; a flow that has not settled decides nothing."""
    return truth == UNSETTLED or close(SAME)(law, truth)


def _starts(
    sizes: Sequence[tuple[int, int]], most: int, *vary: Mapping[str, Any], count: int = 1
) -> Iterator[Start]:
    """(N, n), then the weights of so many channels by their sum, then the variants."""
    plain = {"b": None, "c": None, "sigma": "identity", "pooling": "sum", "loss": "squares"}
    for size, n in sizes:
        for flat in ordered((n + 1) * count, most):
            w = tuple(flat[k : k + n] for k in range(0, n * count, n))
            start = Start(N=size, w=w, a=flat[n * count :], **plain, radii=(HALF, Fraction(3, 2)))
            yield from (start.but(**variant) for variant in vary)


SIZES, TAP = [(3, 1), (5, 3)], [(3, 1)]
RELU, HARDTANH, BIAS, NO_BIAS_YET = {"sigma": "relu"}, {"sigma": "hardtanh"}, {"b": 1}, {"b": 0}
CONSTANT, ONE, MORE = (
    {"c": 0},
    {"radii": (HALF,)},
    {"radii": (HALF, Fraction(3, 2), Fraction(5, 2))},
)
VARIANTS: tuple[dict[str, Any], ...] = ({}, RELU, BIAS, {"c": 1}, {"loss": "fourth powers"}, MORE)

LINEAR = Hypothesis("the linear cell", "ReLU with windows below 0", lambda c: c.straight)
NO_BIAS = Hypothesis("no conv bias", "a bias b in the convolution", lambda c: c.b is None)
MORE_RADII = Hypothesis("two or more radii", "one radius", lambda c: len(c.radii) > 1)
INSIDE = Hypothesis(r"radii up to $\frac N2 - h$", "r > N/2 - h", lambda c: c.clear)


# --- conserved ----------------------------------------------------------------------------------


def _rate(values: Callable[[Start, Sequence[Any]], list[Any]]) -> Callable[[Start], Any]:
    """How fast quadratic quantities change along the flow: exact central differences."""

    def change(case: Start) -> Any:
        flat = [Fraction(v) for v in case.flat]
        g = gradient(case, flat, case.pulses)
        ahead, behind = (
            values(case, [v - sign * x for v, x in zip(flat, g, strict=True)]) for sign in (1, -1)
        )
        return tuple((p - q) / 2 for p, q in zip(ahead, behind, strict=True))

    return change


def _quantities(case: Start, flat: Sequence[Any]) -> list[Any]:
    w, a, _, _ = case.parts(flat)
    return [*conserved.deviations(w), *conserved.products(w, a)]


def _balance(case: Start, flat: Sequence[Any]) -> list[Any]:
    (w,), (a,), (b,), _ = case.parts(flat)
    return [conserved.everywhere(w, b, a)]


CONSERVED = Search(
    "conserved",
    "how fast the quantities of the linear cell change",
    f"(N, n) = (3, 1), (5, 3), {sums('w and a', 3)}, ReLU, b = 1, c = 1, fourth powers, more radii",
    lambda: _starts(SIZES, 3, *VARIANTS),
    (
        LINEAR,
        NO_BIAS,
        Hypothesis(
            "any radii whose pulses stay clear of the border",
            "windows at the border see the edge",
            lambda c: c.clear,
        ),
    ),
    lambda c: (0,) * len(_quantities(c, c.flat)),
    _rate(_quantities),
)

BALANCE = Search(
    "conserved",
    "how fast a² - |w|² - b² changes",
    f"(N, n), {sums('w and a', 4)}, σ; N = 5, n = 3, b = 1",
    lambda: _starts([(5, 3)], 4, RELU | BIAS, HARDTANH | BIAS),
    (Hypothesis(r"$\sigma$ positively homogeneous", "hardtanh", lambda c: c.sigma != "hardtanh"),),
    lambda c: (0,),
    _rate(_balance),
)


# --- flow, trajectory, conv_bias ----------------------------------------------------------------


def _end_law(case: Start) -> Any:
    try:
        w, a = flow.end(flow.LAW, case.w, case.a, math.sqrt(len(case.w[0])), math.sqrt)
    except ZeroDivisionError:
        return "1/0"
    return [*(tap for row in w for tap in row), *a]


def _end_truth(case: Start, decay: float = 0.0) -> Any:
    """The taps and a."""
    y = _settled(case, decay)
    return y if y == UNSETTLED else y[: len(case.a) * (len(case.w[0]) + 1)]


def _unbalanced(case: Start) -> bool:
    """U > 0."""
    sides = ((sum(row), len(row), a) for row, a in zip(case.w, case.a, strict=True))
    return any(s * abs(s) != -n * a * abs(a) for s, n, a in sides)


FLOW = Search(
    "flow",
    "the weights at the end, by scipy's integrator, to six digits",
    f"(N, n) = (3, 1), (5, 3), {sums('w and a', 2)}, b = 1, c = 0, one radius with c, mean pooling,"
    " ReLU, more radii",
    lambda: _starts(SIZES, 2, {}, BIAS, CONSTANT, CONSTANT | ONE, {"pooling": "mean"}, RELU, MORE),
    (
        NO_BIAS,
        Hypothesis(MORE_RADII.words, "one radius, with c", MORE_RADII.holds),
        Hypothesis(r"up to $\frac N2 - h$, clear of the border", "r > N/2 - h", INSIDE.holds),
        Hypothesis("sum pooling", "mean pooling", lambda c: c.pooling == "sum"),
        Hypothesis(
            r"the linear cell: $\sigma$ the identity, or ReLU while it stays active",
            LINEAR.instead,
            LINEAR.holds,
        ),
        Hypothesis("$U > 0$", "U = 0: a = -S/√n", _unbalanced),
    ),
    _end_law,
    _end_truth,
    settles,
)

FLOW_BIAS = Search(
    "flow",
    "the weights at the end, where a bias starts at 0",
    f"(N, n), {sums('w and a', 1)}, b = 0; N = 3, n = 1, K = 1",
    lambda: filter(_unbalanced, _starts(TAP, 1, {}, NO_BIAS_YET)),
    (
        Hypothesis(
            "no conv bias",
            "one that starts at 0, for one channel: it ends there, too",
            lambda c: c.b is None,
            kept="others move the end; of this one conv_bias says so",
        ),
    ),
    _end_law,
    _end_truth,
    settles,
)


def _path_law(case: Start) -> Any:
    root, law = math.sqrt(len(case.w[0])), trajectory.LAW
    u, v = (
        sum((a + sign * sum(row) / root) ** 2 for a, row in zip(case.a, case.w, strict=True))
        for sign in (1, -1)
    )
    if u == 0:
        return "1/0"
    mean = float(dot(case.radii, case.radii)) / len(case.radii)
    plus, minus = law.roots(u, v, root, math.sqrt)
    e = law.stretch_at(plus, minus, math.exp(-TIME * law.rate(u, v, root, mean, math.sqrt)))
    s = sum(case.w[0]) / root
    return (math.sqrt(e) * (case.a[0] + s) + (case.a[0] - s) / math.sqrt(e)) / 2


TRAJECTORY = Search(
    "trajectory",
    "a at time 1/16, by scipy's integrator, to six digits",
    f"(N, n), {sums('w and a', 2)}, with c; N = 3, n = 1",
    lambda: filter(_unbalanced, _starts(TAP, 2, {}, CONSTANT)),
    (Hypothesis("without a readout bias $c$", "with c", lambda c: c.c is None),),
    _path_law,
    lambda c: _flow_from(c, c.flat, TIME)[1],
    close(SAME),
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


CONV_BIAS = Search(
    "conv_bias",
    "b and |a| at the end, by scipy's integrator, to six digits",
    f"(N, n) = (3, 1), then with two channels, {sums('w and a', 2)}, b = 1, then c = 0, one radius,"
    " hardtanh",
    lambda: (
        c
        for c in chain(
            _starts(TAP, 2, BIAS, BIAS | CONSTANT, BIAS | ONE, BIAS | HARDTANH),
            _starts(TAP, 2, BIAS, count=2),
        )
        if any(c.a) and any(map(any, c.w))
    ),
    (
        Hypothesis("$K = 1$", "two channels", lambda c: len(c.a) == 1),
        Hypothesis("no readout bias", "with c", lambda c: c.c is None),
        Hypothesis(r"$\sigma$ the identity", "hardtanh", lambda c: c.sigma == "identity"),
        Hypothesis("data on two or more radii", "one radius", MORE_RADII.holds),
    ),
    _bias_law,
    _bias_truth,
    settles,
)


# --- steps --------------------------------------------------------------------------------------


def _step_law(case: Start) -> Any:
    """(a, S) after u -> (1 + δ) u, v -> (1 - δ) v; δ is a rational multiple of √n."""
    (w,), (a,), total = case.w, case.a, Fraction(0)
    for r, x in case.pulses:
        row = (case.w, [case.b or 0], case.a, case.c or 0, SIGMAS[case.sigma])
        total += (oracle.answer(*row, x) - r) * r / len(case.radii)
    part = -4 * ETA * total  # δ/√n
    return a + part * sum(w), sum(w) + len(w) * part * a


def _step_truth(case: Start) -> Any:
    flat = [Fraction(v) for v in case.flat]
    g = gradient(case, flat, case.pulses)
    w, a, _, _ = case.parts([v - ETA * x for v, x in zip(flat, g, strict=True)])
    return a[0], sum(w[0])


STEPS = Search(
    "steps",
    "a and S after one step of size 1/16",
    f"(N, n) = (3, 1), (5, 3), {sums('w and a', 3)}, ReLU, b = 1, c = 1, more radii",
    lambda: (c for c in _starts(SIZES, 3, *VARIANTS) if c.loss == "squares"),
    (Hypothesis("in the linear cell", LINEAR.instead, LINEAR.holds), NO_BIAS, INSIDE),
    _step_law,
    _step_truth,
)


# --- active -------------------------------------------------------------------------------------


def _above(c: Case) -> bool:
    """Each window that sees light is above 0."""
    h = len(c.w) // 2
    for r in c.radii:
        x = oracle.overlap_pulse(r, c.N // 2)
        for i, value in enumerate(oracle.preactivations(c.w, c.b, x)):
            if any(x[max(i - h, 0) : i + h + 1]) and value <= 0:
                return False
    return True


ACTIVE = Search(
    "active",
    "each window is above 0",
    f"N = 5, 7, {sums('w and b', 4)}, r = 1/2, 3/2, N/2; n = 3",
    lambda: grid(
        channels([(5, 3), (7, 3)], 4, Several),
        radii=lambda c: [(r,) for r in (HALF, Fraction(3, 2), Fraction(c.N, 2))],
    ),
    (
        narrow("plateau radii"),
        cut(r"$m + h \le L$"),
        Hypothesis("no conv bias", NO_BIAS.instead, lambda c: c.b == 0),
    ),
    lambda c: sum(c.w) > max(active.floors(tuple(map(Fraction, c.w)))),
    _above,
)


# --- ridge --------------------------------------------------------------------------------------


def _penalized(c: Case) -> Any:
    """The loss of one tap on N = 3 pixels at r = 1/2 and 3/2 with the best c, and the penalty."""
    f = Filter(N=3, w=[c.w], sigma=c.sigma)
    errors = [c.a * f.but(r=r).pooled - r for r in (HALF, Fraction(3, 2))]
    return covariance(errors, errors) + c.decay * (c.w**2 + c.a**2)


RIDGE = Search(
    "ridge",
    "the least loss with weight decay, as a lower bound",
    "w, a in quarters, the sum of their absolute values up to 2, in lexicographic order, σ ="
    " identity, abs, 2z, λ = 1/8; n = 1, V = 1/4",
    lambda: grid(
        (Case(w=Fraction(w, 4), a=Fraction(a, 4)) for w, a in ordered(2, 8)),
        sigma=("identity", "abs", "2z"),
        decay=(Fraction(1, 8),),
    ),
    (
        Hypothesis(
            r"every $\sigma$ with $|\sigma(x) - \sigma(y)| \le |x - y|$",
            "σ(z) = 2z",
            lambda c: c.sigma != "2z",
        ),
    ),
    lambda c: ridge.least(c.decay, Fraction(1, 4), Fraction(1)),
    _penalized,
    at_least,
)


def _box_law(case: Start) -> Any:
    """(w, a) for one tap: √n = 1, V = 1/4."""
    u = [a + w for a, (w,) in zip(case.a, case.w, strict=True)]
    try:
        a, w = ridge.box(u, ridge.angle(DECAY, 0.25, 1.0), 1.0, math.sqrt)
    except ZeroDivisionError:
        return "0/0"
    return [*w, *a]


RIDGE_END = Search(
    "ridge",
    "where weight decay ends, by scipy's integrator, to six digits",
    f"channels, {sums('w and a', 1)}, b = 0 (1 for two channels), no c, ReLU; N = 3, n = 1, λ ="
    " 1/16",
    lambda: chain(
        _starts(TAP, 1, CONSTANT, CONSTANT | NO_BIAS_YET, {}, CONSTANT | RELU),
        _starts(TAP, 1, CONSTANT, CONSTANT | BIAS, count=2),
    ),
    (
        Hypothesis(
            r"$u(0) \ne 0$",
            "u(0) = 0",
            lambda c: any(a + w for a, (w,) in zip(c.a, c.w, strict=True)),
        ),
        Hypothesis(
            "no conv bias",
            "one that starts at 0, for one channel: c takes it up",
            lambda c: c.b is None or len(c.a) > 1,
            kept="the proof uses it; no counterexample is known for one channel",
        ),
        Hypothesis(
            "no conv bias",
            "a bias b in each of two channels",
            lambda c: c.b is None or len(c.a) == 1,
        ),
        Hypothesis("readout bias $c$ free", "without c", lambda c: c.c is not None),
        Hypothesis("identity, or ReLU in its linear cell", LINEAR.instead, LINEAR.holds),
    ),
    _box_law,
    lambda c: _end_truth(c, DECAY),
    settles,
)


# --- noise --------------------------------------------------------------------------------------

COINS: dict[str, list[tuple[int, ...]]] = {
    "a coin per pixel": list(product((-1, 1), repeat=5)),
    "one coin for all pixels": [(s,) * 5 for s in (-1, 1)],
}
"""±1 on each of N = 5 pixels."""


def _noisy_risk(c: Case) -> Any:
    """The regression of r = 1/2, 3/2 on the response, all noise enumerated."""
    seen = list(product((HALF, Fraction(3, 2)), COINS[c.noise]))
    images = [map(operator.add, oracle.overlap_pulse(r, 2), coins) for r, coins in seen]
    responses = [pooled(c.sigma, c.padding, c.w, 0, list(x)) for x in images]
    return risk([responses], [r for r, _ in seen])


NOISE = Search(
    "noise",
    "the least loss of one channel",
    "n = 1, 3, the sum of |w| up to 2, in lexicographic order, S ≠ 0, σ, padding, noise; N = 5,"
    " s = 1, V = 1/4",
    lambda: grid(
        w=[w for n in (1, 3) for w in ordered(n, 2) if sum(w)],
        sigma=("identity", "relu"),
        padding=("a ring", "zeros"),
        noise=COINS,
    ),
    (
        Hypothesis("independent noise", "one for all pixels", lambda c: "per" in c.noise),
        Hypothesis(
            "circular padding",
            "zeros beyond the border",
            lambda c: c.padding == "a ring" or len(c.w) == 1,
        ),
        Hypothesis("linear cell", "ReLU, which cuts the noise", lambda c: c.sigma == "identity"),
    ),
    lambda c: noise.linear_risk(Fraction(1, 4), 5, 1),
    _noisy_risk,
)


# --- sharpness ----------------------------------------------------------------------------------


def _curvature(case: Start) -> float:
    """The largest eigenvalue of the Hessian by the taps and a, from differences of the gradient."""
    pulses = _floats(case.N, case.radii)
    count = len(case.w[0]) + 1 + (case.b is not None)
    flat = np.array(case.flat, dtype=float)
    ahead, behind = (
        np.array([gradient(case, list(flat + step), pulses)[:count] for step in sign * steps])
        for steps in (1e-4 * np.eye(len(flat))[:count],)
        for sign in (1, -1)
    )
    rows = (ahead - behind) / 2e-4
    return float(np.linalg.eigvalsh((rows + rows.T) / 2)[-1])


def _sharp(case: Start) -> float:
    (w,), (a,) = case.w, case.a
    return float(8 * dot(case.radii, case.radii) / len(case.radii) * (sum(w) ** 2 + len(w) * a * a))


def _exact_answer(case: Start) -> bool:
    row = (case.w, [case.b or 0], case.a, 0, SIGMAS[case.sigma])
    return all(oracle.answer(*row, x) == r for r, x in case.pulses)


def _sharp_starts() -> Iterator[Start]:
    for case in _starts(SIZES, 3, {}, NO_BIAS_YET, {"radii": (HALF, Fraction(5, 2))}):
        for a in sorted({Fraction(v, 2) for v in case.a} | {Fraction(3, 5)}):
            yield case.but(a=(a,))


SHARPNESS = Search(
    "sharpness",
    "the largest eigenvalue of the Hessian, from differences of the gradient, to six digits",
    "(N, n) = (3, 1), (5, 3), the sum of the absolute values of w and 2a up to 3, these in"
    " lexicographic order (a = 3/5 beside it), b = 0, other radii; without c",
    _sharp_starts,
    (
        Hypothesis("at an exact network", "elsewhere", _exact_answer),
        INSIDE,
        Hypothesis("no conv bias", "a bias b = 0 in the convolution", NO_BIAS.holds),
    ),
    _sharp,
    _curvature,
    close(SAME),
)
