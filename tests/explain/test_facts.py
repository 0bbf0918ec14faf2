"""The numbers of an account are those of a plain simulation."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from numerics.certificates.conditions import exact_of
from numerics.pulse.exact_error import summary
from tests.accounts import SETUP, account_of, account_of_exact, error_of, readout_of
from tests.strategies import Exact, handful, linear_exact
from verify.explain.value import document

F = Fraction


LINEAR = ([[0.5, 0.25, 0.25]], [0.5], [0.5], -3.25)


@st.composite
def relu_like(draw: st.DrawFn) -> tuple[Any, str]:
    """Any small network on multiples of 1/8."""
    number = st.integers(-16, 16).map(lambda k: k / 8)
    channels = draw(st.integers(1, 2))
    each = st.lists(number, min_size=channels, max_size=channels)
    w = draw(
        st.lists(st.lists(number, min_size=3, max_size=3), min_size=channels, max_size=channels)
    )
    name = draw(st.sampled_from(("relu", "abs", "leaky_relu", "hardtanh", "identity")))
    return (w, draw(each), draw(each), draw(number)), name


@handful
@given(relu_like())
@example((([[0.0, 0.0, 0.0]], [0.0], [0.0], 0.0), "relu"))
@example((LINEAR, "abs"))
def test_numbers_are_those_of_a_simulation(case: Any) -> None:
    """On the plateau of 13 pixels, r = 2.5, 3.5, 4.5 are cell ends, where D is 0: the error is α r
    + β.
    """
    net, name = case
    told = {**SETUP, "activation": name}
    said = account_of(*net, told)
    found = document(said)
    values = [error_of(*net, name, F(k, 2), 6) for k in (5, 7, 9)]
    slope = values[1] - values[0]
    assert values[2] - values[1] == slope
    assert abs(found["residuals"]["slope"] - float(slope)) < 1e-12
    assert abs(found["residuals"]["offset"] - float(values[0] - slope * F(5, 2))) < 1e-12
    inside = [
        error_of(*net, name, F(5, 2) + F(k, 16), 6) - values[0] - slope * F(k, 16)
        for k in range(16)
    ]
    assert max(map(abs, inside)) <= F(found["residuals"]["subpixel"]) + F(1, 10**12)
    worst = found["worst_error"]
    assert all(
        abs(error_of(*net, name, F(3, 2) + F(k, 8), 6)) <= F(worst["value"]) for k in range(29)
    )
    assert abs(error_of(*net, name, F(worst["radius"]), 6)) == F(worst["value"])
    loss = found["loss"]
    exact = exact_of(said.stored, name)
    assert exact is not None
    mean = summary(exact, said.setup.domain).mean_square
    assert (
        sum(map(F, loss["exact_parts"].values())) == F(loss["exact"]) == F(int(mean.p), int(mean.q))
    )


@handful
@given(linear_exact(), st.integers(1, 64))
def test_a_change_of_the_readout_costs_its_sensitivity(exact: Exact, k: int) -> None:
    """J(a_k + t) = J + t gradient + t² sensitivity, nothing else: the loss is a square in the
    readout.
    """
    before = account_of_exact(exact)
    net = exact_of(before.stored, exact.name)
    assert net is not None
    t = k / 64
    a, c = [float(F(int(x.p), int(x.q))) for x in net.a], float(F(int(net.c.p), int(net.c.q)))
    w, b = (
        [[float(F(int(x.p), int(x.q))) for x in row] for row in rows] for rows in (net.w, [net.b])
    )
    after = account_of(w, b[0], [a[0] + t, *a[1:]], c, before.setup.as_dict())
    change = F(document(after)["loss"]["exact"]) - F(document(before)["loss"]["exact"])
    one = readout_of(before)
    step = F(a[0] + t) - F(a[0])
    expected = step * F(one["gradient"][0]) + step**2 * F(one["sensitivity"])
    assert abs(change - expected) <= F(1, 10**12) * (abs(change) + 1)
