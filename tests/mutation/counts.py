"""What became of the mutants of each module, as kept in counts.json, and the share of all mutants
that are killed.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = [
    "CHECKERS",
    "JUDGES",
    "ROOT",
    "Count",
    "digest",
    "equivalent",
    "keep",
    "modules",
    "own_tests",
    "stored",
    "wilson",
]

ROOT = Path(__file__).parent.parent.parent
STORE = Path(__file__).with_name("counts.json")

CHECKERS = (
    "numerics/arithmetic/oracle.py",
    "numerics/certificates/checker.py",
    "verify/explain/roundings.py",
    "verify/optimise/stationary.py",
    "verify/report/judge.py",
    "verify/report/verdict.py",
)
"""What others are judged by: all of its mutants are judged."""
JUDGES = (
    "verify/explain/alternatives.py",
    "verify/explain/replay.py",
    "verify/explain/value.py",
    "verify/pulse/certified.py",
    "verify/pulse/classify.py",
    "verify/pulse/compare.py",
    "verify/report/evidence.py",
)
"""Other parts of verify that decide something; of these, theory and numerics a sample is judged."""

KILLED, LATE, SURVIVED, OPEN = "kts?"
"""A test failed, the tests took too long, all of them passed, or they have not been run."""


def equivalent() -> dict[tuple[str, str], str]:
    """Why no test can kill some mutants, by module and change: they compute the same."""
    with STORE.with_name("equivalent.csv").open(encoding="utf-8", newline="") as file:
        return {(row["module"], row["change"]): row["reason"] for row in csv.DictReader(file)}


@dataclass
class Count:
    """The mutants of a module.

    Attributes
    ----------
    module, tests: the digests of the module and of its tests, as they were.
    mutants: how many there are.
    outcomes: a letter for each mutant of the sample: killed, too late, survived, or not judged.
    survivors: the changes that no test noticed, by their places in the sample.
    """

    module: str
    tests: str
    mutants: int
    outcomes: str = ""
    survivors: dict[str, str] = field(default_factory=dict)

    def open(self, most: int) -> list[int]:
        """The places among the first so many that are not judged."""
        return [k for k in range(most) if self.outcomes[k : k + 1] in ("", OPEN)]

    def judged(self, place: int, outcome: str, change: str) -> None:
        """Keep the outcome of one mutant."""
        letters = self.outcomes.ljust(place, OPEN)
        self.outcomes = letters[:place] + outcome + letters[place + 1 :]
        if outcome == SURVIVED:
            self.survivors[str(place)] = change

    def again(self, tests: str) -> None:
        """The tests have changed: what survived the old ones is judged anew, and no other: whoever
        takes a test away begins the module anew.
        """
        self.tests, self.survivors = tests, {}
        self.outcomes = self.outcomes.replace(SURVIVED, OPEN)


def wilson(killed: int, judged: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of Wilson (1927) for a share of which a sample shows killed/judged."""
    middle = (killed + z**2 / 2) / (judged + z**2)
    half = z / (judged + z**2) * math.sqrt(killed * (judged - killed) / judged + z**2 / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def modules() -> list[str]:
    """All modules that are mutated: those that judge first, then theory and numerics; of these
    what has tests of its own, which is all that computes.
    """
    found = [
        path.relative_to(ROOT).as_posix()
        for package in ("theory", "numerics")
        for path in sorted((ROOT / package).rglob("*.py"))
    ]
    others = [path for path in found if path not in CHECKERS and own_tests(path).is_file()]
    return [*CHECKERS, *JUDGES, *others]


def own_tests(module: str) -> Path:
    """The module's own tests: the tree of tests mirrors that of the modules."""
    path = Path(module)
    stem = path.parent.name if path.stem == "__init__" else path.stem
    folders = path.parent.parts[1:-1] if path.stem == "__init__" else path.parent.parts[1:]
    return ROOT.joinpath("tests", *folders, f"test_{stem}.py")


def digest(path: Path) -> str:
    """SHA-256 of a module or its tests, as syntax: comments and line breaks leave it."""
    return hashlib.sha256(ast.dump(ast.parse(path.read_text("utf-8"))).encode()).hexdigest()[:16]


def stored() -> dict[str, Count]:
    """The kept counts; of a module that changed since, they are those of then."""
    kept = json.loads(STORE.read_text("utf-8")) if STORE.exists() else {}
    return {module: Count(**fields) for module, fields in kept.items()}


def keep(counts: dict[str, Count]) -> None:
    """Write all counts, or leave the file as it is."""
    text = json.dumps(
        {k: asdict(v) for k, v in sorted(counts.items())}, indent=1, ensure_ascii=False
    )
    aside = STORE.with_suffix(".part")
    aside.write_text(text + "\n", "utf-8")
    aside.replace(STORE)
