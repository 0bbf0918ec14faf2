"""Mutants that no test can kill, since they compute the same: module, change, reason."""

from __future__ import annotations

__all__ = ["EQUIVALENT"]

EQUIVALENT: dict[str, dict[str, str]] = {}
