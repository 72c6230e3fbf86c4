"""The names that ``import ftdojo`` promises: they are there, they are typed, and none comes or goes by accident."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import ftdojo

NAMES = set(
    "Abilities Agent AgentSetup Budget DataLlm Decision Dojo Door Draft Feedback Finding FtdojoError Home Iteration "
    "Lora Observation Plan PlannedChange Probe Recipe RunOptions RunResult ScoreReport Source Submission Task TaskSpec "
    "TrainConfig __version__ get_task load_contest load_run make_agent run_episode score validate".split()
)
"""A name is added here on purpose; one is taken away only as docs/compatibility.md says."""


def test_the_public_names_are_these_and_all_can_be_loaded() -> None:
    assert set(ftdojo.__all__) == NAMES
    for name in NAMES:
        assert getattr(ftdojo, name) is not None
    assert ftdojo.__version__ == importlib.metadata.version("ftdojo")
    assert not hasattr(ftdojo, "Nonsense")
    assert set(dir(ftdojo)) >= NAMES


def test_a_type_checker_is_told_the_same_places() -> None:
    """mypy, which checks these imports, reads the block; the interpreter reads the table."""
    tree = ast.parse(Path(ftdojo.__file__).read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {
        alias.asname or alias.name: f"{node.module}:{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    loaded = {name: place if ":" in place else f"{place}:{name}" for name, place in ftdojo._PLACES.items()}
    assert typed == loaded


def test_importing_the_package_imports_no_training_framework() -> None:
    program = (
        "import sys, ftdojo; ftdojo.score; ftdojo.TrainConfig; assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
