"""The entry point: assemble the commands, and turn every expected error into a message and an exit status."""

from __future__ import annotations

import logging
import shlex
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from ftdojo import handshake
from ftdojo.cli.commands import LazyGroup
from ftdojo.cli.console import err, out, print_json
from ftdojo.errors import FtdojoError, InputError
from ftdojo.quick_exit import skip_last_collection

RESUMED = ("run", "bench", "mcp", "predict", "judge", "finish")
"""Commands that go on where they were interrupted, when they are repeated."""
BEGUN_ANEW = (("bench", "pack"), ("bench", "verify"))
"""Those that are not."""
INTERRUPTED = 130
"""128 + SIGINT, as shells report it; typer exits with it on Ctrl-C."""

app = typer.Typer(
    name="ftdojo",
    cls=LazyGroup,
    epilog="Start with: ftdojo run chemistry/mol_und --budget 10m. The words are explained by `ftdojo glossary`. "
    "Completion in your shell: ftdojo --install-completion.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        out.print(f"ftdojo {version('ftdojo')}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Fine-tune language models with agents, and score them fairly."""


def run_command(wire: handshake.Wire | None = None) -> None:
    """Run the command line and exit with 0 (done), 1 (faulty input), 2 (usage error) or 3 (infrastructure error).

    Args:
        wire: of the client that has started this program and was greeted already.
    """
    handshake.wire.set(wire)
    skip_last_collection()
    # peft imports bitsandbytes if it is installed, and it warns that it could not fetch kernels from the hub.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a batch system sends means what Ctrl-C means
    try:
        app()
    except FtdojoError as error:
        _print_error(error)
        sys.exit(error.exit_status)
    except SystemExit as ending:
        if ending.code == INTERRUPTED:
            err.print(Text.assemble(("interrupted", "yellow"), _how_to_go_on(sys.argv[1:])), soft_wrap=True)
        raise


def _how_to_go_on(arguments: Sequence[str]) -> str:
    """Return what to type after an interruption."""
    if not arguments or arguments[0] not in RESUMED or tuple(arguments[:2]) in BEGUN_ANEW:
        return ""
    return f": what is finished is kept; resume with: {shlex.join(['ftdojo', *arguments])}"


def _print_error(error: FtdojoError) -> None:
    if "--json" in sys.argv:
        findings = [f.model_dump() for f in error.findings] if isinstance(error, InputError) else []
        kind = type(error).__name__
        document = {"error": {"type": kind, "message": error.message, "fix": error.fix, "findings": findings}}
        print_json(document, indent=None)
    err.print("error:", style="bold red", end=" ")
    err.print(error.message, soft_wrap=True)
    fixes = dict.fromkeys(f.fix for f in error.findings) if isinstance(error, InputError) else {error.fix: None}
    for fix in filter(None, fixes):
        err.print("  fix:", style="bold", end=" ")
        err.print(fix, soft_wrap=True)
