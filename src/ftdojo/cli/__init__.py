"""The command line: arguments in, one call into the package, results out. No logic of its own."""

from __future__ import annotations

import sys

from ftdojo import handshake

__all__ = ["main"]


def main() -> None:
    """Run the command line: see :func:`ftdojo.cli.main.run_command`."""
    wire = handshake.begin(sys.argv[1:])
    from ftdojo.cli.main import run_command  # only now: a client may be waiting for its first answer

    run_command(wire)
