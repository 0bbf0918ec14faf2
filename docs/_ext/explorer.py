"""Writes the interactive page beside the others, where the page about it shows it.

What it computes with is derived in a process of its own while the other pages are read.
"""

from __future__ import annotations

from multiprocessing import Process
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from verify.explorer.page import html

_WRITING: list[Process] = []
"""The process that writes the page, while the build goes on."""


def _write(path: Path) -> None:
    path.write_text(html(), encoding="utf-8")


def _begin(app: Sphinx) -> None:
    if app.builder.format == "html":
        process = Process(target=_write, args=(Path(app.outdir) / "explorer-page.html",))
        process.start()
        _WRITING.append(process)


def _end(app: Sphinx, error: Exception | None) -> None:
    while _WRITING:
        process = _WRITING.pop()
        process.join()
        if process.exitcode and error is None:
            raise ExtensionError("the interactive page could not be written")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to both ends of the build."""
    app.connect("builder-inited", _begin)
    app.connect("build-finished", _end)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
