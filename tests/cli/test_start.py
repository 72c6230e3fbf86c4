"""What is imported before a command has anything to say. No time is measured here: benchmarks/start.py does that."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.main import get_command

from ftdojo.cli.commands import PLACES
from ftdojo.cli.main import app

SLOW = {
    *("torch", "transformers", "peft", "datasets", "accelerate", "safetensors", "tokenizers", "vllm"),
    *("numpy", "pandas", "scipy", "sklearn", "pyarrow", "rdkit", "matplotlib", "jinja2"),
    *("mcp", "httpx", "openai", "ray", "trackio", "wandb", "mlflow"),
}
"""Libraries that take a tenth of a second or more to import."""
PROGRAM = """
import json, os, sys

class Stream:
    encoding = "utf-8"
    def isatty(self): return False
    def flush(self): pass
    def write(self, text):
        if text.strip():
            os.write(1, json.dumps([text, sorted(sys.modules)]).encode())
            os._exit(0)

sys.stdout = sys.stderr = Stream()
from ftdojo.cli import main
main()
"""


def first_line(*arguments: str) -> tuple[str, set[str]]:
    """The first text that a command prints, and the modules that are imported by then."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    text, modules = json.loads(done.stdout)
    return text, set(modules)


def test_the_list_of_commands_imports_none_of_them() -> None:
    text, modules = first_line("--help")
    assert "Usage" in text
    assert not modules & (SLOW | {"pydantic", "yaml"})
    own = {name for name in modules if name.startswith("ftdojo.cli.")}
    assert own == {"ftdojo.cli.commands", "ftdojo.cli.console", "ftdojo.cli.main"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "chemistry/mol_und"], "setup: loading the libraries"),
        (["run", "chemistry/mol_und", "--agent"], "requires an argu"),
        (["chat", "--help"], "Usage"),
        (["bench", "--help"], "Usage"),
    ],
)
def test_a_command_says_something_before_it_imports_libraries(arguments: list[str], said: str) -> None:
    text, modules = first_line(*arguments)
    assert said in text
    assert not modules & SLOW


def test_every_command_is_there_and_its_line_is_the_beginning_of_its_help() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert list(commands) == list(PLACES)
    for name, place in PLACES.items():
        assert " ".join(commands[name].help.split("\n\n")[0].split()) == place.help, name
        assert commands[name].name == name
