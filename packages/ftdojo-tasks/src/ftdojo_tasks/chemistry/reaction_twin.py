"""The generated stand-in for ChemCoTBench ``reaction``: same schema, prompt shape, scorer and defects; exact answers.

Reactions are named ones, applied to real molecules as SMARTS; a molecule in which a reaction could take place at two
different atoms is not used for it. What is as in the real data: the fields of raw rows and of items; raw files for
major products, by-products and conditions, the last with ``gt`` and ``cot_result`` in place of ``struct_cot``; items
for major products that ask for by-products, too; and the defects of raw rows (see
:mod:`ftdojo_tasks.chemistry.twins`). What is not: queries and molecules are short; the reasoning is computed; answers
are written in the order of the molecules of the query; reactions are equally frequent; and ``mechsel`` has raw rows, as
``retro`` and ``nepp`` have none.

The kind of a reaction can be derived from the groups and reagents in the text. So can the condition and the mechanism,
which are asked for of four reactions; most questions for conditions even name the reaction. Products have to be written
atom by atom. Training, validation and test have no scaffold of a starting molecule in common.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from rdkit import Chem
from rdkit.Chem import rdChemReactions

from ftdojo.tasks.spec import Sources
from ftdojo_tasks.chemistry import smiles, twins
from ftdojo_tasks.chemistry.molecules import Molecule, load
from ftdojo_tasks.chemistry.reaction import KEYS
from ftdojo_tasks.chemistry.twins import Question, RawFile

SEED = "reaction twin 5"
SMILES_CHARS = (6, 32)
ITEMS = 36
"""Items a sub-task in each of validation and test: what can be learned is a few points, which 20 do not show."""
LETTERS = "ABCD"
NAMED = 0.75
"""Share of the questions for conditions that name the reaction; in the others it must be derived from the groups."""

ACYL = "nucleophilic acyl substitution through a tetrahedral intermediate"
SN2 = "concerted backside substitution (SN2)"
ADDITION = "nucleophilic addition to a multiple bond"
COUPLING = "oxidative addition, transmetalation, reductive elimination"
IMINIUM = "condensation to an iminium ion, then hydride transfer"
SULFONYL = "nucleophilic substitution at sulfur"
ELECTRONS = "stepwise transfer of electrons and protons"
ELIMINATION = "elimination of hydrogen through an activated ester of the oxidant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A named reaction, or one elementary step."""

    name: str
    smarts: str
    """The molecule, then the partner if there is one; the first product is the major one."""
    partners: tuple[str, ...] = ("",)
    condition: str
    mechanism: str = ""
    byproduct: str = ""


REACTIONS = (
    Reaction(
        name="Fischer esterification",
        smarts="[#6:5][C:1](=[O:2])[OX2H1].[OX2H:3][CX4:4]>>[#6:5][C:1](=[O:2])[O:3][C:4]",
        partners=("CO", "CCO"),
        condition="O=S(=O)(O)O",
        mechanism=ACYL,
        byproduct="O",
    ),
    Reaction(
        name="amide coupling",
        smarts="[#6:5][C:1](=[O:2])[OX2H1].[NX3;H2:3][CX4:4]>>[#6:5][C:1](=[O:2])[N:3][C:4]",
        partners=("CN", "CCN", "NCc1ccccc1"),
        condition="CCN=C=NCCCN(C)C",
        mechanism=ACYL,
        byproduct="O",
    ),
    Reaction(
        name="acetylation",
        smarts="[NX3;H2;!$(NC=[O,N,S]);!$(NS=O);!$(N[N,O]):1][#6:2].[C:3](=[O:4])[Cl]>>[#6:2][N:1][C:3]=[O:4]",
        partners=("CC(=O)Cl",),
        condition="CCN(CC)CC",
        mechanism=ACYL,
        byproduct="Cl",
    ),
    Reaction(
        name="sulfonylation",
        smarts="[NX3;H2;!$(NC=[O,N,S]);!$(NS=O);!$(N[N,O]):1][#6:2].[S:3][Cl]>>[#6:2][N:1][S:3]",
        partners=("CS(=O)(=O)Cl",),
        condition="c1ccncc1",
        mechanism=SULFONYL,
        byproduct="Cl",
    ),
    Reaction(
        name="Williamson ether synthesis",
        smarts="[c:1][OX2H:2].[CX4:3][Br]>>[c:1][O:2][C:3]",
        partners=("CCBr", "CCCBr", "BrCc1ccccc1"),
        condition="O=C([O-])[O-].[K+].[K+]",
        mechanism=SN2,
        byproduct="Br",
    ),
    Reaction(
        name="Suzuki coupling",
        smarts="[c:1][Br,I].[c:2]B(O)O>>[c:1][c:2]",
        partners=("OB(O)c1ccccc1", "OB(O)c1ccncc1"),
        condition="[Pd]",
        mechanism=COUPLING,
        byproduct="OB(O)O",
    ),
    Reaction(
        name="nitro reduction",
        smarts="[#6:1][N+:2](=O)[O-]>>[#6:1][N+0:2]",
        condition="[Fe]",
        mechanism=ELECTRONS,
        byproduct="O",
    ),
    Reaction(
        name="ketone reduction",
        smarts="[#6:1][CX3:2](=[O:3])[#6:4]>>[#6:1][C:2]([O:3])[#6:4]",
        condition="[BH4-].[Na+]",
        mechanism=ADDITION,
    ),
    Reaction(
        name="alcohol oxidation",
        smarts="[#6:3][CX4;H1,H2;!$(C([OX2H])[!#6;!O]):1][OX2H:2]>>[#6:3][C:1]=[O:2]",
        condition="O=[Mn]=O",
        mechanism=ELIMINATION,
        byproduct="O",
    ),
    Reaction(
        name="reductive methylation",
        smarts="[NX3;H1;!$(N[C,S]=[O,N,S]);!$(N[N,O]):1]([CX4:2])[#6:3].[CH2:4]=O>>[N:1]([C:2])([#6:3])[C:4]",
        partners=("C=O",),
        condition="[BH3-]C#N.[Na+]",
        mechanism=IMINIUM,
        byproduct="O",
    ),
    Reaction(
        name="nitrile hydration",
        smarts="[#6:1][C:2]#[N:3]>>[#6:1][C:2](=O)[N:3]",
        partners=("",),
        condition="[OH-].[K+]",
        mechanism=ADDITION,
    ),
)
ELEMENTARY = (
    Reaction(
        name="the base takes the acidic proton",
        smarts="[#6:1][C:2](=[O:3])[OX2H:4]>>[#6:1][C:2](=[O:3])[O-:4]",
        condition="[OH-]",
        byproduct="O",
    ),
    Reaction(
        name="the base takes the proton of the phenol",
        smarts="[c:1][OX2H:2]>>[c:1][O-:2]",
        condition="[OH-]",
        byproduct="O",
    ),
    Reaction(
        name="hydride adds to the carbonyl carbon atom",
        smarts="[#6:1][CX3:2](=[O:3])[#6:4]>>[#6:1][C:2]([O-:3])[#6:4]",
        condition="[BH4-]",
        byproduct="B",
    ),
    Reaction(
        name="the acid protonates the amine",
        smarts="[NX3;H2;!$(NC=[O,N,S]);!$(NS=O);!$(N[N,O]);!$(Nc):1][#6:2]>>[NH3+:1][#6:2]",
        condition="Cl",
        byproduct="[Cl-]",
    ),
    Reaction(
        name="hydroxide adds to the nitrile carbon atom",
        smarts="[#6:1][C:2]#[N:3]>>[#6:1][C:2](O)=[N-:3]",
        condition="[OH-]",
    ),
    Reaction(
        name="hydroxide adds to the ester carbon atom",
        smarts="[#6:1][CX3:2](=[O:3])[OX2H0:4][CX4:5]>>[#6:1][C:2]([O-:3])(O)[O:4][C:5]",
        condition="[OH-]",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A reaction of a molecule."""

    reaction: Reaction
    reactants: str
    product: str

    @property
    def products(self) -> str:
        """The major product and the by-product."""
        return ".".join(filter(None, (self.product, self.reaction.byproduct)))

    @property
    def steps(self) -> dict[str, str]:
        """The reasoning that all questions about it share."""
        return {"reaction": self.reaction.name}


def build(folder: Path, sources: Sources) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``.

    Raises:
        PrerequisiteError: see :func:`ftdojo_tasks.chemistry.molecules.load`.
    """
    rng = twins.generator(SEED)
    train, validation, test = twins.split(load(*SMILES_CHARS), rng)
    twins.write_raw(folder / "raw" / "chemcotbench-cot" / "rxn", RAW, train, rng)
    makers: dict[twins.Maker, int] = {partial(make, ask, reactions): ITEMS for ask, reactions in VIEWS}
    for name, molecules in (("validation", validation), ("test", test)):
        twins.write_items(folder / f"{name}.jsonl", makers, molecules, rng)


Ask = Callable[[Run, random.Random], Question]


def make(
    ask: Ask, reactions: Sequence[Reaction], molecules: Sequence[Molecule], n: int, rng: random.Random
) -> list[Question]:
    """Different questions about reactions of the molecules."""
    asked = (ask(run, rng) for run in runs(molecules, reactions, rng))
    different = {question.query: question for question in asked}  # two molecules can give the same product
    return twins.take(different.values(), n)


def runs(molecules: Sequence[Molecule], reactions: Sequence[Reaction], rng: random.Random) -> Iterator[Run]:
    """Reactions of the molecules: of each kind in turn, as long as there are any."""
    streams = [_runs(molecules, reaction, rng) for reaction in reactions]
    while streams:
        for stream in tuple(streams):
            run = next(stream, None)
            if run is None:
                streams.remove(stream)
            else:
                yield run


def _runs(molecules: Sequence[Molecule], reaction: Reaction, rng: random.Random) -> Iterator[Run]:
    for molecule in rng.sample(molecules, len(molecules)):
        partner = rng.choice(reaction.partners)
        product = react(reaction.smarts, molecule.smiles, *filter(None, [partner]))
        if product:
            yield Run(reaction=reaction, reactants=".".join(filter(None, (molecule.smiles, partner))), product=product)


def react(smarts: str, *reactants: str) -> str | None:
    """The only product of a reaction, written in the order of the reactants; ``None`` if there is not exactly one."""
    mols = [_parsed(reactant) for reactant in reactants]
    found: dict[str, str] = {}
    with smiles.quiet():
        for (product,) in _reaction(smarts).RunReactants(mols):
            if Chem.SanitizeMol(product, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
                return None
            written = Chem.MolToSmiles(_in_order(product), canonical=False)
            mol = Chem.MolFromSmiles(written)
            if mol is None:
                return None
            found[Chem.MolToSmiles(mol)] = written
    return next(iter(found.values())) if len(found) == 1 else None


def _in_order(product: Any) -> Any:
    """The product with its atoms in the order of the reactants; new atoms come last."""

    def place(index: int) -> tuple[int, int, int]:
        properties = product.GetAtomWithIdx(index).GetPropsAsDict(includePrivate=True, includeComputed=True)
        new = "react_atom_idx" not in properties
        return int(new), properties.get("react_idx", 0), properties.get("react_atom_idx", index)

    return Chem.RenumberAtoms(product, sorted(range(product.GetNumAtoms()), key=place))


@cache
def _reaction(smarts: str) -> Any:
    return rdChemReactions.ReactionFromSmarts(smarts)


@cache
def _parsed(text: str) -> Any:
    return Chem.MolFromSmiles(text)


def question(
    run: Run, subtask: str, what: str, form: Mapping[str, str], line: str, answer: Mapping[str, str], **fields: Any
) -> Question:
    """One question about a reaction."""
    query = twins.ask(what, form, line)
    return Question(task="reaction", subtask=subtask, query=query, answer=answer, steps=run.steps, **fields)


def major_product(run: Run, _: random.Random) -> Question:
    """For raw rows of ``fs``."""
    line = f"Reactants: {run.reactants}, Reagents: {run.reaction.condition}."
    answer = {"Major Product": run.product}
    what = "Predict the major product of the reaction."
    meta = {"gt": run.product, "rxn_cls": run.reaction.name}
    return question(run, "fs_major_product", what, {"Major Product": "SMILES"}, line, answer, raw_meta=meta)


def by_product(run: Run, _: random.Random) -> Question:
    """For raw rows of by-products."""
    line = f"Reactants: {run.reactants}, Reagents: {run.reaction.condition}."
    answer = {"By Product": run.reaction.byproduct}
    what = "Predict the by-product of the reaction."
    meta = {"gt": run.reaction.byproduct, "rxn_cls": run.reaction.name}
    return question(run, "fs_by_product", what, {"By Product": "SMILES"}, line, answer, raw_meta=meta)


def forward(run: Run, _: random.Random) -> Question:
    """For items of ``fs``."""
    line = f"Reactants: {run.reactants}, Reagents: {run.reaction.condition}."
    answer = {"Major Product": run.product, "Byproduct(s)": run.reaction.byproduct}
    what = "Predict the products of the reaction."
    form = dict.fromkeys(answer, "SMILES")
    meta = {"rxn_cls": run.reaction.name}
    return question(run, "fs", what, form, line, answer, gt=json.dumps(answer), meta=meta)


def backward(run: Run, _: random.Random) -> Question:
    """For ``retro``."""
    line = f"Product: {run.product}, Reagents: {run.reaction.condition}."
    return _plain(run, "retro", "Find the reactants that give the product in one step.", line, run.reactants)


def missing_condition(run: Run, rng: random.Random) -> Question:
    """For ``rcr``."""
    name = run.reaction.name if rng.random() < NAMED else "Reaction"
    line = f"{run.reactants}>>{run.product}\n{name.capitalize()}."
    return _plain(run, "rcr", "Recommend the missing condition of the reaction.", line, run.reaction.condition)


def next_step(run: Run, _: random.Random) -> Question:
    """For ``nepp``."""
    line = f"Reactants: {run.reactants}, Conditions: {run.reaction.condition}."
    return _plain(run, "nepp", "Predict the products of the next elementary step.", line, run.products)


def mechanism(run: Run, _: random.Random) -> Question:
    """For ``mechsel``: the options are the same in every question, as in a list to choose from."""
    options = [reaction.mechanism for reaction in FOUR]
    listed = "\n".join(f"{name}: {option}" for name, option in zip(LETTERS, options, strict=True))
    line = f"{listed}\nReaction: {run.reactants}>>{run.product}, Reagents: {run.reaction.condition}."
    gold = LETTERS[options.index(run.reaction.mechanism)]
    return _plain(run, "mechsel", "Choose the mechanism of the reaction.", line, gold, form="letter")


def _plain(run: Run, subtask: str, what: str, line: str, gold: str, *, form: str = "SMILES") -> Question:
    """A question with one answer, the same in raw rows and items."""
    key = KEYS[subtask][0]
    return question(run, subtask, what, {key: form}, line, {key: gold}, gt=gold, raw_meta={"gt": gold})


def as_conditions(row: Mapping[str, Any]) -> dict[str, Any]:
    """A raw row with the fields of ``rcr.json``."""
    gold = json.loads(row["meta"])["gt"]
    kept = {name: row[name] for name in ("id", "query", "task", "subtask")}
    return {**kept, "gt": gold, "cot_result": row["struct_cot"] and f"```json\n{row['struct_cot']}\n```", "meta": "{}"}


def _named(*names: str) -> tuple[Reaction, ...]:
    return tuple(next(reaction for reaction in REACTIONS if reaction.name == name) for name in names)


FOUR = _named("acetylation", "sulfonylation", "alcohol oxidation", "reductive methylation")
"""Reactions of many molecules, each with a condition and a mechanism of its own."""
WITH_BYPRODUCT = tuple(reaction for reaction in REACTIONS if reaction.byproduct)
VIEWS: tuple[tuple[Ask, Sequence[Reaction]], ...] = (
    (forward, REACTIONS),
    (backward, REACTIONS),
    (next_step, ELEMENTARY),
    (missing_condition, FOUR),
    (mechanism, FOUR),
)
"""How the questions of each sub-task are asked, and about what."""
RAW = (
    RawFile(name="fs_major_product", make=partial(make, major_product, REACTIONS), rows=400),
    RawFile(name="fs_by_product", make=partial(make, by_product, WITH_BYPRODUCT), rows=40),
    RawFile(name="rcr", make=partial(make, missing_condition, FOUR), rows=240, shape=as_conditions),
    RawFile(name="mechsel", make=partial(make, mechanism, FOUR), rows=240),
)
