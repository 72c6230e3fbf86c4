"""What the terminal shows: people read standard error, programs read one JSON document on standard output."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

err = Console(stderr=True, highlight=False)
out = Console(highlight=False)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    value = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


class Live:
    """Draws the progress of a run: lines for messages that stay, one bar for the current stage.

    Without a terminal, each stage is reported once, when it ends.
    Implements :class:`ftdojo.contract.progress.Progress`.
    """

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<18}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=err,
            transient=True,
        )
        self._current: tuple[str, TaskID] | None = None

    def say(self, text: str) -> None:
        """Print one line that stays."""
        self._bars.console.print(f"[dim]·[/] {escape(text)}", soft_wrap=True)

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Move the stage's bar; a new stage replaces the bar of the one before."""
        if self._current is None or self._current[0] != stage:
            self._remove()
            self._current = (stage, self._bars.add_task(stage, total=total, note=""))
        self._bars.update(self._current[1], completed=done, total=total, note=escape(note))

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
