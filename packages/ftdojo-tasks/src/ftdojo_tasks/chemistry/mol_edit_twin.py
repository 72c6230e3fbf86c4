"""The generated stand-in for ChemCoTBench ``mol_edit``: same schema, prompt shape, scorer and defects.

As in the real data: the fields of raw rows and of items, an empty ``gt``, the groups and a reference molecule
in ``meta``, the ten groups that the benchmark uses, and the defects of raw rows (see
:mod:`ftdojo_tasks.chemistry.twins`). Unlike it: queries and molecules are short, the reasoning is computed, and the
reference is written in the order of the source, so that a small model can learn to copy all but the edit. To most
sources groups were added, so that a named group occurs in them with every count of a range equally often: the scorer
counts nothing else, and if sources mostly had none or one, one molecule would be right for half of the items.

Two in three questions are easy: their molecule is written from the place of the edit, which so is a change at the
beginning of the text. In the others a group is added at the first carbon atom that can bear it, and to delete or
substitute one, it has to be found in the molecule. Every reference is right by the task's own rule.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path

from ftdojo.tasks.spec import Sources
from ftdojo_tasks.chemistry import edits, groups, twins
from ftdojo_tasks.chemistry.edits import Result
from ftdojo_tasks.chemistry.mol_edit import CHANGES, KEYS
from ftdojo_tasks.chemistry.molecules import Molecule, load
from ftdojo_tasks.chemistry.twins import Maker, Question

SEED = "mol_edit twin 3"
SMILES_CHARS = (6, 45)
RAW_ROWS = {"add": 700, "delete": 600, "sub": 700}
EASY = 2 / 3
BEGINNING = 10
"""Characters of a molecule that an easy edit may concern."""
ITEMS = {"add": 33, "delete": 33, "sub": 34}
GROUPS = (
    "aldehyde",
    "amide",
    "amine",
    "benzene_ring",
    "carboxyl",
    "halo",
    "hydroxyl",
    "nitrile",
    "nitro",
    "thiol",
)
"""The groups that the benchmark asks for."""
QUERIES = {
    "add": "Add the functional group to the molecule.",
    "delete": "Delete the functional group from the molecule.",
    "sub": "Delete the first functional group from the molecule and add the second one.",
}
LINES = {
    "add": "Functional Group to add: {added_group}.",
    "delete": "Functional Group to delete: {removed_group}.",
    "sub": "Functional Group to delete: {removed_group}, Functional Group to add: {added_group}.",
}

STARTS = {"added_group": (0, 1, 2, 3), "removed_group": (1, 2, 3, 4)}
"""Field of ``meta`` -> how often its group occurs in sources, all equally often: no count is right in most items."""
TRIES = 60
"""Molecules that are tried for a source with given groups."""

Named = Mapping[str, str]
"""Field of ``meta`` -> group."""
Cell = Mapping[str, tuple[str, int]]
"""Field of ``meta`` -> group, and how often it occurs in the source."""

CANDIDATES: Mapping[str, Callable[[Molecule, Named, random.Random], Iterator[Result]]] = {
    "add": lambda molecule, named, rng: (
        result for _, result in edits.additions(molecule, [named["added_group"]], rng)
    ),
    "delete": lambda molecule, named, rng: (
        result for _, result in edits.deletions(molecule, [named["removed_group"]], rng)
    ),
    "sub": lambda molecule, named, rng: (
        result for *_, result in edits.substitutions(molecule, [named["removed_group"]], [named["added_group"]], rng)
    ),
}
"""Sub-task -> edits of a molecule that may be what is asked for."""


def build(folder: Path, sources: Sources) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``.

    Raises:
        PrerequisiteError: see :func:`ftdojo_tasks.chemistry.molecules.load`.
    """
    rng = twins.generator(SEED)
    train, validation, test = twins.split(load(*SMILES_CHARS), rng)
    files = [twins.RawFile(name=subtask, make=MAKERS[subtask], rows=rows) for subtask, rows in RAW_ROWS.items()]
    twins.write_raw(folder / "raw" / "chemcotbench-cot" / "mol_edit", files, train, rng)
    makers = {MAKERS[subtask]: n for subtask, n in ITEMS.items()}
    for name, molecules in (("validation", validation), ("test", test)):
        twins.write_items(folder / f"{name}.jsonl", makers, molecules, rng)


def make(subtask: str, molecules: Sequence[Molecule], n: int, rng: random.Random) -> list[Question]:
    """Different questions for a sub-task, of groups and their counts in turn."""

    def questions() -> Iterator[Question]:
        seen = set()
        every = cells(subtask)
        while True:
            for cell in rng.sample(every, len(every)):
                found = find_question(subtask, cell, molecules, rng)
                if found and found.query not in seen:
                    seen.add(found.query)
                    yield found

    return twins.take(questions(), n)


def cells(subtask: str) -> list[Cell]:
    """The groups that a sub-task may name, with every count that they may have in a source."""
    fields = tuple(CHANGES[subtask])
    choices = [[(group, count) for group in GROUPS for count in STARTS[field]] for field in fields]
    return [
        dict(zip(fields, chosen, strict=True))
        for chosen in product(*choices)
        if len({group for group, _ in chosen}) == len(fields)
    ]


def find_question(subtask: str, cell: Cell, molecules: Sequence[Molecule], rng: random.Random) -> Question | None:
    """A question about these groups, or ``None`` if none of the molecules tried fits."""
    named = {field: group for field, (group, _) in cell.items()}
    easy = rng.random() < EASY
    for molecule in rng.sample(molecules, TRIES):
        source = with_groups(molecule, cell, rng)
        if source is None:
            continue
        for written in source.rewritten(rng) if easy else (source,):
            for result in CANDIDATES[subtask](written, named, rng):
                if (not easy or at_beginning(written, result)) and follows(written, result, subtask, named):
                    return question(subtask, written, named, result)
    return None


def with_groups(molecule: Molecule, cell: Cell, rng: random.Random) -> Molecule | None:
    """The molecule with groups put on until all have their counts, or ``None``."""
    if any(groups.count(molecule.mol, group) > wanted for group, wanted in cell.values()):
        return None
    source: Molecule | None = molecule
    for group, wanted in cell.values():
        if source is not None:
            fragments = () if group == "benzene_ring" else edits.FRAGMENTS[group]  # a ring would change the scaffold
            source = edits.enriched(source, fragments, partial(groups.count, group=group), wanted, SMILES_CHARS[1], rng)
    fits = source is not None and all(groups.count(source.mol, group) == count for group, count in cell.values())
    return source if fits else None


def at_beginning(molecule: Molecule, result: Result) -> bool:
    """Whether all but the beginning of a molecule's text is also that of the result."""
    return result.smiles.endswith(molecule.smiles[BEGINNING:])


MAKERS: Mapping[str, Maker] = {subtask: partial(make, subtask) for subtask in CHANGES}


def follows(molecule: Molecule, result: Result, subtask: str, named: Named) -> bool:
    """Whether a result is right by the rule of the task."""
    return all(
        groups.count(result.mol, named[field]) == groups.count(molecule.mol, named[field]) + by
        for field, by in CHANGES[subtask].items()
    )


def question(subtask: str, molecule: Molecule, named: Named, result: Result) -> Question:
    """One question with its reference."""
    line = f"Input Molecule: {molecule.smiles}, {LINES[subtask].format_map(named)}"
    meta = {"molecule": molecule.smiles, **named, "reference": result.smiles}
    return Question(
        task="mol_edit",
        subtask=subtask,
        query=twins.ask(QUERIES[subtask], {KEYS[0]: "SMILES"}, line),
        answer={KEYS[0]: result.smiles},
        steps={
            "molecule_analysis": f"{molecule.mol.GetNumAtoms()} heavy atoms",
            "groups": ", ".join(f"{group}: {groups.count(molecule.mol, group)}" for group in named.values()),
        },
        meta=meta,
        raw_meta=meta,
    )
