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
        self._running: dict[JobProcess, Slot] = {}

    def start(self, start: Start) -> JobProcess:
        """Start a job in a free slot."""
        process = JobProcess(start, self._free[0].environment)
        self._running[process] = self._free.pop(0)
        return process

    def collect(self) -> list[tuple[JobProcess, Ending]]:
        """See :meth:`ftdojo.bench.execute.Executor.collect`. The slots of these jobs become free."""
        ended = [(process, ending) for process in self._running if (ending := process.poll())]
        self._free += [self._running.pop(process) for process, _ in ended]
        return ended

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        JobProcess.end([*self._running])
