"""What became of the mutants of each module, as kept in counts.json, and the share of all mutants
that are killed.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Container
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = [
    "CHECKERS",
    "EVIDENCE",
    "JUDGES",
    "ROOT",
    "STORE",
    "Count",
    "Store",
    "digest",
    "modules",
    "own_tests",
    "reasons",
    "wilson",
]

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent

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

KILLED, LATE, STOPPED, SURVIVED, OPEN, AGAIN, MENDED, SAME = "ktbs?am="
"""What judges noticed it, took too long, was blocked, or noticed nothing, or has not been asked; it
noticed nothing before it was changed, and has not been asked since, or notices it now; the mutant
computes the same.
"""


def reasons(file: str = "equivalent.csv") -> dict[tuple[str, str], str]:
    """What is said of mutants, by module and change: why no test can kill them as they compute the
    same; in unseen.csv what the evidence of claims would need to see them.
    """
    with (HERE / file).open(encoding="utf-8", newline="") as lines:
        return {(row["module"], row["change"]): row["reason"] for row in csv.DictReader(lines)}


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
        return [k for k in range(most) if self.outcomes[k : k + 1] in ("", OPEN, AGAIN)]

    def judged(self, place: int, outcome: str, change: str) -> None:
        """Keep the outcome of one mutant."""
        letters = self.outcomes.ljust(place, OPEN)
        if letters[place : place + 1] == AGAIN and outcome != SURVIVED:
            outcome = MENDED
        self.outcomes = letters[:place] + outcome + letters[place + 1 :]
        if outcome == SURVIVED:
            self.survivors[str(place)] = change

    def tally(self, same: Container[str], most: int | None = None) -> Counter[str]:
        """How many of the first so many mutants have each outcome; of the survivors, those whose
        change is in ``same`` count as such.
        """
        counted = Counter(self.outcomes[:most].replace(OPEN, ""))
        equal = sum(
            change in same
            for place, change in self.survivors.items()
            if most is None or int(place) < most
        )
        return counted + Counter({SAME: equal}) - Counter({SURVIVED: equal})

    def again(self, tests: str, same: Container[str] = ()) -> None:
        """The tests have changed: what survived the old ones is judged anew, but for what computes
        the same, and nothing else: whoever takes a test away begins the module anew.
        """
        kept = {place: change for place, change in self.survivors.items() if change in same}
        self.tests, self.survivors = tests, kept
        self.outcomes = "".join(
            AGAIN if letter == SURVIVED and str(place) not in kept else letter
            for place, letter in enumerate(self.outcomes)
        )


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


def digest(*paths: Path) -> str:
    """SHA-256 of a module or of what judges it, as syntax: comments and line breaks leave it."""
    text = "".join(ast.dump(ast.parse(path.read_text("utf-8"))) for path in paths)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Store:
    """The counts of one judge, kept in a file, and the chance of a mutant to be in its sample."""

    file: Path
    chance: float

    def drawn(self, module: str, mutants: int) -> int:
        """How many of a module's mutants, the first in their order, are in the sample of all
        modules.

        Each is in it with the same chance, whatever becomes of other modules.  The seed is the
        module's name.
        """
        generator = random.Random(f"sample {module}")
        return sum(generator.random() < self.chance for _ in range(mutants))

    def read(self) -> dict[str, Count]:
        """The kept counts; of a module that changed since, they are those of then."""
        kept = json.loads(self.file.read_text("utf-8")) if self.file.exists() else {}
        return {module: Count(**fields) for module, fields in kept.items()}

    def write(self, counts: dict[str, Count]) -> None:
        """Write all counts, or leave the file as it is."""
        text = json.dumps(
            {k: asdict(v) for k, v in sorted(counts.items())}, indent=1, ensure_ascii=False
        )
        aside = self.file.with_suffix(".part")
        aside.write_text(text + "\n", "utf-8")
        aside.replace(self.file)


STORE = Store(HERE / "counts.json", 1 / 120)
EVIDENCE = Store(HERE / "evidence.json", 1 / 200)
