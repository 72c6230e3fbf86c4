"""TableBench: questions about tables, and charts of them."""

from __future__ import annotations

from ftdojo.tasks.spec import Task, Variant
from ftdojo_tasks import golden
from ftdojo_tasks.table import data_analysis, fact_checking, hub, numerical_reasoning, twin, visualization


def tasks() -> tuple[Task, ...]:
    """The tasks of this family."""
    return golden.versioned(
        __name__,
        (
            Task(
                spec=data_analysis.SPEC,
                prompt=data_analysis.prompt,
                own_prompt=True,
                scorer=data_analysis.SCORER,
                variants={
                    "twin": Variant(build=twin.build_data_analysis, max_new_tokens=64),
                    "hub": hub.variant(data_analysis.QTYPE),
                },
            ),
            Task(
                spec=fact_checking.SPEC,
                prompt=fact_checking.prompt,
                own_prompt=True,
                scorer=fact_checking.SCORER,
                variants={
                    "twin": Variant(build=twin.build_fact_checking, max_new_tokens=48),
                    "hub": hub.variant(fact_checking.QTYPE),
                },
            ),
            Task(
                spec=numerical_reasoning.SPEC,
                prompt=numerical_reasoning.prompt,
                own_prompt=True,
                scorer=numerical_reasoning.SCORER,
                variants={
                    "twin": Variant(build=twin.build_numerical_reasoning, max_new_tokens=48),
                    "hub": hub.variant(numerical_reasoning.QTYPE),
                },
            ),
            Task(
                spec=visualization.SPEC,
                prompt=visualization.prompt,
                own_prompt=True,
                scorer=visualization.ChartScorer(),
                variants={
                    "twin": Variant(build=twin.build_visualization, max_new_tokens=128),
                    "hub": hub.variant(visualization.QTYPE),
                },
            ),
        ),
    )
