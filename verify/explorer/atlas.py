"""The atlas of invariance as a module of JavaScript: ``atlas``, a cell for every task, with its
network or the theorem against it.
"""

from __future__ import annotations

import json
from typing import Any

from verify.invariance.atlas import AtlasEntry, entries
from verify.invariance.networks import HALF_LENGTH
from verify.invariance.table import PADDINGS, UNKNOWNS

__all__ = ["module"]


def module() -> str:
    """The text of the module."""
    told = {
        "halfLength": HALF_LENGTH,
        "unknowns": dict(UNKNOWNS),
        "paddings": dict(PADDINGS),
        "cells": [_cell(entry) for entry in entries()],
    }
    return f"export const atlas = {json.dumps(told, ensure_ascii=False)};\n"


def _cell(entry: AtlasEntry) -> dict[str, Any]:
    place, net, loss = entry.place, entry.net, entry.loss
    return {
        "unknown": place.unknown,
        "readout": place.readout,
        "radii": place.radii,
        "padding": place.padding,
        "kind": place.kind,
        "feasible": entry.status == "feasible",
        "reason": entry.reason.name,
        "loss": loss and {"value": str(loss.value), "attained": loss.attained},
        "network": net
        and {
            "sigma": {
                "name": net.sigma.name,
                "slope": str(net.sigma.slope),
                "level": str(net.sigma.level),
                "bends": [[str(t), str(jump)] for t, jump in net.sigma.bends],
            },
            "w": [list(map(str, taps)) for taps in net.w],
            "b": list(map(str, net.biases)),
            "a": [list(map(str, a)) if isinstance(a, tuple) else str(a) for a in net.a],
            "c": str(net.offset),
        },
    }
