"""Writing ``golden.toml``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from ftdojo_tasks.golden import FILE, Golden, read

HEAD = """\
# Digests of what each task makes; they are its version. Written by `python -m ftdojo_tasks.golden --write`.
"""


def write(family: str, tables: dict[str, Golden]) -> None:
    """Write the file of a family into its source folder."""
    lines = [HEAD]
    for name, golden in tables.items():
        lines.append(f'["{name}"]')
        lines += [f'{key} = "{getattr(golden, key)}"' for key in ("specification", "prompts", "scores", "hub")]
        formerly = ", ".join(f'"{version}"' for version in golden.formerly)
        lines.append(f"formerly = [{formerly}]")
        lines += [f'["{name}".twin]', *(f'"{path}" = "{known}"' for path, known in golden.twin.items()), ""]
    Path(str(files(family) / FILE)).write_text("\n".join(lines).rstrip("\n") + "\n", "utf-8")


def update(family: str, name: str, **measured: Any) -> Golden:
    """Write the measured digests of a task into its family's file; a task that has changed loses ``formerly``."""
    tables = read(family)
    before = tables.get(name)
    after = Golden.model_validate({**(before.model_dump() if before else {}), **measured})
    if before is not None and before.content != after.content:
        after = after.model_copy(update={"formerly": ()})
    if before != after:
        write(family, {**tables, name: after})
    return after
