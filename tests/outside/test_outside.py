"""Outside agents: a real client of the protocol plays real episodes with a tiny model, and others misbehave."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mcp import Client, StdioServerParameters

from ftdojo.outside.layout import ANSWER_CHARS
from stdio_client import FILES

EXAMPLE = Path(__file__).parents[2] / "examples/mcp_client.py"


def served(options: list[str], play: Callable[[Client], Awaitable[None]]) -> None:
    """Let a client play against a server on standard input and output."""

    async def connect() -> None:
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "ftdojo", "mcp", *options], env=dict(os.environ)
        )
        async with Client(server) as client:
            await play(client)

    asyncio.run(asyncio.wait_for(connect(), 200))


async def ask(client: Client, tool: str, **arguments: Any) -> Any:
    done = await client.call_tool(tool, arguments)
    text = done.content[0].text  # type: ignore[union-attr]
    assert not done.is_error, text
    assert len(text) <= ANSWER_CHARS
    assert yaml.safe_load(text) == done.structured_content, "the text says the same"
    return done.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    done = await client.call_tool(tool, arguments)
    assert done.is_error
    text = str(done.content[0].text)  # type: ignore[union-attr]
    assert len(text) < 2000
    return text


def test_the_example_plays_an_episode_to_its_sealed_score(options: list[str], tmp_path: Path) -> None:
    submission = tmp_path / "submission"
    submission.mkdir()
    for name, text in FILES.items():
        (submission / name).write_text(text)
    task, *rest = options
    command = [sys.executable, str(EXAMPLE), task, str(submission), "--options", " ".join([*rest, "--name", "example"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["agent"], result["outcome"], result["best"]["iteration"]) == ("example", "scored", 1)
    assert result["best"]["test"]["value"] > result["baseline"]["test"]["value"]
    assert result["ledger"] == json.loads((tmp_path / "run/result.json").read_text())["ledger"]
    assert (tmp_path / "run/report.html").is_file()


def test_an_agent_that_misbehaves_gets_errors_and_nothing_else(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTDOJO_HOME", str(tmp_path / "home"))  # an empty one, or nothing would be under way for long

    async def play(client: Client) -> None:
        assert {tool.name for tool in (await client.list_tools()).tools} == {
            "dojo_task", "dojo_schema", "dojo_raw_data", "dojo_read_raw", "dojo_status", "dojo_feedback",
            "dojo_precheck", "dojo_submit", "dojo_wait", "dojo_cancel", "dojo_finish",
        }  # fmt: skip
        assert "being measured" in await refused(client, "dojo_submit", files=FILES)
        early, later = [await ask(client, "dojo_wait", wait_s=wait_s) for wait_s in (0, 0.2)]
        assert early["state"] == later["state"] == "running"
        assert early["running_for_s"] < later["running_for_s"], "or some clients take it for a loop"
        baseline = await ask(client, "dojo_wait", wait_s=120)
        assert baseline["state"] == "baseline"

        about = await ask(client, "dojo_task")
        assert about["metric"].startswith("accuracy")
        assert about["budget"] == {"wall_s": 600, "submissions": 1}
        assert about["remaining"]["wall_s"] <= 600
        assert "ignored" not in about
        misspelled = await ask(client, "dojo_read_raw", path="train.jsonl", row=1, half="x")
        assert misspelled["ignored"] == "row, half: no arguments of dojo_read_raw"
        for name in FILES:
            assert (await ask(client, "dojo_schema", file=name))["schema"]["properties"]
        assert "no schema" in await refused(client, "dojo_schema", file="process_data.py")
        assert "not a method" in await refused(client, "dojo_schema", file="train.yaml", method="magic")
        assert about["without_training"]["constant_output"] in ("yes", "no")
        rows = await ask(client, "dojo_read_raw", path="train.jsonl", start=78, rows=50)
        assert len(rows["rows"]) == 2
        assert "next" not in rows
        home = tmp_path / "home"
        sealed = next(home.rglob("test.jsonl"))
        assert sealed.is_file()
        for path in (
            "../validation.jsonl",
            "../sealed/test.jsonl",
            str(sealed),
            "train.jsonl/../../validation.jsonl",
            "",
        ):
            assert "is not a raw file" in await refused(client, "dojo_read_raw", path=path)

        for start in (80, 10**30):
            assert "has 80 rows" in await refused(client, "dojo_read_raw", path="train.jsonl", start=start)

        for files, why in [
            ({"../escape.yaml": ""}, "is not a file of a submission"),
            ({"x" * 5000: ""}, "is not a file of a submission"),
            ({"plan.yaml": "a" * 300_000}, "larger than"),
        ]:
            assert why in await refused(client, "dojo_precheck", files=files)
        assert "files" in await refused(client, "dojo_submit", files=[1, 2])
        assert "no iteration 7" in await refused(client, "dojo_feedback", iteration=7)
        assert await refused(client, "open_test")

        deep = await ask(client, "dojo_precheck", files={**FILES, "train.yaml": "[" * 50_000}, wait_s=60)
        assert [f["severity"] for f in deep["findings"]] == ["error"]

        assert "all 1 free checks of this run are used up" in await refused(
            client, "dojo_precheck", files=FILES, wait_s=60
        )

        pending, *others = await asyncio.gather(
            ask(client, "dojo_submit", files=FILES, wait_s=0),
            refused(client, "dojo_submit", files=FILES),
            refused(client, "dojo_finish"),
        )
        assert pending["state"] == "running"
        assert all("still in progress" in other for other in others)
        iteration = await ask(client, "dojo_wait", wait_s=120)
        assert iteration["state"] == "ended", "the only submission that the budget allows ends the episode"
        assert "has ended" in await refused(client, "dojo_submit", files=FILES)
        told = (await ask(client, "dojo_status"))["result"]
        assert told["budget"]["submissions"] == 1
        assert "constant" in told["trivial"]
        assert not {"constant_output", "majority_outputs"} & set(told["trivial"]), "they were chosen by gold answers"

    served([*options, "--max-iterations", "1", "--max-prechecks", "1"], play)
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["outcome"] == "scored"
    assert not list(tmp_path.rglob("escape.yaml"))


def test_over_http_the_path_is_secret_and_ctrl_c_leaves_a_run_to_resume(options: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ftdojo", "mcp", *options, "--http", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        url = next(line.split()[-1] for line in process.stderr if "serving http" in line)

        async def play() -> None:
            async with Client(url) as client:
                assert (await ask(client, "dojo_wait", wait_s=120))["state"] == "baseline"
            wrong = url.rpartition("/")[0][:-1] + "x/mcp"
            with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the SDK makes of 404
                async with Client(wrong) as client:
                    await client.list_tools()

        asyncio.run(play())
        command = [sys.executable, "-m", "ftdojo", "call", url]
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "dojo_submit: " in listed.stdout, listed.stderr
        command += ["dojo_feedback", "--arguments", '{"iteration": 0}']
        called = subprocess.run(command, capture_output=True, text=True, check=False)
        assert yaml.safe_load(called.stdout)["evaluation"]["score"]["n"] == 30, called.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
    finally:
        process.kill()
        process.stderr.close()
    assert not (tmp_path / "run/result.json").exists()
