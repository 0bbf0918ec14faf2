"""Worked examples: ``worked`` runs its Python while the page is built and shows what came out.

    ```{worked}
    :hide:
    show(expression)
    ```

All blocks of a page share their names, in order.  ``show`` takes Markdown text, a sympy expression,
a drawing (with ``title=``) or a figure of the report; ``table(head, rows)`` makes Markdown of rows.
``:hide:`` folds the code away.  A figure is a node of its own, never Markdown: a blank line in it
would end the block.  An exception is a build error.  A page is read again when any module that it
may have used is newer.
"""

from __future__ import annotations

import importlib
import re
import traceback
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import sympy as sp
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from matplotlib.figure import Figure as Drawing
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from theory.claim import find_claims
from verify.report.figures import figure_svg
from verify.report.page import Figure

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    str(path)
    for folder in ("theory", "numerics", "verify", "docs/_ext", "tests/disk")
    for path in (ROOT / folder).rglob("*.py")
    if not path.stem.startswith("test_")
)


def cell(value: Any) -> str:
    """One entry of a table, as Markdown."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Fraction):
        value = sp.Rational(value.numerator, value.denominator)
    if isinstance(value, sp.Basic):
        return f"${sp.latex(value)}$"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; a bar inside an entry is escaped."""
    lines = [list(head), ["---"] * len(head), *([cell(v) for v in row] for row in rows)]
    return "\n".join(
        "| " + " | ".join(v.replace("|", r"\|") for v in line) + " |" for line in lines
    )


class RunsCode(SphinxDirective):
    """What directives that compute share: parsing Markdown, and staleness."""

    def depend(self) -> None:
        for source in SOURCES:
            self.env.note_dependency(source)

    def markdown(self, text: str) -> list[nodes.Node]:
        holder = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), "computed"), 0, holder)
        return holder.children

    def figure(self, svg: str, caption: str) -> list[nodes.Node]:
        """A figure, with its caption in Markdown."""
        opening = nodes.raw("", f"<figure>{svg}<figcaption>", format="html")
        closing = nodes.raw("", "</figcaption></figure>", format="html")
        return [opening, *self.markdown(caption), closing]


class Worked(RunsCode):
    has_content = True
    option_spec: ClassVar[Any] = {"hide": directives.flag}

    def run(self) -> list[nodes.Node]:
        self.depend()
        source = "\n".join(self.content)
        page = re.sub(r"[^A-Za-z0-9]", "-", self.env.docname)
        found: list[nodes.Node] = []

        def show(value: Any, title: str = "") -> None:
            if isinstance(value, Drawing):
                if not title:
                    raise ValueError("a drawing needs a title")
                count = self.env.temp_data["worked drawings"] = (
                    self.env.temp_data.get("worked drawings", 0) + 1
                )
                found.extend(self.figure(figure_svg(value, f"{page}-{count}", title), title))
            elif isinstance(value, Figure):
                found.extend(self.figure(value.svg, title or f"**{value.title}.** {value.caption}"))
            elif isinstance(value, sp.Basic):
                found.append(nodes.math_block(sp.latex(value), sp.latex(value)))
            elif "<svg" in str(value):
                raise ValueError("show a figure, not its svg: Markdown ends at a blank line in it")
            else:
                found.extend(self.markdown(str(value)))

        names = self.env.temp_data.setdefault("worked names", {})
        names.update(show=show, table=table, sp=sp, Fraction=Fraction)
        try:
            exec(compile(source, f"<worked example on {page}>", "exec"), names)  # noqa: S102 - our own pages
        except Exception as error:
            raise self.error(f"worked example: {traceback.format_exc()}") from error
        if not found:
            raise self.error("a worked example that shows nothing")
        code = nodes.literal_block(source, source, language="python")
        result = nodes.container("", *found, classes=["worked-result"])
        if "hide" not in self.options:
            return [nodes.container("", code, result, classes=["worked"])]
        opening = nodes.raw(
            "", "<details><summary>the code of this example</summary>", format="html"
        )
        closing = nodes.raw("", "</details>", format="html")
        return [nodes.container("", result, opening, code, closing, classes=["worked"])]


def _import(*_: Any) -> None:
    """What most pages import, once: with ``-j`` they are read in processes forked from this one."""
    find_claims()
    importlib.import_module("verify.models.networks")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("worked", Worked)
    app.connect("env-before-read-docs", _import)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
