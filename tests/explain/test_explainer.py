"""Who explains a network."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from verify.explain import images, signals
from verify.explain.explainer import explainer
from verify.models.checkpoint import Checkpoint


def test_filters_say_who_explains_them() -> None:
    a = np.ones(1)
    assert explainer(Checkpoint(np.ones((1, 3)), a, None, None, {})) == (
        signals.too_much,
        signals.explain,
    )
    assert explainer(Checkpoint(np.ones((1, 3, 3)), a, None, None, {})) == (
        images.too_much,
        images.explain,
    )


def test_a_signal_does_not_wait_for_the_chapter_on_disks() -> None:
    code = (
        "import sys; import verify.explain.signals, verify.explain.text;"
        " sys.exit('theory.disk.linear_regions' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
