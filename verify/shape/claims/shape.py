"""The shape of the activation: derived networks in enclosures, and what random starts reach with
every row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import sympy as sp
import torch
from flint import arb, arb_mat, ctx

from numerics.arithmetic.ball import constant_ball
from numerics.arithmetic.rounding import prediction_bound
from numerics.arithmetic.walk import expression_of
from numerics.pulse.error_enclosure import PRECISIONS, Certified, largest_error
from numerics.pulse.error_enclosure import responses as enclosed_responses
from numerics.pulse.sample import pulse
from theory.expressions.activation import ACTIVATIONS
from theory.expressions.pieces import Piece, pieces, z
from theory.shape.classify import Classification
from theory.shape.recipes import Recipe, readout_bias
from theory.shape.shape import LAW, PROBES, Probe, ShapeLaw
from verify.models.networks import load
from verify.models.problem import Ensemble, NetworkBatch, Setting
from verify.optimise.refine import Refined
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.lab import Lab, Profile
from verify.report.page import Figure, Section
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.shape import atlas
from verify.shape.attempts import (
    KINDS,
    TAPS,
    TRIED,
    Look,
    Reached,
    by_torch,
    certify,
    counts,
    look,
    near,
    refined,
    settings,
)
from verify.shape.rates.words import in_words

__all__ = [
    "EVIDENCE",
    "check",
    "figures",
    "forecast",
    "identical",
    "in_torch",
    "needs",
    "reached",
    "sections",
    "train",
]


def needs(profile: Profile) -> tuple[Setting, ...]:
    """Every activation with 1 and 2 channels, polynomials with 3 as well."""
    return tuple(
        setting
        for name in ACTIVATIONS
        for channels in counts(name)
        for setting in settings(name, channels, profile)
    )


# ------------------------------------------------------------------------------------------ check

TINY = Fraction(1, 10**40)
"""What every enclosure of a derived network's error stays below; its 256 bits leave about 1e-70."""


def check(law: ShapeLaw, lab: Lab) -> Column:
    """Look for a row whose derived network errs somewhere, or whose excluded networks may be exact.

    A derived network is simulated directly, on random and on simple plateau radii and several
    lengths; where its staircases see polynomials only, its answer is also expanded as a polynomial
    in φ and compared with r. Where fewer channels, or any number, are said to be impossible, random
    dyadic filters are shown to admit no readout at all that is right at K + 2 radii.  The same for
    the probes; besides, their known networks are enclosed, and must not be said to be impossible.
    The first disagreement ends the search.
    """
    tally: Counter[str] = Counter()
    for name, sigma in _functions():
        shape = law(expression_of(sigma))
        # Laws that say the same of a function share the search: most of the wrong ones do.
        key = ("shape/searched", name, shape)
        wrong, asked = lab.once(key, _searched, name, sigma, shape, lab)
        if wrong is not None:
            return column(1, 0, f"disagreement: {wrong}")
        tally += asked
    detail = sentence(
        "shape",
        "check",
        activations=len(ACTIVATIONS),
        probes=len(PROBES),
        tally_identities=tally["identities"],
        tally_filters=tally["filters"],
    )
    return column(0, 0, detail)


def _searched(
    name: str, sigma: str | sp.Expr, shape: Classification, lab: Lab
) -> tuple[str | None, Counter[str]]:
    """What contradicts the law of one function, in words, and what was asked."""
    rng, asked = lab.rng(("shape", name)), Counter[str]()
    return _disagreement(name, sigma, shape, lab, rng, asked), asked


def _disagreement(
    name: str,
    sigma: str | sp.Expr,
    shape: Classification,
    lab: Lab,
    rng: np.random.Generator,
    tally: Counter[str],
) -> str | None:
    """The search itself; what is asked is counted."""
    if shape.kind == "undecided" and isinstance(sigma, str):
        return f"{name} is undecided"
    if name in PROBES and not _allowed(PROBES[name], shape, lab, rng):
        return f"the known network of {name}"
    if shape.recipe is not None:
        by_identity = identical(sigma, shape.recipe)
        tally["identities"] += by_identity is True
        right = by_identity is not False and _enclosed(sigma, shape.recipe, lab, rng)
        if not right or shape.recipe.channels != shape.channels:
            return f"the derived network of {name}"
    for channels in _excluded(shape):
        for k in range(max(4, lab.profile.draws // 8)):
            tally["filters"] += 1
            if not _no_readout(sigma, _filters(channels, k, rng), rng):
                return f"{name} with {channels}"
    return None


def _functions() -> Iterator[tuple[str, str | sp.Expr]]:
    """Name and σ of every probe (by its expression) and every row (by its name)."""
    yield from ((name, probe.expression) for name, probe in PROBES.items())
    yield from ((name, name) for name in ACTIVATIONS)


def _allowed(probe: Probe, shape: Classification, lab: Lab, rng: np.random.Generator) -> bool:
    """The known network is exact, in enclosures, and the law excludes none of its size."""
    if probe.network is None:
        return True
    exact = _enclosed(probe.expression, probe.network, lab, rng)
    return exact and probe.network.channels not in _excluded(shape)


def _excluded(shape: Classification) -> tuple[int, ...]:
    """The numbers of channels, up to 3, that are said never to be exact."""
    if shape.kind == "impossible":
        return (1, 2, 3)
    if shape.channels is None or not shape.minimal:
        return ()
    return tuple(range(1, min(shape.channels, 4)))


def _enclosed(sigma: str | sp.Expr, recipe: Recipe, lab: Lab, rng: np.random.Generator) -> bool:
    """Every enclosure of the error holds 0 and is tiny, for several lengths of the signal."""
    net = replace(recipe, sigma=sigma)
    n = net.taps
    simple = [Fraction(n, 2) + Fraction(t, q) for q in (1, 2, 3, 4, 5, 7) for t in range(q)]
    for extra in (0, 1, 5):
        drawn = [
            Fraction(n, 2) + Fraction(int(rng.integers(0, 4 * q)), q)
            for q in map(int, rng.integers(2, 10**4, max(4, lab.profile.draws // 8)))
        ]
        error, holds = largest_error(net, simple + drawn, n // 2 + 4 + n // 2 + extra)
        if not (holds and error < TINY):
            return False
    return True


@cache
def identical(sigma: str | sp.Expr, recipe: Recipe) -> bool | None:
    """Whether r̂(φ) - r is 0 as a polynomial in φ, on every plateau cell; None where σ is none
    there.

    Every window is affine in φ within a cell.  The error is expanded exactly on the first two
    cells, with c left open; a further cell adds two more positions on the plateau, as the second
    did.
    """
    parts = pieces(expression_of(sigma)).parts
    phi = sp.Symbol("varphi", real=True)
    n = recipe.taps
    h = n // 2
    errors = []
    for m in (h + 1, h + 2):
        total = -(m - sp.Rational(1, 2) + phi)
        for w, b, a in recipe.listed:
            for i in range(-m - h, m + h + 1):
                lit = [abs(i + u) for u in range(-h, h + 1)]
                p, q = (
                    b + sp.Add(*(tap for tap, x in zip(w, lit, strict=True) if x < m + end))
                    for end in (0, 1)
                )
                formula = _polynomial_between(parts, p, q)
                if formula is None:
                    return None
                total += a * formula.xreplace({z: p + phi * (q - p)})
        errors.append(total)
    # One more cell lengthens the part of the signal that is seen by two positions, which were
    # background.
    first, second = errors
    more = sp.Integer(0)
    for _, b, a in recipe.listed:
        background = _polynomial_between(parts, b, b)
        if background is None:
            return None
        more += 2 * a * background.xreplace({z: b})
    parts_of_zero = (sp.diff(first, phi), second - more - first)
    return all(sp.Poly(part, phi, extension=True).is_zero for part in parts_of_zero)


def _polynomial_between(parts: tuple[Piece, ...], p: sp.Expr, q: sp.Expr) -> sp.Expr | None:
    """The polynomial that σ is on the whole way from p to q, ends included; a jump may sit where
    pieces meet.
    """
    for part in parts:
        if all(_below(part.low, x) and _below(x, part.high) for x in (p, q)):
            return part.expression if part.expression.is_polynomial(z) else None
    return None


def _below(x: sp.Expr, y: sp.Expr) -> bool:
    """x < y is shown by enclosures."""
    if x == -sp.oo or y == sp.oo:
        return True
    with ctx.workprec(128):
        return bool(constant_ball(x) < constant_ball(y))


def _filters(
    channels: int, k: int, rng: np.random.Generator
) -> tuple[tuple[tuple[Fraction, ...], Fraction], ...]:
    """Dyadic (w, b): of every size, some of one sign throughout, some with S + 2b = 0."""
    size = Fraction(2) ** (k // 3 % 4 - 1)
    filters = []
    for _ in range(channels):
        w = [Fraction(int(x), 1024) * size for x in rng.integers(-1023, 1024, TAPS) | 1]
        b = Fraction(int(rng.integers(-1023, 1024)), 1024) * size
        if k % 3 == 1:
            w, b = [abs(x) for x in w], abs(b)
        elif k % 3 == 2:
            b = -sum(w, Fraction(0)) / 2
        filters.append((tuple(w), b))
    return tuple(filters)


MORE = (1024, 2048, 4096)
"""erf saturates like exp(-z²): at z = 16 it is 1 but for 2^-370, and a determinant multiplies K
such numbers.
"""


def _no_readout(
    sigma: str | sp.Expr,
    filters: tuple[tuple[tuple[Fraction, ...], Fraction], ...],
    rng: np.random.Generator,
) -> bool:
    """No (a, c) makes Σ_k a_k F_k(r) + c = r at K + 2 radii: det (F_1 .. F_K, 1, r) is proved
    nonzero.
    """
    size = len(filters) + 2
    for bits in (*PRECISIONS, *MORE):
        steps = rng.choice(4 * 32, size, replace=False)
        radii = [Fraction(TAPS, 2) + Fraction(int(t), 32) for t in steps]
        with ctx.workprec(bits):
            columns = [
                enclosed_responses(sigma, w, b, radii, TAPS // 2 + 5 + TAPS // 2)
                for w, b in filters
            ]
            rows = [
                [*(column[i] for column in columns), arb(1), constant_ball(radii[i])]
                for i in range(size)
            ]
            determinant = arb_mat(rows).det()
            if determinant.is_finite() and not determinant.contains(0):
                return True
    return False


# --------------------------------------------------------------------------------------- training

STARTS = 2
"""Starts around a derived network."""
BY_TORCH = 2
"""Networks per activation that torch.optim trains."""


def forecast(shape: Classification, channels: int) -> str:
    """What the law says of K channels: ``exact``, ``never`` or ``open``."""
    if shape.recipe is not None and shape.channels is not None and channels >= shape.channels:
        return "exact"
    if shape.kind == "impossible" or (shape.channels is not None and shape.minimal):
        return "never"
    return "open"


def reached(law: ShapeLaw, lab: Lab) -> Iterator[Reached]:
    """One entry per activation and number of channels."""
    for name, row in ACTIVATIONS.items():
        for channels in counts(name):
            yield _reached(name, channels, law(row.expression), lab)


def _reached(name: str, channels: int, shape: Classification, lab: Lab) -> Reached:
    said = forecast(shape, channels)
    ensembles = [lab.ensemble(setting) for setting in settings(name, channels, lab.profile)]
    kinds = Counter(kind for e in ensembles for kind in _look(lab, e).kinds)
    networks = sum(len(e.c) for e in ensembles)
    plain = [e for e in ensembles if e.setting.per_cell == 16 and e.setting.spread == 1]
    losses = np.concatenate([e.loss for e in plain])
    certified, smallest, around = 0, 0.0, 0
    # Where no network may be exact, all that look exact are asked, elsewhere the best few of each
    # batch.
    most = networks if said == "never" else TRIED
    exact = any(
        lab.once(("shape/refined", e.setting, most), refined, e, _look(lab, e), most) is not None
        for e in ensembles
    )
    violations = 0
    if said == "never" and exact:
        violations = 1
    elif said == "never":
        bounds = [c.bound for e in ensembles for c in _certificates(lab, e) if c.decided]
        certified = len(bounds)
        smallest = float(min(bounds, default=Fraction(0)))
        violations = networks - certified
    elif said == "exact" and not exact:
        assert shape.recipe is not None, "an exact forecast comes with a network"
        ends = _near(lab, plain[0].setting, shape.recipe)
        around = sum(end is not None for end in ends)
        violations = int(around == 0)
    if shape.kind == "undecided":  # the claim is that every row is decided
        violations = 1
    return Reached(
        name, channels, said, networks, float(losses.min()), float(np.median(losses)),
        tuple(kinds[kind] for kind in KINDS), certified, smallest, exact, around, violations,
    )  # fmt: skip


def _look(lab: Lab, ensemble: Ensemble) -> Look:
    setting = ensemble.setting
    return lab.once(("shape/look", setting), look, setting, ensemble.weights)


def _certificates(lab: Lab, ensemble: Ensemble) -> tuple[Certified, ...]:
    setting = ensemble.setting
    return lab.once(
        ("shape/certificates", setting), certify, setting, ensemble.weights, _look(lab, ensemble)
    )


def _near(
    lab: Lab, setting: Setting, recipe: Recipe, sigma: sp.Expr | None = None
) -> tuple[Refined | None, ...]:
    """From the same starts, but for the derived network that they lie around, for right and wrong
    laws.
    """
    rng = lab.rng(("shape/near", setting, sigma))
    return lab.once(
        ("shape/near", setting, recipe, sigma), near, setting, recipe, STARTS, rng, sigma
    )


def train(law: ShapeLaw, lab: Lab) -> Column:
    """Look for what contradicts the law: an exact network where none can be, or none where one must
    be.

    Exact: the continued training with 256 bits ends below 1e-40 at radii that it never saw.  Never:
        every
    network, however well it meets its samples, is proved to err between them.  The first
    contradiction ends the search.
    """
    off = []
    for name, row in ACTIVATIONS.items():
        ratio = in_torch(name, law(row.expression))
        if ratio is not None and not ratio <= 1:
            return column(1, 0, f"contradiction: the derived network of {name}, loaded into torch")
        off += [] if ratio is None else [ratio]
    for name, probe in PROBES.items():
        if _denied(probe, law, lab):
            return column(1, 0, f"contradiction: what trains around the known network of {name}")
    outcomes = []
    for outcome in reached(law, lab):
        if outcome.violations:
            contradicted = f"{outcome.name} with K = {outcome.channels}"
            return column(outcome.violations, 0, f"contradictions: {contradicted}")
        outcomes.append(outcome)
    never = [x for x in outcomes if x.forecast == "never"]
    possible = [x for x in outcomes if x.forecast == "exact"]
    torch_wrong, torch_networks = _by_torch(law, lab)
    detail = sentence(
        "shape",
        "train",
        probes=len(PROBES),
        off=len(off),
        most_off=max(off, default=0.0),
        possible=len(possible),
        refined=sum(x.refined for x in possible),
        never=len(never),
        networks=sum(x.networks for x in never),
        smallest=min((x.smallest for x in never), default=0.0),
        interpolating=sum(x.kind("interpolating") for x in never),
        torch_networks=torch_networks,
    )
    return column(torch_wrong, 0, detail)


def _denied(probe: Probe, law: ShapeLaw, lab: Lab) -> bool:
    """Training from starts around the known network ends exact though it cannot, or never exact.

    With 256 bits only: no module of torch computes the probe.
    """
    if probe.network is None or not probe.reachable:
        return False
    said = forecast(law(probe.expression), probe.network.channels)
    setting = Setting("", probe.network.channels, TAPS, first=3, cells=3)
    ends = _near(lab, setting, probe.network, probe.expression)
    return said == "never" or all(end is None for end in ends)


IRRATIONAL = (np.sqrt(5) - 1) / 2
"""Multiples of it fill an interval evenly and are no sampled radii."""


@cache
def in_torch(name: str, shape: Classification) -> float | None:
    """The largest |r̂ - r| of the derived network as torch runs it, in units of its bound; None
    without one.

    Twice the bound of one evaluation: to write an exact weight as a float is one more rounding of
    every product.
    """
    if shape.recipe is None:
        return None
    recipe, n = shape.recipe, shape.recipe.taps
    steps = np.arange(1, 201)
    r = n / 2 + np.concatenate([4 * (steps * IRRATIONAL % 1), np.arange(4)])
    half_length = int(np.ceil(r.max())) + n // 2
    c = readout_bias(ACTIVATIONS[name].expression, recipe, 2 * half_length + 1)
    w, b, a = (
        np.array(sp.Matrix(part).evalf(30), dtype=float)
        for part in (recipe.w, [recipe.b], [recipe.a])
    )
    weights = NetworkBatch(w[None], b, a, np.array([float(c.evalf(30))]))
    with torch.inference_mode():
        net = load(Setting(name, recipe.channels, n), weights, 0)
        answers = net(torch.tensor(pulse(r, half_length))).numpy()
    size = 2 * half_length + 1
    bound = prediction_bound(weights.w, weights.b, weights.a, weights.c, r, size, name)[0]
    return float(np.max(np.abs(answers - r) / (2 * bound)))


def _by_torch(law: ShapeLaw, lab: Lab) -> tuple[int, int]:
    """(networks that are not proved to err, networks) of those that torch trains where none can be
    exact.
    """
    wrong = total = 0
    for name, row in ACTIVATIONS.items():
        channels = 2 if forecast(law(row.expression), 2) == "never" else 1
        if forecast(law(row.expression), channels) == "never":
            setting = settings(name, channels, lab.profile)[1]
            certified = lab.once(("shape/by torch", setting), _torch_certificates, lab, setting)
            wrong += sum(not x.decided for x in certified)
            total += len(certified)
    return wrong, total


def _torch_certificates(lab: Lab, setting: Setting) -> tuple[Certified, ...]:
    weights = by_torch(setting, BY_TORCH, lab.seed)
    return certify(setting, weights, look(setting, weights))


def figures(lab: Lab) -> tuple[Figure, ...]:
    """All activations side by side, with their class."""
    return (atlas.picture(),)


def sections(lab: Lab) -> tuple[Section, ...]:
    """The atlas: what every activation permits, and what training made of it."""
    rates = {name: in_words(name) for name in ACTIVATIONS}
    return atlas.sections(tuple(reached(LAW, lab)), STARTS, rates)


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the stated network on the pieces of σ, by the kernels of kinks; the premises "
            "of an obstruction, by sympy's limits too",
            ("theory.shape.shape._limits",),
        ),
        check=Judge(
            "errors enclosed in balls by loops over positions, polynomials in φ expanded, "
            "and determinants in balls",
            (
                "numerics.pulse.error_enclosure.largest_error",
                "numerics.pulse.error_enclosure.responses",
                f"{__name__}.identical",
                f"{__name__}._no_readout",
            ),
        ),
        training=Judge(
            "derived networks in torch; trained networks refined to exact ones, or enclosed"
            " away from r",
            ("verify.shape.attempts", "verify.models.networks", "verify.optimise.ensemble"),
            ("numerics.pulse.error_enclosure.Certified.decided",),
        ),
    ),
    needs=needs,
    figures=figures,
    sections=sections,
)
"""What the claim rests on."""
