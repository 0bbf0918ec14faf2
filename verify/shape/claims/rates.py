r"""Rates: the expansions in exact fractions, and torch networks trained at a fixed height of the
staircase.

Each torch loss L is compared, as the root √R/|λ| with L = R/(λ² + R/V), with the law at the
network's own weights, and at rest with the smallest root that the law has nearby; the tolerance is
what the law leaves out, plus rounding. How they are trained: :mod:`verify.shape.rates.height`.  The
tolerance: :mod:`verify.shape.rates.remainder`.  The minima: :mod:`verify.shape.rates.minima`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise, product
from math import comb

import numpy as np

from numerics.arithmetic import oracle
from numerics.arithmetic.taylor import at_inflection, inflections
from theory.shape.rates import LAW, RateLaw
from theory.shape.rates.expansion import moments
from theory.shape.rates.leading import cubic_free_rate, kink_rate, spread
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.figures import figure
from verify.report.lab import Lab
from verify.report.page import Figure
from verify.report.render import sentence
from verify.report.verdict import Column, column
from verify.shape.rates.figures import loss_against_height, where_the_bias_goes
from verify.shape.rates.height import HEIGHTS, ROWS, TAPS, HeightBatch, trained
from verify.shape.rates.minima import Ended, Place, account, closed_form, nearest, predicted
from verify.shape.rates.remainder import FRACTIONS, OVER, VARIANCE, Stated, root_of, stated

__all__ = ["EVIDENCE", "check", "figures", "train"]


# --- check -------------------------------------------------------------------------------------


def check(law: RateLaw, lab: Lab) -> Column:
    """Polynomials in exact fractions against the simulation; the closed forms against the law's own
    minimum.

    At S = 1/1024 a closed form of the loss may be off by the fraction S, its next order being
    smaller by S or S², and that of the bias by S² √S, the next order being S³.
    """
    draws = max(4, lab.profile.draws // 2)
    drawn = lab.once("rates/polynomials", _polynomials, lab, draws)
    wrong = sum(_stated_loss(law, s, w, b) != loss for s, w, b, loss in drawn)
    # A law that is wrong here is not asked for its minima.
    off, places = (0, 0) if wrong else _wrong_closed_forms(law, 2.0**-10)
    detail = sentence("rates", "check", draws=draws, places=places)
    return column(wrong + off, 0, detail)


def _polynomials(
    lab: Lab, draws: int
) -> tuple[tuple[list[Fraction], list[Fraction], Fraction, Fraction | None], ...]:
    """Random (s, w, b), and the loss that is simulated for them; no law is asked."""
    rng, drawn = lab.rng("rates"), []
    for k in range(draws):
        n = (1, 3, 5)[k % 3]
        s = [Fraction(int(x), 6) for x in rng.integers(-9, 10, 5)]
        w = [Fraction(int(x), 4) for x in rng.integers(-6, 7, n)]
        b = Fraction(int(rng.integers(-6, 7)), 4)
        if sum(w) == 0 or not any(s):
            w[0] += 7
            s[0] += 2
        drawn.append((s, w, b, _direct_loss(s, w, b)))
    return tuple(drawn)


def _wrong_closed_forms(law: RateLaw, height: float) -> tuple[int, int]:
    """(those that are off, all)."""
    kink = stated(law, "softsign", np.array([[height]]), np.array([-height / 2])).root[0]
    rate = kink_rate((1.0, -1.0), FRACTIONS.tolist(), VARIANCE)
    off, places = int(not abs(kink / (np.sqrt(rate.constant) * height) - 1) <= height), 1
    for name, n in product((name for name in ROWS if name != "softsign"), TAPS):
        spots = _spots(name, n, height)
        if not spots:
            continue
        w, b = predicted(law, name, n, spots)
        closed = [closed_form(name, n, spot) for spot in spots]
        losses = stated(law, name, w, b).root / np.array([root for _, _, root in closed])
        off += int(np.sum(~(np.abs(losses - 1) <= height)))
        for spot, (shift, _, _), bias in zip(spots, closed, b.tolist(), strict=True):
            mean = spot.turned < 0
            off += mean and not abs(bias + height / 2 - spot.t - shift) <= height**2.5
        places += len(spots)
    return off, places


def _spots(name: str, n: int, height: float) -> list[Place]:
    """Every place of a row that has a closed form."""
    spots = [
        Place(t, k, height) for t in inflections(name) for k in ((-1, 0, 1, 2) if n == 3 else (-1,))
    ]
    spots = spots or [Place(0.5, -1, height)]
    return [spot for spot in spots if at_inflection(name, spot.t)[0] != 0]


def _polynomial(s: Sequence[Fraction], x: Fraction) -> Fraction:
    return sum((c * x ** (k + 1) for k, c in enumerate(s)), Fraction(0))


CHECKED_FRACTIONS = tuple(Fraction(t, 4) for t in range(4))


def _direct_loss(s: Sequence[Fraction], w: Sequence[Fraction], b: Fraction) -> Fraction | None:
    """V - Cov(F, r)²/Var F over two cells of four radii, F simulated on the signal; None for a
    constant F.
    """
    h = len(w) // 2
    radii = [h + m - Fraction(1, 2) + f for m in (1, 2) for f in CHECKED_FRACTIONS]
    responses = [
        oracle.pooled(w, b, lambda x: _polynomial(s, x), oracle.overlap_pulse(r, 2 * h + 2))
        for r in radii
    ]
    mean_r, mean_f = sum(radii) / 8, sum(responses) / 8
    cov = sum((r - mean_r) * (f - mean_f) for r, f in zip(radii, responses, strict=True)) / 8
    var = sum((f - mean_f) ** 2 for f in responses) / 8
    return sum((r - mean_r) ** 2 for r in radii) / 8 - cov**2 / var if var else None


def _stated_loss(
    law: RateLaw, s: Sequence[Fraction], w: Sequence[Fraction], b: Fraction
) -> Fraction | None:
    height = sum(w, Fraction(0))
    c = law.centre(b, height)
    coefficients = [
        sum((comb(j, k) * s[j - 1] * c ** (j - k) for j in range(k, 6)), Fraction(0))
        for k in range(1, 6)
    ]
    over = spread(CHECKED_FRACTIONS, Fraction(1, 4) + Fraction(5, 64))
    try:
        loss: Fraction = law.loss(
            law.slope(coefficients, height), law.components(coefficients, moments(w)), over
        )
    except ZeroDivisionError:
        return None
    return loss


# --- training ----------------------------------------------------------------------------------


STARTS, MOST = 5, 60
"""One start per row, width and height for so many networks of the profile, and
not more than this.
"""


def _groups(lab: Lab) -> Iterator[HeightBatch]:
    starts = min(max(2, lab.profile.networks // STARTS), MOST)
    for n in TAPS:
        for name in ROWS:
            key = "rates", name, n, starts
            yield lab.once(key, trained, name, n, starts, lab.rng(("rates", name, n)))


def _own(law: RateLaw, lab: Lab, batch: HeightBatch) -> Stated:
    """The law's losses at the networks' own weights; those of the true law are kept."""
    name, n = batch.setting.activation, batch.setting.taps
    if law is not LAW:
        return stated(law, name, batch.w, batch.b)
    return lab.once(("rates", "own", name, n), stated, law, name, batch.w, batch.b)


def _ended(law: RateLaw, lab: Lab, batch: HeightBatch) -> Ended:
    """Where the networks came to rest by the law; likewise."""
    own, setting = _own(law, lab, batch), batch.setting
    if law is not LAW:
        return account(law, batch, own)
    key = "rates", "ended", setting.activation, setting.taps
    return lab.once(key, account, law, batch, own)


def train(law: RateLaw, lab: Lab) -> Column:
    """The torch loss of every network against the law at its weights, and at rest against the law's
    minimum.

    A law that fails at the networks' own weights is not asked for its minima.
    """
    worst, kinds, closest = 0.0, Counter[str](), 0.0
    exponents: dict[int, list[float]] = {4: [], 6: [], 8: []}
    for batch in _groups(lab):
        own = _own(law, lab, batch)
        roots = root_of(batch.loss)
        off = float(np.max(np.abs(roots - own.root) / (own.tolerance + batch.rounding)))
        if not off <= 1:
            farther = "torch networks whose loss is farther from the law than its next orders"
            return column(off, 1.0, farther)
        ended = _ended(law, lab, batch)
        apart = (np.abs(roots - ended.minimum) / ended.tolerance)[~np.isnan(ended.minimum)]
        worst = max(worst, off, float(np.max(apart, initial=0.0)))
        kinds.update(ended.kind)
        for order, slope in _slopes(ended):
            exponents[order].append(slope)
        closest = max(closest, _from_closed_form(ended))
    listed = "; ".join(
        f"S^{order}: {min(slopes):.3f} to {max(slopes):.3f}"
        for order, slopes in exponents.items()
        if slopes
    )
    words = {
        "mean": "mean filters at rest",
        "free": "with Σ w³ ~ 0 at an inflection",
        "left": "whose bias ran off",
        "kink": "at the kink of softsign's slope",
        "elsewhere": "elsewhere or on the way",
    }
    counts = ", ".join(f"{kinds[kind]} {text}" for kind, text in words.items())
    detail = sentence(
        "rates", "train", networks=kinds.total(), counts=counts, listed=listed, closest=closest
    )
    return column(worst, 1.0, detail)


def _slopes(ended: Ended) -> Iterator[tuple[int, float]]:
    """(predicted, measured) exponents of L from one height to the next, for networks at one
    inflection.
    """
    batch, name = ended.batch, ended.batch.setting.activation
    roots: dict[tuple[str, float, bool], dict[float, float]] = {}
    for j, kind in enumerate(ended.kind):
        if kind in ("mean", "free") and inflections(name):
            t = nearest(name, float(batch.b[j] + batch.height[j] / 2))
            inner = int(np.argmin(batch.w[j])) % max(1, batch.w.shape[1] - 1) != 0
            level = roots.setdefault((kind, t, inner and kind == "free"), {})
            height = float(batch.height[j])
            level[height] = min(level.get(height, np.inf), float(root_of(batch.loss)[j]))
    for (kind, t, _), level in roots.items():
        order = 4 if kind == "mean" else cubic_free_rate(at_inflection(name, t), OVER).exponent
        for high, low in pairwise(sorted(level, reverse=True)):
            if high <= 2.0**-3:
                yield order, 2 * float(np.log(level[high] / level[low]) / np.log(high / low))


def _from_closed_form(ended: Ended) -> float:
    """How far, relatively, the mean filters of the smallest height are from the closed form."""
    batch, name = ended.batch, ended.batch.setting.activation
    far = 0.0
    for j, kind in enumerate(ended.kind):
        if kind == "mean" and batch.height[j] == HEIGHTS[-1]:
            place = Place(nearest(name, float(batch.b[j] + HEIGHTS[-1] / 2)), -1, HEIGHTS[-1])
            closed = closed_form(name, batch.setting.taps, place)[2]
            far = max(far, abs(float(root_of(batch.loss)[j]) / closed - 1))
    return far


def figures(lab: Lab) -> tuple[Figure, ...]:
    """The losses against the height, and where the biases went."""
    groups = [_ended(LAW, lab, batch) for batch in _groups(lab)]
    losses = sentence("rates", "losses")
    biases = sentence("rates", "biases")
    return (
        figure("rates-loss", "Loss against height", losses, loss_against_height(groups)),
        figure("rates-bias", "Where the bias goes", biases, where_the_bias_goes(groups)),
    )


EVIDENCE = Evidence(
    check=check,
    train=train,
    judges=Judges(
        proof=Judge(
            "the deviation of the sub-pixel law and the level of the readout, both proved before",
            ("theory.pulse.subpixel.deviation", "theory.pulse.readout.least_squares"),
        ),
        check=Judge(
            "least losses of features simulated by loops in fractions; the closed forms are"
            " held to the law's own minimum",
            (f"{__name__}._direct_loss", "numerics.arithmetic.oracle"),
        ),
        training=Judge(
            "losses of torch modules trained at a fixed height",
            ("verify.shape.rates.height", "verify.models.networks"),
            ("verify.optimise.least_squares",),
        ),
    ),
    figures=figures,
)
"""What the claim rests on."""
