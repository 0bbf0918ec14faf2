"""Formulas as MathML, drawn by the browser in a font beside the pages: no script, no other host."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

from verify.report.mathml import display, formula

logger = logging.getLogger(__name__)


def _write(translator: HTML5Translator, node: nodes.Element, block: bool) -> None:
    try:
        markup = (display if block else formula)(node.astext())
    except ValueError as error:
        logger.warning("%s", error, location=node)
        return
    name = "div" if block else "span"
    ids = "".join(f' id="{each}"' for each in node.get("ids", [])[:1])
    translator.body.append(f'<{name} class="math"{ids}>{markup}</{name}>')


def _inline(translator: HTML5Translator, node: nodes.math) -> None:
    _write(translator, node, block=False)
    raise nodes.SkipNode


def _display(translator: HTML5Translator, node: nodes.math_block) -> None:
    _write(translator, node, block=True)
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
