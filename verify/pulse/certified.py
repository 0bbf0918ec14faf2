"""Trained networks and their certificates: the exact network, the radii, whether a certificate is
accepted, and torch's word on it.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from flint import fmpq

from numerics.certificates.certificate import certificate
from numerics.certificates.checker import Rejected, check
from numerics.certificates.running import running_error
from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import exact_net
from numerics.pulse.sample import pulse
from theory.pulse.network import Network
from verify.models.checkpoint import Checkpoint
from verify.models.networks import load
from verify.models.problem import NetworkBatch, Setting
from verify.models.setup import Setup
from verify.pulse.settings import STOPPED
from verify.report.lab import Lab

__all__ = [
    "accepted",
    "agrees",
    "answer_error",
    "certificates",
    "certified_net",
    "checkpoint_of",
    "plateau",
    "setup_for",
]


def plateau(setting: Setting) -> Domain:
    """All real radii of the cells that the networks of a setting are trained on."""
    radii = setting.radii
    low = fmpq(2 * radii.first - 1, 2)
    return Domain(radii.half_length(setting.taps), low, low + radii.cells)


def setup_for(setting: Setting) -> Setup:
    """What a network of a setting is explained by: its activation and the radii of
    :func:`plateau`.
    """
    return Setup(setting.activation, "sum", plateau(setting))


def checkpoint_of(setting: Setting, weights: NetworkBatch, j: int) -> Checkpoint:
    """Network ``j`` of a batch as a file holds it."""
    w, b, a, c = weights.w[j], weights.b[j], weights.a[j], weights.c[j : j + 1]
    return Checkpoint(w, a, b, c, setup_for(setting).as_dict())


def certified_net(setting: Setting, weights: NetworkBatch, j: int) -> Network[fmpq]:
    """Network ``j`` of a batch in rational numbers; for an activation made of polynomials.

    Raises
    ------
    ValueError: it is not.
    """
    net = weights.as_network(j)
    return exact_net(setting.activation, net.w, net.biases, net.a, net.offset)


def accepted(net: Network[fmpq], domain: Domain) -> dict[str, tuple[Fraction, Fraction]] | None:
    """What the certificate of a network claims, after numerics.certificates.checker has accepted
    it; None where it rejects it.
    """
    checked = _checked(certificate(net, domain))
    return None if checked is None else checked[0]


def certificates(
    lab: Lab, setting: Setting, weights: NetworkBatch
) -> tuple[dict[str, tuple[Fraction, Fraction]] | None, ...]:
    """Of each network of :func:`~verify.pulse.settings.finished_and_stopped` what
    :func:`accepted` says: it depends on no law, and is asked once.
    """
    finished, domain = len(weights.c) - STOPPED, plateau(setting)
    claims = []
    for j in range(len(weights.c)):
        which = "finished" if j < finished else "stopped"
        key = "certificate", setting, which, j - finished * (j >= finished)
        net = certified_net(setting, weights, j)
        claims.append(lab.once(key, accepted, net, domain))
    return tuple(claims)


def _checked(
    document: dict[str, Any],
) -> tuple[dict[str, tuple[Fraction, Fraction]], Fraction] | None:
    try:
        claim = check(json.dumps(document).encode())
    except Rejected:
        return None
    radius = Fraction(document["evidence"]["radius"])
    return {name: (Fraction(low), Fraction(high)) for name, (low, high) in claim.items()}, radius


def agrees(setting: Setting, weights: NetworkBatch, j: int) -> Fraction | None:
    """The worst error over every real radius that a certificate claims: it was accepted, and torch
    errs by as much at the radius that it names, to rounding.  None where one of them does not
    agree.
    """
    net, domain = certified_net(setting, weights, j), plateau(setting)
    checked = _checked(certificate(net, domain))
    if checked is None:
        return None
    claim, radius = checked
    r = float(radius)
    with torch.no_grad():
        answer = load(setting, weights, j)(torch.tensor(pulse(np.array([r]), domain.half_length)))
    worst = claim["worst"][1]
    off = answer_error(setting, weights, j, r)
    return worst if abs(abs(float(answer[0]) - r) - float(worst)) <= off else None


def answer_error(setting: Setting, weights: NetworkBatch, j: int, r: float) -> float:
    """How far torch's answer may be from the exact one at a radius up to ``r`` that is itself
    rounded; for |σ'| <= 1.

    With the radius two pixels at the edges are rounded, and each tap sees both.
    """
    steep = 1 + 2 * float(np.sum(np.abs(weights.a[j]) * np.sum(np.abs(weights.w[j]), axis=1)))
    more = running_error(certified_net(setting, weights, j), plateau(setting))
    return float(more) + 8 * steep * r * 2.0**-53
