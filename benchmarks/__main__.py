"""``python -m benchmarks``: what the fast paths cost, and how much less than what one would write,
in one run.

A time of one machine means little to another; a ratio of two paths that were timed in the same run
means more. Each library works in one thread, and times are seconds of the processor where a line
does not say otherwise. A full run writes the table of docs/benchmarks.md; any run writes JSON.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import importlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.measure import Row, machine
from benchmarks.page import PAGE, table, written
from theory.process import run

PARTS = {"a": "training", "b": "cost", "c": "laws", "d": "exact", "e": "images", "f": "claims"}
"""The parts, and the modules that measure them."""


def main() -> int:
    """Measure, print the tables, and return the exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="a minute's look at the same; the page is left alone")
    add(
        "--only",
        default="".join(PARTS),
        metavar="LETTERS",
        help=f"of {''.join(PARTS)} (default: all)",
    )
    add(
        "--out",
        type=Path,
        default=Path("results/benchmarks.json"),
        metavar="FILE",
        help="default: %(default)s",
    )
    options = parser.parse_args()
    if not options.only or set(options.only) - set(PARTS):
        parser.error(f"--only takes some of the letters {''.join(PARTS)}")
    torch.set_num_threads(1)
    begin = time.perf_counter()
    rows: dict[str, list[Row]] = {}
    for part in sorted(set(options.only)):
        module = importlib.import_module(f"benchmarks.{PARTS[part]}")
        assert module.__doc__
        rows[module.__doc__] = list(module.rows(options.quick))
        print(table(module.__doc__, rows[module.__doc__]), flush=True)
    result = {
        "machine": machine(),
        "quick": options.quick,
        "seconds": round(time.perf_counter() - begin),
        "parts": {title: [asdict(row) for row in each] for title, each in rows.items()},
    }
    try:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        if not options.quick and len(rows) == len(PARTS):
            page = PAGE.read_text("utf-8")
            PAGE.write_text(written(page, result["machine"], result["seconds"], rows), "utf-8")
    except OSError as error:
        parser.error(f"cannot write {error.filename}: {error.strerror}")
    return 0


if __name__ == "__main__":
    sys.exit(run("python -m benchmarks", main))
