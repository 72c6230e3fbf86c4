"""A Ray cluster of two nodes that runs a suite. Run as a script in a network namespace of its own, see test_cluster.py.

python two_nodes.py [--kill-second] BENCH_ARGUMENT ...
python two_nodes.py --count-waits

Ray listens on the machine's network interface, whatever address it is told; where there is only loopback, on that.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
"""From ``linux/sockios.h`` and ``linux/if.h``."""


def raise_loopback() -> None:
    """What ``ip link set lo up`` does."""
    assert [name for _, name in socket.if_nameindex()] == ["lo"], "this is no network namespace of its own"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def count_waits(jobs: int = 6) -> None:
    """Run some jobs at once, and print how often the executor was asked for those that have ended, how many calls of
    ``ray.wait`` that took, and how many jobs ended with status 0."""
    import ray
    from ray.cluster_utils import Cluster

    from ftdojo.bench.cluster import RayExecutor
    from ftdojo.bench.process import Start

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": jobs})
    wait, waits, rounds, statuses = ray.wait, 0, 0, list[int | None]()

    def counted(*arguments: Any, **given: Any) -> Any:
        nonlocal waits
        waits += 1
        return wait(*arguments, **given)

    with tempfile.TemporaryDirectory() as folder, RayExecutor(cluster.address, 1, 0) as executor:
        ray.wait = counted
        for number in range(jobs):
            log = Path(folder, f"{number}.log")
            executor.start(Start(arguments=["--version"], suite=Path(folder), log=log, deadline_s=60.0))
        while len(statuses) < jobs:
            time.sleep(0.1)
            rounds += 1
            statuses += [ending.status for _, ending in executor.collect()]
        sys.stdout.write(f"{rounds} {waits} {statuses.count(0)}\n")
    cluster.shutdown()


def main() -> int:
    """Start the cluster and the suite; its exit status."""
    raise_loopback()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    arguments = sys.argv[1:]
    if arguments == ["--count-waits"]:
        count_waits()
        return 0
    kill = arguments[0] == "--kill-second" and arguments.pop(0)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    try:
        command = [sys.executable, "-m", "ftdojo", "bench", *arguments, "--ray", cluster.address]
        suite = subprocess.Popen(command)
        out = Path(arguments[arguments.index("--out") + 1])
        while kill and suite.poll() is None:
            if len(list(out.glob("jobs/*/*/*/*/workspace"))) >= 2:  # a job on each node has begun
                cluster.remove_node(second, allow_graceful=False)
                kill = False
            time.sleep(0.2)
        return suite.wait()
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    sys.exit(main())
