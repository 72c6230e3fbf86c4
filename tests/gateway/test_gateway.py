"""The gateway, from inside a real sandbox, before a real HTTP server that plays the models."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ftdojo import sandbox
from ftdojo.contract.call import Call
from ftdojo.errors import InfrastructureError
from ftdojo.gateway import Gateway, Judge, Pools, pools
from ftdojo.gateway.server import HELPER, INSIDE, MAX_BODY
from ftdojo.llm import connect
from ftdojo.record import Replies
from scripted_llm import Script, ScriptedLlm, Step, in_order, scripted

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives each sandbox a uid of its own")


@dataclass
class Log:
    """A log in memory, with a budget."""

    limits: dict[str, float] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def append(self, call: Call) -> None:
        self.calls.append(call)

    def used(self, account: str) -> float:
        used: float = sum(getattr(call.charge, account) for call in self.calls)
        return used

    def remaining(self) -> dict[str, float]:
        return {name: limit - (self.used(name) if name != "wall_s" else 0) for name, limit in self.limits.items()}


@dataclass
class Played:
    """What came of a program."""

    completed: sandbox.Completed
    requests: list[dict[str, Any]]
    """What reached the server."""
    llm: ScriptedLlm
    log: Log
    gateway: Gateway

    @property
    def told(self) -> Any:
        """The JSON document that it printed."""
        assert self.completed.status == 0, self.completed.output
        return json.loads(self.completed.output)


Play = Callable[..., Played]


def echo(_: int, body: dict[str, Any]) -> Step:
    """The model's name and the question."""
    return Step(content=f"{body['model']}: {body['messages'][-1]['content']}")


@pytest.fixture
def play(execute: Callable[..., sandbox.Completed], approve: Path, tmp_path: Path) -> Iterator[Play]:
    """Run a program with two pools, ``weak`` and ``strong``, both of one server."""
    played: list[Script] = []
    before = 0

    def call(
        code: str, script: Script = echo, *, log: Log | None = None, concurrency: int = 8, **limits: Any
    ) -> Played:
        nonlocal before
        log = log or Log()
        before = len(llm.requests)
        played.append(script)
        models = {name: connect(f"openai:{name}-1", base_url=llm.url) for name in ("weak", "strong")}
        ways = Pools(models, log, Replies(tmp_path / "replies"), known=log.calls, concurrency=concurrency)
        with Judge(str(approve), "folder") as judge, Gateway(ways, judge) as gateway:
            shown = {gateway.folder: INSIDE, HELPER: f"/helper/{HELPER.name}"}
            options = {"read_only": shown, "environment": {"PYTHONPATH": "/helper"}}
            completed = execute(code, options=options, **limits)
        return Played(completed, llm.requests[before:], llm, log, gateway)

    with scripted(lambda number, body: played[-1](number - before, body)) as llm:
        yield call


def test_two_pools_answer_and_every_call_is_recorded(play: Play) -> None:
    played = play("""
import json, ftdojo_llm
turns = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
replies = [ftdojo_llm.ask("a \\ud800"), ftdojo_llm.ask(turns, model="strong", max_tokens=7)]
print(json.dumps([ftdojo_llm.models(), *replies]))
""")
    assert played.told == [["weak", "strong"], "weak-1: a ?", "strong-1: u"]
    first, second = played.log.calls
    assert (first.purpose, first.model, first.usage.input_tokens, first.usage.output_tokens) == (
        "data",
        "openai:weak-1",
        100,
        10,
    )
    assert [message.role for message in second.messages] == ["system", "user"]
    assert played.requests[1]["max_tokens"] == 7


def test_the_key_is_sent_by_the_gateway_and_is_nowhere_inside(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key")
    code = """
import os, pathlib, re, sys, ftdojo_llm
ftdojo_llm.ask("where is the key?")
installed = (sys.prefix, sys.base_prefix)  # may lie below /tmp, and is large
found = [str(os.environ)]
for path in [*pathlib.Path("/proc").glob("*/environ"), *pathlib.Path("/proc").glob("*/cmdline")]:
    try:
        found.append(path.read_bytes().decode(errors="replace"))
    except OSError:
        pass
for top in ("/llm", "/program", "/helper", "/tmp", "/output", "/dev/shm"):
    for path in pathlib.Path(top).rglob("*"):
        if str(path).startswith(installed):
            continue
        try:
            found.append(path.read_bytes().decode(errors="replace") if path.is_file() else str(path))
        except OSError:
            pass
text = "".join(found)
print(len(found), "secret" + "-key" in text, bool(re.search(r"127\\.0\\.0\\.1:[0-9]+/v1", text)))
"""
    played = play(code)
    assert played.completed.status == 0, played.completed
    count, *present = played.completed.output.split()
    assert int(count) > 5, "there was something to look at"
    assert present == ["False", "False"]
    assert played.llm.keys == {"Bearer sk-very-secret-key"}


def test_a_key_that_a_provider_repeats_is_not_told(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key")
    code = """
import ftdojo_llm
for question in "ab":
    try:
        ftdojo_llm.ask(question)
    except ftdojo_llm.LlmError as error:
        print(error)
"""
    played = play(code, in_order(Step(status=401, content="wrong key sk-very-secret-key")))
    assert played.completed.output.count("does not answer") == 2
    assert "secret" not in played.completed.output + str(played.gateway.troubles) + str(played.log.calls)
    assert len(played.requests) == 1, "a provider that knows no such key is not asked again"


def test_what_was_paid_is_not_paid_again(play: Play) -> None:
    code = """
import json, ftdojo_llm
ask = ftdojo_llm.ask
print(json.dumps([ask("a"), ask("a"), ask("a", seed=1), ftdojo_llm.ask_all(["b"] * 8)]))
"""
    first = play(code)
    assert len(first.requests) == 3
    assert [request.get("seed") for request in first.requests] == [None, 1, None]
    assert first.log.used("input_tokens") == 300

    resumed = play(code, log=first.log)
    assert (resumed.requests, len(resumed.log.calls)) == ([], 3), "the record has them already"

    other = play(code)
    assert (other.requests, other.told) == ([], first.told)
    assert [call.cached for call in other.log.calls] == [True] * 3, "so that this record can be replayed alone"
    assert other.log.used("input_tokens") == 0


def test_what_a_server_refused_is_not_kept(play: Play) -> None:
    code = """
import ftdojo_llm
try:
    ftdojo_llm.ask("a")
except ftdojo_llm.LlmError as error:
    print(error)
"""
    assert "too long for me" in play(code, in_order(Step(status=400, content="too long for me"))).completed.output
    assert play(code + "print(ftdojo_llm.ask('a'))").completed.output.endswith("weak-1: a\n")


@pytest.mark.parametrize("concurrency", [8, 3])
def test_so_many_calls_are_in_flight_and_no_more(play: Play, concurrency: int) -> None:
    code = f"""
import ftdojo_llm
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(40) as threads:
    asked = lambda n: ftdojo_llm.ask(str(n), model="weak" if n % 2 else "strong")
    print(len(list(threads.map(asked, range({2 * concurrency})))))
"""
    played = play(code, lambda *_: Step(content="a", delay_s=1.0), concurrency=concurrency)
    assert played.told == 2 * concurrency
    assert played.llm.busiest == concurrency


@pytest.mark.parametrize(
    ("limits", "paid"),
    [
        ({"output_tokens": 95}, 9),  # each may write 10, and does
        ({"output_tokens": 100}, 10),
        ({"output_tokens": 9}, 0),
    ],
)
def test_the_budget_for_output_holds_to_the_token(play: Play, limits: dict[str, float], paid: int) -> None:
    code = """
import json, ftdojo_llm
print(json.dumps(ftdojo_llm.ask_all([f"q{n}" for n in range(30)], max_tokens=10)))
"""
    played = play(code, lambda *_: Step(content="a", output_tokens=10, delay_s=0.02), log=Log(limits=limits))
    assert sum(reply == "a" for reply in played.told) == paid
    assert sum(reply is None for reply in played.told) == 30 - paid
    assert len(played.requests) == paid
    assert played.log.used("output_tokens") == 10 * paid
    assert "output_tokens" in played.gateway.troubles["insufficient_quota"]


def test_a_budget_for_input_is_held_against_what_is_in_flight(play: Play) -> None:
    """A prompt of 400 bytes is taken for 100 tokens, which is what this server counts."""
    code = """
import ftdojo_llm
print(sum(reply is not None for reply in ftdojo_llm.ask_all([f"{n:400}" for n in range(30)])))
"""
    played = play(code, lambda *_: Step(content="a", delay_s=0.02), log=Log(limits={"input_tokens": 1050}))
    assert played.told == 10
    assert played.log.used("input_tokens") == 1000


def test_a_budget_error_has_a_name(play: Play) -> None:
    code = """
import ftdojo_llm
try:
    ftdojo_llm.ask("a")
except ftdojo_llm.OutOfBudget as error:
    print(error)
"""
    played = play(code, log=Log(limits={"cost_usd": 0.0}))
    assert "the run's budget for cost_usd has no room" in played.completed.output
    assert played.requests == []


QUESTION: dict[str, Any] = {"model": "weak", "messages": [{"role": "user", "content": "a"}]}
CHAT, SCORE = "/v1/chat/completions", "/v1/score"


def post(body: bytes | object, path: str = CHAT) -> bytes:
    """A request with a body, which is written as JSON if it is none yet."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"POST {path} HTTP/1.1\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def chat(**changes: Any) -> bytes:
    return post({**QUESTION, **changes})


GARBAGE = {
    "empty": post(b""),
    "cut": post(b"{"),
    "nested": post(b"[" * 100_000),
    "null": post(b"null"),
    "large number": post(b"1" * 5000),
    "no UTF-8": post(b"\xff"),
    "surrogate": post(b'{"a": "\\ud800"}'),
    "list": post([]),
    "nothing": post({}),
    "model a number": chat(model=3),
    "a provider's model": chat(model="gpt-5"),
    "long model": chat(model="x" * 1000),
    "no messages": chat(messages=[]),
    "many messages": chat(messages=QUESTION["messages"] * 65),
    "role": chat(messages=[{"role": "root", "content": "a"}]),
    "image": chat(messages=[{"role": "user", "content": [{"type": "image_url"}]}]),
    "no tokens": chat(max_tokens=0),
    "too many tokens": chat(max_tokens=10**9),
    "tokens true": chat(max_tokens=True),
    "tokens text": chat(max_tokens="9"),
    "temperature no number": chat(temperature=float("nan")),
    "temperature below zero": chat(temperature=-1),
    "large seed": chat(seed=2**80),
    "stream": chat(stream=True),
    "several": chat(n=100),
    "tools": chat(tools=[]),
    "format": chat(response_format={"type": "json_object"}),
    "a byte too long": post(b"x" * (MAX_BODY + 1)),
    "far too long": post(b"x" * (3 * MAX_BODY)),
    "score nothing": post({}, SCORE),
    "score unequal": post({"items": [{}], "outputs": []}, SCORE),
    "score a number": post({"items": [1], "outputs": ["a"]}, SCORE),
    "score many": post({"items": [{}] * 65, "outputs": ["a"] * 65}, SCORE),
    "root": post(QUESTION, "/"),
    "unknown": post(QUESTION, "/v1/embeddings"),
    "dots": post(QUESTION, f"{CHAT}/../models"),
    "method": b"DELETE / HTTP/1.1\r\n\r\n",
    "get": f"GET {CHAT} HTTP/1.1\r\n\r\n".encode(),
    "version": b"GET / HTTP/9.9\r\n\r\n",
    "no HTTP": b"hello\r\n\r\n",
    "no length": f"POST {CHAT} HTTP/1.1\r\n\r\n".encode(),
    "negative length": f"POST {CHAT} HTTP/1.1\r\nContent-Length: -1\r\n\r\n".encode(),
    "chunked": f"POST {CHAT} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
    "cut short": f"POST {CHAT} HTTP/1.1\r\nContent-Length: 9999\r\n\r\n{{}}".encode(),
    "many headers": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n",
}


def test_garbage_is_answered_4xx_and_harms_nobody(approve: Path, tmp_path: Path) -> None:
    def status(data: bytes) -> int:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(gateway.folder / "socket"))
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
        document = json.loads(body)
        assert "choices" in document or document["error"]["message"]
        return int(head.split()[1])

    with scripted(echo) as llm:
        ways = Pools({"weak": connect("openai:weak-1", base_url=llm.url)}, Log(), Replies(tmp_path / "replies"))
        with Judge(str(approve), "folder") as judge, Gateway(ways, judge) as gateway:
            statuses = {name: status(data) for name, data in GARBAGE.items()}
            for noise in (b"x" * 100_000, b"\r\n" * 1000, os.urandom(4096)):
                with contextlib.suppress(OSError, ValueError, IndexError):  # what is no request needs no answer
                    status(noise)
            assert status(chat()) == 200
    # The last two are for what HTTP has and this server has not.
    unexpected = {name: found for name, found in statuses.items() if not (400 <= found < 500 or found in (501, 505))}
    assert unexpected == {}
    assert len(llm.requests) == 1


def test_hanging_and_flooding_stall_nothing(play: Play) -> None:
    code = """
import os, socket
held = []
for number in range(300):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.settimeout(0.2)
        s.connect("/llm/socket")
        s.send(b"POST /v1/chat/completions HTTP/1.1\\r\\nContent-Length: 100\\r\\n\\r\\n" if number % 2 else b"P")
    except OSError:
        pass
    held.append(s)
print(len(held))
os._exit(0)
"""
    begun = time.monotonic()
    played = play(code)
    assert played.completed.output == "300\n"
    assert time.monotonic() - begun < 20
    assert played.requests == []
    code = "import socket, time\ns = socket.socket(socket.AF_UNIX)\ns.connect('/llm/socket')\ntime.sleep(60)"
    assert play(code, wall_s=1).completed.stopped == "wall"


def test_a_call_that_a_program_leaves_behind_is_charged(play: Play) -> None:
    code = """
import ftdojo_llm, os, threading, time
threading.Thread(target=ftdojo_llm.ask, args=["a"]).start()
time.sleep(0.5)
os._exit(0)
"""
    played = play(code, in_order(Step(content="late", delay_s=1.5)))
    assert [call.reply for call in played.log.calls] == ["late"]


def test_a_dead_server_closes_its_pool_and_does_not_fill_the_record(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "FIRST_PAUSE_S", 0.01)
    code = """
import ftdojo_llm
refused = 0
for number in range(200):
    try:
        ftdojo_llm.ask(f"q{number}")
    except ftdojo_llm.LlmError as error:
        refused, last = refused + 1, error
print(refused, last, ftdojo_llm.ask("a", model="strong"))
"""
    played = play(
        code, lambda n, body: echo(n, body) if body["model"] == "strong-1" else Step(status=500, content="on fire")
    )
    assert played.completed.output.startswith("200 pool 'weak' does not answer: ")
    assert played.completed.output.endswith("strong-1: a\n"), "the other pool goes on"
    assert len(played.log.calls) == pools.FAULTS + 1
    assert "on fire" in played.gateway.troubles["model_down"]


def test_a_busy_server_is_asked_again(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "FIRST_PAUSE_S", 0.01)
    busy = Step(status=429, content="slow down")
    played = play("import ftdojo_llm; print(ftdojo_llm.ask('a'))", in_order(*[busy] * 6, Step(content="now")))
    assert played.completed.output == "now\n"
    assert played.log.used("input_tokens") == 100


def test_the_network_stays_closed(play: Play) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0ftdojo-test-{os.getpid()}")
        abstract.listen()
        code = f"""
import os, socket, ftdojo_llm
address = ("127.0.0.1", {server.getsockname()[1]})
for family, address in [(socket.AF_INET, address), (socket.AF_UNIX, "\\0ftdojo-test-{os.getpid()}")]:
    try:
        socket.socket(family).connect(address)
        print("through")
    except OSError as error:
        print(type(error).__name__)
for path in ("/llm/new", "/llm/socket"):
    try:
        os.unlink(path) if path.endswith("socket") else open(path, "w")
        print("written")
    except OSError as error:
        print(error.strerror)
print(ftdojo_llm.ask("a"))
"""
        lines = play(code).completed.output.splitlines()
    assert lines == ["ConnectionRefusedError"] * 2 + ["Read-only file system"] * 2 + ["weak-1: a"]


@as_root
def test_other_users_of_the_host_do_not_get_to_the_socket(approve: Path, tmp_path: Path) -> None:
    ways = Pools({}, Log(), Replies(tmp_path / "replies"))
    with Judge(str(approve), "folder") as judge, Gateway(ways, judge) as gateway:
        path = gateway.folder / "socket"
        code = f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})"
        command = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "/usr/bin/env", "python3", "-c", code]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        allowed = subprocess.run([sys.executable, "-c", code], check=False)
    assert "PermissionError" in refused.stderr
    assert allowed.returncode == 0
    assert not path.exists()


def test_what_fails_on_this_side_ends_the_run(play: Play) -> None:
    class Full(Log):
        def append(self, call: Call) -> None:
            raise InfrastructureError("no space left")

    with pytest.raises(InfrastructureError, match="no space left"):
        play("import ftdojo_llm\ntry: ftdojo_llm.ask('a')\nexcept Exception: pass", log=Full())


SYNTHESIS = """
import json, ftdojo_llm
rows = [{"request": f"Form {n}: {name} asks for tea.", "verdict": "no" if name == "Bob" else "yes"}
        for n, name in enumerate(["Ann", "Bob", "Cid", "Bob", "Eve"])]
kept = ftdojo_llm.rationales(rows, prompt=lambda row: row["request"], item=lambda row: dict(row), attempts=%d)
print(json.dumps(kept))
"""


def test_rationale_synthesis_keeps_right_answers_only(play: Play) -> None:
    """The model takes Bob for anybody at the first seed, and answers one question in the wrong form at every seed."""

    def script(_: int, body: dict[str, Any]) -> Step:
        question = body["messages"][0]["content"]
        right = "no" if "Bob" in question and body["seed"] else "yes"
        return Step(content="<think>let me see</think>" + ("perhaps" if "Eve" in question else right))

    once = play(SYNTHESIS % 1, script)
    assert [bool(text) for text in once.told] == [True, False, True, False, False]
    twice = play(SYNTHESIS % 3, script)
    assert [(text or "").rpartition(">")[2] for text in twice.told] == ["yes", "no", "yes", "no", ""]
    assert [request["seed"] for request in twice.requests] == [1, 1, 1, 2], "only what was not kept is asked again"
    assert {request["model"] for request in twice.requests} == {"strong-1"}


def test_rationale_synthesis_ends_with_what_the_budget_allowed(play: Play) -> None:
    log = Log(limits={"output_tokens": 2048})
    played = play(SYNTHESIS % 9, lambda *_: Step(content="yes", output_tokens=1024), log=log)
    assert sum(text == "yes" for text in played.told) <= 2
    assert len(played.requests) == 2
    assert log.used("output_tokens") == 2048


def test_items_that_no_scorer_could_take_are_told(play: Play) -> None:
    code = """
import json, ftdojo_llm
deep = []
for _ in range(150): deep = [deep]
items = [{"request": "a", "verdict": "yes"}, {}, {"request": "a", "verdict": deep}, {"request": None, "verdict": 3}]
print(json.dumps([verdict["error"] for verdict in ftdojo_llm.score(items, ["yes"] * 4)]))
try:
    ftdojo_llm.rationales([1, 2], prompt=str, item=lambda row: {})
except ftdojo_llm.LlmError as error:
    print(error)
"""
    first, second, _fix = play(code).completed.output.splitlines()
    right, missing, *rest = json.loads(first)
    assert right is None
    assert missing.startswith("unscorable: ")
    assert all(rest)
    assert "the scorer can use none of 2 items" in second
