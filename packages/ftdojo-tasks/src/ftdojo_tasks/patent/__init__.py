"""PANORAMA: what patent examiners decide, and on what grounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ftdojo.contract.task_spec import Message, Record, TaskSpec
from ftdojo.tasks.spec import Scorer, Sources, Task, Variant
from ftdojo_tasks import golden
from ftdojo_tasks.patent import hub, noc4pc, par4pc, pi4pc, twin


def tasks() -> tuple[Task, ...]:
    """The tasks of this family."""
    return golden.versioned(
        __name__,
        (
            _task(par4pc.SPEC, par4pc.prompt, par4pc.Par4pcScorer(), twin.build_par4pc),
            _task(pi4pc.SPEC, pi4pc.prompt, pi4pc.Pi4pcScorer(), twin.build_pi4pc),
            _task(noc4pc.SPEC, noc4pc.prompt, noc4pc.Noc4pcScorer(), twin.build_noc4pc),
        ),
    )


def _task(
    spec: TaskSpec,
    prompt: Callable[[Record], list[Message]],
    scorer: Scorer,
    build_twin: Callable[[Path, Sources], None],
) -> Task:
    return Task(
        spec=spec,
        prompt=prompt,
        own_prompt=True,
        scorer=scorer,
        variants={
            "twin": Variant(build=build_twin, max_new_tokens=32),
            "hub": hub.variant(spec.id.partition("/")[2].upper()),
        },
    )
