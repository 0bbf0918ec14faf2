"""The whole census at any size: blocks of seeds as tasks, their counts readable at every moment.

A block is some networks of one setting, trained and classified.  Only its counts are kept, and the
weights of every network that the theory does not explain: memory does not grow with the seeds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from theory.pulse.endings import LAW, EndingLaw
from verify.models.files import put
from verify.models.problem import Setting, starts
from verify.optimise.ensemble import train_from
from verify.pulse.classify import KINDS, Ending, classify
from verify.pulse.settings import CENSUS
from verify.work.codec import Codec
from verify.work.executor import Task, completed
from verify.work.store import Store

__all__ = ["BLOCK", "Block", "Census", "Stray", "census", "count", "explained", "table"]

BLOCK = 500
"""Networks of a block."""


@dataclass(frozen=True)
class Stray:
    """A network that the theory does not explain.

    Attributes
    ----------
    number: of its start.
    kind, loss, level: how it ended, its loss, and what its signs predict.
    w, b, a, c: its weights.
    """

    number: int
    kind: str
    loss: float
    level: float
    w: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    a: tuple[float, ...]
    c: float


@dataclass(frozen=True)
class Block:
    """Some networks of a setting: how many, how many of each of KINDS, and those that are not
    explained.
    """

    networks: int
    kinds: tuple[int, ...]
    strays: tuple[Stray, ...]


def explained(setting: Setting, ending: Ending, law: EndingLaw) -> bool:
    """It ended at the level of its signs, and no blind network is below the blind floor."""
    floor = float(law.blind_floor(Fraction(setting.cells)))
    below = ending.kind == "blind" and ending.loss < floor - ending.tolerance
    return ending.explained and not below


def count(setting: Setting, seed: int, first: int, networks: int) -> Block:
    """Train and classify the networks from number ``first`` on."""
    ensemble = train_from(setting, starts(setting, range(first, first + networks), seed))
    endings = classify(ensemble)
    strays = []
    for j, ending in enumerate(endings):
        if not explained(setting, ending, LAW):
            w, b, a, c = ensemble.weights.network(j)
            parts = (tuple(map(tuple, w.tolist())), tuple(b.tolist()), tuple(a.tolist()), c)
            level = float(ending.level)
            strays.append(Stray(first + j, ending.kind, ending.loss, level, *parts))
    kinds = Counter(ending.kind for ending in endings)
    return Block(networks, tuple(kinds[kind] for kind in KINDS), tuple(strays))


@dataclass(frozen=True)
class Census:
    """What is counted of one setting."""

    setting: Setting
    blocks: tuple[Block, ...] = ()

    @property
    def networks(self) -> int:
        """Those that have been trained."""
        return sum(block.networks for block in self.blocks)

    @property
    def kinds(self) -> dict[str, int]:
        """How many there are of each kind."""
        columns = zip(*(block.kinds for block in self.blocks), strict=True)
        return dict(zip(KINDS, map(sum, columns), strict=False))

    @property
    def strays(self) -> tuple[Stray, ...]:
        """Those that are not explained, by number."""
        every = (stray for block in self.blocks for stray in block.strays)
        return tuple(sorted(every, key=lambda stray: stray.number))


def census(
    seed: int,
    networks: int,
    executor: Executor,
    path: Path,
    store: Store | None = None,
    settings: Sequence[Setting] = CENSUS,
    done: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Census, ...]:
    """So many networks of each setting; ``path`` holds the counts after every block.

    Raises
    ------
    OSError: the counts cannot be written.
    Exception: what the training of a block raises.
    """
    places = [(i, first) for first in range(0, networks, BLOCK) for i in range(len(settings))]
    tasks = []
    for i, first in places:
        arguments = settings[i], seed, first, min(BLOCK, networks - first)
        tasks.append(Task(f"census/{arguments}", count, arguments, Codec(Block)))
    blocks: list[list[Block]] = [[] for _ in settings]
    counted = tuple(Census(setting) for setting in settings)
    for number, outcome in enumerate(completed(executor, tasks, store), 1):
        if outcome.error is not None:
            raise outcome.error
        blocks[places[outcome.index][0]].append(outcome.result)
        counted = tuple(map(Census, settings, map(tuple, blocks)))
        put(path, _written(seed, networks, counted).encode())
        done(number, len(tasks))
    return counted


def _written(seed: int, networks: int, counted: Sequence[Census]) -> str:
    """The counts as JSON."""
    rows: list[dict[str, Any]] = []
    for each in counted:
        strays = [asdict(stray) for stray in each.strays]
        rows.append(
            {
                **asdict(each.setting),
                "networks": each.networks,
                "blocks": len(each.blocks),
                "kinds": each.kinds,
                "unexplained": strays,
            }
        )
    of = -(-networks // BLOCK)
    head = {"seed": seed, "networks": networks, "blocks": of, "settings": rows}
    return json.dumps(head, indent=1) + "\n"


def table(counted: Sequence[Census], console: Console) -> None:
    """The counts of every setting, and below them every network that is not explained, with its
    weights.
    """
    rows = Table(box=None, pad_edge=False)
    for heading in ("σ", "K", "n", "networks", *KINDS, "unexplained"):
        rows.add_column(heading, justify="left" if heading == "σ" else "right")
    for each in counted:
        setting, kinds = each.setting, each.kinds
        shape = (setting.activation, setting.channels, setting.taps, each.networks)
        numbers = (*shape, *(kinds.get(kind, 0) for kind in KINDS), len(each.strays))
        rows.add_row(*map(str, numbers))
    console.print(rows)
    for each in counted:
        for stray in each.strays:
            console.print(f"{each.setting}: {stray}", soft_wrap=True)
