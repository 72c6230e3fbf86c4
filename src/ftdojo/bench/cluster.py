"""The executor for several machines: jobs are tasks of a Ray cluster, which decides where each job runs.

All machines need the suite's folder at the same path (a shared file system), and the same ftdojo in the Python that
Ray's workers use. A job writes its output to that folder; nothing else is returned. A job whose machine is lost is
tried again on another one, as after any failure of a machine, and continues where its record ends.
"""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ftdojo.bench.process import GRACE_S, Ending, JobProcess, Start
from ftdojo.errors import InfrastructureError, PrerequisiteError, UsageError
from ftdojo.extras import install_command

POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Need:
    """The resources of a machine that one job needs."""

    cpus: int
    gpus: float

    def fits(self, resources: Mapping[str, float]) -> int:
        """Return how many jobs a machine has room for."""
        by_cpu = resources.get("CPU", 0.0) // self.cpus
        return int(min(by_cpu, resources.get("GPU", 0.0) // self.gpus) if self.gpus else by_cpu)


class RayExecutor:
    """Runs as many jobs at once as the cluster has room for; the room is counted again while jobs wait."""

    def __init__(self, address: str, cpus: int, gpus: float | None) -> None:
        """Connect.

        Args:
            address: HOST:PORT of a running cluster, ``auto`` for the one of this machine, ``local`` to start one here.
            cpus: CPU cores per job.
            gpus: GPUs per job; ``None`` for one if the cluster has any, else none.

        Raises:
            PrerequisiteError: if Ray is not installed.
            InfrastructureError: if no cluster answers.
            UsageError: if no machine of the cluster has what a job needs: Ray would wait forever.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._ray = _ray()
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level="error")
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            raise InfrastructureError(
                f"no Ray cluster answers at {address}: {error}",
                fix="start one with `ray start --head`, or name its address as HOST:PORT",
            ) from None
        has_gpus = self._ray.cluster_resources().get("GPU", 0.0) >= 1
        self._need = Need(cpus, float(has_gpus) if gpus is None else gpus)
        self._run = self._ray.remote(num_cpus=cpus, num_gpus=self._need.gpus, max_retries=0)(_run)
        self._running: set[Any] = set()
        if not self.capacity:
            largest = [{k: v for k, v in n["Resources"].items() if k in ("CPU", "GPU")} for n in self._nodes()]
            self._ray.shutdown()
            raise UsageError(
                f"no machine of the cluster has {cpus} CPUs and {self._need.gpus:g} GPUs; they have {largest}",
                fix="request fewer with --cpus and --gpus",
            )

    @property
    def capacity(self) -> int:
        """See :class:`ftdojo.bench.execute.Executor`."""
        return sum(self._need.fits(node["Resources"]) for node in self._nodes())

    def start(self, start: Start) -> Hashable:
        """Submit a job to Ray."""
        reference = self._run.remote(start)
        self._running.add(reference)
        return cast("Hashable", reference)

    def collect(self) -> list[tuple[Hashable, Ending]]:
        """See :meth:`ftdojo.bench.execute.Executor.collect`. One call asks Ray for all jobs, however many there are."""
        if not self._running:
            return []
        ready, _ = self._ray.wait([*self._running], num_returns=len(self._running), timeout=0)
        self._running.difference_update(ready)
        return [(reference, self._ending(reference)) for reference in ready]

    def _ending(self, reference: Any) -> Ending:
        """Return how a task ended that has ended."""
        try:
            ending: Ending = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # of this module's own code, as it was raised there
            return Ending(InfrastructureError.exit_status, f"could not be started: {error.cause}")
        except self._ray.exceptions.RayError as error:
            return Ending(None, f"its machine was lost: {type(error).__name__}: {str(error).splitlines()[0]}")
        return ending

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        for reference in self._running:
            self._ray.cancel(reference)  # as Ctrl-C there
        if self._running:
            self._ray.wait([*self._running], num_returns=len(self._running), timeout=2 * GRACE_S)
        self._ray.shutdown()  # a job that has not ended dies with its worker

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"]]


def _run(start: Start) -> Ending:
    """Run a job on the machine that Ray chose, to its end or that of this worker.

    Raises:
        InfrastructureError: if the suite's folder does not exist: the job would create another one that is never read.
    """
    if not start.suite.is_dir():
        raise InfrastructureError(
            f"{start.suite} does not exist on {os.uname().nodename}", fix="use a folder that all machines share"
        )
    process = JobProcess(start)
    try:
        while (ending := process.poll()) is None:
            time.sleep(POLL_S)
    finally:
        JobProcess.end([process])
    return ending


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError:
        raise PrerequisiteError("Ray is not installed", fix=install_command("ray")) from None
    return ray
