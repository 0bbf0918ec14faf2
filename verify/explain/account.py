"""What the theory has to say of one network: every weight, the laws, the loss, the worst error, the nearest exact network.

:func:`account` measures and judges; verify.network prints, and verify.explain.page draws.  docs/network.md describes the
document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isfinite
from typing import Any

import numpy as np
from flint import fmpq

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
from numerics.certificates.running import UNITS, assumed_error, running_error
from numerics.pulse.exact_error import Domain
from numerics.pulse.preactivations import lines
from theory.expressions.activation import ACTIVATIONS
from theory.shape.classify import Classification, classify
from verify.explain.facts import (
    Facts,
    Sides,
    facts_of,
    fraction,
    number,
    stored_of,
)
from verify.explain.roles import roles
from verify.models.checkpoint import Checkpoint
from verify.models.setup import Setup, too_large

__all__ = ["LARGEST", "SMALLEST", "WORK", "Account", "account", "too_much"]

LARGEST = 1e30
"""Larger weights are refused, as their cubes would leave the range of float64."""
SMALLEST = 1e-100
"""Smaller ones, other than 0, are refused likewise."""
WORK = 3e7
"""K² n³ at most, about a minute."""
WAVES = 300
"""Pre-activations in front of a wave: there would be too many turns between two radii."""
FLAT = 1e-9
"""An answer that rises no more than this per pixel, or bends no more, is constant."""
ASSUMED = "the library's σ is off by at most 8u (1 + |z| + |σ(z)|), which is tested, not proved"
"""What the bound on rounding rests on where σ is not made of polynomials."""


@dataclass(frozen=True)
class Account:
    """A network explained.

    Attributes
    ----------
    document: what ``--json`` prints.
    stored, setup: the network.
    net: the same in rational numbers; None where σ is not made of polynomials.
    near: the nearest exact network that was found, next to the one it is judged by (numerics/certificates/reduction.py), or None.
    exact: the same in the shape of ``stored``, or None.
    """

    document: dict[str, Any]
    stored: Stored
    setup: Setup
    net: Stored | None
    near: Nearest | None
    exact: Stored | None


def too_much(checkpoint: Checkpoint, setup: Setup) -> str:
    """Why this network is not explained at all, or an empty string."""
    values = [
        checkpoint.w,
        checkpoint.a,
        *(x for x in (checkpoint.b, checkpoint.c) if x is not None),
    ]
    for x in (abs(float(y)) for value in values for y in np.ravel(value)):
        if x and not SMALLEST <= x <= LARGEST:
            return f"a weight of size {x:.3g}: weights of {SMALLEST:g} to {LARGEST:g}, and 0, are explained"
    bias = np.zeros(len(checkpoint.w)) if checkpoint.b is None else checkpoint.b
    if trouble := too_large(setup.activation, checkpoint.w, bias, checkpoint.a, WAVES):
        return trouble
    channels, taps = checkpoint.w.shape
    if channels**2 * taps**3 > WORK:
        return f"{channels} channels of {taps} taps are too many: K² n³ may be {WORK:.0e}"
    return ""


def account(checkpoint: Checkpoint, setup: Setup, tolerance: Fraction, file: str = "") -> Account:
    """Explain a network; ``tolerance`` is in pixels, ``file`` its name.  The caller has asked :func:`too_much`."""
    stored = stored_of(checkpoint, setup)
    shape = classify(ACTIVATIONS[setup.activation].expression)
    net = exact_of(stored, setup.activation)
    reduction = reduced(stored, setup.activation, setup.domain)
    least = reduction.net
    facts = facts_of(stored, least, setup)
    accurate = fraction(facts.worst.high) <= tolerance
    # Where all channels idle there is none that an exact network could be next to.
    live = any(place is not None for place in reduction.place)
    near = nearest(setup.activation, least, setup.domain) if live else None
    close = near is not None and apart(least, near.net) <= tolerance
    if accurate and live and shape.kind != "impossible" and not close:
        # Nothing that is exact by its structure; the network itself nearly is.
        near = refined_nearest(setup.activation, least, setup.domain) or near
        close = near is not None and apart(least, near.net) <= tolerance
    if (
        accurate
        and live
        and (not close or (near and (near.error or (near.high and not facts.worst.high))))
    ):
        # Crossings, curvatures or jumps that cancel in a way that no pattern describes.
        kept = kept_nearest(setup.activation, least, setup.domain)
        if kept is not None and apart(least, kept.net) <= tolerance:
            near, close = kept, True
    exact = None if near is None else reduction.restored(stored, near.net)
    explained = accurate and close
    pattern = _pattern(stored, setup, near if explained else None, exact)
    derived = roles(stored, pattern, exact if explained else None, facts, setup)
    failing = [] if accurate else _failing(facts, setup.domain, tolerance)
    if not close:
        failing.append("distance")
    document = {
        "file": file,
        "network": {
            **setup.as_dict(),
            "channels": len(stored.a),
            "taps": len(stored.w[0]),
            "class": shape.kind,
        },
        "explained": explained,
        "tolerance": float(tolerance),
        "verdict": _verdict(shape, facts, failing, near, setup),
        "failing": failing,
        "cell": _cell(least, near, facts, setup, explained=explained),
        "residuals": {
            "slope": number(facts.alpha),
            "offset": number(facts.beta),
            "subpixel": facts.deviation,
        },
        "loss": _loss(facts),
        "worst_error": _worst(facts, stored, net, checkpoint, setup),
        "weights": [
            _weight(role, changes, exact=facts.exact)
            for role, changes in zip(derived, facts.sensitivities, strict=True)
        ],
        "canonical": [
            {
                "a": number(channel.a),
                "b": number(channel.b),
                "w": [number(tap) for tap in channel.w],
            }
            for channel in reduction.channels
        ],
        "nearest": _nearest(near, exact, least, facts, shape, setup),
    }
    return Account(document, stored, setup, net, near, exact)


def _pattern(
    stored: Stored, setup: Setup, near: Nearest | None, exact: Stored | None
) -> Pattern | None:
    """That of the nearest exact network, or the network's own put right; one that ``exact`` holds, if ``near`` has none."""
    own = None if near is None else nearest(setup.activation, stored, setup.domain)
    pattern = None if own is None else own.pattern
    if pattern is None:
        pattern = snapped_pattern(stored, setup.domain, branches_of(setup.activation))
    if near is None or near.pattern is not None or exact is None or pattern is None:
        return pattern
    return pattern if holds(pattern, exact) else None


# ----------------------------------------------------------------------------------------- weights


def _weight(role: Role, changes: tuple[Sides, Sides], *, exact: bool) -> dict[str, Any]:
    derived: Any = None if role.derived is None else number(role.derived)
    interval = None
    if role.interval is not None:
        interval = [
            None if end is None else _inwards(end, side)
            for end, side in zip(role.interval, (1, -1), strict=True)
        ]
    if derived is None and role.role in ("dead", "free"):
        derived = interval
    residual = 0.0 if role.role in ("dead", "free") else None
    if role.derived is not None:
        residual = number(role.value - role.derived)
    gradient, curvature = changes
    return {
        "name": role.name,
        "index": list(role.index),
        "value": number(role.value),
        "role": role.role,
        "derived": derived,
        "residual": residual,
        "interval": interval,
        "sensitivity": None if None in curvature else max(x for x in curvature if x is not None),
        "gradient": list(gradient),
        "exact": exact,
    }


# ----------------------------------------------------------------------------------- what is said


def _failing(facts: Facts, domain: Domain, tolerance: Fraction) -> list[str]:
    """The terms that alone move an answer by more than the tolerance; else all that are not 0.

    Where all of them are 0, it errs beside a jump of σ only, at single radii.
    """
    high = float(fraction(domain.high))
    sizes = {
        "slope": abs(number(facts.alpha)) * high,
        "offset": abs(number(facts.beta)),
        "sub-pixel": facts.deviation,
        "small radii": float(np.sqrt(abs(number(facts.parts["small radii"])))),
    }
    over = [name for name, size in sizes.items() if size > tolerance]
    return over or [name for name, size in sizes.items() if size > 0] or ["jump"]


def _verdict(
    shape: Classification, facts: Facts, failing: Sequence[str], near: Nearest | None, setup: Setup
) -> str:
    size = f"{number(facts.worst.high):.3g}"
    if not failing and near is not None:
        beside = _beside(near)
        return f"explained: it errs by {size} pixel at most, and {beside} lies at a distance of {near.high:.3g}"
    if shape.kind == "impossible":
        return (
            f"not explained by these laws: no network with {setup.activation} is exact, however many channels and taps it "
            f"has; this one errs by up to {size} pixel"
        )
    words = {
        "slope": f"slope (α = {number(facts.alpha):.3g})",
        "offset": f"offset (β = {number(facts.beta):.3g})",
        "sub-pixel": f"sub-pixel (|D| up to {facts.deviation:.3g})",
        "small radii": "small radii",
        "jump": "jump (at single radii)",
    }
    laws = [words[name] for name in failing if name in words]
    if laws:
        return f"not explained by these laws: it errs by up to {size} pixel; what fails: {', '.join(laws)}"
    where = "no exact network was found near it"
    if near is not None:
        where += f"; the nearest found lies at a distance of {near.high:.3g}"
    return f"not explained by these laws: it errs by {size} pixel at most, but {where}"


def _beside(near: Nearest) -> str:
    """What was found next to the network."""
    if near.error == 0:
        return "an exact network"
    return f"one that errs by {_up(near.error):.1g} pixel at most, at every radius,"


def _cell(
    least: Stored, near: Nearest | None, facts: Facts, setup: Setup, *, explained: bool
) -> str:
    """One word for the whole network."""
    own = near.pattern if near is not None and explained else None
    if own is None:
        own = snapped_pattern(least, setup.domain, branches_of(setup.activation))
    if explained and near is not None and (own is None or not holds(own, near.net)):
        return _unpatterned(setup)
    if own is None:
        return "curved"
    if not explained:
        flat = abs(number(facts.alpha) + 1) <= FLAT
        if flat and facts.deviation > FLAT:
            return "blind"
        if own.held and not _meets(own, least):
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


def _meets(own: Pattern, stored: Stored) -> bool:
    """The windows that the pattern holds on a kink are there already."""
    return all(condition.residual(stored) == 0 for condition in own.bends)


def _loss(facts: Facts) -> dict[str, Any]:
    return {
        "value": number(facts.loss),
        "parts": {name: number(part) for name, part in facts.parts.items()},
        "exact": _text(facts.loss) if facts.exact else None,
        "exact_parts": {name: _text(part) for name, part in facts.parts.items()}
        if facts.exact
        else None,
    }


def _worst(
    facts: Facts, stored: Stored, net: Stored | None, checkpoint: Checkpoint, setup: Setup
) -> dict[str, Any]:
    worst = facts.worst
    weights = [x for x in (checkpoint.w, checkpoint.a, checkpoint.b, checkpoint.c) if x is not None]
    single = all(np.all(np.float32(x) == x) for x in weights)
    kinds = tuple(UNITS) if single else ("float64",)
    proved = net is not None and net.sigma.continuous
    runs = {}
    for kind in kinds if net is None or proved else ():
        if net is not None:
            more = running_error(net, setup.domain, kind)
        else:
            more = assumed_error(replace(stored, sigma=setup.activation), setup.domain, kind)
        runs[kind] = _up(fraction(worst.high) + more)
    short = _text(worst.low) if worst.exact else None
    return {
        "value": short or [_text(_coarse(worst.low, -1)), _text(_coarse(worst.high, 1))],
        "about": number(worst.high),
        "radius": _text(worst.radius) or _text(_coarse(worst.radius, 1)),
        "attained": worst.attained,
        "as_it_runs": runs,
        "assumes": "" if proved or not runs else ASSUMED,
    }


def _nearest(
    near: Nearest | None,
    exact: Stored | None,
    least: Stored,
    facts: Facts,
    shape: Classification,
    setup: Setup,
) -> dict[str, Any]:
    anywhere = _anywhere(least, facts, setup)
    if near is None or exact is None:
        impossible = shape.kind == "impossible"
        reason = shape.reason if impossible else "no exact network was found next to this one"
        return {
            "exists": False if impossible else None,
            "distance": None,
            "relative": None,
            "anywhere": None if impossible else anywhere,
            "cells": None,
            "weights": None,
            "reason": reason,
        }
    weights = [
        {"name": "conv.weight", "index": [k, 0, u], "value": number(tap)}
        for k, row in enumerate(exact.w)
        for u, tap in enumerate(row)
    ]
    if exact.b is not None:
        weights += [
            {"name": "conv.bias", "index": [k], "value": number(x)} for k, x in enumerate(exact.b)
        ]
    weights += [
        {"name": "readout.weight", "index": [0, k], "value": number(x)}
        for k, x in enumerate(exact.a)
    ]
    if exact.c is not None:
        weights.append({"name": "readout.bias", "index": [0], "value": number(exact.c)})
    return {
        "exists": True if near.error == 0 else None,
        "distance": [near.low, near.high],
        "relative": away if isfinite(away := apart(least, near.net)) else None,
        "anywhere": anywhere,
        "cells": [_unpatterned(setup) for _ in least.a]
        if near.pattern is None
        else list(near.pattern.kinds),
        "weights": weights,
        "reason": ""
        if near.error == 0
        else f"{_beside(near)} was found at a distance of {near.high:.3g}; that it is next to an exact one is not proved",
    }


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
                for line in lines(w, m, domain.half_length, domain.padding)
            ),
            fmpq(0),
        )
        / least.share
        for w, b, _ in net.listed
    ]
    steepest = max(abs(piece[1]) for piece in net.sigma.pieces)
    return distance_bound(least, domain, steepest, pooled, facts.worst.low, radius)


# ----------------------------------------------------------------------------------------- numbers


def _up(value: Fraction) -> float:
    return float(np.nextafter(float(value), np.inf))


def _inwards(end: fmpq, side: int) -> float:
    """The float next to ``end`` that is not below (1) or not above it (-1)."""
    value = number(end)
    return (
        value
        if side * (Fraction(value) - fraction(end)) >= 0
        else float(np.nextafter(value, side * np.inf))
    )


def _coarse(value: fmpq, direction: int) -> fmpq:
    """A multiple of 2^-64 just above (1) or just below (-1)."""
    fine = fmpq(2) ** 64
    whole = (value * fine).ceil() if direction > 0 else (value * fine).floor()
    return fmpq(whole) / fine


DIGITS = 2000
"""Of the numerator and denominator of an exact number that is printed."""


def _text(number: fmpq) -> str | None:
    """An exact number, or None where it has too many digits to be of use."""
    text = str(number.p) if number.q == 1 else f"{number.p}/{number.q}"
    return text if len(text) <= DIGITS else None
