"""The executor for one machine: a process for each job, each in a slot."""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.bench.process import Ending, JobProcess, Start
from ftdojo.bench.slots import Slot


class LocalExecutor:
    """Runs as many jobs at once as there are slots. Every job dies with this process, however that ends."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.capacity = len(slots)
        self._free = list(slots)
        self._running: list[JobProcess] = []

    def start(self, start: Start) -> _Placed:
        """Start a job in a free slot."""
        slot = self._free.pop(0)
        process = JobProcess(start, slot.environment)
        self._running.append(process)
        return _Placed(self, slot, process)

    def leave(self, slot: Slot, process: JobProcess) -> None:
        """Free the slot of a job that has ended."""
        self._running.remove(process)
        self._free.append(slot)

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        JobProcess.end(self._running)


class _Placed:
    """A job in a slot; the slot becomes free when the job ends."""

    def __init__(self, executor: LocalExecutor, slot: Slot, process: JobProcess) -> None:
        self._executor, self._slot, self._process = executor, slot, process

    def poll(self) -> Ending | None:
        """See :class:`ftdojo.bench.execute.Attempt`."""
        ending = self._process.poll()
        if ending:
            self._executor.leave(self._slot, self._process)
        return ending
