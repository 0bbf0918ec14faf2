"""Where networks on disks end: the table, losses between the radii, and the floors of crests."""

from __future__ import annotations

import numpy as np
import torch

from verify.disk.claims import shares as evidence
from verify.disk.endings import CREST, between
from verify.disk.networks import disks
from verify.disk.trained import R as R71
from verify.disk.trained import trained
from verify.models.networks import load
from verify.models.problem import NetworkShape
from verify.report.lab import TINY, Lab


def test_a_row_of_the_table_counts_every_network() -> None:
    """The same numbers by hand; and one cell for each name in the header."""
    one = trained(Lab(TINY), NetworkShape("relu", 1), 6)
    header, (cells,) = evidence.table_of([one])
    row = dict(zip(header, cells, strict=True))
    assert len(header) == len(set(header)) == len(cells)
    assert row["networks"] == "6"
    assert int(row["dead"]) == np.sum(one.losses > (1 - 1e-6) * np.var(R71))
    assert row["least loss"] == f"{np.min(one.losses):.2e}"
    assert int(row["came to rest"]) <= int(row["at the level of their pieces"]) <= 6
    assert abs(sum(float(row[name]) for name in ("area", "perimeter", "rest")) - 1) < 2e-3
    _, (plain,) = evidence.table_of([trained(Lab(TINY), NetworkShape("tanh", 1), 3)])
    assert plain[header.index("came to rest")] == ""


def test_losses_between_the_radii_are_those_of_torch() -> None:
    one = trained(Lab(TINY), NetworkShape("abs", 1), 3)
    middle = (R71[1:] + R71[:-1]) / 2
    for j, loss in enumerate(between(one)):
        net = load(one.shape, one.nets, j)
        with torch.no_grad():
            error = net(disks(middle, 13)).numpy() - middle
        assert abs(np.mean(error**2) / loss - 1) < 1e-6


def test_crests_are_lower_with_the_area_beside_them() -> None:
    assert all(beside < alone for alone, beside in CREST.values())
    assert min(CREST, key=lambda step: CREST[step][1]) == (1, 0)
