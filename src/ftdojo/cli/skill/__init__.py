"""``ftdojo skill`` and ``ftdojo agent-docs``: teach a coding agent to use ftdojo."""

from __future__ import annotations

from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from ftdojo.cli.console import out, print_json
from ftdojo.cli.run import Json
from ftdojo.disk import disk_errors
from ftdojo.files import require_plain, write_file

app = typer.Typer(help="Teach a coding agent to use ftdojo.", no_args_is_help=True)
SKILL = "SKILL.md"


class CodingAgent(StrEnum):
    """A coding agent that reads skills, by the name of its folder without the dot."""

    claude = "claude"
    codex = "codex"


@app.command()
def install(
    agent: Annotated[CodingAgent, typer.Argument(help="Whose skill folder to write to.")],
    into: Annotated[
        Path | None, typer.Option(help="The project whose agents shall have the skill; your home if not given.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a skill that teaches a coding agent to make a task, run, read the report, verify and export.

    [bold]Examples[/]

      ftdojo skill install claude

      ftdojo skill install codex --into .
    """
    folder = (into or Path.home()) / f".{agent}" / "skills" / "ftdojo"
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        require_plain(folder, files=[SKILL])
        write_file(folder / SKILL, skill_text(), mode=0o644)
    if json:
        print_json({"skill": str(folder / SKILL)})
    else:
        out.print(str(folder / SKILL), soft_wrap=True)


def agent_docs() -> None:
    """Print what a coding agent has to know to use ftdojo: the text of its skill.

    [bold]Examples[/]

      ftdojo agent-docs
    """
    out.print(skill_text().rstrip("\n"), soft_wrap=True)


def skill_text() -> str:
    """Return the skill, a text in Markdown that begins with its name and description."""
    return files(__name__).joinpath(SKILL).read_text("utf-8")
