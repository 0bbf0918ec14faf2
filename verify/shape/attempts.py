r"""What random starts reach with one activation and K channels, told apart over the continuum of
radii.

Every trained network gets one kind:

    exact          |r̂ - r| is rounding at the sampled radii and at those between
    interpolating  it is rounding at the sampled radii only
    inexact        it is more than rounding at the sampled radii
    unresolved     its answers are not known to 2^-20 pixel in float64

float64 cannot tell exact from nearly exact.  Two stronger statements can: *certified*, a ball that
excludes 0 encloses the error of these very weights at some radius between the samples; and
*refined*, the training goes on with 256 bits and its error falls below 1e-57 at radii it was never
trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from numerics.arithmetic.compile import activation
from numerics.arithmetic.rounding import prediction_bound
from numerics.arithmetic.types import Array
from numerics.pulse.error_enclosure import Certified, certified_error, error_ball, largest_error
from numerics.pulse.sample import pulse, windows
from theory.expressions.activation import ACTIVATIONS, z
from theory.pulse.network import Network
from theory.shape.recipes import Recipe
from verify.models.networks import data, load, weights_of
from verify.models.problem import Ensemble, NetworkBatch, Setting, initial
from verify.optimise.refine import EXACT, Refined, refine
from verify.optimise.sgd import OPTIMIZERS, descend
from verify.report.lab import Profile

__all__ = [
    "KINDS",
    "TAPS",
    "TRIED",
    "Look",
    "Reached",
    "by_torch",
    "certify",
    "counts",
    "look",
    "near",
    "net_of",
    "refined",
    "settings",
]

KINDS = ("exact", "interpolating", "inexact", "unresolved")
"""Every kind of trained network, as the module's header defines them."""
TAPS = 3
"""n: the filters of all these networks."""
RESOLUTION = 2.0**-20
"""A network whose answers are known no better than this, in pixels, has no kind."""
TRIED = 4
"""Networks of a batch, the best first, whose training is continued when one exact network is looked
for.
"""


def counts(name: str) -> tuple[int, ...]:
    """The numbers of channels that are trained: 1 and 2, for polynomials 3 as well."""
    expression = ACTIVATIONS[name].expression
    polynomial = expression.is_polynomial(z) and sp.degree(expression, z) > 1
    return (1, 2, 3) if polynomial else (1, 2)


def settings(name: str, channels: int, profile: Profile) -> tuple[Setting, ...]:
    """What is trained: few radii per cell, which can be interpolated; many; and many from wide
    starts.

    Small profiles train twice as many on many radii: at least 200 networks for each activation and
    K.
    """
    few = Setting(name, channels, TAPS, first=2, cells=3, per_cell=4)
    many = Setting(
        name, channels, TAPS, first=3, cells=3, share=1 if profile.networks >= 200 else 2
    )
    wide = Setting(name, channels, TAPS, first=4, cells=3, spread=8.0)
    return few, many, wide


# -------------------------------------------------------------------------------------- float64


@dataclass(frozen=True, eq=False)
class Look:
    """What float64 shows of a batch of B networks.

    Attributes
    ----------
    kinds: one of :data:`KINDS` for each.
    sampled, between: (B,) the largest |r̂ - r| at the sampled radii, and at those between.
    radius: the radius between the samples where |r̂ - r| is largest, exact.
    """

    kinds: tuple[str, ...]
    sampled: Array
    between: Array
    radius: tuple[Fraction, ...]


def _between(setting: Setting) -> Array:
    """r = m - 1/2 + (2t + 1)/64 in the first two cells: none is sampled, all are dyadic."""
    first = setting.radii.first
    phi = (2 * np.arange(32) + 1) / 64
    return (np.arange(first, first + 2)[:, None] - 0.5 + phi).ravel()


def _errors(setting: Setting, weights: NetworkBatch, r: Array) -> tuple[Array, Array]:
    """(r̂ - r, a bound of its rounding), both (B, R)."""
    half_length = setting.radii.half_length(setting.taps)
    view = windows(pulse(r, half_length), setting.taps)
    with np.errstate(over="ignore", invalid="ignore"):  # exp overflows: unresolved
        pooled = activation(setting.activation)[0](
            weights.w @ view.windows.T + weights.b[..., None]
        )
        error = np.sum(weights.a[..., None] * (pooled @ view.counts.T), axis=1)
        bound = prediction_bound(
            weights.w, weights.b, weights.a, weights.c, r, 2 * half_length + 1, setting.activation
        )
        return error + weights.c[:, None] - r, bound


def look(setting: Setting, weights: NetworkBatch) -> Look:
    """The kinds of a batch of networks, and where each errs most between the samples."""
    r = _between(setting)
    sampled, bound = _errors(setting, weights, setting.radii.r)
    between, bound_between = _errors(setting, weights, r)
    most = np.max(np.hstack([bound, bound_between]), axis=1)
    low, high = (np.max(np.abs(error), axis=1) for error in (sampled, between))
    kinds = []
    for j in range(len(weights.c)):
        if not most[j] <= RESOLUTION:
            kinds.append("unresolved")
        elif np.all(np.abs(sampled[j]) <= bound[j]):
            # The rounding of the evaluation, and that of the weights, which moves the answer as
            # much.
            kinds.append("exact" if high[j] <= 2 * most[j] else "interpolating")
        else:
            kinds.append("inexact")
    place = np.argmax(np.nan_to_num(np.abs(between)), axis=1)
    radius = tuple(Fraction(float(r[index])) for index in place)
    return Look(tuple(kinds), low, high, radius)


# ----------------------------------------------------------------------------------- certificates


def net_of(name: str, weights: NetworkBatch, j: int) -> Network[float]:
    """Network j of a batch with its weights as the dyadic rationals they are."""
    return replace(weights.as_network(j), sigma=name)


def _certify(setting: Setting, weights: NetworkBatch, looked: Look, j: int) -> Certified:
    """First where float64 sees the largest error, then at other radii between the samples."""
    net, half_length = net_of(setting.activation, weights, j), setting.radii.half_length(TAPS)
    certified = certified_error(net, [looked.radius[j]], half_length)
    if certified.decided:
        return certified
    others = [Fraction(float(value)) for value in _between(setting)[::7]]
    return certified_error(net, others, half_length)


def certify(setting: Setting, weights: NetworkBatch, looked: Look) -> tuple[Certified, ...]:
    """For every network the proof that it errs at some radius between the samples, where there is
    one.
    """
    return tuple(_certify(setting, weights, looked, j) for j in range(len(weights.c)))


def refined(ensemble: Ensemble, looked: Look, most: int = TRIED) -> Refined | None:
    """The first of the networks that look exact, the best first, whose continued training is exact.

    None: none of the first ``most`` is.
    """
    order = [int(j) for j in np.argsort(looked.between) if looked.kinds[j] == "exact"]
    for j in order[:most]:
        exact = _refine(ensemble.setting, net_of(ensemble.setting.activation, ensemble.weights, j))
        if exact is not None:
            return exact
    return None


def _refine(setting: Setting, net: Network[Any]) -> Refined | None:
    """The exact network at which the continued training ends, on more radii than the network has
    weights.
    """
    start, half_length = _start(setting), setting.radii.half_length(TAPS)
    unknowns = len(net.w) * (TAPS + 2) + 1
    radii = [start + Fraction(t, 2 * unknowns) for t in range(2 * unknowns)]
    fresh = [start + Fraction(t, 13) for t in range(2 * 13)]
    return refine(net, [*radii, start + 1, start + 2], fresh, half_length)


# ----------------------------------------------------------------------------------- other starts

NOISE = 0.01
"""How far a start lies from the derived network: relative to each weight, and once more for each
filter.
"""
SCALES = (8, 4, 2, 1)
"""Multiples of the derived filters and biases; the first that is exact as well is the centre of the
starts.

Small filters see only the first terms of σ's expansion: nearly exact is then nearly everywhere.
"""


def near(
    setting: Setting,
    recipe: Recipe,
    starts: int,
    rng: np.random.Generator,
    sigma: sp.Expr | None = None,
) -> tuple[Refined | None, ...]:
    """Training with 256 bits from starts around the derived network: where each ends, None if not
    exact.

    σ is the setting's, unless an expression is given.  Further channels than the derived network
    has begin as copies of its first one, which share its readout.
    """
    half_length = setting.radii.half_length(TAPS)
    centre = _scaled(setting, recipe, sigma or setting.activation)
    copies = setting.channels - recipe.channels
    w = (*centre.w, *[centre.w[0]] * copies)
    b = (*centre.biases, *[centre.biases[0]] * copies)
    share = centre.a[0] / (1 + copies)
    a = (share, *centre.a[1:], *[share] * copies)

    def noisy(values: Sequence[sp.Expr]) -> tuple[float, ...]:
        factor, shift = 1 + NOISE * rng.uniform(-1, 1, len(values)), NOISE * rng.uniform(-1, 1)
        return tuple(
            float(v) * float(f) + float(shift) for v, f in zip(values, factor, strict=True)
        )

    ends = []
    for _ in range(starts):
        net = Network(tuple(map(noisy, w)), noisy(b), noisy(a), 0.0, sigma=centre.sigma)
        c = -float(error_ball(net, _start(setting), half_length).mid())
        ends.append(_refine(setting, replace(net, c=c)))
    return tuple(ends)


def _scaled(setting: Setting, recipe: Recipe, sigma: str | sp.Expr) -> Recipe:
    """The derived network, its filters enlarged as far as SCALES goes and exactness allows."""
    half_length = setting.radii.half_length(TAPS)
    radii = [_start(setting) + Fraction(t, 5) for t in range(6)]
    nets = [
        replace(
            recipe.mapped(lambda x, scale=scale: scale * x),  # type: ignore[misc]
            a=tuple(x / scale for x in recipe.a),
            sigma=sigma,
        )
        for scale in SCALES
    ]
    exact = (net for net in nets if largest_error(net, radii, half_length)[0] <= EXACT)
    return next(exact, nets[-1])


def _start(setting: Setting) -> Fraction:
    """The smallest radius of a setting."""
    return Fraction(setting.radii.first) - Fraction(1, 2)


def by_torch(setting: Setting, networks: int, seed: int, steps: int = 4) -> NetworkBatch:
    """Networks that torch.optim.LBFGS trains as plain modules, from the ensemble's own starts."""
    start = initial(setting, networks, seed)
    x, r = data(setting)
    nets = [load(setting, start, j) for j in range(networks)]
    for net in nets:
        descend(net, x, r, steps, make=OPTIMIZERS["LBFGS"])
    return weights_of(nets)


@dataclass(frozen=True)
class Reached:
    """What one activation with K channels reached, against what the law says.

    Attributes
    ----------
    name, channels: the row and K.
    forecast: ``exact``, ``never`` or ``open``.
    networks: how many were trained from random starts; each is counted in ``kinds`` or ``others``.
    best, median: losses from torch's own initialisation, on 16 radii per cell.
    kinds: how many of each of :data:`KINDS`.
    certified: networks that are proved to err between the samples (``never`` only).
    smallest: the smallest error that was certified.
    refined: a network from a random start became exact when its training went on with 256 bits.
    near: how many starts around the derived network did; asked only where no random start did.
    violations: what contradicts the law.
    """

    name: str
    channels: int
    forecast: str
    networks: int
    best: float
    median: float
    kinds: tuple[int, ...]
    certified: int
    smallest: float
    refined: bool
    near: int
    violations: int

    def kind(self, name: str) -> int:
        """How many networks are of that kind."""
        return self.kinds[KINDS.index(name)]
