r"""What the shape of an activation permits: exact with how many channels and which weights, or
never.

Some network is exact at every plateau radius iff 1 is a combination of dilated, shifted copies of
σ' (theory.shape.span).  From the expression of σ alone follows its class:

    affine piece         one channel, staircase on the piece
    linear odd part      σ(t+z) - σ(t-z) = s z: a channel and its mirror image
    polynomial           of degree d: differences in b; a cubic with one channel of three taps
    affine combination   shifts, dilations or mirror images that leave a polynomial
    impossible           an obstruction applies: no network of any size is exact
    undecided            no construction and no obstruction is known

``python -m theory.shape EXPRESSION`` prints it for an expression in z, or *undecided*.  Derivation:
docs/shape/shape.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import sympy as sp

from theory.claim import Claim, Proof, Step, Wrong
from theory.expressions.activation import ACTIVATIONS, Activation
from theory.expressions.asymptotics import analytic, slopes_at_infinity
from theory.expressions.pieces import Piece, pieces, z
from theory.pulse.kinks import segments
from theory.pulse.network import assembled
from theory.pulse.signal import phi
from theory.shape import crosscheck
from theory.shape.classify import Classification, classify, needs_two
from theory.shape.families import family
from theory.shape.impossible import Obstruction, obstructions, poles
from theory.shape.recipes import Construction, Recipe, decide, rising

__all__ = ["CLAIM", "LAW", "PROBES", "Probe", "ShapeLaw", "prove"]

ShapeLaw = Callable[[sp.Expr], Classification]
"""The law: σ(z) -> what its shape permits."""

LAW: ShapeLaw = classify
"""The law as derived."""


@dataclass(frozen=True)
class Probe:
    """A function beside the catalogue, at which a careless classifier goes wrong.

    Attributes
    ----------
    expression: σ(z).
    channels: the law may not state more, None where no network is known.
    network: an exact network, written down by hand.
    reachable: training can end there; not where the network is a double zero of its errors.
    """

    expression: sp.Expr
    channels: int | None = None
    network: Recipe | None = None
    reachable: bool = True


def _cubic_network(f: sp.Expr, centre: sp.Expr) -> Recipe:
    """Channels (w, t - S/2 + j, a_j), j = -1, 0, 1, with (1, -2, 1) a for degree 5; one channel for
    degree 3.
    """
    w = (sp.Integer(1), sp.Integer(1), -sp.cbrt(2))
    shares = {0: 1} if sp.degree(f, z) == 3 else {-1: 1, 0: -2, 1: 1}
    b = centre - sp.Add(*w) / 2
    rise = sp.Add(
        *(
            c * (f.xreplace({z: b + sp.Add(*w) + j}) - f.xreplace({z: b + j}))
            for j, c in shares.items()
        )
    )
    return assembled([(w, b + j, c / (2 * sp.expand(rise))) for j, c in shares.items()])


def _probes() -> Mapping[str, Probe]:
    w, half, unit = rising(sp.Integer(4)), sp.Rational(1, 2), sp.Integer(1)
    waves = (sp.pi, sp.pi, sp.Integer(0))
    pair = assembled([(w, -unit, unit / 16), (tuple(-tap for tap in w), unit, -unit / 16)])
    line = assembled([(w, unit, unit / 8)])
    steep = assembled([(w, -unit, unit / 24), (tuple(-tap for tap in w), unit, -unit / 24)])
    bump, softplus = 1 / (4 + z**4), sp.log(1 + sp.exp(z))
    cubic, quintic = 2 * z**3 + z**2, z**5 + z**4
    ramp = sp.Max(sp.Min(3 * z, sp.Rational(3, 4)), 0)
    return {
        # Slopes 1 and 1: one channel is enough, as half a period turns the sign of tanh(cos z).
        "line and waves": Probe(
            z + sp.tanh(sp.cos(z)), 2, assembled([(waves, half, 1 / (4 * sp.pi))]), False
        ),
        # Two nearest poles, 1 + i and -1 + i.
        "line and bump": Probe(z + bump, 2, pair),
        "line and dent": Probe(z - z**2 * bump, 2, pair),
        # Slopes 0 and 1: they do not add up to 0.
        "softplus and tanh": Probe(softplus + sp.tanh(z)),
        # Slopes 1 and 2: nor do these, and the pair is exact.
        "softplus and line": Probe(softplus + z, 2, steep),
        # A level above all values of an increasing function.
        "tanh below 2": Probe(z + sp.Max(sp.tanh(z), 2), 1, line),
        "arctan below 2": Probe(z + sp.Max(sp.atan(z), 2), 1, line),
        # A line with a slope that is not 1, on a piece that is shorter than 1.
        "short ramp": Probe(ramp, 1, assembled([(rising(unit / 8), unit / 16, 4 * unit / 3)])),
        # The inflection is not at 0, the leading coefficient not 1.
        "cubic": Probe(cubic, 1, _cubic_network(cubic, -sp.Rational(1, 6))),
        "quartic": Probe(z**4, 2),
        "cubic on a piece": Probe(sp.Min(sp.Max(z**3 - z, -6), 6), 1),
        "quintic": Probe(quintic, 3, _cubic_network(quintic, -sp.Rational(1, 5))),
    }


PROBES: Mapping[str, Probe] = MappingProxyType(_probes())
"""Functions that tell the law from its mistakes, by name."""


def prove(law: ShapeLaw) -> Proof:
    """For every row of the catalogue the stated network is decided exact, or an obstruction to
    apply.

    So are, where there are networks, those with all weights and parameters as symbols
    (theory.shape.families).  Of the probes no exact network that is known may be denied, and no
    class be stated without one of the two.
    """
    covers = (
        f"every row of the catalogue and {len(PROBES)} functions beside it, all plateau radii "
        "r >= n/2 and n = 3 taps for the networks, every K and n for what is impossible.  "
        "Slopes are limits by Gruntz's algorithm; the other "
        "premises are found exactly, and confirmed by evaluations of σ, not proved a second time"
    )
    return Proof(_all_steps(law), covers)


def _all_steps(law: ShapeLaw) -> Iterator[Step]:
    """The probes first, polynomials before all: they tell the law from its mistakes."""
    for name, probe in reversed(tuple(PROBES.items())):
        claimed = law(probe.expression)
        yield from _of(name, _known(probe, claimed))
        if claimed.kind != "undecided":
            yield from _of(name, _steps(probe.expression, claimed))
    for row in ACTIVATIONS.values():
        claimed = law(row.expression)
        yield from _of(row.name, _steps(row.expression, claimed))
        yield from _of(row.name, _symbolic(row))
        if claimed.channels == 1:
            stated = claimed.others is not None
            yield Step(f"{row.name}: a family of weights is stated", stated)
    yield from _cubic_needs_three_taps()


def _of(name: str, steps: Iterable[Step]) -> Iterator[Step]:
    """The steps with the name of the function that they are about."""
    return (replace(step, name=f"{name}: {step.name}") for step in steps)


@cache
def _cubic_needs_three_taps() -> tuple[Step, ...]:
    """One channel on a cubic: Σ w_u³ = 0 is needed for D = 0, and of two taps leaves S = 0, that is
    Δ = 0.
    """
    u, v, w, b, lead, m, k = sp.symbols("u v w b l m k", real=True)
    rate = sp.Add(
        *(
            (q - p) * (3 * lead * y**2 + 2 * m * y + k)
            for p, q in segments((u, v, w))
            if (y := b + p + phi * (q - p))
        )
    )
    top = sp.Poly(sp.expand(rate), phi).coeff_monomial(phi**2)
    square = (u - v / 2) ** 2 + 3 * v**2 / 4
    return (
        Step(
            "cubic: the response has 2 l Σ w_u³ as its coefficient of φ³",
            sp.expand(top - 6 * lead * (u**3 + v**3 + w**3)) == 0,
        ),
        Step(
            "cubic: of two taps Σ w_u³ is S times a square that is 0 for u = v = 0 only",
            sp.expand(u**3 + v**3 - (u + v) * square) == 0,
        ),
    )


@cache
def _exact_by_hand(probe: Probe) -> tuple[Step, ...]:
    """The known network, decided as every other."""
    return tuple(_exact(probe.network, pieces(probe.expression).parts)) if probe.network else ()


def _known(probe: Probe, claimed: Classification) -> Iterator[Step]:
    """What is known of a probe is not denied, and reached; then the known network itself."""
    if probe.network is not None:
        fewest = claimed.channels if claimed.minimal else 1
        allowed = claimed.kind != "impossible" and probe.network.channels >= (fewest or 1)
        yield Step(f"{probe.network.channels} channels are not said to be too few", allowed)
    if probe.channels is not None:
        reached = claimed.channels is not None and claimed.channels <= probe.channels
        yield Step(f"no more than {probe.channels} channels are used", reached)
    yield from _exact_by_hand(probe)


@cache
def _symbolic(row: Activation) -> tuple[Step, ...]:
    """The networks with all weights and parameters as symbols: derived from the row, whatever the
    law says.
    """
    networks = family(row)
    return () if networks is None else (networks.decide(),)


@cache
def _steps(expression: sp.Expr, claimed: Classification) -> tuple[Step, ...]:
    """What makes the stated shape true of the expression; wrong laws agree with the law on most."""
    return tuple(_decided(expression, claimed))


def _decided(expression: sp.Expr, claimed: Classification) -> Iterator[Step]:
    parts = pieces(expression)
    if claimed.recipe is not None:
        yield from _exact(claimed.recipe, parts.parts)
        yield Step(
            f"{claimed.channels} channels are those of the network",
            claimed.recipe.channels == claimed.channels,
        )
        if claimed.others is not None:
            members = claimed.others.members
            right = all(crosscheck.measures_radius(expression, member, 0) for member in members)
            yield Step(f"so do {len(members)} of: {claimed.others.words}", right)
        if claimed.minimal and claimed.recipe.channels > 1:
            lower = needs_two(parts)
            yield Step("one channel is never enough", lower is not None)
            yield from _premises(lower, parts.branches) if lower else ()
            yield Step("two channels are the fewest", claimed.recipe.channels == 2)
        return
    against = tuple(obstructions(parts.branches))
    yield Step(
        f"stated {claimed.kind}, and an obstruction applies",
        bool(against) and claimed.kind == "impossible",
    )
    for obstruction in against:
        yield from _premises(obstruction, parts.branches)


def _premises(obstruction: Obstruction, branches: tuple[sp.Expr, ...]) -> Iterator[Step]:
    """The steps of an obstruction; slopes also as limits, by sympy's algorithm instead of the rules
    of growth.
    """
    yield from obstruction.steps
    if obstruction.theorem not in ("asymptotes", "different asymptotes"):
        return
    for f in branches:
        if not sp.diff(f, z).is_rational_function(z):
            left, right = _limits(f)
            differ = obstruction.theorem == "different asymptotes"
            word, total = ("differ", left - right) if differ else ("add up to 0", left + right)
            name = f"the limits {left} and {right} of σ(z)/z {word}"
            yield Step(name, (sp.simplify(total) != 0) == differ)


@cache
def _limits(f: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """lim f(z)/z for z -> -∞ and +∞, tanh written with exponentials."""
    quotient = f.rewrite(sp.tanh, sp.exp) / z
    return sp.limit(quotient, z, -sp.oo), sp.limit(quotient, z, sp.oo)


def _exact(recipe: Recipe, parts: tuple[Piece, ...]) -> Iterator[Step]:
    """The network on the piece that holds its staircases."""
    ends = [b + end for w, b, _ in recipe.listed for pair in segments(w) for end in pair]
    for piece in parts:
        steps = decide(Construction("", recipe, piece, ""))
        if steps[0].holds:
            yield from steps
            return
    yield Step(f"one piece of σ holds the staircases from {min(ends)} to {max(ends)}", False)


def _one_channel(expression: sp.Expr) -> Classification:
    """Wrong: of a channel and its mirror image the first is said to be enough."""
    true = classify(expression)
    if true.recipe is None or true.recipe.channels == 1:
        return true
    first = assembled(true.recipe.listed[:1])
    return replace(true, channels=1, minimal=True, recipe=first, others=None)


def _straight_enough(expression: sp.Expr) -> Classification:
    """Wrong: what is smooth at 0 is taken for affine there."""
    true = classify(expression)
    slope = sp.diff(expression, z)
    if true.kind != "impossible" or slope.has(sp.sign, sp.Abs):
        return true
    slope_at_zero = slope.xreplace({z: sp.Integer(0)})
    if not slope_at_zero.is_finite or slope_at_zero == 0:
        return true
    w = (sp.Rational(1, 4), sp.Rational(1, 2), sp.Rational(1, 4))
    recipe = assembled([(w, sp.Rational(-1, 2), 1 / (2 * slope_at_zero))])
    return replace(true, kind="affine_piece", channels=1, minimal=True, recipe=recipe)


def _kinked_never(expression: sp.Expr) -> Classification:
    """Wrong: what has a kink is said to be impossible."""
    true = classify(expression)
    if not expression.has(sp.Max, sp.Min, sp.Abs):
        return true
    return replace(true, kind="impossible", channels=None, minimal=True, recipe=None)


def _without_answer(expression: sp.Expr) -> Classification:
    """Wrong: what has no affine piece is left undecided."""
    true = classify(expression)
    if true.kind == "affine_piece":
        return true
    return Classification("undecided", None, False, None, (), "")


def _always_two(expression: sp.Expr) -> Classification:
    """Wrong: one channel is never enough where the slopes at ±∞ are finite, whether they differ or
    not.
    """
    true, branches = classify(expression), pieces(expression).branches
    finite = len(branches) == 1 and analytic(branches[0]) and slopes_at_infinity(branches[0])
    if true.recipe is None or true.recipe.channels > 2 or not finite:
        return true
    channels = true.recipe.listed
    if len(channels) == 1:
        channels = tuple((w, b, a / 2) for w, b, a in 2 * channels)
    return replace(true, channels=2, minimal=True, recipe=assembled(channels), others=None)


def _any_pole(expression: sp.Expr) -> Classification:
    """Wrong: a nearest pole obstructs, whether another is as near or not."""
    true, branches = classify(expression), pieces(expression).branches
    if len(branches) != 1:
        return true
    candidates = poles(sp.diff(branches[0], z)) or []
    near = min(candidates, key=lambda pole: pole.height, default=None)
    small = sp.Float("1e-30", 60)
    if near is None or min(abs(part) for part in (near.height, *near.top.as_real_imag())) < small:
        return true
    return replace(true, kind="impossible", channels=None, minimal=True, recipe=None)


def _any_slopes(expression: sp.Expr) -> Classification:
    """Wrong: finite slopes at ±∞ obstruct, whether they add up to 0 or not."""
    true, branches = classify(expression), pieces(expression).branches
    if len(branches) != 1 or branches[0].is_rational_function(z):
        return true
    if not analytic(branches[0]) or slopes_at_infinity(branches[0]) is None:
        return true
    return replace(true, kind="impossible", channels=None, minimal=True, recipe=None)


def _wrong_side(expression: sp.Expr) -> Classification:
    """Wrong: a level beyond all values of tanh or arctan is taken to lie on their other side."""

    def beyond(switch: sp.Expr) -> bool:
        kinds = {argument.func for argument in switch.args}
        return isinstance(switch, sp.Max | sp.Min) and bool(kinds & {sp.atan, sp.tanh})

    def turned(switch: sp.Expr) -> sp.Expr:
        return next(argument for argument in switch.args if argument.has(z))

    return classify(expression.replace(beyond, turned))


def _other_shift(expression: sp.Expr) -> Classification:
    """Wrong: S - 2b, not S + 2b, is twice the inflection of a cubic."""
    true = classify(expression)
    if true.kind != "polynomial" or true.recipe is None or true.channels == 2:
        return true
    b = tuple(sp.Add(*w) + b for w, b, _ in true.recipe.listed)
    return replace(true, recipe=replace(true.recipe, b=b))


CLAIM: Claim[ShapeLaw] = Claim(
    id="shape",
    title="The shape of σ decides: exact with how many channels and which weights, or never",
    statement=(
        r"\text{exact for some } K, n \iff"
        r" 1 \in \operatorname{span}\{\varphi \mapsto \sigma'(\alpha\varphi+\beta)\}, \qquad"
        r" \sigma = s z + t \text{ on } J \Rightarrow K = 1, \qquad"
        r" \sigma(t{+}z) - \sigma(t{-}z) = s z \Rightarrow K = 2, \qquad"
        r" \sigma \text{ cubic on } J \Rightarrow K = 1 \text{ with three taps}, \qquad"
        r" s_- + s_+ = 0 \text{ for all branches} \Rightarrow \text{never}"
    ),
    assumptions=(
        r"plateau radii $r \ge n/2$, every $\varphi$; zero padding and $m + h \le L$",
        (
            r"$\sigma$ is analytic but for finitely many points in each bounded interval; $s_\pm ="
            r" \lim f(z)/z$ at $\pm\infty$ of a branch $f$, analytic on the line, that $\sigma$"
            r" equals on a piece"
        ),
        r"impossible: for every number of channels $K$ and of taps $n$, and every weight",
    ),
    law=LAW,
    prove=prove,
    wrong=(
        Wrong("of a channel and its mirror image one is enough", _one_channel),
        Wrong("what is smooth at 0 counts as affine there", _straight_enough),
        Wrong("what has a kink is impossible", _kinked_never),
        Wrong("what has no affine piece is left undecided", _without_answer),
        Wrong("one channel is never enough, though the slopes at ±∞ agree", _always_two),
        Wrong("a nearest pole obstructs, though another is as near", _any_pole),
        Wrong("slopes at ±∞ obstruct, though they do not add up to 0", _any_slopes),
        Wrong("a level beyond all values is taken to lie on the other side", _wrong_side),
        Wrong("a cubic is shifted to S - 2b = 2 × its inflection", _other_shift),
    ),
    requires=("span", "asymptotes"),
)
