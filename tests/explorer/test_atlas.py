"""The atlas in the page: every cell, with its network in texts of exact fractions."""

from __future__ import annotations

import json
from fractions import Fraction

from verify.explorer.atlas import module
from verify.invariance.atlas import entries


def test_every_cell_is_told() -> None:
    told = json.loads(module().removeprefix("export const atlas = ").rstrip(";\n"))
    assert len(told["cells"]) == len(entries())
    for cell, entry in zip(told["cells"], entries(), strict=True):
        assert cell["feasible"] == (entry.net is not None) == (cell["network"] is not None)
        assert cell["reason"] == entry.reason.name
        if entry.net is not None:
            assert [[Fraction(x) for x in taps] for taps in cell["network"]["w"]] == [
                list(w) for w in entry.net.w
            ]
