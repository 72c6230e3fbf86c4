"""A user's own ``scorer.py``: untrusted code, which is run by a runner that the caller passes, and never imported here.

``scorer.py`` defines ``score(item: dict, output: str) -> float`` with values from 0 (wrong) to 1 (right).
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ftdojo.contract.task_spec import Record
from ftdojo.errors import InputError, PrerequisiteError
from ftdojo.findings import Finding
from ftdojo.tasks.aggregate import parsed_percent
from ftdojo.tasks.itemwise import MeanScorer
from ftdojo.tasks.rows import MAX_FINDINGS, scan_jsonl
from ftdojo.tasks.spec import ItemScore, Scorer

PROGRAM = Path(__file__).with_name("score_program.py")


class CodeRunner(Protocol):
    """Runs untrusted Python code, isolated from the machine."""

    def __call__(self, program: Path, inputs: Path, output: Path) -> None:
        """Run ``python main.py INPUTS OUTPUT`` in the folder ``program``.

        The program may read its folder and the file ``inputs`` and write the file ``output``, and nothing else.

        Raises:
            InputError: if the program fails.
            InfrastructureError: if it cannot be run.
        """


@runtime_checkable
class RunsCode(Protocol):
    """A scorer that runs untrusted code once it is bound to a runner."""

    def bind(self, runner: CodeRunner) -> Scorer:
        """Return the scorer with a runner."""


@dataclass(frozen=True, slots=True)
class ExternalScorer(MeanScorer):
    """A scorer that runs a ``scorer.py``. Without a runner it cannot score."""

    code: Path
    gold_text: Callable[[Record], str]
    subtask: Callable[[Record], str]
    runner: CodeRunner | None

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """Return one verdict per item; an output counts as parsed if it is not blank.

        Raises:
            PrerequisiteError: without a runner.
            InputError: naming the items for which ``scorer.py`` fails or returns no number from 0 to 1.
        """
        if self.runner is None:
            raise PrerequisiteError(
                f"{self.code.name} is untrusted code, and there is no sandbox to run it in",
                fix="score through `ftdojo score` or `ftdojo run`, which have a sandbox",
            )
        with tempfile.TemporaryDirectory(prefix="ftdojo-score-") as temporary:
            folder = Path(temporary)
            program, inputs, output = folder / "program", folder / "inputs.jsonl", folder / "output.jsonl"
            program.mkdir()
            shutil.copyfile(PROGRAM, program / "main.py")
            shutil.copyfile(self.code, program / "scorer.py")
            pairs = zip(items, outputs, strict=True)
            # JSON escapes, because model output may contain lone surrogates, which UTF-8 cannot encode.
            inputs.write_text("".join(json.dumps({"item": i, "output": o}) + "\n" for i, o in pairs), "utf-8")
            self.runner(program, inputs, output)
            replies = [reply for _, reply in scan_jsonl(output)]
        values = _values(replies, items, self.code.name)
        return [
            ItemScore(
                id=str(item["id"]),
                subtask=self.subtask(item),
                score=value,
                parsed=bool(text.strip()),
                error=None if value == 1.0 else "wrong" if text.strip() else "empty",
            )
            for item, text, value in zip(items, outputs, values, strict=True)
        ]

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return the share of outputs that are not blank."""
        return {"parsed": parsed_percent(scores)}

    def gold(self, item: Record) -> str:
        """Return the item's gold text."""
        return self.gold_text(item)


def _values(replies: Sequence[Any], items: Sequence[Record], where: str) -> list[float]:
    findings, values = [], []

    def fault(code: str, message: str, fix: str) -> None:
        findings.append(Finding(code=code, gate=0, message=message, where=where, fix=fix))

    if len(replies) != len(items):
        fault("scorer_failed", f"gave {len(replies)} scores for {len(items)} items", "do not change INPUTS and OUTPUT")
    for item, reply in zip(items, replies, strict=False):
        value = reply.get("score") if isinstance(reply, dict) else None
        if isinstance(value, float) and math.isfinite(value) and 0.0 <= value <= 1.0:
            values.append(value)
        else:
            fix = "score(item, output) must return a number from 0 to 1"
            fault("scorer_failed", f"item {item['id']}: {str(reply)[:200]}", fix)
    if findings:
        raise InputError(findings[:MAX_FINDINGS])
    return values
