"""The file of a judge's replies."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ftdojo.contract.budget import Budget
from ftdojo.contract.call import Call, Usage
from ftdojo.errors import InputError, UsageError
from ftdojo.judge import ReplyFile


def call(purpose: str, reply: str | None = "yes") -> Call:
    usage = Usage(input_tokens=10, output_tokens=2, cost_usd=0.5)
    return Call(
        purpose=purpose, model="m:n", mode="text", messages=[], reply=reply, fault=None, usage=usage, seconds=0.0
    )


def test_calls_are_kept_with_their_cost(tmp_path: Path) -> None:
    path = tmp_path / "new" / "replies.jsonl"
    file = ReplyFile(path, Budget(output_tokens=10))
    assert (file.find("a"), file.remaining()) == (None, {"output_tokens": 10})
    file.append(call("a", None))
    file.append(call("a", "half \ud83d"))
    file.append(call("b"))
    again = ReplyFile(path, Budget(output_tokens=10))
    for known in (file, again):
        found = known.find("a")
        assert found is not None
        assert found.reply == "half \ud83d"
        assert known.remaining() == {"output_tokens": 4}
        assert (known.spent.input_tokens, known.spent.output_tokens, known.spent.cost_usd) == (30, 6, 1.5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    file = ReplyFile(tmp_path / "replies.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: file.append(call(str(number))), range(64)))
    again = ReplyFile(tmp_path / "replies.jsonl")
    assert {known.purpose for known in again.calls} == set(map(str, range(64)))
    assert again.spent == file.spent


@pytest.mark.parametrize("left", [1, 15, 40, -1])
def test_a_line_that_a_killed_process_left_is_dropped(tmp_path: Path, left: int) -> None:
    path = tmp_path / "replies.jsonl"
    ReplyFile(path).append(call("judge a"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:left])
    file = ReplyFile(path)
    file.append(call("judge b"))
    assert [known.purpose for known in ReplyFile(path).calls] == ["judge a", "judge b"]


@pytest.mark.parametrize("content", [b"key=1", b"\x00", b'{"purpose": "other'])
def test_another_file_is_refused_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="line 1"):
        ReplyFile(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("line", ["", "{}", "[]", "nonsense", json.dumps({"purpose": "a"}), "[" * 100_000])
def test_a_line_that_is_no_call_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "replies.jsonl"
    ReplyFile(path).append(call("a"))
    path.write_text(path.read_text() + line + "\n", "utf-8")
    with pytest.raises(InputError, match="line 2"):
        ReplyFile(path)


def test_a_folder_is_no_file_of_replies(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a file"):
        ReplyFile(tmp_path)
