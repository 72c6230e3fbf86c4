"""Read a recipe, write its rows, and print how many raw rows were passed over and why."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from . import MARK
from .mixture import Skipped, mix

MOST_REASONS = 10


def main() -> None:
    """Read the arguments, write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("recipe", "input", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--limit", type=int, required=True)
    arguments = parser.parse_args()
    recipe = json.loads(arguments.recipe.read_text("utf-8"))
    skipped: Skipped = Counter()
    with arguments.output.open("w", encoding="utf-8") as stream:
        for row in mix(recipe, arguments.input, arguments.limit, skipped):
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{MARK}{json.dumps(dict(skipped.most_common(MOST_REASONS)))}")  # noqa: T201 - the output of a data program


if __name__ == "__main__":
    main()
