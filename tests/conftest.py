"""Every test starts from the same state: seeds, precisions, one thread, a named Hypothesis profile.

The profile is chosen by the variable HYPOTHESIS_PROFILE: ``dev`` (default, new examples every run),
``ci`` (the same examples every run), ``thorough`` (many more, for a release or a long night).
"""

from __future__ import annotations

import gc
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# One thread per process, set before numpy and torch load their pools: sums then keep one order, and
# pytest-xdist's workers do not compete for the same cores.
os.environ["OMP_NUM_THREADS"] = "1"
# What is imported and collected stays: no collection of garbage goes through it, now or later.
gc.disable()

import flint
import matplotlib
import mpmath
import numpy as np
import pytest
import torch
from hypothesis import register_random, settings

torch.set_num_threads(1)
matplotlib.use("agg")

settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile("ci", max_examples=30, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


class _TorchRandom:
    """torch's generator under the interface by which Hypothesis reseeds it for every example.

    ``torch.manual_seed`` is not used: each call also keeps a printed stack for every kind of
    device.
    """

    seed = staticmethod(torch.default_generator.manual_seed)
    getstate = staticmethod(torch.default_generator.get_state)
    setstate = staticmethod(torch.default_generator.set_state)


_TORCH_RANDOM = _TorchRandom()  # Hypothesis keeps a weak reference only
register_random(_TORCH_RANDOM)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """All is collected: from here on garbage is what the tests leave."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _same_start() -> Iterator[None]:
    """Reseed before each test; restore every global precision after it."""
    random.seed(0)
    np.random.seed(0)
    _TORCH_RANDOM.seed(0)
    precisions = mpmath.mp.prec, flint.ctx.prec, torch.get_default_dtype(), np.geterr()
    yield
    mpmath.mp.prec, flint.ctx.prec = precisions[:2]
    torch.set_default_dtype(precisions[2])
    np.seterr(**precisions[3])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, being in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium without a network."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "no chromium on the path: on Debian, apt-get install chromium"
    options = ["gpu", "background-networking", "quic", "sync", "component-update"]
    with sync_playwright() as engine:
        chromium = engine.chromium.launch(
            executable_path=program,
            chromium_sandbox=False,
            args=["--no-first-run", *(f"--disable-{name}" for name in options)],
        )
        yield chromium
        chromium.close()
