"""``ftdojo call``: call one tool of an episode that ``ftdojo mcp --http`` serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ftdojo.cli.console import out
from ftdojo.errors import UsageError


def call(
    url: Annotated[str, typer.Argument(help="The address that `ftdojo mcp TASK --http 0` prints.")],
    tool: Annotated[str | None, typer.Argument(help="The tool; if left out, all tools are listed.")] = None,
    files: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Send the files of this folder as the submission.")
    ] = None,
    arguments: Annotated[str, typer.Option(metavar="JSON", help="Further arguments, as a JSON object.")] = "{}",
) -> None:
    """Call one tool of an episode that `ftdojo mcp` serves over HTTP, for an agent that has a shell only.

    [bold]Examples[/]

      ftdojo call URL

      ftdojo call URL dojo_submit --files submissions/1

      ftdojo call URL dojo_feedback --arguments '{"iteration": 1}'
    """
    from ftdojo.outside.call import call as call_tool
    from ftdojo.outside.call import read_submission

    try:
        given: Any = json.loads(arguments)
    except ValueError as error:
        raise UsageError(f"--arguments: {error}", fix="write one JSON object, in single quotes") from None
    if not isinstance(given, dict):
        raise UsageError("--arguments is not an object", fix="write one JSON object, in single quotes")
    if files is not None:
        given["files"] = read_submission(files)
    text, failed = call_tool(url, tool, given)
    out.print(text.rstrip("\n"), soft_wrap=True)
    if failed:
        raise typer.Exit(1)
