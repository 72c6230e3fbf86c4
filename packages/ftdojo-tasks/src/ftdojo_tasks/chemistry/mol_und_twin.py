"""The generated stand-in for ChemCoTBench ``mol_und``: same schema, prompt shape, scorer and defects; exact answers.

As in the real data: the fields of raw rows and of items, the JSON key that each query asks for, the gold in
``meta``, more rows for some sub-tasks than for others, and the defects of raw rows (see
:mod:`ftdojo_tasks.chemistry.twins`). Unlike it: queries and molecules are short, so that a small model can be trained
quickly; the reasoning is computed; ``equivalence`` has raw rows; yes and no are even, and so are the counts from 0 to
4, so that guessing is right in one of five: to most molecules of ``fg_count`` groups were added for this.

All gold answers are unambiguous: a molecule whose rings can be counted in two ways is not used, and a ring system that
is "not present" is no part of another one either.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors

from ftdojo.tasks.spec import Sources
from ftdojo_tasks.chemistry import edits, twins
from ftdojo_tasks.chemistry.mol_und import KEYS
from ftdojo_tasks.chemistry.molecules import Molecule, load
from ftdojo_tasks.chemistry.twins import Maker, Question

SEED = "mol_und twin 2"
SMILES_CHARS = (6, 45)
RAW_ROWS = {
    "fg_count": 700,
    "ring_count": 600,
    "Murcko_scaffold": 500,
    "ring_system_scaffold": 300,
    "equivalence": 400,
}
ITEMS = 20
"""Items a sub-task in each of validation and test."""
COUNTS = range(5)
"""The gold counts, all equally frequent."""

GROUPS = {
    "hydroxyl": "[OX2H]",
    "carboxyl": "[CX3](=O)[OX2H1]",
    "ester": "[CX3](=O)([#6])[OX2H0][#6]",
    "ketone": "[CX3](=O)([#6])[#6]",
    "amide": "[CX3](=[OX1])([#6])[NX3]",
    "amine": "[NX3;H2,H1;!$(NC=O)]",
    "nitrile": "[NX1]#[CX2]",
    "nitro": "[$([NX3](=O)=O),$([NX3+](=O)[O-])][!#8]",
    "halo": "[F,Cl,Br,I]",
    "sulfone": "[$([#16X4](=[OX1])=[OX1]),$([#16X4+2]([OX1-])[OX1-])]",
}
"""Functional group -> SMARTS, as ChemCoTBench counts them (a carboxyl group is a hydroxyl group, too), but written so
that the first atom is the one by which a group is known."""

FRAGMENTS = {
    **edits.FRAGMENTS,
    "ester": ("C(=O)OC",),
    "ketone": ("C(C)=O",),
    "sulfone": ("S(C)(=O)=O",),
}
"""Functional group -> what is put on a molecule that has too few: SMILES whose first atom is bound."""

RINGS: dict[str, Callable[[Ring], bool]] = {
    "five-membered ring": lambda ring: len(ring.atoms) == 5,
    "six-membered ring": lambda ring: len(ring.atoms) == 6,
    "aromatic ring": lambda ring: ring.kind == "aromatic",
    "benzene": lambda ring: (ring.kind, ring.elements) == ("aromatic", "CCCCCC"),
    "pyridine": lambda ring: (ring.kind, ring.elements) == ("aromatic", "CCCCCN"),
    "cyclohexane": lambda ring: (ring.kind, ring.elements) == ("saturated", "CCCCCC"),
    "cyclopentane": lambda ring: (ring.kind, ring.elements) == ("saturated", "CCCCC"),
    "piperidine": lambda ring: (ring.kind, ring.elements) == ("saturated", "CCCCCN"),
    "carbocycle": lambda ring: set(ring.elements) == {"C"},
    "heterocycle": lambda ring: set(ring.elements) != {"C"},
}
"""Ring structure -> whether a ring is one."""

QUERIES = {
    "fg_count": "Count how often the functional group occurs in the molecule.",
    "ring_count": "Count how often the ring structure occurs in the molecule.",
    "Murcko_scaffold": "Find the Murcko scaffold of the molecule: its rings and the chains that link them.",
    "ring_system_scaffold": "Decide whether the ring system is one of the ring systems of the molecule.",
    "equivalence": "Decide whether both SMILES describe the same molecule.",
}
FORMS = {
    "fg_count": "Your Answer Number",
    "ring_count": "Your Answer Number",
    "Murcko_scaffold": "SMILES",
    "ring_system_scaffold": "Yes / No",
    "equivalence": "Yes / No",
}


@dataclass(frozen=True, slots=True)
class Ring:
    """One of the smallest rings of a molecule."""

    atoms: tuple[int, ...]
    kind: str
    """``aromatic``, ``saturated`` (single bonds only) or ``mixed``."""
    elements: str
    """Element symbols, sorted."""


def build(folder: Path, sources: Sources) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``.

    Raises:
        PrerequisiteError: see :func:`ftdojo_tasks.chemistry.molecules.load`.
    """
    rng = twins.generator(SEED)
    train, validation, test = twins.split(load(*SMILES_CHARS), rng)
    files = [twins.RawFile(name=subtask, make=MAKERS[subtask], rows=rows) for subtask, rows in RAW_ROWS.items()]
    twins.write_raw(folder / "raw" / "chemcotbench-cot" / "mol_und", files, train, rng)
    for name, molecules in (("validation", validation), ("test", test)):
        twins.write_items(folder / f"{name}.jsonl", dict.fromkeys(MAKERS.values(), ITEMS), molecules, rng)


def question(subtask: str, line: str, gold: str, steps: dict[str, str]) -> Question:
    """One question: an input line with its answer."""
    key = KEYS[subtask][0]
    return Question(
        task="mol_und",
        subtask=subtask,
        query=twins.ask(QUERIES[subtask], {key: FORMS[subtask]}, line),
        answer={key: gold},
        steps=steps,
        gt=gold,
        raw_meta={"gt": gold, "input": line},
    )


def count_groups(molecules: Sequence[Molecule], n: int, rng: random.Random) -> list[Question]:
    """Questions for ``fg_count``: any group, any molecule, to which groups are added until their count is that asked
    for. If a count was left to molecules as they are, nearly all would be 0 or 1."""
    patterns = {name: Chem.MolFromSmarts(smarts) for name, smarts in GROUPS.items()}
    questions: dict[str, Question] = {}

    def matches(mol: Any, name: str) -> list[tuple[int, ...]]:
        return list(mol.GetSubstructMatches(patterns[name]))

    while len(questions) < n:
        gold, name = COUNTS[len(questions) % len(COUNTS)], rng.choice(list(GROUPS))

        def count(mol: Any, name: str = name) -> int:
            return len(matches(mol, name))

        molecule = edits.enriched(rng.choice(molecules), FRAGMENTS[name], count, gold, SMILES_CHARS[1], rng)
        atoms = sorted({match[0] + 1 for match in matches(molecule.mol, name)}) if molecule else []
        if molecule is None or len(atoms) != gold:
            continue
        steps = {
            "molecule_analysis": f"{molecule.mol.GetNumAtoms()} heavy atoms",
            "matches": f"{name} at atom {', '.join(map(str, atoms))}" if atoms else f"no {name}",
        }
        line = f"Input Molecule: {molecule.smiles}, Fragment Name: {name}."
        questions.setdefault(line, question("fg_count", line, str(gold), steps))
    return rng.sample(list(questions.values()), n)


def count_rings(molecules: Sequence[Molecule], n: int, rng: random.Random) -> list[Question]:
    """Questions for ``ring_count``; of each kind of ring that a molecule lacks, as many as of those that it has."""
    found: dict[int, dict[str, list[Question]]] = defaultdict(lambda: defaultdict(list))
    for molecule in molecules:
        every = rings(molecule.mol)
        for name, belongs in RINGS.items() if every else ():
            starts = sorted(min(ring.atoms) + 1 for ring in every if belongs(ring))
            steps = {
                "molecule_analysis": f"rings of sizes {', '.join(str(len(ring.atoms)) for ring in every)}",
                "matches": f"{name} from atom {', '.join(map(str, starts))}" if starts else f"no {name}",
            }
            line = f"Input Molecule: {molecule.smiles}, Ring Structure: {name}."
            found[len(starts)][name].append(question("ring_count", line, str(len(starts)), steps))
    return stratified(found, n, rng)


def find_scaffolds(molecules: Sequence[Molecule], n: int, rng: random.Random) -> list[Question]:
    """Questions for ``Murcko_scaffold``; a molecule that is its own scaffold asks nothing."""
    candidates = [m for m in molecules if m.scaffold not in ("", m.smiles)]
    questions = []
    for molecule in rng.sample(candidates, n):
        steps = {"ring_systems": "; ".join(ring_systems(molecule.mol)), "side_chains": "all other branches fall away"}
        line = f"Input Molecule: {molecule.smiles}"
        questions.append(question("Murcko_scaffold", line, molecule.scaffold, steps))
    return questions


def find_ring_systems(molecules: Sequence[Molecule], n: int, rng: random.Random) -> list[Question]:
    """Questions for ``ring_system_scaffold``: each ring system as often with yes as with no, so it reveals nothing."""
    systems = {m.smiles: ring_systems(m.mol) for m in molecules}
    ringed = [m for m in molecules if systems[m.smiles]]
    questions: dict[str, Question] = {}

    def ask(molecule: Molecule, system: str, answer: str) -> None:
        steps = {
            "ring_systems": "; ".join(systems[molecule.smiles]),
            "comparison": f"{system} is {'one' if answer == 'Yes' else 'none'} of them",
        }
        line = f"Input Molecule: {molecule.smiles}, Ring System Structure: {system}"
        questions.setdefault(line, question("ring_system_scaffold", line, answer, steps))

    while len(questions) < n:
        having = rng.choice(ringed)
        system = rng.choice(systems[having.smiles])
        pattern = Chem.MolFromSmiles(system)
        lacking = [m for m in rng.sample(ringed, 20) if not m.mol.HasSubstructMatch(pattern)]
        if lacking and having.mol.HasSubstructMatch(pattern):
            ask(having, system, "Yes")
            ask(lacking[0], system, "No")
    return list(questions.values())[:n]


def compare_molecules(molecules: Sequence[Molecule], n: int, rng: random.Random) -> list[Question]:
    """Questions for ``equivalence``: a molecule against itself or against one with another element at one atom."""
    questions: list[Question] = []
    for molecule in rng.sample(molecules, len(molecules)):
        same = len(questions) % 2 == 0
        other = molecule if same else mutated(molecule, rng)
        if other is None:
            continue
        written = rewritten(other, rng)
        if written == molecule.smiles:
            continue
        a, b = (rdMolDescriptors.CalcMolFormula(m.mol) for m in (molecule, other))
        steps = {
            "formulas": f"A is {a}, B is {b}",
            "comparison": "the atoms and bonds agree" if same else "the elements differ",
        }
        line = f"Molecule A: {molecule.smiles}, Molecule B: {written}"
        questions.append(question("equivalence", line, "Yes" if same else "No", steps))
        if len(questions) == n:
            return questions
    raise ValueError(f"only {len(questions)} of {n} pairs can be made of {len(molecules)} molecules")


MAKERS: Mapping[str, Maker] = {
    "fg_count": count_groups,
    "ring_count": count_rings,
    "Murcko_scaffold": find_scaffolds,
    "ring_system_scaffold": find_ring_systems,
    "equivalence": compare_molecules,
}


def stratified(found: Mapping[int, Mapping[str, Sequence[Question]]], n: int, rng: random.Random) -> list[Question]:
    """``n`` questions: each count equally often, and of one count each kind of ring, as far as there are any.

    Args:
        found: gold count -> kind of ring -> questions.
        n: the number of questions.
        rng: chooses.
    """
    streams = [_in_turn(found[count], rng) for count in COUNTS]
    chosen = twins.take((one for together in zip(*streams, strict=False) for one in together), n)
    rng.shuffle(chosen)
    return chosen


def _in_turn(kinds: Mapping[str, Sequence[Question]], rng: random.Random) -> Iterator[Question]:
    """All questions in random order: one of each kind, then another one of each, and so on."""
    mixed = [rng.sample(kinds[name], len(kinds[name])) for name in sorted(kinds)]
    rounds = zip_longest(*mixed)
    return (one for together in rounds for one in rng.sample(together, len(together)) if one is not None)


def rings(mol: Any) -> list[Ring]:
    """The smallest rings of a molecule; none if the smallest set of rings is not unique (as in a cage)."""
    info = mol.GetRingInfo()
    if info.NumRings() != mol.GetNumBonds() - mol.GetNumAtoms() + 1:
        return []
    found = []
    for atoms, bonds in zip(info.AtomRings(), info.BondRings(), strict=True):
        types = {mol.GetBondWithIdx(bond).GetBondType() for bond in bonds}
        kind = {Chem.BondType.AROMATIC: "aromatic", Chem.BondType.SINGLE: "saturated"}.get(types.pop(), "mixed")
        elements = "".join(sorted(mol.GetAtomWithIdx(atom).GetSymbol() for atom in atoms))
        found.append(Ring(tuple(atoms), "mixed" if types else kind, elements))
    return found


def ring_systems(mol: Any) -> list[str]:
    """The canonical SMILES of a molecule's ring systems: rings that share an atom, with the atoms doubly bound to them.

    The same system is named once; the order is that of the atoms.
    """
    groups: list[set[int]] = []
    for ring in mol.GetRingInfo().AtomRings():
        touching = [group for group in groups if group & set(ring)]
        groups = [group for group in groups if group not in touching] + [set(ring).union(*touching)]
    found = []
    for group in sorted(groups, key=min):
        part = Chem.RWMol(mol)
        kept = set(group)
        for bond in mol.GetBonds():
            ends = {bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()}
            if len(ends & group) != 1:
                continue
            (inner,), (outer,) = ends & group, ends - group
            atom = part.GetAtomWithIdx(inner)
            if bond.GetBondType() == Chem.BondType.DOUBLE:
                kept.add(outer)
            elif atom.GetIsAromatic() and atom.GetSymbol() != "C":
                atom.SetNumExplicitHs(atom.GetNumExplicitHs() + 1)  # or the ring could not be drawn without it
        for index in sorted(set(range(mol.GetNumAtoms())) - kept, reverse=True):
            part.RemoveAtom(index)
        if Chem.SanitizeMol(part, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
            found.append(Chem.MolToSmiles(part))
    return list(dict.fromkeys(found))


ELEMENTS = {"C": "NOS", "N": "CO", "O": "NS", "S": "O", "F": ("Cl", "Br"), "Cl": ("F", "Br"), "Br": ("F", "Cl")}
"""What an element may be exchanged for."""


def mutated(molecule: Molecule, rng: random.Random) -> Molecule | None:
    """The molecule with another element at one atom outside of its scaffold, or ``None`` if there is no such atom."""
    numbers = Chem.GetPeriodicTable()
    with rdBase.BlockLogs():
        for index in rng.sample(range(molecule.mol.GetNumAtoms()), molecule.mol.GetNumAtoms()):
            changed = Chem.RWMol(molecule.mol)
            atom = changed.GetAtomWithIdx(index)
            if atom.IsInRing() or atom.GetFormalCharge() or atom.GetSymbol() not in ELEMENTS:
                continue
            atom.SetAtomicNum(numbers.GetAtomicNumber(rng.choice(ELEMENTS[atom.GetSymbol()])))
            if Chem.SanitizeMol(changed, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
                other = Molecule.of(changed)
                if other.scaffold == molecule.scaffold:
                    return other
    return None


def rewritten(molecule: Molecule, rng: random.Random) -> str:
    """The molecule's SMILES, written from a random atom in a random order."""
    order = rng.sample(range(molecule.mol.GetNumAtoms()), molecule.mol.GetNumAtoms())
    return str(Chem.MolToSmiles(Chem.RenumberAtoms(molecule.mol, order), canonical=False))
