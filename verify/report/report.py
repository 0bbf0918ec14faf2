"""A run's results as a terminal table, as report.json and as report.html.

Nothing is judged here: verdicts come in, and are rendered.  The page is one file that asks no other
host for anything: formulas are MathML with their font, figures inline SVG; there is no script.
docs/report.md describes the JSON.
"""

from __future__ import annotations

import base64
import math
import platform
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup
from rich.console import Console
from rich.text import Text

from theory import claim as registry
from theory.claim import Claim
from verify.report import mathml, mutants
from verify.report.render import json_text
from verify.report.story import parts
from verify.report.verdict import COLUMNS, Column

if TYPE_CHECKING:
    from verify.report.judge import Examined
    from verify.report.lab import Lab

__all__ = ["Report", "as_json", "heading", "html", "made", "rows", "table"]

SYMBOLS = {"holds": "✓", "fails": "✗", "blocked": "?", "verified": "✓", "failed": "✗"}
GLOSSARY = tuple(
    r"""
The pulse of radius $r$: pixel $i$ holds $x_r(i)$, the part of it that the stretch from $-r$ to $r$
covers. With $r = m - \tfrac12 + \varphi$, the border pixels $\pm m$ hold the fraction $\varphi$.

The network: $\hat r(x) = c + \sum_k a_k \sum_i \sigma((w_k \star x)_i + b_k)$, with channels
$k = 1..K$, filters $w_k$ of $n = 2h+1$ taps, biases $b_k$, activation $\sigma$, readout $a_k$ and
$c$; $N$ pixels.

$g(z) = \sigma(z+b)$; $z_i = (w \star x)_i$ is the response of a filter at pixel $i$.

$S$: the sum of the taps; $C_j$: that of the taps up to $j$; $T_j$: that of the taps from $j$ on.
The partial sums are the staircase that an edge climbs while it moves under the filter.

$\Delta = g(S) - g(0)$: what one more lit pixel adds. $\kappa$: what the two edges add.
$D(\varphi)$: what bends between half-integers.

Plateau radii: $r \ge n/2$, the pulse covers the filter.
""".strip().split("\n\n")
)
"""What the statements speak of, for a reader who has seen nothing else."""

FONT = Path(__file__).parent / "fonts" / "stix-two-math.woff2"
"""A mathematical font, so that parentheses grow on every machine; licence: OFL.txt beside it."""

LIBRARIES = ("numpy", "scipy", "sympy", "python-flint", "torch", "matplotlib")


@dataclass(frozen=True)
class Report:
    """All that is rendered: the claims in order, and what was found for each.

    A run that was interrupted has examined some of the claims only.  ``note`` is that of the
    profile.
    """

    version: str
    seed: int
    profile: str
    claims: tuple[Claim[Any], ...]
    examined: tuple[Examined, ...]
    problems: tuple[str, ...] = ()
    note: str = ""

    @property
    def unexamined(self) -> int:
        """How many of the claims were not examined."""
        return len(self.claims) - len(self.examined)

    @property
    def summary(self) -> dict[str, Any]:
        """Counts of verdicts, and whether the run as a whole holds: every claim, at least one."""
        count = Counter(result.verdict.verdict for result in self.examined)
        everything = bool(self.claims) and count["verified"] == len(self.claims)
        return {
            "verified": count["verified"],
            "failed": count["failed"],
            "blocked": count["blocked"],
            "holds": everything and not self.trouble,
        }

    @property
    def trouble(self) -> tuple[str, ...]:
        """What went wrong outside the verdicts, one line each."""
        return (*self.problems, *(line for result in self.examined for line in result.problems))


def made(version: str, lab: Lab, names: Sequence[str], examined: Mapping[str, Examined]) -> Report:
    """The report on these claims; where some were not examined, nothing but a
    table is made of it.
    """
    claims = tuple(map(registry.claim_of, names))
    results = tuple(examined[name] for name in names if name in examined)
    problems = undrawn(claims, results) if len(results) == len(claims) else ()
    profile = lab.profile
    return Report(version, lab.seed, profile.name, claims, results, tuple(problems), profile.note)


def environment() -> dict[str, str]:
    """The interpreter, the machine's kind and the versions of the libraries that compute."""
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


def as_json(report: Report) -> str:
    """report.json; without NaN or infinities, which are not JSON."""
    claims = [
        result.verdict.as_dict()
        | {
            "chapter": registry.chapter_of(claim.id),
            "assumptions": list(claim.assumptions),
            "mutants": mutants.summary(claim.id),
            "judges": result.judges,
            "training_seconds": round(result.training, 3),
            "kept": result.kept,
        }
        for claim, result in zip(report.claims, report.examined, strict=True)
    ]
    document = {
        "version": report.version,
        "seed": report.seed,
        "profile": report.profile,
        "note": report.note,
        "environment": environment(),
        "summary": report.summary,
        "problems": list(report.trouble),
        "claims": claims,
    }
    return json_text(document)


def number(value: float) -> str:
    """A figure in few characters: integers as they are, others to two or three digits."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.3g}" if 1e-2 <= abs(value) < 1e4 else f"{value:.1e}".replace(".0e", "e")


def against(column: Column) -> str:
    """The figure beside its tolerance, or the status alone when nothing could be measured."""
    if math.isnan(column.figure):
        return column.status
    sign = "≤" if column.figure <= column.tolerance else ">"
    return f"{number(column.figure)} {sign} {number(column.tolerance)}"


# ----------------------------------------------------------------------------------- terminal

COLOUR = {"holds": "green", "fails": "bold red", "blocked": "yellow"}
OUTCOME = {"verified": "green", "failed": "bold red", "blocked": "yellow"}


WIDTHS = {"claim": 15, "proof": 9, "check": 19, "training": 19, "control": 9, "verdict": 8}
"""Characters per column; a cell that is longer moves those after it."""

LEGEND = "figure ≤ tolerance; proof: open steps; control: wrong laws that are not rejected"
"""What a cell says: the line under the table."""


def heading() -> Text:
    """The first line of the table."""
    return _line([Text(name, "bold") for name in WIDTHS], Text(f"{'s':>6}", "bold"))


def rows(
    names: Collection[str], examined: Mapping[str, Examined], *, complete: bool = True
) -> Iterator[Text]:
    """A line per claim under its chapter's title.

    A claim that is not there is said not to be examined; unless ``complete``, the lines end before
    it.
    """
    for part in parts(names):
        head = [Text(part.title, "bold")]
        for name in part.claims:
            if name in examined:
                yield from (*head, _row(examined[name]))
            elif complete:
                yield from (*head, _line([Text(f"  {name}")], Text("not examined", "yellow")))
            else:
                return
            head = []


def table(report: Report, console: Console, *, shown: int | None = None) -> None:
    """Print the table, less the first lines that are ``shown``; what does not hold; and the
    summary.
    """
    examined = {result.verdict.id: result for result in report.examined}
    lines = [heading(), *rows([claim.id for claim in report.claims], examined)]
    for line in (*lines[shown:], *_closing(report)):
        console.print(line, soft_wrap=True)


def _line(cells: Sequence[Text], last: Text) -> Text:
    line = Text()
    for cell, width in zip(cells, WIDTHS.values(), strict=False):
        line.append_text(cell).append(" " * (max(width - cell.cell_len, 0) + 2))
    return line.append_text(last)


def _row(result: Examined) -> Text:
    """The line of a claim: its name, the four columns, the verdict, the seconds."""
    verdict = result.verdict
    columns = [verdict.columns[name] for name in COLUMNS]
    cells = [
        Text(f"  {verdict.id}"),
        *(Text(f"{SYMBOLS[c.status]} {against(c)}", COLOUR[c.status]) for c in columns),
        Text(verdict.verdict, OUTCOME[verdict.verdict]),
    ]
    kept = f"  of {day(result.kept)}" if result.kept else ""
    return _line(cells, Text(f"{verdict.seconds:6.1f}{kept}"))


def _closing(report: Report) -> Iterator[Text]:
    """What a cell says; a line for each column that does not hold and for each problem; the
    profile's note; the summary.
    """
    if report.examined:
        yield Text(LEGEND, "dim")
    for verdict in (result.verdict for result in report.examined):
        for name in COLUMNS:
            column = verdict.columns[name]
            if column.status != "holds":
                text = f"{verdict.id} · {name} {column.status}: {column.detail}"
                yield Text(text, COLOUR[column.status])
    yield from (Text(f"problem · {line}", "bold red") for line in report.trouble)
    if kept := sum(result.kept is not None for result in report.examined):
        yield Text(f"{kept} of an earlier run of this code; --fresh examines again")
    if report.note:
        yield Text(report.note, "yellow")
    yield Text(headline(report), "bold green" if report.summary["holds"] else "bold red")


def day(date: str) -> str:
    """A date and time of ISO 8601 for people, to the minute."""
    return date[:16].replace("T", " ")


def headline(report: Report) -> str:
    """The run in one sentence."""
    total, summary = len(report.examined), report.summary
    if report.unexamined:
        done = f"{total} claim{'s' * (total != 1)} of {len(report.claims)}"
        return f"Interrupted: {done} {'was' if total == 1 else 'were'} examined."
    if not total:
        return "No claim was examined: nothing is shown."
    counts = [
        f"{summary[word]} {word}" for word in ("verified", "failed", "blocked") if summary[word]
    ]
    claims = f"{total} claim{'s' if total > 1 else ''}"
    if summary["holds"]:
        return f"{'Every one of ' if total > 1 else ''}{claims} holds: {counts[0]}."
    tail = f"; {len(report.trouble)} problem(s) in the report itself" if report.trouble else ""
    return f"Not everything holds. {claims}: {', '.join(counts)}{tail}."


# --------------------------------------------------------------------------------------- page


def _rendered(render: Callable[[str], Markup], text: str) -> Markup:
    """Formulas drawn; a text whose formulas cannot be drawn shows its source."""
    try:
        return render(text)
    except ValueError:
        return Markup("<code>{}</code>").format(text)


def _statement(line: str) -> Markup:
    return mathml.display(line, r"\quad")


def undrawn(claims: Sequence[Claim[Any]], examined: Sequence[Examined]) -> list[str]:
    """One line per formula that cannot be drawn and per id that two parts of the page share."""
    problems: list[str] = []
    ids: list[str] = []
    for claim, result in zip(claims, examined, strict=True):
        texts: list[tuple[Callable[[str], Markup], str]]
        texts = [(_statement, line) for line in claim.lines]
        texts += [(mathml.prose, sentence) for sentence in claim.assumptions]
        texts += [(mathml.prose, figure.caption) for figure in result.figures]
        for render, text in texts:
            try:
                render(text)
            except ValueError as error:
                problems.append(f"{claim.id}: {error}")
        for figure in result.figures:
            ids += [f"figure-{figure.id}", *re.findall(r'\bid="([^"]*)"', figure.svg)]
        for section in result.sections:
            ids += [f"section-{section.id}", *re.findall(r'\bid="([^"]*)"', section.html)]
    problems += [f"id used twice: {name}" for name, times in Counter(ids).items() if times > 1]
    return problems


def html(report: Report) -> str:
    """report.html, complete: opens offline."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    engine = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    engine.filters.update(
        against=against,
        day=day,
        statement=lambda text: _rendered(_statement, text),
        prose=lambda text: _rendered(mathml.prose, text),
        trusted=Markup,
    )
    results = {c.id: (c, result) for c, result in zip(report.claims, report.examined, strict=True)}
    return engine.get_template("report.html").render(
        report=report,
        first=[s for result in report.examined for s in result.sections if s.first],
        parts=[
            (
                part,
                registry.claim_of(part.key).lines[0] if part.key else "",
                [results[name] for name in part.claims],
            )
            for part in parts(results)
        ],
        headline=headline(report),
        environment=environment(),
        columns=COLUMNS,
        symbols=SYMBOLS,
        symbols_used=GLOSSARY,
        mutants=mutants.counts(),
        font=base64.b64encode(FONT.read_bytes()).decode(),
    )
