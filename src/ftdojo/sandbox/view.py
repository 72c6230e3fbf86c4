"""A sandboxed program's view of the file system: a list of entries, each with its bubblewrap arguments."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ftdojo.sandbox import generators

CONFINE = "/confine.py"
ABSENT = Path(__file__).parent / "absent"
"""A package whose import fails."""
EMPTY = Path(__file__).parent / "empty"
"""A file without content."""


@dataclass(frozen=True, slots=True)
class Bind:
    """A host file or folder, shown at ``target``."""

    source: Path
    target: str
    writable: bool = False

    def arguments(self) -> list[str]:
        """``--bind`` or ``--ro-bind``."""
        return ["--bind" if self.writable else "--ro-bind", str(self.source), self.target]


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link at ``target`` that points to ``destination``."""

    destination: str
    target: str

    def arguments(self) -> list[str]:
        """``--symlink``."""
        return ["--symlink", self.destination, self.target]


@dataclass(frozen=True, slots=True)
class Scratch:
    """An empty in-memory file system of at most ``size`` bytes."""

    target: str
    size: int

    def arguments(self) -> list[str]:
        """``--tmpfs`` with a size; without it, the file system could grow to half of the machine's memory."""
        return ["--size", str(self.size), "--tmpfs", self.target]


@dataclass(frozen=True, slots=True)
class Hidden:
    """An empty, read-only folder that covers the previous content of ``target``."""

    target: str

    def arguments(self) -> list[str]:
        """``--tmpfs``, then made read-only."""
        return ["--tmpfs", self.target, "--remount-ro", self.target]


Entry = Bind | Link | Scratch | Hidden
"""One step in building the program's file system."""


def system() -> list[Bind | Link]:
    """The operating system's public files: ``/usr``, the links into it, and what the dynamic linker and clocks need."""
    entries: list[Bind | Link] = [Bind(Path("/usr"), "/usr")]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            entries.append(Link(str(path.readlink()), str(path)))
        elif path.is_dir():
            entries.append(Bind(path, str(path)))
    files = map(Path, ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/fonts", "/etc/mime.types"))
    return [*entries, *(Bind(path, str(path)) for path in files if path.exists())]


def scratch(size: int) -> list[Scratch]:
    """Scratch space for temporary files, ``size`` bytes each."""
    return [Scratch(target, size) for target in ("/dev/shm", "/tmp")]  # noqa: S108 - the sandbox's own


def interpreter() -> list[Bind]:
    """The running Python and its installed packages, each at its own path, as its scripts and links expect."""
    prefixes = dict.fromkeys(Path(prefix) for prefix in (sys.base_prefix, sys.prefix))
    paths = dict.fromkeys(path for prefix in prefixes for path in (prefix, prefix.resolve()))
    return [Bind(path.resolve(), str(path)) for path in paths if not path.is_relative_to("/usr")]


def python() -> str:
    """The path inside the sandbox of the interpreter that runs ftdojo."""
    return sys.executable


def add_confinement(program: Sequence[str], writable: str) -> list[str]:
    """Prefix ``program`` with :mod:`ftdojo.sandbox.confine`, which applies Landlock before it starts the program."""
    return [python(), "-I", "-S", "-B", CONFINE, writable, *program]


def inputs(read_only: Mapping[Path, str]) -> list[Bind]:
    """The caller's read-only files and folders.

    Raises:
        FileNotFoundError: if one does not exist.
    """
    return [Bind(path.resolve(strict=True), inside) for path, inside in read_only.items()]


def mask_paths(binds: Sequence[Bind], paths: Iterable[Path]) -> list[Entry]:
    """Return masks for ``paths`` and for the code that can generate test items, wherever ``binds`` would show them."""
    asked = {path.resolve() for path in paths}
    masks: dict[str, Entry] = {
        place: _mask(path, place) for path in generators.find_code() for place in _places(binds, path)
    }
    # A part of such a project that the caller binds by name is shown, except the code in it.
    inner = [path for path in generators.find_projects() if all(path != bind.source for bind in binds)]
    masks |= {
        place: Bind(EMPTY, place) if path.is_file() else Hidden(place)
        for path in [*inner, *asked]
        for place in _places(binds, path)
    }
    # Paths within a masked path need no mask of their own.
    return [mask for place, mask in masks.items() if masks.keys().isdisjoint(map(str, PurePosixPath(place).parents))]


def _mask(path: Path, place: str) -> Entry:
    if path.is_file():
        return Bind(ABSENT / "__init__.py" if path.suffix == ".py" else EMPTY, place)
    return Bind(ABSENT, place) if generators.is_importable(path) else Hidden(place)


def _places(binds: Sequence[Bind], path: Path) -> Iterator[str]:
    for bind in binds:
        if path.is_relative_to(bind.source):
            yield str(PurePosixPath(bind.target, path.relative_to(bind.source)))
