"""The role of every weight of a network: within its pattern, next to an exact network, or from its
own responses alone.

numerics.certificates.roles has the roles within a pattern; here it is decided which of them can be
told of a network as it is.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat

import numpy as np
from flint import fmpq

from numerics.arithmetic.numbers import rational
from numerics.certificates.conditions import Form, Pattern, Stored, dot, exact_of
from numerics.certificates.roles import RESOLUTION, Role
from numerics.certificates.roles import roles as pattern_roles
from numerics.pulse.channel import exact_quantities, quantities
from numerics.pulse.exact_error import cells
from numerics.pulse.preactivations import far_from_border
from verify.explain.facts import Facts, named
from verify.models.setup import Setup

__all__ = ["MEETS", "roles"]

IDLE = ("dead", "free")
MEETS = "meets the kink"
"""The role of a weight of a window that runs over a kink, which its pattern does not know of."""


def roles(
    stored: Stored, own: Pattern | None, exact: Stored | None, facts: Facts, setup: Setup
) -> list[Role]:
    """The role of every weight: ``own`` is the network's pattern, if it has one; ``exact`` the
    exact network that it is next to, None where it is not explained.
    """
    n, domain = stored.taps, setup.domain
    # Where the laws hold: on a plateau cell far from the border.
    far = any(m > n // 2 and far_from_border(n, m, domain) for m, _, _ in cells(domain))
    laws = (facts.alpha, facts.beta) if far else None
    if own is not None and exact is not None:
        each = [_met(role, own, stored) for role in pattern_roles(stored, own, laws)]
    else:
        # A network that is far from its pattern runs over kinks that the pattern does not: what its
        # readout does follows from its own responses.
        readout = _readout_roles(stored, laws, setup)
        bending = _bending_roles(stored, exact)
        if own is not None:
            within = pattern_roles(stored, own, laws)[: len(bending)]
            bending = [_met(role, own, stored) for role in within]
        each = [*bending, *readout]
    # Where the curvature is not 0, a change of the weight changes an answer.
    return [
        _awake(role) if any(x is None or float(x) for x in change.curvature) else role
        for role, change in zip(each, facts.changes, strict=True)
    ]


def _met(role: Role, own: Pattern, stored: Stored) -> Role:
    """Where a window that the weight does not see is off its branch, or one is off the kink that it
    is held on, by more than rounding, no value of the weight is known at which it meets no kink.
    """
    if role.name.startswith("readout") or role.interval is None or role.role in IDLE:
        return role
    k, entry = role.index[0], role.index[2] if role.name == "conv.weight" else -1
    windows: list[tuple[Form, fmpq | None, fmpq | None]] = []
    windows += [(form, kink, kink) for j, form, kink in own.held if j == k]
    windows += [
        (end.form, end.branch.low, end.branch.high)
        for end in own.ends
        if end.k == k and not end.form[entry]
    ]
    vector, (low, high) = stored.vector(k), role.interval
    met = low is not None and high is not None and low > high
    for form, least, most in windows:
        value = dot(form, vector)
        room = RESOLUTION * sum(abs(x * y) for x, y in zip(form, vector, strict=True))
        met |= bool(least is not None and value < least - room)
        met |= bool(most is not None and value > most + room)
    return replace(role, interval=None) if met else role


def _awake(role: Role) -> Role:
    """Nothing that moves an answer is dead or free: what bends a filter meets a kink, and a readout
    weight moves answers that the laws do not know of.
    """
    if role.role not in IDLE:
        return role
    if role.name == "readout.weight":
        return replace(role, role="serves other radii")
    return replace(role, role=MEETS, interval=None)


def _bending_roles(stored: Stored, exact: Stored | None) -> list[Role]:
    """Filters whose staircase bends: next to an exact network its values are the derived ones;
    elsewhere there are none.
    """
    goals = repeat(None) if exact is None else (value for *_, value in named(exact))
    return [
        Role(*weight, "bends", goal, None)
        for weight, goal in zip(named(stored), goals, strict=False)
        if weight[0].startswith("conv")
    ]


def _readout_roles(stored: Stored, laws: tuple[fmpq, fmpq] | None, setup: Setup) -> list[Role]:
    """a_k and c, each from its law with the others as they are; dead where a_k moves neither of
    them.
    """
    everywhere = (None, None)
    readout = []
    for k, (value, rates) in enumerate(zip(stored.a, _rates(stored, setup), strict=True)):
        role, derived = "dead", None
        for rate, law, does in zip(
            rates, laws or (), ("sets the slope", "moves the offset"), strict=False
        ):
            if rate:
                role, derived = does, value - law * stored.share / rate
                break
        readout.append(Role("readout.weight", (0, k), value, role, derived, everywhere))
    if stored.c is not None:
        offset = None if laws is None else stored.c - laws[1]
        readout.append(Role("readout.bias", (0,), stored.c, "moves the offset", offset, everywhere))
    return readout


def _rates(stored: Stored, setup: Setup) -> list[list[fmpq]]:
    """2 Δ_k and N g_k(0) + κ_k of every channel; below 2⁻⁴⁰ of their terms they count as 0."""
    net = exact_of(stored, setup.activation)
    if net is None:
        w, b = (np.array(x, dtype=float) for x in (stored.w, stored.biases))
        q = quantities(w, b, setup.activation, np.zeros(1))
        parts = np.stack([q.slope, q.background, q.kappa], axis=1).tolist()
        each = [tuple(rational(x) for x in part) for part in parts]
    else:
        exact = [
            exact_quantities(w, lambda value, b=b: net.sigma(value + b), [])  # type: ignore[misc]
            for w, b, _ in net.listed
        ]
        each = [(q.slope, q.background, q.kappa) for q in exact]
    size = setup.domain.windows(stored.taps)
    rates = []
    for slope, background, kappa in each:
        tall = (abs(background) + abs(background + slope)) / 2**40
        both = (2 * slope, tall), (size * background + kappa, size * tall)
        rates.append([rate if abs(rate) > least else fmpq(0) for rate, least in both])
    return rates
