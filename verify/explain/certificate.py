"""The certificate of an explained network, or the reason why there is none."""

from __future__ import annotations

import json
from typing import Any

from numerics.certificates.certificate import certificate
from numerics.certificates.checker import BYTES, Network
from numerics.certificates.conditions import exact_of
from verify.explain.value import Explanation, SignalExplanation

__all__ = ["certificate_of", "certificate_text"]


def certificate_of(explanation: Explanation) -> dict[str, Any]:
    """The JSON object that python -m verify.certificate reads.

    Raises
    ------
    ValueError: there is none, or the checker would not read it.
    """
    if not isinstance(explanation, SignalExplanation):
        raise ValueError("certificates are for signals, this is a network for images")  # noqa: TRY004 - the method is theirs, too
    setup = explanation.setup
    net = exact_of(explanation.stored, setup.activation)
    if net is None:
        raise ValueError(
            f"certificates are for activations made of polynomials, {setup.activation} is not"
        )
    document = certificate(net, setup.domain)
    Network(document)  # refused where its check would take too long
    if len(certificate_text(document)) > BYTES:
        raise ValueError(
            f"the certificate would have more than {BYTES} bytes, which the checker does not read"
        )
    return document


def certificate_text(document: dict[str, Any]) -> str:
    """The file of a certificate."""
    return json.dumps(document, indent=2) + "\n"
