"""Templates, filled in: everything that they are given is escaped."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

__all__ = ["render"]


@lru_cache(maxsize=1)
def _engine() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    engine = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    engine.filters["digits"] = lambda value: f"{value:.17g}"
    engine.filters["short"] = lambda value: f"{value:.3g}"
    engine.filters["percent"] = _percent
    return engine


def _percent(share: float) -> str:
    """A share in percent: whole from 10 on, with a decimal below and close to 100."""
    percent = 100 * share
    return f"{percent:.0f}" if 10 <= percent <= 99 or percent in (0, 100) else f"{percent:.1f}"


def render(template: str, **values: Any) -> str:
    """A template of verify/report/templates with everything it is given escaped, as trusted markup."""
    return _engine().get_template(template).render(**values)
