r"""The nearest exact network where σ is made of polynomials of higher degree: bent filters, and a readout that unbends them.

While no window passes a break of σ, the error is a polynomial of the degree d of σ on every cell, and 0 where it vanishes
at d + 1 radii of it.  These equations are linear in (a, c):

    Σ_k a_k/share Σ_i σ(z_{k,i}(r) + b_k) + c = r        at d + 1 radii r per cell.

So a point near the nearest one is found in floats, by projecting onto the equations, linear about the last point, again
and again; its filters are then kept as they are, and the readout nearest to its own is solved for in rational numbers.
Whether the result is exact over *every* real radius is for :func:`numerics.certificate.summary` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from numerics.certificate import Domain, summary
from numerics.compile import activation
from numerics.conditions import Stored, dot, exact_of
from numerics.patterns import Stretch, stretches
from numerics.piecewise import exact_activation
from numerics.projection import least, shortest, to_float

__all__ = ["refitted"]

Array = NDArray[np.float64]
ROUNDS = 200


def refitted(name: str, net: Stored, domain: Domain) -> Stored | None:
    """An exact network near ``net``, for a continuous σ made of polynomials, one of degree 2 or more; None where none is found."""
    sigma = exact_activation(name)
    if sigma is None or not sigma.continuous:
        return None
    degree = max(piece.degree() for piece in sigma.pieces)
    if degree < 2:
        return None
    system = _Nodes(name, net, stretches(len(net.w[0]), domain), degree)
    near = system.moved(_projected(system))
    one, c = fmpq(int(net.c is not None)), near.c if near.c is not None else fmpq(0)
    rows = [
        [*pooled, one, radius - dot(pooled, near.a) - c]
        for radius, pooled in zip(system.radii, system.pooled(near), strict=True)
    ]
    step = shortest(rows)
    if step is None:
        return None
    a = tuple(x + y for x, y in zip(near.a, step, strict=False))
    found = replace(near, a=a, c=None if net.c is None else c + step[-1])
    exact = exact_of(found, name)
    return found if exact is not None and summary(exact, domain).worst.high == 0 else None


class _Nodes:
    """The answers at d + 1 radii per cell, as functions of the weights, flat as (w, b, a, c)."""

    def __init__(self, name: str, net: Stored, cells: Sequence[Stretch], degree: int) -> None:
        self.name, self.net = name, net
        self.radii: list[fmpq] = []
        self.seen: list[list[tuple[tuple[fmpq, ...], int]]] = []  # (form, count) at every radius
        for cell in cells:
            for j in range(degree + 1):
                at = fmpq(j, degree)
                self.radii.append(cell.low + at * (cell.high - cell.low))
                self.seen.append(
                    [
                        (tuple(x + at * (y - x) for x, y in zip(one.first, one.last, strict=True)), one.count)
                        for one in cell.windows
                    ]
                )  # fmt: skip
        self.forms = np.array(
            [[to_float(x) for x in form] for seen in self.seen for form, _ in seen]
        )
        self.counts = np.array([float(count) for seen in self.seen for _, count in seen])
        self.starts = np.cumsum([0, *(len(seen) for seen in self.seen[:-1])])
        self.r = np.array([to_float(x) for x in self.radii])
        channels, n = len(net.a), len(net.w[0])
        self.shape = channels, n
        self.keep = np.ones(channels * (n + 2) + 1, dtype=bool)
        self.keep[channels * n : channels * (n + 1)] = net.b is not None
        self.keep[-1] = net.c is not None
        vectors = [net.vector(k) for k in range(channels)]
        w = [to_float(x) for row in vectors for x in row[:-1]]
        b, a = [to_float(row[-1]) for row in vectors], [to_float(x) for x in net.a]
        self.x = np.array([*w, *b, *a, to_float(net.c) if net.c is not None else 0.0])

    def linear(self, x: Array) -> tuple[Array, Array]:
        """(error at the radii, its derivative by the weights)."""
        channels, n = self.shape
        w, b = x[: channels * n].reshape(channels, n), x[channels * n : channels * (n + 1)]
        a, c = x[channels * (n + 1) : -1] / self.net.share, x[-1]
        value, slope = activation(self.name)
        z = self.forms @ np.concatenate([w, b[:, None]], axis=1).T
        pooled = np.add.reduceat(self.counts[:, None] * value(z), self.starts)
        steep = a * self.counts[:, None] * slope(z)
        taps = np.add.reduceat(steep[:, :, None] * self.forms[:, None, :], self.starts)
        rows = len(self.r)
        derivative = np.concatenate(
            [
                taps[:, :, :-1].reshape(rows, -1),
                taps[:, :, -1],
                pooled / self.net.share,
                np.ones((rows, 1)),
            ],
            axis=1,
        )
        derivative[:, ~self.keep] = 0
        error: Array = pooled @ a + c - self.r
        return error, derivative

    def moved(self, x: Array) -> Stored:
        """The network with these weights; those that are not stored stay away."""
        exact = [fmpq(*float(y).as_integer_ratio()) for y in x]
        channels, n = self.shape
        w = tuple(tuple(exact[k * n : (k + 1) * n]) for k in range(channels))
        b, a = exact[channels * n : channels * (n + 1)], exact[channels * (n + 1) : -1]
        net = self.net
        return Stored(
            w,
            None if net.b is None else tuple(b),
            tuple(a),
            None if net.c is None else exact[-1],
            net.share,
        )

    def pooled(self, net: Stored) -> list[list[fmpq]]:
        """Σ_i σ(z_{k,i} + b_k) / share, exactly: per radius, per channel."""
        sigma = exact_activation(self.name)
        assert sigma is not None
        vectors = [net.vector(k) for k in range(len(net.a))]
        return [
            [
                sum((count * sigma(dot(form, v)) for form, count in seen), fmpq(0)) / net.share
                for v in vectors
            ]
            for seen in self.seen
        ]


def _projected(system: _Nodes) -> Array:
    start = x = system.x
    for _ in range(ROUNDS):
        error, derivative = system.linear(x)
        back = start - x
        step = back + least(derivative, -error - derivative @ back)
        if not np.all(np.isfinite(step)):
            return x
        x = x + step
        if np.max(np.abs(step)) <= 1e-15 * max(1.0, float(np.max(np.abs(x)))):
            break
    return x
