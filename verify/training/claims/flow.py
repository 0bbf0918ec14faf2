"""Every weight at convergence: against a stiff integrator, and against what torch.optim.SGD ends
with.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from flint import fmpq

from numerics.arithmetic.types import Array, Flags
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net
from numerics.pulse.sample import Radii
from numerics.training.active import stays
from numerics.training.linear_cell import Cone, channels
from numerics.training.steps import change_bound, drift_from_losses, sharpness
from theory.training.flow import LAW, Flow, end
from verify.models.problem import Model
from verify.pulse.certified import accepted
from verify.report import figures as draw
from verify.report import path_figures
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.training.dynamics import Run, end_rounding, integrated, run, second_moment

__all__ = ["EVIDENCE", "check", "figures", "predicted", "train"]


def predicted(law: Flow, w: Array, a: Array) -> tuple[Array, Array]:
    """The law's end point of a batch: w (B, K, n), a (B, K)."""
    taps, readout = channels(w, a)
    new_w, new_a = end(law, taps, readout, math.sqrt(w.shape[2]), np.sqrt)
    return np.stack([np.stack(row, axis=-1) for row in new_w], axis=-2), np.stack(new_a, axis=-1)


def check(law: Flow, lab: Lab) -> Column:
    """Random starts integrated until e^{-λt} is below rounding: the largest distance of a weight
    from the closed form.
    """

    def times(start: Cone, radii: Radii) -> Array:
        rate = float(sharpness(start, second_moment(radii))[0])
        # The slowest starts have U near 0: their path first follows the saddle, longer by log(1/U).
        return np.array([0.0, (60 + 4 * abs(math.log(float(start.big_u[0])))) / rate])

    def ends(w: Array, a: Array, radii: Radii, when: Array) -> tuple[Array, Array]:
        last_w, last_a = predicted(law, w[None], a[None])
        return np.stack([w, last_w[0]]), np.stack([a, last_a[0]])

    return integrated(lab, "flow", times, ends)


def _runs(lab: Lab) -> list[tuple[str, Run]]:
    networks = lab.profile.networks
    return [
        ("full batches", run(lab, Model("identity", 1, 5), networks, 0.02, 1800)),
        ("mini-batches of 2", run(lab, Model("identity", 3, 7), networks, 0.02, 2400, 2)),
        ("ReLU, positive taps", run(lab, Model("relu", 2, 5), networks, 0.02, 1800, positive=True)),
        (
            "with c",
            run(
                lab,
                Model("identity", 2, 3, readout_bias=True, first=1, cells=2),
                networks,
                0.7,
                4500,
            ),
        ),
    ]


def _inside(done: Run) -> Flags:
    """Networks that are shown to stay in the linear cell on the whole way, steps included."""
    if done.model.activation == "identity":
        return np.ones(len(done.rate), dtype=bool)
    return stays(done.start.w, done.start.a, _drift(done))


def _drift(done: Run) -> Array:
    """ρ̂ of every network, from its recorded losses."""
    return drift_from_losses(done.cone, done.moment_bound, done.rate, done.path.losses)


def _compared(law: Flow, done: Run) -> tuple[Array, Array, Array]:
    """(predicted, trained, allowed), each (B, K(n+1)).

    Steps of finite size end where some ρ in [0, ρ̂] says, ρ̂ from the recorded losses; ρ = 0 is the
    flow.
    """
    start, last = done.start, done.path.end
    w, a = predicted(law, start.w, start.a)
    rho = _drift(done)
    by_tap, by_read = change_bound(done.cone, np.zeros_like(rho), rho)
    rounding = end_rounding(done)[:, None]

    def flat(filters: Array, readout: Array) -> Array:
        return np.concatenate([filters.reshape(len(filters), -1), readout], axis=1)

    tap = np.broadcast_to((by_tap + rounding)[..., None], w.shape)
    return flat(w, a), flat(last.w, last.a), flat(tap, by_read + rounding)


def train(law: Flow, lab: Lab) -> Column:
    """Every weight of every network that torch.optim.SGD trained, in units of what the step size
    allows.
    """
    worst, networks, left, loose = 0.0, 0, 0, 0
    for _, done in _runs(lab):
        inside = _inside(done)
        want, got, allowed = _compared(law, done)
        # Losses so large that a single step may turn a weight over bound nothing: outside the
        # theorem's condition.
        bounded = np.all(np.isfinite(allowed), axis=1)
        ratio = (np.abs(want - got) / allowed)[inside & bounded]
        # Few such networks are shown apart; where most are, there is no evidence.
        enough = np.sum(inside & bounded) > np.sum(inside & ~bounded)
        worst = float(np.max([worst, np.max(ratio) if enough else np.inf]))
        networks += int(np.sum(inside & bounded))
        left += int(np.sum(~inside))
        loose += int(np.sum(inside & ~bounded))
    certified, agree = map(sum, zip(*(_certified(done) for _, done in _runs(lab)), strict=True))
    detail = sentence(
        "flow", "train", networks=networks, left=left, loose=loose, agree=agree, certified=certified
    )
    return column(worst if agree == certified else float("inf"), 1.0, detail)


CERTIFIED = 3
"""Networks of each run that get a certificate."""


def _certified(done: Run) -> tuple[int, int]:
    """(networks that were certified, those of them whose worst error is that of the straight line
    which they are).
    """
    chosen = np.flatnonzero(_inside(done))[:CERTIFIED]
    radii, last = done.model.radii, done.path.end
    low, high = (Fraction(2 * m - 1, 2) for m in (radii.first, radii.first + radii.cells))
    domain = Domain(
        radii.half_length(done.model.taps), fmpq(low.numerator, 2), fmpq(high.numerator, 2)
    )
    agree = 0
    for j in chosen:
        w, a, c = last.w[j].tolist(), last.a[j].tolist(), Fraction(float(last.c[j]))
        slope = sum(
            (2 * Fraction(y) * sum(map(Fraction, row)) for row, y in zip(w, a, strict=True)),
            Fraction(-1),
        )
        worst = max(abs(slope * r + c) for r in (low, high))
        claim = accepted(exact_net(done.model.activation, w, [0] * len(a), a, c), domain)
        agree += claim is not None and claim["worst"] == (worst, worst)
    return len(chosen), agree


def figures(lab: Lab) -> list[Figure]:
    """Predicted against trained, every weight a point."""
    name, done = _runs(lab)[1]
    want, got, allowed = _compared(LAW, done)
    few = slice(0, 20)
    caption = sentence("flow", "caption", networks=min(20, len(want)), name=name)
    drawing = path_figures.against(want[few], got[few], allowed[few], "weight")
    return [draw.figure("flow-weights", "Every weight, predicted and trained", caption, drawing)]


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge("the gradient of the double sum on symbols", ("theory.training.invariants",)),
        check=Judge(
            "scipy's LSODA on the gradient of the signals' windows",
            ("verify.training.dynamics.integrate", "verify.optimise.flow"),
        ),
        training=Judge(
            "weights at the end of torch.optim.SGD, and the certificate checker",
            ("verify.models.networks", "verify.optimise.sgd", "numerics.certificates.checker"),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
