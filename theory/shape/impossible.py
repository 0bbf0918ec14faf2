r"""Why no network of any size is exact: the obstructions, each with the exact steps that establish
it.

An exact network makes a constant out of dilated, shifted copies of σ': on some interval of φ

    Σ_j c_j f_j'(α_j φ + β_j) = 1,    α_j != 0,    each f_j one of the analytic branches of σ
    (theory.shape.span).

Such an identity continues analytically, and the continuation contradicts one of these:

- *asymptotes*: the branches are analytic on the real line and s_- + s_+ = 0 for each: the sum of
  the limits at φ -> ±∞ is 0, and should be 2;
- *exponentials*: f' = Σ R_q(z) e^{q(z)}: terms of different exponents are independent over the
  rational functions, and the rational part vanishes at infinity, so it is not 1;
- *verticals*: f' tends to 0 along every vertical line, up and down;
- *one exponential*, *nearest pole*: in σ' = s + ... every copy carries a singular term that only
  its own mirror image can cancel, and what is left of the two is 0 altogether.

The theorems are proved in docs/shape/shape.md.  Their premises are found here by exact rules; each
step asks the premise once more of σ itself, by evaluations that share nothing with these rules
(:mod:`theory.shape.crosscheck`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy as sp

from theory.claim import Step
from theory.expressions.asymptotics import UnknownOrder, analytic, order, slopes_at_infinity
from theory.expressions.normal_form import (
    Unsettled,
    degree,
    exponential_sum,
    is_zero,
    rational,
    settled,
    vanishes,
)
from theory.expressions.pieces import z
from theory.shape import crosscheck

__all__ = ["OBSTRUCTIONS", "Obstruction", "Pole", "obstructions", "poles"]

Branches = tuple[sp.Expr, ...]


@dataclass(frozen=True)
class Obstruction:
    """A proof that no finite network is exact.

    Attributes
    ----------
    theorem: its name in the documentation.
    steps: the premises, found exactly; each holds if evaluations of σ agree.
    reason: the proof in one sentence.
    """

    theorem: str
    steps: tuple[Step, ...]
    reason: str


def _asymptotes(branches: Branches) -> Obstruction | None:
    steps = []
    for f in branches:
        derivative = sp.diff(f, z)
        if rational(derivative):
            top = degree(derivative)
            if top is not None and top >= 0:
                return None
            falls = crosscheck.fades(derivative)
            steps.append(Step(f"the derivative of {f} is rational and tends to 0", falls))
            continue
        slopes = slopes_at_infinity(f) if analytic(f) else None
        if slopes is None or vanishes(slopes[0] + slopes[1]) is not True:
            return None
        steps += _limits(f, slopes)
        cancel = crosscheck.slopes_cancel(f)
        steps.append(Step(f"its asymptotic slopes {slopes[0]} and {slopes[1]} add up to 0", cancel))
    reason = (
        "an exact network stays exact when φ runs to ±∞, where its slopes would have to add up to"
        " 2; they add up to 0, because the asymptotic slopes of σ cancel"
    )
    return Obstruction("asymptotes", tuple(steps), reason)


def _limits(f: sp.Expr, slopes: tuple[sp.Expr, sp.Expr]) -> list[Step]:
    """f is analytic, and f(z)/z has these limits."""
    left, right = slopes
    return [
        Step(f"{f} is analytic on the real line", crosscheck.regular(f)),
        Step(
            f"divided by z it tends to {left} at -∞ and to {right} at +∞",
            crosscheck.slopes_are(f, left, right),
        ),
    ]


def _exponentials(branches: Branches) -> Obstruction | None:
    steps = []
    for f in branches:
        derivative = sp.diff(f, z)
        parts = exponential_sum(derivative)
        if parts is None:
            return None
        remainder = parts.get(sp.Integer(0), sp.Integer(0))
        if remainder != 0 and (degree(remainder) or 0) >= 0:
            return None
        exponents = ", ".join(str(q) for q in parts if q != 0) or "none"
        added = sp.Add(*(factor * sp.exp(q) for q, factor in parts.items()))
        equal = crosscheck.same_off_the_line(derivative, added)
        steps.append(Step(f"derivative of {f}: a sum of R(z) exp(q(z)), q: {exponents}", equal))
        fades = crosscheck.fades(remainder)
        steps.append(Step(f"its rational part {remainder} vanishes at infinity", fades))
    reason = (
        "copies of σ' are sums of rational functions times exponentials of polynomials, which are"
        " linearly independent; the purely rational part vanishes at infinity, so it is never the"
        " constant 1"
    )
    return Obstruction("exponentials", tuple(steps), reason)


def _verticals(branches: Branches) -> Obstruction | None:
    steps = []
    for f in branches:
        derivative = sp.diff(f, z)
        if not (_falls_algebraically(derivative) or _falls_periodically(derivative)):
            return None
        falls = crosscheck.fades_vertically(derivative)
        steps.append(Step(f"the derivative of {f} tends to 0 along every vertical line", falls))
    reason = (
        "continued along vertical lines of the complex plane every copy of σ' tends to 0, and so"
        " does their sum, which would have to stay 1"
    )
    return Obstruction("verticals", tuple(steps), reason)


def _falls_algebraically(derivative: sp.Expr) -> bool:
    """A sum of products of rational functions and real powers of affine ones, of negative degree.

    A vertical line through a point where an affine function is positive never meets its zero.
    """
    terms = sp.Add.make_args(sp.expand(derivative))
    return derivative == 0 or all(_degree_bound(term) < 0 for term in terms)


def _degree_bound(term: sp.Expr) -> sp.Expr:
    """The degree of a product in that class, oo for anything else."""
    total = sp.Integer(0)
    for factor in sp.Mul.make_args(term):
        if not factor.has(z):
            continue
        base, power = factor.as_base_exp()
        affine = base.is_polynomial(z) and settled(base).degree() == 1
        if affine and power.is_Rational:
            total += power
        elif rational(factor):
            total += degree(factor) or 0
        else:
            return sp.oo
    return total


def _falls_periodically(derivative: sp.Expr) -> bool:
    """A rational function of z and e^{iωz} that tends to 0 both ways: tan' for one."""
    written = derivative.rewrite([sp.sin, sp.cos, sp.tan], sp.exp)
    written = _expanded_exponents(written)
    atoms = written.atoms(sp.exp)
    rates = [_rate(atom, sp.I) for atom in atoms]
    if not atoms or any(rate is None for rate in rates):
        return False
    bare = written.xreplace({atom: sp.Dummy() for atom in atoms})
    if not bare.is_rational_function():
        return False
    try:
        ends = [
            order(sp.expand(written.xreplace({z: way * z}), deep=True)) for way in (sp.I, -sp.I)
        ]
    except UnknownOrder:
        return False
    return all(end.vanishes for end in ends)


def _rate(atom: sp.Expr, unit: sp.Expr) -> sp.Expr | None:
    """λ for exp(unit λ z + β) with real λ, else None."""
    argument = sp.expand(atom.args[0])
    if not argument.is_polynomial(z) or settled(argument).degree() != 1:
        return None
    rate = sp.expand(settled(argument).LC() / unit)
    return rate if rate.is_real else None


def _mirror(derivative: sp.Expr, centre: sp.Expr) -> int:
    """1 if f'(2t - z) = f'(z), -1 if it is -f'(z), else 0 (not shown)."""
    image = derivative.xreplace({z: 2 * centre - z})
    image = _expanded_exponents(image)
    if is_zero(image - derivative):
        return 1
    return -1 if is_zero(image + derivative) else 0


_MIRRORED = {
    1: "σ' is its own mirror image about it: the two copies are one, and its coefficient must be 0",
    -1: "σ' changes sign with that mirror image: the two copies are one up to sign, and cancel",
}


def _one_exponential(branches: Branches) -> Obstruction | None:
    """σ' = R_0 + R e^q with deg q >= 2: only mirror images share an exponent."""
    if len(branches) != 1:
        return None
    derivative = sp.diff(branches[0], z)
    parts = exponential_sum(derivative)
    exponents = [q for q in parts or {} if q != 0]
    if parts is None or len(exponents) != 1 or settled(exponents[0]).degree() < 2:
        return None
    q = exponents[0]
    poly = settled(q)
    if not all(coefficient.is_real for coefficient in poly.all_coeffs()):
        return None
    added = parts.get(sp.Integer(0), sp.Integer(0)) + parts[q] * sp.exp(q)
    equal = crosscheck.same_off_the_line(derivative, added)
    first = Step(f"σ' is a rational function plus one times exp({q})", equal)
    top = poly.degree()
    centre = -poly.coeff_monomial(z ** (top - 1)) / (top * poly.LC())
    shift = settled(q.xreplace({z: 2 * centre - z}) - q)
    shared = crosscheck.keeps_quotient(sp.exp(q.xreplace({z: 2 * centre - z})), sp.exp(q))
    if top % 2 or shift.degree() > 0:
        alone = Step("no other copy has the same exponent up to a constant", not shared)
        return _only_itself("one exponential", (first, alone), "exponential")
    factor = parts[q]
    image = factor.xreplace({z: 2 * centre - z}) * sp.exp(shift.as_expr())
    whole = _mirror(derivative, centre)
    same = Step(f"only the mirror image about {centre} has the same exponent", shared)
    if whole:
        image = Step(_MIRRORED[whole], crosscheck.mirrored(derivative, centre, whole))
        return _only_itself("one exponential", (first, same, image), "exponential")
    # Proportional factors have a constant quotient, ±1: R is R(2t - z) up to that sign.
    slope = sp.diff(image / factor, z).xreplace({z: sp.Rational(3, 7)})
    if vanishes(slope) is False:
        apart = not crosscheck.keeps_quotient(image, factor)
        other = Step("their factors are not proportional, so neither cancels the other", apart)
        return _only_itself("one exponential", (first, same, other), "exponential")
    return None


def _only_itself(theorem: str, steps: tuple[Step, ...], what: str) -> Obstruction:
    reason = (
        f"every copy of σ' carries {'an' if what[0] in 'aeiou' else 'a'} {what} that no other copy"
        " cancels but its mirror image, and then the two vanish together: all coefficients are 0,"
        " and so is their sum"
    )
    return Obstruction(theorem, steps, reason)


@dataclass(frozen=True)
class Pole:
    """A pole in the closed upper half-plane: exact place, and to 60 digits its height and the
    coefficient p_k of its highest term p_k (z - place)^{-k}.
    """

    place: sp.Expr
    height: sp.Expr
    top: sp.Expr


def _nearest_pole(branches: Branches) -> Obstruction | None:
    """Exactly one pole of σ' is nearest to the real line in the upper half-plane."""
    if len(branches) != 1:
        return None
    derivative = sp.diff(branches[0], z)
    candidates = poles(derivative)
    if not candidates:
        return None
    candidates.sort(key=lambda pole: pole.height)
    first = candidates[0]
    margin = sp.Float("1e-30", 60)
    if first.height < margin or any(pole.height < first.height + margin for pole in candidates[1:]):
        return None
    centre = sp.re(first.place)
    steps = (
        Step("σ' has no pole on the real line", crosscheck.regular(derivative)),
        Step(
            f"{first.place} is its only nearest pole above the real line",
            crosscheck.only_nearest_pole(derivative, first.place),
        ),
    )
    whole = _mirror(derivative, centre)
    if whole:
        image = Step(_MIRRORED[whole], crosscheck.mirrored(derivative, centre, whole))
        return _only_itself("nearest pole", (*steps, image), "pole")
    # The mirror image has the principal part conj(P)(-t): for real c, c' with c P + c' conj(P)(-t)
    # = 0 the highest coefficient would have to be ± its own conjugate, that is real or imaginary.
    real, imaginary = (abs(part) for part in first.top.as_real_imag())
    if min(real, imaginary) > margin:
        name = "its highest coefficient is neither real nor imaginary"
        other = Step(name, crosscheck.oblique(derivative, first.place))
        return _only_itself("nearest pole", (*steps, other), "pole")
    return None


_POWER = sp.Symbol("E", positive=True)
"""Stands for e^{λz}."""


def _over_power(derivative: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """(f' as a rational function of z and E = e^{λz}, λ > 0), or None; λ = 1 where there is no
    exponential.
    """
    written = _expanded_exponents(derivative.rewrite([sp.tanh, sp.sinh, sp.cosh], sp.exp))
    atoms = sorted((atom for atom in written.atoms(sp.exp) if atom.has(z)), key=sp.default_sort_key)
    rates: list[sp.Expr] = []
    for atom in atoms:
        rate = _rate(atom, sp.Integer(1))
        if rate is None or not (rates == [] or (rate / rates[0]).is_Rational):
            return None
        rates.append(rate)
    unit = sp.Integer(1)
    if rates:
        unit = abs(rates[0]) * sp.gcd([abs(rate / rates[0]) for rate in rates])
    powers = {
        atom: sp.exp(atom.args[0].xreplace({z: sp.Integer(0)})) * _POWER ** (rate / unit)
        for atom, rate in zip(atoms, rates, strict=True)
    }
    written = written.xreplace(powers)
    return (written, unit) if written.is_rational_function(z, _POWER) else None


def _expanded_exponents(expression: sp.Expr) -> sp.Expr:
    return expression.replace(
        lambda e: isinstance(e, sp.exp), lambda e: sp.exp(sp.expand(e.args[0]))
    )


def poles(derivative: sp.Expr) -> list[Pole] | None:
    """The poles of a rational function of z and e^{λz} nearest to the real line and above it, or
    None.

    For each root E of the denominator's factor in e^{λz} only the logarithm nearest to the real
    line.
    """
    quotient = _over_power(derivative)
    if quotient is None:
        return None
    written, unit = quotient
    power = _POWER
    numerator, denominator = sp.fraction(sp.cancel(sp.together(written)))
    try:
        factors = sp.factor_list(denominator, z, power)[1]
    except sp.PolynomialError:
        return None

    def along(expression: sp.Expr) -> sp.Expr:
        """d/dz with E = e^{λz}."""
        return sp.diff(expression, z) + unit * power * sp.diff(expression, power)

    poles = []
    for factor, multiplicity in factors:
        symbols = factor.free_symbols
        if symbols not in ({power}, {z}):
            return None
        (symbol,) = symbols
        roots = sp.roots(sp.Poly(factor, symbol))
        if sum(roots.values()) != sp.degree(factor, symbol):
            return None
        slope = denominator
        for _ in range(multiplicity):
            slope = along(slope)
        for root in roots:
            if symbol == power and vanishes(root):
                continue
            place = (sp.log(sp.Abs(root)) + sp.I * sp.arg(root)) / unit if symbol == power else root
            substitution = {z: place, power: root if symbol == power else sp.exp(unit * root)}
            height = sp.im(place).evalf(60)
            if height < -sp.Float("1e-30", 60):
                continue  # its conjugate is listed too
            values = [expression.xreplace(substitution) for expression in (numerator, slope)]
            if any(vanishes(value) is not False for value in values):
                return None
            top = (sp.factorial(multiplicity) * values[0] / values[1]).evalf(60)
            poles.append(Pole(place, height, top))
    return poles


OBSTRUCTIONS: tuple[Callable[[Branches], Obstruction | None], ...] = (
    _asymptotes,
    _exponentials,
    _verticals,
    _one_exponential,
    _nearest_pole,
)
"""The tests, each a function of the branches of σ; cheap ones first."""


def obstructions(branches: Branches) -> Iterator[Obstruction]:
    """Every obstruction whose premises are shown to hold for the analytic branches of σ, one after
    the other.

    The first settles the matter; the later ones are further proofs, and may take long.
    """
    for test in OBSTRUCTIONS:
        try:
            obstruction = test(branches)
        except Unsettled:
            continue
        if obstruction is not None:
            yield obstruction
