"""Sphinx: MyST pages, formulas as MathML, worked examples that run while the page is built."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]

setup_cfg = configparser.ConfigParser(interpolation=None)
setup_cfg.read(ROOT / "setup.cfg", encoding="utf-8")

project = "Everyweight"
author = "The Everyweight authors"
version = release = setup_cfg["metadata"]["version"]
language = "en"

extensions = ["myst_parser", "mathml", "worked", "claims", "exports"]
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_ext", "_static"]
html_math_renderer = "mathml"

html_theme = "furo"
html_title = "Everyweight"
html_static_path = ["_static", "../verify/report/fonts"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
