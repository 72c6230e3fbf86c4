"""The command line: arguments in, one call into the package, results out. No logic of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

from ftdojo import handshake

__all__ = ["main"]

SPINS = 5_000
"""How often a thread of GNU OpenMP, which torch computes with, looks for work before it sleeps. By default it looks
about 300,000 times, which next to other programs takes the processor from the thread that has the work: the same
answers then take several times as long. On an idle machine they take the same time (``benchmarks/busy.py``)."""


def main() -> None:
    """Run the command line: see :func:`ftdojo.cli.main.run_command`."""
    wire = handshake.begin(sys.argv[1:])
    limit_spinning(os.environ)
    from ftdojo.cli.main import run_command  # only now: a client may be waiting for its first answer

    run_command(wire)


def limit_spinning(environment: MutableMapping[str, str]) -> None:
    """Set the number of looks, unless the user has a setting. It is read once, when torch is imported."""
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", str(SPINS))
