"""Run generated chart code and tell the y values that it draws. Copied into a sandbox and run there on its own.

python main.py INPUTS OUTPUT

Only the sandbox protects the machine from the code. This program keeps the pieces of code apart: numpy, pandas and
matplotlib are imported once, then every piece runs in a fork with limits of its own, which can start no process and is
killed when it is late. Kill this program, stop it or fill its disk they still can; then the run fails as a whole, and
its caller has to find out by smaller runs which piece it was.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

MIB = 2**20
TIMEOUT_S = 10.0
"""For one piece of code, by the clock."""
BUDGET_S = 240.0
"""After this time no further piece is begun: together with the last one a run has to end before the sandbox's limit."""
ROOM_BYTES = 64 * MIB
"""With less room for temporary files, which earlier pieces may have filled, no further piece is begun either."""
REPLY_BYTES = MIB
LIMITS = {
    resource.RLIMIT_NPROC: 1,  # no processes and no threads
    resource.RLIMIT_AS: 3072 * MIB,
    resource.RLIMIT_FSIZE: 16 * MIB,
    resource.RLIMIT_NOFILE: 64,
}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
FAILED, LATE = b'{"error": "failed"}', b'{"error": "timeout"}'

Series = list[list[Any]]


def main() -> None:
    """Read ``{"table", "code"}`` lines; write one ``{"series"}`` or ``{"error"}`` line for each, maybe not for all."""
    began = time.monotonic()
    inputs, output = map(Path, sys.argv[1:])
    os.environ |= {"MPLBACKEND": "Agg", **dict.fromkeys(THREADS, "1")}
    import matplotlib.pyplot  # noqa: F401 - here, so that the forks need not
    import pandas  # noqa: F401

    jobs = inputs.read_text("utf-8").splitlines()  # at once: the forks share, and could move, the place in an open file
    replies: list[bytes] = []
    for job in jobs:
        replies.append(reply_to(job))
        if time.monotonic() - began > BUDGET_S or shutil.disk_usage(tempfile.gettempdir()).free < ROOM_BYTES:
            break
    output.write_bytes(b"".join(reply + b"\n" for reply in replies))


def reply_to(job: str) -> bytes:
    """The reply of a fork to one job, on one line."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            run(job, folder, writer)
        os.close(writer)
        try:
            return receive(reader)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reader)


def receive(reader: int) -> bytes:
    """The line that is written until the other end is closed, or an error."""
    received = b""
    deadline = time.monotonic() + TIMEOUT_S
    while (left := deadline - time.monotonic()) > 0 and select.select([reader], [], [], left)[0]:
        chunk = os.read(reader, 2**16)
        received += chunk
        if not chunk or len(received) > REPLY_BYTES:
            line = received.partition(b"\n")[0].strip()
            return line if 0 < len(line) <= REPLY_BYTES else FAILED
    return LATE


def run(job: str, folder: str, writer: int) -> NoReturn:
    """In the fork: run the code and write the series; whatever it raises, ``SystemExit`` too, nothing is written."""
    try:
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(silence, descriptor)
        os.chdir(folder)
        for kind, bound in LIMITS.items():
            resource.setrlimit(kind, (bound, bound))
        reply = json.dumps({"series": draw(**json.loads(job))})
        with os.fdopen(writer, "w") as stream:
            stream.write(reply)
    finally:
        os._exit(0)


def draw(table: Any, code: str) -> Series:
    """The y values that the code hands by position to ``plt.bar``, ``plt.scatter`` and ``plt.plot``, in order."""
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd

    if isinstance(table, dict):
        pd.DataFrame(table["data"], columns=table["columns"]).to_csv("table.csv", index=False)
    series: Series = []
    plt.bar = watched(plt.bar, series, slice(1, 2))
    plt.scatter = watched(plt.scatter, series, slice(1, 2))
    plt.plot = watched(plt.plot, series, slice(1, None, 2))
    # The names that the reference's script has imported before it comes to the code.
    known = {"sys": sys, "os": os, "json": json, "Path": Path, "pd": pd, "np": np, "plt": plt}
    exec(compile(code, "chart.py", "exec", dont_inherit=True), {"__name__": "__main__", **known})  # noqa: S102
    return series


def watched(function: Callable[..., Any], series: Series, places: slice) -> Callable[..., Any]:
    """``function``, which first adds the positional arguments at ``places`` to ``series``."""

    def watching(*args: Any, **kwargs: Any) -> Any:
        series.extend(list(y) if hasattr(y, "__iter__") else [y] for y in args[places])
        return function(*args, **kwargs)

    return watching


if __name__ == "__main__":
    main()
