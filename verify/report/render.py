"""Templates, filled in, with everything that they are given escaped; sentences; values as JSON."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jinja2
from flint import fmpq

from numerics.arithmetic.decimals import rounded_down, rounded_up
from theory.citations import located

__all__ = ["DIGITS", "as_json", "json_text", "render", "sentence", "sentences"]

TEMPLATES = Path(__file__).parent / "templates"


@lru_cache(maxsize=1)
def _engine() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(TEMPLATES)
    engine = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    engine.filters["digits"] = lambda value: f"{value:.17g}"
    engine.filters["six"] = lambda value: f"{value:.6g}"
    engine.filters["short"] = lambda value: f"{value:.3g}"
    engine.filters["up"] = rounded_up
    engine.filters["down"] = rounded_down
    engine.filters["located"] = located
    engine.filters["percent"] = _percent
    return engine


def _percent(share: float) -> str:
    """A share in percent: whole from 10 on, with a decimal below and close to 100."""
    percent = 100 * share
    return f"{percent:.0f}" if 10 <= percent <= 99 or percent in (0, 100) else f"{percent:.1f}"


def render(template: str, **values: Any) -> str:
    """A template of verify/report/templates with everything it is given escaped,
    as trusted markup.
    """
    return _engine().get_template(template).render(**values)


@cache
def sentences() -> dict[str, dict[str, str]]:
    """What columns and figures of the claims say they saw: by claim and name, each on one line."""
    tables = tomllib.loads((TEMPLATES / "sentences.toml").read_text(encoding="utf-8"))
    return {
        claim: {name: " ".join(text.split()) for name, text in table.items()}
        for claim, table in tables.items()
    }


def sentence(claim: str, name: str, /, **values: object) -> str:
    """A claim's sentence of this name with its values put in, as ``str.format`` does it.

    Raises
    ------
    KeyError: there is no such sentence, or it asks for another value.
    """
    return sentences()[claim][name].format(**values)


DIGITS = 2000
"""Of the numerator and denominator of an exact number that is printed."""


def as_json(value: Any) -> Any:
    """A frozen value as JSON knows it: an object has the fields in their order, an exact number is
    a string p/q, or None where it has too many digits to be of use.
    """
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, fmpq):
        text = str(value)
        return text if len(text) <= DIGITS else None
    if isinstance(value, Mapping):
        return {name: as_json(part) for name, part in value.items()}
    return [as_json(part) for part in value] if isinstance(value, list | tuple) else value


def json_text(value: Any) -> str:
    """The text of :func:`as_json`, indented."""
    return json.dumps(as_json(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
