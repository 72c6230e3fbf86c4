"""Engines over a real server on loopback: a scripted one, and one that imitates vLLM's command."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from ftdojo.errors import InfrastructureError, LlmError, PrerequisiteError, UsageError
from ftdojo.inference import Generation, ServedEngine, identity, open_engine
from ftdojo.llm import Patience, connect
from processes import children
from scripted_llm import Step, scripted

PROMPTS: list[list[Any]] = [
    [{"role": "system", "content": "Be short."}, {"role": "user", "content": f"question {n}"}] for n in range(12)
]
VLLM = """#!{python}
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

print("loading", sys.argv[2])
if "broken" in sys.argv[2]:
    sys.exit("CUDA out of memory")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({{}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = f"{{body['model']}}: {{body['messages'][-1]['content']}}"
        choice = {{"index": 0, "message": {{"role": "assistant", "content": said}}, "finish_reason": "stop"}}
        used = {{"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}}
        about = {{"id": "1", "object": "chat.completion", "created": 0, "model": "m"}}
        self.answer({{**about, "choices": [choice], "usage": used}})

    def answer(self, value):
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


def echo(_: int, body: dict[str, Any]) -> Step:
    return Step(content=f"to {body['messages'][-1]['content']}", output_tokens=4)


def test_answers_come_in_order_and_as_asked() -> None:
    with scripted(echo) as llm:
        engine = ServedEngine(connect("openai:m", base_url=llm.url), concurrency=4)
        told: dict[int, Generation] = {}
        found = engine.generate(PROMPTS, max_new_tokens=9, on_answers=told.update)
    assert [answer.text for answer in found] == [f"to question {n}" for n in range(12)]
    assert told == dict(enumerate(found))
    assert found[0] == Generation("to question 0", 4, truncated=False)
    assert llm.busiest <= 4
    assert {body["temperature"] for body in llm.requests} == {0}
    assert {body["max_tokens"] for body in llm.requests} == {9}
    assert [turn["role"] for turn in llm.requests[0]["messages"]] == ["system", "user"]


def test_known_answers_are_not_asked_for_again_and_long_ones_are_called_cut() -> None:
    with scripted(echo) as llm:
        engine = ServedEngine(connect("openai:m", base_url=llm.url))
        known = {n: Generation("known", 1, truncated=False) for n in range(10)}
        found = engine.generate(PROMPTS, max_new_tokens=4, done=known)
    assert [answer.text for answer in found[:10]] == ["known"] * 10
    assert len(llm.requests) == 2
    assert all(answer.truncated for answer in found[10:])


def test_a_busy_server_is_asked_again_and_a_dead_one_ends_it() -> None:
    def busy_at_first(number: int, body: dict[str, Any]) -> Step:
        return Step(status=429, headers={"retry-after": "7"}) if number < 2 else echo(number, body)

    pauses: list[float] = []
    with scripted(busy_at_first) as llm:
        engine = ServedEngine(connect("openai:m", base_url=llm.url), concurrency=1, sleep=pauses.append)
        assert len(engine.generate(PROMPTS[:3], max_new_tokens=9)) == 3
    assert pauses == [7, 7]
    with scripted(lambda *_: Step(status=500)) as llm:
        patience = Patience(retries=1, first_pause_s=0)
        engine = ServedEngine(connect("openai:m", base_url=llm.url), concurrency=2, patience=patience)
        with pytest.raises(LlmError, match="does not answer"):
            engine.generate(PROMPTS, max_new_tokens=9)
    assert len(llm.requests) < 2 * len(PROMPTS)


@pytest.fixture
def vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin/vllm"
    program.parent.mkdir()
    program.write_text(VLLM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("vllm")
def test_vllm_serves_the_model_as_long_as_it_is_needed(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    with open_engine("vllm", tmp_path / "model") as engine:
        (server,) = children(str(tmp_path / "model"))
        found = engine.generate(PROMPTS[:3], max_new_tokens=9)
    assert [answer.text for answer in found] == [f"model: question {n}" for n in range(3)]
    assert not server.is_running()


@pytest.mark.usefixtures("vllm")
def test_a_vllm_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="CUDA out of memory"), open_engine("vllm", tmp_path / "broken"):
        pass


def test_engines_are_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert identity("transformers") != identity("vllm")
    with pytest.raises(UsageError, match="no engine 'x'"):
        identity("x")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrerequisiteError, match="not installed"), open_engine("vllm", tmp_path):
        pass
