"""Tasks are found by id or folder; the error for a wrong name lists the right ones; nothing heavy is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ftdojo.errors import UsageError
from ftdojo.tasks import registry
from ftdojo.tasks.scaffold import new


def test_ids_name_tasks() -> None:
    assert "chemistry/mol_und" in registry.ids()
    assert [registry.get(name).spec.id for name in registry.ids()] == registry.ids()


def test_a_folder_is_a_task(tmp_path: Path) -> None:
    assert registry.get(str(new("mine", tmp_path / "mine"))).spec.id == "own/mine"


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'chemistry/mol_und'"):
        registry.get("chemistry/mol_unt")
    with pytest.raises(UsageError, match="installed tasks: "):
        registry.get("zzz")
    with pytest.raises(UsageError, match=r"holds no task\.toml"):
        registry.get(tmp_path)


def test_listing_tasks_imports_nothing_heavy() -> None:
    code = (
        "import sys; from ftdojo.tasks import ids, get; ids(); get('chemistry/mol_und');"
        "print([m for m in ('torch', 'transformers', 'rdkit', 'pandas', 'datamol', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
