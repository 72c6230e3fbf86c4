"""The command line that starts a sandbox: pure functions that return a list of arguments.

Outermost first: ``unshare`` and ``mount`` (root only: see :func:`add_mounts`), ``setpriv`` and a guard
(:func:`add_guard`), ``bwrap`` (:func:`bubblewrap`), ``prlimit``, the program. Each replaces itself with the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ftdojo.sandbox.limits import Limits
from ftdojo.sandbox.view import Entry, scratch

Tools = Mapping[str, str]

NOBODY = "65534"

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108 - the sandbox's own, not the host's
    "USER": "nobody",
    "LANG": "C.UTF-8",
    # So that the output of a program before it was killed is not lost in a buffer.
    "PYTHONUNBUFFERED": "1",
    # The numerical libraries start one thread per core by default, which exceeds the limit on a large machine.
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
    "MKL_NUM_THREADS": "2",
}
"""All environment variables of a program, unless its caller adds some."""

_GUARD = 'test "$PPID" = "$0" || exit 125; echo 1000 >/proc/self/oom_score_adj; exec "$@"'
_STAGE = 'mount=$1; shift; while test "$1" != --; do "$mount" --rbind "$1" "$2"; shift 2; done; shift; exec "$@"'


def bubblewrap(
    program: Sequence[str],
    *,
    tools: Tools,
    view: Iterable[Entry],
    environment: Mapping[str, str],
    cwd: str,
    limits: Limits,
    status_fd: int,
    filter_fd: int,
) -> list[str]:
    """Return the command that runs ``program`` with only ``view`` of the host. bubblewrap reports to ``status_fd`` in
    JSON lines, and reads the filter of :func:`ftdojo.sandbox.system_calls.build_filter` from ``filter_fd``.

    ``RLIMIT_NPROC`` is lowered inside, where (since Linux 5.14) only the sandbox's processes count towards it.
    """
    variables = {**ENVIRONMENT, **environment}
    return [
        tools["bwrap"],
        *("--unshare-user", "--unshare-all", "--disable-userns"),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *("--uid", NOBODY, "--gid", NOBODY, "--hostname", "sandbox"),
        "--clearenv",
        *(part for name, value in variables.items() for part in ("--setenv", name, value)),
        *("--proc", "/proc", "--dev", "/dev"),
        *(argument for entry in [*scratch(limits.scratch_bytes), *view] for argument in entry.arguments()),
        # Both are file systems in memory without a size limit: writable, they would be storage outside every limit.
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", cwd, "--json-status-fd", str(status_fd), "--seccomp", str(filter_fd)),
        *("--", tools["prlimit"], f"--nproc={limits.processes}", f"--fsize={limits.file_bytes}"),
        *(f"--nofile={limits.open_files}", "--core=0", "--", *program),
    ]


def add_guard(command: Sequence[str], *, tools: Tools, parent: int, uid: int | None) -> list[str]:
    """Prefix a command so that it drops to ``uid`` (if given) permanently, dies with process ``parent``, and is the
    first to be killed when memory runs out.

    bubblewrap also requests to die with its parent, but later. This covers the time until then, and a ``parent`` that
    is already dead.
    """
    identity = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--bounding-set=-all"] if uid is not None else []
    return [
        *(tools["setpriv"], *identity, "--no-new-privs", "--inh-caps=-all", "--pdeathsig=KILL", "--"),
        *(tools["sh"], "-ec", _GUARD, str(parent), *command),
    ]


def add_mounts(command: Sequence[str], *, tools: Tools, mounts: Iterable[tuple[Path, Path]]) -> list[str]:
    """Root only: run ``command`` in its own mount namespace, where each (source, place) is bound.

    So the uid that ``command`` drops to can reach files below folders that only root may enter.
    """
    pairs = [str(path) for mount in mounts for path in mount]
    return [
        *(tools["unshare"], "--mount", "--propagation", "private", "--"),
        *(tools["sh"], "-ec", _STAGE, "stage", tools["mount"], *pairs, "--", *command),
    ]
