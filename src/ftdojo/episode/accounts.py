"""The only place where time and money are charged: the costs of a submission's stages, and the spending of a run.

A stage from the store is charged what it cost when it was made. An interrupted stage is charged what its finished part
cost. So a resumed run is charged, and decides, like a run that was never interrupted.
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
    """The costs of the stages of one submission, in seconds."""

    seconds: StageSeconds = field(default_factory=StageSeconds)
    earlier_s: float = 0.0
    """The part of these seconds that the current clock did not measure: reused stages, and the finished part of an
    interrupted stage. Less the seconds that it measured and that are exempt."""

    @contextlib.contextmanager
    def refusal(self, name: str) -> Iterator[None]:
        """Account for the seconds until a stage is refused. ``add`` accounts for a finished stage."""
        begun = time.monotonic()
        try:
            yield
        except InputError:
            self._set(name, time.monotonic() - begun)
            raise

    @contextlib.contextmanager
    def exempt(self) -> Iterator[None]:
        """Take the time in the context off the clock: what is made again in it was paid for when it was made first."""
        begun = time.monotonic()
        yield
        self.earlier_s -= time.monotonic() - begun

    def add(self, name: str, stage: Stage) -> None:
        """Account for a finished stage, in addition to others of the same name."""
        self._set(name, getattr(self.seconds, name) + stage.seconds)
        self.earlier_s += stage.earlier_s

    def _set(self, name: str, seconds: float) -> None:
        self.seconds = self.seconds.model_copy(update={name: seconds})


class Accounts:
    """The spent and remaining budget of a run. Implements :class:`ftdojo.contract.call.CallLog`.

    The environment's own measurements, before and after the agent's part, are not charged.
    """

    def __init__(self, history: History, budget: Budget) -> None:
        self._history, self.budget = history, budget
        self._prepaid: set[str] = set()
        self._mark: float | None = None
        """When the clock was started; it stands still until then."""
        self._planning_s: float | None = None
        """What the clock had measured when the stages of a submission began; ``None`` between submissions."""

    def extend(self, budget: Budget) -> None:
        """Go on under these limits."""
        self.budget = budget

    def restart_clock(self) -> None:
        """Charge nothing for the time until now."""
        self._mark, self._planning_s = time.monotonic(), None

    def stop_clock(self) -> None:
        """Charge nothing from now on: the agent's part has ended."""
        self._mark = None

    @property
    def clock_s(self) -> float:
        """Seconds since the last charge."""
        return time.monotonic() - self._mark if self._mark is not None else 0.0

    def begin_stages(self) -> float:
        """Note that the stages of a submission begin, and return the seconds of planning before them."""
        self._planning_s = self.clock_s
        return self._planning_s

    @property
    def over(self) -> bool:
        """Whether the charges have reached a limit of the budget."""
        return any(left <= 0 for left in self.charged_remaining().values())

    def charged_remaining(self) -> dict[str, float]:
        """Return what is left of each limited account after the charges so far."""
        return self.budget.remaining(self._history.spent)

    def remaining(self) -> dict[str, float]:
        """Return what is left of each limited account, including the time since the last charge."""
        return self.budget.remaining(self._history.spent + Spent(wall_s=self.clock_s))

    def append(self, call: Call) -> None:
        """Record a call to a language model, and charge it."""
        self._history.append(events.LlmCalled(call=call, charge=call.charge))

    def charge(self, costs: Costs | None = None, *, submissions: int = 0) -> Spent:
        """Return the charge since the last one: stages at their cost when they were made, the rest by the clock."""
        clock_s = self.clock_s
        self.restart_clock()
        if costs is None:
            return Spent(wall_s=clock_s)
        device_s = costs.seconds.train + costs.seconds.evaluate
        return Spent(wall_s=clock_s + costs.earlier_s, device_s=device_s, submissions=submissions)

    def charge_planning(self) -> Spent:
        """Return the charge for the planning since the last charge. Interrupted stages are not in it: they are charged
        when they are made again."""
        spent = Spent(wall_s=self.clock_s if self._planning_s is None else self._planning_s)
        self.restart_clock()
        return spent

    def charge_abandoned(self) -> Spent:
        """Return the charge for all time since the last charge, and for the device while stages ran."""
        clock_s = self.clock_s
        device_s = clock_s - self._planning_s if self._planning_s is not None else 0.0
        self.restart_clock()
        return Spent(wall_s=clock_s, device_s=device_s)

    def prepay(self, stage: Stage) -> None:
        """Note that a check has made this stage and the clock charges it: the submission must not pay for it again."""
        if not stage.reused:
            self._prepaid.add(stage.digest)

    def settle(self, stage: Stage) -> Stage:
        """Return the stage, without earlier costs if it is prepaid."""
        if stage.digest not in self._prepaid:
            return stage
        self._prepaid.remove(stage.digest)
        return replace(stage, reused=False, earlier_s=0.0)
