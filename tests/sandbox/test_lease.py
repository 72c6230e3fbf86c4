"""One uid a sandbox (root only)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ftdojo.sandbox.lease import PLACE, UIDS, lease
from ftdojo.sandbox.view import Bind, Entry, Link

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives each sandbox a uid of its own")


def test_leases_at_the_same_time_differ_and_are_free_again() -> None:
    with lease() as first, lease() as second:
        assert first.uid != second.uid
        assert {first.uid, second.uid} <= set(UIDS)
        assert first.folder != second.folder
    with lease() as again:
        assert again.uid == first.uid


def test_the_folder_can_be_passed_but_not_listed_or_written_by_its_uid() -> None:
    with lease() as leased:
        for path in (PLACE, leased.folder):
            assert path.stat().st_mode & 0o777 == 0o711
            assert path.stat().st_uid == 0


def test_staging_gives_each_bind_a_place_and_leaves_the_rest(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    entries: list[Entry] = [
        Bind(tmp_path, "/in"),
        Link("usr/bin", "/bin"),
        Bind(tmp_path / "file", "/file", writable=True),
    ]
    with lease() as leased:
        moved, mounts = leased.stage(entries)
        assert [source for source, _ in mounts] == [tmp_path, tmp_path / "file"]
        assert moved[1] == entries[1]
        assert moved[0] == Bind(mounts[0][1], "/in")
        assert moved[2] == Bind(mounts[1][1], "/file", writable=True)
        assert (mounts[0][1].is_dir(), mounts[1][1].is_file()) == (True, True)
