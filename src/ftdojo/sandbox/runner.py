"""Run one untrusted program: combine the view, the command and the watchdog."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ftdojo.disk import require_room
from ftdojo.errors import InfrastructureError
from ftdojo.sandbox import command, confine, container, folder, view
from ftdojo.sandbox.lease import Lease, lease
from ftdojo.sandbox.limits import Limits, Watch
from ftdojo.sandbox.process import KILLED
from ftdojo.sandbox.system_calls import build_filter
from ftdojo.sandbox.tools import find_engine, find_tools
from ftdojo.sandbox.watchdog import Completed, supervise


def run(
    argv: Sequence[str],
    *,
    read_only: Mapping[Path, str],
    writable: tuple[Path, str],
    limits: Limits | None = None,
    cwd: str | None = None,
    hide: Sequence[Path] = (),
    environment: Mapping[str, str] = MappingProxyType({}),
    watch: Watch | None = None,
) -> Completed:
    """Run ``argv`` in a sandbox; return when it and every process that it started are gone.

    A program that ends by a SIGKILL that ftdojo did not send may have been killed from outside: by the kernel when
    memory ran out, or by a person. It is run once more, so that such a kill does not decide the result. Nor does a full
    disk: a program that fails on one is not said to have failed.

    Args:
        argv: program and arguments, with paths inside; for Python start with :func:`ftdojo.sandbox.python`.
        read_only: host file or folder -> its path for the program.
        writable: an empty host folder, and its path for the program. Written files are kept, except when the program
            was stopped for ``folder``: then it is emptied.
        limits: the default ones if not given.
        cwd: current directory of the program; the writable folder if not given.
        hide: host paths at or below ``read_only`` ones (or the interpreter) that are empty for the program.
        environment: variables in addition to :data:`ftdojo.sandbox.command.ENVIRONMENT`; nothing is inherited.
        watch: sees the program while it runs, and may end it. If the program is run once more, ``watch`` goes on.

    Raises:
        UsageError: if ``$FTDOJO_SANDBOX`` names no backend.
        PrerequisiteError: if this machine cannot enforce every limit. Nothing was run then.
        InfrastructureError: if an input cannot be read by the sandbox's user, or the machine fails, or the disk of the
            writable folder is full and the program has failed.
    """
    completed = _run_once(argv, read_only, writable, limits or Limits(), cwd, hide, environment, watch)
    if completed.status == KILLED and completed.stopped is None:
        folder.empty(writable[0])
        completed = _run_once(argv, read_only, writable, limits or Limits(), cwd, hide, environment, watch)
    if completed.status != 0 and completed.stopped is None:
        require_room(writable[0])
    return completed


def _run_once(
    argv: Sequence[str],
    read_only: Mapping[Path, str],
    writable: tuple[Path, str],
    limits: Limits,
    cwd: str | None,
    hide: Sequence[Path],
    environment: Mapping[str, str],
    watch: Watch | None,
) -> Completed:
    engine = find_engine()
    host, inside = writable[0].resolve(strict=True), writable[1]
    system = view.system()
    binds = [
        *view.interpreter(),
        view.Bind(Path(confine.__file__), view.CONFINE),
        *view.inputs(read_only),
        view.Bind(host, inside, writable=True),
    ]
    shown = [*(entry for entry in system if isinstance(entry, view.Bind)), *binds]
    entries = [*binds, *view.mask_paths(shown, hide)]
    program, cwd = view.add_confinement(argv, inside), cwd or inside
    with contextlib.ExitStack() as stack:
        leased = stack.enter_context(lease()) if os.geteuid() == 0 else None
        if leased:
            _check_readable(binds)
        uid = leased.uid if leased else None
        descriptor = stack.enter_context(folder.lend(host, uid))
        if engine is not None:
            completed = container.run_in_container(
                engine,
                program,
                view=[*system, *entries],
                environment=environment,
                cwd=cwd,
                limits=limits,
                uid=uid,
                writable=descriptor,
                watch=watch,
            )
        else:
            completed = _bubblewrap(
                program,
                system=system,
                entries=entries,
                environment=environment,
                cwd=cwd,
                limits=limits,
                leased=leased,
                writable=descriptor,
                watch=watch,
            )
    if completed.stopped == "folder":
        folder.empty(host)
    return completed


def _bubblewrap(
    program: Sequence[str],
    *,
    system: Sequence[view.Entry],
    entries: Sequence[view.Entry],
    environment: Mapping[str, str],
    cwd: str,
    limits: Limits,
    leased: Lease | None,
    writable: int,
    watch: Watch | None,
) -> Completed:
    tools = find_tools()
    uid: int | None = None
    mounts: list[tuple[Path, Path]] = []
    if leased:
        uid = leased.uid
        entries, mounts = leased.stage(entries)
    with tempfile.TemporaryFile() as filter_file:
        filter_file.write(build_filter())
        filter_file.seek(0)

        def start(output: int, reports: int) -> subprocess.Popen[bytes]:
            bubblewrap = command.bubblewrap(
                program,
                tools=tools,
                view=[*system, *entries],
                environment=environment,
                cwd=cwd,
                limits=limits,
                status_fd=reports,
                filter_fd=filter_file.fileno(),
            )
            guarded = command.add_guard(bubblewrap, tools=tools, parent=os.getpid(), uid=uid)
            return subprocess.Popen(
                command.add_mounts(guarded, tools=tools, mounts=mounts) if uid is not None else guarded,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[reports, filter_file.fileno()],
                env={},  # bubblewrap's init keeps its initial environment, and the program can read it there
                start_new_session=True,  # Ctrl-C reaches this process alone, which then ends the sandbox
            )

        return supervise(start, limits, writable, watch)


def _check_readable(binds: Sequence[view.Bind]) -> None:
    """Check that the sandbox's uid can read the inputs: root can read everything, that uid cannot."""
    for bind in binds:
        needed = 0o005 if bind.source.is_dir() else 0o004
        if not bind.writable and bind.source.stat().st_mode & needed != needed:
            raise InfrastructureError(
                f"{bind.source} cannot be read by the unprivileged user that runs the sandbox",
                fix=f"chmod -R o+rX {bind.source}",
            )
