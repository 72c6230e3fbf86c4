"""Paths, addresses and keys of this machine do not enter a pack, and what only looks like one stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.bench import Suite
from ftdojo.bench.withhold import ADDRESS, COMMAND, KEY, PATH, Withheld
from ftdojo.record import Home

SUITE = """
name = "mixed"
tasks = ["chemistry/mol_und", "{task}"]
models = ["smollm2-135m"]
agents = [
  "base",
  {{name = "qwen", agent = "ft-agent", planner = "openai:qwen3", base_url = "https://models.example.org/v1"}},
  {{name = "cc", mcp = "python3 -c 'import secretplan'"}},
]
[budgets.short]
wall = "1m"
[rules]
data_llm = ["weak=openai:qwen3@https://teachers.example.org/v1"]
"""


@pytest.fixture
def withheld(tmp_path: Path, approve: Path, monkeypatch: pytest.MonkeyPatch) -> Withheld:
    monkeypatch.setenv("OTHER_API_KEY", "abcdefgh-1234")
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    (tmp_path / "suite.toml").write_text(SUITE.format(task=approve))
    return Withheld.of(tmp_path / "out", Suite.load(tmp_path / "suite.toml"), [], Home(tmp_path / "home"))


def test_names_of_this_machine_are_replaced(withheld: Withheld, tmp_path: Path, approve: Path) -> None:
    value = {"given": str(approve), "texts": [f"see {tmp_path}/home/stages/x.json, then", f"{tmp_path}/out: full"]}
    assert withheld.clean(value) == {"given": "own/approve", "texts": [f"see {PATH}, then", f"{PATH}: full"]}
    assert withheld.clean("python3 -c 'import secretplan'") == COMMAND
    assert withheld.clean(f"{approve}-other") == f"{approve}-other", "another folder whose name begins alike"


@pytest.mark.parametrize(
    "address",
    [
        "https://models.example.org/v1",
        "https://teachers.example.org/v1",
        "http://127.0.0.1:8000/v1",
        "http://localhost:8000",
        "http://10.0.0.7/v1",
        "http://gpu-box:8000/v1",
        "http://llm.corp/v1",
        "https://me:pass@example.org/v1",
    ],
)
def test_addresses_of_servers_are_replaced(withheld: Withheld, address: str) -> None:
    assert withheld.clean(f"no answer from {address} today") == f"no answer from {ADDRESS} today"


@pytest.mark.parametrize("key", ["abcdefgh-1234", "sk-proj-0123456789abcdef", "hf_" + "a1" * 12, "AKIA" + "ABCD" * 4])
def test_keys_are_replaced(withheld: Withheld, key: str) -> None:
    clean = withheld.clean({"note": f"key {key}."})["note"]
    assert clean in (f"key {KEY}.", "key ***.")
    assert withheld.holds(f"x = '{key}'".encode())


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/page is a source",
        "F/C=C/F and N/C(=O)/C",
        "teachers: none",
        "/usr/lib/python3.11/json/decoder.py",
        "a task-oriented-description-of-work",
        "1/2/3 or and/or",
    ],
)
def test_what_anyone_may_know_stays(withheld: Withheld, text: str) -> None:
    assert withheld.clean([text, 1, None, True]) == [text, 1, None, True]
    assert not withheld.holds(text.encode())
