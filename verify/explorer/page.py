"""One HTML file: the modules of the page inside an import map, so that it opens from a disk and
asks for nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from verify.explorer import atlas, catalogue, classified, functions, laws

__all__ = ["html"]

STATIC = Path(__file__).parent / "static"


def html(*, served: bool = False) -> str:
    """The page, under 2 MB; ``served``: it may ask where it comes from, and nobody else."""
    modules = {path.stem: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}
    modules |= _generated()
    if not served:
        modules["ask"] = "export const ask = null;\n"
    imports = {"imports": {name: _address(text) for name, text in sorted(modules.items())}}
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    if served:
        page = page.replace("default-src 'none';", "default-src 'none'; connect-src 'self';")
    style = (STATIC / "style.css").read_text(encoding="utf-8")
    # Inside a script element only </ could end it early; in a data address it is percent-encoded.
    return page.replace("/*style.css*/", style).replace("/*imports*/", json.dumps(imports))


def _generated() -> dict[str, str]:
    generated = (atlas, catalogue, classified, functions, laws)
    return {each.__name__.rpartition(".")[2]: each.module() for each in generated}


def _address(module: str) -> str:
    return "data:text/javascript;charset=utf-8," + quote(module, safe=" !$()*+,-./:;=?@[]^_{}|~`'")
