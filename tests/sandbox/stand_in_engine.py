"""Stands in for the client and the engine of docker: it keeps what it is asked, and runs programs by bubblewrap.

    python stand_in_engine.py PLACE ARGUMENT ...

It knows the options that ftdojo gives, and no others. ``PLACE/VERB.fails`` holds what a request fails with. A container
goes on when its client is killed. It has no control groups: ``PLACE/oom`` says that the kernel stopped a program.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import psutil

WITH_VALUE = (
    *("name", "label", "pull", "network", "ipc", "hostname", "user", "cap-drop", "memory", "memory-swap"),
    *("oom-score-adj", "pids-limit", "log-driver", "stop-signal", "workdir"),
)
NEVER = "0001-01-01T00:00:00Z"


def main() -> None:
    place, (verb, *arguments) = Path(sys.argv[1]), sys.argv[2:]
    if verb != "monitor":
        with (place / "requests").open("a") as requests:
            requests.write(json.dumps([verb, *arguments]) + "\n")
    if (place / f"{verb}.fails").exists():
        raise SystemExit((place / f"{verb}.fails").read_text())
    file = place / arguments[-1]
    if verb == "image":
        raise SystemExit(0 if file.exists() else "Error: No such image")
    if verb == "import":
        file.write_bytes(sys.stdin.buffer.read())
    elif verb == "create":
        container = parse(arguments)
        write(place / container["name"], container | {"State": state(StartedAt=NEVER)})
    elif verb == "start":
        start(place, file)
    elif verb == "monitor":
        monitor(place, file)
    elif verb == "container":
        sys.stdout.write(json.dumps(json.loads(file.read_text())["State"]))
    elif verb == "rm":
        remove(file)


def parse(arguments: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for option in WITH_VALUE:
        parser.add_argument(f"--{option}")
    for option in ("mount", "tmpfs", "ulimit", "security-opt"):
        parser.add_argument(f"--{option}", action="append")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("image")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    return vars(parser.parse_args(arguments))


def state(**known: object) -> dict[str, object]:
    return {"StartedAt": "2026-01-01T00:00:00Z", "Running": False, "ExitCode": 0, "OOMKilled": False, **known}


def write(file: Path, container: dict[str, Any]) -> None:
    new = file.with_suffix(".new")
    new.write_text(json.dumps(container))
    new.rename(file)


def start(place: Path, file: Path) -> None:
    """Be the client: pass on what the program prints, as long as somebody lets it."""
    engine = subprocess.Popen(
        [sys.executable, __file__, str(place), "monitor", file.name],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert engine.stdout is not None
    while chunk := os.read(engine.stdout.fileno(), 4096):
        os.write(1, chunk)
    raise SystemExit(engine.wait())


def monitor(place: Path, file: Path) -> None:
    """Be the engine: see one container through."""
    container = json.loads(file.read_text())
    process = subprocess.Popen(bubblewrap(container, place / container["image"]), stderr=subprocess.STDOUT)
    write(file, container | {"State": state(Running=True), "pid": os.getpid()})
    status = process.wait()
    write(file, container | {"State": state(ExitCode=status, OOMKilled=(place / "oom").exists())})


def remove(file: Path) -> None:
    if not file.exists():
        raise SystemExit("Error response from daemon: No such container")
    with contextlib.suppress(psutil.NoSuchProcess, KeyError):
        engine = psutil.Process(json.loads(file.read_text())["pid"])
        killed = [engine, *engine.children(recursive=True)]
        for process in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(killed, timeout=10)
    file.unlink()


def above(target: str) -> list[str]:
    """The folders on the way to a mount, which anybody may pass through, as engines make them."""
    return [part for path in reversed(Path(target).parents[:-1]) for part in ("--perms", "0755", "--dir", str(path))]


def bubblewrap(container: dict[str, Any], image: Path) -> list[str]:
    uid, gid = container["user"].split(":")
    root = os.geteuid() == 0
    with tarfile.open(image) as archive:
        links = [part for m in archive.getmembers() for part in ("--symlink", m.linkname, f"/{m.name}")]
    mounts: dict[str, list[str]] = {}
    for line in container["mount"]:
        fields = dict(field.partition("=")[::2] for field in next(csv.reader(io.StringIO(line))))
        mounts[fields["target"]] = ["--ro-bind" if "readonly" in fields else "--bind", fields["source"]]
    for line in container["tmpfs"]:
        target, _, options = line.partition(":")
        size = dict(option.partition("=")[::2] for option in options.split(","))["size"]
        mounts[target] = ["--perms", "1777", "--size", size, "--tmpfs"]
    limits = [f"--{limit}" for limit in container["ulimit"]]
    identity = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--bounding-set=-all"] if root else []
    return [
        *("bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--as-pid-1"),
        *(("--cap-add", "ALL") if root else ("--unshare-user", "--uid", uid, "--gid", gid, "--cap-drop", "ALL")),
        *("--hostname", container["hostname"], "--proc", "/proc", "--dev", "/dev", *links),
        *(
            part
            for target in sorted(mounts, key=lambda t: t.count("/"))
            for part in [*above(target), *mounts[target], target]
        ),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", container["workdir"]),
        # What engines add by themselves.
        *("--clearenv", "--setenv", "HOSTNAME", "sandbox", "--setenv", "HTTPS_PROXY", "http://user:secret@proxy"),
        *("--", "/usr/bin/prlimit", *limits, f"--nproc={container['pids_limit']}", *identity, *container["program"]),
    ]


if __name__ == "__main__":
    main()
