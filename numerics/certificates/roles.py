r"""What each weight does: its role, the value the laws give it, and the interval in which it meets
no kink.

Within a pattern (numerics/certificates/conditions.py) a single weight x enters the slope error α,
the offset error β and every window linearly.  Its role is the first of

    puts a partial sum on the kink
                           x is part of a window that separates two branches, a step may end on the
                           kink z* and not cross it, (b + C_j - z*)(b + C_{j+1} - z*) >= 0: derived
                           from window = kink
    silences its channel   x is the readout weight of a channel that the pattern leaves out:
                           derived is 0
    cancels a kink         x is part of a bend that another channel cancels:   derived from the
                           balance
    mirrors channel j      σ(z) - σ(-z) = s z:                                 derived from minus
                           the other's
    cancels a copy         x is part of a copy of σ that others cancel:        derived from equality
                           (numerics/certificates/copies.py)
    dead                   the response of the channel is 0 at all radii
    sets the slope         dα/dx is not 0:                                     derived from α = 0
    moves the offset       dβ/dx is not 0:                                     derived from β = 0
    bends                  x is part of a copy of σ that does not move, a constant that c takes up
    serves other radii     it matters at small radii, between half-integers, or near the border,
                           only
    free                   it does not matter at all

with all other weights as they are.  The interval holds the values of x alone at which no window
leaves its branch; inside it the network stays exact on plateau radii once the readout follows (a =
1/(2Δ), c = -a(N g(0) + κ), for Δ ≠ 0), and for dead and free weights without anything following.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import fmpq

from numerics.certificates.conditions import Form, Pattern, Stored, dot

__all__ = ["RESOLUTION", "ROLES", "Role", "roles"]

ROLES = (
    "puts a partial sum on the kink",
    "silences its channel",
    "cancels a kink",
    "mirrors channel",
    "cancels a copy",
    "dead",
    "sets the slope",
    "moves the offset",
    "bends",
    "serves other radii",
    "free",
)
"""Every role, as the head of this file has them; ``mirrors channel`` is followed by a number."""
ZERO = fmpq(0)
RESOLUTION = fmpq(1, 2**40)
"""What a readout weight changes counts as 0 below this share of the terms it is made of: stored
weights are rounded.
"""


@dataclass(frozen=True)
class Role:
    """One weight.

    Attributes
    ----------
    name, index: the tensor and the place in it.
    value: as stored.
    role: as the head of this file has them; ``mirrors channel`` is followed by its number.
    derived: the value that its law gives it, the others as they are; None for dead and free
        weights, and for other radii.
    interval: (low, high) in which it meets no kink, None for infinite ends; None where the window
        is held on a kink.
    """

    name: str
    index: tuple[int, ...]
    value: fmpq
    role: str
    derived: fmpq | None
    interval: tuple[fmpq | None, fmpq | None] | None


def roles(net: Stored, pattern: Pattern, residuals: tuple[fmpq, fmpq] | None) -> list[Role]:
    """The role of every stored weight, in the order conv.weight, conv.bias, readout.weight,
    readout.bias.

    ``residuals``: α and β; None where no cell of the domain is a plateau cell far from the border.
        Then they are those of
    the straight line through the pattern's error at both ends of the last cell.
    """
    laws = _Laws(net, pattern, residuals)
    n, channels = net.taps, range(net.channels)
    table = [laws.tap(k, u, "conv.weight", (k, 0, u)) for k in channels for u in range(n)]
    if net.b is not None:
        table += [laws.tap(k, n, "conv.bias", (k,)) for k in channels]
    table += [laws.readout(k) for k in channels]
    if net.c is not None:
        everywhere = (None, None)
        table.append(
            Role("readout.bias", (0,), net.c, "moves the offset", net.c - laws.beta, everywhere)
        )
    return table


class _Laws:
    def __init__(self, net: Stored, pattern: Pattern, residuals: tuple[fmpq, fmpq] | None) -> None:
        self.net, self.pattern = net, pattern
        # The last two conditions are those of one plateau cell, where there is one: e = α r + β at
        # both ends.
        self.low, self.high = pattern.errors[-2:]
        if residuals is None:
            first, last = self.low.residual(net), self.high.residual(net)
            alpha = (last - first) / (self.high.value - self.low.value)
            residuals = alpha, first - alpha * self.low.value
        self.alpha, self.beta = residuals
        self.vectors = net.vectors
        self.mirrored = {k: (j, turned) for j, k, turned in pattern.pairs}

    def _lines(self, k: int) -> tuple[tuple[Form, fmpq], tuple[Form, fmpq]]:
        """α and β per unit of a_k, as linear forms (p, t) in v_k."""
        nothing = (tuple(ZERO for _ in self.vectors[k]), ZERO)
        low, high = self.low.product.get(k, nothing), self.high.product.get(k, nothing)
        width = self.high.value - self.low.value
        p = tuple((y - x) / width for x, y in zip(low[0], high[0], strict=True))
        t = (high[1] - low[1]) / width
        start = self.low.value
        q = tuple(x - start * y for x, y in zip(low[0], p, strict=True))
        return (p, t), (q, low[1] - start * t)

    def _silent_response(self, k: int) -> bool:
        """The pooled response is 0 at all radii."""
        return self.pattern.kinds[k] == "constant" and all(
            not t and not any(p) for x in self.pattern.errors for p, t in [x.product[k]]
        )

    def tap(self, k: int, u: int, name: str, index: tuple[int, ...]) -> Role:
        """The role of entry u of v_k = (w_k, b_k)."""
        value, kind = self.vectors[k][u], self.pattern.kinds[k]

        def as_role(
            role: str, derived: fmpq | None, interval: tuple[fmpq | None, fmpq | None] | None
        ) -> Role:
            return Role(name, index, value, role, derived, interval)

        if kind == "silent" or not self.net.a[k]:
            return as_role("free", None, (None, None))
        if k in self.mirrored:
            n = len(self.vectors[k]) - 1
            other, turned = self.mirrored[k]
            place = n - 1 - u if turned and u < n else u
            return as_role(f"mirrors channel {other}", -self.vectors[other][place], None)
        bend = self._bend(k, u)
        if bend is not None:
            return as_role(*bend, None)
        interval = self._interval(k, u)
        if self._silent_response(k):
            return as_role("dead", None, interval)
        (p, _), (q, _) = self._lines(k)
        for role, form, residual in (
            ("sets the slope", p, self.alpha),
            ("moves the offset", q, self.beta),
        ):
            if self.net.a[k] * form[u]:
                return as_role(role, value - residual / (self.net.a[k] * form[u]), interval)
        if kind == "copied":  # of a constant that c takes up
            return as_role("bends", None, None)
        elsewhere = self.net.a[k] and any(x.product[k][0][u] for x in self.pattern.errors)
        return as_role("serves other radii" if elsewhere else "free", None, interval)

    def readout(self, k: int) -> Role:
        """The role of a_k."""
        value, everywhere = self.net.a[k], (None, None)

        def as_role(role: str, derived: fmpq | None, interval: tuple[None, None] | None) -> Role:
            return Role("readout.weight", (0, k), value, role, derived, interval)

        if self.pattern.kinds[k] == "silent":
            return as_role("silences its channel", ZERO, None)
        if k in self.mirrored:
            other = self.mirrored[k][0]
            return as_role(f"mirrors channel {other}", -self.net.a[other], None)
        for x in sorted(self.pattern.bends, key=lambda x: -abs(x.residual(self.net))):
            if self.pattern.kinds[k] == "copied" and k in x.product:
                change = x.product[k][1]
                return as_role("cancels a copy", value - x.residual(self.net) / change, None)
            if k in x.product and any(x.product[k][0]):
                change = self._change(k, *x.product[k])
                if change:
                    return as_role("cancels a kink", value - x.residual(self.net) / change, None)
        if self._silent_response(k):
            return as_role("dead", None, everywhere)
        (p, t), (q, s) = self._lines(k)
        for role, (form, constant), residual in (
            ("sets the slope", (p, t), self.alpha),
            ("moves the offset", (q, s), self.beta),
        ):
            change = self._change(k, form, constant)
            if change:
                return as_role(role, value - residual / change, everywhere)
        if self.pattern.kinds[k] == "copied":
            return as_role("moves the offset", None, everywhere)
        elsewhere = any(self._change(k, *x.product[k]) for x in self.pattern.errors)
        return as_role("serves other radii" if elsewhere else "free", None, everywhere)

    def _change(self, k: int, form: Form, constant: fmpq) -> fmpq:
        """What a unit of a_k changes; 0 where that is the rounding of the weights."""
        parts = [x * y for x, y in zip(form, self.vectors[k], strict=True)]
        total = sum(parts, constant)
        size = sum(map(abs, parts), abs(constant))
        return total if abs(total) > RESOLUTION * size else ZERO

    def _bend(self, k: int, u: int) -> tuple[str, fmpq] | None:
        """From the condition on bends with this entry that is farthest from holding."""
        farthest: tuple[fmpq, str, fmpq] | None = None
        for x in self.pattern.bends:
            if k in x.plain:
                role = "puts a partial sum on the kink"
                if self.pattern.kinds[k] == "copied":
                    role = "cancels a copy"
                elif other := [j for j in x.plain if j != k]:  # they are mirror images
                    role = f"mirrors channel {other[0]}"
                change = x.plain[k][u]
            elif k in x.product:
                role, change = "cancels a kink", self.net.a[k] * x.product[k][0][u]
            else:
                continue
            if change:
                residual = x.residual(self.net)
                if farthest is None or abs(residual) > farthest[0]:
                    farthest = abs(residual), role, self.vectors[k][u] - residual / change
        return None if farthest is None else farthest[1:]

    def _interval(self, k: int, u: int) -> tuple[fmpq | None, fmpq | None]:
        value = self.vectors[k][u]
        lows: list[fmpq] = []
        highs: list[fmpq] = []
        for end in self.pattern.ends:
            rate = end.form[u]
            if end.k != k or not rate:
                continue
            here = dot(end.form, self.vectors[k])
            # Windows see light between 0 and 1: the rate is positive.
            if end.branch.low is not None:
                lows.append(value + (end.branch.low - here) / rate)
            if end.branch.high is not None:
                highs.append(value + (end.branch.high - here) / rate)
        return max(lows, default=None), min(highs, default=None)
