"""Answers of servers that are broken, hostile or dishonest: bounded in time and size, and not believed blindly."""

from __future__ import annotations

import contextlib
import time

import pytest

from ftdojo.errors import LlmError, UsageError
from ftdojo.llm import bounded, connect
from llm.test_client import GOOD, Log, ask, trouble
from scripted_llm import Step, in_order, scripted


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_server_that_drips_meets_the_time_limit_of_the_whole_answer(log: Log) -> None:
    with scripted(in_order(Step(content="slow", drip_s=0.05), GOOD)) as server:
        begun = time.monotonic()
        assert ask(server, log, timeout_s=0.5)[0].factor == 2
    assert log.calls[0].fault is not None
    assert log.calls[0].fault.kind == "timeout"
    assert time.monotonic() - begun < 10


def test_an_answer_without_end_is_cut_off(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MAX_ANSWER_BYTES", 2**20)
    with scripted(in_order(Step(content="long", endless=True), GOOD)) as server:
        assert ask(server, log)[0].factor == 2
    assert log.calls[0].fault is not None
    assert log.calls[0].fault.kind == "unreadable"
    assert "longer than 1 MiB" in log.calls[0].fault.message


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_prompt_is_not_sent_on_to_another_address(log: Log, status: int) -> None:
    with scripted(in_order(GOOD)) as elsewhere:
        moved = Step(status=status, content="moved", headers={"location": f"{elsewhere.url}/chat/completions"})
        with scripted(in_order(moved)) as server:
            assert trouble(server, log) == "down"
        assert elsewhere.requests == []
    assert {call.fault and call.fault.kind for call in log.calls} == {"rejected"}


@pytest.mark.parametrize("broken", ['{"choices": []}', '{"choices": [{}]}', "[]", "null", '{"created": 1e20}'])
def test_a_reply_that_breaks_its_reader_is_a_fault(log: Log, broken: str) -> None:
    with scripted(in_order(Step(raw=broken), GOOD)) as server:
        assert ask(server, log)[0].factor == 2
    assert log.calls[0].fault is not None
    assert log.calls[0].fault.kind == "unreadable"


def test_usage_that_cannot_be_true_is_not_believed(log: Log) -> None:
    with scripted(in_order(Step(content=GOOD.content + " " * 5000, input_tokens=1, output_tokens=1))) as server:
        ask(server, log)
    call = log.calls[0]
    assert call.usage.estimated
    assert call.usage.output_tokens == (len(GOOD.content) + 5000) // 4
    assert call.usage.input_tokens == sum(len(m.content) for m in call.messages) // 4


def test_a_key_that_a_server_repeats_is_not_kept(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-verysecret")
    leaky = Step(content=GOOD.content[:-1] + ', "because": "sk-verysecret"}')
    with scripted(in_order(leaky, GOOD)) as server, contextlib.suppress(LlmError):
        ask(server, log)
    assert "verysecret" not in "".join(call.model_dump_json() for call in log.calls)


@pytest.mark.parametrize("name", ["GROQ_API_KEY", "HF_TOKEN", "AWS_ACCESS_KEY_ID", "DB_PASSWORD", "my_secret"])
def test_keys_are_found_by_the_name_of_their_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, 'pass/wo"rd')
    monkeypatch.setenv("MONKEY", "banana")
    shown = bounded.hide_secrets('pass/wo"rd {"a": "pass/wo\\"rd"} http://h/pass%2Fwo%22rd banana')
    assert shown == '*** {"a": "***"} http://h/*** banana'


@pytest.mark.parametrize("url", ["http://me:secret@host/v1", "http://host/v1?key=secret", "http://host/v1#secret"])
def test_an_address_that_would_give_a_secret_away_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        connect("openai:small", base_url=url)
    assert "secret" not in str(caught.value)
    assert "http://host/v1" in (caught.value.fix or "")
