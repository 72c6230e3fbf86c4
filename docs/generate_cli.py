"""Write docs/cli.md, the reference of the command line, from the commands' own help: python docs/generate_cli.py

Run it whenever a command or an option changes; a test compares the file with what this prints.
"""

from __future__ import annotations

import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import typer

from ftdojo.cli.glossary import WORDS
from ftdojo.cli.main import app
from page_parts import prose, table, write

BOLD = re.compile(r"\[bold\](.*?)\[/\]")
INTRODUCTION = """# Command line

Generated from the commands' help by `python docs/generate_cli.py`; do not edit.

Every command takes `--help`. Words: [glossary](glossary.md). Completion in your shell: `ftdojo --install-completion`.
Exit status: 0 done, 1 a finding about your input or a run that scored no submission, 2 usage, 3 infrastructure, 130
interrupted.
"""


def pages() -> dict[str, str]:
    """The page, under its name."""
    commands = list(_commands(typer.main.get_command(app), "ftdojo"))
    index = table(
        ["command", "what it does"], [(f"[`{name}`](#{_anchor(name)})", _summary(found)) for name, found in commands]
    )
    lines = [INTRODUCTION, *index, "", *(line for name, found in commands for line in _section(name, found))]
    words = ["# Glossary\n", "Also on the command line: `ftdojo glossary`, or `ftdojo glossary WORD`.\n"]
    words += [prose(f"**{name}**: {meaning}") + "\n" for name, meaning in WORDS.items()]
    return {"cli.md": "\n".join(lines).rstrip() + "\n", "glossary.md": "\n".join(words).rstrip() + "\n"}


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Each command that does something, under its full name, in the order of ``ftdojo --help``."""
    if not hasattr(command, "commands"):
        yield name, command
        return
    for part, child in command.commands.items():
        yield from _commands(child, f"{name} {part}")


def _section(name: str, command: Any) -> Iterator[str]:
    yield f"## {name}\n"
    context = command.make_context(name, [], resilient_parsing=True)
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    yield from _help(command)
    words = [name, *(["[OPTIONS]"] if options else []), *map(_argument, arguments)]
    yield from _code(" ".join(words))
    if arguments:
        yield from table(["argument", "what it is"], [(f"`{_argument(p)}`", p.help or "") for p in arguments])
        yield ""
    if options:
        rows = [(_names(p), _value(p, context), _default(p), p.help or "") for p in options]
        yield from table(["option", "value", "default", "what it does"], rows)
        yield ""


def _help(command: Any) -> Iterator[str]:
    """The paragraphs of a command's help; those that are indented are lines of code."""
    paragraphs = _unescaped(inspect.cleandoc(command.help or "")).split("\n\n")
    for is_code, group in itertools.groupby(paragraphs, key=lambda text: text.startswith("  ")):
        if is_code:
            yield from _code("\n".join(group))
        else:
            for paragraph in group:
                text = BOLD.sub(r"**\1**", paragraph)
                yield f"{prose(text)}\n"


def _unescaped(markup: str) -> str:
    """The text of a help, in which rich's markup needs a backslash before a bracket."""
    return markup.replace("\\[", "[")


def _code(text: str) -> Iterator[str]:
    yield f"```\n{textwrap.dedent(text)}\n```\n"


def _summary(command: Any) -> str:
    return _unescaped(command.help or "").split("\n\n")[0]


def _argument(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _names(option: Any) -> str:
    return ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))


def _value(option: Any, context: Any) -> str:
    """What follows the option's name in the help, e.g. ``<int>, at least 1``; nothing for a switch."""
    shown = option.get_help_record(context)[0].split()
    words = [word for word in shown if not word.startswith("-") and word != "/"]
    bounds = [
        f"{word} {bound}" for word, bound in [("at least", option.min), ("at most", option.max)] if bound is not None
    ]
    value = [f"`{' '.join(words).replace(' range', '')}`"] if words else []
    return ", ".join([*value, *bounds, *(["may be repeated"] if option.multiple else [])])


def _default(option: Any) -> str:
    if option.required:
        return "required"
    return "" if option.default is None or option.default is False else f"`{option.default}`"


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


if __name__ == "__main__":
    write(pages())
