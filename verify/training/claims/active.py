"""ReLU in its linear cell: who stays, predicted from the start, and what happens to those who
leave.
"""

from __future__ import annotations

import numpy as np

from numerics.arithmetic.types import Array
from numerics.pulse.sample import Radii
from numerics.training.active import cells, margins
from numerics.training.linear_cell import coordinates, weights_at
from numerics.training.steps import change_bound, drift_from_losses, sharpness
from theory.training import linear_cell
from theory.training.active import Active
from verify.models.problem import Model
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.training.dynamics import Run, end_rounding, integrate, run, second_moment

__all__ = ["EVIDENCE", "check", "train"]

MODELS = (Model("relu", 1, 3), Model("relu", 2, 3), Model("relu", 1, 5))
FRACTION, STEPS = 0.02, 1800
SHARE, LEAST = 6, 300
"""So many times the profile's networks are started, and at least so many: most starts of torch's
lie outside the cell.
"""


def _partial_sums(w: Array) -> Array:
    return np.concatenate([np.cumsum(w, axis=-1), np.cumsum(w[..., ::-1], axis=-1)], axis=-1)


def _flows(lab: Lab) -> tuple[tuple[Array, Array, float], ...]:
    """Identity networks w (1, K, n), a (1, K) from inside the cell, and their lowest partial sum on
    the way by scipy.

    A partial sum within 1e-6 of 0 at its lowest decides nothing, and is left out.  No law is asked.
    """
    rng, flows = lab.rng("active"), list[tuple[Array, Array, float]]()
    for t in range(4 * lab.profile.draws):
        if len(flows) == lab.profile.draws:
            break
        k, n = 1 + t % 2, (3, 5)[t // 2 % 2]
        w = 0.6 + rng.normal(size=(1, k, n))
        a = rng.normal(size=(1, k)) - 0.7
        if t % 3:  # positive taps, which turn back towards the walls first: a_k < 0 < a_k + s_k
            w = np.abs(w)
            a = -rng.uniform(0.0, 0.95, (1, k)) * w.sum(axis=2) / np.sqrt(n)
        # Small, so that S comes back, and with a first tap near the wall: these leave on the way
        # only.
        if t % 3 == 2:
            w, a = 0.3 * w, 0.3 * a
            w[..., 0] *= 0.1
        if not np.all(cells(w) == "active"):
            continue
        radii = Radii(n // 2 + 1, 2, 2)
        cone = coordinates(w, a)
        rate = float(sharpness(cone, second_moment(radii))[0])
        times = (
            np.linspace(0.0, 1.0, 400) ** 3 * (40 + 4 * abs(np.log(float(cone.big_u[0])))) / rate
        )
        taps, _, _ = integrate(w[0], a[0], radii, times)
        lowest = float(np.min(_partial_sums(taps)))
        if abs(lowest) >= 1e-6:
            flows.append((w, a, lowest))
    return tuple(flows)


def check(law: Active, lab: Lab) -> Column:
    """Identity networks integrated by scipy; count those whose lowest partial sum on the way
    contradicts the law.
    """
    flows = lab.once("active/flows", _flows, lab)
    wrong = sum(bool(np.all(margins(w, a, law=law) > 0)) != (lowest > 0) for w, a, lowest in flows)
    detail = (
        f"networks, of {len(flows)} integrated by scipy from inside the cell, of which the law says"
        " wrongly whether they leave"
    )
    return column(wrong if flows else float("nan"), 0, detail)


def _lowest(done: Run) -> Array:
    """The lowest partial sum (B, K) of every channel over all SGD steps."""
    kept = done.path.kept.values()
    return np.asarray(np.min([np.min(_partial_sums(w.w), axis=-1) for w in kept], axis=0))


def _judge(
    law: Active, model: Model, networks: int, lab: Lab
) -> tuple[int, int, int, int, int, float]:
    """(stay, silent only, leave, started outside, wrong answers, worst ratio of distance to bound
    of those that stay).
    """
    done = run(lab, model, networks, FRACTION, STEPS, look=tuple(range(0, STEPS, 3)))
    kind = cells(done.start.w)
    inside = np.all(kind != "crossed", axis=1)
    some = inside & np.any(kind == "active", axis=1)
    silent = inside & ~some
    unmoved = all(
        np.array_equal(x[silent], y[silent])
        for x, y in ((done.start.w, done.path.end.w), (done.start.a, done.path.end.a))
    )
    active = (kind == "active")[some]
    start_w, start_a = done.start.w[some], done.start.a[some]
    # Silent channels add nothing to U and W.
    w, a = np.where(active[..., None], start_w, 0.0), np.where(active, start_a, 0.0)
    c = coordinates(w, a)
    rho = drift_from_losses(c, done.second_moment, done.rate[some], done.path.losses[:, some])
    flow = np.all((margins(w, a, law=law) > 0) | ~active, axis=1)
    steps = np.all((margins(w, a, rho, law) > 0) | ~active, axis=1)
    inward = np.all((_lowest(done)[some] > 0) | ~active, axis=1)
    # Where the size of the steps may decide, the law for the flow says nothing.
    wrong = int(np.sum((flow == steps) & (flow != inward)))
    e = linear_cell.stretch(c.big_u, c.big_w, c.root, np.sqrt)
    want_w, want_a = weights_at(w, a, np.sqrt(e), 1 / np.sqrt(e))
    want_w = np.where(active[..., None], want_w, start_w)
    want_a = np.where(active, want_a, start_a)
    tap, read = change_bound(c, np.zeros_like(rho), rho)
    more = end_rounding(done)[some][:, None]
    ratio = np.maximum(
        np.max(
            np.abs(done.path.end.w[some] - want_w) / (np.where(active, tap, 0) + more)[..., None],
            axis=(1, 2),
        ),
        np.max(np.abs(done.path.end.a[some] - want_a) / (np.where(active, read, 0) + more), axis=1),
    )
    stay = steps & inward
    ratio = np.where(np.isfinite(ratio), ratio, np.inf)[stay]
    worst = float(np.max(ratio, initial=0.0)) if unmoved else float("inf")
    counts = (stay, silent, ~steps, ~inside)
    return *(int(np.sum(x)) for x in counts), wrong, worst  # type: ignore[return-value]


def train(law: Active, lab: Lab) -> Column:
    """torch's own starts under torch.optim.SGD: the law's answer against the partial sums on the
    way, and the predicted ends.
    """
    networks = max(SHARE * lab.profile.networks, LEAST)
    parts = [_judge(law, model, networks, lab) for model in MODELS]
    stay, silent, leave, outside, wrong = (sum(part[j] for part in parts) for j in range(5))
    worst = max(part[5] for part in parts)
    detail = sentence(
        "active",
        "train",
        starts=networks * len(MODELS),
        stay=stay,
        worst=worst,
        silent=silent,
        leave=leave,
        outside=outside,
    )
    counted = wrong if stay and leave else float("nan")
    return column(counted if worst <= 1 else float("inf"), 0, detail)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "pre-activations from the double sum, window by window",
            ("theory.pulse.network.preactivations",),
        ),
        check=Judge(
            "scipy's LSODA on the gradient of the signals' windows",
            ("verify.training.dynamics.integrate", "verify.optimise.flow"),
        ),
        training=Judge(
            "partial sums along torch.optim.SGD", ("verify.models.networks", "verify.optimise.sgd")
        ),
    ),
)
"""What the claim rests on."""
