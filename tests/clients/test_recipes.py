"""The recipes of docs/outside-agents.md can be read, and the model that plays them says the right things."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from clients.play import CLIENTS, STEPS, Recipe, find_missing, write_files
from clients.scripted_model import Call, Chat, Gemini, Messages, Responses, Script, Talk, as_command
from ftdojo.outside.tools import TOOLS

READERS: dict[str, Any] = {"json": json.loads, "toml": tomllib.loads, "py": lambda text: compile(text, "x", "exec")}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_files_of_a_client_and_of_its_recipe_do_not_mix(name: str, tmp_path: Path) -> None:
    client = CLIENTS[name]
    given = Recipe.of(client.heading).files
    write_files(client, given, tmp_path)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= max(len(client.files), len(given))
    for path in written:
        assert READERS[path.suffix[1:]](path.read_text())


@pytest.mark.parametrize("name", CLIENTS)
def test_a_recipe_has_a_version_commands_and_files_that_parse(name: str) -> None:
    recipe = Recipe.of(CLIENTS[name].heading)
    assert recipe.version[0].isdigit()
    assert recipe.commands
    for path, text in recipe.files.items():
        assert READERS[path.rpartition(".")[2]](text)
    assert "chemistry/mol_und" in "".join([*recipe.commands, *recipe.files.values()])


def test_what_a_machine_lacks_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python3.12"  # as pyenv has one for each version that is not switched on
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [line.partition(":")[0].partition(",")[0] for line in find_missing(list(CLIENTS))] == [
        "npm", "unshare", "ip", "python3.12 or python3.13 for OpenHands",
    ]  # fmt: skip
    assert not any("python" in line or "npm" in line for line in find_missing(["agents", "mini"]))
    broken.write_text("#!/bin/sh\nexit 0\n")
    assert not any("python" in line for line in find_missing(["openhands"]))


def test_the_script_calls_tools_that_exist_with_arguments_that_they_take() -> None:
    tools = {tool.name: tool for tool in TOOLS}
    assert {step.tool for step in STEPS} == tools.keys() - {"dojo_cancel"}
    for step in STEPS:
        tools[step.tool].parse(step.arguments)


def test_the_next_step_follows_from_the_results() -> None:
    script = Script(STEPS)
    tools: dict[str, Any] = {f"mcp__ftdojo__{tool.name}": {} for tool in TOOLS}

    def following(*results: tuple[str, str]) -> Any:
        reply = script.reply(Talk(tools=dict(tools), results=list(results)))
        return reply.tool.rpartition("__")[2] if isinstance(reply, Call) else reply

    assert following() == "dojo_wait"
    first = ("mcp__ftdojo__dojo_wait", "state: running\nnext: call dojo_wait")
    running = {"state": "running", "stage": "speed: 0 %"}
    for text in (
        first[1], json.dumps(running), json.dumps(running, separators=(",", ":")),
        json.dumps({"output": json.dumps(running, separators=(",", ":"))}),
        "'ftdojo call dojo_wait' timed out after 30 seconds", "error: the base model is still being measured",
    ):  # fmt: skip
        assert following(("mcp__ftdojo__dojo_wait", text)) == "dojo_wait"
    assert following(first, ("mcp__ftdojo__dojo_wait", '{"state": "baseline"}')) == "dojo_task"
    assert following(*[(f"mcp__ftdojo__{s.tool}", "state: your_turn") for s in STEPS]) == "The episode is over."


def test_every_interface_carries_a_call_and_reads_its_answer() -> None:
    call = Call("dojo_wait", {"wait_s": 1})
    chat, _ = Chat.write({}, call, Talk())
    made = chat["choices"][0]["message"]
    answered = [made, {"role": "tool", "tool_call_id": made["tool_calls"][0]["id"], "content": "state: x"}]
    assert Chat.read({"messages": answered}).results == [("dojo_wait", "state: x")]

    item = Responses.write({}, call, Talk())[0]["output"][0]
    answer = {"type": "function_call_output", "call_id": item["call_id"], "output": "state: x"}
    assert Responses.read({"input": [item, answer]}).results == [("dojo_wait", "state: x")]

    block = Messages.write({}, call, Talk())[0]["content"][0]
    result = {"type": "tool_result", "tool_use_id": block["id"], "content": [{"type": "text", "text": "state: x"}]}
    conversation = [{"role": "assistant", "content": [block]}, {"role": "user", "content": [result]}]
    assert Messages.read({"messages": conversation}).results == [("dojo_wait", "state: x")]

    part = Gemini.write({}, call, Talk())[0]["candidates"][0]["content"]["parts"][0]["functionCall"]
    response = {"functionResponse": {"name": part["name"], "response": {"output": "state: x"}}}
    assert Gemini.read({"contents": [{"parts": [response]}]}).results == [("dojo_wait", '{"output": "state: x"}')]


def test_a_shell_gets_a_command() -> None:
    command = as_command(Call("dojo_submit", {"files": {"plan.yaml": "a: 'b'\n"}, "wait_s": 3}))
    assert "ftdojo call $FTDOJO_MCP_URL dojo_submit" in command
    assert "> submission/plan.yaml" in command
    assert command.endswith("--files submission")
