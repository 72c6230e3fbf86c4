"""Read a recipe, write its rows, and print how many raw rows were passed over and why, and how samples were judged."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

from . import MARK
from .mixture import Pair, Skipped, mix
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
            stream.write(json.dumps(_written(row, recipe), ensure_ascii=False) + "\n")
    report = {"passed_over": dict(skipped.most_common(MOST_REASONS)), SAMPLED: sampled}
    print(f"{MARK}{json.dumps(report)}")  # noqa: T201 - the output of a data program


def _written(row: Pair, recipe: dict[str, Any]) -> dict[str, Any]:
    """The row in the form that the method reads."""
    if recipe["items"]:
        return {"item": row["item"], **({"subtask": row["subtask"]} if row["subtask"] else {})}
    kept = {key: value for key, value in row.items() if key != "item"}
    if "rejected" in kept:
        kept["chosen"] = kept.pop("completion")
    return kept


if __name__ == "__main__":
    main()
