"""What the terminal shows: people read standard error, programs read one JSON document on standard output.

Everything is printed through the two consoles and :func:`print_json`. Text is shown as it stands, without the
characters that a terminal obeys; markup in it is not interpreted. Styled text is made with ``rich.text.Text``.
"""

from __future__ import annotations

import json
import os
import sys
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel
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


def _console(*, stderr: bool) -> Console:
    kind = _Unread if stderr else Console
    console = kind(stderr=stderr, highlight=False, markup=False, emoji=False)
    console.push_render_hook(_Cleaner())
    return console


err = _console(stderr=True)
out = _console(stderr=False)


def print_json(document: Any, *, indent: int | None = 1) -> None:
    """Print one JSON document on standard output."""
    value = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
    sys.stdout.write(escape_controls(json.dumps(value, ensure_ascii=False, indent=indent)) + "\n")


class Live:
    """Draws the progress of a run: lines for messages that stay, one bar for the current stage.

    Without a terminal, each stage is reported once, when it ends.
    Implements :class:`ftdojo.contract.progress.Progress`.
    """

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

    def say(self, text: str) -> None:
        """Print one line that stays."""
        self._bars.console.print(Text.assemble(("· ", "dim"), text), soft_wrap=True)

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Move the stage's bar; a new stage replaces the bar of the one before."""
        if self._current is None or self._current[0] != stage:
            self._remove()
            self._current = (stage, self._bars.add_task(remove_controls(stage), total=total, note=""))
        self._bars.update(self._current[1], completed=done, total=total, note=remove_controls(note))

    def end(self, stage: str, note: str = "") -> None:
        """Remove the stage's bar."""
        self._remove()
        if not err.is_terminal:
            self.say(f"{stage}: {note}")

    def _remove(self) -> None:
        if self._current is not None:
            self._bars.remove_task(self._current[1])
            self._current = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
