"""Find the host programs that build a sandbox, or raise a :class:`PrerequisiteError` that names all missing ones.

``$FTDOJO_SANDBOX`` chooses the backend: ``bubblewrap``, the default, or a container engine. A missing one is an error:
ftdojo does not fall back to another.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from types import MappingProxyType

from ftdojo.errors import PrerequisiteError, UsageError

CHOICE = "FTDOJO_SANDBOX"
ENGINES = ("docker", "podman")

_PACKAGE = {
    "bwrap": "bubblewrap",
    "sh": "dash",
    "setpriv": "util-linux",
    "prlimit": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
}
_ROOT_ONLY = {"unshare", "mount"}


def find_engine() -> str | None:
    """Find the absolute path of the chosen engine's client; ``None`` for bubblewrap.

    Raises:
        UsageError: if the choice is unknown.
        PrerequisiteError: if this is not Linux, or the client is missing.
    """
    if sys.platform != "linux":
        raise PrerequisiteError("untrusted programs can only be run on Linux", fix="use a Linux machine or container")
    chosen = os.environ.get(CHOICE) or "bubblewrap"
    if chosen == "bubblewrap":
        return None
    if chosen not in ENGINES:
        raise UsageError(
            f"{CHOICE} is {chosen!r}", fix=f"set it to bubblewrap, {' or '.join(ENGINES)}, or unset it for bubblewrap"
        )
    if (path := shutil.which(chosen)) is None:
        raise PrerequisiteError(
            f"untrusted programs cannot be run: {CHOICE} asks for {chosen}, which was not found on PATH",
            fix=f"install {chosen}, or unset {CHOICE} to use bubblewrap",
        )
    return path


def find_tools() -> Mapping[str, str]:
    """Find every tool that bubblewrap and this user need: name -> absolute path.

    Raises:
        PrerequisiteError: if tools are missing. There is no weaker fallback for untrusted code.
    """
    needed = [name for name in _PACKAGE if os.geteuid() == 0 or name not in _ROOT_ONLY]
    found = {name: path for name in needed if (path := shutil.which(name))}
    if missing := [name for name in needed if name not in found]:
        packages = " ".join(sorted({_PACKAGE[name] for name in missing}))
        sudo = "" if os.geteuid() == 0 else "sudo "  # which root needs not, and may not have
        raise PrerequisiteError(
            f"untrusted programs cannot be run: {', '.join(missing)} not found on PATH",
            fix=f"{sudo}apt-get install {packages} (Fedora: {sudo}dnf install {packages}), or with docker or podman: "
            f"export {CHOICE}=docker",
        )
    return MappingProxyType(found)
