"""The endings: every trained network's loss against the level that its signs predict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from numerics import oracle
from numerics.levels import dead_level, level
from numerics.sample import Radii, pulse, windows
from theory.endings import EndingLaw, blind_floor
from verify import figures as draw
from verify.classify import KINDS, Ending, classify, wilson
from verify.ensemble import Setting
from verify.explain import explain, render
from verify.figures import Figure
from verify.lab import Lab, Profile
from verify.report import Section
from verify.settings import CENSUS
from verify.verdict import Column, column

__all__ = ["NEEDS", "check", "figures", "sections", "train"]

SMALL = Radii(first=2, cells=3, per_cell=4)
ROWS = ("relu", "leaky_relu", "abs", "identity")


def NEEDS(profile: Profile) -> tuple[Setting, ...]:
    """The whole census."""
    return CENSUS


def check(law: EndingLaw, lab: Lab) -> Column:
    """Random rational networks: the level from signs alone against a least-squares fit of simulations.

    Inside a cell r̂ is affine in the effective weights, so its columns are exact differences of two direct
    simulations; the fit is made by exact orthogonalisation.  Neither uses the law's rows.
    """
    rng = lab.rng("endings")
    draws = max(lab.profile.draws // 4, len(ROWS))
    wrong = sum(not _same_level(law, ROWS[k % len(ROWS)], rng) for k in range(draws))
    for cells in range(1, 9):
        m = [Fraction(value) for value in range(1, cells + 1)]
        mean = sum(m) / cells
        wrong += law.blind_floor(Fraction(cells)) != sum((x - mean) ** 2 for x in m) / cells
    detail = (
        f"levels, of {draws} random cells in exact rationals, that differ from a least-squares fit of "
        "direct simulations, and blind floors, of 8, that are not Var m"
    )
    return column(wrong, 0, detail)


def _same_level(law: EndingLaw, name: str, rng: np.random.Generator) -> bool:
    n, size = 3, SMALL.half_length(3)
    sigma = oracle.RATIONAL[name]
    seen = windows(pulse(SMALL.r, size), n).windows
    exact_windows = [[Fraction(x) for x in row] for row in seen]
    v: list[Fraction] = []
    while True:
        v = [Fraction(int(x), 97) for x in rng.integers(-97, 98, n + 1)]
        pre = [
            sum((x * y for x, y in zip(row, v[:-1], strict=True)), v[-1]) for row in exact_windows
        ]
        if all(pre):
            break
    signs = np.array([[1 if x > 0 else -1 for x in pre]], dtype=np.int8)
    pattern = np.ones_like(signs) if name == "identity" else signs
    stated = level(SMALL, n, name, pattern, law)

    step = min(abs(x) for x in pre) / 2
    target = [Fraction(float(x)) for x in SMALL.r]
    signals = [oracle.overlap_pulse(r, size) for r in target]

    def answer(values: Sequence[Fraction]) -> list[Fraction]:
        w, b = list(values[:-1]), values[-1]
        return [oracle.pooled(w, b, sigma, x) + len(x) * sigma(b) for x in signals]

    here = answer(v)
    columns = [[Fraction(1)] * len(target)]
    for j in range(n + 1):
        moved = answer([x + step * (i == j) for i, x in enumerate(v)])
        columns.append([(y - x) / step for x, y in zip(here, moved, strict=True)])
    return stated == _residual(columns, target)


def _residual(columns: list[list[Fraction]], target: list[Fraction]) -> Fraction:
    """The least mean square of target - span(columns), by exact Gram-Schmidt."""
    basis: list[list[Fraction]] = []

    def reduced(vector: list[Fraction]) -> list[Fraction]:
        for each in basis:
            share = _dot(vector, each) / _dot(each, each)
            vector = [x - share * y for x, y in zip(vector, each, strict=True)]
        return vector

    for each in columns:
        rest = reduced(each)
        if any(rest):
            basis.append(rest)
    rest = reduced(target)
    return _dot(rest, rest) / len(target)


def _dot(x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def train(law: EndingLaw, lab: Lab) -> Column:
    """Count the networks of the census that the theory does not explain: every seed is classified."""
    unexplained, worst, networks = 0, 0.0, 0
    kinds: Counter[str] = Counter()
    for setting in CENSUS:
        floor = float(law.blind_floor(Fraction(setting.cells)))
        for ending in classify(lab.ensemble(setting), law):
            below = ending.kind == "blind" and ending.loss < floor - ending.tolerance
            unexplained += not ending.explained or below
            worst = max(worst, ending.distance)
            kinds[ending.kind] += 1
            networks += 1
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind])
    detail = (
        f"unexplained networks of {networks} in {len(CENSUS)} settings ({counts}); largest distance of a "
        f"torch loss from its predicted level is {worst:.2g} of the rounding bound"
    )
    return column(unexplained, 0, detail)


def figures(lab: Lab) -> tuple[Figure, ...]:
    """The final losses of one setting over all starts, with the predicted levels."""
    setting = Setting("relu", 1, 5)
    endings = classify(lab.ensemble(setting))
    levels = {"dead: Var r": float(dead_level(setting.radii))}
    levels["blind floor: Var m"] = float(blind_floor(Fraction(setting.cells)))
    drawing = draw.loss_histogram(
        np.array([ending.loss for ending in endings]), levels, [ending.kind for ending in endings]
    )
    caption = (
        f"Final losses of {len(endings)} networks with one ReLU channel and five taps, from random "
        "starts, and two predicted levels. Exact networks end at the rounding of their answers, not at 0."
    )
    return (draw.figure("endings-losses", "Where training ends", caption, drawing),)


def sections(lab: Lab) -> tuple[Section, ...]:
    """The census of every setting, and a few single networks explained weight by weight."""
    rows = [_census_row(setting, classify(lab.ensemble(setting))) for setting in CENSUS]
    census = render("census.html", kinds=KINDS, rows=rows, networks=lab.profile.networks)
    return (
        *_explained(lab),
        Section("endings-census", "The census: where every network ended", census),
    )


def _explained(lab: Lab) -> list[Section]:
    """One network that succeeded in a threshold cell, and one that failed, where there are such."""
    ensemble = lab.ensemble(Setting("relu", 1, 5))
    endings = classify(ensemble)
    wanted = (
        ("exact", "One trained network, explained to the last digit", "threshold"),
        ("blind", "One network that failed, explained as well", ""),
    )
    found = []
    for kind, title, cell in wanted:
        chosen = [j for j, e in enumerate(endings) if e.kind == kind and cell in ("", e.cell)]
        chosen = chosen or [j for j, e in enumerate(endings) if e.kind == kind]
        if chosen:
            name = f"endings-{kind}"
            found.append(Section(name, title, explain(ensemble, endings[chosen[0]], chosen[0], name)))
    return found


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
