"""The path of every weight: against a stiff integrator, and step by step
against torch.optim.SGD.
"""

from __future__ import annotations

import numpy as np

from numerics.arithmetic.rounding import UNIT
from numerics.arithmetic.types import Array
from numerics.pulse.sample import Radii
from numerics.training.linear_cell import Cone, coordinates, weights_at
from numerics.training.steps import path_error
from theory.training import linear_cell
from theory.training.trajectory import LAW, Trajectory
from verify.models.problem import Model
from verify.optimise.sgd import step_rounding
from verify.report import figures as draw
from verify.report import path_figures
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.training.dynamics import Run, integrated, run, second_moment

__all__ = ["EVIDENCE", "along", "check", "figures", "train"]

MARKS = (1, 3, 10, 20, 40, 80, 160, 320)
"""Numbers of steps after which weights are compared."""
FRACTION = 0.02


def _factor(law: Trajectory, c: Cone, moment: float, t: Array) -> Array:
    """E at the times t (T,) or (T, B): shape (T, B)."""
    speed = law.rate(c.big_u, c.big_w, c.root, moment, np.sqrt)
    plus, minus = law.roots(c.big_u, c.big_w, c.root, np.sqrt)
    times = t[:, None] if t.ndim == 1 else t
    return np.asarray(law.stretch_at(plus, minus, np.exp(-speed * times)))


def along(law: Trajectory, w: Array, a: Array, moment: float, t: Array) -> tuple[Array, Array]:
    """The law's weights of a batch at the times t (T,) or (T, B): w (T, B, K, n), a (T, B, K)."""
    e = _factor(law, coordinates(w, a), moment, t)
    # A wrong law may ask for the root of a negative number: NaN, which no comparison passes.
    with np.errstate(invalid="ignore"):
        return weights_at(w, a, np.sqrt(e), 1 / np.sqrt(e))


def check(law: Trajectory, lab: Lab) -> Column:
    """Random starts integrated by scipy; compared at twelve times along the way."""

    def times(start: Cone, radii: Radii) -> Array:
        # A scale of time of its own, so that a wrong rate does not choose where it is looked at.
        return np.linspace(0.0, 1.0, 13) / (2 * float(start.root) * second_moment(radii))

    def path(w: Array, a: Array, radii: Radii, when: Array) -> tuple[Array, Array]:
        taps, readout = along(law, w[None], a[None], second_moment(radii), when)
        return taps[:, 0], readout[:, 0]

    return integrated(lab, "trajectory", times, path, " at 13 times")


def _runs(lab: Lab) -> list[Run]:
    networks = lab.profile.networks
    return [
        run(lab, Model("identity", k, n), networks, FRACTION, MARKS[-1], look=(0, *MARKS))
        for k, n in ((1, 3), (2, 5))
    ]


def train(law: Trajectory, lab: Lab) -> Column:
    """The weights that SGD shows after 1 to 320 steps against the closed form at the times ηt, in
    units of Euler's error bound.
    """
    ratios = np.concatenate([_ratios(law, done) for done in _runs(lab)])
    loose = int(np.sum(np.isnan(ratios)))
    detail = sentence(
        "trajectory",
        "train",
        networks=len(ratios) - loose,
        marks=", ".join(map(str, MARKS)),
        fraction=FRACTION,
        loose=loose,
    )
    return column(
        float(np.nanmax(ratios)) if 2 * loose < len(ratios) else float("nan"), 1.0, detail
    )


def _ratios(law: Trajectory, done: Run) -> Array:
    """The largest distance of each network from the law in units of its bound; nan where that is no
    less than the weights, e^1.
    """
    times = np.array(MARKS)[:, None] * done.rate
    want_w, want_a = along(law, done.start.w, done.start.a, done.second_moment, times)
    error = path_error(done.cone, done.second_moment, done.rate)
    tight = error <= 1
    true_w, true_a = along(LAW, done.start.w, done.start.a, done.second_moment, times)
    size = np.max(
        np.abs(np.concatenate([true_w.reshape(*true_a.shape[:2], -1), true_a], axis=2)), axis=2
    )
    # |a| and |s| after stretches that are off by e^{±e}: (|A u| + |B v|)/2 (e^e - 1), and |Au| +
    # |Bv| from a and S.
    s = true_w.sum(axis=3) / done.cone.root
    scale = np.maximum(np.abs(true_a), np.abs(s))
    rounding = np.array(MARKS)[:, None] * step_rounding(
        done.model, done.start, done.rate
    ) + 64 * UNIT * (1 + size)
    allowed_a = (
        scale * np.expm1(np.where(tight, error, 0.0))[None, :, None] + 4 * rounding[..., None]
    )
    got_w = np.stack([done.path.kept[t].w for t in MARKS])
    got_a = np.stack([done.path.kept[t].a for t in MARKS])
    by_read = np.abs(got_a - want_a) / allowed_a
    by_tap = (
        np.abs(got_w - want_w) / (allowed_a / done.cone.root + 4 * rounding[..., None])[..., None]
    )
    worst = np.maximum(np.max(by_read, axis=(0, 2)), np.max(by_tap, axis=(0, 2, 3)))
    return np.where(tight, worst, np.nan)


def figures(lab: Lab) -> list[Figure]:
    """The weights of one network over time, and the losses of some."""
    networks = lab.profile.networks
    model = Model("identity", 2, 3)
    steps = 400
    done = run(lab, model, min(networks, 4), FRACTION, steps, look=tuple(range(0, steps, 16)))
    first = (done.start.w[:1], done.start.a[:1])
    fine = np.linspace(0, steps, 400) * done.rate[0]
    closed_w, closed_a = along(LAW, *first, done.second_moment, fine)
    places = np.arange(0, steps, 16)
    marks = np.stack(
        [
            np.concatenate([done.path.kept[int(t)].w[0].ravel(), done.path.kept[int(t)].a[0]])
            for t in places
        ]
    )
    lines = np.concatenate(
        [closed_w.reshape(len(fine), -1), closed_a.reshape(len(fine), -1)], axis=1
    )
    drawing = path_figures.paths(fine / done.rate[0] * FRACTION, lines, places * FRACTION, marks)
    c = done.cone
    times = np.arange(steps)[:, None] * done.rate
    e = _factor(LAW, c, done.second_moment, times)
    theta = linear_cell.theta(c.big_u, c.big_w, c.root, np.sqrt(e), 1 / np.sqrt(e))
    predicted = done.second_moment * (2 * theta - 1) ** 2
    loss = path_figures.decay(np.arange(steps) * FRACTION, done.path.losses, predicted)
    return [
        draw.figure(
            "trajectory-weights",
            "Every weight on its way",
            "All eight weights of one network with two channels and three taps: lines, the closed"
            " form from the initial values; marks, torch.optim.SGD.",
            drawing,
        ),
        draw.figure(
            "trajectory-loss",
            "The loss on its way",
            sentence("trajectory", "losses"),
            loss,
        ),
    ]


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
            "weights along torch.optim.SGD", ("verify.models.networks", "verify.optimise.sgd")
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
