"""The role of every weight of a network: within its pattern, next to an exact network, or from its own responses alone.

numerics.roles has the roles within a pattern; here it is decided which of them can be told of a network as it is.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq

from numerics.certificate import Domain, cells
from numerics.channel import quantities
from numerics.conditions import Pattern, Stored
from numerics.nearest import Nearest
from numerics.path import far_from_border
from numerics.roles import Role, roles
from verify.facts import Facts, floats, rational_of
from verify.setup import Setup

__all__ = ["told_roles"]


def told_roles(
    stored: Stored, own: Pattern | None, near: Nearest | None, facts: Facts, setup: Setup
) -> list[Role]:
    """The role of every weight: ``own`` is the network's pattern, if it has one; ``near`` the exact network that it is next to,
    None where it is not explained."""
    laws = (_exactly(facts.alpha), _exactly(facts.beta))
    plateau = _has_plateau(len(stored.w[0]), setup.domain)
    if own is not None and near is not None:
        return roles(stored, own, laws if plateau else None)
    readout = _readout_roles(stored, laws if plateau else None, setup)
    if own is None:
        return _bending_roles(stored, near) + readout
    # A network that is far from its pattern runs over kinks that the pattern does not: what bends it is neither dead nor
    # free, and what its readout does follows from its own responses.
    found = roles(stored, own, laws if plateau else None)[: -len(readout)]
    bending = [max(curvature) > 0 for _, curvature in facts.sensitivities]
    idle = ("dead", "free")
    return [
        replace(role, role="must avoid the kink") if role.role in idle and bends else role
        for role, bends in zip(found, bending, strict=False)
    ] + readout


def _exactly(number: Any) -> fmpq:
    return number if isinstance(number, fmpq) else rational_of(Fraction(number))


def _has_plateau(taps: int, domain: Domain) -> bool:
    """Some cell is a plateau cell far from the border, where the laws hold."""
    return any(
        m > taps // 2 and far_from_border(taps, m, domain.half_length, domain.padding)
        for m, _, _ in cells(domain)
    )


def _bending_roles(stored: Stored, near: Nearest | None) -> list[Role]:
    """Filters whose staircase bends: next to an exact network its values are the derived ones; elsewhere there are none."""
    exact = None if near is None else near.net
    found = [
        Role("conv.weight", (k, 0, u), tap, "bends", None if exact is None else exact.w[k][u], None)
        for k, row in enumerate(stored.w)
        for u, tap in enumerate(row)
    ]
    if stored.b is not None:
        goal = None if exact is None else exact.b
        found += [
            Role("conv.bias", (k,), bias, "bends", None if goal is None else goal[k], None)
            for k, bias in enumerate(stored.b)
        ]
    return found


def _readout_roles(stored: Stored, laws: tuple[fmpq, fmpq] | None, setup: Setup) -> list[Role]:
    """a_k and c, each from its law with the others as they are; Δ_k and N g_k(0) + κ_k below 2⁻⁴⁰ of their terms count as 0."""
    w, b, _, _ = floats(stored)
    q = quantities(w, b, setup.activation, np.zeros(1))
    taps = w.shape[1]
    size = setup.domain.positions - (taps - 1 if setup.domain.padding == "valid" else 0)
    tall = np.abs(q.background) + np.abs(q.background + q.slope)
    everywhere = (None, None)
    found = []
    for k, value in enumerate(stored.a):
        level = size * q.background[k] + q.kappa[k]
        rates = (
            ("sets the slope", 2 * float(q.slope[k]), tall[k]),
            ("moves the offset", float(level), size * tall[k]),
        )
        role, derived = "dead", None
        for place, (does, rate, terms) in enumerate(rates):
            if abs(rate) > 2.0**-40 * terms:
                role = does
                if laws is not None:
                    derived = value - laws[place] * stored.share / rational_of(Fraction(rate))
                break
        if laws is None:
            role = "serves other radii"
        found.append(Role("readout.weight", (0, k), value, role, derived, everywhere))
    if stored.c is not None:
        offset = None if laws is None else stored.c - laws[1]
        found.append(Role("readout.bias", (0,), stored.c, "moves the offset", offset, everywhere))
    return found
