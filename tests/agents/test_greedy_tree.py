"""greedy-tree with a scripted model behind a real server: drafts first, then repairs and improvements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftdojo import agents
from ftdojo.agents.baselines.greedy_tree import DRAFTS
from ftdojo.contract.options import RunOptions
from ftdojo.contract.result import RunResult
from ftdojo.episode import Dojo, run_episode
from ftdojo.errors import UsageError
from ftdojo.llm import connect
from ftdojo.record import Home
from scripted_llm import Step, scripted
from submissions import data_program

PROGRAM = data_program()
TRAIN = "method: full\nlearning_rate: 0.01\nepochs: 6\nbatch_size: 8\nmax_length: 64\n"


def reply(number: int) -> str:
    """The second draft works; all others fail. Repairs and improvements work, too."""
    program = PROGRAM if number == 1 or number >= DRAFTS else f'raise SystemExit("nothing {number}")'
    train = TRAIN.replace("epochs: 6", f"epochs: {number}") if number >= DRAFTS else TRAIN
    return f"```python process_data.py\n{program}\n```\n```yaml train.yaml\n{train}```\n"


def play(place: Path, home: Home, url: str, task: Path, model: Path, iterations: int, **options: Any) -> RunResult:
    transport = connect("openai:scripted", base_url=url)
    planner = agents.check("greedy-tree", transport.model)
    given = RunOptions(
        task=str(task), model=str(model), agent="greedy-tree", planner=planner, wall_s=None, submissions=iterations
    )
    with Dojo(given, place / "run", home=home, **options) as dojo:
        agent = agents.make("greedy-tree", place / "run/workspace", door=dojo, transport=transport)
        return run_episode(dojo, agent)


def test_drafts_then_repairs_and_improvements(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    with scripted(lambda number, _: Step(content=reply(number))) as llm:
        result = play(tmp_path, home, llm.url, approve, tiny_model, DRAFTS + 3)
    asked = [body["messages"][1]["content"] for body in llm.requests]
    assert all("Write a first solution" in text for text in asked[:DRAFTS])
    assert "1: failed, stopped at gate 2" in asked[1]
    later = asked[DRAFTS:]
    assert len(later) == 3
    for text in later:
        if "Repair the solution" in text:
            assert 'raise SystemExit("nothing' in text
            assert "program_failed" in text
        else:
            assert "Improve the solution" in text
            assert 'row["verdict"]' in text
            assert "learning_rate: 0.01" in text
    assert {"Repair" in text for text in later} == {True, False}
    assert result.iterations[1].accepted
    assert result.best.iteration == 2 or result.best.iteration > DRAFTS
    assert [i.findings[0].code for i in result.iterations[2:DRAFTS]] == ["program_failed"] * (DRAFTS - 2)
    assert result.budget.llm.output_tokens > 0


def test_it_stops_when_the_model_is_gone(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    with scripted(lambda number, _: Step(content=reply(number)) if number < 1 else Step(status=400)) as llm:
        result = play(tmp_path, home, llm.url, approve, tiny_model, 4)
    assert len(result.iterations) == 1
    assert result.best.iteration == 0


def test_it_needs_a_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="asks a language model"):
        agents.check("greedy-tree", agents.PLAYBOOK)
    with pytest.raises(UsageError, match="does not support probes"):
        agents.check("greedy-tree", "openai:x", probes=2)
    with pytest.raises(UsageError, match="asks a language model"):
        agents.make("greedy-tree", tmp_path)
