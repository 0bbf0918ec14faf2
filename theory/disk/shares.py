r"""What each channel contributes on disks: area, perimeter and the rest; and what squares see of an
image.

Let F_k(r) = Σ_p [σ(w_k ⋆ x_r + b_k) - σ(b_k)]_p = πr²Δ_k + P_k r + ϱ_k(r), on training radii that
lie symmetrically about μ. For every network, trained or not, with loss L,

    Σ_k a_k (P_k + 2μπΔ_k + Cov(r, ϱ_k)/Var r)
        = 1 - L/Var r + [Σ_k a_k ∂L/∂a_k + (c - μ) ∂L/∂c]/(2 Var r),

and the bracket is 0 for the best readout.  Seen from the other side an edge is its own complement,

    p_{θ+π}(t) = S - p_θ(-t),

so P knows only the part of g that is even about S/2.  Squares, on an image with the symmetries of
the square, know its autocorrelation at a few lags and nothing else,

    Σ_p [(w ⋆ x + b)²_p - b²] = Σ_d W_d C(d) + 2bS Σx,    C(d) = Σ_p x(p)x(p + d),
    d = (i, j), i >= j >= 0,

W_d being the filter's autocorrelation, added up over the images of d.  And where σ is piecewise
linear, the pieces and kinks on which the windows lie leave a linear regression
(:mod:`theory.disk.linear_regions`): where training comes to rest, its residual is the loss.
Derivation: docs/disk/shares.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy.polys.domains import QQ
from sympy.polys.fields import field

from theory.claim import Claim, Proof, Step, Wrong
from theory.disk.linear_regions import Part, part, prove_facets
from theory.disk.perimeter import DIRECTIONS, edge
from theory.types import Scalar, Vector

__all__ = ["CLAIM", "LAW", "Lag", "Opposite", "Shares", "lags", "opposite", "orbit", "share"]

Lag = tuple[int, int]
"""A place, or the difference of two."""
Opposite = Callable[[Scalar, Scalar], Any]
"""p_θ(t) and S -> p_{θ+π}(-t)."""


def opposite(p: Scalar, full: Scalar) -> Any:
    """p_{θ+π}(-t) from p = p_θ(t) and S = ``full``."""
    return full - p


def share(a: Vector, length: Vector, area: Vector, rest: Vector, mean: Scalar) -> Any:
    """Σ a_k (P_k + 2μπΔ_k + Cov(r, ϱ_k)/Var r), from a_k, P_k, πΔ_k and the slopes of the rests,
    each (K,), and μ.
    """
    every = zip(a, length, area, rest, strict=True)
    return sum((x * (p + 2 * mean * d + s) for x, p, d, s in every), 0 * mean)


def lags(w: Mapping[Lag, Scalar]) -> dict[Lag, Any]:
    """W_d: Σ_u w_u w_{u+d}, added up over the images of d, for the taps w by their places."""
    found: dict[Lag, Any] = {}
    for (u, v), one in w.items():
        for (i, j), two in w.items():
            low, high = sorted((abs(i - u), abs(j - v)))
            found[high, low] = found.get((high, low), 0 * one) + one * two
    return found


def orbit(lag: Lag) -> tuple[Lag, ...]:
    """The images of a lag under the eight symmetries of the square, each once."""
    i, j = lag
    return tuple(
        sorted({(s * p, t * q) for p, q in ((i, j), (j, i)) for s in (1, -1) for t in (1, -1)})
    )


@dataclass(frozen=True)
class Shares:
    """The law: the other side of an edge, the shares of a network's answer, the lags that squares
    see, and what a piece of σ contributes.
    """

    opposite: Opposite
    share: Callable[[Vector, Vector, Vector, Vector, Scalar], Any]
    lags: Callable[[Mapping[Lag, Scalar]], dict[Lag, Any]]
    part: Part


LAW = Shares(opposite, share, lags, part)
"""The law as derived here."""

PROVED_TAPS = (1, 3)
PROVED_RADII = (2, 3, 4, 5)


def prove(law: Shares) -> Proof:
    """Sums of half squares from both sides, regression from the loss itself, squares pixel by
    pixel, and pieces row by row.
    """
    covers = (
        "edges for every direction and distance, n = 1, 3; polynomials g up to degree 5; any"
        " network with K = 1, 2 on 2 to 5 radii, any features and weights; squares with n = 1, 3,"
        " any filter and bias, on every symmetric image of 3 × 3 pixels, n = 1 also of 5 × 5; the"
        " spectrum for n = 3 at nine frequencies; pieces and kinks of every piecewise-linear row,"
        " their gradient for K = 1, 2, three windows and two radii"
    )
    return Proof(_steps(law), covers)


def _steps(law: Shares) -> Iterator[Step]:
    """Those with many symbols come last."""
    yield from _prove_even(law)
    yield from _prove_lags(law)
    yield from _prove_spectrum(law)
    yield from _prove_share(law)
    yield from prove_facets(law.part)
    yield from _prove_opposite(law)


def _taps(n: int) -> dict[Lag, sp.Symbol]:
    offsets = range(-(n // 2), n // 2 + 1)
    return {(u, v): sp.Symbol(f"w{u}_{v}", real=True) for u in offsets for v in offsets}


# ---------------------------------------------------------------------------------- the other side


def _prove_opposite(law: Shares) -> Iterator[Step]:
    """p at the opposite normal from the half squares, each of which is 1 less its mirror image."""
    t = sp.Symbol("t", real=True)
    c, s = sp.symbols("c s", positive=True)
    for n in PROVED_TAPS:
        w = _taps(n)
        full = sp.Add(*w.values())
        same = True
        for a, b in ((c, s), *DIRECTIONS):
            here = sp.Add(*(tap * edge(t + u * a + v * b, a, b) for (u, v), tap in w.items()))
            there = sp.Add(*(tap * edge(-t - u * a - v * b, -a, -b) for (u, v), tap in w.items()))
            gap = sp.expand(law.opposite(here, full) - there)
            same = same and sp.cancel(sp.together(gap)) == 0
        yield Step(f"an edge from the other side, n = {n}", same)


def _prove_even(law: Shares) -> Iterator[Step]:
    """What both sides contribute to P together does not contain the odd powers of g about S/2."""
    p, full = sp.symbols("p S", real=True)
    q = sp.symbols("q:6", real=True)

    def g(z: sp.Expr) -> sp.Expr:
        return sp.Add(*(k * (z - full / 2) ** j for j, k in enumerate(q)))

    both = sp.expand(g(p) + g(law.opposite(p, full)) - g(sp.Integer(0)) - g(full))
    twice = sp.expand(2 * (g(p) - g(full)).subs({q[1]: 0, q[3]: 0, q[5]: 0}))
    yield Step("P knows the even part about S/2 only", sp.expand(both - twice) == 0)


# -------------------------------------------------------------------------------------- the shares


def _mean(values: Sequence[Any]) -> Any:
    return sum(values[1:], values[0]) / len(values)


def _prove_share(law: Shares) -> Iterator[Step]:
    """The loss, differentiated; every number of the network free, the radii symmetric about μ."""
    for count in PROVED_RADII:
        for channels in (1, 2):
            names = [f"{name}{k}" for k in range(channels) for name in ("a", "P", "D")]
            names += [f"F{k}_{j}" for k in range(channels) for j in range(count)]
            mu, c, *others = field(["mu", "c", *(f"t{k}" for k in range(count // 2)), *names], QQ)[
                1:
            ]
            apart, others = others[: count // 2], others[count // 2 :]
            a, p, d = (others[k : 3 * channels : 3] for k in range(3))
            f = [others[3 * channels + k * count :][:count] for k in range(channels)]
            middle = [0 * mu] if count % 2 else []
            r = [mu + t for t in (*(-t for t in apart), *middle, *apart)]
            spread = _mean([(x - mu) ** 2 for x in r])
            answers = [c + sum(a[k] * f[k][j] for k in range(channels)) for j in range(count)]
            loss = _mean([(y - x) ** 2 for y, x in zip(answers, r, strict=True)])
            left = sum(x * loss.diff(x) for x in a) + (c - mu) * loss.diff(c)
            remainder = [
                [f[k][j] - d[k] * r[j] ** 2 - p[k] * r[j] for j in range(count)]
                for k in range(channels)
            ]
            slopes = [
                _mean([(x - mu) * y for x, y in zip(r, row, strict=True)]) / spread
                for row in remainder
            ]
            gap = (law.share(a, p, d, slopes, mu) - 1) * spread + loss - left / 2
            yield Step(f"the shares, K = {channels}, {count} radii", gap == 0)


# ------------------------------------------------------------------------------------- the squares


def _image(reach: int) -> dict[Lag, sp.Symbol]:
    """An image of (2·reach + 1)² pixels with the symmetries of the square, otherwise free."""
    inside = range(-reach, reach + 1)
    return {
        (i, j): sp.Symbol(f"x{max(abs(i), abs(j))}_{min(abs(i), abs(j))}", real=True)
        for i in inside
        for j in inside
    }


def _prove_lags(law: Shares) -> Iterator[Step]:
    b = sp.Symbol("b", real=True)
    for n, reach in ((1, 1), (1, 2), (3, 1)):
        w, x, h = _taps(n), _image(reach), n // 2
        positions = range(-reach - h, reach + h + 1)
        total = sp.Integer(0)
        for i in positions:
            for j in positions:
                z = sp.Add(*(tap * x.get((i + u, j + v), 0) for (u, v), tap in w.items()))
                total += sp.expand((z + b) ** 2 - b**2)

        claimed = sp.Integer(0)
        for (u, v), weight in law.lags(w).items():
            alike = (pixel * x.get((i + u, j + v), 0) for (i, j), pixel in x.items())
            claimed += weight * sp.Add(*alike)
        claimed += 2 * b * sp.Add(*w.values()) * sp.Add(*x.values())
        yield Step(
            f"squares see lags, n = {n}, {2 * reach + 1} × {2 * reach + 1} pixels",
            sp.expand(total - claimed) == 0,
        )


def _prove_spectrum(law: Shares) -> Iterator[Step]:
    """Σ_d W_d × the mean of cos(d·ω) over the images of d is the mean of |ŵ|² over the images of ω:
    at least 0.
    """
    w, angles = _taps(3), (sp.Integer(0), sp.pi / 2, sp.pi)
    for first in angles:
        for second in angles:
            claimed = sp.Add(
                *(
                    value
                    * sp.Add(*(sp.cos(e[0] * first + e[1] * second) for e in orbit(d)))
                    / len(orbit(d))
                    for d, value in law.lags(w).items()
                )
            )
            images = [
                (s * p, t * q)
                for p, q in ((first, second), (second, first))
                for s in (1, -1)
                for t in (1, -1)
            ]
            mean = sp.Integer(0)
            for p, q in images:
                parts = [
                    sp.Add(*(tap * f(u * p + v * q) for (u, v), tap in w.items()))
                    for f in (sp.cos, sp.sin)
                ]
                mean += sp.expand(parts[0] ** 2 + parts[1] ** 2) / 8
            yield Step(f"the spectrum at ({first}, {second})", sp.expand(claimed - mean) == 0)


# ----------------------------------------------------------------------------------- wrong versions


def _alike(p: Scalar, full: Scalar) -> Any:
    """Wrong: an edge looks the same from both sides: the perimeter of one side, twice."""
    return p + 0 * full


def _no_area(a: Vector, length: Vector, area: Vector, slopes: Vector, mean: Scalar) -> Any:
    """Wrong: the share of the area is forgotten."""
    return share(a, length, [0 * d for d in area], slopes, mean)


def _no_readout(a: Vector, length: Vector, area: Vector, slopes: Vector, mean: Scalar) -> Any:
    """Wrong: channels are added up without their readout."""
    return share([x / x if x != 0 else x for x in a], length, area, slopes, mean)


def _once(w: Mapping[Lag, Scalar]) -> dict[Lag, Any]:
    """Wrong: every pair of taps counts once."""
    return {d: value / 2 if any(d) else value for d, value in lags(w).items()}


def _no_intercept(slope: Scalar, intercept: Scalar, response: Scalar, read: Scalar) -> Any:
    """Wrong: every piece is a line through 0."""
    return part(slope, 0 * intercept, response, read)


CLAIM: Claim[Shares] = Claim(
    id="shares",
    title="Trained on disks: what every channel contributes, and what squares cannot do",
    statement=(
        r"\sum_k a_k \left(P_k + 2\mu\pi\Delta_k + \frac{\operatorname{Cov}(r,"
        r" \varrho_k)}{\operatorname{Var} r}\right) = 1 - \frac{L}{\operatorname{Var} r} +"
        r" \frac{1}{2\operatorname{Var} r}\left(\sum_k a_k \frac{\partial L}{\partial a_k} + (c -"
        r" \mu)\frac{\partial L}{\partial c}\right), \qquad"
        r" p_{\theta+\pi}(t) = S - p_\theta(-t), \qquad"
        r" \sum_p \left[(w \star x + b)^2_p - b^2\right] = \sum_{d} W_d \sum_p x(p)\, x(p + d) +"
        r" 2bS\sum_p x(p), \qquad"
        r" L = \min_{V, a, c} \operatorname{E}\Big(c + \sum_{k, U} N_U(r)\,(s_{k,U}\, U \cdot V_k +"
        r" o_{k,U}\, a_k) - r\Big)^2 \text{ over } U \cdot V_k = t\,a_k \text{ where } U \cdot"
        r" v_k = t"
    ),
    assumptions=(
        (
            r"$F_k(r) = \pi r^2\Delta_k + P_k r + \varrho_k(r)$ with $P_k$ of the perimeter, $L$"
            r" the mean of $(\hat r - r)^2$ over radii that lie symmetrically about $\mu$; the"
            r" parenthesis on the right is 0 for the best readout"
        ),
        (
            r"$p_\theta$: what a filter shows of a straight edge; so $P$ knows only the part of"
            r" $g(z) = \sigma(z + b)$ that is even about $S/2$"
        ),
        (
            r"squares: $x$ has the symmetries of the square, as a disk has, far from the border; $d"
            r" = (i, j)$ with $i \ge j \ge 0$, $W_d$ the autocorrelation of $w$, added up over the"
            r" images of $d$"
        ),
        (
            r"last line: $\sigma$ continuous and piecewise linear, $\sigma(z) = s_{k,U}z + o_{k,U}$"
            r" on the piece of the window $U$ (with a final 1), which occurs $N_U(r)$ times; no"
            r" $a_k$ is 0, and the loss is stationary along the facet of the weights $v_k = (w_k,"
            r" b_k)$, $V_k = a_kv_k$: the windows on a kink $t$ stay there, the others on their"
            r" pieces; for all other weights $L$ is at least that"
        ),
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("an edge looks the same from both sides", replace(LAW, opposite=_alike)),
        Wrong("the share of the area is forgotten", replace(LAW, share=_no_area)),
        Wrong("channels without their readout", replace(LAW, share=_no_readout)),
        Wrong("every pair of taps counts once", replace(LAW, lags=_once)),
        Wrong("every piece is a line through 0", replace(LAW, part=_no_intercept)),
    ),
    requires=("perimeter",),
)
