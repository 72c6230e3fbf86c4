"""What to type when bubblewrap cannot build a sandbox: from its message, and from what the kernel says of namespaces.

Sources: Ubuntu 23.10 and later restrict user namespaces by AppArmor
(https://ubuntu.com/blog/ubuntu-23-10-restricted-unprivileged-user-namespaces, and for bubblewrap
https://github.com/containers/bubblewrap/issues/632); bubblewrap has ``--disable-userns`` since 0.8.0, Ubuntu 22.04 has
0.6.1 (https://github.com/containers/bubblewrap/releases); in a chroot unshare(2) fails with ``EPERM``
(https://man7.org/linux/man-pages/man2/unshare.2.html).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROFILE = (
    "printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\n"
    "profile bwrap /usr/bin/bwrap flags=(unconfined) {\\n  userns,\\n}\\n'"
    " | sudo tee /etc/apparmor.d/bwrap && sudo apparmor_parser -r /etc/apparmor.d/bwrap"
)
ENGINE = "or run untrusted programs in containers: sudo apt-get install podman, then export FTDOJO_SANDBOX=podman"
CONTAINER = (
    'start this container with namespaces, and not as root: docker run --user "$(id -u):$(id -g)" --security-opt '
    "seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …"
)
CHROOT = "Linux makes no user namespace in a chroot: enter the folder with systemd-nspawn, or by pivot_root(2)"
AS_ROOT = "run ftdojo as an ordinary user: as root it mounts folders for the sandbox, and lacks CAP_SYS_ADMIN here"
OLD = "bubblewrap 0.8 or later is needed; Debian 12, Ubuntu 24.04 and Fedora have it"


@dataclass(frozen=True, slots=True)
class Kernel:
    """What this machine says of user namespaces; ``None`` where it has no such setting."""

    apparmor_restricts: str | None
    """``kernel.apparmor_restrict_unprivileged_userns``: 1 on Ubuntu 23.10 and later."""
    clone_allowed: str | None
    """``kernel.unprivileged_userns_clone``: 0 forbids them on some Debian and Arch kernels."""
    most: str | None
    """``user.max_user_namespaces``: 0 forbids them, as on hardened Red Hat systems."""
    in_container: bool
    in_chroot: bool
    is_root: bool
    """Whether it speaks to root, whose sandbox also needs mounts outside of it."""

    @classmethod
    def read(cls) -> Kernel:
        """Read the settings of this machine."""
        kernel = Path("/proc/sys/kernel")
        return cls(
            apparmor_restricts=_value(kernel / "apparmor_restrict_unprivileged_userns"),
            clone_allowed=_value(kernel / "unprivileged_userns_clone"),
            most=_value(Path("/proc/sys/user/max_user_namespaces")),
            in_container=Path("/.dockerenv").exists() or Path("/run/.containerenv").exists(),
            in_chroot=_is_chroot(),
            is_root=os.geteuid() == 0,
        )


def find_remedy(message: str, kernel: Kernel) -> str:
    """Return what to type, given the message with which bubblewrap refused."""
    if "unknown option" in message.lower():
        return f"{OLD} (Ubuntu 22.04 has 0.6.1: upgrade the system, {ENGINE.removeprefix('or ')})"
    remedies = [
        (kernel.in_chroot, CHROOT),
        (kernel.in_container, CONTAINER),
        (kernel.is_root and message.startswith("unshare:"), AS_ROOT),
        (kernel.most == "0", f"sudo sysctl -w user.max_user_namespaces=15000; {ENGINE}"),
        (kernel.clone_allowed == "0", f"sudo sysctl -w kernel.unprivileged_userns_clone=1; {ENGINE}"),
        (kernel.apparmor_restricts == "1", f"allow bubblewrap to make user namespaces: {PROFILE}; {ENGINE}"),
    ]
    unknown = f"{OLD}, and unprivileged user namespaces must be allowed; {ENGINE}; `ftdojo doctor` tries it again"
    return next((remedy for applies, remedy in remedies if applies), unknown)


def _is_chroot() -> bool:
    """Whether the root folder is no mount, as every other root is. A chroot into a mount looks like any root."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return all(line.split()[4] != "/" for line in mounts)


def _value(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeError):
        return None
