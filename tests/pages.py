"""What the written pages show: their blocks of code, and the commands in blocks and in sentences."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from markdown_it import MarkdownIt

from ftdojo.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "packages/*/README.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"  # what was true once
)
PROGRAMS = (
    *("ftdojo", "make", "pip", "python", "pytest", "bash", "git", "docker", "pre-commit", "uv", "twine"),
    *("claude", "codex", "opencode", "gemini", "openhands", "ollama", "vllm", "tensorboard", "inspect"),
)
"""The first words of commands; ``.`` (of a shell) is one, too."""
WITH_ARGUMENT = ("make", "python", "pip", "git", "bash", ".", "pre-commit", "docker", "uv")
"""Programs whose commands are known by their first argument, too."""
NAMED = "# file: "
"""How the first line of a block begins that is a whole file."""
_COMMAND = re.compile(rf"(\$ )?(\w+=\S+ )*(\.venv/bin/)?(({'|'.join(PROGRAMS)})( .*)?|\. \S+ *(#.*)?)")
CLI: Any = typer.main.get_command(app)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced or indented block."""

    page: str
    """The path of its page from the root of the repository."""
    line: int
    """The first line of the block, from 1."""
    language: str
    """What stands after the fence; empty if nothing does."""
    text: str

    @property
    def first(self) -> str:
        """Its first line that is not blank."""
        return next(line.strip() for line in self.text.splitlines() if line.strip())

    def commands(self) -> Iterator[tuple[int, list[str]]]:
        """The commands in it, each with the number of its line and as words."""
        for number, line in enumerate(self.text.splitlines(), start=self.line):
            for part in line.strip().split(" && "):
                if _COMMAND.fullmatch(part) and "[OPTIONS]" not in part:
                    yield number, _words(part)

    def is_commands(self) -> bool:
        """Whether it has commands and nothing else."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return all(_COMMAND.fullmatch(part) for line in lines for part in line.split(" && "))


def _words(command: str) -> list[str]:
    """The words of a command without its comment, variables, prompt and the folder of the environment."""
    words = shlex.split(re.sub(r"^(\$ )?(\w+=\S+ )*(\.venv/bin/)?", "", command), comments=True)
    return words[: next((n for n, word in enumerate(words) if word in (">", "|", "2>&1")), len(words))]


def blocks() -> Iterator[Block]:
    """All blocks of all pages."""
    for page in PAGES:
        for token in MarkdownIt().parse(page.read_text("utf-8")):
            if token.type in ("fence", "code_block") and token.map is not None:
                first = token.map[0] + (2 if token.type == "fence" else 1)
                yield Block(str(page.relative_to(ROOT)), first, token.info, token.content)


def files_of(page: str) -> dict[str, str]:
    """Return the files that a page shows, name -> text: the first line of such a block names its file."""
    parts = [block.text.partition("\n") for block in blocks() if block.page == page]
    return {first.removeprefix(NAMED): rest for first, _, rest in parts if first.startswith(NAMED)}


def inline_commands() -> Iterator[tuple[str, list[str]]]:
    """The commands between back-ticks in sentences and tables, each with the place of its paragraph and as words."""
    for page in PAGES:
        for token in MarkdownIt().enable("table").parse(page.read_text("utf-8")):
            for child in token.children or ():
                for part in child.content.split(" && ") if child.type == "code_inline" else ():
                    if " " in part and _COMMAND.fullmatch(part):
                        line = token.map[0] + 1 if token.map is not None else 0
                        yield f"{page.relative_to(ROOT)}:{line}", _words(part)


def short_name(words: list[str]) -> str:
    """What a command is called in the table: ``ftdojo task new``, ``make demo``, ``python benchmarks/gates.py``."""
    match words:
        case ["ftdojo", first, *rest] if not first.startswith("-"):
            return " ".join(["ftdojo", *(_path([first, *rest]) or [first])])
        case [program, first, *_] if program in WITH_ARGUMENT:
            return f"{program} {first}"
        case _:
            return words[0]


def _path(words: list[str]) -> list[str]:
    """The names of a command of ftdojo within the words after ``ftdojo``."""
    found, command = [], CLI
    for word in words:
        if word not in getattr(command, "commands", {}):
            break
        found.append(word)
        command = command.commands[word]
    return found


def parse(words: list[str]) -> dict[str, Any]:
    """The parameters of a complete command of ftdojo, read as the command line reads them, without running it.

    Raises:
        ValueError: if there is no such command.
        click.UsageError: if there is no such option, or an argument is missing or invalid.
    """
    path, context, command = _path(words[1:]), None, CLI
    left = words[1 + len(path) :]
    if path == ["bench"] and left and not left[0].startswith("-"):
        path.append("run")  # a suite alone is short for it
    for name in path:
        context = command.make_context(name, [], parent=context, resilient_parsing=True)
        command = command.commands[name]
    if hasattr(command, "commands") and left and not left[0].startswith("-"):
        raise ValueError(f"there is no command {' '.join(words)}")
    parameters: dict[str, Any] = command.make_context(" ".join(["ftdojo", *path]), left, parent=context).params
    return parameters


def options_of(words: list[str]) -> list[str]:
    """The options among the words of a command."""
    return [word.partition("=")[0] for word in words if re.match(r"--\w", word)]
