"""Where untrusted programs run: bubblewrap under limits, or not at all.

``$FTDOJO_SANDBOX`` may name docker or podman instead (:mod:`~ftdojo.sandbox.container`). This text describes
bubblewrap; ``docs/security.md`` lists how the other two differ.

A program sees the operating system's public files, the Python that runs ftdojo (without ftdojo), its read-only
inputs and one writable folder. It has no network (a data program may get one socket, that of the
:mod:`~ftdojo.gateway.server`, to language models), none of the host's environment, processes, users or devices, no
capabilities, and cannot create user namespaces. It is killed, with every process that it started, when it exceeds its
:class:`Limits` and when the process that called :func:`run` ends, even by ``kill -9``. When ftdojo runs as root, each
sandbox gets a real unprivileged uid: bubblewrap's own ``--uid`` only renames, and a real uid 0 could still write to
``/proc/sys``. A machine that cannot enforce all this gets a :class:`~ftdojo.errors.PrerequisiteError`.

What it does **not** protect against:

- faults of the kernel: system calls that no data program needs fail (:mod:`~ftdojo.sandbox.system_calls`) and
  Landlock repeats the view (:mod:`~ftdojo.sandbox.confine`), but the kernel is shared with the host;
- side channels (timing, caches), and reading the machine's public facts: processor, kernel version, load, disk sizes;
- contention: a program may keep every processor and the disk busy until ``wall_s`` or ``cpu_s`` is used up;
- short excess: memory, processor time and folder size are sampled, and may exceed their limits for one sample;
- memory and disk space that neither a process maps nor a descriptor holds, e.g. detached System V segments, files
  that are deleted and closed but still mapped, or descriptors in flight on a socket. The kernel's out-of-memory
  killer is set to kill the sandbox first;
- on a host where ftdojo is not root, a program that hides its descriptors (``PR_SET_DUMPABLE``): its files without a
  name are not counted then;
- hostile outputs: read them with :func:`read_output` and parse them as untrusted;
- readable secrets that an administrator left in ``/usr`` or in the Python environment;
- what a program sends to a language model: with a :class:`Gateway` it can send all of its inputs to the provider of a
  pool, within the budget, and waste the budget.
"""

from ftdojo.sandbox.limits import Limits, Stop, Watch
from ftdojo.sandbox.outputs import read_output
from ftdojo.sandbox.runner import run
from ftdojo.sandbox.user_code import run_user_code
from ftdojo.sandbox.view import python
from ftdojo.sandbox.walls import Wall, probe, require
from ftdojo.sandbox.watchdog import Completed
from ftdojo.sandbox.weights import find_weights

__all__ = [
    "Completed",
    "Limits",
    "Stop",
    "Wall",
    "Watch",
    "find_weights",
    "probe",
    "python",
    "read_output",
    "require",
    "run",
    "run_user_code",
]
