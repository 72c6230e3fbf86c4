"""The probe that ``ftdojo doctor`` shows."""

from __future__ import annotations

from ftdojo import sandbox


def test_every_wall_holds_on_this_machine() -> None:
    walls = sandbox.probe()
    assert [wall for wall in walls if not wall.ok] == []
    assert {wall.name for wall in walls} == {
        *("network", "abstract sockets", "outside files", "inputs", "environment", "host processes"),
        *(
            "kernel settings",
            "user namespaces",
            "debugging",
            "memory of init",
            "hypervisor",
            "processes",
            "file size",
            "memory",
            "wall clock",
            "folder size",
        ),
    }


def test_an_attempt_that_gets_through_is_told() -> None:
    from ftdojo.sandbox.walls import _wall

    assert not _wall("network", None, None).ok
    assert not _wall("network", "OSError: refused", "OSError: no server").ok
    assert not _wall("kernel settings", "OSError: Read-only file system", None).ok
    assert _wall("kernel settings", "PermissionError: Permission denied", None).ok
