"""A statement with its assumptions, its law and its proof; and the chapters that tell them in
order.

A claim lives in ``theory/<chapter>/<name>.py``, as the constant ``CLAIM``.  The file's name is the
claim's name everywhere else: ``verify/<chapter>/claims/<name>.py`` tests it on trained networks,
``tests/<chapter>/test_<name>.py`` holds its properties, ``docs/<chapter>/<name>.md`` explains it.
Claims are found in the folders of their chapters; only their order is stated, in :data:`CHAPTERS`.

Every claim separates its *law* (the formula, an ordinary value or function) from the *procedure*
that proves it, so that the same procedure can be run on a deliberately wrong law: that is a
control.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar

__all__ = [
    "CHAPTERS",
    "Chapter",
    "Claim",
    "Kernel",
    "Proof",
    "Step",
    "Wrong",
    "chapter_of",
    "claim_of",
    "find_claims",
    "order",
    "title_of",
]

L = TypeVar("L")
"""The type of a law: a function, or a dataclass of several."""


@dataclass(frozen=True)
class Step:
    """One exact statement that a proof decides: its name, and whether it was found true."""

    name: str
    holds: bool


class Proof:
    """The decided steps of a machine proof and, in words, the cases that they cover.

    A proof without steps proves nothing and does not hold.  The steps may come from a generator:
    then each is decided when it is asked for, and :attr:`refuted` ends with the first open one.
    """

    def __init__(self, steps: Iterable[Step], covers: str) -> None:
        self.covers = covers
        self._decided: list[Step] = []
        self._coming = iter(steps)
        self._raised: Exception | None = None

    def __iter__(self) -> Iterator[Step]:
        """The steps, in order; what was decided once is kept, and what was raised is
        raised again.
        """
        for place in count():
            if place == len(self._decided):
                if self._raised is not None:
                    raise self._raised
                try:
                    self._decided.append(next(self._coming))
                except StopIteration:
                    return
                except Exception as error:
                    self._raised = error
                    raise
            yield self._decided[place]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps."""
        return tuple(self)

    @property
    def open(self) -> tuple[Step, ...]:
        """The steps that were not found true."""
        return tuple(step for step in self if not step.holds)

    @property
    def refuted(self) -> bool:
        """True when a step is open; those after it are not decided."""
        return any(not step.holds for step in self)

    @property
    def holds(self) -> bool:
        """True when there is at least one step and none is open."""
        return not self.refuted and bool(self._decided)


@dataclass(frozen=True)
class Wrong(Generic[L]):
    """A deliberately wrong law, with the mistake in words: the claim's procedures
    must reject it.
    """

    name: str
    law: L


@dataclass(frozen=True)
class Kernel:
    """What of a claim is stated and proved in Coq, in theory/proofs, for every size.

    Attributes
    ----------
    covers: what the theorems are about, and for which sizes.
    theorems: their names, each with its file: ``Plateau.plateau_law``.
    """

    covers: str
    theorems: tuple[str, ...]


@dataclass(frozen=True)
class Claim(Generic[L]):
    """A mathematical statement, its law as executable symbols, and how it is proved.

    Attributes
    ----------
    id: the name of the file the claim lives in.
    title: one line.
    statement: the law in LaTeX, without dollar signs; ``\\qquad`` separates formulas.
    assumptions: sentences (LaTeX between dollars allowed) under which the law holds.
    law: what ``prove``, the check and the training column are run on.
    prove: ``prove(law) -> Proof``, exact, from the definitions.
    wrong: at least one wrong law.
    requires: the ids of the claims this one builds on; they come first in every listing.
    kernel: what of it is proved in Coq, if anything.
    """

    id: str
    title: str
    statement: str
    assumptions: tuple[str, ...]
    law: L
    prove: Callable[[L], Proof]
    wrong: tuple[Wrong[L], ...]
    requires: tuple[str, ...] = ()
    kernel: Kernel | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        r"""The statement's formulas, one to a line: it is broken at every ``\qquad``."""
        return tuple(re.split(r"[,;]?\s*\\qquad\s*", self.statement))


@dataclass(frozen=True)
class Chapter:
    """A folder of claims in each package, and its place in the story.

    Attributes
    ----------
    name: the folder.
    title, about: a heading, and two sentences for a reader who has seen nothing else.
    key: the claim whose first formula is the chapter's.
    claims: the ids of its claims, in the order of the story.
    appendix: those that come after the last chapter.
    """

    name: str
    title: str
    about: str
    key: str
    claims: tuple[str, ...]
    appendix: tuple[str, ...] = ()


CHAPTERS = (
    Chapter(
        "pulse",
        "One pulse, one network",
        "A filter sees of a pulse nothing but the partial sums of its taps."
        " So the network can be wrong in three ways only, slope, offset and bend, and exact weights"
        " are those that cancel all three.",
        "loss",
        (
            "signal",
            "staircase",
            "plateau",
            "subpixel",
            "loss",
            "readout",
            "symmetry",
            "small_radius",
            "kinks",
            "point_sampled",
            "endings",
        ),
    ),
    Chapter(
        "training",
        "From the first weights to the last",
        "Where σ is straight, a gradient step moves all taps of a filter alike, so what"
        " distinguishes them never changes. Every weight at convergence follows from its start, in"
        " closed form.",
        "flow",
        ("conserved", "flow", "trajectory", "steps", "active"),
        ("conv_bias", "ridge", "noise", "sharpness"),
    ),
    Chapter(
        "shape",
        "What the activation permits",
        "A network is exact if and only if shifted, stretched copies of the slope of σ add up to a"
        " constant. That decides for every activation of torch.nn: exact with one channel, with"
        " two, or never.",
        "span",
        ("span", "asymptotes", "shape"),
        ("rates",),
    ),
    Chapter(
        "certificates",
        "The worst error, proved",
        "For a piecewise-linear σ the worst error over every real radius is one of finitely many"
        " numbers. It bounds the distance to the nearest exact network, and rounding adds at most a"
        " computable amount.",
        "extremes",
        ("extremes", "averages", "nearest", "running"),
    ),
    Chapter(
        "invariance",
        "What the network need not know",
        "The readout may be dense, and the pulse may stand on an unknown background or have an"
        " unknown contrast. For each of these it is decided which networks can still be exact.",
        "dense",
        ("dense", "background", "contrast"),
        ("pair",),
    ),
    Chapter(
        "disk",
        "From pulses to disks",
        "In an image the network adds up the area, and the area is not the radius. With the"
        " absolute value of a difference it measures the perimeter, which is.",
        "perimeter",
        ("disk", "perimeter", "shares"),
        ("laplacian", "curvature", "lattice"),
    ),
)
"""The story: six chapters, and an appendix of what goes beyond them."""


def order() -> tuple[tuple[str, str], ...]:
    """(chapter, claim) for every claim of the story, then for every claim of the appendix."""
    main = [(chapter.name, name) for chapter in CHAPTERS for name in chapter.claims]
    return (*main, *((chapter.name, name) for chapter in CHAPTERS for name in chapter.appendix))


def chapter_of(name: str) -> str:
    """The chapter, hence the folder, of a claim.

    Raises
    ------
    ValueError: no chapter names the claim.
    """
    for chapter, claim in order():
        if claim == name:
            return chapter
    raise ValueError(f"no chapter names the claim {name!r}: theory/claim.py, CHAPTERS")


def claim_of(name: str) -> Claim[Any]:
    """The claim of that name; no other claim's module is imported for it.

    Raises
    ------
    ValueError: no chapter names the claim.
    """
    claim: Claim[Any] = importlib.import_module(f"theory.{chapter_of(name)}.{name}").CLAIM
    return claim


def title_of(name: str) -> str:
    """The title of a claim, read in its file: to import that takes sympy, hence a second.

    Raises
    ------
    ValueError: no chapter names the claim.
    """
    module = Path(__file__).parent / chapter_of(name) / name
    path = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    source = path.read_text(encoding="utf-8")
    words = ast.walk(ast.parse(source[source.index("\nCLAIM: ") :]))
    title = next(word for word in words if isinstance(word, ast.keyword) and word.arg == "title")
    return str(ast.literal_eval(title.value))


def find_claims() -> tuple[Claim[Any], ...]:
    """Every ``CLAIM`` in the chapters' folders, in the order of the story.

    Raises
    ------
    ValueError: a claim's id differs from its file's name; it stands in another folder than
        :data:`CHAPTERS` says, or not there at all; or it comes before a claim that it requires.
    """
    claims: dict[str, Claim[Any]] = {}
    for chapter in CHAPTERS:
        package = importlib.import_module(f"theory.{chapter.name}")
        for info in pkgutil.iter_modules(package.__path__):
            if info.name.startswith("_"):
                continue
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            claim: Claim[Any] | None = getattr(module, "CLAIM", None)
            if claim is None:
                continue
            if claim.id != info.name:
                raise ValueError(f"{module.__name__} holds a claim that calls itself {claim.id!r}")
            if chapter_of(claim.id) != chapter.name:
                raise ValueError(
                    f"{claim.id} stands in {chapter.name}, not in {chapter_of(claim.id)}"
                )
            claims[claim.id] = claim
    ordered: dict[str, Claim[Any]] = {}
    for _, name in order():
        if name not in claims:
            raise ValueError(f"a chapter names the claim {name!r}, which is not there")
        if unmet := set(claims[name].requires) - set(ordered):
            raise ValueError(
                f"{name} requires what does not come before it: {', '.join(sorted(unmet))}"
            )
        ordered[name] = claims[name]
    return tuple(ordered.values())
