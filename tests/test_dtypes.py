"""What takes an ArrayLike makes float64 of it, as the package's docstring says."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import numerics
from numerics.training.linear_cell import coordinates

W, A = np.ones((1, 2, 3)), np.ones((1, 2))
CONE = coordinates(W, A)
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "disk.disk.arcs": lambda f, x: f(x, 0, 1),
    "disk.disk.disk": lambda f, x: f(x, 4),
    "disk.disk.disk_bound": lambda f, x: f(x),
    "disk.disk.pixels": lambda f, x: f(x, 0, 1),
    "disk.lattice.fluctuation": lambda f, x: f(np.ones((1, 3, 3)), np.zeros(1), np.abs, x),
    "disk.lattice.hurwitz": lambda f, x: f(-1.0, x),
    "disk.lattice.swing": lambda f, x: f(x),
    "disk.perimeter.strength": lambda f, x: f(np.ones((2, 3, 3)), x, np.abs),
    "disk.perimeter.strength_bound": lambda f, x: f(np.ones((2, 3, 3)), x),
    "training.active.lowest_sum": lambda f, x: f(W, A, x[:1]),
    "training.active.margins": lambda f, x: f(W, A, x[:1]),
    "training.noise.bivariate_cdf": lambda f, x: f(x, x, x / 4),
    "training.steps.change_bound": lambda f, x: f(CONE, -x[:1], x[:1]),
    "training.steps.drift_bound": lambda f, x: f(CONE, 1.0, x[:1] / 64),
    "training.steps.drift_from_losses": lambda f, x: f(CONE, 1.0, x[:1] / 64, np.ones((3, 1))),
    "training.steps.end_at": lambda f, x: f(W, A, x[:1]),
    "training.steps.factors_at": lambda f, x: f(CONE, x[:1]),
    "training.steps.path_error": lambda f, x: f(CONE, 1.0, x[:1] / 64),
    "training.steps.shift_error": lambda f, x: f(CONE, 1.0, x[:1] / 64),
}
"""By name: a call with an array of two numbers between 0 and 1."""


def _taking() -> Iterator[str]:
    """The public functions of numerics that take an ArrayLike for numbers."""
    for info in pkgutil.walk_packages(numerics.__path__, "numerics."):
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", ()):
            function = getattr(module, name)
            if inspect.isfunction(function) and function.__module__ == info.name:
                kinds = dict(function.__annotations__)
                if kinds.pop("return", "") != "Flags" and "ArrayLike" in kinds.values():
                    yield f"{info.name}.{name}"


def test_each_is_called() -> None:
    assert sorted(_taking()) == [f"numerics.{name}" for name in sorted(CALLS)]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_shorter_type_is_widened(name: str, dtype: type) -> None:
    """All is computed in float64: the answer is that to the same numbers in float64."""
    path, _, word = f"numerics.{name}".rpartition(".")
    function, x = getattr(importlib.import_module(path), word), np.array([0.5, 0.75], dtype)
    found, wide = (CALLS[name](function, each) for each in (x, x.astype(float)))
    pairs = zip(found, wide, strict=True) if isinstance(found, tuple) else [(found, wide)]
    for one, other in pairs:
        assert one.dtype == np.float64
        assert np.array_equal(one, other, equal_nan=True)
