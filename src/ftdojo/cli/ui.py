"""``ftdojo ui``: the live page."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ftdojo.cli.console import err, out
from ftdojo.disk import disk_errors
from ftdojo.files import write_file


def ui(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of your runs.")] = Path("runs"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 for any free port.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Only print the address; open no browser.")] = False,
) -> None:
    """Show runs and contests as they go, in a browser: curves, iterations, findings, budget, outputs, log.

    It reads the records below the folder, so it can be started before, during and after runs. It answers on this
    machine alone, and needs the address that is printed, which holds a secret. Ctrl-C ends the page; runs go on.

    [bold]Examples[/]

      ftdojo ui

      ftdojo ui runs/contest --port 8765 --no-open
    """
    from ftdojo.ui import Server

    server = Server(folder, port)
    out.print(server.url, soft_wrap=True)
    err.print("Ctrl-C ends this page; runs go on", soft_wrap=True)
    with _browser(server.url, wanted=not no_open):
        try:
            server.run()
        except KeyboardInterrupt:
            err.print("ended")


@contextmanager
def _browser(url: str, *, wanted: bool) -> Iterator[None]:
    """Open a browser where there is a screen. Arguments of programs can be read by everybody on the machine, so the
    browser gets a private file that leads to the address."""
    screen = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not (wanted and screen):
        yield
        return
    with ExitStack() as stack:
        with disk_errors(Path(tempfile.gettempdir())):
            page = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ftdojo-ui-"))) / "open.html"
            write_file(page, f'<!doctype html><meta http-equiv="refresh" content="0; url={url}">')
        webbrowser.open(page.as_uri())
        yield
