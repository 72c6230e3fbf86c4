"""The client against a real HTTP server that plays a model: what it returns, asks again, gives up on, and charges."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from ftdojo.contract.call import Call, Fault, Usage
from ftdojo.errors import LlmError, PrerequisiteError
from ftdojo.llm import Blocks, Client, Form, JsonForm, Prompt, Prose, Replay, Request, Unusable, connect
from ftdojo.llm.client import Patience
from ftdojo.llm.transport import Answer
from hostile_text import bounded
from scripted_llm import ScriptedLlm, Step, in_order, scripted

PROMPT = Prompt(purpose="plan", system="You plan.", user="What next?")
GOOD = Step(content='{"move": "more_rows", "factor": 2}', input_tokens=120, output_tokens=9)


class Move(BaseModel):
    move: Literal["more_rows", "more_epochs"]
    factor: float


@dataclass
class Log:
    """A log in memory, with a budget."""

    limits: dict[str, float] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def append(self, call: Call) -> None:
        self.calls.append(call)

    def used(self, account: str) -> float:
        used: float = sum(getattr(call.usage, account) for call in self.calls)
        return used

    def remaining(self) -> dict[str, float]:
        return {name: limit - (self.used(name) if name != "wall_s" else 0) for name, limit in self.limits.items()}


@pytest.fixture
def log() -> Log:
    return Log()


def ask(server: ScriptedLlm, log: Log, form: Form[Any] | None = None, **patience: Any) -> tuple[Any, list[float]]:
    pauses: list[float] = []
    transport = connect("openai:scripted", base_url=server.url)
    client = Client(transport, log, patience=Patience(**patience), sleep=pauses.append)
    return client.ask(PROMPT, form or JsonForm(Move)), pauses


def trouble(server: ScriptedLlm, log: Log, **patience: Any) -> str:
    with pytest.raises(LlmError) as caught:
        ask(server, log, **patience)
    return caught.value.trouble


def test_a_good_answer_takes_one_request_with_an_enforced_schema(log: Log) -> None:
    with scripted(in_order(GOOD)) as server:
        move, _ = ask(server, log)
    assert move == Move(move="more_rows", factor=2)
    (request,) = server.requests
    assert request["response_format"]["type"] == "json_schema"
    schema = request["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["move"]["enum"] == ["more_rows", "more_epochs"]
    assert [m["role"] for m in request["messages"]] == ["system", "user"]
    assert request["max_tokens"] == 2048
    (call,) = log.calls
    assert (call.usage.input_tokens, call.usage.output_tokens, call.usage.estimated) == (120, 9, False)
    assert (call.purpose, call.reply, call.mode) == ("plan", GOOD.content, "json_schema")


@pytest.mark.parametrize(
    ("faulty", "named"),
    [
        ('{"move": "more_rows", "fac', "cannot be parsed"),
        ('{"move": "fly", "factor": 2}', "'move'"),
        ('{"move": "more_rows", "factor": "much"}', "'factor'"),
        ('{"move": "more_rows"}', "'factor'"),
        ("", "empty"),
        ("I would double the rows.", "no JSON object"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ('{"a": "' + "x" * 1_000_000 + '"}', "characters"),
    ],
)
def test_a_faulty_answer_goes_back_with_what_is_wrong_in_it(log: Log, faulty: str, named: str) -> None:
    written = 7 + len(faulty)
    with scripted(in_order(Step(content=faulty, output_tokens=written), replace(GOOD, input_tokens=900))) as server:
        move, _ = ask(server, log)
    assert move.factor == 2
    repair = server.requests[1]["messages"]
    assert [m["role"] for m in repair] == ["system", "user", "assistant", "user"]
    assert named in repair[-1]["content"]
    assert len(json.dumps(repair)) < 10_000
    assert (log.used("input_tokens"), log.used("output_tokens")) == (1000, written + 9)


def test_repairs_are_bounded(log: Log) -> None:
    with scripted(in_order(Step(content="no"))) as server:
        assert trouble(server, log) == "off_schema"
    assert len(server.requests) == 3
    assert log.used("input_tokens") == 300


def test_an_answer_in_a_fence_or_among_words_is_read(log: Log) -> None:
    text = 'Sure!\n```json\n{"move": "more_epochs", "factor": 0.5}\n```\nGood luck.'
    with scripted(in_order(Step(content=text))) as server:
        assert ask(server, log)[0] == Move(move="more_epochs", factor=0.5)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 422, 500])
def test_modes_that_the_server_refuses_are_left_and_not_tried_again(log: Log, status: int) -> None:
    def script(_: int, body: dict[str, Any]) -> Step:
        known = body.get("response_format", {}).get("type") in (None, "json_object")
        return GOOD if known else Step(status=status, content="unknown response_format")

    with scripted(script) as server:
        client = Client(connect("openai:scripted", base_url=server.url), log, sleep=lambda _: None)
        for _ in range(2):
            assert client.ask(PROMPT, JsonForm(Move)).factor == 2
    kinds = [request["response_format"]["type"] for request in server.requests]
    assert kinds == ["json_schema", "json_object", "json_object"]
    assert server.requests[1]["response_format"]["schema"]["properties"]["move"] == {
        "enum": ["more_rows", "more_epochs"],
        "type": "string",
    }


def test_plain_text_is_the_last_rung_and_carries_the_schema_in_words(log: Log) -> None:
    def script(_: int, body: dict[str, Any]) -> Step:
        return Step(status=400, content="no response_format here") if "response_format" in body else GOOD

    with scripted(script) as server:
        assert ask(server, log)[0].factor == 2
    assert "more_epochs" in server.requests[-1]["messages"][0]["content"]
    assert [call.fault.kind if call.fault else None for call in log.calls] == ["rejected", "rejected", None]


def test_429_waits_as_long_as_the_server_says(log: Log) -> None:
    busy = Step(status=429, content="slow down", headers={"retry-after": "7"})
    with scripted(in_order(busy, GOOD)) as server:
        _, pauses = ask(server, log)
    assert pauses == [7]
    assert log.used("input_tokens") == 120


def test_a_broken_server_is_asked_again_with_growing_pauses_then_given_up(log: Log) -> None:
    with scripted(in_order(GOOD, Step(status=503, content="overloaded"))) as server:
        pauses: list[float] = []
        client = Client(connect("openai:scripted", base_url=server.url), log, sleep=pauses.append)
        client.ask(PROMPT, JsonForm(Move))
        with pytest.raises(LlmError) as caught:
            client.ask(PROMPT, JsonForm(Move))
    assert caught.value.trouble == "down"
    assert pauses == [1, 2, 4]
    assert log.used("input_tokens") == 120


def test_a_wrong_key_is_not_tried_again_and_is_not_told(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-verysecret")
    with scripted(in_order(Step(status=401, content="Incorrect API key provided: sk-verysecret."))) as server:
        assert trouble(server, log) == "denied"
    assert len(server.requests) == 1
    assert "verysecret" not in log.calls[0].model_dump_json()


def test_a_time_out_is_charged_what_was_sent(log: Log) -> None:
    with scripted(in_order(Step(content="late", delay_s=5), GOOD)) as server:
        move, pauses = ask(server, log, timeout_s=0.3)
    assert (move.factor, pauses) == (2, [1])
    late, good = log.calls
    assert late.fault is not None
    assert late.fault.kind == "timeout"
    assert late.usage.estimated
    assert late.usage.input_tokens == sum(len(m.content) for m in late.messages) // 4
    assert good.usage.input_tokens == 120


def test_a_cut_connection_is_tried_again(log: Log) -> None:
    with scripted(in_order(Step(content="x" * 1000, cut=True), GOOD)) as server:
        assert ask(server, log)[0].factor == 2
    assert log.calls[0].fault is not None
    assert log.calls[0].fault.kind in ("connection", "unreadable")


def test_a_server_that_is_not_there(log: Log) -> None:
    with scripted(in_order(GOOD)) as server:
        pass
    assert trouble(server, log) == "down"
    assert {call.fault and call.fault.kind for call in log.calls} == {"connection"}
    assert log.used("input_tokens") == 0


def test_usage_is_estimated_where_the_server_does_not_count(log: Log) -> None:
    with scripted(in_order(Step(content=GOOD.content, counted=False))) as server:
        ask(server, log)
    usage = log.calls[0].usage
    assert usage.estimated
    assert usage.output_tokens == len(GOOD.content) // 4


def test_nothing_is_sent_when_the_budget_is_used_up(log: Log) -> None:
    log.limits = {"input_tokens": 200, "output_tokens": 25}
    with scripted(in_order(Step(content="no", input_tokens=100, output_tokens=10))) as server:
        assert trouble(server, log) == "out_of_budget"
    assert [request["max_tokens"] for request in server.requests] == [25, 15]
    assert log.remaining() == {"input_tokens": 0, "output_tokens": 5}


def test_files_come_in_fenced_blocks(log: Log) -> None:
    reply = "Here:\n```yaml train.yaml\nepochs: 2\n```\n```python\nprint(1)\n```\n"
    form = Blocks({"train.yaml": "yaml", "process_data.py": "python"}, needed="process_data.py")
    with scripted(in_order(Step(content="```python\nprint(1)"), Step(content=reply))) as server:
        files, _ = ask(server, log, form)
    assert files == {"train.yaml": "epochs: 2\n", "process_data.py": "print(1)\n"}
    assert "response_format" not in server.requests[0]
    assert "process_data.py" in server.requests[0]["messages"][0]["content"]


def test_a_replay_gives_the_same_answers_and_faults_without_a_server(log: Log) -> None:
    with scripted(in_order(Step(status=400, content="?"), Step(content="no"), GOOD)) as server:
        move, _ = ask(server, log)
    again = Log()
    client = Client(Replay(log.calls, "openai:scripted"), again, sleep=lambda _: None)
    assert client.ask(PROMPT, JsonForm(Move)) == move
    assert [(c.reply, c.fault, c.usage) for c in again.calls] == [(c.reply, c.fault, c.usage) for c in log.calls]


def test_greatest_lengths_are_checked_here_and_not_sent(log: Log) -> None:
    """llama.cpp writes a grammar rule for every character of a bounded string, and ends with an error."""

    class Told(BaseModel):
        title: str = Field(max_length=5)
        cause: Prose

    form = JsonForm(Told)
    assert form.schema == {
        "properties": {"title": {"type": "string"}, "cause": {"type": "string"}},
        "required": ["title", "cause"],
        "type": "object",
    }
    with pytest.raises(Unusable, match="title"):
        form.read('{"title": "too long", "cause": "c"}')
    assert form.read(json.dumps({"title": "t", "cause": "c" * 9999})).cause == "c" * 500


@pytest.mark.parametrize("reply", ["```a\n" * 40_000, "```" + " " * 150_000, "\n" * 1000 + "  ```\n" * 25_000])
def test_fences_without_an_end_take_linear_time(reply: str) -> None:
    with bounded(2.0), pytest.raises(Unusable):
        Blocks({"train.yaml": "yaml", "process_data.py": "python"}, needed="process_data.py").read(reply)


def test_a_key_that_is_missing_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(PrerequisiteError) as caught:
        connect("openai:gpt-5.2")
    assert caught.value.message == "'openai:gpt-5.2' cannot be used: OPENAI_API_KEY is not set"
    assert caught.value.fix == "export OPENAI_API_KEY=…"


class Meeting:
    """A server that refuses an enforced schema only when all of ``askers`` have asked for it."""

    model, place = "openai:scripted", None

    def __init__(self, askers: int) -> None:
        self._all_asked = threading.Barrier(askers, timeout=10)

    def send(self, request: Request) -> Answer:
        if request.mode == "json_schema":
            self._all_asked.wait()
            return Answer(None, Fault(kind="rejected", message="unknown response_format"), Usage())
        return Answer(GOOD.content, None, Usage())


def test_threads_that_are_refused_at_the_same_time_go_on_to_the_same_mode(log: Log) -> None:
    client = Client(Meeting(3), log)
    with ThreadPoolExecutor(3) as threads:
        moves = list(threads.map(lambda _: client.ask(PROMPT, JsonForm(Move)), range(3)))
    assert moves == [Move(move="more_rows", factor=2)] * 3
    assert sorted(call.mode for call in log.calls) == ["json_object"] * 3 + ["json_schema"] * 3
