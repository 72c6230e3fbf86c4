"""The programs of the host that build a sandbox: found, or a :class:`PrerequisiteError` that names all missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from types import MappingProxyType

from ftdojo.errors import PrerequisiteError

_PACKAGE = {
    "bwrap": "bubblewrap",
    "sh": "dash",
    "setpriv": "util-linux",
    "prlimit": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
}
_ROOT_ONLY = {"unshare", "mount"}


def find_tools() -> Mapping[str, str]:
    """Name -> absolute path of every tool that this user needs.

    Raises:
        PrerequisiteError: not Linux, or tools missing. There is no weaker way to run untrusted code to fall back on.
    """
    if sys.platform != "linux":
        raise PrerequisiteError("untrusted programs can only be run on Linux", fix="use a Linux machine or container")
    needed = [name for name in _PACKAGE if os.geteuid() == 0 or name not in _ROOT_ONLY]
    found = {name: path for name in needed if (path := shutil.which(name))}
    if missing := [name for name in needed if name not in found]:
        packages = " ".join(sorted({_PACKAGE[name] for name in missing}))
        raise PrerequisiteError(
            f"untrusted programs cannot be run: {', '.join(missing)} not found on PATH",
            fix=f"apt-get install {packages}",
        )
    return MappingProxyType(found)
