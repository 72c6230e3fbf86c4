"""The Python example of the README works. tests/shown.py says which tests run its commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_python_example_works(
    approve: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands, but for the task and the model, so that it takes seconds."""
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    given = f'RunOptions(task="{approve}", model="{tiny_model}", submissions=1, '
    changed = example.replace('RunOptions(task="chemistry/mol_und", ', given)
    assert changed != example
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTDOJO_HOME", str(tmp_path / "home"))
    exec(compile(changed, "README.md", "exec"), {"__name__": "__main__"})
    assert re.search(r"accuracy \d", capsys.readouterr().out)
