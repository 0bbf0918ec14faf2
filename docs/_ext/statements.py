"""Which statement builds on which, and who has checked it for all sizes: drawn from the claims."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

from matplotlib.figure import Figure as Drawing

from theory.claim import CHAPTERS, chapter_of, claim_of, find_claims
from verify.report.figures import COLOURS, INK, drawn


@cache
def depth(name: str) -> int:
    """The length of the longest chain of statements below this one."""
    return 1 + max(map(depth, claim_of(name).requires), default=-1)


@cache
def below(name: str) -> frozenset[str]:
    """All statements that this one builds on, directly or not."""
    required = claim_of(name).requires
    return frozenset(required).union(*map(below, required))


def directly(name: str) -> list[str]:
    """Those that it builds on and none of the others does."""
    required = claim_of(name).requires
    return [lower for lower in required if not any(lower in below(other) for other in required)]


def places() -> dict[str, tuple[float, float]]:
    """Where each claim stands: to the right of what it builds on, in the band of its chapter."""
    stacks: dict[tuple[str, int], list[str]] = defaultdict(list)
    for claim in find_claims():
        stacks[chapter_of(claim.id), depth(claim.id)].append(claim.id)
    corners: dict[str, tuple[float, float]] = {}
    top = 0.0
    for chapter in CHAPTERS:
        own = {key: names for key, names in stacks.items() if key[0] == chapter.name}
        for (_, column), names in own.items():
            corners |= {name: (float(column), top - row) for row, name in enumerate(names)}
        top -= max(map(len, own.values())) + 0.6
    return corners


def picture() -> Drawing:
    """Every claim as a box, bordered; filled where Coq's kernel has theorems on it.

    Arrows lead from a claim to those that build on it.
    """
    where = places()
    with drawn(7.4) as drawing:
        axes = drawing.subplots()
        axes.axis("off")
        for claim in find_claims():
            x, y = where[claim.id]
            kernel = claim.kernel is not None
            box = {
                "boxstyle": "round",
                "facecolor": COLOURS[0] if kernel else "none",
                "edgecolor": COLOURS[0],
                "alpha": 0.35 if kernel else 1.0,
            }
            axes.text(x, y, claim.id, ha="center", va="center", fontsize=7, bbox=box)
            for name in directly(claim.id):
                begin = where[name]
                bow = -0.15 if begin[1] == y and x - begin[0] > 1 else 0.0
                arrow = {"arrowstyle": "->", "color": INK, "alpha": 0.4}
                arrow["connectionstyle"] = f"arc3,rad={bow}"
                axes.annotate("", (x - 0.36, y), (begin[0] + 0.36, begin[1]), arrowprops=arrow)
        for chapter in CHAPTERS:
            y = max(where[name][1] for name in chapter.claims)
            axes.text(-1.2, y, chapter.name, va="center", fontsize=8, weight="bold")
        lowest = min(y for _, y in where.values())
        axes.set(xlim=(-1.3, 0.5 + max(x for x, _ in where.values())), ylim=(lowest - 0.6, 0.6))
    return drawing
