"""The lab of a run: every trained network and every random number, each by a key that says what
for.

A :class:`Lab` is a profile (how many networks) and a seed.  All that is random in a run is keyed by
the seed and by what it is for, never by the order of the work:

    ensemble(setting)
    = train_ensemble(setting, profile.networks, seed), each start keyed by setting
    rng(key)            = a numpy generator keyed by SHA-256(seed, key)
    torch(key)
    = torch's own generator, keyed by CRC-32(seed, key): it takes in 32 bits only
    once(key, f, *args) = f(*args), done for the first who asks and kept for all others

so the figures of a run are the same whatever the number of worker processes.  A key is words, such
as ``"steps"``, or a tuple of words and parameters: ``("ridge", "flows")``, ``("run", model, 50)``.
Two that ask for one key share what it gives, on purpose or by accident: :attr:`Lab.asked` lists who
asked for what, and a test holds every key to one function.  This module is cheap to import: the
trainer comes in with the first ensemble.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    import numpy as np

    from verify.models.problem import Ensemble, Setting

__all__ = ["PROFILES", "TINY", "Lab", "Profile", "TrainingError", "trained"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Profile:
    """How much evidence a run gathers.

    Attributes
    ----------
    name: the word on the command line and in the report.
    networks: trained networks per setting, each from its own random start.
    draws: random cases that a check draws.
    only: the claims that it is for, as words of ``--only``; None for all.
    note: a sentence that stands beside every result of such a run.
    """

    name: str
    networks: int
    draws: int
    only: str | None = None
    note: str = ""


PROFILES = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(
                "smoke",
                50,
                16,
                "pulse/",
                "A first look: the first chapter alone, with fewer random cases;"
                " the profile quick examines every claim.",
            ),
            Profile("quick", 50, 80),
            Profile("full", 1000, 800),
            Profile(
                "huge",
                10_000,
                800,
                "endings",
                "The census alone: every network of every setting is trained and explained.",
            ),
        )
    }
)
"""The profiles offered on the command line."""

TINY = Profile("tiny", 6, 10)
"""For tests: the same code in a few seconds; too small to conclude anything."""


class TrainingError(RuntimeError):
    """An ensemble could not be trained; the message says why."""


@dataclass(eq=False)
class Lab:
    """What a run has trained, on demand or ahead of time, and its random numbers.

    ``sends`` are the ensembles that go along to another process; None means all.
    """

    profile: Profile
    seed: int = 0
    sends: frozenset[Setting] | None = None
    _kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    _failures: dict[Hashable, str] = field(default_factory=dict, repr=False)
    _asked: dict[tuple[str, str], set[str]] = field(default_factory=dict, repr=False)

    def ensemble(self, setting: Setting) -> Ensemble:
        """The ``profile.networks`` trained networks of a setting; the same object every time.

        Raises
        ------
        TrainingError: the training failed.
        """
        return self.once(setting, trained, setting, self.profile.networks, self.seed)

    def once(self, key: Hashable, train: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """``train(*args)``, kept under its key: one training serves all who ask, and it sees no
        law.

        Raises
        ------
        TrainingError: it raised, now or for somebody who asked before.
        """
        self._note("training", key)
        if key in self._failures:
            raise TrainingError(self._failures[key])
        if key not in self._kept:
            try:
                self._kept[key] = train(*args, **options)
            except MemoryError:
                raise
            except Exception as error:
                self._failures[key] = _reason(error)
                raise TrainingError(self._failures[key]) from error
        return cast(T, self._kept[key])

    def has(self, setting: Setting) -> bool:
        """Whether the training of a setting has ended, well or not."""
        return setting in self._kept or setting in self._failures

    def keep(self, setting: Setting, ended: Ensemble | Exception) -> None:
        """Keep the ensemble that was trained elsewhere.

        What was raised instead is remembered: :meth:`ensemble` then raises for this setting, so the
        claims that need it, and only those, are blocked.
        """
        if isinstance(ended, Exception):
            self._failures[setting] = _reason(ended)
        else:
            self._kept[setting] = ended

    def prepare(self, settings: Iterable[Setting]) -> None:
        """Train each of the settings, and remember those that fail."""
        for setting in settings:
            try:
                self.ensemble(setting)
            except TrainingError:
                continue

    def sending(self, settings: Iterable[Setting]) -> Lab:
        """This lab; another process is sent these ensembles and no others."""
        return replace(self, sends=frozenset(settings))

    def rng(self, key: Hashable) -> np.random.Generator:
        """A generator keyed by (seed, key), at its start on every call."""
        import numpy as np  # slow to import, for a command that only names the profiles

        self._note("numpy", key)
        digest = hashlib.sha256(f"{self.seed}\n{_words(key)}".encode()).digest()
        return np.random.default_rng(np.frombuffer(digest, dtype="<u4").tolist())

    def torch(self, key: Hashable) -> AbstractContextManager[None]:
        """Inside, torch's own generator is keyed by (seed, key); outside nothing has happened to
        it.
        """
        self._note("torch", key)
        return _torch(zlib.crc32(f"{self.seed}\n{_words(key)}".encode()))

    @property
    def asked(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """Per kind (``numpy``, ``torch``, ``training``) and key in words: the
        functions that asked.
        """
        return {name: frozenset(places) for name, places in self._asked.items()}

    def _note(self, kind: str, key: Hashable) -> None:
        frame = sys._getframe(2)
        function = frame.f_code.co_qualname.split(".<locals>")[0]
        place = f"{frame.f_globals.get('__name__', '')}.{function}"
        self._asked.setdefault((kind, _words(key)), set()).add(place)

    def __reduce__(self) -> tuple[Callable[..., Lab], tuple[Any, ...]]:
        """What was trained ahead goes to the lab of the other process, which keeps what it trains
        itself.
        """
        kept, failures = (
            {key: x for key, x in each.items() if self.sends is None or key in self.sends}
            for each in (self._kept, self._failures)
        )
        return _received, (self.profile, self.seed, kept, failures)


_HERE: dict[tuple[Profile, int], Lab] = {}
"""The labs that this process was sent: what it trains for one claim serves the next."""


def _received(
    profile: Profile, seed: int, kept: dict[Hashable, Any], failures: dict[Hashable, str]
) -> Lab:
    lab = _HERE.setdefault((profile, seed), Lab(profile, seed))
    lab._kept = kept | lab._kept
    lab._failures = failures | lab._failures
    return lab


def _words(key: Hashable) -> str:
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@contextmanager
def _torch(seed: int) -> Iterator[None]:
    import torch  # slow to import, and not always needed

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def trained(setting: Setting, networks: int, seed: int) -> Ensemble:
    """The ensemble of a setting: a task for any process."""
    from verify.optimise.ensemble import train_ensemble  # slow to import, and not always needed

    return train_ensemble(setting, networks, seed)
