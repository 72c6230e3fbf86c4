"""A run that is watched: it follows the ledger, and keeps of the events what its page shows.

What is kept is bounded: numbers of all iterations up to a limit, the last iterations and the best one whole, and the
last lines of the log. So the size does not grow with the run, whatever it records.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import NamedTuple

from ftdojo.bench import is_in_contest
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RunResult
from ftdojo.record import RunFolder
from ftdojo.record.events import (
    BaselineMeasured,
    IterationEnded,
    Recorded,
    RunDisqualified,
    RunEvent,
    RunFinished,
    TestOpened,
    TestScored,
)
from ftdojo.record.state import RunState, Signature, name_outcome, read_new
from ftdojo.report.view.iterations import row
from ftdojo.report.view.parts import Row
from ftdojo.ui.curve import CurrentCurve
from ftdojo.ui.log import Line, describe

DETAILS = 12
"""The last iterations that are kept whole."""
ROWS = 100
"""The last iterations in the table."""
POINTS = 500
"""The last iterations in the plot of scores."""
LOG = 100
"""The last lines of the log."""


class ScorePoint(NamedTuple):
    """The validation score of an iteration with its interval; ``None`` if it was not scored."""

    number: int
    outcome: str
    value: float | None
    low: float | None
    high: float | None


class Watched:
    """What is known of a run after the last :meth:`update`. Hold :attr:`turn` while it is used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.turn = threading.Lock()
        self.in_contest = is_in_contest(folder)
        self.curve = CurrentCurve(RunFolder(folder))
        self._signature: Signature | None = None
        self._forget()

    def _forget(self) -> None:
        self.now = RunState()
        self.measured: BaselineMeasured | None = None
        self.scored: TestScored | None = None
        self.result: RunResult | None = None
        self.reasons: list[str] = []
        """Why the run was disqualified."""
        self.opened: list[str] = []
        """When test was opened."""
        self.latest: deque[Iteration] = deque(maxlen=DETAILS)
        self.best: Iteration | None = None
        self.rows: deque[Row] = deque(maxlen=ROWS)
        self.points: deque[ScorePoint] = deque(maxlen=POINTS)
        self.log: deque[Line] = deque(maxlen=LOG)

    def update(self) -> None:
        """Read what is new.

        Raises:
            FtdojoError: if the ledger cannot be read.
        """
        signature = Signature.of(self.folder)
        if signature == self._signature:
            return
        if self._signature and signature.file != self._signature.file:
            self._forget()
        while new := read_new(self.folder, self.now.seq):
            for recorded in new:
                self._take(recorded)
        self._signature = signature

    @property
    def state(self) -> str:
        """``running``, ``finishing``, ``interrupted``, or the outcome of a finished run."""
        state = self.now.name_state(self.folder)
        return "finishing" if state == "running" and RunFolder(self.folder).finish_request.exists() else state

    @property
    def shown(self) -> list[Iteration]:
        """The iterations that are kept whole, in order."""
        best = [self.best] if self.best and self.best.number < self.latest[0].number else []
        return [*best, *self.latest]

    def _take(self, recorded: Recorded[RunEvent]) -> None:
        self.now.take(recorded)
        self.log.append(describe(recorded))
        match event := recorded.event:
            case BaselineMeasured():
                self.measured = event
            case IterationEnded(iteration=iteration):
                self._take_iteration(iteration)
            case TestOpened():
                self.opened = [*self.opened, recorded.time][-DETAILS:]
            case TestScored():
                # The verdicts on the items are not shown, and there are many.
                self.scored = event.model_copy(update={"items": {}, "trivial_items": {}})
            case RunDisqualified(reasons=reasons):
                self.reasons = reasons
            case RunFinished(result=result):
                self.result = result

    def _take_iteration(self, iteration: Iteration) -> None:
        self.latest.append(iteration)
        if iteration.accepted:
            self.best = iteration
        metric = self.now.begun.metric if self.now.begun else ""
        self.rows.append(row(iteration, metric, detailed=True))
        score = iteration.score
        low, high = score.interval if score else (None, None)
        self.points.append(
            ScorePoint(iteration.number, name_outcome(iteration), score.value if score else None, low, high)
        )
