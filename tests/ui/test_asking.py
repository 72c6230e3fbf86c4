"""The models of a run are asked from its page: one question at a time, in a process that ends with the answer."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

import recorded_runs as recorded
from ftdojo import digest
from ftdojo.audit.asking import Answers
from ftdojo.errors import UsageError
from ftdojo.record import Ledger, RunFolder
from ftdojo.ui import Server
from ftdojo.ui.access import TOKEN_HEADER
from ftdojo.ui.asking import CHARACTERS, LARGEST_REQUEST, Asking, GoneError, clean_answers
from ftdojo.ui.folder import name_place
from processes import children

HOSTILE_TEXT = "<script>alert(1)</script>\u202e {{ 7*7 }} <|im_end|>"
ITEM = '{"request": "Form 1: Ann asks for a key."}'


@pytest.fixture(autouse=True)
def at_home(finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTDOJO_HOME", str(finished_run / "home"))


@pytest.fixture
def client(finished_run: Path, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client that has visited the page of a folder with a finished run."""
    shutil.copytree(finished_run / "run", tmp_path / "run")
    server = Server(tmp_path)
    thread = server.start()
    headers = {TOKEN_HEADER: server.token}
    with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=120) as client:
        client.get("/", params={"token": server.token})
        yield client
    server.end()
    thread.join(10)


ADDRESS = f"/run/{name_place('run')}"


def ask(client: httpx2.Client, question: Any = ITEM, **settings: Any) -> httpx2.Response:
    return client.post(f"{ADDRESS}/ask", json={"question": question}, **settings)


def processes() -> list[psutil.Process]:
    """The processes with models that this one has started and that have not ended."""
    return children("ftdojo.audit.asking")


def wait_until(condition: Callable[[], bool], within_s: float) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_both_answers_are_given_and_nothing_is_recorded(client: httpx2.Client, tmp_path: Path) -> None:
    before = digest.of_folder(tmp_path / "run")
    assert "Ask the models" in client.get(ADDRESS).text
    found = ask(client).json()
    assert (found["best"], found["iteration"]) == ("yes", 1)
    assert found["base"] != "yes"
    assert not processes(), "their memory is given back"
    assert digest.of_folder(tmp_path / "run") == before
    refused = ask(client, '{"question": "Why?"}')
    assert (refused.status_code, "makes no prompt" in refused.json()["error"]) == (409, True)


@pytest.mark.parametrize("question", ["", "x" * (CHARACTERS + 1), 3, None, ["x"]])
def test_what_is_no_question_is_refused(client: httpx2.Client, question: Any) -> None:
    refused = ask(client, question)
    assert (refused.status_code, "cannot be read" in refused.json()["error"]) == (409, True)


def test_a_request_is_read_to_its_limit(client: httpx2.Client) -> None:
    assert client.post(f"{ADDRESS}/ask", content=b"x" * (LARGEST_REQUEST + 1)).status_code == 413
    assert client.post(f"{ADDRESS}/ask", content=b'{"question": "\\ud83d"}').status_code == 409
    assert client.post(f"{ADDRESS}/ask", json={"question": "x"}, headers={TOKEN_HEADER: "guessed"}).status_code == 403


def test_no_model_is_loaded_while_a_run_trains(client: httpx2.Client, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    recorded.record(tmp_path / "other", [], "baseline", {}, {})
    time.sleep(2.1)  # the folder is looked through again
    with Ledger(tmp_path / "other"):
        refused = ask(client)
        assert (refused.status_code, "the run other goes on" in refused.json()["error"]) == (409, True)


def test_a_page_without_a_better_model_has_nothing_to_ask(client: httpx2.Client, tmp_path: Path) -> None:
    shutil.rmtree(RunFolder(tmp_path / "run").model)
    assert "Ask the models" not in client.get(ADDRESS).text
    assert "is missing" in ask(client).json()["error"]


def test_a_question_ends_with_its_page(client: httpx2.Client) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        ask(client, timeout=httpx2.Timeout(1, read=1))
    # Its connection is closed: the process ends long before its answer.
    wait_until(lambda: not processes(), 5)
    wait_until(lambda: ask(client).json().get("best") == "yes", 60)  # the next one is answered


def test_hostile_answers_stay_text(client: httpx2.Client) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e\x1b[2Jend"
    shown = clean_answers(Answers(iteration=1, base=hostile, best="x" * 10**6, cut=["best"]))
    assert shown["base"] == "<img src=x onerror=alert(1)>\N{REPLACEMENT CHARACTER}end"
    assert len(shown["best"]) < 17_000
    answered = ask(client, HOSTILE_TEXT)
    assert answered.headers["content-type"] == "application/json"
    assert answered.headers["x-content-type-options"] == "nosniff"
    assert "innerHTML" not in client.get("/ui.js").text


async def _stay() -> bool:
    return False


async def _leave() -> bool:
    return True


def test_one_question_at_a_time_within_its_time(finished_run: Path) -> None:
    run, asking = finished_run / "run", Asking(time_s=2.5)

    async def both() -> list[Any]:
        return list(await asyncio.gather(*(asking.ask(run, ITEM, _stay) for _ in range(2)), return_exceptions=True))

    first, second = asyncio.run(both())
    assert isinstance(first, UsageError)
    assert "have not answered in 2.5 s" in first.message
    assert isinstance(second, UsageError)
    assert "another question" in second.message
    assert not processes()


def test_nobody_waits_any_more(finished_run: Path) -> None:
    with pytest.raises(GoneError):
        asyncio.run(Asking().ask(finished_run / "run", ITEM, _leave))
    assert not processes()
