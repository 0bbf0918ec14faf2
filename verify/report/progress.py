"""What a terminal shows of a run: rows as soon as all before them are there,
and what is under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from verify.report.report import heading, rows
from verify.report.schedule import State

__all__ = ["Progress", "described"]


class Progress:
    """The table as it grows, and below it a line that moves; nothing where the console is no
    terminal.

    Parameters
    ----------
    names: the claims, in the order of the story.
    console: where the line is; and the rows, too, if ``rows``.
    """

    def __init__(self, names: Sequence[str], console: Console, *, rows: bool) -> None:
        self.shown = 0
        self._names, self._console, self._rows = names, console, rows
        self._state = State(when=monotonic())
        self._spinner = Spinner("dots")
        self._live = Live(console=console, get_renderable=self._line, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
            self(self._state)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def __call__(self, state: State) -> None:
        """Show this state: the rows that are new, each once."""
        self._state = state
        if self._rows and self._live.is_started:
            lines = [heading(), *rows(self._names, state.examined, complete=False)]
            for line in lines[self.shown :]:
                self._console.print(line, soft_wrap=True)
            self.shown = len(lines)

    def _line(self) -> Spinner:
        left = self._state.left - (monotonic() - self._state.when)
        text = Text(described(self._names, self._state, left), overflow="ellipsis", no_wrap=True)
        self._spinner.update(text=text)
        return self._spinner


def described(names: Sequence[str], state: State, left: float) -> str:
    """What is under way; how many claims are done, and how many of them wait for their turn; the
    time left.
    """
    under_way = [piece.claim for piece in state.running if piece.setting is None]
    training = dict.fromkeys(piece.claim for piece in state.running if piece.setting is not None)
    if training:
        under_way.append(f"ensembles for {', '.join(training)} ({state.trained} of {state.asked})")
    done = f"{len(state.examined)} of {len(names)} done"
    turn = next((place for place, name in enumerate(names) if name not in state.examined), None)
    if turn is None:
        return done
    if waiting := sum(name in state.examined for name in names[turn:]):
        done += f", {waiting} wait{'s' * (waiting == 1)} for {names[turn]}"
    return f"{', '.join(under_way) or 'starting'} · {done} · about {_spoken(left)} left"


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
