r"""An unknown contrast, x = α x_r: counting silence, what no network can do between half-integers,
and the ruler.

At half-integer plateau radii n/2 <= r <= N/2 - h, on N pixels,

    Σ_i g(z_i) = N g(0) + 2r [g(αS) - g(0)] + κ_α,
    κ_α = Σ_{j=-h}^{h-1} [g(αC_j) + g(α(S - C_j)) - g(0) - g(αS)].

One ReLU channel is exact for all α >= α_0 iff b > 0, S <= -b/α_0, and every partial sum from either
side is 0 or so low, too: the background answers, the pulse is mute, and the answer counts the
silence.  Between half-integers r - m + 1/2 is ψ/α, the quotient of the grey and the lit pixels, and
no sum of activations is a quotient.  The ruler: point-sampled pulse β + αx, filter (-γ, γ), σ
saturated by every edge, readout v_i = v_0 - i/2: the two edges are the legs of a compass, and the
answer does not change with background, contrast or place.  Derivation: docs/invariance/contrast.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, product
from typing import Any

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.pulse import network
from theory.pulse.network import last_radius, preactivations, taps
from theory.pulse.signal import HALF, pulse
from theory.types import Function, Scalar, Vector

__all__ = [
    "CLAIM",
    "LAW",
    "Contrast",
    "leg_moves",
    "mute_on_pulse",
    "partial_sums",
    "response",
    "silence_readout",
]


def partial_sums(w: Vector) -> list[Any]:
    """C_j and S - C_j for j = -h, ..., h - 1, of taps w (n,): what a window holds at an edge, at
    contrast 1; n - 1 of each.
    """
    total = sum(w[1:], w[0])
    left = list(accumulate(w[:-1]))
    return [*left, *(total - partial for partial in left)]


def response(g: Function, w: Vector, alpha: Scalar, r: Scalar, pixels: Scalar) -> Any:
    """Σ_i g(z_i) of the taps w (n,) on the pulse of half-integer plateau radius r and contrast α,
    ``pixels`` of them.
    """
    total = sum(w[1:], w[0])
    dark, lit = g(0 * total), g(alpha * total)
    edges = partial_sums(w)
    value = pixels * dark + 2 * r * (lit - dark) - len(edges) // 2 * (dark + lit)
    return sum((g(alpha * partial) for partial in edges), value)


def mute_on_pulse(w: Vector, b: Scalar, least: Scalar) -> bool:
    """Whether a ReLU channel with taps w (n,) and bias b is quiet, that is exact for all α >=
    least: b > 0, S <= -b/least, partial sums 0 or as low as that.
    """
    total = sum(w[1:], w[0])

    def mute(partial: Scalar) -> Any:
        return least * partial + b <= 0

    return bool(b > 0 and mute(total) and all(p == 0 or mute(p) for p in partial_sums(w)))


def silence_readout(w: Vector, b: Scalar, pixels: Scalar) -> tuple[Any, Any]:
    """(a, c) = (-1/(2b), (N - 2h + number of partial sums that are 0)/2) of a quiet channel with
    taps w (n,).
    """
    zeros = sum(p == 0 for p in partial_sums(w))
    unit = b / b
    return -unit / (2 * b), (pixels - len(w) + 1 + zeros) * unit / 2


def leg_moves(count: int, bias: bool) -> tuple[Fraction, Fraction]:
    """(p, q): after training on ``count`` radii with errors d_k at the start, v_{-k} has moved by p
    d_k + q Σ d, v_{k+1} by the opposite, and c by Σ of the former.
    """
    return Fraction(1, 2), Fraction(-int(bias), 2 * (count + 2))


@dataclass(frozen=True)
class Contrast:
    """The law: the response, which ReLU channels count silence and how they are read, and how the
    ruler is learned.
    """

    response: Callable[[Function, Vector, Scalar, Scalar, Scalar], Any]
    mute_on_pulse: Callable[[Vector, Scalar, Scalar], bool]
    silence_readout: Callable[[Vector, Scalar, Scalar], tuple[Any, Any]]
    leg_moves: Callable[[int, bool], tuple[Fraction, Fraction]]


LAW = Contrast(response, mute_on_pulse, silence_readout, leg_moves)
"""The law as derived here."""


# ------------------------------------------------------------------------------------------ proof

PROVED_TAPS = (1, 3, 5)
alpha, shade = sp.symbols("alpha psi", positive=True)


def prove(law: Contrast) -> Proof:
    """The double sum with an undefined g; every small filter, decided; the quotient; the ruler with
    symbols for all weights.
    """
    covers = (
        "the double sum for n = 1, 3, 5 at r = n/2 and n/2 + 1, any g and α, and at every"
        " half-integer on rings of 7, 9 and 13 pixels, where it is false beyond r = N/2 - h; which"
        " channels are quiet for all 780 small filters with n = 1 and 3, their readouts for n = 1,"
        " 3, 5; the quotient on the cells m = 1 to 3; the ruler for radii k + 1/2 with k = 1 to 3,"
        " any background, contrast, weights and three shifts; its training on one to four radii"
    )
    return Proof(_steps(law), covers)


def _steps(law: Contrast) -> Iterator[Step]:
    """The quickest first."""
    for n in PROVED_TAPS:
        yield from _double_sum(law, n)
        yield _domain(law, n)
    yield from _learned(law)
    for n in PROVED_TAPS:
        yield from _counts(law, n)
    yield from _all_filters(law)
    yield from (*_quotient(), *_ruler())


def _g(z: Scalar) -> sp.Expr:
    return network.g(sp.expand(z))


def _double_sum(law: Contrast, n: int) -> list[Step]:
    h, w = n // 2, taps(n)
    steps = []
    for m in (h + 1, h + 2):
        x = [alpha * value for value in pulse(m, sp.Integer(0), m + h)]
        direct = sp.Add(*(_g(z) for z in preactivations(w, x)))
        claimed = law.response(_g, w, alpha, m - HALF, sp.Integer(len(x)))
        steps.append(
            Step(f"the double sum, n = {n}, r = {m - HALF}", sp.expand(direct - claimed) == 0)
        )
    return steps


def _domain(law: Contrast, n: int) -> Step:
    """Every half-integer from n/2 on, until all pixels are lit: the law holds up
    to N/2 - h only.
    """
    h, w = n // 2, taps(n)
    half_length = max(2 * h + 2, 3)
    size = sp.Integer(2 * half_length + 1)
    good = True
    for m in range(h + 1, half_length + 2):
        x = [alpha * int(abs(i) < m) for i in range(-half_length, half_length + 1)]
        direct = sp.Add(*(_g(z) for z in preactivations(w, x)))
        claimed = law.response(_g, w, alpha, m - HALF, size)
        inside = m - HALF <= last_radius(n, size)
        good = good and (sp.expand(direct - claimed) == 0) == bool(inside)
    return Step(f"true up to the last radius only, n = {n}, N = {size}", good)


def _counts(law: Contrast, n: int) -> Iterator[Step]:
    """Quiet filters with symbols: a tap -b(1 + s)/α_0 somewhere, zeros beside it, or such taps
    everywhere; any α >= α_0.
    """
    b, least = sp.symbols("b alpha_0", positive=True)
    more, depth = sp.symbols("d s", nonnegative=True)
    tap = -b * (1 + depth) / least
    spike = [tap if u == n // 2 else sp.Integer(0) for u in range(n)]
    size = sp.Integer(2 * n + 9)
    r = sp.Symbol("r", positive=True)
    for name, w in (("one tap", spike), ("all taps", [tap] * n)):
        a, c = law.silence_readout(w, b, size)
        answer = c + a * law.response(lambda z: _relu(z + b), w, least + more, r, size)
        exact = sp.cancel(answer - r) == 0
        yield Step(f"{name} below the bias, n = {n}: the answer is r", exact)


def _relu(z: sp.Expr) -> sp.Expr:
    """max(z, 0) where the sign is known."""
    z = sp.expand(z)
    return z if z.is_nonnegative else sp.Integer(0) if z.is_nonpositive else sp.Max(z, 0)


def _all_filters(law: Contrast) -> Iterator[Step]:
    """Every filter with taps -2, ..., 2 and six biases: quiet iff Δ is not 0 and neither Δ nor κ
    moves with α.

    Σ_i relu(z_i + b) is piecewise linear in α, with its kinks at -b/P: it is constant from 1 on iff
    it has the same value at 1, at every kink beyond, and at two places after the last.
    """
    biases = [Fraction(k, 2) for k in (-1, 0, 1, 2, 3, 4)]
    for n in (1, 3):
        right = all(
            law.mute_on_pulse(w, b, Fraction(1)) == _constant(w, b)
            for w in product([Fraction(k) for k in range(-2, 3)], repeat=n)
            for b in biases
        )
        yield Step(f"which channels are mute on the pulse, every small filter, n = {n}", right)


def _constant(w: Sequence[Fraction], b: Fraction) -> bool:
    """From the definition: the response is the same at all these contrasts, and not the same for
    two radii.
    """
    h, total, zero = len(w) // 2, sum(w), Fraction(0)
    meets = [-b / p for p in (total, *partial_sums(w)) if p != 0]
    places = sorted([Fraction(1), *(x for x in meets if x > 1)])
    places += [places[-1] + 1, places[-1] + 2]
    sums = set()
    for contrast in places:
        values = []
        for m in (h + 1, h + 2):
            windows = (
                sum(tap for u, tap in enumerate(w) if abs(i + u - h) < m)
                for i in range(-m - h, m + h + 1)
            )
            # As many positions for both radii.
            values.append(sum(max(contrast * z + b, zero) for z in windows) - 2 * m * max(b, zero))
        sums.add(tuple(values))
    return len(sums) == 1 and all(first != second for first, second in sums)


def _quotient() -> list[Step]:
    """With ψ = αφ every pre-activation is linear in (α, ψ); r is not, on no open set."""
    steps = []
    for n in (1, 3):
        for m in (1, 2, 3):
            x = [sp.expand(alpha * value) for value in pulse(m, shade / alpha, m + n)]
            z = preactivations(taps(n), x)
            straight = all(
                sp.Poly(window, alpha, shade).total_degree() <= 1 for window in z if window != 0
            )
            r = m - HALF + shade / alpha
            bent = sp.diff(r, alpha, shade)
            steps.append(
                Step(
                    f"linear windows, n = {n}, and a quotient, m = {m}",
                    straight and sp.simplify(bent + 1 / alpha**2) == 0,
                )
            )
    far = sp.limit(shade / alpha, alpha, 0, "+")
    return [*steps, Step("the quotient has no limit at α = 0", far == sp.oo)]


def _ruler() -> list[Step]:
    """Windows γ (x(i) - x(i - 1)) on a ring: one saturated at -k, one at k + 1; any v, then v_i =
    v_0 - i/2, then shifted.
    """
    base, first, start = sp.symbols("beta c v_0", real=True)
    gain = sp.Symbol("gamma", positive=True)
    over = sp.Symbol("d", nonnegative=True)
    contrast = (1 + over) / gain
    length, steps = 7, []
    positions = range(-length, length + 1)
    weights = {i: sp.Symbol(f"v_{i}", real=True) for i in positions}
    for k in (1, 2, 3):
        for s in (-1, 0, 2):
            x = [base + contrast * (1 if abs(i - s) <= k else 0) for i in positions]
            z = [sp.expand(gain * (x[j] - x[j - 1])) for j in range(len(x))]
            clipped = [
                (
                    sp.Integer(1)
                    if (v - 1).is_nonnegative
                    else sp.Integer(-1)
                    if (v + 1).is_nonpositive
                    else v
                )
                for v in z
            ]
            answer = first + sp.Add(
                *(weights[i] * v for i, v in zip(positions, clipped, strict=True))
            )
            two = first + weights[s - k] - weights[s + k + 1]
            ruled = answer.subs({weights[i]: start - sp.Rational(i, 2) for i in positions}).subs(
                first, 0
            )
            steps += [
                Step(f"two legs, r = {k + HALF}, shift {s}", sp.expand(answer - two) == 0),
                Step(f"the ruler, r = {k + HALF}, shift {s}", sp.expand(ruled - k - HALF) == 0),
            ]
    # Linear networks: c + Σ u_i x(i); the same for two contrasts means that Σ u_i over the pulse is
    # 0.
    u, more = sp.symbols("U E", real=True)
    line = first + base * more + alpha * u
    gap = sp.solve(line.subs(alpha, 1) - line.subs(alpha, 2), u)
    steps.append(Step("a linear readout that ignores the contrast is blind, any r", gap == [0]))
    return steps


def _learned(law: Contrast) -> list[Step]:
    """The end is right on every radius and differs from the start by a combination of the rows
    e_{-k} - e_{k+1} + e_c.
    """
    steps = []
    for count in (1, 3, 4):
        for bias in (False, True):
            errors = sp.symbols(f"d0:{count}", real=True)
            own, all_of = law.leg_moves(count, bias)
            moves = [own * d + all_of * sp.Add(*errors) for d in errors]
            shift = sp.Add(*moves) if bias else sp.Integer(0)
            # Row k meets its own two legs, and c.
            left = [sp.expand(d - 2 * move - shift) for d, move in zip(errors, moves, strict=True)]
            name = f"the legs after training, {count} radii, {'with' if bias else 'without'} c"
            steps.append(Step(name, not any(left)))
    return steps


# ------------------------------------------------------------------------------------- wrong laws


def _full_contrast(g: Function, w: Vector, alpha: Scalar, r: Scalar, pixels: Scalar) -> Any:
    """Wrong: the edges are seen at contrast 1."""
    edges = partial_sums(w)
    return response(g, w, alpha, r, pixels) + sum(g(p) - g(alpha * p) for p in edges)


def _plateau_only(w: Vector, b: Scalar, least: Scalar) -> bool:
    """Wrong: it is enough that the plateau is mute."""
    return bool(b > 0 and least * sum(w[1:], w[0]) + b <= 0)


def _free_plateau(w: Vector, b: Scalar, least: Scalar) -> bool:
    """Wrong: S < 0 is enough for the plateau, which lies between partial sums; with one tap there
    are none.
    """
    mute = all(p == 0 or least * p + b <= 0 for p in partial_sums(w))
    return bool(b > 0 > sum(w[1:], w[0]) and mute)


def _lit(w: Vector, b: Scalar, pixels: Scalar) -> tuple[Any, Any]:
    """Wrong: the lit pixels are counted, not the silent ones."""
    a, c = silence_readout(w, b, pixels)
    return -a, 0 * c


def _no_edges(w: Vector, b: Scalar, pixels: Scalar) -> tuple[Any, Any]:
    """Wrong: as if the edges were mute or lit as in the plateau's place."""
    unit = b / b
    return -unit / (2 * b), pixels * unit / 2


def _one_leg(count: int, bias: bool) -> tuple[Fraction, Fraction]:
    """Wrong: one leg takes all of the error."""
    return Fraction(1), Fraction(0)


CLAIM: Claim[Contrast] = Claim(
    id="contrast",
    title=(
        "An unknown contrast: counting silence, and a ruler that ignores background, contrast and"
        " place"
    ),
    statement=(
        r"\sum_i g(z_i) = N g(0) + 2r\left[g(\alpha S) - g(0)\right] + \kappa_\alpha, \quad \tfrac"
        r" n2 \le r \le \tfrac N2 - h"
        r" \qquad K = 1, \text{ ReLU}: \quad b > 0, \quad S \le -b/\alpha_0, \quad C_j,\ S - C_j"
        r" \in \{0\} \cup \left(-\infty, -b/\alpha_0\right], \quad a = -\frac{1}{2b}, \quad c ="
        r" \frac{N - 2h + \#\{C_j = 0\} + \#\{S - C_j = 0\}}{2}"
        r" \qquad \text{the ruler:} \quad w = (-\gamma, \gamma), \quad \hat r = c + v_{s-k} -"
        r" v_{s+k+1}, \quad v_i = v_0 - \tfrac{i}{2} \ \Rightarrow\ \hat r = k + \tfrac12"
        r" \qquad v_{-k}(\infty) = v_{-k}(0) + \tfrac12 d_k, \quad v_{k+1}(\infty) = v_{k+1}(0) -"
        r" \tfrac12 d_k"
    ),
    assumptions=(
        (
            r"first line: $x = \alpha x_r$, any $\sigma$, half-integers; zero padding or a ring;"
            r" beyond $\frac N2 - h$ a window meets the border or both edges, and for some $\sigma$"
            r" it is false; $\kappa_\alpha = \sum_j [g(\alpha C_j) + g(\alpha(S - C_j)) - g(0) -"
            r" g(\alpha S)]$"
        ),
        (
            r"second line: exact for all $\alpha \ge \alpha_0$ and these radii, if and only if;"
            r" between half-integers no network is exact on an open set of contrasts and fractions"
            r" if every branch of $\sigma$ is analytic on the whole line"
        ),
        (
            r"third line: $x(i) = \beta + \alpha\,[\,|i - s| \le k\,]$ on a ring, $\sigma(0) = 0$"
            r" and $\sigma(z) = \pm1$ for $\pm z \ge 1$, $\gamma\alpha \ge 1$; any $\beta$, and any"
            r" $s$ with both legs inside, $-L \le s - k$ and $s + k < L$; no linear network does it"
        ),
        (
            r"last line: gradient descent on the readout from any start, $d_k$ the error to make up"
            r" at radius $k + \frac12$; if $c$ is trained, too, $d_k$ is less $\Sigma d/(n + 2)$"
            r" for $n$ radii, and $c$ moves by the sum of what the left legs move by"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("the edges are seen at full contrast", replace(LAW, response=_full_contrast)),
        Wrong("a mute plateau is enough", replace(LAW, mute_on_pulse=_plateau_only)),
        Wrong("the plateau need not be mute", replace(LAW, mute_on_pulse=_free_plateau)),
        Wrong("the edges do not count", replace(LAW, silence_readout=_no_edges)),
        Wrong("the lit pixels are counted", replace(LAW, silence_readout=_lit)),
        Wrong("one leg takes all of the error", replace(LAW, leg_moves=_one_leg)),
    ),
    requires=("plateau",),
)
