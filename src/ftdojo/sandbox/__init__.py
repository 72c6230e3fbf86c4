"""Where untrusted programs run: bubblewrap under limits, or not at all.

``$FTDOJO_SANDBOX`` may name docker or podman in its place (:mod:`~ftdojo.sandbox.container`). What is said here is said
of bubblewrap; how they differ from it stands in ``docs/security.md``.

A program sees the operating system's public files, the Python that runs ftdojo (without ftdojo), its read-only
inputs and one writable folder. It has no network (a data program may be given one socket, of the
:mod:`~ftdojo.gateway.server` to language models), none of the host's environment, processes, users or devices, no
capabilities, and cannot make user namespaces of its own. It ends at its :class:`Limits`, with everything that it
started, and when the process that called :func:`run` ends, even by ``kill -9``. When ftdojo runs as root, each
sandbox gets a real unprivileged uid: bubblewrap's own ``--uid`` only renames, and a real uid 0 could still write to
``/proc/sys``. A machine that cannot enforce all this gets a :class:`~ftdojo.errors.PrerequisiteError`.

What it does **not** protect from:

- faults of the kernel: system calls that no data program needs fail (:mod:`~ftdojo.sandbox.system_calls`) and
  Landlock repeats the view (:mod:`~ftdojo.sandbox.confine`), but the kernel is shared with the host;
- side channels (timing, caches), and reading the machine's public facts: processor, kernel version, load, disk sizes;
- contention: it may keep every processor and the disk busy until ``wall_s`` or ``cpu_s`` is up;
- short excess: memory, processor time and folder are sampled, and may be over their limit for one sample;
- memory and disk space that neither a process maps nor a descriptor holds, e.g. detached System V segments, files
  that are deleted and closed but still mapped, or descriptors in flight on a socket. The kernel's out-of-memory
  killer is told to take the sandbox first;
- a program that, on a host where ftdojo is not root, hides its descriptors (``PR_SET_DUMPABLE``): its nameless files
  are not counted then;
- what it writes: outputs are to be read with :func:`read_output` and parsed as hostile;
- readable secrets that an administrator left in ``/usr`` or in the Python environment;
- what it tells a language model: a program that is given a :class:`Gateway` can send all of its inputs to the
  provider of a pool, within the budget, and spend the budget on nothing.
"""

from ftdojo.sandbox.limits import Limits, Stop
from ftdojo.sandbox.outputs import read_output
from ftdojo.sandbox.runner import run
from ftdojo.sandbox.user_code import run_user_code
from ftdojo.sandbox.view import python
from ftdojo.sandbox.walls import Wall, probe
from ftdojo.sandbox.watchdog import Completed

__all__ = [
    "Completed",
    "Limits",
    "Stop",
    "Wall",
    "probe",
    "python",
    "read_output",
    "run",
    "run_user_code",
]
