"""Sphinx: MyST pages, formulas as MathML, worked examples and notebooks that run while pages are
built.
"""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]
os.environ["OMP_NUM_THREADS"] = "1"  # pages share the cores, not the sums of one page

setup_cfg = configparser.ConfigParser(interpolation=None)
setup_cfg.read(ROOT / "setup.cfg", encoding="utf-8")

project = "Everyweight"
author = "The Everyweight authors"
version = release = setup_cfg["metadata"]["version"]
language = "en"

extensions = ["myst_nb", "mathml", "worked", "claims", "explorer", "exports"]
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
os.environ["PYTHONPATH"] = str(ROOT)  # of the notebooks' kernels
exclude_patterns = ["_build", "_ext", "_static"]
html_math_renderer = "mathml"

html_theme = "furo"
html_title = "Everyweight"
html_static_path = ["_static", "../verify/report/fonts"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_search_summary = False  # it would fetch pages, which a browser forbids on a disk
html_show_sourcelink = False
html_show_copyright = False
