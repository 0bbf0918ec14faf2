r"""Two channels trained to the end, with or without conv bias, and then refined with long numbers
to an exact network.

The loss of smooth σ has long curved valleys, which geodesic acceleration follows
(:mod:`verify.optimise.least_squares`).  A network whose error is rounding may be exact, or only
nearly so: it is refined (:mod:`verify.optimise.refine`) on the first cell, which all others repeat.
A law that vanishes on exact networks is there at most |∇law · J⁺| |e|, to first order in the error
e left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch

from numerics.arithmetic.regression import RANK
from numerics.arithmetic.rounding import prediction_bound
from numerics.arithmetic.types import Array, Flags
from numerics.pulse.sample import pulse, windows
from theory.pulse.network import Network
from verify.models.networks import Bundle, data
from verify.models.problem import NetworkBatch, Setting, initial
from verify.optimise.ensemble import fit
from verify.optimise.refine import Refined, refine
from verify.optimise.residuals import biases, error_and_jacobian, unpacked
from verify.shape.attempts import net_of

__all__ = ["Problem", "RefinedBatch", "descend", "inverse", "is_rounding", "refined", "trained"]


@dataclass(frozen=True)
class Problem:
    """A setting, whether its channels have a conv bias, and how many trial steps a descent may
    take.
    """

    setting: Setting
    biased: bool
    cap: int


def descend(problem: Problem, start: NetworkBatch) -> NetworkBatch:
    """Levenberg-Marquardt with geodesic acceleration until the error is rounding, or to the cap."""
    setting = problem.setting
    ended = fit(setting, start, problem.cap, biased=problem.biased, geodesic=True)
    return unpacked(setting, ended.points)


def refined(problem: Problem, weights: NetworkBatch, j: int) -> Refined | None:
    """The exact network beside number j of a batch, where there is one."""
    setting = problem.setting
    net, radii = net_of(setting.activation, weights, j), _samples(setting)
    net = net if problem.biased else replace(net, b=None)
    between = [r + (radii[1] - radii[0]) / 2 for r in radii[:-1]]
    return refine(net, radii, between, setting.radii.half_length(setting.taps))


def _samples(setting: Setting) -> list[Fraction]:
    """The radii of the first cell and its far end: the other cells only repeat them."""
    return [Fraction(r) for r in setting.radii.r[: setting.radii.per_cell + 1].tolist()]


def inverse(problem: Problem, net: Network[Fraction]) -> Array:
    """J⁺ (parameters, equations) at a refined network; 0 but for rounding in rows that are not
    trained.
    """
    setting, radii = problem.setting, np.array(_samples(problem.setting), dtype=float)
    view = windows(pulse(radii, setting.radii.half_length(setting.taps)), setting.taps)
    weights = NetworkBatch(*(np.array([x], dtype=float) for x in (net.w, net.biases, net.a, net.c)))
    _, jacobian = error_and_jacobian(setting, weights, view, np.ones_like(radii), radii)
    if not problem.biased:
        jacobian[..., biases(setting)] = 0
    return np.linalg.pinv(jacobian[0], rcond=RANK)


@dataclass(frozen=True, eq=False)
class RefinedBatch:
    """Networks at their end.

    Attributes
    ----------
    problem, weights: what was trained, and the batch it became.
    loss: (B,), of the torch modules on the training radii.
    rounded: (B,), the error of the torch module is rounding at all of them.
    refined: per network the exact network beside it; None where it is not ``rounded`` or there is
        none.
    """

    problem: Problem
    weights: NetworkBatch
    loss: Array
    rounded: Flags
    refined: tuple[Refined | None, ...]

    @property
    def exact(self) -> Flags:
        """(B,) an exact network is beside it."""
        return np.array([net is not None for net in self.refined], dtype=bool)


def trained(problem: Problem, networks: int, seed: int) -> RefinedBatch:
    """Train from the ensembles' own random starts (biases 0 where there are none), and refine what
    is rounding.
    """
    setting = problem.setting
    drawn = initial(setting, networks, seed)
    start = NetworkBatch(drawn.w, drawn.b if problem.biased else 0 * drawn.b, drawn.a, drawn.c)
    weights = descend(problem, start)
    x, r = data(setting)
    with torch.inference_mode():
        error = (Bundle(setting, weights)(x) - r).numpy()
    rounded = is_rounding(setting, weights, error)
    exact = tuple(refined(problem, weights, j) if rounded[j] else None for j in range(networks))
    return RefinedBatch(problem, weights, np.mean(error**2, axis=1), rounded, exact)


def is_rounding(setting: Setting, weights: NetworkBatch, error: Array) -> Flags:
    """(B,) every error r̂ - r, shape (B, R), on the training radii is within the rounding bound."""
    size = 2 * setting.radii.half_length(setting.taps) + 1
    bound = prediction_bound(
        weights.w, weights.b, weights.a, weights.c, setting.radii.r, size, setting.activation
    )
    return np.asarray(np.all(np.abs(error) <= bound, axis=1))
