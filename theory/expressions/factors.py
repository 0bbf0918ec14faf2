"""An expression as a product of irreducible polynomials in z and its elementary parts; real roots
of polynomials.

    f = c * product of g_i^(m_i),   g_i in Q[z, t_1, t_2, ...],
    t_j one of exp(q u), u^(1/q), tanh(u), pi, ...

Each part becomes a symbol t_j (it is *masked*), and what is left is a rational function, which is
factored over Q.  So c = 0 proves that f is 0 wherever it is defined; relations between the parts
are not known, so the converse does not hold.  What is too large to factor is one factor, masked as
a whole.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from theory.expressions.enclosure import constant_sign, small, z

__all__ = ["affine", "factored", "real_roots"]


def affine(f: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """(slope, offset) of an expression that is visibly affine in z."""
    offset, dependent = f.as_independent(z, as_Add=True)
    slope, factor = dependent.as_independent(z, as_Add=False)
    return (slope, offset) if factor == z else None


def _mask(f: sp.Expr) -> tuple[sp.Expr, dict[sp.Expr, sp.Expr]]:
    """f as a rational function of z and of new symbols, and what each symbol stands for.

    exp(c u) with commensurable c are powers of one symbol, f^(p/q) is the p-th power of another;
    when the only root y is one of an affine a z + b, then z itself is (y^q - b)/a.
    """
    f = f.rewrite([sp.sinh, sp.cosh], sp.exp)
    units: dict[sp.Expr, sp.Expr] = {}
    for node in f.atoms(sp.exp):
        for term in sp.Add.make_args(node.args[0]):
            c, u = term.as_coeff_Mul()
            if u != 1 and c.is_Rational:
                units[u] = sp.gcd(units[u], c) if u in units else abs(c)
    names: dict[sp.Expr, sp.Expr] = {}

    def name(node: sp.Expr) -> sp.Expr:
        return names.setdefault(node, sp.Dummy(real=True))

    def walk(node: sp.Expr) -> sp.Expr:
        if node.is_Rational or node == z:
            return node
        if node.is_Add or node.is_Mul:
            return node.func(*map(walk, node.args))
        if isinstance(node, sp.exp):
            terms = []
            for term in sp.Add.make_args(node.args[0]):
                c, u = term.as_coeff_Mul()
                k = c / units[u] if u in units else sp.Integer(1)
                terms.append(name(sp.exp(units[u] * u)) ** k if u in units else name(sp.exp(term)))
            return sp.Mul(*terms)
        if node.is_Pow and node.exp.is_Integer:
            return walk(node.base) ** node.exp
        if node.is_Pow and node.exp.is_Rational:
            return name(node.base ** sp.Rational(1, node.exp.q)) ** node.exp.p
        return name(node)

    masked = walk(f)
    roots = [(h, affine(h.base)) for h in names if h.is_Pow and h.exp.is_Rational]
    lines = [
        (h, *line) for h, line in roots if line and line[0].is_Rational and line[1].is_Rational
    ]
    if len(lines) == 1:
        root, slope, offset = lines[0]
        masked = masked.xreplace({z: (names[root] ** (1 / root.exp) - offset) / slope})
    return masked, {symbol: node for node, symbol in names.items()}


@lru_cache(maxsize=1 << 12)
def factored(f: sp.Expr) -> tuple[sp.Expr, tuple[tuple[sp.Expr, int], ...], dict[sp.Expr, sp.Expr]]:
    """f = constant * product of factor^power (negative powers: denominator), with
    masked factors.
    """
    masked, names = _mask(f)
    if not (small(masked) and len(names) <= 5):
        whole = sp.Dummy(real=True)
        return sp.Integer(1), ((whole, 1),), {whole: f}
    top, bottom = sp.fraction(sp.together(masked))
    if top.is_Add and sp.expand(top) == 0:  # a hidden zero, of which sympy makes no polynomial
        return sp.Integer(0), (), {}
    constant, above = sp.factor_list(top)
    divisor, below = sp.factor_list(bottom)
    return constant / divisor, (*above, *((g, -m) for g, m in below)), names


def real_roots(p: sp.Poly) -> list[sp.Expr] | None:
    """All real roots in increasing order with multiplicity, exact; None when they are not found
    exactly.
    """
    c = p.all_coeffs()
    lead = constant_sign(c[0])
    if not lead:
        return None
    if p.degree() == 0:
        return []
    if p.degree() == 1:
        return [sp.expand(-c[1] / c[0])]
    if all(x.is_Rational for x in c):
        return list(sp.real_roots(p))
    if p.degree() > 2:
        return None
    discriminant = sp.expand(c[1] ** 2 - 4 * c[0] * c[2])
    real = constant_sign(discriminant)
    if real is None or real < 0:
        return None if real is None else []
    return [(-c[1] + side * lead * sp.sqrt(discriminant)) / (2 * c[0]) for side in (-1, 1)]
