"""Random starts: keyed by seed and setting, distributed like torch's."""

from __future__ import annotations

import numpy as np

from verify.models.problem import Setting, initial


def test_start_is_distributed_like_torchs() -> None:
    setting = Setting("relu", 2, 5)
    start = initial(setting, 2000, 0)
    for values, fan_in in ((start.w, 5), (start.b, 5), (start.a, 2), (start.c, 2)):
        edge = 1 / np.sqrt(fan_in)
        assert np.max(np.abs(values)) <= edge
        # The mean of m uniform numbers is off by edge/sqrt(3m); five of those.
        assert abs(np.mean(values)) <= 5 * edge / np.sqrt(3 * values.size)
        assert np.max(np.abs(values)) >= edge * (1 - 20 / values.size)
