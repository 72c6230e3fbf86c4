"""How the environment tells a watcher what it is doing. The command line draws it; nothing depends on it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives progress. Its methods must return quickly and must not raise."""

    def say(self, text: str) -> None:
        """One line worth keeping on the screen."""

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """``done`` of ``total`` units of a stage; the first call for a stage begins it."""

    def end(self, stage: str, note: str = "") -> None:
        """The stage is done; ``note`` says with what."""


class Silent:
    """A watcher that shows nothing."""

    def say(self, text: str) -> None:
        """Drop the line."""

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Drop the progress."""

    def end(self, stage: str, note: str = "") -> None:
        """Drop the end."""
