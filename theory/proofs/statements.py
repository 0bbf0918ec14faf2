"""What Coq's kernel has to say of a claim: which theorems state it, and whether they were checked.

The sources stand beside this file.  ``make proofs`` compiles copies of them in build/proofs and,
when all are accepted, leaves the file ``accepted`` there.  What was changed since is not checked.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from theory.claim import Claim

__all__ = ["BUILT", "SOURCES", "coverage", "state", "theorem"]

SOURCES = Path(__file__).parent
"""The folder of the sources."""

BUILT = SOURCES.parents[1] / "build" / "proofs"
"""Where ``make proofs`` compiles them."""


def theorem(name: str) -> str:
    """The statement of the theorem ``File.name``, after the hypotheses of the sections it is in.

    Raises
    ------
    ValueError: the file has no theorem of that name.
    """
    file, _, short = name.partition(".")
    source = (SOURCES / f"{file}.v").read_text(encoding="utf-8")
    pattern = rf"^(?:Theorem|Corollary) {short}\b.*?(?=^Proof)"
    stated = re.search(pattern, source, re.MULTILINE | re.DOTALL)
    if stated is None:
        raise ValueError(f"theory/proofs/{file}.v has no theorem {short!r}")
    sections: list[list[str]] = [[]]
    before = source[: stated.start()]
    kept = r"^(?:Section|End|Hypothes[ei]s)\b.*?\.$"
    for sentence in re.findall(kept, before, re.MULTILINE | re.DOTALL):
        if sentence.startswith("Section"):
            sections.append([])
        elif sentence.startswith("End"):
            sections.pop()
        else:
            sections[-1].append(sentence)
    return "\n".join([*(line for lines in sections for line in lines), stated[0].strip()])


def state(sources: Path = SOURCES, built: Path = BUILT) -> str:
    """Whether the kernel has accepted these very sources on this machine."""
    files = {path.name: path.read_bytes() for path in sources.glob("*.v")}
    copies = {path.name: path.read_bytes() for path in built.glob("*.v")}
    if files and files == copies and (built / "accepted").is_file():
        return "checked by Coq's kernel"
    if shutil.which("coqc") is None:
        return "stated in Coq, unchecked here: coqc is not installed"
    return "stated in Coq, unchecked here: `make proofs` checks it"


def coverage(claim: Claim[Any]) -> str:
    """One sentence for the proof column: what the kernel covers beyond the machine's cases."""
    if claim.kernel is None:
        return "beyond these: proved in writing"
    names = ", ".join(name.partition(".")[2] for name in claim.kernel.theorems)
    return f"{state()}: {claim.kernel.covers} ({names}); beyond these: proved in writing"
