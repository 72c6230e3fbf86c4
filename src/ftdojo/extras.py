"""Optional packages: what to type when one is missing."""

from __future__ import annotations

import re
from importlib.metadata import requires

_OF_EXTRA = re.compile(r"""(?P<package>[^;]+?)\s*;\s*extra\s*==\s*["'](?P<extra>[\w-]+)["']""")


def install_command(extra: str) -> str:
    """Return the command that installs the packages of an extra of ftdojo, such as ``gguf``.

    It names the packages themselves, because ftdojo is on no package index.

    Raises:
        ValueError: if ftdojo has no such extra.
    """
    found = [_OF_EXTRA.fullmatch(requirement) for requirement in requires("ftdojo") or ()]
    packages = [match["package"] for match in found if match and match["extra"] == extra]
    if not packages:
        raise ValueError(f"ftdojo has no extra '{extra}'")
    return " ".join(["pip install", *(f"'{package}'" for package in packages)])
