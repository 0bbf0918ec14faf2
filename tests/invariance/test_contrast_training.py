"""Networks trained at unknown contrast: free ones, and rulers."""

from __future__ import annotations

import numpy as np
import torch

from theory.invariance.contrast import CLAIM, LAW
from verify.invariance.contrast_training import MUTE, mute, silent
from verify.invariance.dense_readout import DenseReadout, spectrum, train
from verify.report.lab import TINY, Lab


def test_free_channels_are_exact_by_counting_silence() -> None:
    """Cause: from torch's starts nearly none becomes exact, so that nothing was compared."""
    nets = mute(Lab(TINY, 3))
    exact, strange, off = silent(LAW, nets)
    assert 2 * exact > MUTE and strange == 0 and off <= 1
    wrong = next(wrong.law for wrong in CLAIM.wrong if wrong.name == "the lit pixels are counted")
    assert silent(wrong, nets)[2] > 1


def test_a_trained_ruler_errs_off_centre_until_it_has_seen_shifts() -> None:
    """torch: trained at the centre it is right there only; trained on shifted pulses it is a ruler."""
    length, chosen = 8, (0, 1, 2)
    centred = [(k, 0) for k in chosen]
    shifted = [(k, s) for k in chosen for s in range(4)]
    i = np.arange(-length, length + 1)
    signal = lambda pairs: torch.tensor(np.array([0.25 + 1.5 * (np.abs(i - s) <= k) for k, s in pairs]))  # fmt: skip
    worst = []
    for pairs in (centred, shifted):
        torch.manual_seed(0)
        net = DenseReadout("hardtanh", len(i), 3, False, (-1.0, 1.0, 0.0))
        with torch.no_grad():
            features = net.features(signal(pairs)).numpy()
        top, low = (2 * v * v / len(pairs) for v in spectrum(features, False))
        target = torch.tensor([k + 0.5 for k, _ in pairs], dtype=torch.float64)
        train(net, signal(pairs), target, int(20 * top / low), 2 / (top + low))
        with torch.no_grad():
            off = net(signal([(1, s) for s in range(4)])) - 1.5
        worst.append(float(off.abs().max()))
    assert worst[0] > 0.1 and worst[1] < 1e-9
