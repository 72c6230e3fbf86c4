"""The interface by which the environment reports its progress. The command line shows it; nothing depends on it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives progress. Its methods must return quickly and must not raise."""

    def say(self, text: str) -> None:
        """Show one line that stays on the screen."""

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Report ``done`` of ``total`` units of a stage; the first call for a stage begins it."""

    def end(self, stage: str, note: str = "") -> None:
        """End a stage; ``note`` describes its result."""


class Silent:
    """A progress receiver that shows nothing."""

    def say(self, text: str) -> None:
        """Drop the line."""

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Drop the progress."""

    def end(self, stage: str, note: str = "") -> None:
        """Drop the end."""
