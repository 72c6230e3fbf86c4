"""The generated stand-in for ChemCoTBench ``mol_opt``: same schema, prompt shape, scorer and defects; three properties.

As in the real data: the fields of raw rows and of items, an empty ``gt``, and the defects of raw rows (see
:mod:`ftdojo_tasks.chemistry.twins`). Unlike it: the three target properties are left out, because their classifiers
have to be downloaded; queries and molecules are short; the reasoning is computed; and the answers of raw rows are one
edit away from the source, written in its order, so that a small model can learn to copy all but the edit.

Log P and solubility follow from the groups that an edit brings or takes; drug-likeness has to be weighed. Every answer
improves its property by a margin, computed by the task's own rule. The sources are good already: most of them were made
from a molecule by edits that improve the property.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path

from ftdojo.tasks.spec import Sources
from ftdojo_tasks.chemistry import edits, twins
from ftdojo_tasks.chemistry.edits import Result
from ftdojo_tasks.chemistry.mol_opt import KEYS
from ftdojo_tasks.chemistry.molecules import Molecule, load
from ftdojo_tasks.chemistry.properties import COMPUTABLE
from ftdojo_tasks.chemistry.twins import Maker, Question

SEED = "mol_opt twin 2"
SMILES_CHARS = (6, 45)
RAW_ROWS = {"logp": 625, "qed": 250, "solubility": 625}
ITEMS = {"logp": 33, "qed": 34, "solubility": 33}
MARGIN = {"logp": 0.3, "qed": 0.01, "solubility": 0.3}
"""Sub-task -> the least improvement of an answer."""
LEAST = {"logp": 2.5, "qed": 0.85, "solubility": -1.0}
"""Sub-task -> the least property of a source, which about one in ten molecules has. So no molecule that is moderately
good for all sub-tasks is often right; one with an extreme property still is right in nearly all items of one."""
RAISED = 4
"""Improvements that a molecule may get to become a source."""
ROUNDS = 8
"""How often a molecule may become a source, each time another one."""
TRIES = 6
"""Edits of a molecule that are tried."""
NAMES = {"logp": "penalized LogP", "qed": "QED", "solubility": "solubility"}
LIPOPHILIC = ("halo", "methyl", "benzene_ring")
POLAR = ("hydroxyl", "amine", "carboxyl", "amide", "nitrile", "nitro")
SOLUBLE = ("hydroxyl", "amine", "carboxyl", "amide")


def build(folder: Path, sources: Sources) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``.

    Raises:
        PrerequisiteError: see :func:`ftdojo_tasks.chemistry.molecules.load`.
    """
    rng = twins.generator(SEED)
    train, validation, test = twins.split(load(*SMILES_CHARS), rng)
    files = [twins.RawFile(name=subtask, make=partial(make, subtask), rows=n) for subtask, n in RAW_ROWS.items()]
    twins.write_raw(folder / "raw" / "chemcotbench-cot" / "mol_opt", files, train, rng)
    makers: dict[Maker, int] = {partial(make, subtask): n for subtask, n in ITEMS.items()}
    for name, molecules in (("validation", validation), ("test", test)):
        twins.write_items(folder / f"{name}.jsonl", makers, molecules, rng)


Edit = tuple[str, Result]
"""What is done, in words, and the result."""


def candidates(subtask: str, molecule: Molecule, rng: random.Random) -> Iterator[Edit]:
    """Edits that are likely to improve a property."""
    if subtask == "logp":
        return chain(_substituted(molecule, POLAR, LIPOPHILIC, rng), _added(molecule, LIPOPHILIC, rng))
    if subtask == "solubility":
        return chain(_substituted(molecule, LIPOPHILIC, SOLUBLE, rng), _added(molecule, SOLUBLE, rng))
    every = (
        _substituted(molecule, edits.FRAGMENTS, (*LIPOPHILIC, *SOLUBLE), rng),
        _deleted(molecule, edits.FRAGMENTS, rng),
        _added(molecule, (*LIPOPHILIC, *SOLUBLE), rng),
    )
    return chain.from_iterable(islice(part, TRIES // 3) for part in every)


def _added(molecule: Molecule, groups: Sequence[str], rng: random.Random) -> Iterator[Edit]:
    return ((f"add {group}", result) for group, result in edits.additions(molecule, groups, rng))


def _deleted(molecule: Molecule, groups: Mapping[str, object], rng: random.Random) -> Iterator[Edit]:
    return ((f"delete {group}", result) for group, result in edits.deletions(molecule, groups, rng))


def _substituted(
    molecule: Molecule, old: Sequence[str] | Mapping[str, object], new: Sequence[str], rng: random.Random
) -> Iterator[Edit]:
    found = edits.substitutions(molecule, old, new, rng)
    return ((f"replace {before} by {after}", result) for before, after, result in found)


def make(subtask: str, molecules: Sequence[Molecule], n: int, rng: random.Random) -> list[Question]:
    """Different questions for a sub-task, about molecules whose property is at least that of :data:`LEAST`."""
    measure = COMPUTABLE[subtask]
    valued = sorted(((measure(molecule.mol), molecule) for molecule in molecules), key=lambda v: v[0], reverse=True)
    better = valued[: len(valued) // 3]  # of the others, few can be made a source

    def questions() -> Iterator[Question]:
        seen = set()
        for value, molecule in chain.from_iterable(rng.sample(better, len(better)) for _ in range(ROUNDS)):
            before, source = raised(value, molecule, subtask, rng)
            if before < LEAST[subtask] or source.smiles in seen:
                continue
            for words, result in islice(candidates(subtask, source, rng), TRIES):
                after = measure(result.mol)
                if after >= before + MARGIN[subtask]:
                    seen.add(source.smiles)
                    steps = {"source": f"{NAMES[subtask]} {before:.2f}", "plan": words, "target": f"{after:.2f}"}
                    yield question(subtask, source, result.smiles, steps)
                    break

    return twins.take(questions(), n)


def raised(value: float, molecule: Molecule, subtask: str, rng: random.Random) -> tuple[float, Molecule]:
    """A property and the molecule, after edits that improve it to that of a source, as far as possible; the scaffold
    stays."""
    measure = COMPUTABLE[subtask]
    for _ in range(RAISED):
        if value >= LEAST[subtask]:
            break
        for _, result in islice(candidates(subtask, molecule, rng), TRIES):
            other = Molecule.of(result.mol)
            if len(other.smiles) > SMILES_CHARS[1] or other.scaffold != molecule.scaffold:
                continue
            after = measure(other.mol)
            if after > value:
                value, molecule = after, other
                break
        else:
            break
    return value, molecule


def question(subtask: str, molecule: Molecule, result: str, steps: Mapping[str, str]) -> Question:
    """One question with its reference."""
    what = f"Change the source molecule so that its {NAMES[subtask]} increases."
    meta = {"source": molecule.smiles, "reference": result}
    return Question(
        task="mol_opt",
        subtask=subtask,
        query=twins.ask(what, {KEYS[0]: "SMILES"}, f"Source Molecule: {molecule.smiles}."),
        answer={KEYS[0]: result},
        steps=steps,
        meta=meta,
        raw_meta={"source": molecule.smiles},
    )
