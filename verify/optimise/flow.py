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

    At the ``times`` (T,), or, if that is one number, at every step up to it, or to the first at
    which ``settled`` is not positive.

    Raises
    ------
    RuntimeError: the integrator gave up.
    """
    # A third of a second, which those that only step need not wait.
    from scipy import integrate

    options = {"rtol": accuracy, "atol": accuracy}
    if isinstance(times, float):
        solver = getattr(integrate, method)(lambda _, y: slope(y), 0.0, start, times, **options)
        steps = [np.asarray(start, dtype=float)]
        # scipy's own events look for the crossing on an interpolant, which rounding may keep from
        # crossing at all.
        while solver.status == "running" and not (settled and settled(steps[-1]) <= 0):
            said = solver.step()
            steps.append(solver.y.copy())
        if solver.status == "failed":
            raise RuntimeError(said)
        return np.array(steps), int(solver.nfev)
    if method == "LSODA":
        # The same integrator, with its steps in compiled code.
        with warnings.catch_warnings(action="ignore"):
            y, report = integrate.odeint(
                lambda _, y: slope(y),
                start,
                times,
                mxstep=100_000,
                tfirst=True,
                full_output=True,
                **options,
            )
        if report["message"] != "Integration successful.":
            raise RuntimeError(report["message"])
        return np.asarray(y), int(report["nfe"][-1])
    solved = integrate.solve_ivp(
        lambda _, y: slope(y),
        (0.0, float(times[-1])),
        start,
        method=method,
        t_eval=times,
        **options,
    )
    if not solved.success:
        raise RuntimeError(solved.message)
    return np.asarray(solved.y.T), int(solved.nfev)
