"""The folder for data that outlives a run: base models, prepared data, stages. It is passed down explicitly."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True, slots=True)
class Home:
    """The cache folder and its parts. Everything below it can be deleted and is made again."""

    root: Path

    @classmethod
    def default(cls) -> Home:
        """``$FTDOJO_HOME``, else the platform's cache folder for ``ftdojo``."""
        return cls(Path(os.environ.get("FTDOJO_HOME") or platformdirs.user_cache_dir("ftdojo")).absolute())

    @property
    def data(self) -> Path:
        """Prepared tasks: raw data, validation items, sealed test items."""
        return self.root / "data"

    @property
    def sets(self) -> Path:
        """Fetched copies of published data sets."""
        return self.root / "sets"

    @property
    def stages(self) -> Path:
        """The content-addressed store."""
        return self.root / "stages"

    @property
    def replies(self) -> Path:
        """Replies of language models to data programs."""
        return self.root / "replies.sqlite"
