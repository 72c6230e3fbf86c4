"""Files that a hostile program may leave in the place of its output."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ftdojo.errors import InputError
from ftdojo.sandbox import read_output
from sandbox_fixtures import Execute


def _code(folder: Path, name: str = "out", max_bytes: int = 100) -> str:
    with pytest.raises(InputError) as raised:
        read_output(folder, name, max_bytes)
    (finding,) = raised.value.findings
    assert finding.gate == 2
    return finding.code


def test_a_regular_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"x" * 100)
    assert read_output(tmp_path, "out", 100) == b"x" * 100
    assert _code(tmp_path, max_bytes=99) == "output_too_large"


def test_missing(tmp_path: Path) -> None:
    assert _code(tmp_path) == "output_missing"


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out")
    assert _code(tmp_path) == "output_not_regular"


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert _code(tmp_path) == "output_not_regular"


def test_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path has to be short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("out")
        assert _code(tmp_path) == "output_not_regular"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd"])
def test_only_plain_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a file"):
        read_output(tmp_path, name, 10)


@pytest.mark.parametrize("make", ["os.symlink({secret!r}, 'out')", "os.symlink('other', 'out')", "os.mkfifo('out')"])
def test_what_a_sandboxed_program_leaves_instead(execute: Execute, output: Path, tmp_path: Path, make: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("host secret", "utf-8")
    completed = execute(f"import os\nopen('other', 'w').write('x')\n{make.format(secret=str(secret))}")
    assert completed.status == 0
    assert _code(output) == "output_not_regular"
    assert read_output(output, "other", 10) == b"x"
