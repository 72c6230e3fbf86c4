"""Lending a folder to a hostile program and taking it back."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ftdojo.sandbox import folder
from sandbox_fixtures import Execute

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends a folder to another uid")


@as_root
def test_all_of_it_is_handed_back_and_no_link_is_followed(execute: Execute, output: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    os.chown(outside, 12345, 12345)
    output.chmod(0o750)
    code = f"""
import os
os.symlink({str(outside)!r}, "link")
os.symlink({str(tmp_path)!r}, "folder-link")
os.mkfifo("fifo")
os.makedirs("a/b")
open("a/b/file", "w").write("x")
os.link("a/b/file", "hard")
os.chmod("hard", 0o6777)
"""
    assert execute(code).status == 0
    assert (outside.stat().st_uid, tmp_path.stat().st_uid) == (12345, os.geteuid())
    assert stat.S_IMODE(output.stat().st_mode) == 0o750
    for path in (output, *output.rglob("*")):
        assert (path.lstat().st_uid, path.lstat().st_gid) == (os.geteuid(), os.getegid()), path
    assert (output / "hard").stat().st_mode & (stat.S_ISUID | stat.S_ISGID) == 0


def test_use_is_disk_space_with_a_charge_for_every_entry(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        assert folder.measure_bytes(descriptor, enough=10**9) == 0
        (tmp_path / "empty").touch()
        (tmp_path / "link").symlink_to("/usr")
        assert folder.measure_bytes(descriptor, enough=10**9) == 2 * folder.ENTRY_BYTES
        (tmp_path / "file").write_bytes(b"x" * 10**6)
        assert 10**6 <= folder.measure_bytes(descriptor, enough=10**9) <= 10**6 + 20 * folder.ENTRY_BYTES
        assert folder.measure_bytes(descriptor, enough=5000) > 5000
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(("levels", "over"), [(folder.MAX_DEPTH - 1, False), (folder.MAX_DEPTH + 1, True)])
def test_a_tree_too_deep_to_measure_is_over(tmp_path: Path, levels: int, over: bool) -> None:
    (tmp_path / "/".join("d" * levels)).mkdir(parents=True)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        assert (folder.measure_bytes(descriptor, enough=10**9) > 10**9) is over
    finally:
        os.close(descriptor)


def test_empty_removes_all_but_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    (tmp_path / "a").chmod(0)
    (tmp_path / "link").symlink_to("/usr")
    folder.empty(tmp_path)
    assert list(tmp_path.iterdir()) == []
