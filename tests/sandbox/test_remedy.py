"""What to type when bubblewrap refuses: its messages on other systems, as users have reported them."""

from __future__ import annotations

import pytest

from ftdojo.sandbox.remedy import Kernel, find_remedy

PLAIN = {"apparmor_restricts": None, "clone_allowed": None, "most": "63000", "in_container": False, "is_root": False}


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
        ("bwrap: No permissions to create new namespace", {"clone_allowed": "0"}, "kernel.unprivileged_userns_clone=1"),
        ("bwrap: Creating new namespace failed: No space left on device", {"most": "0"}, "user.max_user_namespaces="),
        ("no message", {}, "ftdojo doctor"),
    ],
)
def test_the_remedy_is_what_to_type(message: str, kernel: dict[str, str | bool], typed: str) -> None:
    assert typed in find_remedy(message, Kernel(**{**PLAIN, **kernel}))  # type: ignore[arg-type]


def test_this_machine_has_settings() -> None:
    assert Kernel.read().most
