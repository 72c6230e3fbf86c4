"""The executor of one machine: a process for each job, at a slot each."""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.bench.process import Ending, JobProcess, Start
from ftdojo.bench.slots import Slot


class LocalExecutor:
    """As many jobs at once as there are slots. Every one dies with this process, however that ends."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.room = len(slots)
        self._free = list(slots)
        self._running: list[JobProcess] = []

    def start(self, start: Start) -> _Placed:
        """Start a job at a free slot."""
        slot = self._free.pop(0)
        process = JobProcess(start, slot.environment)
        self._running.append(process)
        return _Placed(self, slot, process)

    def leave(self, slot: Slot, process: JobProcess) -> None:
        """Free a slot: its job has ended."""
        self._running.remove(process)
        self._free.append(slot)

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        JobProcess.end(self._running)


class _Placed:
    """A job at a slot, which is free when the job has ended."""

    def __init__(self, executor: LocalExecutor, slot: Slot, process: JobProcess) -> None:
        self._executor, self._slot, self._process = executor, slot, process

    def poll(self) -> Ending | None:
        """See :class:`ftdojo.bench.execute.Attempt`."""
        ending = self._process.poll()
        if ending:
            self._executor.leave(self._slot, self._process)
        return ending
