"""What the terminal shows: people read standard error, programs read one JSON document on standard output.

Everything is printed through the two consoles and :func:`print_json`. Text is shown as it stands, without the
characters that a terminal obeys; markup in it is not interpreted. Styled text is made with ``rich.text.Text``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.control import Control
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from ftdojo.plain import escape_controls, remove_controls


class _Clean:
    """Something to print, without the characters in its text that a terminal obeys."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            yield segment if segment.control else segment._replace(text=remove_controls(segment.text))


class _Cleaner(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [one if isinstance(one, Control) else _Clean(one) for one in renderables]


class _Unread(Console):
    """A console that may lose its reader, such as a client that has started this program: that ends no run."""

    def on_broken_pipe(self) -> None:
        """Print nothing from now on, and let libraries print into nothing."""
        self.quiet = True
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a device
            os.dup2(nothing.fileno(), 2)


def _console(*, stderr: bool, width: int | None = None) -> Console:
    kind = _Unread if stderr else Console
    console = kind(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)
    console.push_render_hook(_Cleaner())
    return console


EVERY_S = 15.0
"""Without a terminal, the longest time without a line while a stage is under way."""

err = _console(stderr=True)
out = _console(stderr=False)


def print_json(document: Any, *, indent: int | None = 1) -> None:
    """Print one JSON document on standard output."""
    from pydantic import BaseModel

    value = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
    sys.stdout.write(escape_controls(json.dumps(value, ensure_ascii=False, indent=indent)) + "\n")


WIDE = 1000
"""Columns of a table that a program reads: more than any line needs, so that no cell is cut or wrapped."""


def print_table(table: RenderableType) -> None:
    """Print a table on standard output; in a pipe or a file every row is one line, whatever its length."""
    if out.is_terminal:
        out.print(table)
        return
    wide = _console(stderr=False, width=WIDE)
    with wide.capture() as captured:
        wide.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


class Live:
    """Shows the progress of a run: lines for messages that stay, and the current stage as a bar.

    Without a terminal the stage is a line, at the latest every :data:`EVERY_S` seconds.
    Implements :class:`ftdojo.contract.progress.Progress`.
    """

    def __init__(self) -> None:
        self._shown: _Bars | _Lines = _Bars() if err.is_terminal else _Lines(EVERY_S)

    def say(self, text: str) -> None:
        """Print one line that stays."""
        self._shown.say(text)

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Show the progress of a stage; a new stage replaces the one before."""
        self._shown.update(stage, done, total, note)

    def end(self, stage: str, note: str = "") -> None:
        """End the stage that is shown."""
        self._shown.end(stage, note)

    def __enter__(self) -> Self:
        self._shown.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.stop()


class _Bars:
    """For a terminal: one bar for the current stage."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<18}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=err,
            transient=True,
        )
        self._current: tuple[str, TaskID] | None = None
        self.start, self.stop = self._bars.start, self._bars.stop

    def say(self, text: str) -> None:
        _say(text)

    def update(self, stage: str, done: float, total: float, note: str) -> None:
        if self._current is None or self._current[0] != stage:
            self._remove()
            self._current = (stage, self._bars.add_task(remove_controls(stage), total=total, note=""))
        self._bars.update(self._current[1], completed=done, total=total, note=remove_controls(note))

    def end(self, stage: str, note: str) -> None:
        self._remove()

    def _remove(self) -> None:
        if self._current is not None:
            self._bars.remove_task(self._current[1])
            self._current = None


@dataclass(frozen=True, slots=True)
class _State:
    """How far a stage is, and since when it has this number of units."""

    stage: str
    done: float
    total: float
    note: str
    begun: float
    first: float
    """How much was done when it was reported first, at ``begun``: a forecast counts what was done since then."""
    updated: float
    """When this much was done, on the same clock as ``begun``."""

    def line(self, now: float) -> str:
        """``train: 45 %, loss 0.312, 812 tokens/s; for 2 min 10 s, about 2 min 40 s left``."""
        seconds = now - self.begun
        share = f"{self.done / self.total:.0%}".replace("%", " %") if self.done and self.total > 1 else ""
        left = 0.0  # not known; or the forecast is over, and was wrong
        if self.first < self.done < self.total:
            each = (self.updated - self.begun) / (self.done - self.first)
            left = self.updated + each * (self.total - self.done) - now
        times = [f"for {_clock(seconds)}"] if seconds >= 1 else []
        times += [f"about {_clock(left)} left"] if left >= 1 and seconds >= 1 else []
        return "; ".join(
            filter(None, (f"{self.stage}: {', '.join(filter(None, (share, self.note)))}", ", ".join(times)))
        )


class _Lines:
    """For files and pipes: a line when a stage ends, and one whenever nothing was printed for a while."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._turn = threading.Lock()
        self._state: _State | None = None
        self._printed = float("-inf")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._print_regularly, name="ftdojo-progress", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def say(self, text: str) -> None:
        with self._turn:
            self._print(text)

    def update(self, stage: str, done: float, total: float, note: str) -> None:
        with self._turn:
            now, last = time.monotonic(), self._state
            same = last is not None and (last.stage, last.total) == (stage, total)
            first = (last.begun, last.first) if last and same else (now, done)
            self._state = _State(stage, done, total, note, *first, now)
            self._print_if_due(now)

    def end(self, stage: str, note: str) -> None:
        with self._turn:
            self._state = None
            self._print(f"{stage}: {note}")

    def _print_regularly(self) -> None:
        while not self._over.wait(min(1.0, self._every_s)):
            with self._turn:
                self._print_if_due(time.monotonic())

    def _print_if_due(self, now: float) -> None:
        if self._state is not None and now - self._printed >= self._every_s:
            self._print(self._state.line(now))

    def _print(self, text: str) -> None:
        self._printed = time.monotonic()
        _say(text)


def _say(text: str) -> None:
    err.print(Text.assemble(("· ", "dim"), text), soft_wrap=True)


def _clock(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
