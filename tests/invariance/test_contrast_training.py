"""What is trained on unknown contrasts."""

from __future__ import annotations

from theory.invariance.contrast import CLAIM, LAW
from verify.invariance.contrast_training import MUTE, mute, silent
from verify.report.lab import TINY, Lab


def test_free_channels_are_exact_by_counting_silence() -> None:
    """Cause: from torch's starts nearly none becomes exact, so that nothing was compared."""
    nets = mute(Lab(TINY, 3))
    exact, strange, off = silent(LAW, nets)
    assert 2 * exact > MUTE and strange == 0 and off <= 1
    wrong = next(wrong.law for wrong in CLAIM.wrong if wrong.name == "the lit pixels are counted")
    assert silent(wrong, nets)[2] > 1
