"""AIME: competition problems with integer answers. Importing this package does not import SymPy."""

from __future__ import annotations

from functools import partial

from ftdojo.tasks.spec import Task, Variant
from ftdojo_tasks import golden
from ftdojo_tasks.math import aime, hub, twin

TWIN_TOKENS = 48


def tasks() -> tuple[Task, ...]:
    """The tasks of this family."""
    return golden.versioned(
        __name__,
        (
            Task(
                spec=aime.SPEC,
                prompt=aime.prompt,
                scorer=aime.AimeScorer(),
                variants={
                    "twin": Variant(build=partial(twin.build, seed="aime25 twin 1"), max_new_tokens=TWIN_TOKENS),
                    "hub": Variant(build=hub.build_aime25, sets=(aime.DEEPSCALER, aime.AIME25_SET)),
                },
            ),
            Task(
                spec=aime.SPEC24,
                prompt=aime.prompt,
                own_prompt=True,
                scorer=aime.AimeScorer(),
                variants={
                    "twin": Variant(build=partial(twin.build, seed="aime24 twin 1"), max_new_tokens=TWIN_TOKENS),
                    "hub": Variant(build=hub.build_aime24, sets=(aime.DEEPSCALER, aime.AIME24_SET)),
                },
            ),
        ),
    )
