"""The command line: arguments in, one call into the package, results out. No logic of its own."""

from ftdojo.cli.main import main

__all__ = ["main"]
