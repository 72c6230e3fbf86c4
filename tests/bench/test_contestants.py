"""A contest between agents that are not part of ftdojo: a plug-in, and a program that plays over the protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftdojo.record import Home
from stdio_client import FILES

EXAMPLE = Path(__file__).parents[2] / "examples/mcp_client.py"
MODULE = """
from pathlib import Path

class Once:
    name, planner = "once", ""

    @classmethod
    def create(cls, setup):
        return cls()

    def propose(self, observation):
        return None if observation.history else Path({folder!r})
"""
AGENT = """
import json, os, sys
with open(os.environ["FTDOJO_WORKSPACE"] + "/usage.json", "w") as file:
    json.dump({"model": "mine", "input_tokens": 1200, "output_tokens": 34, "cost_usd": 0.25}, file)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
SUITE = """
name = "guests"
tasks = ["{task}"]
models = ["{model}"]
agents = [
  {{name = "mine", agent = "agent_of_a_guest:Once"}},
  {{name = "cc", mcp = "{python} {agent} {example} --started {folder}"}},
]
[budgets.short]
wall = "20m"
device = "10m"
iterations = 2
"""


@pytest.mark.slow
def test_guests_are_compared_under_the_names_of_the_suite(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = tmp_path / "submission", tmp_path / "out"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (tmp_path / "agent_of_a_guest.py").write_text(MODULE.format(folder=str(folder)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("FTDOJO_HOME", str(home.root))
    suite = tmp_path / "suite.toml"
    agent = tmp_path / "agent.py"
    agent.write_text(AGENT)
    names = {"task": approve, "model": tiny_model, "python": sys.executable, "example": EXAMPLE, "folder": folder}
    names["agent"] = agent
    suite.write_text(SUITE.format(**names))
    command = [sys.executable, "-m", "ftdojo", "bench", str(suite), "--out", str(out), "--slots", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ), timeout=290)
    assert done.returncode == 0, done.stderr
    (board,) = json.loads(done.stdout)["boards"]
    standings = {standing["contestant"]: standing for standing in board["standings"]}
    assert standings.keys() == {"mine", "cc", "constant", "few-shot"}
    assert standings["mine"]["gain"] == standings["cc"]["gain"] > 0.3, "the same submission, by two doors"
    results = {path.parts[-3]: json.loads(path.read_text()) for path in out.glob("jobs/*/*/*/*/result.json")}
    assert {name: result["agent"] for name, result in results.items()} == {
        "mine": "agent_of_a_guest:Once",
        "cc": "cc",
    }
    assert all(result["outcome"] == "scored" for result in results.values())
    usage = {"input_tokens": 1200, "output_tokens": 34, "cost_usd": 0.25}
    assert results["cc"]["budget"]["llm"] == usage, "by its own count"
    (log,) = out.glob("jobs/*/*/cc/*/agent.log")
    assert '"outcome": "scored"' in log.read_text(), "it has read its result before it was ended"
