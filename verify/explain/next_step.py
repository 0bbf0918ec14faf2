"""The one sentence at the end of every answer: what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from verify.explain.grade import LITTLE
from verify.explain.text import options_in_words, rounded_up, share_in_words
from verify.explain.value import Alternative

__all__ = ["image_step", "signal_step"]

CHECK = "check that pooling, padding, length and radii are those of its training: docs/network.md, When it is not explained"
IMPOSSIBLE = "read which activations can be exact: docs/shape/shape.md"
ENDED = "read where training ends, and train from another start: docs/pulse/endings.md"


def signal_step(
    grade: str,
    alternatives: Sequence[Alternative],
    share: float | None,
    *,
    explained: bool,
    possible: bool,
    cell: str,
    certified: bool,
) -> str:
    """Of a network for signals, whose nearest exact network lies at a ``share`` of its length, None where none was found."""
    if grade == "exact":
        if certified:
            return "write a certificate of that with --out DIR: docs/certificate.md says how to check it"
        return "write this as a page with --out DIR"
    if alternatives and not explained:
        return _with(alternatives[0])
    if not possible:
        return IMPOSSIBLE
    if cell in ("dead", "blind") and grade == "off":
        return ENDED
    if share is None or (grade == "off" and share > LITTLE):
        return CHECK
    where = "" if share <= LITTLE else f", {share_in_words(share)} of its length away"
    return f"write the exact network next to it with --repair OUT{where}"


def image_step(
    grade: str,
    alternatives: Sequence[Alternative],
    needed: float | None,
    *,
    explained: bool,
) -> str:
    """Of a network for images, which is explained at a tolerance ``needed``, None where at none."""
    if explained:
        return "see every filter and the error over r on a page, with --out DIR"
    if alternatives:
        return _with(alternatives[0])
    if needed is None:
        return "read what straight edges account for: docs/disk/perimeter.md"
    if grade == "accurate":
        return f"say how much you need: --tolerance {rounded_up(needed, 2)} would do"
    return CHECK


def _with(other: Alternative) -> str:
    """To take the other settings."""
    words = f"run it again with {options_in_words(other.options)}" if other.options else ""
    if not other.rescaled:
        return words
    units = f"multiply readout.weight and readout.bias by {other.scale:.6g}"
    if other.offset:
        units += f" and add {other.offset:.6g} to readout.bias"
    return f"{units}: then it answers in pixels" + (f"; {words}" if words else "")
