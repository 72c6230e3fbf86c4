"""The only place where time and money are charged: what the stages of a submission cost, and what a run has spent.

A stage that was found in the store is charged what it cost when it was made, and one that was interrupted what its
finished part cost, so a resumed run is charged, and decides, like one that was never interrupted.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ftdojo.contract.budget import Budget, Spent
from ftdojo.contract.call import Call
from ftdojo.contract.result import StageSeconds
from ftdojo.errors import InputError
from ftdojo.record import Stage, events
from ftdojo.record.history import History


@dataclass(kw_only=True)
class Costs:
    """What the stages of one submission cost, in seconds."""

    seconds: StageSeconds = field(default_factory=StageSeconds)
    earlier_s: float = 0.0
    """Of these, seconds that the present clock has not seen: of reused stages, and of the finished part of an
    interrupted one."""

    @contextlib.contextmanager
    def refusal(self, name: str) -> Iterator[None]:
        """Account for a stage that is refused: the seconds until then. A finished stage is accounted for by ``add``."""
        begun = time.monotonic()
        try:
            yield
        except InputError:
            self._set(name, time.monotonic() - begun)
            raise

    def add(self, name: str, stage: Stage) -> None:
        """Account for a finished stage."""
        self._set(name, stage.seconds)
        self.earlier_s += stage.earlier_s

    def _set(self, name: str, seconds: float) -> None:
        self.seconds = self.seconds.model_copy(update={name: seconds})


class Accounts:
    """What a run has spent of its budget. Implements :class:`ftdojo.contract.call.CallLog`.

    What the environment measures for itself, before and after the agent's part, is not charged.
    """

    def __init__(self, history: History, budget: Budget) -> None:
        self._history, self._budget = history, budget
        self._prepaid: set[str] = set()
        self.restart_clock()

    def restart_clock(self) -> None:
        """Charge nothing for the time until now."""
        self._mark = time.monotonic()

    @property
    def clock_s(self) -> float:
        """Seconds since the last charge."""
        return time.monotonic() - self._mark

    @property
    def over(self) -> bool:
        """Whether a limit of the budget is reached, by what is charged."""
        return any(left <= 0 for left in self.charged_remaining().values())

    def charged_remaining(self) -> dict[str, float]:
        """What is left of each limited account, by what is charged."""
        return self._budget.remaining(self._history.spent)

    def remaining(self) -> dict[str, float]:
        """What is left of each limited account, the running clock included."""
        return self._budget.remaining(self._history.spent + Spent(wall_s=self.clock_s))

    def append(self, call: Call) -> None:
        """Record a call to a language model, and charge it."""
        self._history.append(events.LlmCalled(call=call, charge=call.charge))

    def charge(self, costs: Costs | None = None, *, submissions: int = 0) -> Spent:
        """What is due since the last charge: stages at what they cost when they were made, the rest by the clock."""
        clock_s = self.clock_s
        self.restart_clock()
        if costs is None:
            return Spent(wall_s=clock_s)
        device_s = costs.seconds.train + costs.seconds.evaluate
        return Spent(wall_s=clock_s + costs.earlier_s, device_s=device_s, submissions=submissions)

    def prepay(self, stage: Stage) -> None:
        """A check has made this stage, and the clock charges it: the submission that uses it must not pay again."""
        if not stage.reused:
            self._prepaid.add(stage.digest)

    def settle(self, stage: Stage) -> Stage:
        """The stage, free of earlier costs if it is prepaid."""
        if stage.digest not in self._prepaid:
            return stage
        self._prepaid.remove(stage.digest)
        return replace(stage, reused=False, earlier_s=0.0)
