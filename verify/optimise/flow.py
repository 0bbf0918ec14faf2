"""Gradient flow, y' = -∇L(y), integrated by scipy: no closed form enters."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from numerics.arithmetic.types import Array

__all__ = ["flow"]


def flow(
    slope: Callable[[Array], Array],
    start: Array,
    times: Array | float,
    accuracy: float = 1e-13,
    method: str = "LSODA",
    settled: Callable[[Array], float] | None = None,
) -> tuple[Array, int]:
    """y' = slope(y) from ``start`` (D,) at time 0: y (T, D) and the number of evaluations.

    At the ``times`` (T,), or, if that is one number, at every step up to it or to where ``settled``
    crosses 0.

    Raises
    ------
    RuntimeError: the integrator gave up.
    """
    # A third of a second, which those that only step need not wait.
    from scipy.integrate import odeint, solve_ivp

    if method == "LSODA" and settled is None and not isinstance(times, float):
        # The same integrator, with its steps in compiled code.
        with warnings.catch_warnings(action="ignore"):
            y, said = odeint(
                lambda _, y: slope(y),
                start,
                times,
                rtol=accuracy,
                atol=accuracy,
                mxstep=100_000,
                tfirst=True,
                full_output=True,
            )
        if said["message"] != "Integration successful.":
            raise RuntimeError(said["message"])
        return np.asarray(y), int(said["nfe"][-1])
    wanted = None if isinstance(times, float) else times
    end = times if isinstance(times, float) else float(times[-1])
    crossed = (lambda _, y: settled(y)) if settled else None
    if crossed:
        crossed.terminal = True  # type: ignore[attr-defined]
    solved = solve_ivp(
        lambda _, y: slope(y),
        (0.0, end),
        start,
        method=method,
        t_eval=wanted,
        events=crossed,
        rtol=accuracy,
        atol=accuracy,
    )
    if not solved.success:
        raise RuntimeError(solved.message)
    return np.asarray(solved.y.T), int(solved.nfev)
