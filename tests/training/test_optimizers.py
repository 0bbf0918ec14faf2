"""What each optimizer of torch keeps of the conserved quantities."""

from __future__ import annotations

from verify.report.lab import TINY, Lab
from verify.training.optimizers import NAMES, survival


def test_what_each_optimizer_keeps() -> None:
    lab = Lab(TINY)
    kept = {name: survival(lab, name, 4) for name in NAMES}
    for name in ("SGD", "SGD, momentum 0.9", "SGD, Nesterov 0.9"):
        assert kept[name].deviations < 1e-12 and kept[name].ratios < 1e-10
    decay = kept["SGD, weight decay 0.01"]
    assert decay.ratios < 1e-10 and decay.shape < 1e-12 and decay.deviations > 1e-6
    adam = kept["Adam"]
    assert adam.deviations < 1e-10 and adam.ratios > 1e-2
