"""Settings that stand beside the weights: what Lightning and training scripts store as
hyper_parameters, config, hparams or args.

Plain values, numbers, words, or a row of numbers, are read as the metadata of a safetensors file
is; others are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from verify.models.setup import SETTINGS

__all__ = ["HOLDERS", "beside"]

HOLDERS = ("hyper_parameters", "config", "hparams", "args")
"""Names of mappings of settings, or of JSON texts in the metadata of a safetensors file."""
LONGEST, WORD, DIGITS = 100_000, 200, 18
"""Characters of a JSON text and of a value; digits of a whole number."""


def beside(held: Mapping[Any, Any]) -> dict[str, dict[str, str]]:
    """The settings in every such mapping, as text by name; none where it has none."""
    found = {place: _settings(held.get(place)) for place in HOLDERS}
    return {place: settings for place, settings in found.items() if settings}


def _settings(value: object) -> dict[str, str]:
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, Mapping):
        return {}
    return {
        name: text
        for name, x in value.items()
        if isinstance(name, str) and name.rpartition(".")[2].lower() in SETTINGS
        if (text := _text(x))
    }


def _parsed(text: str) -> object:
    """What a JSON text holds; None where it is none."""
    if len(text) > LONGEST:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text(value: object) -> str:
    """A plain value as the command line has it; an empty string for others."""
    if isinstance(value, list | tuple):
        parts = [_text(x) for x in value[:WORD] if isinstance(x, int | float)]
        text = f"({', '.join(parts)})" if len(parts) == len(value) and all(parts) else ""
    elif isinstance(value, int) and abs(value) >= 10**DIGITS:
        text = ""
    else:
        text = str(value) if isinstance(value, str | int | float) else ""
    return text if len(text) <= WORD else ""
