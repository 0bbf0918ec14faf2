"""The atlas: every activation side by side, with its class, its derived network and what training
made of it.

:func:`drawing` and :func:`rows` need no training and serve any page; :func:`sections` adds the
losses and the census of a run to the report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import sympy as sp
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.layout_engine import ConstrainedLayoutEngine

from numerics.arithmetic.compile import activation
from numerics.arithmetic.types import Array
from theory.expressions.activation import ACTIVATIONS
from theory.pulse.kinks import segments
from theory.shape.classify import CLASSES, Classification
from theory.shape.recipes import Recipe
from theory.shape.shape import LAW
from verify.report import mathml
from verify.report.figures import COLOURS, INK, drawn, figure
from verify.report.page import Figure, Section
from verify.report.render import render
from verify.shape.attempts import Reached

__all__ = ["CLASS_NAMES", "AtlasRow", "drawing", "expression_latex", "picture", "rows", "sections"]


CLASS_NAMES = MappingProxyType(
    {
        "affine_piece": "affine piece",
        "linear_odd_part": "linear odd part",
        "polynomial": "polynomial",
        "affine_combination": "affine combination",
        "impossible": "impossible",
        "undecided": "undecided",
    }
)
"""The classes in words."""
EQUALS = "\u00a0=\u00a0"
"""No line ends beside it."""
COLOUR = dict(zip(CLASSES, (0, 2, 3, 4, 1, 5), strict=True))
"""The place of each class's colour; its name always stands beside it."""


@dataclass(frozen=True)
class AtlasRow:
    """What the theory says of one activation.

    Attributes
    ----------
    name: the row of the catalogue.
    latex: σ(z), short: long decimals are rounded for display.
    shape: class, channels, derived network, and why.
    """

    name: str
    latex: str
    shape: Classification

    @property
    def kind(self) -> str:
        """The class in words."""
        return CLASS_NAMES[self.shape.kind]

    @property
    def fewest(self) -> str:
        """The smallest known K; ≤ where it is not proved that fewer do not do, and – where there is
        none.
        """
        if self.shape.channels is None:
            return "–" if self.shape.kind == "impossible" else "?"
        return f"{'' if self.shape.minimal else '≤ '}{self.shape.channels}"

    @property
    def network(self) -> tuple[str, ...]:
        """The derived network with three taps, a line of plain text for each channel."""
        recipe = self.shape.recipe
        if recipe is None:
            return ()
        return tuple(
            f"w = ({', '.join(map(_plain, w))}), b = {_plain(b)}, a = {_plain(a)}".replace(
                " = ", EQUALS
            )
            for w, b, a in recipe.listed
        )

    @property
    def why(self) -> str:
        """The reason, and why fewer channels do not do; long fractions as decimals."""
        lower = f". Fewer channels do not do: {self.shape.lower}" if self.shape.lower else ""
        text = re.sub(
            r"(\d{9,})/(\d{9,})",
            lambda fraction: f"{int(fraction[1]) / int(fraction[2]):.9g}…",
            self.shape.reason + lower,
        )
        return re.sub(r"\boo\b", "∞", text).replace("-∞", "−∞")


def _plain(number: sp.Expr) -> str:
    """An exact number in a few characters; a fraction that is too long for that, as a decimal."""
    text = sp.sstr(number).replace("**", "^").replace("*", " ").replace("-", "−")
    return text if len(text) <= 36 else f"{float(number):.9g}…"


def expression_latex(expression: sp.Expr) -> str:
    """σ(z) in LaTeX; a rational with a long denominator is shown as a decimal of six digits."""
    short = {
        number: sp.Symbol(f"{float(number):.6g}")
        for number in expression.atoms(sp.Rational)
        if number.q > 1000
    }
    step = sp.Function("step")
    shown = expression.replace(sp.Heaviside, lambda argument, *_: step(argument)).xreplace(short)
    return str(sp.latex(shown, fold_short_frac=True, long_frac_ratio=2))


@cache
def rows() -> tuple[AtlasRow, ...]:
    """One row per activation: class by class, in the order of the catalogue within each."""
    table = [
        AtlasRow(name, expression_latex(row.expression), LAW(row.expression))
        for name, row in ACTIVATIONS.items()
    ]
    return tuple(sorted(table, key=lambda row: CLASSES.index(row.shape.kind)))


# ----------------------------------------------------------------------------------------- drawing

COLUMNS = 5
REACH = 3.0
"""The graphs reach from -3 to 3, or as far as the kinks and the derived staircase need."""


def drawing() -> Drawing:
    """The graphs of all activations, with the derived staircase of each that has one.

    A dot on the graph is a value that the network of the table reads off: b plus a partial sum of
    its taps.
    """
    table = rows()
    lines = -(-len(table) // COLUMNS)
    layout = ConstrainedLayoutEngine(h_pad=0.05, w_pad=0.05, hspace=0.02, wspace=0.02)
    with drawn(1.42 * lines) as result:
        result.set_layout_engine(layout)
        panels = result.subplots(lines, COLUMNS, squeeze=False).ravel()
        for axes, row in zip(panels, table, strict=False):
            _panel(axes, row)
        for axes in panels[len(table) :]:
            axes.set_axis_off()
        if len(panels) > len(table):
            _legend(panels[len(table)])
    return result


def _panel(axes: Axes, row: AtlasRow) -> None:
    colour = COLOURS[COLOUR[row.shape.kind]]
    stairs = _staircases(row.shape.recipe)
    ends = [abs(float(kink.location)) for kink in ACTIVATIONS[row.name].kinks]
    ends += [abs(value) for stair in stairs for value in stair]
    reach = max([REACH, *(1.2 * end for end in ends)])
    low, high = _extent(row.name, reach, stairs)
    for axis in (axes.axhline, axes.axvline):
        axis(0, color=INK, linewidth=0.5, alpha=0.35)
    sigma = activation(row.name)[0]
    for x in _branches(row.name, reach):
        axes.plot(x, sigma(x), color=colour, linewidth=1.7, solid_capstyle="round")
    for stair, mark in zip(stairs, "os^D", strict=False):
        values = np.array(stair)
        axes.plot(
            values, sigma(values), mark, color="none", markeredgecolor=INK, markersize=4.2,
            markeredgewidth=1.0, zorder=5,
        )  # fmt: skip
    axes.set(xlim=(-reach, reach), ylim=(low, high), xticks=(), yticks=())
    for side in axes.spines.values():
        side.set_visible(False)
    never = row.shape.kind == "impossible"
    count = "no K" if never else f"K = {row.fewest}"
    axes.set_title(row.name, fontsize=9.5, fontweight="bold", pad=13)
    axes.text(
        0.5, 1.03, f"{row.kind}, {count}", transform=axes.transAxes, ha="center", va="bottom",
        fontsize=7.6, color=colour,
    )  # fmt: skip


def _legend(axes: Axes) -> None:
    for mark, text in zip("os", ("first channel", "second channel"), strict=True):
        axes.plot([], [], mark, color="none", markeredgecolor=INK, markersize=4.2, label=text)
    title = "What an exact network with three taps reads:"
    legend = axes.legend(loc="center left", fontsize=8.5, title=title, alignment="left")
    legend.get_title().set_fontsize(8.5)
    legend.set_in_layout(False)  # it may use the empty panels beside it


def _staircases(recipe: Recipe | None) -> list[list[float]]:
    """Per channel the values b, b + C_j and b + T_j, in increasing order."""
    if recipe is None:
        return []
    stairs = []
    for w, b, _ in recipe.listed:
        values = {float(b + end) for pair in segments(w) for end in pair}
        stairs.append(sorted(values))
    return stairs


def _branches(name: str, reach: float) -> list[Array]:
    """The arguments of the graph, broken where σ jumps."""
    breaks = sorted(float(jump.location) for jump in ACTIVATIONS[name].jumps)
    ends = [-reach, *breaks, reach]
    tiny = 1e-9
    return [np.linspace(p + tiny, q - tiny, 240) for p, q in pairwise(ends)]


def _extent(name: str, reach: float, stairs: Sequence[Sequence[float]]) -> tuple[float, float]:
    """What is shown of the range: within ±reach, and wherever the staircases go."""
    sigma = activation(name)[0]
    values = np.concatenate([sigma(x) for x in _branches(name, reach)])
    read = sigma(np.array([0.0, *(value for stair in stairs for value in stair)]))
    low = min(max(float(values.min()), -reach), float(read.min()))
    high = max(min(float(values.max()), reach), float(read.max()))
    margin = 0.08 * (high - low)
    return low - margin, high + margin


CAPTION = (
    r"The graphs of all activations from $-3$ to $3$, or as far as needed. Marked on the graph: the"
    r" values"
    r" $\sigma(b + C_j)$, $\sigma(b + T_j)$ that an exact network with three taps reads off,"
    r" circles for its first"
    r" channel and squares for its second. The colour repeats the class. The vertical scale"
    r" differs."
)


def picture() -> Figure:
    """The drawing with its words, for the report."""
    return figure("shape-atlas", "The atlas of activations", CAPTION, drawing())


# ------------------------------------------------------------------------------------------- table


def sections(
    outcomes: Sequence[Reached], starts: int, rates: Mapping[str, str] | None = None
) -> tuple[Section, ...]:
    """The atlas as a table with the losses and the census of a run, and every derived network.

    ``outcomes``: what every activation with K channels reached; ``starts``: how many starts around
        a derived
    network were tried; ``rates``: per activation, LaTeX between dollars, how its loss falls and
    where its bias goes.
    """
    table = [
        {
            "row": row,
            "formula": mathml.formula(rf"\displaystyle {row.latex}"),
            "outcomes": [x for x in outcomes if x.name == row.name],
            "rate": mathml.prose((rates or {}).get(row.name, "")),
        }
        for row in rows()
    ]
    values = {
        "table": table,
        "widest": max(x.channels for x in outcomes),
        "networks": max(x.networks for x in outcomes),
        "near": min((x.near for x in outcomes if x.near), default=0),
        "starts": starts,
        "rates": rates is not None,
    }
    return (
        Section(
            "shape-table",
            "The atlas: what every activation permits",
            render("atlas.html", **values),
        ),
        Section(
            "shape-networks",
            "The derived networks, and why they are exact",
            render("atlas_why.html", rows=rows()),
        ),
    )
