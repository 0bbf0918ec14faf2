"""The one sentence at the end of every answer: what to do next."""

from __future__ import annotations

from numerics.certificates.conditions import exact_of
from verify.explain.text import options_in_words, rounded_up, share_in_words
from verify.explain.value import LITTLE, Alternative, ImageExplanation, SignalExplanation

__all__ = ["image_step", "signal_step"]

CHECK = "check that pooling, padding, length and radii are those of its training: docs/network.md, When it is not explained"


def signal_step(explanation: SignalExplanation) -> str:
    """Of a network for signals."""
    grade, setup, near = explanation.grade, explanation.setup, explanation.near
    if grade == "exact":
        net = exact_of(explanation.stored, setup.activation)
        if net is not None and net.sigma.continuous:
            return "write a certificate of that with --out DIR: docs/certificate.md says how to check it"
        return "write this as a page with --out DIR"
    if explanation.alternatives:
        return _with(explanation.alternatives[0])
    if explanation.kind == "impossible":
        return "read which activations can be exact: docs/shape/shape.md"
    if grade == "off" and explanation.cell in ("dead", "blind"):
        return "read where training ends, and train from another start: docs/pulse/endings.md"
    if grade == "off" and 2 * setup.domain.low < explanation.taps:
        low = f"{explanation.taps / 2:g}"
        return f"ask from r = {low} on, where the pulse covers the filter, with --r-min {low}: docs/pulse/small_radius.md"
    away = explanation.nearest.relative
    if near is None or away is None or (grade == "off" and away > LITTLE):
        return CHECK
    network = "network" if near.error else "exact network"
    where = "" if away <= LITTLE else f", {share_in_words(away)} of its length away"
    return f"write the {network} that was found next to it with --repair OUT{where}"


def image_step(explanation: ImageExplanation) -> str:
    """Of a network for images."""
    if explanation.explained:
        return "see every filter and the error over r on a page, with --out DIR"
    if explanation.alternatives:
        return _with(explanation.alternatives[0])
    if explanation.tolerance_needed is None:
        return "read what straight edges account for: docs/disk/perimeter.md"
    if explanation.grade == "accurate":
        enough = rounded_up(explanation.tolerance_needed, 2)
        return f"say how much you need: --tolerance {enough} would do"
    return CHECK


def _with(other: Alternative) -> str:
    """To take the other settings."""
    words = f"run it again with {options_in_words(other.options)}" if other.options else ""
    if not other.rescaled:
        return words
    units = f"multiply the readout's weight and bias by {other.scale:.6g}"
    if other.offset:
        units += f" and add {other.offset:.6g} to its bias"
    return f"{units}: then it answers in pixels" + (f"; {words}" if words else "")
