"""The skill for coding agents: it is written where they look, and its commands work as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ftdojo.cli.skill import skill_text
from ftdojo.record import Home


def ftdojo(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ftdojo", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ))


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_a_skill_is_installed_where_the_agent_looks(agent: str, tmp_path: Path) -> None:
    done = ftdojo("skill", "install", agent, "--into", ".", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    written = tmp_path / json.loads(done.stdout)["skill"]
    assert written == tmp_path / f".{agent}/skills/ftdojo/SKILL.md"
    assert written.read_text() == skill_text()
    _, head, _ = skill_text().split("---", 2)
    assert yaml.safe_load(head)["name"] == "ftdojo"
    assert len(yaml.safe_load(head)["description"]) < 1024


def test_agent_docs_are_the_skill(tmp_path: Path) -> None:
    assert ftdojo("agent-docs", folder=tmp_path).stdout.split() == skill_text().split()


@pytest.mark.slow
def test_every_command_of_the_skill_works_as_it_stands_there(
    tmp_path: Path, tiny_model: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTDOJO_HOME", str(home.root))
    blocks = re.findall(r"^```bash\n(.*?)^```", skill_text(), re.MULTILINE | re.DOTALL)
    commands = [line.replace("smollm2-135m", str(tiny_model)) for block in blocks for line in block.splitlines()]
    assert len(commands) == 7
    for command in commands:
        program, *words = command.split()
        assert program == "ftdojo"
        done = ftdojo(*words, folder=tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    result = json.loads((tmp_path / "runs/first/result.json").read_text())
    assert result["outcome"] == "scored"
    assert {"value"} <= result["best"]["test"].keys()
    assert "better" in result["to_trivial"]
    assert (tmp_path / "exported").is_dir()
