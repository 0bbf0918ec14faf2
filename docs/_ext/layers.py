"""What builds on what, as setup.cfg states it for import-linter: as layers, as a table, as a
picture.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure as Drawing

from verify.report.figures import COLOURS, INK, drawn

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("verify", "numerics", "theory")


def layers(package: str) -> list[list[str]]:
    """The folders and modules of a package, the top layer first; those of one layer do not know
    each other.
    """
    contracts = configparser.ConfigParser(interpolation=None)
    contracts.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = contracts[f"importlinter:contract:{package}"]["layers"].split("\n")
    return [[name.strip() for name in line.split("|")] for line in lines if line.strip()]


def below(package: str) -> Iterator[tuple[str, str]]:
    """Each folder of a package, with the names beneath it that it may import."""
    stack = layers(package)
    for depth, layer in enumerate(stack):
        others = ", ".join(name for names in stack[depth + 1 :] for name in names)
        for name in layer:
            if (ROOT / package / name).is_dir():
                yield f"{package}/{name}", others or "nothing of its package"


def picture() -> Drawing:
    """The packages side by side, their layers from top to bottom; arrows point at
    what is imported.
    """
    stacks = [layers(package) for package in PACKAGES]
    chapters = [next(k for k, names in enumerate(x) if "training" in names) for x in stacks]
    heading = 1.15 * (4 + max(chapters)) + 0.5
    with drawn(5.2) as drawing:
        axes = drawing.subplots()
        axes.axis("off")
        lowest = 0.0
        for column, package in enumerate(PACKAGES):
            # The chapters stand at one height in all packages.
            top = 4 + chapters[column]
            axes.text(column, heading, package, ha="center", weight="bold", fontsize=12)
            for depth, names in enumerate(stacks[column]):
                y = 1.15 * (top - depth) - 0.35
                lowest = min(lowest, y)
                box = {"boxstyle": "round", "facecolor": "none", "edgecolor": COLOURS[column]}
                half = (len(names) + 1) // 2
                lines = [names] if len(names) < 3 else [names[:half], names[half:]]
                text = "\n".join(" · ".join(line) for line in lines)
                axes.text(column, y, text, ha="center", va="center", fontsize=9, bbox=box)
                if depth:
                    axes.annotate(
                        "",
                        (column, y + 0.32),
                        (column, y + 0.8),
                        arrowprops={"arrowstyle": "->", "color": INK},
                    )
            if column:
                axes.annotate(
                    "",
                    (column - 0.36, heading + 0.08),
                    (column - 0.64, heading + 0.08),
                    arrowprops={"arrowstyle": "->", "color": INK},
                )
        axes.set(xlim=(-0.6, 2.6), ylim=(lowest - 0.4, heading + 0.3))
    return drawing
