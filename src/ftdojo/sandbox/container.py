"""Run one untrusted program in a container, when docker or podman was chosen instead of bubblewrap.

The program sees what :mod:`~ftdojo.sandbox.view` lists, as in bubblewrap: files of the host, mounted over an image that
contains only the symbolic links. ftdojo builds that image and gives it to the engine, which downloads nothing.
``docs/security.md`` lists who enforces which limit, and which limits are not enforced here.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import math
import os
import secrets
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ftdojo.errors import InfrastructureError, PrerequisiteError
from ftdojo.sandbox import folder, forbid
from ftdojo.sandbox.command import ENVIRONMENT
from ftdojo.sandbox.limits import Limits, Stop, Watch
from ftdojo.sandbox.process import CHUNK, KILLED, PATIENCE_S, wait_readable
from ftdojo.sandbox.system_calls import build_filter
from ftdojo.sandbox.tail import Tail, clean
from ftdojo.sandbox.tools import CHOICE
from ftdojo.sandbox.view import Bind, Entry, Hidden, Link, Scratch, python, scratch
from ftdojo.sandbox.watchdog import INTERVAL_S, LONGEST_INTERVAL_S, Completed

ANSWER_S = 60.0
"""Time limit of one request to the engine; after it the engine counts as not answering."""
FORBID, FILTER = "/forbid.py", "/forbidden"


def run_in_container(
    engine: str,
    program: Sequence[str],
    *,
    view: Sequence[Entry],
    environment: Mapping[str, str],
    cwd: str,
    limits: Limits,
    uid: int | None,
    writable: int,
    watch: Watch | None = None,
) -> Completed:
    """Run ``program`` as ``uid`` (default: this process's uid) with the client ``engine``; return when its container is
    gone. ``writable`` is a descriptor of its writable folder.

    Raises:
        PrerequisiteError: if the engine does not answer, or does not create the container.
        InfrastructureError: if the container disappears, or does not die.
    """
    began = time.monotonic()
    name, tail = f"ftdojo-{secrets.token_hex(8)}", Tail(limits.output_bytes)
    user = (uid, uid) if uid is not None else (os.geteuid(), os.getegid())
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ftdojo-container-")))
        nothing, filter_file = place / "nothing", place / "forbidden"
        nothing.mkdir()
        filter_file.write_bytes(build_filter())
        for path in (nothing, filter_file):
            path.chmod(0o755)  # readable for the sandbox's user, whatever the caller's umask is
        creation = create(
            engine,
            [python(), "-I", "-S", "-B", FORBID, FILTER, *program],
            name=name,
            image=_image(engine, [entry for entry in view if isinstance(entry, Link)]),
            view=[*view, Bind(Path(forbid.__file__), FORBID), Bind(filter_file, FILTER)],
            nothing=nothing,
            environment=environment,
            cwd=cwd,
            limits=limits,
            user=user,
        )
        stack.callback(_remove, engine, name)
        _ask(*creation)
        status, stopped = KILLED, _watch(engine, name, limits, writable, tail, watch)
        if stopped is None:
            status, stopped = _ending(engine, name, tail)
    if stopped is None and folder.is_over(writable, limits.folder_bytes):
        stopped = "folder"
    return Completed(
        status=status, seconds=time.monotonic() - began, peak_memory_bytes=0, stopped=stopped, output=tail.text()
    )


def create(
    engine: str,
    program: Sequence[str],
    *,
    name: str,
    image: str,
    view: Sequence[Entry],
    nothing: Path,
    environment: Mapping[str, str],
    cwd: str,
    limits: Limits,
    user: tuple[int, int],
) -> list[str]:
    """The command line that creates the container; ``nothing`` is an empty folder of the host.

    Inside, ``env`` drops the variables that engines add (such as the client's proxy settings), and ``timeout`` ends the
    program if this process is killed: engines let the container continue then.
    """
    variables = [f"{key}={value}" for key, value in {**ENVIRONMENT, **environment}.items()]
    mounts = dict.fromkeys(_mount(entry, nothing) for entry in [*scratch(limits.scratch_bytes), *view])
    cpu_s = math.ceil(limits.cpu_s)
    return [
        *(engine, "create", "--name", name, "--label", "ftdojo", "--pull", "never"),
        *("--network", "none", "--ipc", "private", "--hostname", "sandbox", "--read-only"),
        *("--user", f"{user[0]}:{user[1]}", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        # SELinux forbids containers to read files of the host unless these are relabelled, which affects every user.
        *("--security-opt", "label=disable"),
        *(_podman(user[0]) if Path(engine).name == "podman" else ()),
        *("--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes), "--oom-score-adj", "1000"),
        *("--pids-limit", str(limits.processes), "--ulimit", f"nofile={limits.open_files}"),
        *("--ulimit", f"fsize={limits.file_bytes}", "--ulimit", "core=0"),
        # First a signal that identifies the reason, then one that cannot be ignored.
        *("--ulimit", f"cpu={cpu_s}:{cpu_s + 1}"),
        # Without these, engines would keep all output, and podman would send SIGTERM before SIGKILL.
        *("--log-driver", "none", "--stop-signal", "SIGKILL"),
        *(argument for mount in mounts for argument in mount),
        *("--workdir", cwd, image, "/usr/bin/env", "-i", *variables),
        *("/usr/bin/timeout", "--signal=KILL", f"{limits.wall_s + PATIENCE_S:g}", *program),
    ]


def _podman(uid: int) -> list[str]:
    """Options for podman. Without them it adds writable folders and a list of users, and maps ``uid`` if not root."""
    keep = ["--userns", "keep-id"] if uid == os.geteuid() else []
    return ["--read-only-tmpfs=false", "--passwd=false", *keep]


def _mount(entry: Entry, nothing: Path) -> tuple[str, ...]:
    match entry:
        case Bind(source, target, writable):
            fields = ["type=bind", f"source={source}", f"target={target}", *([] if writable else ["readonly"])]
            line = io.StringIO()
            csv.writer(line, lineterminator="").writerow(fields)  # a path may have a comma in it
            return "--mount", line.getvalue()
        case Hidden(target):  # not a file system in memory: podman copies the previous content into one
            return _mount(Bind(nothing, target), nothing)
        case Scratch(target, size):
            return "--tmpfs", f"{target}:rw,exec,nosuid,nodev,mode=1777,size={size}"
        case Link():  # in the image
            return ()


def _image(engine: str, links: Sequence[Link]) -> str:
    """Import an image with these links into the engine, unless it has it; return the image's name."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for link in links:
            member = tarfile.TarInfo(link.target.lstrip("/"))
            member.type, member.linkname = tarfile.SYMTYPE, link.destination
            archive.addfile(member)
    image = f"ftdojo-root:{hashlib.sha256(content.getvalue()).hexdigest()[:16]}"
    if _call(engine, "image", "inspect", image).returncode != 0:
        _ask(engine, "import", "-", image, content=content.getvalue())
    return image


def _watch(engine: str, name: str, limits: Limits, writable: int, tail: Tail, watch: Watch | None) -> Stop | None:
    """Start the container and read its output until it ends or exceeds a limit."""
    with subprocess.Popen(
        [engine, "start", "--attach", name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches this process alone, which then ends the container
    ) as client:
        assert client.stdout is not None
        output, began, due = client.stdout.fileno(), time.monotonic(), 0.0
        try:
            while True:
                now = time.monotonic()
                if now - began > limits.wall_s:
                    return "wall"
                if now >= due:
                    if folder.is_over(writable, limits.folder_bytes):
                        return "folder"
                    if watch is not None and watch():
                        return "caller"
                    due = time.monotonic() + LONGEST_INTERVAL_S
                if wait_readable([output], INTERVAL_S):
                    if not (chunk := os.read(output, CHUNK)):
                        return None
                    tail.add(chunk)
        finally:
            client.kill()  # this kills only the client: the container belongs to the engine


def _ending(engine: str, name: str, tail: Tail) -> tuple[int, Stop | None]:
    """Exit status, and exceeded limit if any, of a container whose client has ended."""
    state = json.loads(_ask(engine, "container", "inspect", "--format", "{{json .State}}", name))
    if state["StartedAt"].startswith("0001-"):  # the year of a time that is not set
        raise _refusal(engine, tail.text())
    if state["Running"]:
        raise InfrastructureError(
            f"the client of {engine} was killed, from outside the sandbox",
            fix="see the system's log: when memory runs out, the kernel kills processes",
        )
    status: int = state["ExitCode"]
    if state["OOMKilled"]:
        return status, "memory"
    return status, "cpu" if status == 128 + signal.SIGXCPU else None


def _remove(engine: str, name: str) -> None:
    """Kill the container, if it is running, and remove it from the engine."""
    done = _call(engine, "rm", "--force", name)
    if done.returncode != 0 and b"no such container" not in done.stderr.lower():
        raise InfrastructureError(
            f"a container did not die: {clean(done.stderr.decode(errors='replace')).strip()}",
            fix=f"{engine} rm --force {name}",
        )


def _ask(engine: str, *arguments: str, content: bytes = b"") -> bytes:
    done = _call(engine, *arguments, content=content)
    if done.returncode != 0:
        raise _refusal(engine, clean(done.stderr.decode(errors="replace")))
    return done.stdout


def _call(engine: str, *arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [engine, *arguments],
            input=content,
            capture_output=True,
            check=False,
            timeout=ANSWER_S,
            start_new_session=True,  # a second Ctrl-C must not keep a container from being removed
        )
    except subprocess.TimeoutExpired:
        raise _refusal(engine, f"no answer to `{arguments[0]}` within {ANSWER_S:g} s") from None


def _refusal(engine: str, why: str) -> PrerequisiteError:
    chosen = Path(engine).name
    return PrerequisiteError(
        f"{chosen} cannot build a sandbox here: {why.strip() or 'no message'}",
        fix=f"`{chosen} info` must succeed; or unset {CHOICE} to use bubblewrap; `ftdojo doctor` tries it again",
    )
