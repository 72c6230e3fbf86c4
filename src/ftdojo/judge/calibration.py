"""How far a judge agrees with people: its verdicts on outputs that a person has judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import StrictBool

from ftdojo.errors import InputError, UsageError
from ftdojo.findings import Finding
from ftdojo.judge.scorer import JudgeScorer
from ftdojo.plain import plural
from ftdojo.schema import StrictModel, parse
from ftdojo.stats import Agreement, beats_chance
from ftdojo.tasks.rows import MAX_FINDINGS, read_jsonl


class JudgedPair(StrictModel):
    """A line of the file of judged outputs."""

    item: dict[str, Any]
    """An item of the task."""
    output: str
    """What a model answered."""
    right: StrictBool
    """Whether a person calls it right."""


def read_judged(path: Path) -> list[JudgedPair]:
    """Read outputs that a person has judged, as JSON lines.

    Raises:
        UsageError: if there is no such file.
        InputError: naming the lines that are no judged outputs, or if some outputs are blank.
    """
    if not path.is_file():
        fix = 'write lines such as {"item": {…}, "output": "…", "right": true}, thirty or more of each verdict'
        raise UsageError(f"there are no judged outputs {path}", fix=fix)
    pairs: list[JudgedPair] = []
    findings: list[Finding] = []
    for number, row in enumerate(read_jsonl(path), start=1):
        where = f"{path.name}: row {number}"
        try:
            pairs.append(parse(row, JudgedPair, where=where))
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(findings[:MAX_FINDINGS])
    return pairs


def calibrate(scorer: JudgeScorer, pairs: Sequence[JudgedPair]) -> Agreement:
    """Ask a judge about outputs that a person has judged, and count where it agrees.

    Raises:
        UsageError: if the judge is not shown to be better than chance.
        InputError, LlmError: as :meth:`JudgeScorer.score`.
    """
    items = [{**pair.item, "id": f"judged {number}"} for number, pair in enumerate(pairs, start=1)]
    verdicts = scorer.score(items, [pair.output for pair in pairs])
    accepted = [verdict.error is None for verdict in verdicts]
    right = [yes for yes, pair in zip(accepted, pairs, strict=True) if pair.right]
    wrong = [yes for yes, pair in zip(accepted, pairs, strict=True) if not pair.right]
    known = Agreement(right=len(right), accepted=sum(right), wrong=len(wrong), rejected=wrong.count(False))
    if not beats_chance(known):
        without = int(scorer.metrics(verdicts)["no_verdict"]) if verdicts else 0
        raise UsageError(
            f"the judge {scorer.judge.model} is not shown to be better than chance: it accepts {known.accepted} of "
            f"{plural(known.right, 'right output')} and rejects {known.rejected} of "
            f"{plural(known.wrong, 'wrong one')}; on {without} it gives no verdict",
            fix="judge more outputs of both kinds, write a clearer rubric, or take a better model",
        )
    return known
