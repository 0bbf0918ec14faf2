"""Writes the interactive page beside the others, where the page about it shows it."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from verify.explorer.page import html


def _write(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        (Path(app.outdir) / "explorer-page.html").write_text(html(), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the end of the build."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
