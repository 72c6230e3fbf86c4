"""What never enters a pack: folders of this machine, addresses of servers, keys.

Names that only this machine understands are replaced: the folder of a task by the task's id, that of a base model by
its last part. Anything else of these kinds is replaced by a mark. A file whose digest is recorded cannot be changed; if
it holds such a text, it is left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo.bench.suite import Suite, find_addresses
from ftdojo.llm.bounded import hide_secrets
from ftdojo.record import Home
from ftdojo.record.events import RunBegun

PATH, ADDRESS, KEY, COMMAND = (f"[{what} withheld]" for what in ("path", "address", "key", "command"))
_PRIVATE_HOST = (
    r"localhost|127(?:\.\d+){3}|10(?:\.\d+){3}|192\.168(?:\.\d+){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d+){2}"
    r"|169\.254(?:\.\d+){2}|\[[0-9a-fA-F:]+\]|[\w-]+(?:\.(?:local|lan|internal|intranet|home|corp))?"
)
_ADDRESS = re.compile(rf"https?://(?:[^\s/@\"'<>]+@[^\s\"'<>]*|(?:{_PRIVATE_HOST})(?=[:/?#\s\"'<>)\],;]|$)[^\s\"'<>]*)")
"""An address with a user, or of a host that only a private network knows."""
_KEY = re.compile(
    r"\b(?:sk-(?=[\w-]*\d)[\w-]{16,}|hf_\w{20,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}"
    r"|AKIA[0-9A-Z]{16}|AIza[\w-]{30,})|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""The usual forms of keys. The values of this machine's own are known: see :func:`hide_secrets`."""
SHORTEST_KEY = 8
"""A shorter value of a variable for keys, such as ``none``, is a word that records hold as well."""
_REST = r"[^\s\"'<>|;,:)\]}]*"
"""The rest of a path."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """Replaces what must not leave this machine."""

    names: Mapping[str, str]
    """Text -> what stands in its place, e.g. the folder of a task -> its id."""
    roots: tuple[str, ...]
    """Folders of this machine. A path below one of them is replaced as a whole."""

    @classmethod
    def of(cls, out: Path, suite: Suite, runs: Sequence[RunBegun], home: Home) -> Withheld:
        """Return what has to be replaced in the records of a contest.

        Args:
            out: the folder of the contest.
            suite: the contest.
            runs: the first event of each of its runs.
            home: the cache of this machine.
        """
        names = {job.task: job.task_id for job in suite.jobs()}
        names |= {model: Path(model).name for model in suite.models}
        for run in runs:
            names |= {place: task for task, place in run.guard.items()}
            names |= {run.task: run.configuration.task, run.configuration.model: Path(run.configuration.model).name}
        names = {place: name for place, name in names.items() if Path(place).is_absolute()}
        names |= {contestant.mcp: COMMAND for contestant in suite.agents if contestant.mcp}
        addresses = [contestant.base_url for contestant in suite.agents if contestant.base_url]
        names |= dict.fromkeys([*addresses, *find_addresses([*suite.rules.data_llm, suite.rules.judge or ""])], ADDRESS)
        places = [out, home.root, Path.home(), Path.cwd()]
        roots = {str(form) for place in places for form in (place.absolute(), place.resolve())} - {os.sep}
        return cls(_longest_first(names), tuple(sorted(roots, key=len, reverse=True)))

    def clean(self, value: Any) -> Any:
        """Return a JSON value with replaced texts."""
        if isinstance(value, str):
            return self._clean_text(value)
        if isinstance(value, list):
            return [self.clean(entry) for entry in value]
        if isinstance(value, dict):
            return {self._clean_text(name): self.clean(entry) for name, entry in value.items()}
        return value

    def holds(self, content: bytes) -> bool:
        """Whether a file has something that must not leave this machine."""
        text = content.decode("utf-8", "replace")
        return self._clean_text(text) != text

    def _clean_text(self, text: str) -> str:
        for given, name in self.names.items():
            if given in text:
                text = re.sub(rf"{re.escape(given)}(?![\w.-])", lambda _, name=name: name, text)  # type: ignore[misc]
        for root in self.roots:
            if root in text:
                text = re.sub(rf"(?<![\w./-]){re.escape(root)}(?:/{_REST}|(?![\w.-]))", PATH, text)
        if "://" in text:
            text = _ADDRESS.sub(ADDRESS, text)
        return _KEY.sub(KEY, hide_secrets(text, shortest=SHORTEST_KEY))


def _longest_first(names: Mapping[str, str]) -> dict[str, str]:
    """One name may be a part of another."""
    return dict(sorted(names.items(), key=lambda pair: len(pair[0]), reverse=True))
