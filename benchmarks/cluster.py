"""What a Ray cluster adds to a job of a suite, against processes started by this machine's executor.

    python benchmarks/cluster.py [--jobs 40] [--slots 2] [--json]

Both executors run ``ftdojo --version`` as often, with as many at once: a job that does nothing but start. Reported:
the seconds to start Ray, the seconds a job, and their ratio. Ray starts one node here, in a network namespace that has
nothing but loopback (util-linux's ``unshare``), because it else listens on the machine's network interface.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ftdojo.bench.cluster import RayExecutor
from ftdojo.bench.execute import POLL_S, Executor
from ftdojo.bench.local import LocalExecutor
from ftdojo.bench.process import Start
from ftdojo.bench.slots import Slot

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
"""From ``linux/sockios.h`` and ``linux/if.h``."""


def run(executor: Executor, jobs: int, scratch: Path) -> float:
    """Seconds for all jobs."""
    begun = time.monotonic()
    waiting, running = list(range(jobs)), 0
    with executor:
        while waiting or running:
            for _ in range(min(len(waiting), executor.capacity - running)):
                log = scratch / f"{waiting.pop()}.log"
                executor.start(Start(arguments=["--version"], suite=scratch, log=log, deadline_s=60.0))
                running += 1
            time.sleep(POLL_S)
            ended = executor.collect()
            assert all(ending.status == 0 for _, ending in ended), ended
            running -= len(ended)
        return time.monotonic() - begun


def measure(jobs: int, slots: int) -> dict[str, Any]:
    """Both executors, one after the other."""
    with tempfile.TemporaryDirectory(prefix="ftdojo-cluster-") as folder:
        local = run(LocalExecutor([Slot(f"cpu {i}", {}) for i in range(slots)]), jobs, Path(folder))
        from ray.cluster_utils import Cluster

        begun = time.monotonic()
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": slots})
        executor = RayExecutor(cluster.address, 1, None)
        started = time.monotonic() - begun
        remote = run(executor, jobs, Path(folder))
        cluster.shutdown()
    return {
        "benchmark": "cluster",
        "jobs": jobs,
        "slots": slots,
        "start_s": started,
        "local_s_a_job": local / jobs,
        "ray_s_a_job": remote / jobs,
        "ratio": remote / local,
    }


def alone() -> None:
    """Start this script anew in a network namespace of its own, unless it is in one, and raise loopback."""
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        os.execvp("unshare", ["unshare", "--net", *user, "--", sys.executable, *sys.argv])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    alone()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    found = measure(arguments.jobs, arguments.slots)
    print(
        f"{found['jobs']} jobs that only start, {found['slots']} at once: local {found['local_s_a_job']:.2f} s a job, "
        f"Ray {found['ray_s_a_job']:.2f} s a job ({found['ratio']:.2f} times); starting Ray {found['start_s']:.1f} s"
    )
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
