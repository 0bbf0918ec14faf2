r"""The graph of an activation with the staircases of a network below it, for terminals and as SVG.

A channel sees the pulse through its staircase b, b + C_{-h}, ..., b + S alone, so the part of σ
between the smallest and the largest of these values is all that its network uses.  The horizontal
axis spans the staircases and a margin; each channel has its line under the graph, on the same axis.

Values are floats.  Where σ is undefined (a pole, log of a negative number) or out of range, the
graph has a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import sympy as sp

from theory.expressions.printing import evaluator

__all__ = ["sketch", "svg"]

Staircases = Sequence[Sequence[sp.Expr | int]]
MARGIN = 0.3
"""Of the staircases' extent, on each side."""
DEFAULT = (-4.0, 4.0)
"""The range when there is no staircase."""
SUBSAMPLES = 8
"""Evaluations per column of dots: a line is unbroken up to a slope of that many dots per column."""
LABEL = 10
"""Characters left of the graph."""
BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot, by row and column."""


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    def part(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        return (value - self.low) / (self.high - self.low)

    def at(self, part: float) -> float:
        return self.low + part * (self.high - self.low)


def _widened(low: float, high: float, margin: float) -> _Axis:
    """The range and a margin; a range without extent is widened by 1, or to be seen at all."""
    extent = margin * (high - low) if high > low else max(1.0, abs(low) / 10)
    return _Axis(low - extent, high + extent)


def _horizontal(staircases: Staircases) -> _Axis:
    values = [float(value) for staircase in staircases for value in staircase]
    return _widened(min(values), max(values), MARGIN) if values else _Axis(*DEFAULT)


def _vertical(values: Sequence[float | None]) -> _Axis:
    """The range of the values; far out along a pole, only three times that of the middle 80
    percent.
    """
    known = sorted(value for value in values if value is not None)
    if not known:
        return _Axis(-1.0, 1.0)
    low, high = known[len(known) // 10], known[-1 - len(known) // 10]
    if high > low:
        spread = high - low
        low, high = max(known[0], low - spread), min(known[-1], high + spread)
    else:
        low, high = known[0], known[-1]
    return _widened(low, high, 0.05)


def _short(value: float) -> str:
    return f"{value:.3g}"


def _exact(staircase: Sequence[sp.Expr | int]) -> str:
    return ", ".join(str(sp.sympify(value)) for value in staircase)


# --- text -------------------------------------------------------------------------------------


def sketch(
    expression: sp.Expr,
    staircases: Staircases,
    width: int = 64,
    height: int = 16,
    *,
    ascii: bool = False,
) -> str:
    """The graph of σ as text: ``width`` x ``height`` characters, labels and staircases besides.

    ``staircases`` holds, for each channel, the exact values b, b + C_{-h}, ..., b + S.  Dots are
    braille characters, or ``*`` when ``ascii`` is true.

    Raises
    ------
    ValueError: fewer than 8 columns or 2 rows.
    KeyError: the expression has a part that the grammar does not have.
    """
    if width < 8 or height < 2:
        raise ValueError(f"expected at least 8 columns and 2 rows, found {width} and {height}")
    across, down = (1, 1) if ascii else (2, 4)
    x = _horizontal(staircases)
    dots = width * across
    parts = [(i + 0.5) / (dots * SUBSAMPLES) for i in range(dots * SUBSAMPLES)]
    sigma = evaluator(expression)
    values = [sigma(x.at(part)) for part in parts]
    y = _vertical(values)
    rows = [[0] * width for _ in range(height)]
    for part, value in zip(parts, values, strict=True):
        if value is None or not y.low <= value <= y.high:
            continue
        column = int(part * dots)
        row = min(int((1 - y.part(value)) * height * down), height * down - 1)
        bit = BRAILLE[row % down][column % across]
        rows[row // down][column // across] |= bit
    lines = _graph(rows, y, ascii)
    lines += _abscissa(x, width, ascii)
    lines += [_stair_line(k, s, x, width) for k, s in enumerate(staircases, 1)]
    return "\n".join(line.rstrip() for line in lines)


def _graph(rows: Sequence[Sequence[int]], y: _Axis, ascii: bool) -> list[str]:
    """The rows of dots, labelled at both ends and at 0."""
    height = len(rows)
    labels = {0: _short(y.high), height - 1: _short(y.low)}
    if y.low < 0 < y.high:
        labels.setdefault(int((1 - y.part(0)) * height), "0")
    plain, marked = ("|", "+") if ascii else ("│", "┤")
    lines = []
    for number, row in enumerate(rows):
        cells = "".join(
            " " if not bits else "*" if ascii else chr(0x2800 + bits) for bits in row
        )  # fmt: skip
        label = labels.get(number, "")
        lines.append(f"{label:>{LABEL - 1}}{marked if label else plain}{cells}")
    return lines


def _column(x: _Axis, value: float, width: int) -> int:
    return min(max(int(x.part(value) * width), 0), width - 1)


def _abscissa(x: _Axis, width: int, ascii: bool) -> list[str]:
    """The axis and its labels: both ends, and 0 where there is room for it."""
    plain, marked, corner = ("-", "+", "+") if ascii else ("─", "┬", "└")
    low, high = _short(x.low), _short(x.high)
    axis, labels = [plain] * width, list(low + " " * (width - len(low) - len(high)) + high)
    if x.low < 0 < x.high:
        zero = _column(x, 0.0, width)
        axis[zero] = marked
        if len(low) < zero < width - len(high) - 1:
            labels[zero] = "0"
    return [" " * (LABEL - 1) + corner + "".join(axis), " " * LABEL + "".join(labels)]


def _stair_line(k: int, staircase: Sequence[sp.Expr | int], x: _Axis, width: int) -> str:
    """|--o--o--| at the values of the staircase, and the values."""
    columns = [_column(x, float(value), width) for value in staircase]
    cells = [" "] * width
    if columns:
        first, last = min(columns), max(columns)
        cells[first : last + 1] = "-" * (last - first + 1)
        for column in columns:
            cells[column] = "o"
        cells[first] = cells[last] = "|"
    return f"{f'channel {k}':<{LABEL}}{''.join(cells)}  {_exact(staircase)}"


# --- SVG --------------------------------------------------------------------------------------

WIDE, TALL, LEFT, TOP, LINE = 480, 240, 70, 16, 40
SAMPLES = 480
STYLE = 'role="img" color="#777777" fill="currentColor" font-family="sans-serif" font-size="12"'
"""A grey that white and black grounds both leave readable, where no surroundings set a colour."""


def svg(expression: sp.Expr, staircases: Staircases) -> str:
    """The same as a standalone SVG drawing; lines and letters take the colour of their
    surroundings.

    Raises
    ------
    KeyError: the expression has a part that the grammar does not have.
    """
    x = _horizontal(staircases)
    sigma = evaluator(expression)
    points = [x.at(i / SAMPLES) for i in range(SAMPLES + 1)]
    y = _vertical([sigma(point) for point in points])
    total = TOP + TALL + LINE * (1 + len(staircases))
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE + 20} {total}"'
            f" {STYLE}>"
        ),
        f"<title>{escape(f'σ(z) = {expression}')}</title>",
        f'<path fill="none" stroke="currentColor" stroke-opacity="0.5" d="{_frame(x, y)}"/>',
        (
            '<path fill="none" stroke="currentColor" stroke-width="2"'
            f' d="{_path(sigma, points, x, y)}"/>'
        ),
        _letters(LEFT - 6, TOP + 10, _short(y.high), "end"),
        _letters(LEFT - 6, TOP + TALL, _short(y.low), "end"),
        _letters(LEFT, TOP + TALL + 16, _short(x.low), "start"),
        _letters(LEFT + WIDE, TOP + TALL + 16, _short(x.high), "end"),
    ]
    for k, staircase in enumerate(staircases, 1):
        parts += _stairs(k, staircase, x)
    return "\n".join([*parts, "</svg>", ""])


def _letters(left: float, top: float, text: str, anchor: str) -> str:
    return f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _frame(x: _Axis, y: _Axis) -> str:
    """The two axes, through 0 where it is in range, else along the left and lower edges."""
    left = LEFT + WIDE * x.part(min(max(0.0, x.low), x.high))
    top = TOP + TALL * (1 - y.part(min(max(0.0, y.low), y.high)))
    return f"M{left:.1f} {TOP}v{TALL}M{LEFT} {top:.1f}h{WIDE}"


def _path(
    sigma: Callable[[float], float | None], points: Sequence[float], x: _Axis, y: _Axis
) -> str:
    """Straight pieces between the samples, lifted where σ is undefined, out of range, or jumps."""
    commands = []
    previous: float | None = None
    for point in points:
        value = sigma(point)
        if value is None or not y.low <= value <= y.high:
            previous = None
            continue
        joined = previous is not None and not _jumps(sigma, previous, point, y)
        left, top = LEFT + WIDE * x.part(point), TOP + TALL * (1 - y.part(value))
        commands.append(f"{'L' if joined else 'M'}{left:.2f} {top:.2f}")
        previous = point
    return "".join(commands)


def _jumps(sigma: Callable[[float], float | None], low: float, high: float, y: _Axis) -> bool:
    """A step of more than 1/100 of the height that bisection towards its larger half does not
    reduce.
    """
    first, last = sigma(low), sigma(high)
    for _ in range(30):
        if first is None or last is None:
            return True
        if abs(last - first) <= (y.high - y.low) / 100:
            return False
        middle = (low + high) / 2
        value = sigma(middle)
        if value is None:
            return True
        if abs(value - first) > abs(last - value):
            high, last = middle, value
        else:
            low, first = middle, value
    return True


def _stairs(k: int, staircase: Sequence[sp.Expr | int], x: _Axis) -> list[str]:
    top = TOP + TALL + LINE * k + 6
    lefts = [LEFT + WIDE * x.part(float(value)) for value in staircase]
    parts = [_letters(LEFT, top + 18, f"channel {k}: {_exact(staircase)}", "start")]
    if lefts:
        line = f"M{min(lefts):.2f} {top}H{max(lefts):.2f}"
        parts.append(f'<path fill="none" stroke="currentColor" d="{line}"/>')
    parts += [f'<circle cx="{left:.2f}" cy="{top}" r="3"/>' for left in lefts]
    return parts
