"""Leading terms at infinity against values at large arguments; analytic functions against their
poles.
"""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from theory.expressions.asymptotics import UnknownOrder, analytic, order, slopes_at_infinity
from theory.expressions.pieces import z

oo, half = sp.oo, sp.Rational(1, 2)
leaves = st.sampled_from(
    [
        z,
        -z,
        z - 2,
        3 * z + 1,
        sp.Integer(2),
        sp.exp(z),
        sp.exp(-z),
        sp.exp(-(z**2)),
        sp.tanh(z),
        sp.atan(z),
        sp.erf(-z),
        sp.sin(z),
        sp.log(1 + z**2),
        sp.sqrt(1 + z**2),
        1 / (1 + sp.exp(-z)),
        z**3,
    ]
)
functions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda f, g: f + g, inner, inner),
        st.builds(lambda f, g: f * g, inner, inner),
        st.builds(sp.tanh, inner),
        st.builds(lambda f: sp.log(1 + f**2), inner),
        st.builds(lambda f: 1 / (1 + f**2), inner),
        st.builds(lambda f: sp.exp(-(f**2)), inner),
    ),
    max_leaves=4,
)
FAR = (sp.Integer(40), sp.Integer(160))


@given(functions)
@example(z + sp.log(1 + z**2) ** 2)
@settings(deadline=None)
def test_leading_terms_and_bounds(f: sp.Expr) -> None:
    """f / (c z^k e^{λz}) comes closer to 1, or f / (z^k e^{λz}) does not grow, from z = 40 to z =
    160.
    """
    try:
        found = order(f)
    except UnknownOrder:
        return
    if found.rate == -sp.oo:
        assert abs(f.xreplace({z: FAR[1]}).evalf(30, maxn=4000)) < sp.Float("1e-60")
        return
    scale = z**found.power * sp.exp(found.rate * z)
    near, far = (sp.sympify((f / scale).xreplace({z: at})).evalf(30, maxn=4000) for at in FAR)
    if found.leading is not None:
        lead = found.leading.evalf(30)
        # What is left out is at least as small as a logarithm squared against z.
        assert abs(far / lead - 1) <= max(
            sp.Rational(9, 10) * abs(near / lead - 1), sp.Float("1e-9")
        )
    else:
        assert abs(far) <= 2 * abs(near) + 20


ORDERS = {
    sp.Integer(0): (0, -oo, None, True),
    sp.sqrt(2) - sp.sqrt(8) / 2: (0, -oo, None, True),
    sp.Integer(3): (0, 0, 3, False),
    3 * z**2 * sp.exp(5 - 2 * z): (2, -2, 3 * sp.exp(5), False),
    (z * sp.sin(z)) ** 3: (3, 0, None, False),
    (z * sp.log(z)) ** 2: (3, 0, None, True),
    sp.exp(-(z**2)) ** 2: (0, -oo, None, True),
    sp.exp(sp.sqrt(z) - z): (0, -half, None, True),
    sp.exp(-z - z**2): (0, -oo, None, True),
    sp.exp(-sp.sqrt(z)): (0, 0, None, True),
    sp.exp(1 / z): (0, 0, 1, False),
    sp.exp(sp.sin(z)): (0, 0, None, False),
    sp.sqrt(4 * z**3 - z): (sp.Rational(3, 2), 0, 2, False),
}
"""k, λ, c, and whether it is o(.)."""


@pytest.mark.parametrize(("f", "expected"), ORDERS.items(), ids=str)
def test_orders(f: sp.Expr, expected: tuple[sp.Expr, sp.Expr, sp.Expr | None, bool]) -> None:
    found = order(f)
    assert (found.power, found.rate, found.leading, found.little) == expected


@pytest.mark.parametrize(
    "f", [1 / sp.sin(z), sp.sqrt(sp.sin(z)), sp.sqrt(-z), z**z, sp.exp(z**2), sp.log(-z)], ids=str
)
def test_orders_that_no_rule_reaches_are_unknown(f: sp.Expr) -> None:
    with pytest.raises(UnknownOrder):
        order(f)


SLOPES = {
    sp.tanh(z): (0, 0),
    sp.log(1 + sp.exp(z)): (0, 1),
    -sp.log(1 + sp.exp(-z)): (1, 0),
    z / 2 * (1 + sp.erf(z)): (0, 1),
    z * sp.tanh(sp.log(1 + sp.exp(z))): (0, 1),
    z - sp.tanh(z): (1, 1),
    z * sp.tanh(z): (-1, 1),
    sp.sqrt(1 + 4 * z**2): (-2, 2),
    z * sp.atan(z): (-sp.pi / 2, sp.pi / 2),
    sp.log(sp.cosh(z)): (-1, 1),
    sp.log(1 + z**2): (0, 0),
    z + sp.sin(z): (1, 1),
    z**2 * sp.exp(-(z**2)): (0, 0),
}


@pytest.mark.parametrize(("f", "expected"), SLOPES.items(), ids=lambda v: str(v))
def test_slopes(f: sp.Expr, expected: tuple[sp.Expr, sp.Expr]) -> None:
    assert slopes_at_infinity(f) == expected


@pytest.mark.parametrize(
    "f", [z**2, sp.exp(z), z * sp.sin(z), z + sp.sqrt(z), sp.tan(z), z * sp.exp(sp.sin(z))], ids=str
)
def test_slopes_that_do_not_exist_are_not_invented(f: sp.Expr) -> None:
    assert slopes_at_infinity(f) is None


TINY = sp.sqrt(2) / 10**50
"""Not 0, but 60 digits do not tell."""


@pytest.mark.parametrize(
    ("f", "reason"),
    [
        (sp.exp(z) + sp.exp((1 + TINY) * z), "two exponents cannot be told apart"),
        (z ** sp.sqrt(2) + z ** (sp.sqrt(2) + TINY), "two exponents cannot be told apart"),
        (z**z, "a variable exponent"),
        ((TINY - 1) * sp.exp(z) + sp.exp(z), r"is sqrt\(2\)/10{50} zero\?"),
    ],
    ids=str,
)
def test_no_order_is_guessed(f: sp.Expr, reason: str) -> None:
    with pytest.raises(UnknownOrder, match=f"^{reason}$"):
        order(f)


ANALYTIC = (
    sp.tanh(z) ** 3,
    sp.sqrt(1 + z**2),
    1 / (2 + sp.cos(z)),
    sp.log(1 + sp.exp(z)),
    sp.erf(z) / (1 + z**2),
    sp.atan(sp.exp(z)),
)
SINGULAR = (
    1 / z,
    sp.sqrt(z),
    sp.log(z),
    sp.tan(z),
    sp.Abs(z),
    1 / (1 + sp.sin(z)),
    sp.sqrt(z**2 - 1),
    sp.cbrt(z),
)


@pytest.mark.parametrize("f", ANALYTIC, ids=str)
def test_analytic(f: sp.Expr) -> None:
    assert analytic(f)


@pytest.mark.parametrize("f", SINGULAR, ids=str)
def test_singular_functions_are_not_called_analytic(f: sp.Expr) -> None:
    assert not analytic(f)
