"""Where untrusted code runs: bubblewrap, started under a real unprivileged uid, or nothing at all.

A program in the sandbox has no network, none of the caller's environment, no view of the host's files and processes,
read-only inputs, one writable folder, and limits on time, memory, processes and what it writes. There is no weaker
mode: what cannot be enforced is refused before the program starts.

What it does **not** protect from: faults of the kernel itself, side channels, a program that only wastes its own time
or its share of the processor, and whatever a reader believes of the program's output. Treat that as hostile text.
"""

from ftdojo.sandbox.bubblewrap import Completed, python, run
from ftdojo.sandbox.limits import Limits
from ftdojo.sandbox.outputs import read_output
from ftdojo.sandbox.probe import Wall, probe

__all__ = ["Completed", "Limits", "Wall", "probe", "python", "read_output", "run"]
