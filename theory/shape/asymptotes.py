r"""The asymptotes theorem: what an analytic σ does at infinity limits what a finite network can do.

Let σ be real-analytic on R with finite s_± = lim σ(z)/z for z -> ±∞, and let a network (any K, any
n) be exact for all φ in some interval.  Its answer continues to all real φ, though no pulse is
there (identity theorem); there it must grow like φ at both ends.  With S_k = Σ_u w_{k,u} and
|w_k|_1 = Σ_u |w_{k,u}|:

    (1)  (s_+ + s_-) Σ_k a_k S_k = 1,          (2)  (s_+ - s_-) Σ_k a_k |w_k|_1 = 0,

and where σ(z) - s_± z -> d_± as well, with N_k = (positive taps) - (negative taps) of channel k,

    (3)  (s_+ - s_-) Σ_k a_k [N_k (2b_k + S_k) - |w_k|_1] + 2 (d_+ - d_-) Σ_k a_k N_k = 0.

So s_+ + s_- = 0: no network is exact (tanh, sigmoid, arctan, erf, sin, ...).  s_+ != s_-: K = 1 is
never exact (softplus, logsigmoid, GELU, SiLU, mish), and with K = 2 the readouts have opposite
signs, a_1/a_2 = -|w_2|_1/|w_1|_1.  Derivation: docs/shape/asymptotes.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import Any

import sympy as sp
from sympy.polys.rings import PolyElement, PolyRing

from theory.claim import Claim, Proof, Step, Wrong
from theory.expressions.activation import ACTIVATIONS, z
from theory.pulse.network import direct_response, g, taps
from theory.pulse.signal import phi
from theory.types import Scalar, Vector

__all__ = ["CLAIM", "ENDS", "Channel", "Ends", "balance"]

Channel = tuple[Vector, Any, Any]
"""(w, b, a): taps, bias and readout weight of one channel, all numbers or symbols of one kind."""


@dataclass(frozen=True)
class Ends:
    """σ(z) = right z + above + o(1) for z -> ∞ and left z + below + o(1) for z -> -∞: s_+, s_-,
    d_+, d_-.
    """

    right: Any
    left: Any
    above: Any
    below: Any


ENDS = MappingProxyType(
    {
        "softplus": Ends(1, 0, 0, 0),
        "logsigmoid": Ends(0, 1, 0, 0),
        "gelu": Ends(1, 0, 0, 0),
        "gelu_tanh": Ends(1, 0, 0, 0),
        "silu": Ends(1, 0, 0, 0),
        "mish": Ends(1, 0, 0, 0),
        "tanhshrink": Ends(1, 1, -1, 1),
        "tanh": Ends(0, 0, 1, -1),
        "sigmoid": Ends(0, 0, 1, 0),
        "arctan": Ends(0, 0, sp.pi / 2, -sp.pi / 2),
        "erf": Ends(0, 0, 1, -1),
    }
)
"""The analytic rows of the catalogue that have both asymptotes; the limits are
part of the proof.
"""


def _sign(value: Scalar) -> Any:
    """1, 0 or -1, in the arithmetic of ``value``."""
    return abs(value) / value if value != 0 else 0 * value


def balance(channels: Sequence[Channel], ends: Ends) -> tuple[Any, Any, Any]:
    """The law: the residuals of (1), (2) and (3); all 0 for an exact network."""
    total = size = tilt = count = 0
    for w, b, a in channels:
        s, norm, signs = sum(w), sum(abs(tap) for tap in w), sum(_sign(tap) for tap in w)
        total = total + a * s
        size = size + a * norm
        tilt = tilt + a * (signs * (2 * b + s) - norm)
        count = count + a * signs
    bend, shift = ends.right - ends.left, ends.above - ends.below
    return (ends.right + ends.left) * total - 1, bend * size, bend * tilt + 2 * shift * count


Law = Callable[[Sequence[Channel], Ends], tuple[Any, Any, Any]]
PROVED_TAPS = (1, 3, 5)
PARTS = ("the slopes' mean", "the slopes' difference", "the intercepts' difference")


def prove(law: Law) -> Proof:
    """Both ends of the continued direct sum for every sign pattern; channels add up; limits;
    corollaries.
    """
    covers = (
        "n = 1, 3, 5 with every sign pattern of the taps (zeros too) and symbolic magnitudes, at r"
        " = m - 1/2 + φ with m = (n+1)/2 and, below 5 taps, (n+3)/2; any K by additivity, decided"
        " for K = 2, 3; the identity theorem is in the text"
    )
    return Proof(_steps(law), covers)


def _steps(law: Law) -> Iterator[Step]:
    for part in (_prove_ends, _prove_additive, _prove_corollaries):
        yield from part(law)
    yield from _prove_limits()


_ENDS = Ends(*sp.symbols("s_+ s_- d_+ d_-", real=True))
_BIAS, _READOUT = sp.symbols("b a", real=True)


def _patterns(n: int) -> Iterator[tuple[sp.Expr, ...]]:
    magnitudes = sp.symbols(f"x1:{n + 1}", positive=True)
    for signs in product((-1, 0, 1), repeat=n):
        yield tuple(sign * x for sign, x in zip(signs, magnitudes, strict=True))


@cache
def _at_infinity(n: int, m: int) -> tuple[tuple[PolyElement, ...], ...]:
    """Per sign pattern what the direct sum says the three residuals are, before the -1.

    Every argument of σ is p + qφ.  For φ -> ±∞ it is replaced by its asymptote, by the sign of q;
    where q = 0 it stays, a constant that both ends share.
    """
    direct = direct_response(taps(n), m, phi, m + n // 2)
    moving = []
    for term in sp.Add.make_args(direct):
        count, (value,) = term.as_coeff_Mul()[0], term.atoms(g)
        start = value.args[0].xreplace({phi: sp.Integer(0)})
        moving.append((count, start + _BIAS, sp.diff(value.args[0], phi)))

    def residuals(pattern: tuple[sp.Expr, ...]) -> tuple[sp.Expr, ...]:
        chosen = dict(zip(taps(n), pattern, strict=True))
        slopes, levels = [sp.Integer(0), sp.Integer(0)], [sp.Integer(0), sp.Integer(0)]
        for count, start, speed in moving:
            q = speed.xreplace(chosen)
            if q == 0:
                continue
            for end, way in enumerate((q, -q)):
                s, d = (_ENDS.right, _ENDS.above) if way.is_positive else (_ENDS.left, _ENDS.below)
                slopes[end] += count * s * q
                levels[end] += count * (s * start.xreplace(chosen) + d)
        mean, half = (slopes[0] + slopes[1]) / 2, (slopes[0] - slopes[1]) / 2
        return mean, half, levels[0] - levels[1]

    ring = _ring(n)
    return tuple(
        tuple(ring.from_expr(_READOUT * part) for part in residuals(pattern))
        for pattern in _patterns(n)
    )


def _ring(n: int) -> PolyRing:
    """Polynomials in all symbols of one channel, of which each has one form."""
    symbols = (*sp.symbols(f"x1:{n + 1}", positive=True), _BIAS, _READOUT, *astuple(_ENDS))
    return PolyRing(symbols, sp.QQ)


def _prove_ends(law: Law) -> Iterator[Step]:
    for n in PROVED_TAPS:
        each = [law([(pattern, _BIAS, _READOUT)], _ENDS) for pattern in _patterns(n)]
        claimed = [[*map(_ring(n).from_expr, (x + 1, y, t))] for x, y, t in each]
        for m in (n // 2 + 1, n // 2 + 2) if n < 5 else (n // 2 + 1,):
            direct = _at_infinity(n, m)
            for part, name in enumerate(PARTS):
                holds = all(x[part] == y[part] for x, y in zip(claimed, direct, strict=True))
                yield Step(f"{name}, {3**n} sign patterns, n = {n}, m = {m}", holds)


def _channels(n: int, count: int) -> list[Channel]:
    return [
        (taps(n, str(k)), sp.Symbol(f"b_{k}", real=True), sp.Symbol(f"a_{k}", real=True))
        for k in range(1, count + 1)
    ]


def _prove_additive(law: Law) -> Iterator[Step]:
    """The residuals of K channels are the sums of those of one, but for the 1 on
    the right of (1).
    """
    for n in PROVED_TAPS:
        for count in (2, 3):
            channels = _channels(n, count)
            whole = law(channels, _ENDS)
            single = [law([channel], _ENDS) for channel in channels]
            spare = (count - 1, 0, 0)
            holds = all(
                sp.expand(whole[part] - spare[part] - sum(each[part] for each in single)) == 0
                for part in range(3)
            )
            yield Step(f"channels add up, K = {count}, n = {n}", holds)


def _prove_corollaries(law: Law) -> Iterator[Step]:
    right = _ENDS.right
    opposite = Ends(right, -right, _ENDS.above, _ENDS.below)
    for n in PROVED_TAPS:
        value = law(_channels(n, 3), opposite)[0]
        yield Step(f"s_+ + s_- = 0: (1) reads 0 = 1, n = {n}", sp.expand(value + 1) == 0)
        # One channel: a |w|_1 = 0 leaves a = 0 or w = 0, and then (1) reads 0 = 1.
        sizes = [law([(w, _BIAS, _READOUT)], _ENDS)[1] for w in _patterns(n) if any(w)]
        yield Step(
            f"K = 1, s_+ != s_-: (2) leaves only a = 0 or w = 0, n = {n}", all(map(_nonzero, sizes))
        )
        silent = [
            law([((sp.S.Zero,) * n, _BIAS, _READOUT)], _ENDS),
            law([(taps(n), _BIAS, sp.S.Zero)], _ENDS),
        ]
        mute = all(sp.expand(values[0] + 1) == 0 for values in silent)
        yield Step(f"a = 0 or w = 0: (1) reads 0 = 1, n = {n}", mute)
        (first, b_1, _), (second, b_2, _) = _channels(n, 2)
        sides = [sum(abs(tap) for tap in w) for w in (first, second)]
        tuned = law([(first, b_1, sides[1]), (second, b_2, -sides[0])], _ENDS)[1]
        yield Step(f"K = 2: a_1 : a_2 = |w_2| : -|w_1| solves (2), n = {n}", sp.expand(tuned) == 0)


def _nonzero(size: sp.Expr) -> bool:
    """size = a (s_+ - s_-) times a positive number."""
    number = size.xreplace({_READOUT: sp.S.One, _ENDS.right: sp.S.One, _ENDS.left: sp.S.Zero})
    same = sp.expand(size - _READOUT * (_ENDS.right - _ENDS.left) * number) == 0
    return bool(number.is_positive) and same


@cache
def _prove_limits() -> tuple[Step, ...]:
    """σ(z) - s_± z -> d_±, as limits of the exact expressions; then σ(z)/z -> s_± too."""
    steps = []
    for name, ends in ENDS.items():
        # As an exponential sympy finds the limits of tanh of a cubic in less time.
        row = ACTIVATIONS[name].expression
        if name == "gelu_tanh":
            row = row.replace(sp.tanh, lambda p: 1 - 2 / (1 + sp.exp(2 * p)))
        for where, s, d in (("+oo", ends.right, ends.above), ("-oo", ends.left, ends.below)):
            level = sp.limit(sp.expand(row - s * z), z, sp.S(where))
            steps.append(Step(f"lemma: the asymptote of {name} at {where}", level == d))
    return tuple(steps)


def _difference(channels: Sequence[Channel], ends: Ends) -> tuple[Any, Any, Any]:
    """Wrong: s_+ - s_- in the place of the sum."""
    _, size, tilt = balance(channels, ends)
    return (ends.right - ends.left) * sum(a * sum(w) for w, _, a in channels) - 1, size, tilt


def _signed(channels: Sequence[Channel], ends: Ends) -> tuple[Any, Any, Any]:
    """Wrong: (2) with w in the place of |w|."""
    first, _, tilt = balance(channels, ends)
    return first, (ends.right - ends.left) * sum(a * sum(w) for w, _, a in channels), tilt


def _half(channels: Sequence[Channel], ends: Ends) -> tuple[Any, Any, Any]:
    """Wrong: 1/2 in the place of 1, as if one edge of the pulse moved."""
    first, size, tilt = balance(channels, ends)
    return 2 * first + 1, size, tilt


def _unsigned(channels: Sequence[Channel], ends: Ends) -> tuple[Any, Any, Any]:
    """Wrong: in (3) every tap counts +1."""
    first, size, _ = balance(channels, ends)
    bend, shift = ends.right - ends.left, ends.above - ends.below
    tilt = sum(a * (len(w) * (2 * b + sum(w)) - sum(abs(v) for v in w)) for w, b, a in channels)
    return first, size, bend * tilt + 2 * shift * sum(a * len(w) for w, _, a in channels)


CLAIM: Claim[Law] = Claim(
    id="asymptotes",
    title="Asymptotes: what σ does at infinity decides which finite networks can be exact",
    statement=(
        r"\left(s_+ + s_-\right)\sum_k a_k S_k = 1, \qquad \left(s_+ - s_-\right)\sum_k a_k \lVert"
        r" w_k\rVert_1 = 0, \qquad"
        r" \left(s_+ - s_-\right)\sum_k a_k \left[N_k (2b_k + S_k) - \lVert w_k\rVert_1\right]"
        r" + 2\left(d_+ - d_-\right)\sum_k a_k N_k = 0"
    ),
    assumptions=(
        (
            r"$\sigma$ real-analytic on $\mathbb{R}$, $s_\pm = \lim_{z\to\pm\infty} \sigma(z)/z$"
            r" finite; for the third"
            r" law also $d_\pm = \lim\,(\sigma(z) - s_\pm z)$"
        ),
        (
            r"the network, any $K$ and $n$, is exact for all $\varphi$ in some interval of one cell"
            r" of plateau radii, $m + h \le L$"
        ),
        r"$N_k$ is the number of positive taps of channel $k$ minus the number of negative ones",
        (
            r"hence: $s_+ + s_- = 0$: no network is exact; $s_+ \ne s_-$: none with $K = 1$, and"
            r" for $K = 2$"
            r" $a_1/a_2 = -\lVert w_2\rVert_1/\lVert w_1\rVert_1$"
        ),
    ),
    law=balance,
    prove=prove,
    wrong=(
        Wrong("s_+ - s_- in the place of the sum", _difference),
        Wrong("w in the place of |w|", _signed),
        Wrong("1/2 in the place of 1", _half),
        Wrong("the signs of the taps are forgotten in (3)", _unsigned),
    ),
    requires=("span",),
)
