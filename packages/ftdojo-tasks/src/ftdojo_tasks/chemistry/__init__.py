"""ChemCoTBench: tasks on molecules (arXiv 2505.21318). Importing this package does not import RDKit."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ftdojo.contract.task_spec import TaskSpec
from ftdojo.tasks.spec import Scorer, Sources, Task, Variant
from ftdojo_tasks import golden
from ftdojo_tasks.chemistry import hub, mol_edit, mol_opt, mol_und, properties, raw, reaction
from ftdojo_tasks.chemistry.reading import prompt


def tasks() -> tuple[Task, ...]:
    """The tasks of this family."""
    return golden.versioned(
        __name__,
        (
            _task(mol_und.SPEC, mol_und.MolUndScorer(), twin_tokens=64),
            _task(mol_edit.SPEC, mol_edit.MolEditScorer(), twin_tokens=96),
            # For users without the classifiers of the three targets: it leaves out their sub-tasks by name.
            _task(
                mol_opt.SPEC, mol_opt.MolOptScorer(), twin_tokens=96, **{"hub-computable": tuple(properties.COMPUTABLE)}
            ),
            _task(reaction.SPEC, reaction.ReactionScorer(), twin_tokens=96),
        ),
    )


def _task(spec: TaskSpec, scorer: Scorer, *, twin_tokens: int, **parts: Sequence[str]) -> Task:
    """A task; ``parts`` are further editions of the published data, each with only these sub-tasks."""
    name = spec.id.partition("/")[2]

    def build_twin(folder: Path, sources: Sources) -> None:
        import_module(f"ftdojo_tasks.chemistry.{name}_twin").build(folder, sources)  # imports RDKit

    return Task(
        spec=spec,
        prompt=prompt,
        scorer=scorer,
        variants={
            "twin": Variant(build=build_twin, max_new_tokens=twin_tokens, without=raw.ONLY_PUBLISHED),
            "hub": hub.variant(name, spec.subtasks),
            **{edition: hub.variant(name, subtasks) for edition, subtasks in parts.items()},
        },
    )
