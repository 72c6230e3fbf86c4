"""ChemCoTBench: tasks on molecules (arXiv 2505.21318). Importing this package does not import RDKit."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ftdojo.tasks.chemistry import hub, mol_edit, mol_opt, mol_und, raw, reaction
from ftdojo.tasks.chemistry.reading import prompt
from ftdojo.tasks.spec import Scorer, Sources, Task, TaskSpec, Variant


def tasks() -> tuple[Task, ...]:
    """The tasks of this family."""
    return (
        _task(mol_und.SPEC, mol_und.MolUndScorer(), twin_tokens=64),
        _task(mol_edit.SPEC, mol_edit.MolEditScorer(), twin_tokens=96),
        _task(mol_opt.SPEC, mol_opt.MolOptScorer(), twin_tokens=96),
        _task(reaction.SPEC, reaction.ReactionScorer(), twin_tokens=96),
    )


def _task(spec: TaskSpec, scorer: Scorer, *, twin_tokens: int) -> Task:
    name = spec.id.partition("/")[2]

    def build_twin(folder: Path, sources: Sources) -> None:
        import_module(f"ftdojo.tasks.chemistry.{name}_twin").build(folder, sources)  # imports RDKit

    return Task(
        spec=spec,
        prompt=prompt,
        scorer=scorer,
        variants={
            "twin": Variant(build=build_twin, max_new_tokens=twin_tokens, without=raw.ONLY_PUBLISHED),
            "hub": hub.variant(name, spec.subtasks),
        },
    )
