"""Files in folders of strangers: written by replacement, read without links that lead out, kept private."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ftdojo.errors import UsageError
from ftdojo.files import BY_UMASK, make_private, open_log, require_inside, require_plain, write_file


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_is_replaced_and_never_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "link").symlink_to(victim)
    os.link(victim, tmp_path / "hard")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "hard", "pipe", "new"):
        write_file(tmp_path / name, "é\ud800")
        assert (tmp_path / name).read_text("utf-8") == "é\\ud800"
        assert not (tmp_path / name).is_symlink()
        assert mode(tmp_path / name) == 0o600
    assert victim.read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hard", "link", "new", "pipe", "victim"]


def test_half_a_character_in_a_document_is_read_back(tmp_path: Path) -> None:
    write_file(tmp_path / "x.json", json.dumps(["\ud800", "😀"], ensure_ascii=False))
    assert json.loads((tmp_path / "x.json").read_text("utf-8")) == ["\ud800", "😀"]


def test_what_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_file(tmp_path / "folder", "x")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_modes(tmp_path: Path) -> None:
    make_private(tmp_path / "a/b")
    assert [mode(tmp_path / "a/b"), mode(tmp_path / "a") & 0o700] == [0o700, 0o700]
    (tmp_path / "open").mkdir(mode=0o755)
    before = mode(tmp_path / "open")
    make_private(tmp_path / "open")
    assert mode(tmp_path / "open") == before
    write_file(tmp_path / "card", "x", mode=BY_UMASK)
    assert mode(tmp_path / "card") & 0o044 == 0o044 & ~_umask()


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def test_a_log_grows_and_a_link_in_its_place_is_removed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "log").symlink_to(victim)
    for keep, content in ((True, b"one"), (True, b"one"), (False, b"one")):
        with open_log(tmp_path / "log", keep=keep) as stream:
            stream.write(content)
    assert (tmp_path / "log").read_bytes() == b"one"
    assert victim.read_text() == "mine"


def test_a_known_name_must_be_what_it_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to("/etc")
    require_plain(tmp_path, files=["file", "absent"], folders=["absent"], others=["folder"])
    for files, folders, others in ((["folder"], [], []), ([], ["file"], []), ([], ["folder"], []), ([], [], ["file"])):
        with pytest.raises(UsageError, match="is not a"):
            require_plain(tmp_path, files=files, folders=folders, others=others)


def test_links_must_stay_inside(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").write_text("x")
    (folder / "inside").symlink_to("deep/file")
    (tmp_path / "way").symlink_to(folder)
    require_inside(tmp_path / "way", "the task")
    (folder / "deep/out").symlink_to(tmp_path)
    require_inside(tmp_path / "way", "the task", ["inside"])
    with pytest.raises(UsageError, match=r"the task .*way contains a link that leads out of it: deep/out"):
        require_inside(tmp_path / "way", "the task")
