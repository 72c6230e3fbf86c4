"""The link between the environment and an outside agent: a contestant on one side, thread-safe calls on the other.

The episode runs in one thread, the server in another. Requests of the agent are put into a queue and processed in the
episode's thread, one after another, while the environment waits for the next submission.
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
from ftdojo.files import write_file
from ftdojo.findings import Finding

Files = Mapping[str, str]
"""Name -> text of a submission's files."""
News = EvaluationFeedback | list[Finding] | Iteration | RunResult
"""Results that an agent receives: the baseline, findings of the gates, an iteration, or the end of the episode."""


class AgentLeft(Exception):  # noqa: N818 - no error: the run can be resumed
    """The agent has left without calling finish."""


@dataclass(frozen=True, slots=True)
class _Request:
    kind: Literal["precheck", "submit", "finish", "leave"]
    files: Files = field(default_factory=dict)
    failure: InfrastructureError | None = None
    """The agent's failure, if that is why it left."""


class Seat:
    """A contestant whose moves come from outside. Implements :class:`ftdojo.contract.protocol.Agent`.

    Allowed to know: the whole observation, the raw data, and the gates' findings on a submission. It sees validation's
    answers only in the error samples that all contestants get, and never sees the test.
    """

    planner = ""

    def __init__(
        self, name: str, workspace: Path, precheck: Callable[[Path], Sequence[Finding]], *, finish_when_left: bool
    ) -> None:
        """Create a seat that no agent uses yet.

        Args:
            name: the agent's name in results.
            workspace: folder for its submissions.
            precheck: the gates.
            finish_when_left: whether an agent that leaves counts as finished.
        """
        self.name = name
        self._workspace, self._precheck, self._finish_when_left = workspace, precheck, finish_when_left
        self.observation: Observation | None = None
        """The newest observation; ``None`` until the base model is measured."""
        self.result: RunResult | None = None
        """The result, once the episode has ended."""
        self.news: Future[News] = Future()
        """The result of the agent's last request; at first, the baseline."""
        self._requests: queue.Queue[_Request] = queue.Queue()
        self._turn = threading.Lock()

    # -- the environment's side, in the episode's thread ---------------------------------------------------------------

    def propose(self, observation: Observation) -> Path | None:
        """Report the last submission's result to the agent, then process its requests until it submits or finishes.

        Raises:
            AgentLeft: if it has left.
            InfrastructureError: if it failed before its first submission: the base model's score is not its result.
        """
        until = time.monotonic() + observation.remaining.get("wall_s", threading.TIMEOUT_MAX)
        first, self.observation = self.observation is None, observation
        self._report(observation.baseline if first else observation.history[-1])
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
                self._report(list(self._precheck(folder)))
            except InputError as error:
                self._report(list(error.findings))
            except UsageError as error:  # its free checks are used up
                self._refuse(error)

    def report_result(self, result: RunResult) -> None:
        """Store the result of the ended episode, and report it to the agent if that is waiting."""
        self.result = result
        self._report(result)

    def report_interruption(self) -> None:
        """Report that the episode was interrupted, so that no call waits for it."""
        self._refuse(UsageError("the episode was interrupted", fix="ask its owner to resume it"))

    def _refuse(self, error: UsageError) -> None:
        if not self.news.done():
            self.news.set_exception(error)

    def _report(self, news: News) -> None:
        if not self.news.done():
            self.news.set_result(news)

    def _write(self, files: Files, name: str) -> Path:
        folder = self._workspace / name
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.iterdir():
                old.unlink()
            for file, text in files.items():
                write_file(folder / file, text)
        return folder

    # -- the agent's side, in any thread -------------------------------------------------------------------------------

    def precheck(self, files: Files) -> None:
        """Request the findings of gates 0 to 3.

        Raises:
            UsageError: here and below, if another request is in progress, or the episode has ended.
        """
        self._ask(_Request("precheck", files))

    def submit(self, files: Files) -> None:
        """Request an iteration on these files."""
        self._ask(_Request("submit", files))

    def finish(self) -> None:
        """Request the end of the episode and its result."""
        self._ask(_Request("finish"))

    def leave(self, failure: InfrastructureError | None = None) -> None:
        """Report that the agent has left; ``failure`` is given if it did not end successfully."""
        self._requests.put(_Request("leave", failure=failure))

    def _ask(self, request: _Request) -> None:
        with self._turn:
            if self.result is not None:
                raise UsageError("the episode has ended", fix="its result is in status")
            if self.observation is None:
                raise UsageError("the base model is still being measured", fix="call wait first")
            if not self.news.done():
                raise UsageError("your previous request is still in progress", fix="call wait until it is finished")
            self.news = Future()
            self._requests.put(request)


class Watched:
    """Passes progress on to another watcher, and remembers the latest state."""

    def __init__(self, watcher: Progress) -> None:
        self._watcher = watcher
        self.latest = ""

    def say(self, text: str) -> None:
        """Pass on one line of text."""
        self.latest = text
        self._watcher.say(text)

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Pass on the progress of a stage."""
        self.latest = f"{stage}: {100 * done / total:.0f} %" if total else stage
        self._watcher.update(stage, done, total, note)

    def end(self, stage: str, note: str = "") -> None:
        """Pass on the end of a stage."""
        self.latest = f"{stage}: {note}"
        self._watcher.end(stage, note)
