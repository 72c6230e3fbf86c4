"""Check the table of docs/security.md, which says which test proves each wall: python scripts/check_proofs.py

Every proof must exist: a test function, or folders of ``tests/attacks`` (``*`` at the end stands for any rest of a
name). Every attack must be in a row, either itself or because the test that runs it is.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = Path("docs/security.md")
ATTACKS = "tests/attacks"
HEAD = "| who | hands in | what stands there | proof |"
RUN_BY = {"process_data.py", "recipe.yaml", "submission.py", "model.py", "record.py"}
"""Files of attacks that a parametrized test of the table runs."""


def rows(page: str) -> list[list[str]]:
    """Return the proofs of each row of the table.

    Raises:
        ValueError: if there is no such table.
    """
    _, found, after = page.partition(HEAD)
    if not found:
        raise ValueError(f"{PAGE} has no table {HEAD}")
    lines = after.strip().splitlines()[1:]
    table = lines[: next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [re.findall(r"`([^`]+)`", line.rstrip("| ").rsplit("|", 1)[1]) for line in table]


def faults(root: Path, page: str) -> list[str]:
    """Return what is wrong with the table of ``page`` for the tests below ``root``."""
    found: list[str] = []
    named: set[str] = set()
    attacks = {path.parent.name for path in (root / ATTACKS).glob("*/expect.toml")}
    for number, proofs in enumerate(rows(page), start=1):
        if not proofs:
            found.append(f"row {number} names no proof")
        for proof in proofs:
            path, _, test = proof.partition("::")
            if test:
                if test not in _functions(root / path):
                    found.append(f"row {number}: there is no test {proof}")
                continue
            name = Path(path).name
            matching = {a for a in attacks if a == name or (name.endswith("*") and a.startswith(name[:-1]))}
            if not matching or Path(path).parent.as_posix() != ATTACKS:
                found.append(f"row {number}: there is no attack {proof}")
            named |= matching
    found += [
        f"the attack {name} is in no row"
        for name in sorted(attacks - named)
        if not name.startswith("good_") and not any((root / ATTACKS / name / file).is_file() for file in RUN_BY)
    ]
    return found


def _functions(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


if __name__ == "__main__":
    problems = faults(ROOT, (ROOT / PAGE).read_text("utf-8"))
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))
