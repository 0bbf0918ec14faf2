r"""Exact networks whose channels leave a polynomial of σ: mirror images, shifts and dilations.

f(t + z) - f(t - z),  f(t + z) + f(t - z)      removes what is even, or odd, about t
f(z + h) - e^{λh} f(z)                         removes e^{λz};  h = π/ω removes a wave
f(μ z) - μ^p f(z)                              removes z^p, and log z with p = 0
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise

import sympy as sp

from theory.claim import Step
from theory.expressions.normal_form import (
    constant_value,
    exponential_sum,
    is_zero,
    number_sign,
    settled,
    vanishes,
)
from theory.expressions.pieces import Piece, Pieces, z
from theory.pulse.network import assembled
from theory.shape.polynomials import MOST_CHANNELS, differences, polynomial_channels
from theory.shape.recipes import (
    Channel,
    Construction,
    Freedom,
    free_interval,
    freedom,
    rising,
    within,
)

__all__ = ["across", "dilations", "mirror", "shifts"]

Term = tuple[sp.Expr, sp.Expr]
"""(shift or dilation, coefficient)."""
ONE = sp.Integer(1)


def mirror(piece: Piece) -> Iterator[Construction]:
    """f(t+z) - f(t-z), or their sum, is a polynomial."""
    f = piece.expression
    slope = sp.diff(f, z)
    for centre in _centres(f):
        if not within(centre, piece):
            continue
        half = min(
            centre - piece.low,
            piece.high - centre,
            key=lambda v: v.evalf() if v.is_finite else sp.oo,
        )
        around = Piece(-half, half, z)
        for sign in (-1, 1):
            there, back = (slope.xreplace({z: sp.expand(centre + way * z)}) for way in (1, -1))
            both = _as_polynomial(there - sign * back)
            if both is None or both == 0:
                continue
            combined = sp.integrate(both, z)
            for channels, how, _ in polynomial_channels(combined, around):
                yield _mirrored(piece, centre, sign, combined, half, channels, how)
                break


def _mirrored(
    piece: Piece,
    centre: sp.Expr,
    sign: int,
    combined: sp.Expr,
    half: sp.Expr,
    channels: list[Channel],
    how: str,
) -> Construction:
    pairs: list[Channel] = []
    for w, b, a in channels:
        pairs += [(w, centre + b, a), (tuple(-tap for tap in w), centre - b, sign * a)]
    there, back = ("z", "-z") if centre == 0 else (f"{centre} + z", f"{centre} - z")
    both = f"σ({there}) {'-' if sign < 0 else '+'} σ({back})"
    relation = f"{both} = {combined} up to a constant"
    if sign < 0 and sp.degree(combined, z) == 1:
        slope = sp.Poly(combined, z).LC()
        mirrored = (ONE, sp.Integer(0), ONE), (-ONE, 2 * centre, -ONE)
        others = freedom(mirrored, slope, centre - half, centre + half)
        return Construction("linear_odd_part", assembled(pairs), piece, relation, others)
    return Construction("affine_combination", assembled(pairs), piece, f"{relation}, and {how}")


def across(sigma: sp.Expr, parts: Pieces) -> tuple[Construction, tuple[Step, ...]] | None:
    """σ(t + z) - σ(t - z) = s z over all pieces of a σ that is continuous on the line, and the
    steps that prove it; None where no such t is found.

    What the difference is on one piece cannot be asked of two, so nothing is left to
    :func:`theory.shape.recipes.decide`: for y = b + z - t the channels (w, b, a) and (-w, 2t - b,
    -a) add up to a (σ(t + y) - σ(t - y)) = a s y at each position, whatever w and b.
    """
    ends = [part.low for part in parts.parts[1:]]
    continuous = parts.complete and _continuous(sigma, parts)
    if not ends or not continuous:
        return None
    for centre in dict.fromkeys((sp.Integer(0), (ends[0] + ends[-1]) / 2)):
        slopes = _mirrored_slopes(parts, centre, ends)
        slope = constant_value(slopes[0][1], sp.Rational(1, 7)) if slopes else None
        if slope is None or number_sign(slope) not in (1, -1):
            continue
        steps = [Step("σ is continuous on the line", continuous)]
        there, back = ("y", "-y") if centre == 0 else (f"{centre} + y", f"{centre} - y")
        steps += [
            Step(f"σ'({there}) + σ'({back}) = {slope} for y in {where}", is_zero(total - slope))
            for where, total in slopes
        ]
        if all(step.holds for step in steps):
            line = Piece(-sp.oo, sp.oo, sigma)
            channels = [(rising(ONE), sp.Integer(0), 1 / (2 * slope))]
            found = _mirrored(line, centre, -1, slope * z, sp.oo, channels, "")
            return found, tuple(steps)
    return None


def _continuous(sigma: sp.Expr, parts: Pieces) -> bool:
    """Both pieces have the value of σ where they meet."""
    for left, right in pairwise(parts.parts):
        end = {z: left.high}
        values = (left.expression.xreplace(end), right.expression.xreplace(end))
        if not all(vanishes(value - sigma.xreplace(end)) for value in values):
            return False
    return True


def _mirrored_slopes(
    parts: Pieces, centre: sp.Expr, ends: Sequence[sp.Expr]
) -> list[tuple[str, sp.Expr]]:
    """σ'(t + z) + σ'(t - z) on each interval of z > 0 where both are one formula; none where the
    intervals are not told apart.
    """
    gaps = sorted(
        {sp.expand(abs(end - centre)) for end in ends} | {sp.Integer(0)}, key=lambda x: x.evalf()
    )
    if not all(number_sign(right - left) == 1 for left, right in pairwise(gaps)):
        return []
    slopes = []
    for low, high in pairwise([*gaps, sp.oo]):
        middle = low + 1 if high == sp.oo else (low + high) / 2
        total = sp.Integer(0)
        for way in (1, -1):
            place = centre + way * middle
            here = next((part for part in parts.parts if within(place, part)), None)
            if here is None:
                return []
            total += sp.diff(here.expression, z).xreplace({z: centre + way * z})
        slopes.append((f"({low}, {high})", total))
    return slopes


def _centres(f: sp.Expr) -> list[sp.Expr]:
    """Candidates for a centre of symmetry: centroids of polynomial arguments, crests of waves, and
    points halfway.
    """
    centres = {sp.Integer(0)}
    for part in sp.preorder_traversal(f):
        for argument in part.args:
            if not argument.has(z) or not argument.is_polynomial(z):
                continue
            poly = settled(argument)
            top = poly.degree()
            if not 1 <= top <= 4:
                continue
            centres.add(sp.radsimp(-poly.coeff_monomial(z ** (top - 1)) / (top * poly.LC())))
            if top == 1 and isinstance(part, sp.sin | sp.cos):
                centres.add(sp.radsimp((sp.pi / 2 - poly.eval(0)) / poly.LC()))
    real = sorted((value for value in centres if value.is_real), key=sp.default_sort_key)[:6]
    halves = {(left + right) / 2 for left, right in combinations(real, 2)}
    return list(dict.fromkeys([sp.Integer(0), *real, *sorted(halves, key=sp.default_sort_key)]))


def _as_polynomial(expression: sp.Expr) -> sp.Expr | None:
    """An expression in z that is shown to be a polynomial, of degree <= 3 if hidden, as one; else
    None.
    """
    expanded = sp.expand(expression)
    if expanded.is_polynomial(z):
        return expanded
    if not _looks_cubic(expression):
        return None
    derivatives = [expression]
    for _ in range(4):
        value = constant_value(derivatives[-1], sp.Rational(1, 7))
        if value is not None:
            total = value
            for below in reversed(derivatives[:-1]):
                place = sp.Rational(1, 7)
                total = sp.integrate(total, z)
                total = sp.expand(total - total.xreplace({z: place}) + below.xreplace({z: place}))
            total = sp.expand(sp.radsimp(total))
            return total if is_zero(total - expression) else None
        derivatives.append(sp.diff(derivatives[-1], z))
    return None


def _looks_cubic(expression: sp.Expr) -> bool:
    """A quick no: the fourth difference at five points is far from 0."""
    values = [
        expression.xreplace({z: sp.Rational(k, 5) + sp.Rational(1, 7)}).evalf(30) for k in range(5)
    ]
    if not all(value.is_number and value.is_finite for value in values):
        return True
    difference = sp.Add(*(c * value for c, value in zip(differences(4), values, strict=True)))
    return bool(abs(difference) < sp.Float("1e-15") * (1 + sum(abs(value) for value in values)))


def shifts(piece: Piece) -> Iterator[Construction]:
    """f = polynomial + Σ p_i(z) e^{λ_i z}: shifts with e^{λ h} known kill every exponential."""
    parts = exponential_sum(piece.expression)
    if parts is None or len(parts) < 2:
        return
    remainder = sp.expand(parts.get(sp.Integer(0), sp.Integer(0)))
    if not remainder.is_polynomial(z) or (remainder := settled(remainder).as_expr()).is_number:
        return
    terms: list[Term] = [(sp.Integer(0), ONE)]
    waves: list[tuple[sp.Expr, sp.Expr, int]] = []
    for q, coefficient in parts.items():
        if q == 0:
            continue
        if settled(q).degree() != 1 or not sp.expand(coefficient).is_polynomial(z):
            return
        rate = settled(q).LC()
        real, imaginary = sp.expand(rate).as_real_imag()
        if number_sign(imaginary) == -1:
            continue  # its conjugate is treated
        times = int(sp.degree(sp.expand(coefficient), z)) + 1
        if imaginary == 0:
            shift, factor = ONE, -sp.exp(real)
        else:
            shift, factor = sp.pi / imaginary, sp.exp(real * sp.pi / imaginary)
            waves.append((real, imaginary, times))
        for _ in range(times):
            terms = _times(terms, [(shift, ONE), (sp.Integer(0), factor)], sp.Add)
            if len(terms) > MOST_CHANNELS:
                return
    only_waves = sum(2 for _ in waves) == len(parts) - 1
    yield from _half_period(piece, remainder, waves if only_waves else [])
    reach = max((shift for shift, _ in terms), key=lambda s: s.evalf())
    shorter = Piece(piece.low, piece.high - reach, z)
    combined = sp.expand(sp.Add(*(c * remainder.xreplace({z: z + s}) for s, c in terms)))
    for channels, how, _ in polynomial_channels(combined, shorter):
        shifted = [(w, b + s, sp.expand(a * c)) for w, b, a in channels for s, c in terms]
        reason = f"σ is {remainder} plus exponentials or waves, which shifts in b cancel"
        others = None
        if how == "as it is":
            moved = tuple((ONE, s, c) for s, c in terms)
            others = freedom(moved, sp.Poly(combined, z).LC(), shorter.low, shorter.high)
        else:
            reason += f"; {how}"
        yield Construction("affine_combination", assembled(shifted), piece, reason, others)
        break


def _half_period(
    piece: Piece, remainder: sp.Expr, waves: list[tuple[sp.Expr, sp.Expr, int]]
) -> Iterator[Construction]:
    """Two equal taps of half a period: the two waves that one edge meets cancel, in one channel."""
    if not waves or sp.degree(remainder, z) != 1:
        return
    if any(real != 0 or times != 1 for real, _, times in waves):
        return
    base = min((w for _, w, _ in waves), key=lambda w: w.evalf())
    if any(not (w / base).is_integer or not (w / base).is_odd for _, w, _ in waves):
        return
    half = sp.pi / base
    room = free_interval(Piece(piece.low, piece.high - 2 * half, z))
    if room is None:
        return
    w, a = (half, half, sp.Integer(0)), 1 / (4 * sp.Poly(remainder, z).LC() * half)
    reason = f"σ is {remainder} plus a wave, and two taps of half a period {half} cancel it"
    others = _any_bias(w, a, piece)
    yield Construction("affine_combination", assembled([(w, room[0], a)]), piece, reason, others)


def _any_bias(w: tuple[sp.Expr, ...], a: sp.Expr, piece: Piece) -> Freedom | None:
    """One filter with any b that keeps its staircase, from b to b + S, on the piece."""
    low, high, total = piece.low, piece.high, sp.Add(*w)
    starts = [end + way * sp.Rational(1, 64) for end, way in ((low, 1), (high - total, -1))]
    starts = [b for b in starts if b.is_finite] or [-sp.Integer(10), sp.Rational(1, 3)]
    starts = [b for b in starts if within(b, piece) and within(b + total, piece)]
    where = ""
    if low.is_finite or high.is_finite:
        where = f" with b and b + {total} in ({low}, {high})"
    return Freedom(f"any b{where}", tuple(((w, b, a),) for b in starts)) if starts else None


def dilations(piece: Piece) -> Iterator[Construction]:
    """f = s y + Σ c_i y^{p_i} (+ c log y), y = ±(z - t) > 0: dilations about t with factor 4 kill
    the powers.
    """
    y = sp.Symbol("y", positive=True)
    for centre in _centres(piece.expression):
        for way in (1, -1):
            end, far = (piece.low, piece.high) if way == 1 else (piece.high, piece.low)
            beyond = end == centre or number_sign(way * (end - centre)) == 1
            if not far.is_infinite or not (beyond or end.is_infinite):
                continue
            expansion = _powers(sp.expand(piece.expression.xreplace({z: centre + way * y})), y)
            if expansion is None:
                continue
            slope, powers = expansion
            terms: list[Term] = [(ONE, ONE)]
            for power in powers:
                terms = _times(
                    terms, [(sp.Integer(4), ONE), (ONE, -(sp.Integer(4) ** power))], sp.Mul
                )
            gain = sp.Add(*(c * d for d, c in terms))
            start = ONE if end == centre or end.is_infinite else abs(end - centre) + 1
            a = 1 / (2 * slope * gain)
            channels = [
                (
                    tuple(way * d * tap for tap in rising(ONE)),
                    centre + way * d * start,
                    sp.radsimp(a * c),
                )
                for d, c in terms
            ]
            reason = f"about {centre}, σ is linear plus other powers, which dilations cancel"
            least = sp.Integer(0) if end.is_infinite else way * (end - centre)
            scaled = tuple((way * d, centre, c) for d, c in terms)
            others = freedom(scaled, slope * gain, least, sp.oo)
            yield Construction("affine_combination", assembled(channels), piece, reason, others)


def _powers(f: sp.Expr, y: sp.Symbol) -> tuple[sp.Expr, list[sp.Expr]] | None:
    """(s, the powers other than 0 and 1; 0 for a logarithm) of a sum of powers with s != 0."""
    slope, powers = sp.Integer(0), []
    for term in sp.Add.make_args(f):
        coefficient, factor = term.as_independent(y)
        base, power = factor.as_base_exp()
        if factor == 1:
            continue
        if factor == y:
            slope += coefficient
        elif base == y and power.is_Rational:
            powers.append(power)
        elif factor == sp.log(y):
            powers.append(sp.Integer(0))
        else:
            return None
    if number_sign(slope) in (1, -1) and 0 < len(set(powers)) <= 6:
        return slope, sorted(set(powers))
    return None


def _times(left: list[Term], right: list[Term], combine: Callable[..., sp.Expr]) -> list[Term]:
    """The product of two operators, as lists of (shift or dilation, coefficient)."""
    product: dict[sp.Expr, sp.Expr] = {}
    for s, c in left:
        for t, d in right:
            key = sp.expand(combine(s, t))
            product[key] = sp.expand(product.get(key, sp.Integer(0)) + c * d)
    return [(key, value) for key, value in product.items() if value != 0]
