r"""The network without its symmetries: one representative for all that give the same answers.

Weights say more than answers do.  Symmetric images (theory/pulse/symmetry.py), copies that share a
readout weight, and channels that idle change nothing; so they must not change a verdict.  Of all
these networks one is taken:

    a channel whose response is the same at all radii     becomes part of the readout bias
    symmetric images of one channel
    are added up:  a σ(tz) + a' σ(z) = (a t^d + a') σ(z)
    a channel whose readout weight is 0                   is left out
    its image and the order                               are those of the canonical form
    its scale, where σ(tz) = t^d σ(z) for t > 0
    is the power of 2 for which a² + |w|² + b² is least

How near another network is, is then told by :func:`apart`, relative to the length of filters and
readout.  Biases have no length, as they may be moved from the filters to the readout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, log2, sqrt

from flint import fmpq

from numerics.arithmetic.numbers import to_float
from numerics.arithmetic.piecewise import Activation, exact_activation
from numerics.certificates.conditions import Stored
from numerics.pulse.domain import HALF, Domain
from numerics.pulse.exact_error import cells, error_on
from theory.expressions.spelling import spelled
from theory.pulse.network import Network
from theory.pulse.symmetry import Channel, canonical, finite_symmetries

__all__ = ["Origin", "Reduction", "apart", "reduced"]

ZERO = fmpq(0)
ONE = fmpq(1)


@dataclass(frozen=True)
class Origin:
    """Channel ``channel`` of the given network: the reduced one has its filter and bias, the filter
    reversed where it is ``turned``, times ``factor``.
    """

    channel: int
    turned: bool
    factor: fmpq


@dataclass(frozen=True)
class Reduction:
    """A network reduced.

    Attributes
    ----------
    net: the network that is left; a single channel of zeros where all channels idle.
    channels: its channels in canonical form, in the same order; none where all idle.
    place: for each channel of the given network the one that it is part of; None where it idles.
    """

    net: Stored
    channels: tuple[Channel, ...]
    place: tuple[int | None, ...]

    def origins(self, stored: Stored) -> tuple[tuple[Origin, ...], ...]:
        """For each of :attr:`channels` the channels of the given network that it is made of."""
        return tuple(
            tuple(
                _origin(k, stored.vector(k), (*form.w, form.b))
                for k, place in enumerate(self.place)
                if place == j
            )
            for j, form in enumerate(self.channels)
        )

    def restored(self, stored: Stored, near: Stored) -> Stored:
        """The network ``near``, next to :attr:`net`, in the shape of ``stored``: its answers are
        the same at all radii.
        """
        w, b, a = list(stored.w), list(stored.biases), list(stored.a)
        base = self.net.offset
        idle = ONE if stored.c is not None or not base else near.offset / base
        for k, j in enumerate(self.place):
            if j is None:
                a[k] *= idle
                continue
            old, new = self.net.vector(j), near.vector(j)
            if not _along(old, stored.vector(k)):
                old, new = _turned(old), _turned(new)
            ratios = (x / y for x, y in zip(stored.vector(k), old, strict=True) if y)
            factor = next(ratios, ONE)
            w[k] = tuple(factor * x for x in new[:-1])
            b[k] = factor * new[-1]
            a[k] = stored.a[k] / self.net.a[j] * near.a[j]
        c = stored.offset + near.offset - base
        return stored.changed(w=tuple(w), b=tuple(b), a=tuple(a), c=c)


def reduced(net: Stored, activation: str, domain: Domain) -> Reduction:
    """The representative of all networks that answer like ``net``, a row of the catalogue, at all
    radii of the domain.
    """
    row, sigma = spelled(activation), exact_activation(activation)
    degree = 0 if sigma is None else _degree(sigma)
    base, groups = ZERO, dict[tuple[fmpq, ...], dict[int, fmpq]]()
    for k, weight in enumerate(net.a):
        vector = net.vector(k)
        level = _level(vector, activation, sigma, domain) if weight else ZERO
        if level is not None:
            base += weight * level / net.share
            continue
        top = max(map(abs, vector)) if degree else ONE
        images = [
            Channel(weight * top**degree, vector[-1] / top, tuple(x / top for x in vector[:-1]))
        ]
        for symmetry in finite_symmetries(row.parity):
            images += [symmetry(image) for image in images]
        image = max(images, key=lambda channel: (channel.b, channel.w))
        groups.setdefault((image.b, *image.w), {})[k] = image.a
    kinds: list[tuple[Channel, Sequence[int]]] = []
    for (b, *w), parts in groups.items():
        total = sum(parts.values(), ZERO)
        if total:
            merged = [Channel(total, b, tuple(w))]
            form = canonical(merged, homogeneous=row.homogeneous, parity=row.parity)[0]
            kinds.append((form, tuple(parts)))
    kinds.sort(reverse=True)
    place = {k: j for j, (_, parts) in enumerate(kinds) for k in parts}
    channels = tuple(form for form, _ in kinds)
    nothing = Channel(ZERO, ZERO, tuple(ZERO for _ in net.w[0]))
    kept = [_scaled(channel, degree) for channel in channels] or [nothing]
    least = net.changed(
        w=tuple(channel.w for channel in kept),
        b=tuple(channel.b for channel in kept),
        a=tuple(channel.a for channel in kept),
    )
    if net.c is not None or base:
        least = replace(least, c=net.offset + base)
    return Reduction(least, channels, tuple(place.get(k) for k in range(net.channels)))


def apart(net: Stored, other: Stored) -> float:
    """How far another network is, as a share of the length of ``net``: the same in all units of a
    channel's weights.

    |(δw, δb)|² and δa² of a channel are weighted by |a| / |(w, b)| and |(w, b)| / |a|, so that both
    sides of it count alike and no factor between them matters; δc² by 1.  The squared length is Σ 2
    |a| |w|.  Infinite where all channels idle.
    """
    whole = 0.0
    moved = to_float(net.offset - other.offset) ** 2
    for k, weight in enumerate(net.a):
        vector = net.vector(k)
        size, a = _norm(vector), abs(to_float(weight / net.share))
        if size and a:
            whole += 2 * a * _norm(vector[:-1])
            step = _norm([x - y for x, y in zip(vector, other.vector(k), strict=True)])
            moved += step**2 * a / size
            moved += to_float((weight - other.a[k]) / net.share) ** 2 * size / a
    return sqrt(moved / whole) if whole else inf


def _norm(vector: Sequence[fmpq]) -> float:
    return sqrt(to_float(sum((x * x for x in vector), ZERO)))


def _degree(sigma: Activation) -> int:
    """d if σ(tz) = t^d σ(z) for all t > 0, else 0."""
    powers = {j for piece in sigma.pieces for j, x in enumerate(piece.coeffs()) if x}
    if any(sigma.breaks) or any(sigma.values) or len(powers) != 1:
        return 0
    return powers.pop()


def _level(
    vector: Sequence[fmpq], activation: str, sigma: Activation | None, domain: Domain
) -> fmpq | None:
    """The pooled response of a channel where it is the same at all radii; None where it is not, or
    where nobody knows.
    """
    w, b = tuple(vector[:-1]), vector[-1]
    if sigma is None:
        # By symmetry only: σ(b) at all positions is no rational number, but where it is 0.
        row = spelled(activation)
        nothing = not any(w) and row(0) == 0
        odd = row.parity == "odd" and all(x == -y for x, y in zip(w, reversed(w), strict=True))
        return ZERO if not b and (nothing or odd) else None
    alone = Network((w,), (b,), (ONE,), ZERO, sigma=sigma)
    level = None
    for m, low, high in cells(domain):
        error = error_on(alone, m, domain)
        start = m - HALF
        values = [
            point + start + cut
            for cut, point in zip(error.cuts, error.points, strict=True)
            if low <= cut <= high
        ]
        for left, right, piece in zip(error.cuts, error.cuts[1:], error.pieces, strict=False):
            if left < high and right > low:
                values += [piece(left) + start + left, piece(right) + start + right]
                if piece.degree() > 1:
                    return None
        level = values[0] if level is None else level
        if any(value != level for value in values):
            return None
    return level


def _scaled(form: Channel, degree: int) -> Channel:
    """At the power of 2 for which (A/t^d)² + t² (|w|² + b²) is about least: t^(2d + 2) = d A²/(|w|²
    + b²).
    """
    if not degree:
        return form
    square = sum((x * x for x in form.w), form.b**2)
    t = fmpq(2) ** round(log2(degree * to_float(form.a**2 / square)) / (2 * degree + 2))
    return Channel(form.a / t**degree, t * form.b, tuple(t * x for x in form.w))


def _origin(k: int, old: Sequence[fmpq], new: Sequence[fmpq]) -> Origin:
    """How the vector ``new`` of a reduced channel comes from that of channel k."""
    turned = not _along(new, old)
    new = _turned(new) if turned else new
    return Origin(k, turned, next((y / x for x, y in zip(old, new, strict=True) if x), ONE))


def _along(vector: Sequence[fmpq], other: Sequence[fmpq]) -> bool:
    """The other one is a multiple of the vector."""
    k = next((k for k, x in enumerate(vector) if x), 0)
    return all(x * other[k] == y * vector[k] for x, y in zip(vector, other, strict=True))


def _turned(vector: Sequence[fmpq]) -> tuple[fmpq, ...]:
    """(w_{-u}, b)."""
    return (*reversed(vector[:-1]), vector[-1])
