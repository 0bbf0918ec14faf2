r"""Networks that are exact at every plateau radius, built from the shape of σ: constructions, then one proof for all.

On an interval J where σ equals one smooth function f:

- *affine piece*: f = s z + t: any filter whose staircase + b stays in J, a = 1/(2 s S);
- *linear odd part*: f(t+z) - f(t-z) = s z: a channel (w, b, a) and its mirror image (-w, 2t - b, -a);
- *polynomial* of degree d: differences in b lower the degree; a quadratic becomes affine with two channels, and a
  cubic is exact as it is when S + 2b = 2 × its inflection and Σ w_u³ = 0: max(2, d - 2) channels for even d, 1 for d = 3;
- *affine combination*: shifts kill exponentials and waves, dilations kill powers, mirror images kill odd or even functions,
  each leaving a polynomial.

A construction only proposes.  What makes it exact is decided afterwards, in the same way for all of them:

    every step of every staircase lies in J,   and   Σ_k a_k Σ_steps (q - p) f'(b_k + p + φ (q - p)) = 1 for all φ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import sympy as sp

from theory.claim import Step
from theory.kinks import segments
from theory.normal import Unsettled, constant_value, exponential_sum, is_zero, number_sign, settled
from theory.pieces import Piece, z
from theory.signal import phi

__all__ = ["Construction", "Recipe", "constructions", "decide"]

Channel = tuple[tuple[sp.Expr, ...], sp.Expr, sp.Expr]
"""(w, b, a)."""
Term = tuple[sp.Expr, sp.Expr]
"""(shift or dilation, coefficient)."""
ONE = sp.Integer(1)
MOST_CHANNELS = 64


@dataclass(frozen=True)
class Recipe:
    """A network that is exact at every plateau radius, but for its readout bias c.

    Attributes
    ----------
    w: one filter per channel, exact numbers.
    b, a: one number per channel.
    conditions: which other weights do as well, in words.
    """

    w: tuple[tuple[sp.Expr, ...], ...]
    b: tuple[sp.Expr, ...]
    a: tuple[sp.Expr, ...]
    conditions: str

    @property
    def channels(self) -> int:
        """K."""
        return len(self.a)


@dataclass(frozen=True)
class Construction:
    """A proposed recipe on one piece of σ: its class, and in one sentence why it should work."""

    kind: str
    recipe: Recipe
    piece: Piece
    reason: str


def decide(construction: Construction) -> tuple[Step, ...]:
    """The exact steps that prove a recipe, from the sub-pixel law alone: all of them hold, or it is no recipe."""
    piece, recipe = construction.piece, construction.recipe
    inside, total = True, sp.Integer(0)
    for w, channels in _by_filter(recipe).items():
        first = channels[0][0]
        slope = _combined(sp.diff(piece.expression, z), [(b - first, a) for b, a in channels])
        for p, q in segments(w):
            inside = inside and all(_within(b + end, piece) for b, _ in channels for end in (p, q))
            if q != p:
                argument = sp.expand(first + p + phi * (q - p))
                total += (q - p) * slope.xreplace({z: argument})
    where = f"({piece.low}, {piece.high}), where σ(z) = {piece.expression}"
    return (
        Step(f"every staircase lies in {where}", inside),
        Step("the slope of the response in φ is 1 for all φ", is_zero(total - 1)),
    )


def _by_filter(recipe: Recipe) -> dict[tuple[sp.Expr, ...], list[tuple[sp.Expr, sp.Expr]]]:
    """The (b, a) of the channels that share a filter."""
    groups: dict[tuple[sp.Expr, ...], list[tuple[sp.Expr, sp.Expr]]] = {}
    for w, b, a in zip(recipe.w, recipe.b, recipe.a, strict=True):
        groups.setdefault(w, []).append((b, a))
    return groups


def _combined(slope: sp.Expr, shifts: list[tuple[sp.Expr, sp.Expr]]) -> sp.Expr:
    """Σ a f'(z + s): for a polynomial f' its own, short, normal form."""
    if not slope.is_polynomial(z):
        return sp.Add(*(a * slope.xreplace({z: z + s}) for s, a in shifts))
    poly, lead = sp.Poly(slope, z), shifts[0][1]
    total = sp.Poly(0, z)
    for s, a in shifts:
        total += _share(a, lead) * poly.compose(sp.Poly(z + sp.expand(s), z))
    return lead * sp.Add(*(sp.expand(c) * z**power for (power,), c in total.terms()))


def _share(a: sp.Expr, lead: sp.Expr) -> sp.Expr:
    """a / lead, as the fraction that it is shown to be: differences give rational shares of one weight."""
    digits = (a / lead).evalf(60, maxn=200)
    guess = sp.nsimplify(digits, rational=True, tolerance=sp.Float("1e-30"))
    return guess if is_zero(sp.expand(a - guess * lead)) else a / lead


def _within(value: sp.Expr, piece: Piece) -> bool:
    """Strictly inside: σ may jump where the piece ends."""
    above = piece.low == -sp.oo or number_sign(value - piece.low) == 1
    return above and (piece.high == sp.oo or number_sign(piece.high - value) == 1)


# --------------------------------------------------------------------------------- room on a piece


def _room(
    piece: Piece, left: sp.Expr = ONE * 0, right: sp.Expr = ONE * 0
) -> tuple[sp.Expr, sp.Expr] | None:
    """Rationals p < q with [p - left, q + right] in the piece, q - p = 1 where there is room; None without."""
    low, high = piece.low + left, piece.high - right
    if low == -sp.oo and high == sp.oo:
        return ONE * 0, ONE
    if high == sp.oo:
        p = sp.floor(low) + 1
        return p, p + 1
    if low == -sp.oo:
        q = sp.ceiling(high) - 1
        return q - 1, q
    if number_sign(high - low) != 1:
        return None
    for level in range(60):
        unit = sp.Rational(1, 2**level)
        p, q = (sp.floor(low / unit) + 1) * unit, (sp.ceiling(high / unit) - 1) * unit
        if q > p:
            return p, min(q, p + 1)
    return None


def _filter(total: sp.Expr) -> tuple[sp.Expr, ...]:
    """Three taps with a rising staircase: shares 1/4, 1/2, 1/4 of S."""
    return total / 4, total / 2, total / 4


def _recipe(channels: Sequence[Channel], conditions: str) -> Recipe:
    w, b, a = zip(*channels, strict=True)
    return Recipe(tuple(w), tuple(b), tuple(a), conditions)


# ----------------------------------------------------------------------------------- affine pieces


def _affine(piece: Piece) -> Iterator[Construction]:
    room = _room(piece)
    if room is None:
        return
    slope = constant_value(sp.diff(piece.expression, z), room[0])
    if slope is None or number_sign(slope) not in (1, -1):
        return
    channels = _line(slope, room)
    yield Construction(
        "affine_piece",
        _recipe(
            channels,
            "any w and b with all b + C_j, b + T_j in that interval and S != 0; a = 1/(2 s S)",
        ),
        piece,
        f"σ is affine with slope s = {slope} on ({piece.low}, {piece.high})",
    )


def _line(slope: sp.Expr, room: tuple[sp.Expr, sp.Expr]) -> list[Channel]:
    p, q = room
    return [(_filter(q - p), p, 1 / (2 * slope * (q - p)))]


# ------------------------------------------------------------------------------------- polynomials


def _polynomial(piece: Piece) -> Iterator[Construction]:
    if not piece.expression.is_polynomial(z):
        return
    f = settled(piece.expression).as_expr()
    top = sp.degree(f, z)
    if not 2 <= top <= MOST_CHANNELS:
        return
    reason = f"σ is a polynomial of degree {top} on ({piece.low}, {piece.high})"
    for channels, how in _polynomial_channels(f, piece):
        yield Construction("polynomial", _recipe(channels, how), piece, f"{reason}: {how}")


def _polynomial_channels(f: sp.Expr, piece: Piece) -> Iterator[tuple[list[Channel], str]]:
    """Channels that turn a polynomial into the identity, the fewest first; none for a constant."""
    f = settled(f).as_expr()
    if f.is_number:
        return
    top = sp.degree(f, z)
    if top == 1:
        room = _room(piece)
        if room is not None:
            yield _line(sp.Poly(f, z).LC(), room), "as it is"
        return
    if top >= 3:
        yield from _by_cubic(f, piece)
    yield from _by_differences(f, piece)


def _differences(count: int) -> list[sp.Expr]:
    return [(-1) ** (count - j) * sp.binomial(count, j) for j in range(count + 1)]


def _by_differences(f: sp.Expr, piece: Piece) -> Iterator[tuple[list[Channel], str]]:
    """Σ_j (-1)^(d-1-j) binom(d-1, j) f(z + jh) is affine."""
    top = sp.degree(f, z)
    room = _room(piece)
    if room is None:
        return
    p, step = room[0], (room[1] - room[0]) / top
    slope = sp.factorial(top) * sp.Poly(f, z).LC() * step ** (top - 1)
    a = 1 / (2 * slope * step)
    channels = [(_filter(step), p + j * step, a * c) for j, c in enumerate(_differences(top - 1))]
    yield channels, f"the {top - 1}-fold difference in b is affine"


def _by_cubic(f: sp.Expr, piece: Piece) -> Iterator[tuple[list[Channel], str]]:
    """The (d-3)-fold central difference is a cubic with its inflection at the centroid of the roots of f."""
    poly = sp.Poly(f, z)
    top = poly.degree()
    centre = -poly.coeff_monomial(z ** (top - 1)) / (top * poly.LC())
    shape = (ONE, ONE, -sp.cbrt(2))
    for scale in (ONE, ONE / 2, ONE / 4, ONE / 16, ONE / 64):
        w = tuple(scale * tap for tap in shape)
        total = sp.expand(sp.Add(*w))
        start = sp.expand(centre - total / 2)
        shifts = [(j - sp.Rational(top - 3, 2)) * scale for j in range(top - 2)]
        cubic = _combined(f, list(zip(shifts, _differences(top - 3), strict=True)))
        rise = sp.expand(cubic.xreplace({z: start + total}) - cubic.xreplace({z: start}))
        if not number_sign(rise):
            continue
        a = 1 / (2 * rise)
        a = sp.radsimp(a, symbolic=False) if rise.is_algebraic else a
        channels = [
            (w, start + s, a * c) for c, s in zip(_differences(top - 3), shifts, strict=True)
        ]
        if all(
            _within(b + end, piece) for w, b, _ in channels for pair in segments(w) for end in pair
        ):
            how = "a cubic is exact when S + 2b = 2 × its inflection and Σ w³ = 0"
            if top > 3:
                how = f"the {top - 3}-fold difference in b is a cubic; {how}"
            yield channels, how
            return


# ------------------------------------------------------------------------------------ mirror images


def _mirror(piece: Piece) -> Iterator[Construction]:
    """f(t+z) - f(t-z), or their sum, is a polynomial."""
    f = piece.expression
    slope = sp.diff(f, z)
    for centre in _centres(f):
        if not _within(centre, piece):
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
            for channels, how in _polynomial_channels(combined, around):
                yield _mirrored(piece, centre, sign, combined, channels, how)
                break


def _mirrored(
    piece: Piece, centre: sp.Expr, sign: int, combined: sp.Expr, channels: list[Channel], how: str
) -> Construction:
    pairs: list[Channel] = []
    for w, b, a in channels:
        pairs += [(w, centre + b, a), (tuple(-tap for tap in w), centre - b, sign * a)]
    at = f"{centre} + z", f"{centre} - z"
    if centre == 0:
        at = "z", "-z"
    relation = f"σ({at[0]}) {'-' if sign < 0 else '+'} σ({at[1]}) = {combined} up to a constant"
    if sign < 0 and sp.degree(combined, z) == 1:
        conditions = f"any (w, b, a) and its mirror image (-w, {2 * centre} - b, -a), a = 1/(2 s S)"
        return Construction("linear_odd_part", _recipe(pairs, conditions), piece, relation)
    return Construction("affine_combination", _recipe(pairs, how), piece, f"{relation}, and {how}")


def _centres(f: sp.Expr) -> list[sp.Expr]:
    """Candidates for a centre of symmetry: centroids of polynomial arguments, crests of waves, and points halfway."""
    found = {sp.Integer(0)}
    for part in sp.preorder_traversal(f):
        for argument in part.args:
            if not argument.has(z) or not argument.is_polynomial(z):
                continue
            poly = settled(argument)
            top = poly.degree()
            if not 1 <= top <= 4:
                continue
            found.add(sp.radsimp(-poly.coeff_monomial(z ** (top - 1)) / (top * poly.LC())))
            if top == 1 and isinstance(part, sp.sin | sp.cos):
                found.add(sp.radsimp((sp.pi / 2 - poly.eval(0)) / poly.LC()))
    real = sorted((value for value in found if value.is_real), key=sp.default_sort_key)[:6]
    halves = {(left + right) / 2 for left, right in combinations(real, 2)}
    return list(dict.fromkeys([sp.Integer(0), *real, *sorted(halves, key=sp.default_sort_key)]))


def _as_polynomial(expression: sp.Expr) -> sp.Expr | None:
    """An expression in z that is shown to be a polynomial, of degree <= 3 if hidden, as one; else None."""
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
                at = sp.Rational(1, 7)
                total = sp.integrate(total, z)
                total = sp.expand(total - total.xreplace({z: at}) + below.xreplace({z: at}))
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
    difference = sp.Add(*(c * value for c, value in zip(_differences(4), values, strict=True)))
    return bool(abs(difference) < sp.Float("1e-15") * (1 + sum(abs(value) for value in values)))


# ---------------------------------------------------------------------------- shifts and dilations


def _shifts(piece: Piece) -> Iterator[Construction]:
    """f = polynomial + Σ p_i(z) e^{λ_i z}: shifts with e^{λ h} known kill every exponential."""
    parts = exponential_sum(piece.expression)
    if parts is None or len(parts) < 2:
        return
    rest = sp.expand(parts.get(sp.Integer(0), sp.Integer(0)))
    if not rest.is_polynomial(z) or (rest := settled(rest).as_expr()).is_number:
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
    yield from _half_period(piece, rest, waves if only_waves else [])
    reach = max((shift for shift, _ in terms), key=lambda s: s.evalf())
    shorter = Piece(piece.low, piece.high - reach, z)
    combined = sp.expand(sp.Add(*(c * rest.xreplace({z: z + s}) for s, c in terms)))
    for channels, how in _polynomial_channels(combined, shorter):
        shifted = [(w, b + s, sp.expand(a * c)) for w, b, a in channels for s, c in terms]
        reason = f"σ is {rest} plus exponentials or waves, which shifts in b cancel"
        if how != "as it is":
            reason += f"; {how}"
        yield Construction("affine_combination", _recipe(shifted, reason), piece, reason)
        break


def _half_period(
    piece: Piece, rest: sp.Expr, waves: list[tuple[sp.Expr, sp.Expr, int]]
) -> Iterator[Construction]:
    """Two equal taps of half a period: the two waves that one edge meets cancel, in one channel."""
    if not waves or sp.degree(rest, z) != 1:
        return
    if any(real != 0 or times != 1 for real, _, times in waves):
        return
    base = min((w for _, w, _ in waves), key=lambda w: w.evalf())
    if any(not (w / base).is_integer or not (w / base).is_odd for _, w, _ in waves):
        return
    half = sp.pi / base
    room = _room(Piece(piece.low, piece.high - 2 * half, z))
    if room is None:
        return
    channel = ((half, half, sp.Integer(0)), room[0], 1 / (4 * sp.Poly(rest, z).LC() * half))
    reason = f"σ is {rest} plus a wave, and two taps of half a period {half} cancel it"
    yield Construction("affine_combination", _recipe([channel], "any b"), piece, reason)


def _dilations(piece: Piece) -> Iterator[Construction]:
    """f = s y + Σ c_i y^{p_i} (+ c log y), y = ±(z - t) > 0: dilations about t with factor 4 kill the powers."""
    y = sp.Symbol("y", positive=True)
    for centre in _centres(piece.expression):
        for way in (1, -1):
            end, far = (piece.low, piece.high) if way == 1 else (piece.high, piece.low)
            beyond = end == centre or number_sign(way * (end - centre)) == 1
            if not far.is_infinite or not (beyond or end.is_infinite):
                continue
            found = _powers(sp.expand(piece.expression.xreplace({z: centre + way * y})), y)
            if found is None:
                continue
            slope, powers = found
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
                    tuple(way * d * tap for tap in _filter(ONE)),
                    centre + way * d * start,
                    sp.radsimp(a * c),
                )
                for d, c in terms
            ]
            reason = f"about {centre}, σ is linear plus other powers, which dilations cancel"
            yield Construction("affine_combination", _recipe(channels, reason), piece, reason)


def _powers(f: sp.Expr, y: sp.Symbol) -> tuple[sp.Expr, list[sp.Expr]] | None:
    """(s, the powers other than 0 and 1; 0 for a logarithm) of a sum of powers with s != 0."""
    slope, powers = sp.Integer(0), []
    for term in sp.Add.make_args(f):
        coefficient, rest = term.as_independent(y)
        base, power = rest.as_base_exp()
        if rest == 1:
            continue
        if rest == y:
            slope += coefficient
        elif base == y and power.is_Rational:
            powers.append(power)
        elif rest == sp.log(y):
            powers.append(sp.Integer(0))
        else:
            return None
    if number_sign(slope) in (1, -1) and 0 < len(set(powers)) <= 6:
        return slope, sorted(set(powers))
    return None


def _times(left: list[Term], right: list[Term], combine: Callable[..., sp.Expr]) -> list[Term]:
    """The product of two operators, as lists of (shift or dilation, coefficient)."""
    found: dict[sp.Expr, sp.Expr] = {}
    for s, c in left:
        for t, d in right:
            key = sp.expand(combine(s, t))
            found[key] = sp.expand(found.get(key, sp.Integer(0)) + c * d)
    return [(key, value) for key, value in found.items() if value != 0]


CONSTRUCTIONS: tuple[tuple[int, Callable[[Piece], Iterator[Construction]]], ...] = (
    (1, _affine),
    (1, _polynomial),
    (1, _shifts),
    (2, _mirror),
    (2, _dilations),
)
"""Each with the fewest channels that it can propose, in increasing order."""


def constructions(candidates: Sequence[Piece]) -> Iterator[tuple[int, Construction]]:
    """Every recipe that the shape of σ on one of the pieces suggests, with the fewest channels still to come.

    :func:`decide` says which of them are exact.
    """
    for fewest, construct in CONSTRUCTIONS:
        for piece in candidates:
            try:
                for construction in construct(piece):
                    yield fewest, construction
            except Unsettled:
                continue
