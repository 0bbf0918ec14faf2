"""A network in memory, explained: a live module or a state_dict; or a file, from Python."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from torch import nn

from theory.parser import printable
from verify.explain.explainer import explainer, with_radii
from verify.explain.replay import FileNetwork, confirmed
from verify.explain.text import next_step, replay_in_words
from verify.explain.value import ImageExplanation, SignalExplanation
from verify.models.checkpoint import Checkpoint, network_in, read
from verify.models.live.module import Live, live
from verify.models.setup import Setup, setup_of

__all__ = ["explained"]

OTHERWISE = (
    "look for what the module does beside its forward, such as a hook, or explain module.double(), "
    "if rounding may be the cause"
)
"""What to do about a module that is not what was read of it."""
MOST = 100
"""Pixels of tolerance."""
METHODS = {
    "a certificate of that with --out DIR": "a certificate of that with certificate()",
    "with --repair OUT": "with repair()",
    "with --out DIR": "with the command's --out",
}
"""What a step of the command is in Python."""


def explained(
    network: object, given: Mapping[str, object], tolerance: object, key: str | None = None
) -> SignalExplanation | ImageExplanation:
    """See :func:`verify.network.explain`.

    Raises
    ------
    ValueError: neither the network nor the arguments say its activation or its length.
    """
    words = {key: _word(key, value) for key, value in given.items()}
    limit = _tolerance(tolerance)
    source, name = _source(network, given.get("length"), key)
    checkpoint = source.checkpoint if isinstance(source, Live) else source
    checkpoint, settings = checkpoint.settled(words)
    missing = [key for key in ("activation", "length") if key not in settings]
    if missing:
        arguments = ", ".join(f"{key}=" for key in missing)
        raise ValueError(f"{name} does not say its {' and '.join(missing)}: give {arguments}")
    flat, taps = checkpoint.w.ndim == 2, checkpoint.w.shape[1]
    setup = setup_of(settings, taps, images=not flat)
    if isinstance(source, Live):
        _agreed(setup, setup_of({**words, **checkpoint.metadata}, taps, images=not flat))
    too_much, explain = explainer(checkpoint)
    if refusal := too_much(checkpoint, setup):
        raise ValueError(refusal)
    module = source if isinstance(source, Live) else None
    explanation = with_radii(explain(checkpoint, setup, limit, name), settings)
    explanation = replace(explanation, live=module)
    explanation = replace(explanation, next_step=_step(explanation))
    if module is None:
        subject = f"the {'state_dict' if isinstance(network, Mapping) else 'file'} itself"
        return confirmed(explanation, FileNetwork(checkpoint, setup, subject))
    explanation = confirmed(explanation, module, OTHERWISE)
    replay = explanation.replay
    if replay is not None and replay.agrees is False:
        warnings.warn(replay_in_words(replay), stacklevel=3)
    return explanation


def _step(explanation: SignalExplanation | ImageExplanation) -> str:
    """What to do next, in the words of Python.  A module has no other settings than its own."""
    if explanation.live is not None:
        kept = tuple(other for other in explanation.alternatives if not other.options)
        explanation = replace(explanation, alternatives=kept)
    step = next_step(explanation)
    for option, method in METHODS.items():
        step = step.replace(option, method)
    step = re.sub(r"--(\w+)-(\w+) (\S+)", r"\1_\2=\3", step)  # --r-min 1.5 is r_min=1.5
    return re.sub(r"--(\w+) (\S+)", r"\1=\2", step)


def _agreed(asked: Setup, own: Setup) -> None:
    """A module cannot be explained as another one than it is."""
    settings, given = own.as_dict(), asked.as_dict()
    for key in ("activation", "pooling", "padding", "padding_mode"):
        if given[key] != settings[key]:
            raise ValueError(f"the module itself says {key} = {settings[key]}: leave {key}= out")


def _source(network: object, length: object, key: str | None) -> tuple[Live | Checkpoint, str]:
    """What is read, and what it is called."""
    if isinstance(network, nn.Module):
        if key is not None:
            raise ValueError("a module is one network: leave key= out")
        if length is None:
            raise ValueError("a module does not say how many pixels a signal has: give length=")
        if not isinstance(length, int):
            raise TypeError(f"length is an odd number of pixels, not {type(length).__name__}")
        return live(network, length), type(network).__name__
    if isinstance(network, str | os.PathLike):
        path = Path(network)
        return read(path, images=True, key=key), printable(path.name)
    if isinstance(network, Mapping):
        return network_in(network, {}, key=key), "state_dict"
    kind = type(network).__name__
    raise TypeError(f"a module, a path or a state_dict is explained, not {kind}")


def _word(key: str, value: object) -> str | None:
    """An argument as the command line has it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float | Fraction) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{key} is text or a number, not {type(value).__name__}")


def _tolerance(value: object) -> Fraction:
    """0.001 is a thousandth, not the float beside it."""
    word = _word("tolerance", value)
    try:
        limit = Fraction(word or "")
    except (ValueError, ZeroDivisionError):
        limit = Fraction(0)
    if not 0 < limit <= MOST:
        raise ValueError(f"tolerance is a number of pixels above 0, up to {MOST}, not {value!r}")
    return limit
