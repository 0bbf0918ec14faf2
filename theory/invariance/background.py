r"""An unknown background, x = β + x_r: what it does to every network, and which networks can ignore
it.

N pixels, circular padding, half-integer plateau radii n/2 <= r <= N/2 - h, g(z) = σ(z + b).  The
pulse stands between two levels of the pre-activation, βS and (β + 1)S, and the plateau law moves
with them:

    Σ_i g(z_i) = N g(βS) + 2r [g((β + 1)S) - g(βS)] + κ_β,
    κ_β = Σ_{j=-h}^{h-1} [g(βS + C_j) + g(βS + S - C_j) - g(βS) - g((β + 1)S)].

Beyond N/2 - h fewer than 2h pixels are dark: some window meets both edges, and the law is false.
One strictly monotone channel that ignores β has S = 0, and is blind to r.  The identity, with any K
and n, has the best loss VN²B/(4V + N²B), V = Var r, B = Var β.  But two channels with a kink and
three taps are exact on any bounded interval, and three of them between the half-integers, too:
filters that answer at one edge only read the background there.  With one tap there is no edge, and
two backgrounds that differ by 1 cost VN²/(2(8V + 4(E r)² + (N - 2E r)²)).  Zeros beyond the border
are an edge, too.  Derivation: docs/invariance/background.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import sympy as sp
from sympy.polys.domains import QQ
from sympy.polys.fields import field

from theory.claim import Claim, Kernel, Proof, Step, Wrong
from theory.pulse import network
from theory.pulse.network import Network as PooledNetwork  # with sum pooling
from theory.pulse.network import circular, last_radius, preactivations, taps
from theory.pulse.signal import HALF, pulse
from theory.types import Function, Scalar, Vector

__all__ = [
    "CLAIM",
    "LAW",
    "Background",
    "angle",
    "border",
    "one_tap",
    "response",
    "risk",
    "three_channels",
    "two_channels",
]


def response(g: Function, w: Vector, beta: Scalar, r: Scalar, pixels: Scalar) -> Any:
    """Σ_i g(z_i) of the taps w (n,) on the pulse of half-integer plateau radius r and the
    background β, ``pixels`` of them on a ring.
    """
    total = sum(w[1:], w[0])
    dark, lit = g(beta * total), g(beta * total + total)
    value = pixels * dark + 2 * r * (lit - dark)
    partial = 0 * total
    for tap in w[:-1]:
        partial = partial + tap
        value = value + g(beta * total + partial) + g(beta * total + total - partial) - dark - lit
    return value


def angle(spread: Scalar, pixels: Scalar, background: Scalar) -> Any:
    """θ = Σ a_k S_k = 2V/(4V + N²B) of the best linear network."""
    return 2 * spread / (4 * spread + pixels**2 * background)


def risk(spread: Scalar, pixels: Scalar, background: Scalar, steepness: Scalar = 1) -> Any:
    """V N²B/(4 q²V + N²B): with q = 1 the least loss of linear networks; none of one channel whose
    slopes lie within a factor q is below.
    """
    return spread * pixels**2 * background / (4 * steepness**2 * spread + pixels**2 * background)


def border(w: Vector, pixels: Scalar) -> Any:
    """Σ_u (N - |u|) w_u for taps w (n,): what a background of 1 adds to the sum of all windows with
    zero padding.
    """
    h = len(w) // 2
    return sum((pixels - abs(u)) * tap for u, tap in zip(range(-h, h + 1), w, strict=True))


def one_tap(spread: Scalar, pixels: Scalar, mean: Scalar) -> Any:
    """V N²/(2 (8V + 4 (E r)² + (N - 2 E r)²)): the least loss of one-tap networks on two
    backgrounds that differ by 1.
    """
    return spread * pixels**2 / (2 * (8 * spread + 4 * mean**2 + (pixels - 2 * mean) ** 2))


def two_channels(
    low: Scalar, high: Scalar, shift: Scalar, pixels: Scalar, left: Scalar, right: Scalar
) -> PooledNetwork[Any]:
    """Exact on backgrounds in [low, high] for σ(z) = left·z below 0, right·z above, right ≠ 0 and
    right ≠ left.

    The first channel sums what it sees, shifted by ``shift`` >= -low.  The second meets the kink at
    one edge of the pulse alone, where its window holds β - low; its readout weight is -N/(2 (right
    - left)).
    """
    edge = high - low + 1
    second = -pixels / (2 * (right - left))
    first = (1 - 2 * second * left) / (2 * right)
    c = -first * right * pixels * shift + second * (
        left * pixels * (high + 1) + (right - left) * low
    )
    zero = 0 * edge
    return PooledNetwork(
        ((zero, zero + 1, zero), (edge, 1 - edge, zero)), (shift, -high - 1), (first, second), c
    )


def three_channels(
    low: Scalar, high: Scalar, shift: Scalar, pixels: Scalar, left: Scalar, right: Scalar
) -> PooledNetwork[Any]:
    """The same for every real radius: two channels at the edge, each of which is straight where the
    other bends.

    Where a window of the second meets the kink at z, one of the third does at -z: together they are
    straight, and add up to 4β - 2(low + high) at the one edge that they see.
    """
    reach, zero = high - low + 2, 0 * high
    pair = -pixels / (8 * (right - left))
    first = (1 - 4 * pair * left) / (2 * right)
    c = -first * right * pixels * shift + pair * (
        left * pixels * (high + low + 1) + 2 * (right - left) * (high + low)
    )
    w = ((zero, zero + 1, zero), (reach, zero - 1, 2 - reach), (reach - 2, zero + 1, -reach))
    return PooledNetwork(w, (shift, -high - 1, low), (first, pair, -pair), c)


class Risk(Protocol):
    """Var r, N, Var β and a ratio of slopes -> the least loss."""

    def __call__(
        self, spread: Scalar, pixels: Scalar, background: Scalar, steepness: Scalar = 1, /
    ) -> Any: ...


Exact = Callable[[Scalar, Scalar, Scalar, Scalar, Scalar, Scalar], PooledNetwork[Any]]
"""The interval's ends, the shift, N and the slopes beside the kink -> an exact network."""


@dataclass(frozen=True)
class Background:
    """The law: the response and its last radius, the best linear network, zero padding, the exact
    networks, the price of one tap.
    """

    response: Callable[[Function, Vector, Scalar, Scalar, Scalar], Any]
    last_radius: Callable[[Scalar, Scalar], Any]
    angle: Callable[[Scalar, Scalar, Scalar], Any]
    risk: Risk
    border: Callable[[Vector, Scalar], Any]
    two_channels: Exact
    three_channels: Exact
    one_tap: Callable[[Scalar, Scalar, Scalar], Any]


LAW = Background(response, last_radius, angle, risk, border, two_channels, three_channels, one_tap)
"""The law as derived here."""


# ------------------------------------------------------------------------------------------ proof

PROVED_TAPS = (1, 3, 5)
beta = sp.Symbol("beta", real=True)
SPREAD, PIXELS, SQUARE = sp.symbols("V N B", positive=True)


def prove(law: Background) -> Proof:
    """The circular double sum with an undefined g; completed squares; the exact network with
    symbols for ends, size and slopes.
    """
    covers = (
        "the double sum for n = 1, 3, 5 at r = n/2 and n/2 + 1, any g and β, and at every"
        " half-integer on rings of 7, 9 and 13 pixels, where it is false from the last radius on;"
        " zero padding at any radius of those cells, likewise; the best linear network for all V,"
        " N, B; the exact networks for every interval and kink, with two channels for every N and"
        " half-integer r, with three on the cells m = 2 and 3, on 9 pixels beyond the last radius,"
        " too, where they err; one tap for any g"
    )
    return Proof(_steps(law), covers)


def _steps(law: Background) -> Iterator[Step]:
    """The quickest first."""
    for n in PROVED_TAPS:
        yield from _domain(law, n)
        yield from _double_sum(law, n)
    for part in (_linear, _steep, _reads, _beyond, _single, _reads_all):
        yield from part(law)


def _double_sum(law: Background, n: int) -> Iterator[Step]:
    h, w = n // 2, taps(n)
    total = sp.Add(*w)
    for m in (h + 1, h + 2):
        r = m - HALF
        x = [beta + value for value in pulse(m, sp.Integer(0), m + h)]
        z = circular(w, x)
        direct = sp.Add(*(network.g(sp.expand(window)) for window in z))
        claimed = law.response(
            lambda window: network.g(sp.expand(window)), w, beta, r, sp.Integer(len(x))
        )
        # Every pre-activation moves by S dβ, so a strictly monotone σ moves the sum.
        together = all(sp.expand(sp.diff(window, beta) - total) == 0 for window in z)
        flat = [*w[:-1], -sp.Add(*w[:-1])]
        blind = [
            law.response(
                lambda window: network.g(sp.expand(window)), flat, level, radius, sp.Integer(len(x))
            )
            for level, radius in ((beta, r), (sp.Integer(0), r + 1))
        ]
        fraction = sp.Symbol("varphi", real=True)
        grey = [beta + value for value in pulse(m, fraction, m + h)]
        padded = sp.Add(*preactivations(w, grey)) - 2 * (r + fraction) * total
        padding = beta * law.border(w, sp.Integer(len(x)))
        yield Step(f"the double sum, n = {n}, r = {r}", sp.expand(direct - claimed) == 0)
        yield Step(f"all windows move by S, n = {n}, r = {r}", together)
        blind_to_both = sp.expand(blind[0] - blind[1]) == 0
        yield Step(f"S = 0 is blind to r and β, n = {n}, r = {r}", blind_to_both)
        yield Step(f"zero padding, n = {n}, r = {r} + φ", sp.expand(padded - padding) == 0)


def _domain(law: Background, n: int) -> list[Step]:
    """Every half-integer from n/2 to N/2, where all pixels are lit; every cell with zeros beyond:
    true up to the last radius only.
    """
    h, w = n // 2, taps(n)
    half_length = max(2 * h + 2, 3)
    size = sp.Integer(2 * half_length + 1)
    spread, level = lambda window: network.g(sp.expand(window)), sp.Symbol("varphi", real=True)
    radii, true = [m - HALF for m in range(h + 1, half_length + 2)], []
    for r in radii:
        x = [beta + int(bool(abs(i) < r)) for i in range(-half_length, half_length + 1)]
        direct = sp.Add(*(spread(window) for window in circular(w, x)))
        if sp.expand(direct - law.response(spread, w, beta, r, size)) == 0:
            true.append(r)
    last = law.last_radius(n, size)
    whole = []
    for m in range(1, half_length + 1):
        x = [beta + value for value in pulse(m, level, half_length)]
        light = sp.Add(*preactivations(w, x)) - 2 * (m - HALF + level) * sp.Add(*w)
        if sp.expand(light - beta * law.border(w, size)) == 0:
            whole.append(m)
    cells = [m for m in range(1, half_length + 1) if m + HALF <= last]
    return [
        Step(
            f"true up to the last radius only, n = {n}, N = {size}",
            true == [r for r in radii if r <= last],
        ),
        Step(
            f"zero padding loses light from the last radius on, n = {n}, N = {size}", whole == cells
        ),
    ]


def _expected(square: sp.Expr, r: sp.Symbol, e: sp.Symbol, mean: sp.Symbol) -> sp.Expr:
    """The mean over r, with moments μ and V + μ², and over an independent e of mean 0 and variance
    B.
    """
    moments = {(0, 0): 1, (1, 0): mean, (2, 0): SPREAD + mean**2, (0, 2): SQUARE}
    terms = sp.Poly(sp.expand(square), r, e).terms()
    return sp.Add(*(k * moments.get(power, 0) for power, k in terms))


def _linear(law: Background) -> Iterator[Step]:
    """E(c + θ(2r + Nβ) - r)² = (offset)² + (4V + N²B)(θ - θ*)² + the least loss, for independent r
    and β.
    """
    theta, c, mean, middle, r, e = sp.symbols("theta c mu nu r e", real=True)
    slope, level = sp.symbols("s t", real=True)
    for n in PROVED_TAPS:
        w = taps(n)
        affine = law.response(lambda z: slope * z + level, w, beta, r, PIXELS)
        plain = slope * sp.Add(*w) * (2 * r + PIXELS * beta) + PIXELS * level
        yield Step(f"an affine σ measures 2r + Nβ, n = {n}", sp.expand(affine - plain) == 0)
    value = _expected((c + theta * (2 * r + PIXELS * (middle + e)) - r) ** 2, r, e, mean)
    best = law.angle(SPREAD, PIXELS, SQUARE)
    form = (
        (c + theta * (2 * mean + PIXELS * middle) - mean) ** 2
        + (4 * SPREAD + PIXELS**2 * SQUARE) * (theta - best) ** 2
        + law.risk(SPREAD, PIXELS, SQUARE)
    )
    yield Step("the loss is least at θ and c", sp.cancel(value - form) == 0)
    gain = sp.factor(sp.together(SPREAD - law.risk(SPREAD, PIXELS, SQUARE)))
    yield Step("it is below Var r", gain.is_positive is True)


def _steep(law: Background) -> list[Step]:
    """(1 - 2sp)²V + (Ntp)²B, what one channel with slopes in [t, s] has to pay at |aS| = p, is
    least at the law's value.

    No more is paid by σ with the slopes t up to z = d, s up to 1 and t beyond, on backgrounds in
    [0, d] with one tap: its answer is a [N t β + 2r (t d + s (1 - d))] + c, so it pays the price of
    the slopes t and t d + s (1 - d).
    """
    size, low, high = sp.symbols("p t s", positive=True)
    price = (1 - 2 * high * size) ** 2 * SPREAD + (PIXELS * low * size) ** 2 * SQUARE
    curve = 4 * high**2 * SPREAD + PIXELS**2 * low**2 * SQUARE
    form = curve * (size - 2 * high * SPREAD / curve) ** 2 + law.risk(
        SPREAD, PIXELS, SQUARE, high / low
    )
    d, r, a, c, mean, middle, e = sp.symbols("d r a c mu nu e", real=True)
    mixed = low * d + high * (1 - d)
    sigma = {beta: low * beta, beta + 1: mixed + low * beta}

    def activation(z: Scalar) -> sp.Expr:
        return sigma.get(sp.expand(z), sp.Symbol("elsewhere"))

    answer = a * law.response(activation, (sp.Integer(1),), beta, r, PIXELS) + c
    loss = _expected((answer.subs(beta, middle + e) - r) ** 2, r, e, mean)
    offset = a * (2 * mixed * mean + PIXELS * low * middle) + c - mean
    least = offset**2 + price.subs({high: mixed, size: a}, simultaneous=True)
    return [
        Step("the price of slopes within a factor", sp.cancel(price - form) == 0),
        Step("slopes t, s, t pay no more than that, n = 1", sp.expand(loss - least) == 0),
    ]


def _reads(law: Background) -> list[Step]:
    """β = low + s, high = β + t with s, t >= 0: which side of the kink each window is on, and the
    answer.
    """
    low, r = sp.symbols("beta_0 r", real=True)
    before, after, more = sp.symbols("s t d", nonnegative=True)
    left, right = sp.symbols("p q", real=True)
    here, high = low + before, low + before + after
    net = law.two_channels(low, high, more - low, PIXELS, left, right)
    steps, answer = [], net.c
    for k, (w, b, a) in enumerate(net.listed):
        signs: list[bool] = []

        def kinked(z: sp.Expr, b: sp.Expr = b, signs: list[bool] = signs) -> sp.Expr:
            value = sp.expand(z + b)
            if value.is_nonnegative is True:
                return right * value
            signs.append(value.is_nonpositive is True)
            return left * value

        answer = answer + a * law.response(kinked, w, here, r, PIXELS)
        steps.append(Step(f"every window of channel {k + 1} keeps its side", all(signs)))
    steps.append(Step("the answer is r", sp.cancel(answer - r) == 0))
    return steps


def _reads_all(law: Background) -> list[Step]:
    """Window by window at r = m - 1/2 + φ: each keeps its side for 0 <= φ <= 1, or has its mirror
    image in the other channel.
    """
    low, fraction = sp.symbols("beta_0 varphi", real=True)
    before, after, more = sp.symbols("s t d", nonnegative=True)
    left, right = sp.symbols("p q", real=True)
    here, high = low + before, low + before + after
    steps = []
    for m in (2, 3):
        x = [here + value for value in pulse(m, fraction, m + 1)]
        size = sp.Integer(len(x))
        net = law.three_channels(low, high, more - low, size, left, right)
        answer, bent = net.c, []
        for w, b, a in net.listed:
            for z in circular(w, x):
                z = sp.expand(z + b)
                ends = [z.subs(fraction, 0), z.subs(fraction, 1)]
                answer = answer + a * left * z
                if all(end.is_nonnegative is True for end in ends):
                    answer = answer + a * (right - left) * z
                elif not all(end.is_nonpositive is True for end in ends):
                    bent.append((a, z))
        # a max(z, 0) - a max(-z, 0) = a z.
        second = sorted(((a, z) for a, z in bent if sp.cancel(a - net.a[1]) == 0), key=str)
        third = [(a, z) for a, z in bent if sp.cancel(a - net.a[1]) != 0]
        mirrored = len(second) == len(third) and all(
            any(sp.cancel(a + other) == 0 and sp.expand(z + image) == 0 for other, image in third)
            for a, z in second
        )
        answer = answer + sp.Add(*(a * (right - left) * z for a, z in second))
        steps += [
            Step(f"{len(bent)} windows bend, in pairs, n = 3, m = {m}", mirrored),
            Step(
                f"the answer is r between half-integers, n = 3, m = {m}",
                sp.cancel(answer - (m - HALF + fraction)) == 0,
            ),
        ]
    return steps


def _beyond(law: Background) -> Iterator[Step]:
    """On nine pixels, backgrounds from -1 to 2, ReLU: right at every half-integer, or quarter, up
    to the last radius and at no other.
    """
    low, high, half_length, zero = sp.Integer(-1), sp.Integer(2), 4, sp.Integer(0)
    size = sp.Integer(2 * half_length + 1)
    places = (low, sp.Rational(1, 3), high)

    def right(net: PooledNetwork[Any], r: sp.Rational) -> bool:
        m = min(sp.floor(r + HALF), half_length)
        lit = pulse(int(m), r - m + HALF, half_length)
        errors = {
            net.c - r + sum(a * sp.Max(z + b, 0) for w, b, a in net.listed
                            for z in circular(w, [level + value for value in lit]))
            for level in places
        }  # fmt: skip
        return errors == {zero}

    good = True
    for make, parts in ((law.two_channels, 1), (law.three_channels, 4)):
        net = make(low, high, 1, size, zero, sp.Integer(1))
        radii = [3 * HALF + sp.Rational(k, parts) for k in range(3 * parts + 1)]
        good = good and [r for r in radii if right(net, r)] == [
            r for r in radii if r <= law.last_radius(3, size)
        ]
    yield Step("the exact networks err beyond the last radius, n = 3, N = 9", good)


def _single(law: Background) -> list[Step]:
    """One tap sees f(β) and f(β + 1) only; two backgrounds β, β + 1 and any three values of f."""
    u, v, t, c, r, mean = sp.symbols("u v t c r mu", real=True)
    (w,) = taps(1)
    claimed = law.response(network.g, (w,), beta, r, PIXELS)
    direct = (PIXELS - 2 * r) * network.g(beta * w) + 2 * r * network.g(sp.expand((beta + 1) * w))
    counted = sp.expand(claimed.replace(network.g, lambda z: network.g(sp.expand(z))) - direct) == 0
    errors = [c + (PIXELS - 2 * r) * x + 2 * r * y - r for x, y in ((u, v), (v, t))]
    value = _expected((errors[0] ** 2 + errors[1] ** 2) / 2, r, sp.Symbol("e"), mean)
    # One unknown after the other: e = t - v - 1/2, then k = c + N v, then d = v - u; each leaves a
    # square.  In a field of fractions they are compared in no time.
    fractions, u, v, t, c, mean, spread, pixels = field((u, v, t, c, mean, SPREAD, PIXELS), QQ)
    d, e, k = v - u, t - v - HALF, c + pixels * v
    second = spread + mean**2
    far = spread + second
    gap = pixels - 2 * mean
    form = (
        4 * second * (e + k * mean / (2 * second)) ** 2
        + far / second * (k - (mean + gap * d) * second / far) ** 2
        + spread * (4 + gap**2 / far) * (d - (2 * far - gap * mean) / (4 * far + gap**2)) ** 2
    ) / 2 + law.one_tap(spread, pixels, mean)
    return [
        Step("one tap, n = 1: N - 2r times f(β) and 2r times f(β + 1)", counted),
        Step(
            "two backgrounds: the loss is three squares and the least",
            form == fractions.from_expr(sp.expand(value)),
        ),
    ]


# ------------------------------------------------------------------------------------- wrong laws


def _fixed_edges(g: Function, w: Vector, beta: Scalar, r: Scalar, pixels: Scalar) -> Any:
    """Wrong: the windows at the edges do not see the background."""
    total = sum(w[1:], w[0])
    return response(g, w, beta, r, pixels) + sum(
        g(x) + g(total - x) - g(beta * total + x) - g(beta * total + total - x)
        for x in (sum(w[1:k], w[0]) for k in range(1, len(w)))
    )


def _to_the_border(n: Scalar, pixels: Scalar) -> Any:
    """Wrong: the pulse may fill the ring."""
    return pixels / 2 + 0 * n


def _first_power(spread: Scalar, pixels: Scalar, background: Scalar, steepness: Scalar = 1) -> Any:
    """Wrong: the ratio of the slopes counts once, not squared."""
    return spread * pixels**2 * background / (4 * steepness * spread + pixels**2 * background)


def _blind(spread: Scalar, pixels: Scalar, background: Scalar, steepness: Scalar = 1) -> Any:
    """Wrong: nothing is better than a network that does not see r."""
    return spread + 0 * pixels * background * steepness


def _ring(w: Vector, pixels: Scalar) -> Any:
    """Wrong: the border costs nothing."""
    return pixels * sum(w[1:], w[0])


def _both_edges(
    low: Scalar, high: Scalar, shift: Scalar, pixels: Scalar, left: Scalar, right: Scalar
) -> PooledNetwork[Any]:
    """Wrong: as if the second channel answered at both edges."""
    net = two_channels(low, high, shift, pixels, left, right)
    return replace(net, a=(net.a[0], net.a[1] / 2))


def _no_price(spread: Scalar, pixels: Scalar, mean: Scalar) -> Any:
    """Wrong: one tap can count the pixels above a threshold, whatever the background."""
    return 0 * spread * pixels * mean


CLAIM: Claim[Background] = Claim(
    id="background",
    title=(
        "An unknown background: what one channel cannot do, and how two channels read it at an edge"
    ),
    statement=(
        r"\sum_i g(z_i) = N g(\beta S) + 2r\left[g((\beta+1)S) - g(\beta S)\right] + \kappa_\beta,"
        r" \quad \tfrac n2 \le r \le \tfrac N2 - h"
        r" \qquad \min_{\text{linear}} \mathrm{E}(\hat r - r)^2 = \frac{V N^2 B}{4V + N^2 B}, \quad"
        r" \theta = \frac{2V}{4V + N^2 B}"
        r" \qquad \min_{n = 1} \mathrm{E}(\hat r - r)^2 = \frac{V N^2}{2\left(8V + 4(\mathrm{E}"
        r" r)^2 + (N - 2\mathrm{E} r)^2\right)} \text{ on } \{\beta, \beta + 1\}"
        r" \qquad K = 2,\ n = 3: \quad a_2 = \frac{-N}{2(q - p)}, \quad w_2 = (M, 1 - M, 0), \quad"
        r" b_2 = -\beta_1 - 1, \quad M = \beta_1 - \beta_0 + 1"
        r" \qquad K = 3: \quad a_2 = -a_3 = \frac{-N}{8(q - p)}, \quad w_2 = (M + 1, -1, 1 - M),"
        r" \quad w_3 = (M - 1, 1, -M - 1), \quad b_3 = \beta_0"
        r" \qquad \text{zero padding:} \quad \sum_i z_i = 2rS + \beta \sum_u (N - |u|)\, w_u"
    ),
    assumptions=(
        (
            r"$x = \beta + x_r$ on a ring of $N$ pixels, $n = 2h + 1$ taps, sum pooling, the pulse"
            r" inside the ring, $r \le \frac N2$; first line: any $\sigma$, half-integers; beyond"
            r" $\frac N2 - h$ a window meets both edges, and for some $\sigma$ it is false;"
            r" $\kappa_\beta = \sum_j [g(\beta S + C_j) + g(\beta S + S - C_j) - g(\beta S) -"
            r" g((\beta+1)S)]$"
        ),
        (
            r"so one strictly monotone channel that ignores $\beta$ has $S = 0$ and answers the"
            r" same to all these radii: its loss on them is $V = \mathrm{Var}\, r$ or more; if it"
            r" does not ignore $\beta$ and all slopes of $\sigma$ lie in $[s_0, s_1]$, $s_0 > 0$,"
            r" it is at least the second line with $4V(s_1/s_0)^2$ for $4V$; some $\sigma$ comes as"
            r" close to that as one likes"
        ),
        (
            r"second line: identity, any $K$ and $n$, $r$ and $\beta$ independent, $B ="
            r" \mathrm{Var}\, \beta$; third line: any $\sigma$ and $K$, both backgrounds equally"
            r" likely"
        ),
        (
            r"fourth line: $\sigma$ with slope $p$ below a kink at 0 and $q$ above, $p \ne q \ne"
            r" 0$: exact for every $\beta \in [\beta_0, \beta_1]$ and all half-integers $\frac32"
            r" \le r \le \frac N2 - 1$; fifth line: and all real $r$ in that range; last line: all"
            r" real $r \le \frac N2 - h$"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the edges do not see the background", replace(LAW, response=_fixed_edges)),
        Wrong("the pulse may fill the ring", replace(LAW, last_radius=_to_the_border)),
        Wrong("the best linear network is blind", replace(LAW, risk=_blind)),
        Wrong("the ratio of the slopes counts once", replace(LAW, risk=_first_power)),
        Wrong("the border costs nothing", replace(LAW, border=_ring)),
        Wrong("the second channel answers at both edges", replace(LAW, two_channels=_both_edges)),
        Wrong(
            "two channels are straight between half-integers",
            replace(LAW, three_channels=two_channels),
        ),
        Wrong("one tap is enough for any background", replace(LAW, one_tap=_no_price)),
    ),
    requires=("plateau",),
    kernel=Kernel(
        (
            "all n, m and L, any g: the first line, and that one strictly monotone "
            "channel is not exact"
        ),
        (
            "Background.background_law",
            "Background.ignores_background",
            "Background.blind",
            "Background.not_exact",
        ),
    ),
)
