"""Where an outside agent sits at the table: the environment's side is a contestant, the agent's side is thread-safe.

The episode runs in one thread, the server in another. What the agent asks for is put into a queue and done in the
episode's thread, one thing after another, while the environment waits for the next submission.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ftdojo.contract.feedback import EvaluationFeedback
from ftdojo.contract.progress import Progress
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.result import RunResult
from ftdojo.disk import disk_errors
from ftdojo.errors import InfrastructureError, InputError, UsageError
from ftdojo.findings import Finding

Files = Mapping[str, str]
"""Name -> text of a submission's files."""
News = EvaluationFeedback | list[Finding] | Iteration | RunResult
"""What an agent is told: the baseline; what the gates find; an iteration; the end."""


class AgentLeft(Exception):  # noqa: N818 - no error: the run can be taken up again
    """The agent has gone without having finished."""


@dataclass(frozen=True, slots=True)
class _Request:
    kind: Literal["precheck", "submit", "finish", "leave"]
    files: Files = field(default_factory=dict)
    failure: InfrastructureError | None = None
    """Why the agent has left, if it failed."""


class Seat:
    """A contestant whose moves come from outside. Implements :class:`ftdojo.contract.protocol.Agent`.

    Allowed to know: the whole observation, the raw data, and what the gates find in a submission. It never sees
    validation's answers but in the samples of errors that all contestants get, and the test never.
    """

    planner = ""

    def __init__(
        self, name: str, workspace: Path, precheck: Callable[[Path], Sequence[Finding]], *, finish_when_left: bool
    ) -> None:
        """Nobody sits there yet.

        Args:
            name: how results name the agent.
            workspace: where its submissions are written.
            precheck: the gates.
            finish_when_left: whether an agent that is gone has finished.
        """
        self.name = name
        self._workspace, self._precheck, self._finish_when_left = workspace, precheck, finish_when_left
        self.observation: Observation | None = None
        """The newest; ``None`` until the base model is measured."""
        self.result: RunResult | None = None
        """Of an episode that has ended."""
        self.news: Future[News] = Future()
        """What comes of the last thing that the agent asked for; at first, the baseline."""
        self._requests: queue.Queue[_Request] = queue.Queue()
        self._turn = threading.Lock()

    # -- the environment's side, in the episode's thread ---------------------------------------------------------------

    def propose(self, observation: Observation) -> Path | None:
        """Tell the agent what came of its last submission, then do what it asks for until it submits or finishes.

        Raises:
            AgentLeft: if it has gone.
            InfrastructureError: if it failed before it submitted anything: the base model's score is not its result.
        """
        until = time.monotonic() + observation.remaining.get("wall_s", threading.TIMEOUT_MAX)
        first, self.observation = self.observation is None, observation
        self._tell(observation.baseline if first else observation.history[-1])
        while True:
            try:
                request = self._requests.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return None  # its time is up
            if request.failure is not None and not observation.history:
                raise request.failure
            if request.kind == "leave" and not self._finish_when_left:
                raise AgentLeft
            if request.kind in ("leave", "finish"):
                return None
            folder = self._write(request.files, f"{len(observation.history) + 1:03d}")
            if request.kind == "submit":
                return folder
            try:
                self._tell(list(self._precheck(folder)))
            except InputError as error:
                self._tell(list(error.findings))

    def ended(self, result: RunResult) -> None:
        """The episode is over: tell the agent, if it waits for anything."""
        self.result = result
        self._tell(result)

    def broken(self) -> None:
        """The episode was interrupted: let nobody wait for it."""
        if not self.news.done():
            self.news.set_exception(UsageError("the episode was interrupted", fix="ask its owner to resume it"))

    def _tell(self, news: News) -> None:
        if not self.news.done():
            self.news.set_result(news)

    def _write(self, files: Files, name: str) -> Path:
        folder = self._workspace / name
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.iterdir():
                old.unlink()
            for file, text in files.items():
                (folder / file).write_text(text, "utf-8")
        return folder

    # -- the agent's side, in any thread -------------------------------------------------------------------------------

    def precheck(self, files: Files) -> None:
        """Ask for the findings of gates 0 to 3.

        Raises:
            UsageError: here and below, if something else is under way, or the episode has ended.
        """
        self._ask(_Request("precheck", files))

    def submit(self, files: Files) -> None:
        """Ask for an iteration."""
        self._ask(_Request("submit", files))

    def finish(self) -> None:
        """Ask for the end, and the result."""
        self._ask(_Request("finish"))

    def leave(self, failure: InfrastructureError | None = None) -> None:
        """The agent is gone; ``failure`` says so if it did not end well."""
        self._requests.put(_Request("leave", failure=failure))

    def _ask(self, request: _Request) -> None:
        with self._turn:
            if self.result is not None:
                raise UsageError("the episode has ended", fix="its result is in status")
            if self.observation is None:
                raise UsageError("the base model is still being measured", fix="call wait first")
            if not self.news.done():
                raise UsageError("what you asked for before is still under way", fix="call wait until it is done")
            self.news = Future()
            self._requests.put(request)


class Watched:
    """Passes progress on to another watcher, and remembers where things stand."""

    def __init__(self, watcher: Progress) -> None:
        self._watcher = watcher
        self.latest = ""

    def say(self, text: str) -> None:
        """One line."""
        self.latest = text
        self._watcher.say(text)

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Where a stage stands."""
        self.latest = f"{stage}: {100 * done / total:.0f} %" if total else stage
        self._watcher.update(stage, done, total, note)

    def end(self, stage: str, note: str = "") -> None:
        """The end of a stage."""
        self.latest = f"{stage}: {note}"
        self._watcher.end(stage, note)
