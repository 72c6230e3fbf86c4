"""Run a program in the sandbox and wait for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

import ftdojo
from ftdojo.errors import InfrastructureError, PrerequisiteError
from ftdojo.sandbox.command import Bind, bubblewrap, dropped, limited, needed_tools, staged
from ftdojo.sandbox.limits import Limits
from ftdojo.sandbox.watchdog import Stopped, watch

TOOL_PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin"
UIDS = range(61_000, 62_000)
"""Uids that sandboxes run under when started by root: one each, since processes are counted by uid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A program that has ended."""

    status: int
    """Exit status; negative for a signal."""
    seconds: float
    peak_memory_bytes: int
    stopped: Stopped | None
    """The limit for which the watchdog ended it."""
    output: str
    """The end of its standard output and error, without control characters."""


def python() -> str:
    """The interpreter inside the sandbox: the one that runs ftdojo, with its packages but without ftdojo itself."""
    return sys.executable


def run(
    argv: Sequence[str],
    *,
    read_only: Mapping[Path, str],
    writable: tuple[Path, str],
    limits: Limits,
    cwd: str = "/tmp",  # noqa: S108 - inside
) -> Completed:
    """Run ``argv`` to its end.

    Args:
        argv: the program and its arguments, as seen inside.
        read_only: host path -> path inside.
        writable: the one host folder that it may write to, and its path inside.
        limits: what it may use.
        cwd: working folder inside.

    Raises:
        PrerequisiteError: if the sandbox cannot be built here. Nothing was run then.
    """
    require()
    folder, inside = writable
    binds = [
        *_interpreter(),
        *(Bind(host, place) for host, place in read_only.items()),
        Bind(folder, inside, writable=True),
    ]
    with contextlib.ExitStack() as stack:
        if os.geteuid() == 0:
            command = stack.enter_context(_as_root(argv, binds, folder, limits, cwd))
        else:
            command = limited(bubblewrap(argv, binds, _masked(), limits, cwd), limits, own_uid=False)
        begun = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": TOOL_PATH},
            cwd="/",
            start_new_session=True,  # Ctrl-C is ours to handle; the program must not see it first
        )
        seen = watch(process, folder, limits)
    output = seen.tail.text
    if process.returncode and output.startswith(("bwrap: ", "unshare: ", "setpriv: ", "mount: ")):
        raise PrerequisiteError(
            f"the sandbox cannot be built here: {output.strip()[:300]}",
            fix="run `ftdojo doctor`; user namespaces must be allowed (sysctl kernel.unprivileged_userns_clone=1)",
        )
    return Completed(
        status=process.returncode,
        seconds=time.monotonic() - begun,
        peak_memory_bytes=seen.peak_memory_bytes,
        stopped=seen.stopped,
        output=output,
    )


def require() -> None:
    """Raise :class:`PrerequisiteError` if a program that the sandbox is made of is missing."""
    missing = [tool for tool in needed_tools() if shutil.which(tool, path=TOOL_PATH) is None]
    if missing:
        packages = "bubblewrap" if missing == ["bwrap"] else "bubblewrap util-linux"
        raise PrerequisiteError(
            f"untrusted code is not run without a sandbox, and {', '.join(missing)} is not installed",
            fix=f"apt-get install {packages}",
        )


@contextlib.contextmanager
def _as_root(argv: Sequence[str], binds: list[Bind], folder: Path, limits: Limits, cwd: str) -> Iterator[list[str]]:
    """The command for a caller who is root: bubblewrap itself never runs as root.

    ``--uid`` only renames root inside; for the kernel it would still be uid 0, which owns host settings below /proc.
    """
    with _own_uid() as uid, tempfile.TemporaryDirectory(prefix="ftdojo-stage-") as name:
        stage = Path(name)
        stage.chmod(0o711)
        hosts = {str(number): bind.host for number, bind in enumerate(binds)}
        moved = [Bind(stage / number, bind.inside, bind.writable) for number, bind in zip(hosts, binds, strict=True)]
        os.chown(folder, uid, uid)
        try:
            program = limited(bubblewrap(argv, moved, _masked(), limits, cwd), limits, own_uid=True)
            yield staged(dropped(program, uid), stage, hosts)
        finally:
            os.chown(folder, 0, 0)


@contextlib.contextmanager
def _own_uid() -> Iterator[int]:
    """A uid that no other sandbox is using, ours until the block ends."""
    locks = Path("/run/ftdojo")
    locks.mkdir(mode=0o700, exist_ok=True)
    for uid in UIDS:
        lock = FileLock(locks / f"{uid}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        try:
            yield uid
        finally:
            lock.release()
        return
    raise InfrastructureError(f"all {len(UIDS)} sandboxes are in use", fix="wait until some have ended")


def _interpreter() -> list[Bind]:
    """The virtual environment and the installation beneath it, where they are not part of the system."""
    prefixes = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    places = {Path(sys.prefix), Path(sys.base_prefix)} | prefixes
    return [Bind(path.resolve(), str(path)) for path in sorted(places) if not path.is_relative_to("/usr")]


def _masked() -> list[Path]:
    """ftdojo's own folder, if it lies in what is bound: it can make the twins' test items."""
    package = Path(ftdojo.__file__).parent
    bound = [bind.inside for bind in _interpreter()] + ["/usr"]
    return [package] if any(package.is_relative_to(place) for place in bound) else []
