"""Read a recipe, write its rows, and print how many raw rows were passed over and why, and how samples were judged."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from importlib import import_module
from pathlib import Path

from . import MARK
from .mixture import Skipped, mix
from .sampling import SAMPLED, apply

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
    rows, sampled = mix(recipe, arguments.input, arguments.limit, skipped), None
    if recipe["sample"]["samples"]:
        # The sandbox has this module only if the recipe asks a model.
        rows, sampled = apply(rows, recipe, arguments.limit, import_module("ftdojo_llm"), skipped)
    with arguments.output.open("w", encoding="utf-8") as stream:
        for row in rows:
            row.pop("item", None)
            if "rejected" in row:
                row["chosen"] = row.pop("completion")
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    report = {"passed_over": dict(skipped.most_common(MOST_REASONS)), SAMPLED: sampled}
    print(f"{MARK}{json.dumps(report)}")  # noqa: T201 - the output of a data program


if __name__ == "__main__":
    main()
