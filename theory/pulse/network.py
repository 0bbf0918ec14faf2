"""The network, from its definition: a direct double sum over positions and taps.

    r̂(x) = c + Σ_k a_k Σ_i σ(z_{k,i} + b_k),    z_{k,i} = Σ_{u=-h..h} w_{k,u} x(i + u)

(cross-correlation, torch's convention; zero padding; sum pooling).  With g(z) = σ(z + b), an
*undefined* function, whatever is derived from these sums holds for every activation and bias.
Mean pooling is sum pooling with a_k/N in place of a_k.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from theory.pulse.signal import phi, pulse
from theory.types import Scalar

__all__ = [
    "Network",
    "assembled",
    "channel_function",
    "circular",
    "direct_response",
    "g",
    "last_radius",
    "preactivations",
    "readout_bias",
    "readout_weight",
    "taps",
    "vanish_together",
]

g = sp.Function("g", real=True)
"""g(z) = σ(z + b) for an arbitrary σ and b."""

readout_bias = sp.Symbol("c", real=True)
"""The readout bias c."""


N = TypeVar("N")
M = TypeVar("M")


@dataclass(frozen=True)
class Network(Generic[N]):
    """K channels in one kind of numbers: r̂ = c + Σ_k (a_k / share) Σ_i σ(z_{k,i} + b_k).

    Attributes
    ----------
    w: K filters of n taps each.
    b, a: one number per channel; b is None where no biases are stored: they are 0 and stay so.
        A readout with a weight for each position has a row of numbers for every channel in ``a``.
    c: the readout bias, likewise None; the symbol :data:`readout_bias` where it is left open.
    share: what the pooled response is divided by, 1 for a sum and the positions for a mean.
    sigma: σ, in the form that the arithmetic asks for; None where it is named beside the network.
    """

    w: tuple[tuple[N, ...], ...]
    b: tuple[N, ...] | None
    a: tuple[N, ...]
    c: N | None = readout_bias
    share: int = 1
    sigma: Any = None

    @cached_property
    def _hash(self) -> int:
        return hash((self.a, self.c))

    def __hash__(self) -> int:
        """Of the readout alone, and once: rational numbers are slow to hash."""
        return self._hash

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: hashes of symbols differ between processes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def channels(self) -> int:
        """K."""
        return len(self.a)

    @property
    def taps(self) -> int:
        """n."""
        return len(self.w[0])

    @property
    def biases(self) -> tuple[N, ...]:
        """b, zeros where none are stored."""
        a: tuple[Any, ...] = self.a
        return tuple(0 * x for x in a) if self.b is None else self.b

    @property
    def readout(self) -> tuple[N, ...]:
        """a over the share: the weights of the pooled sums."""
        a: tuple[Any, ...] = self.a
        return self.a if self.share == 1 else tuple(x / self.share for x in a)

    @property
    def open(self) -> bool:
        """The readout bias is left open."""
        return isinstance(self.c, sp.Symbol)

    @property
    def offset(self) -> N:
        """c, 0 where none is stored."""
        first: Any = self.a[0]
        return 0 * first if self.c is None else self.c

    @property
    def listed(self) -> tuple[tuple[tuple[N, ...], N, N], ...]:
        """The channels with sum pooling, each as (w, b, a)."""
        return tuple(zip(self.w, self.biases, self.readout, strict=True))

    def changed(self, **weights: Any) -> Network[N]:
        """The same with these weights, by name; a bias that is not stored stays away."""
        stored = {name: x for name, x in weights.items() if getattr(self, name) is not None}
        return replace(self, **stored)

    def mapped(self, convert: Callable[[N], M]) -> Network[M]:
        """In other numbers; what is not stored or left open stays so."""

        def row(numbers: Iterable[N]) -> tuple[M, ...]:
            return tuple(map(convert, numbers))

        b = None if self.b is None else row(self.b)
        c: Any = self.c if self.c is None or self.open else convert(self.c)
        return Network(tuple(map(row, self.w)), b, row(self.a), c, self.share, self.sigma)

    def vector(self, k: int) -> tuple[N, ...]:
        """v_k = (w_k, b_k)."""
        return (*self.w[k], self.biases[k])

    @property
    def vectors(self) -> list[tuple[N, ...]]:
        """(w_k, b_k) of every channel."""
        return [(*w, b) for w, b in zip(self.w, self.biases, strict=True)]

    @property
    def flat(self) -> list[N]:
        """(v_1, ..., v_K, c): all weights but a."""
        return [*(x for vector in self.vectors for x in vector), self.offset]

    def with_flat(self, flat: Sequence[N], **weights: Any) -> Network[N]:
        """The same with another :attr:`flat`, and other weights by name."""
        width = self.taps + 1
        vectors = [tuple(flat[k : k + width]) for k in range(0, len(flat) - 1, width)]
        w, b = (tuple(row[:-1] for row in vectors), tuple(row[-1] for row in vectors))
        return self.changed(w=w, b=b, c=flat[-1], **weights)


def assembled(channels: Iterable[tuple[tuple[N, ...], N, N]]) -> Network[N]:
    """The network with these channels (w, b, a), c left open."""
    w, b, a = zip(*channels, strict=True)
    return Network(w, b, a)


def channel_function(k: int) -> sp.Function:
    """The undefined function of channel k: g_k(z) = σ(z + b_k)."""
    return sp.Function(f"g_{k}", real=True)


def readout_weight(k: int) -> sp.Symbol:
    """The readout weight a_k of channel k."""
    return sp.Symbol(f"a_{k}", real=True)


def taps(n: int, channel: str = "") -> tuple[sp.Symbol, ...]:
    """The taps w_{-h}, ..., w_h of one filter, n = 2h + 1, real symbols.

    Raises
    ------
    ValueError: n is not odd and positive.
    """
    if n < 1 or n % 2 == 0:
        raise ValueError(f"a filter has an odd number of taps, not {n}")
    h = n // 2
    return tuple(sp.Symbol(f"w{channel}_{u}", real=True) for u in range(-h, h + 1))


def last_radius(n: Scalar, pixels: Scalar) -> Any:
    """N/2 - h: up to here no window of n = 2h + 1 taps meets both edges, or, with zeros beyond the
    border, loses light.
    """
    return (pixels - n + 1) / 2


def preactivations(w: Sequence[sp.Expr], x: Sequence[sp.Expr]) -> list[sp.Expr]:
    """z_i = Σ_u w_u x(i + u) at every position i of the signal, zeros beyond its ends."""
    h = len(w) // 2
    size = len(x)
    return [
        sp.Add(
            *(
                weight * x[i + u]
                for u, weight in zip(range(-h, h + 1), w, strict=True)
                if 0 <= i + u < size
            )
        )
        for i in range(size)
    ]


def circular(w: Sequence[sp.Expr], x: Sequence[sp.Expr]) -> list[sp.Expr]:
    """z_i = Σ_u w_u x(i + u), the signal closed to a ring."""
    h, size = len(w) // 2, len(x)
    return [sp.Add(*(w[u + h] * x[(i + u) % size] for u in range(-h, h + 1))) for i in range(size)]


def direct_response(
    w: Sequence[sp.Expr], m: int, phi: sp.Expr, half_length: int, f: sp.Function = g
) -> sp.Expr:
    """Σ_i [g(z_i) - g(0)] for the pulse of radius m - 1/2 + φ, term by term from the definition."""
    z = preactivations(w, pulse(m, phi, half_length))
    return sp.Add(*(f(value) for value in z)) - len(z) * f(sp.Integer(0))


def vanish_together(first: Sequence[sp.Expr], second: Sequence[sp.Expr]) -> bool:
    """Each form is a combination of the other ones, and these of those; so all of one vanish where
    all of the other do.

    Forms are affine in c and in the products a_k f(...) of undefined functions, with polynomials of
    φ as coefficients.
    """
    ring = sp.QQ[phi]
    rows = [_coefficients(x, ring) for x in (*first, *second)]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    entries = [[row.get(key, ring.zero) for key in keys] for row in rows]
    table = DomainMatrix(entries, (len(rows), len(keys)), ring).to_field().to_sparse()
    parts = (table, table[: len(first), :], table[len(first) :, :])
    ranks = {part.rank() for part in parts}
    return len(ranks) == 1


def _coefficients(form: sp.Expr, ring: sp.PolynomialRing) -> dict[frozenset[sp.Expr], Any]:
    """The polynomial in φ before each product of what is neither a number nor φ."""
    (unknown,) = ring.gens
    row: dict[frozenset[sp.Expr], Any] = {}
    for term in sp.Add.make_args(sp.expand(form)):
        number, factors = term.as_coeff_mul()
        powers = dict(factor.as_base_exp() for factor in factors)
        coefficient = ring.convert(number) * unknown ** int(powers.pop(phi, 0))
        key = frozenset(base**power for base, power in powers.items())
        row[key] = row.get(key, ring.zero) + coefficient
    return row
