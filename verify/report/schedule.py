"""Which claim is examined when: rows appear in the order of the story, and all cores end together.

A claim asks for the ensembles that it needs.  Each is trained once, by a task of its own, and sent
to the claims that asked; a claim is examined as soon as all of its ensembles are there.

The order decides when a row appears and when the run ends, and never what is found: see
:mod:`verify.report.lab`.
"""

from __future__ import annotations

import json
import math
import sys
from bisect import insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from theory.claim import claim_of
from verify.models.files import document
from verify.report.arguments import importing
from verify.report.judge import Examined, examine, lacking, stopped
from verify.report.lab import Lab, Profile, trained
from verify.work.codec import Codec
from verify.work.executor import Outcome, Task, Workers, completed
from verify.work.store import Store

if TYPE_CHECKING:
    from verify.models.problem import Setting

__all__ = ["Piece", "Schedule", "State", "typical"]

Seconds = tuple[float, float]
"""Of a claim: what it took itself, and the ensembles that were trained for it."""

TYPICAL = Path(__file__).parent / "typical.json"
"""Seconds per profile and claim, on two cores."""
UNKNOWN: Seconds = (5.0, 0.0)
"""Of a claim of which nothing is known."""
EXAMINED = Codec(Examined)
WARM = 10
"""Seconds of work in which no pace shows yet: a process that begins imports first."""


def typical(profile: Profile, last: Path) -> dict[str, Seconds]:
    """Per claim, the seconds of the last report, where that is of this profile, or of another
    machine.
    """
    known = json.loads(TYPICAL.read_text(encoding="utf-8"))
    seconds: dict[str, Seconds] = {
        name: (own, ahead) for name, (own, ahead) in known.get(profile.name, {}).items()
    }
    try:
        report: Any = document(last, 2**26)
        if report["profile"] == profile.name:
            for claim in report["claims"]:
                took = float(claim["seconds"]), float(claim["training_seconds"])
                seconds[str(claim["id"])] = took
    except (ValueError, TypeError, KeyError, OverflowError):
        pass  # no report, or one of another version
    return {name: took for name, took in seconds.items() if all(0 <= x < math.inf for x in took)}


@dataclass(frozen=True)
class Piece:
    """What one process does at a time: examine a claim, or train an ensemble for it."""

    claim: str
    setting: Setting | None = None


@dataclass(frozen=True)
class State:
    """Where a run is at the moment ``when`` of the monotonic clock.

    Attributes
    ----------
    running: what is under way.
    trained, asked: how many ensembles are there, of how many that claims have asked for.
    examined: the claims that are done.
    left: the seconds that are left, if claims take as long as they did before.
    """

    running: tuple[Piece, ...] = ()
    trained: int = 0
    asked: int = 0
    examined: Mapping[str, Examined] = field(default_factory=dict)
    left: float = 0.0
    when: float = 0.0


class Schedule:
    """The work of a run, handed out piece by piece.

    Parameters
    ----------
    names: the claims, in the order of the story.
    lab: keeps the ensembles.
    seconds: of the claims, as :func:`typical` knows them.
    watch: is told the state whenever it changes.
    debug: what a claim's own code raises ends the run.
    """

    def __init__(
        self,
        names: Sequence[str],
        lab: Lab,
        seconds: Mapping[str, Seconds],
        watch: Callable[[State], None],
        debug: bool = False,
    ) -> None:
        self.examined: dict[str, Examined] = {}
        self._lab, self._watch, self._debug = lab, watch, debug
        self._jobs = 1
        self._place = {name: place for place, name in enumerate(names)}
        self._seconds = {name: seconds.get(name, UNKNOWN) for name in names}
        self._left = {Piece(name): sum(self._seconds[name]) for name in names}
        self._ready = list(self._left)
        self._running: dict[int, tuple[Piece, float]] = {}
        self._lacks: dict[str, set[Setting]] = {}
        self._asked: set[Setting] = set()
        self._training: dict[str, float] = {}
        self._took = self._expected = 0.0

    def run(self, executor: Workers, store: Store | None = None) -> None:
        """Examine every claim, and keep what is done in the store; what is there already comes
        first.

        Raises
        ------
        MemoryError, ChildProcessError: the machine failed.
        Exception: only with ``debug``: what a claim's own code raised.
        """
        self._jobs = executor.jobs
        for piece in list(self._ready):
            task = self._task(piece)
            if store and task.codec and (kept := store.get(task.key, task.codec)):
                self.examined[piece.claim] = replace(kept[0], kept=kept[1])
                self._ready.remove(piece)
                del self._left[piece]
        self._tell()
        for outcome in completed(executor, self._tasks(), store, self._jobs):
            piece, began = self._running.pop(outcome.index)
            if outcome.error is not None and self._debug:
                raise outcome.error
            took = monotonic() - began
            if piece.setting is not None:
                self._keep(piece.claim, piece.setting, outcome, took)
            elif outcome.error is None and not isinstance(outcome.result, Examined):
                self._ask(piece.claim, outcome.result)
                continue
            elif outcome.error is None:
                training = self._training.get(piece.claim, 0.0)
                self.examined[piece.claim] = replace(outcome.result, training=training)
            else:
                self.examined[piece.claim] = stopped(claim_of(piece.claim), outcome.error)
            self._took += took
            self._expected += self._left.pop(piece)
            self._tell()

    def _tasks(self) -> Iterator[Task | None]:
        for index in count():
            if not self._left:
                return
            piece = self._next()
            if piece is None:
                yield None
                continue
            self._running[index] = piece, monotonic()
            self._tell()
            yield self._task(piece)

    def _task(self, piece: Piece) -> Task:
        profile, seed = self._lab.profile, self._lab.seed
        if piece.setting is not None:
            key = f"{piece.setting}, {profile.networks} networks, seed {seed}"
            return Task(key, trained, (piece.setting, profile.networks, seed), _ensembles())
        lab = self._lab.sending(self._lacks.get(piece.claim, ()))
        key = f"{piece.claim}, {profile}, seed {seed}"
        return Task(key, _examined, (piece.claim, lab, self._debug), EXAMINED, _is_decided)

    def _next(self) -> Piece | None:
        """The first in the story, but for one that takes as long as all others take on the other
        cores.
        """
        if not self._ready:
            return None
        longest = max(self._ready, key=self._path)
        path = self._path(longest)
        late = 2 * (self._work() - path) <= 3 * (self._jobs - 1) * path  # half as long is in time
        piece = longest if late else self._ready[0]
        self._ready.remove(piece)
        return piece

    def _path(self, piece: Piece) -> float:
        """The seconds of a piece, and of the claim that waits for it."""
        return sum(self._left[each] for each in {piece, Piece(piece.claim)})

    def _work(self) -> float:
        """The seconds of all that is not done."""
        now = monotonic()
        done = (min(now - began, self._left[piece]) for piece, began in self._running.values())
        return sum(self._left.values()) - sum(done)

    def _ask(self, name: str, settings: tuple[Setting, ...]) -> None:
        """Put the training of these settings before the claim."""
        own, ahead = self._seconds[name]
        self._left[Piece(name)] = own
        self._lacks.setdefault(name, set()).update(settings)
        fresh = [setting for setting in settings if setting not in self._asked]
        self._asked.update(fresh)
        for setting in fresh:
            piece = Piece(name, setting)
            self._left[piece] = ahead / len(fresh)
            self._insert(piece)
        self._release(name)

    def _keep(self, name: str, setting: Setting, outcome: Outcome, took: float) -> None:
        """Keep an ensemble, and let go the claims that lacked nothing else."""
        self._lab.keep(setting, outcome.error or outcome.result)
        self._training[name] = self._training.get(name, 0.0) + took
        for waiting in self._lacks:
            if setting in self._lacks[waiting]:
                self._release(waiting)

    def _release(self, name: str) -> None:
        if all(map(self._lab.has, self._lacks[name])):
            self._insert(Piece(name))

    def _insert(self, piece: Piece) -> None:
        insort(self._ready, piece, key=lambda each: self._place[each.claim])

    def _tell(self) -> None:
        running = tuple(piece for piece, _ in self._running.values())
        trained = sum(map(self._lab.has, self._asked))
        longest = max(self._left.values(), default=0.0)
        pace = (WARM + self._took) / (WARM + self._expected)
        left = pace * max(self._work() / self._jobs, longest)
        done = dict(self.examined)
        self._watch(State(running, trained, len(self._asked), done, left, monotonic()))


@cache
def _ensembles() -> Codec:
    from verify.models.problem import Ensemble  # with what nobody waits for before work begins

    return Codec(Ensemble)


def _is_decided(result: Examined | tuple[Setting, ...]) -> bool:
    """Whether a result is a verdict that another run would come to as well."""
    return isinstance(result, Examined) and result.verdict.verdict != "blocked"


def _examined(name: str, lab: Lab, debug: bool) -> Examined | tuple[Setting, ...]:
    """A claim with its evidence, or the settings of the ensembles that the lab lacks for it."""
    with nullcontext() if "torch" in sys.modules else importing():
        settings = lacking(name, lab)
    return settings or examine(name, lab, debug)
