"""The link between the environment and an outside agent: a contestant on one side, thread-safe calls on the other.

The episode runs in the main thread, the server in another. Requests of the agent are put into a queue and processed in
the main thread, one after another, while the environment waits for the next submission.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ftdojo.contract.feedback import EvaluationFeedback
from ftdojo.contract.progress import Progress
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.result import RunResult
from ftdojo.disk import disk_errors
from ftdojo.errors import FtdojoError, InfrastructureError, InputError, UsageError
from ftdojo.files import write_file
from ftdojo.findings import Finding

Files = Mapping[str, str]
"""Name -> text of a submission's files."""


class Cancelled(BaseException):
    """The agent has cancelled its request. Not an :class:`Exception`: it is no failed training."""


class AgentLeft(BaseException):
    """The agent has left without calling finish; the run can be resumed. Not an :class:`Exception`, as above."""


News = EvaluationFeedback | list[Finding] | Iteration | RunResult | type[Cancelled]
"""Results that an agent receives: the baseline, findings of the gates, an iteration, the end of the episode, or that
its request was cancelled."""


@dataclass(frozen=True, slots=True)
class Room:
    """What the environment gives to the seat when an episode begins."""

    raw: Path
    """The folder of the raw data."""
    workspace: Path
    """Where the agent's submissions are written."""
    precheck: Callable[[Path], Sequence[Finding]]
    """Gates 0 to 3."""
    remaining: Callable[[], dict[str, float]]
    """What is left of each limited account at this moment."""
    budget: Mapping[str, float | None]
    """The limits; ``None`` is no limit."""


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

    def __init__(self, name: str, *, finish_when_left: bool) -> None:
        """Create a seat that no agent uses yet.

        Args:
            name: the agent's name in results.
            finish_when_left: whether an agent that leaves counts as finished.
        """
        self.name = name
        self.finish_when_left = finish_when_left
        self.room: Room | None = None
        """``None`` until the episode begins, and when it has ended."""
        self.budget: Mapping[str, float | None] = {}
        """The limits of the run."""
        self.observation: Observation | None = None
        """The newest observation; ``None`` until the base model is measured."""
        self.result: RunResult | None = None
        """The result, once the episode has ended."""
        self.failure: FtdojoError | None = None
        """Why the episode cannot go on, if that is so."""
        self.stopping = False
        """Whether the agent makes no more moves: it has finished or left, or its time is up."""
        self.news: Future[News] = Future()
        """The result of the agent's last request; at first, the baseline."""
        self.interrupt: Callable[[type[Cancelled] | type[AgentLeft]], None] = lambda _: None
        """Raises this exception in the main thread, as soon as it can be raised there."""
        self.works = False
        """Whether the main thread works on a request that can be cancelled."""
        self.gone = threading.Event()
        """Set when the agent has left."""
        self._left: dict[str, float] = {}
        self._requests: queue.Queue[_Request] = queue.Queue()
        self._turn = threading.Lock()

    # -- the environment's side, in the episode's thread ---------------------------------------------------------------

    def open_room(self, room: Room) -> None:
        """Begin an episode."""
        self.room, self.budget = room, room.budget

    def observe(self, observation: Observation) -> None:
        """Show the agent the first observation, and report the baseline."""
        self.observation = observation
        self._report(observation.baseline)

    def propose(self, observation: Observation) -> Path | None:
        """Report the last submission's result to the agent, then process its requests until it submits or finishes.

        Raises:
            AgentLeft: if it has left.
            InfrastructureError: if it failed before its first submission: the base model's score is not its result.
        """
        until = time.monotonic() + observation.remaining.get("wall_s", threading.TIMEOUT_MAX)
        known = len(self.observation.history) if self.observation else 0
        self.observation = observation
        if len(observation.history) > known:
            self._report(observation.history[-1])
        folder = self._next_submission(observation, until)
        self.stopping = folder is None
        return folder

    def _next_submission(self, observation: Observation, until: float) -> Path | None:
        while True:
            try:
                request = self._requests.get(timeout=min(max(0.0, until - time.monotonic()), threading.TIMEOUT_MAX))
            except queue.Empty:
                return None  # its time is up
            if request.failure is not None and not observation.history:
                raise request.failure
            if request.kind == "leave" and not self.finish_when_left:
                raise AgentLeft
            if request.kind in ("leave", "finish"):
                return None
            assert self.room is not None
            folder = self.room.workspace / f"{len(observation.history) + 1:03d}"
            _write(request.files, folder)
            if request.kind == "submit":
                return folder
            self._answer_precheck(folder, self.room)

    def _answer_precheck(self, folder: Path, room: Room) -> None:
        try:
            with self.cancellable():
                findings = list(room.precheck(folder))
        except InputError as error:
            self._report(list(error.findings))
        except UsageError as error:  # its free checks are used up
            self._refuse(error)
        except Cancelled:
            self.report_cancelled()
        else:
            self._report(findings)

    @contextlib.contextmanager
    def cancellable(self) -> Iterator[None]:
        """Mark that the main thread works on a request that the agent may cancel."""
        self.works = True
        try:
            yield
        finally:
            self.works = False

    def report_cancelled(self) -> None:
        """Report that the request was cancelled."""
        self._report(Cancelled)

    def report_result(self, result: RunResult) -> None:
        """Store the result of the ended episode, and report it to the agent if that is waiting."""
        self.result = result
        self._report(result)

    def report_failure(self, error: FtdojoError) -> None:
        """Report that the episode cannot go on, so that no call waits for it."""
        self.failure = error
        self._refuse(error)

    def close_room(self) -> None:
        """Keep what is left of the budget: the room cannot say it any more."""
        self._left = self.remaining
        self.room = None

    def _refuse(self, error: FtdojoError) -> None:
        if not self.news.done():
            self.news.set_exception(error)

    def _report(self, news: News) -> None:
        if not self.news.done():
            self.news.set_result(news)

    # -- the agent's side, in any thread -------------------------------------------------------------------------------

    @property
    def remaining(self) -> dict[str, float]:
        """What is left of each limited account at this moment; empty before the episode begins."""
        room = self.room
        return room.remaining() if room else self._left

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

    def cancel(self) -> None:
        """Cancel the request in progress. Its time is charged.

        Raises:
            UsageError: if no request is in progress that can be cancelled.
        """
        with self._turn:
            if self.news.done():
                raise UsageError("no request is in progress", fix="dojo_status says what the episode waits for")
            if self.observation is None or self.stopping:
                raise UsageError("this cannot be cancelled", fix="call dojo_wait until it is finished")
            self.interrupt(Cancelled)

    def leave(self, failure: InfrastructureError | None = None) -> None:
        """Report that the agent has left; ``failure`` is given if it did not end successfully.

        Without ``finish_when_left``, what the main thread does is interrupted: nobody waits for its result.
        """
        self.gone.set()
        self._requests.put(_Request("leave", failure=failure))
        if not (self.finish_when_left or self.stopping or self.result or self.failure):
            self.interrupt(AgentLeft)

    def _ask(self, request: _Request) -> None:
        with self._turn:
            if self.failure is not None:
                raise self.failure
            if self.result is not None:
                raise UsageError("the episode has ended", fix="its result is in dojo_status")
            if self.stopping:
                raise UsageError("the episode is ending", fix="call dojo_wait for its result")
            if self.observation is None:
                raise UsageError("the base model is still being measured", fix="call dojo_wait first")
            if not self.news.done():
                fix = "call dojo_wait until it is finished, or dojo_cancel"
                raise UsageError("your previous request is still in progress", fix=fix)
            self.news = Future()
            self._requests.put(request)
            self.stopping = request.kind == "finish"


def _write(files: Files, folder: Path) -> None:
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for file, text in files.items():
            write_file(folder / file, text)


class Watched:
    """Passes progress on to another watcher, and remembers the latest state."""

    def __init__(self, watcher: Progress) -> None:
        self._watcher = watcher
        self.latest = "starting"

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
