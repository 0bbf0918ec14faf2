r"""Exact tests on functions of one real variable: is it zero, is it positive, is it a sum of
exponentials?

Everything here is one-sided: ``True`` is a proof, ``False`` means *not shown*.  A sum of terms R(z)
e^{q(z)}, R rational and q polynomial, has a unique normal form, since exponentials of polynomials
that differ by more than a constant are linearly independent over the rational functions
(docs/shape/shape.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import sympy as sp
from sympy.core.evalf import PrecisionExhausted

from theory.expressions.pieces import z

__all__ = [
    "Unsettled",
    "constant_value",
    "degree",
    "exponential_sum",
    "is_zero",
    "nonnegative",
    "number_sign",
    "positive",
    "rational",
    "settled",
    "shortest",
    "vanishes",
]


class Unsettled(ValueError):
    """A number on which the answer depends is neither shown to be 0 nor shown to differ from it."""


def is_zero(expression: sp.Expr) -> bool:
    """True only if the expression vanishes identically in all of its symbols.

    Decided over a common denominator, with hyperbolic and trigonometric functions as exponentials;
    exponentials of independent exponents and different functions count as independent, so True is a
    proof.
    """
    if expression == 0:
        return True
    if _far_from_zero(expression):
        return False
    return _is_zero_form(expression)


def _is_zero_form(expression: sp.Expr) -> bool:
    if sp.expand(expression) == 0:
        return True
    written, back = _over_generators(_by_exponentials(expression))
    # log(1 + 1/E) becomes log(1 + E) - log(E), and log(E) the exponent that E stands for.
    written = written.replace(sp.log, lambda argument: sp.log(sp.together(argument)))
    numerator, _ = sp.fraction(sp.together(written))
    return bool(sp.expand(sp.expand(numerator).xreplace(back)) == 0)


_SAMPLES = (0.43, -0.72, 1.31, 1.67, -0.21, 0.89)


def _far_from_zero(expression: sp.Expr) -> bool:
    """Some value is far from 0, in floating point: a quick no, which needs no proof.

    A sum is far from 0 when it is not small against its largest term; a product when all its
    factors are.
    """
    if expression.is_Mul:
        return all(_far_from_zero(factor) for factor in expression.args)
    if expression.is_Pow and expression.exp.is_number:
        return _far_from_zero(expression.base)
    symbols = sorted(expression.free_symbols, key=str)
    try:
        function = sp.lambdify(symbols, sp.Add.make_args(expression), "math", cse=True)
        for turn in range(2):
            arguments = [_SAMPLES[(turn + k) % len(_SAMPLES)] for k in range(len(symbols))]
            values = function(*arguments)
            scale = max(abs(value) for value in values) if expression.is_Add else 1.0
            if abs(sum(values)) > 1e-8 * scale:
                return True
    except (ArithmeticError, AttributeError, NameError, TypeError, ValueError):
        return False
    return False


def _over_generators(expression: sp.Expr) -> tuple[sp.Expr, dict[sp.Expr, sp.Expr]]:
    """The expression with exponentials as powers of few new symbols, and what these stand for.

    exp(Σ λ_i m_i), m_i monomials in the symbols, becomes Π E_i^(λ_i / unit_i) where the λ_i of one
    m_i are rational multiples of a unit; different m_i, and 1 for constants, have symbols of their
    own.
    """
    atoms = expression.atoms(sp.exp)
    rates: dict[sp.Expr, dict[sp.Expr, sp.Expr]] = {}
    for atom in atoms:
        rates[atom] = dict(_monomials(atom.args[0]))
    units: dict[tuple[sp.Expr, sp.Expr], tuple[sp.Symbol, int]] = {}
    for table in rates.values():
        for monomial, rate in table.items():
            rational_part, kind = rate.as_coeff_Mul()
            symbol, denominator = units.get((monomial, kind), (_dummy(kind * monomial), 1))
            units[monomial, kind] = symbol, int(sp.ilcm(denominator, rational_part.q))
    forward, back = {}, {}
    for atom, table in rates.items():
        product = sp.Integer(1)
        for monomial, rate in table.items():
            rational_part, kind = rate.as_coeff_Mul()
            symbol, denominator = units[monomial, kind]
            product *= symbol ** int(rational_part * denominator)
            back[symbol] = sp.exp(kind * monomial / denominator)
        forward[atom] = product
    return expression.xreplace(forward), back


def _dummy(exponent: sp.Expr) -> sp.Symbol:
    """A symbol for an exponential: positive where the exponent is real, which lets logarithms of it
    be taken.
    """
    return sp.Dummy(positive=True) if exponent.is_real else sp.Dummy()


def _monomials(argument: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """(monomial in the symbols, constant coefficient) of an expanded exponent."""
    table: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(argument)):
        coefficient, monomial = term.as_independent(*argument.free_symbols, as_Add=False)
        if not argument.free_symbols:
            coefficient, monomial = term, sp.Integer(1)
        table[monomial] = table.get(monomial, sp.Integer(0)) + coefficient
    return [(monomial, rate) for monomial, rate in table.items() if rate != 0]


def _by_exponentials(expression: sp.Expr) -> sp.Expr:
    kinds = (sp.sin, sp.cos, sp.tan, sp.tanh, sp.sinh, sp.cosh, sp.cot, sp.coth, sp.sech, sp.csch)
    return expression.rewrite(list(kinds), sp.exp)


def constant_value(expression: sp.Expr, point: sp.Expr) -> sp.Expr | None:
    """The value at ``point`` of an expression in z that is shown to be constant around it, else
    None.
    """
    if not expression.has(z):
        return expression
    if not is_zero(sp.diff(expression, z)):
        return None
    value = expression.xreplace({z: point})
    if not (value.is_finite and value.is_real):
        return None
    return shortest(value)


def shortest(value: sp.Expr) -> sp.Expr:
    """The same real number, as a fraction where it is shown to be a simple one: 1/(1 + e) + e/(1 +
    e) is 1.
    """
    if value.is_Rational:
        return value
    digits = value.evalf(40, maxn=200)
    if abs(digits) < sp.Float("1e-25"):
        return sp.Integer(0) if is_zero(value) else value
    simple = sp.nsimplify(digits, rational=True, tolerance=sp.Float("1e-25"))
    if simple.q < 10**6 and is_zero(value - simple):
        return simple
    return sp.expand(value)


@lru_cache(maxsize=4096)
def number_sign(value: sp.Expr) -> int | None:
    """-1, 0 or 1 for an exact real number; None when it is not real or 60 digits leave it open.

    A sign is taken from an evaluation that is off 0 by far more than its error; 0 only from an
    exact simplification.
    """
    value = sp.sympify(value)
    if value.is_Rational:
        return int(sp.sign(value))
    if value in (sp.oo, -sp.oo):
        return 1 if value == sp.oo else -1
    parts = _digits(value)
    if parts is None or abs(parts[1]) > _SMALL:
        return None
    if abs(parts[0]) > _SMALL:
        return 1 if parts[0] > 0 else -1
    return 0 if _is_zero_number(value) else None


@lru_cache(maxsize=4096)
def vanishes(value: sp.Expr) -> bool | None:
    """Is an exact complex number 0?  None when 60 digits leave it open."""
    value = sp.sympify(value)
    if value.is_Rational:
        return bool(value == 0)
    parts = _digits(value)
    if parts is not None and max(abs(parts[0]), abs(parts[1])) > _SMALL:
        return False
    return True if _is_zero_number(value) else None


_SMALL = sp.Float("1e-40", 60)


def _digits(value: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """Real and imaginary part to 60 digits; None for what has no finite value."""
    try:
        real, imaginary = value.evalf(60, maxn=400, strict=True).as_real_imag()
    except PrecisionExhausted:
        return None
    if not all(part.is_Float or part.is_Rational for part in (real, imaginary)):
        return None
    return real, imaginary


def _is_zero_number(value: sp.Expr) -> bool:
    return is_zero(value) or sp.simplify(value) == 0


def rational(expression: sp.Expr) -> bool:
    """A quotient of polynomials in z with constant coefficients."""
    return bool(expression.is_rational_function(z))


def positive(expression: sp.Expr) -> bool:
    """True only if the expression is greater than 0 at every real z."""
    return _sign(expression, strict=True) == 1


def nonnegative(expression: sp.Expr) -> bool:
    """True only if the expression is at least 0 at every real z where it is defined."""
    return expression == 0 or _sign(expression, strict=False) == 1


def _sign(f: sp.Expr, strict: bool) -> int:
    """1 or -1 for a function of one sign on the whole line, 0 when none is shown; 0 itself has
    both.
    """
    if not f.has(z):
        return number_sign(f) or 0
    if f.is_polynomial(z):
        decide = _definite if strict else _semidefinite
        return 1 if decide(f) else -1 if decide(-f) else 0
    if isinstance(f, sp.exp | sp.cosh | sp.sech):
        return int(_real(f.args[0]))
    if f.is_Mul:
        return int(sp.prod([_sign(factor, strict) for factor in f.args]))
    if f.is_Pow:
        return _sign_of_power(f.base, f.exp, strict)
    if f.is_Add:
        strictly = {_sign(part, True) for part in f.args}
        for sign in (1, -1):
            if sign in strictly or not strict:
                weak = all(_sign(part, False) == sign for part in f.args)
                if weak:
                    return sign
        return int(_above_its_waves(f))
    return 0


def _sign_of_power(base: sp.Expr, power: sp.Expr, strict: bool) -> int:
    if power.has(z) or not power.is_real:
        return 0
    sign = _sign(base, strict)
    if power.is_integer and power.is_even:
        return abs(sign) if strict else int(_real(base))
    return sign if power.is_integer or sign == 1 else 0


def _real(expression: sp.Expr) -> bool:
    return bool(expression.is_extended_real)


def _definite(polynomial: sp.Expr) -> bool:
    poly = _poly(polynomial)
    if poly is None or poly.count_roots() != 0:
        return False
    return number_sign(poly.eval(0)) == 1


def _semidefinite(polynomial: sp.Expr) -> bool:
    """Every real root has even multiplicity, and one value is positive."""
    poly = _poly(polynomial)
    if poly is None:
        return False
    if any(power % 2 and part.count_roots() for part, power in poly.sqf_list()[1]):
        return False
    return number_sign(poly.LC()) == 1


def _poly(expression: sp.Expr) -> sp.Poly | None:
    """The polynomial over the rationals, which is where roots are counted exactly."""
    poly = sp.Poly(expression, z)
    return poly if poly.domain.is_ZZ or poly.domain.is_QQ else None


_WAVES = (sp.sin, sp.cos, sp.tanh, sp.erf)


def _above_its_waves(total: sp.Expr) -> bool:
    """A constant that exceeds the amplitudes of bounded terms: 2 + sin z."""
    least = sp.Integer(0)
    for part in total.args:
        if not part.has(z) or nonnegative(part):
            least += part if not part.has(z) else 0
            continue
        factor, wave = part.as_independent(z)
        natural = wave.is_Pow and wave.exp.is_Integer and wave.exp.is_positive
        base = wave.base if natural else wave
        if not (isinstance(base, _WAVES) and _real(base.args[0])):
            return False
        least -= abs(factor)
    return number_sign(least) == 1


def settled(polynomial: sp.Expr) -> sp.Poly:
    """A polynomial in z whose coefficients are all shown to differ from 0, after those that are 0
    are dropped.

    Raises
    ------
    Unsettled: a coefficient may or may not be 0.
    """
    poly = sp.Poly(polynomial, z)
    kept = {}
    for (power,), coefficient in poly.terms():
        zero = vanishes(coefficient)
        if zero is None:
            raise Unsettled(f"is {coefficient} zero?")
        if not zero:
            kept[power,] = coefficient
    return sp.Poly.from_dict(kept, z) if kept else sp.Poly(0, z)


def exponential_sum(expression: sp.Expr) -> Mapping[sp.Expr, sp.Expr] | None:
    """The rational coefficients R_q of Σ_q R_q(z) e^{q(z)}, by the non-constant part q, or None.

    The exponents q are polynomials in z without constant term (sin and cos give imaginary ones) and
    pairwise shown to differ; coefficients that vanish are left out; key 0 holds the purely rational
    part.

    Raises
    ------
    Unsettled: two exponents may or may not be the same.
    """
    total = sp.expand(_by_exponentials(expression))
    coefficients: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(total, power_exp=False)):
        exponent, coefficient = sp.Integer(0), sp.Integer(1)
        for factor in sp.Mul.make_args(term):
            if isinstance(factor, sp.exp):
                exponent += factor.args[0]
            elif factor.is_Pow and isinstance(factor.base, sp.exp) and factor.exp.is_number:
                exponent += factor.base.args[0] * factor.exp
            else:
                coefficient *= factor
        exponent = sp.expand(exponent)
        if not (exponent.is_polynomial(z) and rational(coefficient)):
            return None
        constant = exponent.xreplace({z: sp.Integer(0)})
        key = _same(settled(exponent - constant).as_expr(), coefficients)
        coefficients[key] = coefficients.get(key, sp.Integer(0)) + coefficient * sp.exp(constant)
    return {key: value for key, value in coefficients.items() if not is_zero(value)}


def _same(exponent: sp.Expr, keys: Iterable[sp.Expr]) -> sp.Expr:
    """The key that equals the exponent, or the exponent itself when all are shown to differ."""
    for key in keys:
        if key == exponent or settled(key - exponent).is_zero:
            return key
    return exponent


def degree(expression: sp.Expr) -> int | None:
    """deg(numerator) - deg(denominator) of a rational function of z, exact; None for 0.

    Raises
    ------
    Unsettled: a leading coefficient may or may not be 0.
    """
    numerator, denominator = sp.fraction(sp.cancel(sp.together(expression)))
    top, bottom = settled(numerator), settled(denominator)
    return None if top.is_zero else int(top.degree() - bottom.degree())
