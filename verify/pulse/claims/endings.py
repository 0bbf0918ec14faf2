"""The endings: every trained network's loss against the level that its signs predict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from scipy.optimize import linprog

from numerics.arithmetic import oracle
from numerics.arithmetic.rounding import prediction_bound
from numerics.pulse.least_loss import dead_level, level
from numerics.pulse.sample import Radii, pulse, windows
from theory.pulse.endings import LAW, EndingLaw, blind_floor
from verify.models.networks import data, load, weights_of
from verify.models.problem import Ensemble, Setting, initial
from verify.optimise.residuals import task
from verify.optimise.sgd import OPTIMIZERS, descend, gradient_length, settle
from verify.pulse.census import explained
from verify.pulse.certified import agrees
from verify.pulse.classify import KINDS, Ending, classify, look, wilson
from verify.pulse.explained import section
from verify.pulse.settings import CENSUS
from verify.report import figures as draw
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab
from verify.report.page import Figure, Section
from verify.report.render import render, sentence
from verify.report.verdict import Column, column

__all__ = ["EVIDENCE", "check", "figures", "sections", "train"]

SMALL = Radii(first=2, cells=3, per_cell=4)
ROWS = ("relu", "leaky_relu", "abs", "identity")


def check(law: EndingLaw, lab: Lab) -> Column:
    """Rational networks: the level from signs alone against a least-squares fit of direct
    simulations.

    Inside a cell r̂ is affine in the effective weights, so its columns are exact differences of two
    direct simulations; the fit is made by exact orthogonalisation.  Neither uses the law's rows.
    Some networks are fixed (silent, crossed, held on a face, two channels), the others random.  The
    first that differs ends the search.
    """
    rng = lab.rng("endings")
    cases = list(FIXED)
    for k in range(lab.profile.draws // 4):
        name, channels = ROWS[k % len(ROWS)], 1 + k // len(ROWS) % 2
        cases.append((name, [_random_filter(rng) for _ in range(channels)]))
    for place, (name, filters) in enumerate(cases, 1):
        if not _same_level(law, name, filters):
            return column(1, 0, f"the level of cell {place} of {len(cases)} differs from a fit")
    wrong = 0
    for cells in range(1, 9):
        m = [Fraction(value) for value in range(1, cells + 1)]
        mean = sum(m) / cells
        wrong += law.blind_floor(Fraction(cells)) != sum((x - mean) ** 2 for x in m) / cells
    detail = (
        f"levels, of {len(cases)} cells and faces in exact rationals, that differ from a"
        " least-squares fit of direct simulations, and blind floors, of 8, that are not Var m"
    )
    return column(wrong, 0, detail)


def _filter(*values: int) -> list[Fraction]:
    """(w, b) in quarters."""
    return [Fraction(value, 4) for value in values]


FIXED: tuple[tuple[str, list[list[Fraction]]], ...] = (
    ("relu", [_filter(-1, -2, -1, -1)]),
    ("relu", [_filter(-7, 6, -8, 1)]),
    ("relu", [_filter(-3, -8, -7, 3)]),
    ("leaky_relu", [_filter(-8, -7, -2, 6)]),
    ("abs", [_filter(-5, 0, -8, 5)]),
    ("abs", [_filter(5, -3, 7, 0)]),
    ("relu", [_filter(5, -3, 7, -2), _filter(-3, 1, -6, 4)]),
    ("abs", [_filter(5, -3, 7, -7), _filter(-3, 1, -6, 5)]),
)
"""A silent filter, a crossed one, three held where C or T = -b, one held at b = 0, and pairs, one
held.

In the silent cell a level without the readout bias is E r², not Var r; in the three that follow it,
one without the filter's bias, or with an untilted one, is wrong as well.
"""


def _random_filter(rng: np.random.Generator) -> list[Fraction]:
    return [Fraction(int(x), 97) for x in rng.integers(-97, 98, 4)]


def _same_level(law: EndingLaw, name: str, filters: list[list[Fraction]]) -> bool:
    n, size = 3, SMALL.half_length(3)
    sigma = oracle.RATIONAL[name]
    view = windows(pulse(SMALL.r, size), n).windows
    rows = [[*map(Fraction, row), Fraction(1)] for row in view]
    pre = [[_dot(row, v) for row in rows] for v in filters]
    bent = name != "identity"
    pattern = np.array([[(x > 0) - (x < 0) if bent else 1 for x in each] for each in pre], np.int8)
    claimed = level(SMALL, n, name, pattern, law)

    target = [Fraction(float(x)) for x in SMALL.r]
    signals = [oracle.overlap_pulse(r, size) for r in target]

    def answer(v: Sequence[Fraction]) -> list[Fraction]:
        w, b = list(v[:-1]), v[-1]
        return [oracle.pooled(w, b, sigma, x) + len(x) * sigma(b) for x in signals]

    columns = [[Fraction(1)] * len(target)]
    for v, values in zip(filters, pre, strict=True):
        here = answer(v)
        held = [row for row, x in zip(rows, values, strict=True) if bent and x == 0]
        # No unit direction moves a pre-activation by more than its number of entries: no sign
        # changes.
        step = min((abs(x) for x in values if x), default=Fraction(1)) / (2 * len(v))
        for direction in _within(held, len(v)):
            moved = answer([x + step * y for x, y in zip(v, direction, strict=True)])
            columns.append([(y - x) / step for x, y in zip(here, moved, strict=True)])
    return claimed == _residual(columns, target)


def _within(held: list[list[Fraction]], width: int) -> list[list[Fraction]]:
    """Vectors with entries of size at most 1 that span the complement of the held rows."""
    basis: list[list[Fraction]] = []
    for row in held:
        remainder = _reduced(basis, row)
        if any(remainder):
            basis.append(remainder)
    within: list[list[Fraction]] = []
    for i in range(width):
        remainder = _reduced([*basis, *within], [Fraction(int(i == j)) for j in range(width)])
        if any(remainder):
            largest = max(map(abs, remainder))
            within.append([x / largest for x in remainder])
    return within


def _reduced(basis: Sequence[list[Fraction]], vector: list[Fraction]) -> list[Fraction]:
    """The vector without its parts along an orthogonal basis."""
    for each in basis:
        share = _dot(vector, each) / _dot(each, each)
        vector = [x - share * y for x, y in zip(vector, each, strict=True)]
    return vector


def _residual(columns: list[list[Fraction]], target: list[Fraction]) -> Fraction:
    """The least mean square of target - span(columns), by exact Gram-Schmidt."""
    basis: list[list[Fraction]] = []
    for each in columns:
        remainder = _reduced(basis, each)
        if any(remainder):
            basis.append(remainder)
    remainder = _reduced(basis, target)
    return _dot(remainder, remainder) / len(target)


def _dot(x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def _endings(lab: Lab, setting: Setting, law: EndingLaw = LAW) -> tuple[Ending, ...]:
    """The endings of a setting's ensemble; the networks are looked at once for all laws."""
    ensemble = lab.ensemble(setting)
    return classify(ensemble, law, lab.once(("endings/look", setting), look, ensemble))


def train(law: EndingLaw, lab: Lab) -> Column:
    """Count the networks of the census that the theory does not explain: every
    seed is classified, up to the first setting with one that is not explained.
    """
    unexplained, worst, networks = 0, 0.0, 0
    kinds: Counter[str] = Counter()
    for setting in CENSUS:
        for ending in _endings(lab, setting, law):
            unexplained += not explained(setting, ending, law)
            worst = max(worst, ending.distance)
            kinds[ending.kind] += 1
            networks += 1
        if unexplained:  # one network refutes a law
            return column(unexplained, 0, f"unexplained networks of {networks}, then no more asked")
    certified, differ = map(sum, zip(*(_certificates(lab, s) for s in CENSUS), strict=True))
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind])
    detail = sentence(
        "endings",
        "train",
        networks=networks,
        census=len(CENSUS),
        counts=counts,
        worst=worst,
        agree=certified - differ,
        certified=certified,
    )
    return column(unexplained + differ, 0, detail)


CERTIFIED = 2
"""Networks of each kind and setting that get a certificate."""


def _certificates(lab: Lab, setting: Setting) -> tuple[int, int]:
    """(networks that were certified, those of them whose certificate does not fit their kind)."""
    return lab.once(("endings/certificates", setting), _certified, lab, setting)


def _certified(lab: Lab, setting: Setting) -> tuple[int, int]:
    weights = lab.ensemble(setting).weights
    counts: Counter[str] = Counter()
    differ = 0
    size = setting.pixels
    for j, ending in enumerate(_endings(lab, setting)):
        if counts[ending.kind] == CERTIFIED:
            continue
        counts[ending.kind] += 1
        net = weights[np.array([j])]
        bound = np.max(
            prediction_bound(net.w, net.b, net.a, net.c, setting.radii.r, size, setting.activation)
        )
        worst = agrees(setting, weights, j)
        # What tells them apart is itself computed, and off by the bound on rounding.
        small = worst is not None and worst <= 3 * Fraction(float(bound))
        differ += worst is None or small != (ending.kind == "exact")
    return counts.total(), differ


def figures(lab: Lab) -> tuple[Figure, ...]:
    """The final losses of one setting over all starts, with the predicted levels."""
    setting = Setting("relu", 1, 5)
    endings = _endings(lab, setting)
    levels = {"dead: Var r": float(dead_level(setting.radii))}
    levels["blind floor: Var m"] = float(blind_floor(Fraction(setting.cells)))
    drawing = draw.loss_histogram(
        np.array([ending.loss for ending in endings]), levels, [ending.kind for ending in endings]
    )
    caption = sentence("endings", "caption", endings=len(endings))
    return (draw.figure("endings-losses", "Where training ends", caption, drawing), _descents(lab))


def _descents(lab: Lab) -> Figure:
    """torch's own optimizers on the real modules and signals, from the first start
    of one ensemble.
    """
    setting = Setting("abs", 1, 5)
    start = initial(setting, 1, lab.seed)
    x, r = data(setting)
    losses = {}
    for name, steps, rate in (("SGD", 600, 1e-4), ("Adam", 600, 1.0), ("LBFGS", 20, 1.0)):
        net = load(setting, start)
        losses[name] = descend(net, x, r, steps, rate, OPTIMIZERS[name]).losses[:, 0]
    caption = sentence("endings", "descents")
    drawing = draw.curves(losses, {"constant answer: Var r": float(dead_level(setting.radii))})
    return draw.figure("endings-optimizers", "The same start, three optimizers", caption, drawing)


def sections(lab: Lab) -> tuple[Section, ...]:
    """The census of every setting, and a few single networks explained weight by weight."""
    rows = [_census_row(setting, _endings(lab, setting)) for setting in CENSUS]
    census = render("census.html", kinds=KINDS, rows=rows, networks=lab.profile.networks)
    return (
        *_explained(lab),
        Section("endings-census", "The census: where every network ended", census),
        Section("endings-levels", "The levels of those that are not exact", _levels(lab)),
        Section("endings-torch", "A few networks by torch's own LBFGS", _by_torch(lab)),
    )


STARTS = 3
"""Starts per activation that LBFGS gets."""


def _by_torch(lab: Lab) -> str:
    """The first starts of the single-channel ensembles, trained by torch.optim.LBFGS and by the
    ensemble.
    """
    rows = []
    for name in ROWS:
        setting = Setting(name, 1, 5)
        endings = _endings(lab, setting)
        start = initial(setting, STARTS, lab.seed)
        x, r = data(setting)
        nets = [load(setting, start, j) for j in range(STARTS)]
        for net in nets:
            settle(net, x, r, 50)
        weights = weights_of(nets)
        bound = prediction_bound(
            weights.w, weights.b, weights.a, weights.c, setting.radii.r, x.shape[1], name
        )
        for j, net in enumerate(nets):
            with torch.inference_mode():
                error = (net(x) - r).numpy()
            rows.append(
                {
                    "activation": name,
                    "start": j,
                    "loss": float(np.mean(error**2)),
                    "gradient": gradient_length(net, x, r),
                    "end": _named(error, float(np.max(bound[j])), float(dead_level(setting.radii))),
                    "other": endings[j].kind if j < len(endings) else "not trained",
                }
            )
    return render("by_torch.html", rows=rows)


def _named(error: np.ndarray, bound: float, dead: float) -> str:
    """What the loss alone tells: rounding, the level of a constant answer, or neither."""
    if np.max(np.abs(error)) <= bound:
        return "exact on the sample"
    loss = float(np.mean(error**2))
    return "dead" if abs(loss - dead) <= 2 * np.sqrt(dead) * bound + bound**2 else "not at its end"


def _explained(lab: Lab) -> list[Section]:
    """One network that succeeded in a threshold cell, and one that failed, where there are such."""
    setting = Setting("relu", 1, 5)
    ensemble, endings = lab.ensemble(setting), _endings(lab, setting)
    wanted = (
        ("exact", "One trained network, explained to the last digit", "threshold"),
        ("blind", "One network that did not become exact, and why", ""),
    )
    sections = []
    for kind, title, cell in wanted:
        chosen = [j for j, e in enumerate(endings) if e.kind == kind and cell in ("", e.cell)]
        chosen = chosen or [j for j, e in enumerate(endings) if e.kind == kind]
        if chosen:
            name = f"endings-{kind}"
            html = section(ensemble, endings[chosen[0]], chosen[0], name)
            sections.append(Section(name, title, html, first=True))
    return sections


def _levels(lab: Lab) -> str:
    """Every network that is neither exact nor interpolating, grouped by setting, kind and level."""
    groups: dict[tuple[Setting, str, Fraction], list[tuple[Ending, int]]] = {}
    for setting in CENSUS:
        for j, ending in enumerate(_endings(lab, setting)):
            if ending.kind not in ("exact", "interpolating"):
                group = groups.setdefault((setting, ending.kind, ending.level), [])
                group.append((ending, j))
    rows = []
    for (setting, kind, predicted), members in groups.items():
        ensemble = lab.ensemble(setting)
        margins = [_margin(ensemble, j) for _, j in members]
        known = [margin for margin in margins if margin is not None]
        rows.append(
            {
                "setting": setting,
                "kind": kind,
                "level": predicted,
                "networks": len(members),
                "loss": max(ending.loss for ending, _ in members),
                "held": max(len(ensemble.held[j]) for _, j in members),
                "margin": min(known) if known else None,
                "gradient": max(ending.gradient for ending, _ in members),
            }
        )
    order = sorted(rows, key=lambda row: (KINDS.index(str(row["kind"])), str(row["setting"])))
    return render("levels.html", rows=order)


def _margin(ensemble: Ensemble, j: int) -> float | None:
    """The largest t with |λ_s| <= γ_s - t over the admissible multipliers, in units of the largest
    γ.

    Dependent faces leave λ free; a linear programme per channel chooses.  None: no held kink bends
    the loss, or some bend it downwards (γ < 0), where multipliers do not decide.
    """
    extended = task(ensemble.setting).view.rows
    table, faces = ensemble.multipliers[j], ensemble.held[j]
    if not np.any(table[:, 1]) or np.any(table[:, 1] < 0):
        return None
    margins = []
    for k in range(ensemble.setting.channels):
        own = [i for i, (channel, _) in enumerate(faces) if channel == k and table[i, 1] > 0]
        if own:
            unit = float(np.max(table[own, 1]))
            multiplier, gamma = table[own].T / unit
            normals = extended[[faces[i][1] for i in own]]
            # Unknowns: the multipliers and t; maximise t.
            ones = np.ones((len(own), 1))
            eye = np.eye(len(own))
            answer = linprog(
                np.append(np.zeros(len(own)), -1.0),
                A_ub=np.block([[eye, ones], [-eye, ones]]),
                b_ub=np.append(gamma, gamma),
                A_eq=np.hstack([normals.T, np.zeros((normals.shape[1], 1))]),
                b_eq=normals.T @ multiplier,
                bounds=(None, None),
            )
            margins.append(float(answer.x[-1]) if answer.x is not None else float("nan"))
    return min(margins)


def _census_row(setting: Setting, endings: Sequence[Ending]) -> dict[str, object]:
    total = len(endings)
    count = Counter(ending.kind for ending in endings)
    cells = Counter(ending.cell for ending in endings if ending.cell)
    return {
        "activation": setting.activation,
        "channels": setting.channels,
        "taps": setting.taps,
        "counts": {kind: (count[kind], wilson(count[kind], total)) for kind in KINDS},
        "cells": dict(cells.most_common()),
        "unexplained": sum(not ending.explained for ending in endings),
    }


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "pre-activations from the double sum, and its derivatives",
            ("theory.pulse.network.preactivations",),
        ),
        check=Judge(
            "differences of answers simulated by loops, fitted by Gram-Schmidt in fractions",
            ("numerics.arithmetic.oracle", f"{__name__}._within", f"{__name__}._residual"),
            (f"{__name__}._dot",),
        ),
        training=Judge(
            "losses of trained torch modules, signs and stationarity found again, and the "
            "certificate checker",
            (
                "verify.models.networks",
                "verify.optimise.ensemble",
                "verify.optimise.stationary",
                "numerics.certificates.checker",
            ),
        ),
    ),
    needs=lambda profile: CENSUS,
    figures=figures,
    sections=sections,
)
"""What the claim rests on."""
