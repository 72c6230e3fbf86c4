"""What to type when bubblewrap refuses: its messages on other systems, as users have reported them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftdojo.sandbox.remedy import Kernel, find_remedy

SETTINGS = {"apparmor_restricts": None, "clone_allowed": None, "most": "63000"}
PLAIN = SETTINGS | dict.fromkeys(("in_container", "in_chroot", "is_root"), False)


@pytest.mark.parametrize(
    ("message", "kernel", "typed"),
    [
        ("bwrap: setting up uid map: Permission denied", {"apparmor_restricts": "1"}, "sudo tee /etc/apparmor.d/bwrap"),
        (
            "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
            {"apparmor_restricts": "1"},
            "apparmor_parser",
        ),
        ("bwrap: Unknown option --disable-userns", {}, "FTDOJO_SANDBOX=podman"),
        ("bwrap: Creating new namespace failed: Operation not permitted", {"in_container": True}, "seccomp=unconfined"),
        ("unshare: unshare failed: Operation not permitted", {"in_container": True}, 'docker run --user "$(id -u)'),
        ("unshare: unshare failed: Operation not permitted", {"is_root": True}, "as an ordinary user"),
        ("unshare: unshare failed: Operation not permitted", {"clone_allowed": "0"}, "unprivileged_userns_clone=1"),
        ("unshare: cannot change root filesystem propagation: Invalid argument", {"in_chroot": True}, "pivot_root"),
        ("bwrap: No permissions to create new namespace, likely because …", {"in_chroot": True}, "systemd-nspawn"),
        ("bwrap: No permissions to create new namespace", {"clone_allowed": "0"}, "kernel.unprivileged_userns_clone=1"),
        ("bwrap: Creating new namespace failed: No space left on device", {"most": "0"}, "user.max_user_namespaces="),
        ("no message", {}, "ftdojo doctor"),
    ],
)
def test_the_remedy_is_what_to_type(message: str, kernel: dict[str, str | bool], typed: str) -> None:
    assert typed in find_remedy(message, Kernel(**{**PLAIN, **kernel}))  # type: ignore[arg-type]


def test_this_machine_has_settings() -> None:
    assert Kernel.read().most
    assert not Kernel.read().in_chroot


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may chroot")
def test_a_chroot_is_known(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    code = "import os, sys; from ftdojo.sandbox.remedy import Kernel; print(Kernel.read().in_chroot)"
    code += "; os.chroot(sys.argv[1]); print(Kernel.read().in_chroot)"
    inside = [
        "sh",
        "-ec",
        'mount -t proc proc "$0/proc"; exec "$@"',
        str(tmp_path),
        sys.executable,
        "-c",
        code,
        str(tmp_path),
    ]
    done = subprocess.run(["unshare", "--mount", *inside], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
