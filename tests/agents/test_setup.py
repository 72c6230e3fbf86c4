"""Agents by name: what an agent says it understands, and agents that are not part of ftdojo."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo import agents
from ftdojo.errors import UsageError

MODULE = """
from ftdojo.agents import Abilities

class Plain:
    name, planner = "plain", ""

    @classmethod
    def create(cls, setup):
        return cls()

    def propose(self, observation):
        return None

class Asking(Plain):
    abilities = Abilities(llm_planner=True, probes=True)

class Own(Plain):
    abilities = Abilities(own_planner="rules", llm_planner=True)

class Mute(Plain):
    propose = property()

class NoAgent:
    create = classmethod(lambda cls, setup: object())
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agents_of_mine.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


def test_an_agent_says_itself_which_options_it_understands() -> None:
    assert agents.check("agents_of_mine:Plain") == ""
    assert agents.check("agents_of_mine:Plain", "playbook") == ""
    assert agents.check("agents_of_mine:Asking", "openai:x", probes=3) == "openai:x, 3 probed"
    assert agents.check("agents_of_mine:Own") == "rules"
    assert agents.check("agents_of_mine:Own", "rules") == "rules"
    assert agents.check("agents_of_mine:Own", "openai:x") == "openai:x"
    for agent, options, message in [
        ("Plain", {"planner": "openai:x"}, "has no planner"),
        ("Plain", {"probes": 2}, "does not support probes"),
        ("Own", {"probes": 2}, "does not support probes"),
        ("Own", {"planner": "rule"}, "did you mean 'rules'"),
        ("Asking", {}, "asks a language model"),
        ("Asking", {"planner": "openai:x", "probes": 2, "ladder": True}, "which the ladder hides"),
    ]:
        with pytest.raises(UsageError, match=message):
            agents.check(f"agents_of_mine:{agent}", **options)  # type: ignore[arg-type]


def test_what_is_no_agent_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    assert agents.make("agents_of_mine:Plain", tmp_path).name == "plain"
    with pytest.raises(UsageError, match="has no 'create'"):
        agents.check("agents_of_mine:Abilities")
    with pytest.raises(UsageError, match="has no 'name'"):
        agents.make("agents_of_mine:NoAgent", tmp_path)
    with pytest.raises(UsageError, match="has no 'propose'"):
        agents.make("agents_of_mine:Mute", tmp_path)
