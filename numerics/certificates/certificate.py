"""Certificates: the exact summary of a network's error over all radii as a file that can be checked
without this package.

The format is stated in docs/certificate.md, and decided by :mod:`numerics.certificates.checker`,
which shares no code with this module.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from flint import fmpq, fmpz

from numerics.pulse.domain import Domain
from numerics.pulse.exact_error import Summary, summary
from theory.pulse.network import Network

__all__ = ["certificate"]

FORMAT = "everyweight-certificate"


def _text(number: fmpq) -> str:
    return str(number.p) if number.q == 1 else f"{number.p}/{number.q}"


def _enclosure(number: fmpq) -> list[str]:
    """Multiples of 2^-64 just below and just above."""
    scaled = number * fmpq(2) ** 64
    below, above = fmpz(scaled.ceil()) - 1, fmpz(scaled.floor()) + 1
    return [_text(fmpq(below) / fmpq(2) ** 64), _text(fmpq(above) / fmpq(2) ** 64)]


def certificate(net: Network[fmpq], domain: Domain, known: Summary | None = None) -> dict[str, Any]:
    """The certificate of a network over a domain: a JSON object of strings.

    ``known`` is the summary where it is known already.

    Raises
    ------
    ValueError: σ jumps, the radii are a single one, the worst error is not attained or not enclosed
        to 1e-12, or as :func:`summary`.
    """
    if not net.sigma.continuous:
        raise ValueError("certificates are for activations without jumps")
    if domain.low == domain.high:
        raise ValueError("certificates are for an interval of radii, not for one radius")
    known = known or summary(net, domain)
    worst = known.worst
    if worst.high - worst.low > fmpq(1, 10**12):
        raise ValueError("the worst error is not enclosed to 1e-12")
    low, high, radius = worst.low, worst.high, worst.radius
    if not worst.exact:
        # Ends with few digits: the error at a dyadic radius beside the place where it is largest,
        # and a bit more.
        fine = fmpq(2) ** 80
        radius = min(max(fmpq((radius * fine).floor()) / fine, domain.low), domain.high)
        low = summary(net, replace(domain, low=radius, high=radius)).worst.low
        high = fmpq((worst.high * fine).ceil() + 1) / fine
    # Padded pixels are said where they are not those that keep the length.
    padding = domain.padding if domain.pixels is None else f"{domain.padding} {domain.pixels}"
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": "1",
        "network": {
            "activation": {
                "breaks": [_text(t) for t in net.sigma.breaks],
                "pieces": [
                    [_text(piece[j]) for j in range(max(piece.degree(), 0) + 1)]
                    for piece in net.sigma.pieces
                ],
            },
            "filters": [[_text(tap) for tap in row] for row in net.w],
            "biases": [_text(b) for b in net.biases],
            "readout": [_text(a) for a in net.readout],
            "offset": _text(net.offset),
        },
        "domain": {
            "half_length": str(domain.half_length),
            "padding": padding,
            "low": _text(domain.low),
            "high": _text(domain.high),
        },
        "claim": {
            "worst": [_text(low), _text(high)],
            "mean": _enclosure(known.mean),
            "mean_square": _enclosure(known.mean_square),
        },
        "evidence": {"radius": _text(radius)},
        "digest": "",
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    document["digest"] = hashlib.sha256(text.encode()).hexdigest()
    return document
