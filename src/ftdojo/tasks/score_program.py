"""Run a user's ``scorer.py`` over items and outputs. Copied next to it and run alone: standard library only.

python main.py INPUTS OUTPUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """Read ``{"item", "output"}`` lines; write one ``{"score"}`` or ``{"error"}`` line for each."""
    from scorer import score  # type: ignore[import-not-found]

    inputs, output = map(Path, sys.argv[1:])
    with inputs.open(encoding="utf-8") as cases, output.open("w", encoding="utf-8") as replies:
        for case in map(json.loads, cases):
            try:
                reply: dict[str, object] = {"score": float(score(case["item"], case["output"]))}
            except Exception as error:  # noqa: BLE001 - any error of the user's code is reported for its item
                reply = {"error": f"{type(error).__name__}: {error}"}
            replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
