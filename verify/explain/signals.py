"""A network for signals explained: every weight, the laws, the loss, the worst error, the nearest
exact network.

:func:`explain` measures and judges; docs/network.md describes what it finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import inf, isfinite

import numpy as np
from flint import fmpq

from numerics.arithmetic.decimals import rounded_up
from numerics.arithmetic.numbers import fraction, rational
from numerics.arithmetic.piecewise import exact_activation
from numerics.certificates.conditions import Pattern, Stored, exact_of, holds
from numerics.certificates.nearest import (
    Nearest,
    distance_bound,
    kept_nearest,
    nearest,
    refined_nearest,
)
from numerics.certificates.patterns import branches_of, snapped_pattern
from numerics.certificates.reduction import apart, reduced
from numerics.certificates.roles import Role
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import Worst
from numerics.pulse.preactivations import lines
from numerics.pulse.sensitivity import Sensitivity
from theory.expressions.spelling import spelled
from theory.pulse.network import Network
from theory.pulse.symmetry import Channel
from theory.shape.classify import Classification, classify
from verify.explain.alternatives import signal_alternatives
from verify.explain.facts import Facts, facts_of, named
from verify.explain.roles import roles
from verify.explain.roundings import roundings
from verify.explain.text import next_step, share_in_words
from verify.explain.value import (
    Interval,
    Neighbour,
    Place,
    SignalError,
    SignalExplanation,
    SignalLoss,
    SignalWeight,
    graded,
    unfit,
)
from verify.models.checkpoint import Checkpoint
from verify.models.layers import ROLES
from verify.models.setup import Setup
from verify.report.render import DIGITS

__all__ = ["LARGEST", "SMALLEST", "WORK", "explain", "too_much"]

LARGEST = 1e30
"""Larger weights are refused, as their cubes would leave the range of float64."""
SMALLEST = 1e-100
"""Smaller ones, other than 0, are refused likewise."""
WORK = 3e7
"""K² n³ at most, about a minute."""
WAVES = 300
"""Pre-activations in front of a wave: there would be too many turns between two radii."""
FEW, ACCURATE = 20, Fraction(1, 1000)
"""Taps in all channels up to which Newton's steps are taken for any σ; for more, the network has to
err by this at most.
"""
FLAT = 1e-9
"""An answer that rises no more than this per pixel, or bends no more, is constant."""
ASSUMED = "the library's σ is off by at most 8u (1 + |z| + |σ(z)|), which is tested, not proved"
"""What the bound on rounding rests on where σ is not made of polynomials."""


def too_much(checkpoint: Checkpoint, setup: Setup) -> str:
    """Why this network is not explained at all, or an empty string."""
    channels, taps = checkpoint.w.shape
    if reason := unfit(checkpoint, setup, SMALLEST, LARGEST, WAVES):
        return reason
    if channels**2 * taps**3 > WORK:
        return f"{channels} channels of {taps} taps are too many: K² n³ may be {WORK:.0e}"
    return ""


def explain(
    checkpoint: Checkpoint, setup: Setup, tolerance: Fraction, file: str = ""
) -> SignalExplanation:
    """Explain a network; ``tolerance`` is in pixels, ``file`` its name.

    The caller has asked :func:`too_much`.

    Raises
    ------
    ValueError: σ has no enclosure at weights of this size.
    """
    stored = _stored(checkpoint, setup)
    shape = classify(spelled(setup.activation).expression)
    reduction = reduced(stored, setup.activation, setup.domain)
    least = reduction.net
    facts = facts_of(stored, least, setup)
    # Where all channels idle there is none that an exact network could be next to.
    live = any(place is not None for place in reduction.place)
    near = _neighbour(shape, least, facts, setup) if live else None
    exact = None if near is None else reduction.restored(stored, near.net)
    share = inf if near is None else apart(least, near.net)
    away = share if isfinite(share) else None
    # One that is exact itself is next to itself; of a smooth σ the worst error is only enclosed.
    itself = near is not None and not (near.error or near.high)
    failing = [] if itself else _failing(facts, setup.domain, tolerance)
    if away is None or away > tolerance:
        failing.append("distance")
    worst = fraction(facts.worst.high)
    needed = None if away is None else max(worst, Fraction(away))
    needed = Fraction(0) if itself else needed
    grade = graded(worst, needed, tolerance, exact=itself)
    alternatives = signal_alternatives(stored, setup, learned=checkpoint.learned) if failing else ()
    judged_by = None if failing else near
    pattern = _pattern(stored, setup, judged_by, exact)
    each = roles(stored, pattern, None if failing else exact, facts, setup)
    more = roundings(stored, checkpoint, setup)
    explanation = SignalExplanation(
        file=file,
        checkpoint=checkpoint,
        setup=setup,
        channels=stored.channels,
        taps=stored.taps,
        notes=(
            *checkpoint.notes,
            *(
                f"no bound on rounding in {' and '.join(k for k in more if more[k] == x)}: {x}"
                for x in dict.fromkeys(x for x in more.values() if isinstance(x, str))
            ),
        ),
        tolerance=float(tolerance),
        grade=grade,
        tolerance_needed=_inwards(None if needed is None else rational(needed), 1),
        verdict=checkpoint.supposing(
            _verdict(grade, shape, facts, failing, near, away, tolerance, setup)
        ),
        failing=tuple(failing),
        alternatives=alternatives,
        next_step="",
        residuals={
            "slope": float(facts.alpha),
            "offset": float(facts.beta),
            "subpixel": facts.deviation,
        },
        kind=shape.kind,
        cell=_cell(least, judged_by, facts, setup),
        loss=SignalLoss(
            float(facts.loss),
            {name: float(part) for name, part in facts.parts.items()},
            facts.loss if facts.exact else None,
            facts.parts if facts.exact else None,
        ),
        worst_error=_worst(facts.worst, stored, setup, more),
        weights=tuple(
            _weight(role, change, checkpoint.name(role.name), exact=facts.exact)
            for role, change in zip(each, facts.changes, strict=True)
        ),
        canonical=tuple(
            Channel(float(x.a), float(x.b), tuple(map(float, x.w))) for x in reduction.channels
        ),
        origins=reduction.origins(stored),
        nearest=_nearest(near, exact, least, facts, shape, setup, checkpoint),
        stored=stored,
        near=near,
        exact=exact,
    )
    return replace(explanation, next_step=next_step(explanation))


def _stored(checkpoint: Checkpoint, setup: Setup) -> Stored:
    """The weights in rational numbers."""
    floats = zip(ROLES, (checkpoint.w, checkpoint.b, checkpoint.a, checkpoint.c), strict=True)
    w, b, a, c = (x if x is None else checkpoint.rational.get(role, x) for role, x in floats)
    assert w is not None and a is not None
    rows, share = tuple(map(tuple, w.tolist())), setup.share(w.shape[1])
    biases, offset = None if b is None else tuple(b.tolist()), None if c is None else c.item()
    return Network(rows, biases, tuple(a.tolist()), offset, share).mapped(rational)


# ---------------------------------------------------------------------- the nearest exact network


def _neighbour(shape: Classification, least: Stored, facts: Facts, setup: Setup) -> Nearest | None:
    """The exact network that a live network is judged by: the nearest that was found, whatever the
    tolerance.

    What is exact by its structure settles it where that is no farther than the network errs.  Else
    what Newton's steps lead to, which need not be exact, and the same filters with another readout
    are looked at, too; what is not proved to be exact has to be less than half as far.
    """
    search = setup.activation, least, setup.domain
    worst = fraction(facts.worst.high)

    def distance(near: Nearest) -> float:
        return apart(least, near.net)

    near = nearest(*search)
    if near is not None and worst >= distance(near):
        return near
    # Of a smooth σ these steps are taken in balls: a second for a few weights, minutes for many.
    few = facts.exact or least.channels * least.taps <= FEW or worst <= ACCURATE
    refined = refined_nearest(*search) if few and shape.kind != "impossible" else None
    found = [x for x in (near, refined, kept_nearest(*search)) if x is not None]
    proved = min((x for x in found if not x.error), key=distance, default=None)
    best = min(found, key=distance, default=None)
    if best is None or proved is None:
        return best
    away = distance(proved)
    return best if away > 2 * distance(best) and worst < away else proved


def _pattern(
    stored: Stored, setup: Setup, near: Nearest | None, exact: Stored | None
) -> Pattern | None:
    """That of the nearest exact network, or the network's own put right; one that ``exact`` holds,
    if ``near`` has none.
    """
    own = None if near is None else nearest(setup.activation, stored, setup.domain)
    pattern = None if own is None else own.pattern
    if pattern is None:
        pattern = snapped_pattern(stored, setup.domain, branches_of(setup.activation))
    if near is None or near.pattern is not None or exact is None or pattern is None:
        return pattern
    return pattern if holds(pattern, exact) else None


def _cell(least: Stored, near: Nearest | None, facts: Facts, setup: Setup) -> str:
    """One word for the whole network; ``near`` is the exact one that explains it, if one does."""
    own = None if near is None else near.pattern
    if own is None:
        own = snapped_pattern(least, setup.domain, branches_of(setup.activation))
    if near is not None and (own is None or not holds(own, near.net)):
        return _unpatterned(setup)
    if own is None:
        return "curved"
    if near is None:
        flat = abs(float(facts.alpha) + 1) <= FLAT
        if flat and facts.deviation > FLAT:
            return "blind"
        if own.held and any(condition.residual(least) for condition in own.bends):
            return "crossed"
        if flat or all(kind in ("constant", "silent") for kind in own.kinds):
            return "dead"
    for kind in ("balanced", "paired", "copied", "threshold", "linear"):
        if kind in own.kinds:
            return kind
    return "dead"


def _unpatterned(setup: Setup) -> str:
    """Of an exact network that no pattern describes."""
    sigma = exact_activation(setup.activation)
    if sigma is None:
        return "curved"
    return "polynomial" if any(piece.degree() > 1 for piece in sigma.pieces) else "balanced"


def _nearest(
    near: Nearest | None,
    exact: Stored | None,
    least: Stored,
    facts: Facts,
    shape: Classification,
    setup: Setup,
    checkpoint: Checkpoint,
) -> Neighbour:
    anywhere = _anywhere(least, facts, setup)
    if near is None or exact is None:
        if shape.kind == "impossible":
            return Neighbour(False, None, None, None, None, None, shape.reason)
        reason = "no exact network was found next to this one"
        return Neighbour(None, None, None, anywhere, None, None, reason)
    away = apart(least, near.net)
    kinds = [_unpatterned(setup)] * least.channels if near.pattern is None else near.pattern.kinds
    return Neighbour(
        True if near.error == 0 else None,
        (near.low, near.high),
        away if isfinite(away) else None,
        anywhere,
        tuple(kinds),
        tuple(
            Place(checkpoint.name(name), index, float(value)) for name, index, value in named(exact)
        ),
        (
            ""
            if near.error == 0
            else (
                f"{_beside(near)} was found at a distance of {near.high:.3g}; that it is next to an"
                " exact one is not proved"
            )
        ),
    )


def _anywhere(least: Stored, facts: Facts, setup: Setup) -> float | None:
    """A lower bound of the distance to every exact network, for piecewise-linear σ."""
    net = exact_of(least, setup.activation)
    if net is None or not net.sigma.continuous or any(p.degree() > 1 for p in net.sigma.pieces):
        return None
    domain, radius = setup.domain, facts.worst.radius
    m = min(int((radius + fmpq(1, 2)).floor()), domain.half_length)
    phi = radius - m + fmpq(1, 2)
    pooled = [
        sum(
            (
                line.count * net.sigma(line.start + phi * line.slope + b)
                for line in lines(w, m, domain)
            ),
            fmpq(0),
        )
        / least.share
        for w, b, _ in net.listed
    ]
    steepest = max(abs(piece[1]) for piece in net.sigma.pieces)
    return distance_bound(least, domain, steepest, pooled, facts.worst.low, radius)


# ----------------------------------------------------------------------------------------- weights


def _weight(role: Role, change: Sensitivity, name: str, *, exact: bool) -> SignalWeight:
    idle = role.role in ("dead", "free")
    derived: float | Interval | None = None if role.derived is None else float(role.derived)
    interval = role.interval and (_inwards(role.interval[0], 1), _inwards(role.interval[1], -1))
    residual = 0.0 if idle else None
    if role.derived is not None:
        residual = float(role.value - role.derived)
    elif idle:
        derived = interval
    slopes, curvatures = (
        [None if x is None else float(x) for x in sides]
        for sides in (change.gradient, change.curvature)
    )
    return SignalWeight(
        name=name,
        index=role.index,
        value=float(role.value),
        role=role.role,
        derived=derived,
        residual=residual,
        interval=interval,
        sensitivity=None if None in curvatures else max(x for x in curvatures if x is not None),
        gradient=(slopes[0], slopes[1]),
        exact=exact,
    )


def _inwards(end: fmpq | None, side: int) -> float | None:
    """The float next to ``end`` that is not below (1) or not above it (-1)."""
    if end is None:
        return None
    value = float(end)
    inside = side * (rational(value) - end) >= 0
    return value if inside else float(np.nextafter(value, side * np.inf))


# ----------------------------------------------------------------------------------- what is said


def _failing(facts: Facts, domain: Domain, tolerance: Fraction) -> list[str]:
    """Of a network that errs by more than the tolerance the terms that alone do, or all but 0.

    Where all of them are 0, it errs beside a jump of σ only, at single radii.
    """
    if facts.worst.high <= rational(tolerance):
        return []
    sizes = {
        "slope": abs(float(facts.alpha)) * float(domain.high),
        "offset": abs(float(facts.beta)),
        "sub-pixel": facts.deviation,
        "small radii": float(np.sqrt(abs(float(facts.parts["small radii"])))),
    }
    over = [name for name, size in sizes.items() if size > tolerance]
    return over or [name for name, size in sizes.items() if size > 0] or ["jump"]


def _verdict(
    grade: str,
    shape: Classification,
    facts: Facts,
    failing: Sequence[str],
    near: Nearest | None,
    away: float | None,
    tolerance: Fraction,
    setup: Setup,
) -> str:
    most = rounded_up(fraction(facts.worst.high))
    where = "no exact network was found near it"
    if shape.kind == "impossible":
        where = (
            f"no network with {setup.activation} is exact, however many channels and taps it has"
        )
    elif away is not None:
        where += f"; the nearest found lies at {share_in_words(away)} of its length"
    if not failing and near is not None:
        beside = _beside(near)
        return (
            f"explained: it errs by {most} pixel at most, and {beside} lies at a distance of"
            f" {near.high:.3g}"
        )
    if grade == "near exact" and near is not None and away is not None:
        return (
            f"near {_beside(near).rstrip(',')}: within {most} pixel and {share_in_words(away)} of"
            f" its length; not explained at a tolerance of {float(tolerance):.3g}"
        )
    if grade == "accurate":
        return f"accurate: it errs by {most} pixel at most, but {where}"
    words = {
        "slope": f"slope (α = {float(facts.alpha):.3g})",
        "offset": f"offset (β = {float(facts.beta):.3g})",
        "sub-pixel": f"sub-pixel (|D| up to {rounded_up(facts.deviation)})",
        "small radii": "small radii",
        "jump": "jump (at single radii)",
    }
    laws = ", ".join(words[name] for name in failing if name in words)
    if shape.kind == "impossible":
        return f"not explained by these laws: {where}; this one errs by up to {most} pixel"
    return f"not explained by these laws: it errs by up to {most} pixel; what fails: {laws}"


def _beside(near: Nearest) -> str:
    """What was found next to the network."""
    if near.error == 0:
        return "an exact network"
    return f"one that errs by {rounded_up(near.error, 1)} pixel at most, at every radius,"


def _worst(
    worst: Worst, stored: Stored, setup: Setup, more: Mapping[str, Fraction | str]
) -> SignalError:
    runs = {
        kind: _up(fraction(worst.high) + x) for kind, x in more.items() if isinstance(x, Fraction)
    }
    value: fmpq | tuple[fmpq, fmpq] = worst.low
    if not worst.exact or len(str(worst.low)) > DIGITS:
        value = _coarse(worst.low, -1), _coarse(worst.high, 1)
    radius = worst.radius if len(str(worst.radius)) <= DIGITS else _coarse(worst.radius, 1)
    assumes = ASSUMED if runs and exact_of(stored, setup.activation) is None else ""
    return SignalError(value, float(worst.high), radius, worst.attained, runs, assumes)


def _up(value: Fraction) -> float:
    return float(np.nextafter(float(value), np.inf))


def _coarse(value: fmpq, direction: int) -> fmpq:
    """A multiple of 2^-64 just above (1) or just below (-1)."""
    fine = fmpq(2) ** 64
    return fmpq((value * fine).ceil() if direction > 0 else (value * fine).floor()) / fine
