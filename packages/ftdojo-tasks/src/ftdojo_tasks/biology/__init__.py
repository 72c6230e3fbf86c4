"""BioProBench: laboratory protocols (arXiv 2505.07889)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ftdojo.contract.task_spec import Message, Record, TaskSpec
from ftdojo.tasks.spec import Scorer, Sources, Task, Variant
from ftdojo_tasks import golden
from ftdojo_tasks.biology import err, gen, hub, ord, pqa, twin  # noqa: A004 - called as the benchmark calls it


def tasks() -> tuple[Task, ...]:
    """The tasks of this family."""
    return golden.versioned(
        __name__,
        (
            _task(pqa.SPEC, pqa.prompt, pqa.PqaScorer(), twin.build_pqa, twin_tokens=32),
            _task(ord.SPEC, ord.prompt, ord.OrdScorer(), twin.build_ord, twin_tokens=32),
            _task(err.SPEC, err.prompt, err.ErrScorer(), twin.build_err, twin_tokens=24),
            _task(gen.SPEC, gen.prompt, gen.GenScorer(), twin.build_gen, twin_tokens=112),
        ),
    )


def _task(
    spec: TaskSpec,
    prompt: Callable[[Record], list[Message]],
    scorer: Scorer,
    build_twin: Callable[[Path, Sources], None],
    *,
    twin_tokens: int,
) -> Task:
    return Task(
        spec=spec,
        prompt=prompt,
        own_prompt=True,
        scorer=scorer,
        variants={
            "twin": Variant(build=build_twin, max_new_tokens=twin_tokens),
            "hub": hub.variant(spec.id.partition("/")[2].upper()),
        },
    )
