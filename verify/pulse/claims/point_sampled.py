"""Point-sampled pulses: exact risks, and torch networks that reach the Bayes risk and none that
beats it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import torch

from numerics.arithmetic.rounding import prediction_bound
from numerics.pulse.sample import sampled_pulse
from theory.pulse.point_sampled import PointLaw
from verify.models.networks import load, weights_of
from verify.models.problem import NetworkBatch, Setting, initial
from verify.optimise.sgd import OPTIMIZERS, descend
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "train"]

HALF_INTEGERS = tuple(
    Setting(name, 1, taps, cells=6, per_cell=1)
    for name in ("identity", "relu", "leaky_relu", "abs")
    for taps in (3, 5)
)
"""Trained on one radius per cell: those pulses are the point-sampled ones."""
DIRECT = ("identity", "relu", "leaky_relu", "abs", "tanh", "sigmoid", "softplus", "gelu", "silu")
"""Trained by LBFGS on point-sampled pulses of many radii."""
STARTS = 4
"""Starts per activation that LBFGS gets."""
POINTS = 8
"""Radii per cell of the point-sampled pulses."""


def check(law: PointLaw, lab: Lab) -> Column:
    """Group exact radii by what their pulses show; compare each group's mean and variance with the
    law.
    """
    rng = lab.rng("point_sampled")
    wrong = groups = 0
    for _ in range(lab.profile.draws // 4):
        q, cells, first = (int(rng.integers(low, high)) for low, high in ((1, 9), (1, 5), (0, 4)))
        for lit, mean, risk in _groups(q, cells, first):
            wrong += (law.answer(lit), law.risk(Fraction(q))) != (mean, risk)
            groups += 1
    return column(
        wrong, 0, f"groups of equal pulses, of {groups}, whose mean or variance is another"
    )


def _groups(q: int, cells: int, first: int) -> Iterator[tuple[Fraction, Fraction, Fraction]]:
    """The last lit pixel, mean and variance of all radii, ``q`` per cell, with one pulse."""
    alike: defaultdict[tuple[bool, ...], list[Fraction]] = defaultdict(list)
    for k in range(first, first + cells):
        for t in range(q):
            r = k + Fraction(2 * t + 1, 2 * q)
            alike[tuple(abs(i) <= r for i in range(-9, 10))].append(r)
    for pixels, radii in alike.items():
        mean = sum(radii, Fraction(0)) / len(radii)
        risk = sum(((r - mean) ** 2 for r in radii), Fraction(0)) / len(radii)
        yield Fraction((sum(pixels) - 1) // 2), mean, risk


def train(law: PointLaw, lab: Lab) -> Column:
    """The torch loss on point-sampled pulses, r uniform, against the Bayes risk.

    Networks that the ensemble brought to error 0 on half-integers must have the risk, also on cells
    that they were never trained on; no network, however it was trained, may be below it.
    """
    worst, reached, networks = 0.0, 0, 0
    for setting, weights, exact in _trained(lab):
        n, first = setting.taps, setting.radii.first
        k = np.arange(first - 1, first - 1 + 2 * setting.cells)
        steps = (2 * np.arange(POINTS) + 1) / (2 * POINTS)
        r = (k[:, None] + steps).ravel()
        half_length = int(k[-1]) + 1 + n // 2
        x = torch.tensor(sampled_pulse(r, half_length))
        # The readout bias was trained for another number of pixels: more background, more N g(0).
        with torch.inference_mode():
            nets = [load(setting, weights, j) for j in range(len(weights.c))]
            short = 2 * setting.radii.half_length(n) + 1
            zero = torch.zeros(1, short, dtype=torch.float64)
            excess = [float(net(zero.new_zeros(1, x.shape[1]))) - float(net(zero)) for net in nets]
            answers = np.stack(
                [net(x).numpy() - more for net, more in zip(nets, excess, strict=True)]
            )
        bound = prediction_bound(
            weights.w, weights.b, weights.a, weights.c, r, x.shape[1], setting.activation
        )
        risk = float(law.risk(Fraction(POINTS)))
        claimed = np.repeat([float(law.answer(Fraction(int(v)))) for v in k], POINTS)
        loss = np.mean((answers - r) ** 2, axis=1)
        # 3B: the answer and the two backgrounds; the risk adds the completed square.
        square = np.mean((answers - claimed) ** 2, axis=1)
        tolerance = np.mean(6 * np.abs(answers - r) * bound + 9 * bound**2, axis=1)
        worst = max(worst, float(np.max(np.abs(loss - risk - square) / tolerance)))
        worst = max(worst, float(np.max((risk - loss) / tolerance)))
        if np.any(exact):
            gap = np.max(np.abs(answers - claimed)[exact] / (3 * bound[exact]), axis=1)
            worst = max(worst, float(np.max(gap)))
        reached += int(np.sum(exact))
        networks += len(loss)
    detail = (
        f"{networks} trained networks on point-sampled pulses of {POINTS} radii per cell, half of"
        f" the cells new to them: none is below the risk, and {reached} exact ones answer k + 1/2;"
        " the figure is in units of the rounding bound"
    )
    return column(worst if reached else float("nan"), 1.0, detail)


def _trained(lab: Lab) -> Iterator[tuple[Setting, NetworkBatch, np.ndarray]]:
    """Batches of trained networks, and which of them are exact on the half-integers they were
    trained on.
    """
    for setting in HALF_INTEGERS:
        ensemble = lab.ensemble(setting)
        w, r = ensemble.weights, setting.radii.r
        size = setting.pixels
        bound = prediction_bound(w.w, w.b, w.a, w.c, r, size, setting.activation)
        yield setting, w, ensemble.loss <= np.mean(bound**2, axis=1)
    for name in DIRECT:
        setting = Setting(name, 1, 3, cells=6, per_cell=1)
        weights = lab.once(("point_sampled", setting), _by_lbfgs, setting, lab.seed)
        yield setting, weights, np.zeros(STARTS, dtype=bool)


def _by_lbfgs(setting: Setting, seed: int) -> NetworkBatch:
    """Networks that torch.optim trains on the point-sampled pulses themselves, every radius of
    every cell.
    """
    k = setting.radii.m[:, None] - 1
    r = (k + (2 * np.arange(POINTS) + 1) / (2 * POINTS)).ravel()
    x = torch.tensor(sampled_pulse(r, setting.radii.half_length(setting.taps)))
    start = initial(setting, STARTS, seed)
    nets = [load(setting, start, j) for j in range(STARTS)]
    for net in nets:
        descend(net, x, torch.tensor(r), 5, make=OPTIMIZERS["LBFGS"])
    return weights_of(nets)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "pixels from the definition; means of squares written out; errors from the double sum",
            ("theory.pulse.point_sampled.sampled_pixel", "theory.pulse.loss.direct_error"),
        ),
        check=Judge(
            "radii grouped by what their pulses show, mean and variance of each group in fractions",
            (f"{__name__}._groups",),
        ),
        training=Judge(
            "losses of torch modules on point-sampled pulses",
            ("verify.models.networks", "verify.optimise.sgd", "verify.optimise.ensemble"),
        ),
    ),
    needs=lambda profile: HALF_INTEGERS,
)
"""What the claim rests on."""
