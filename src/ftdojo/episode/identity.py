"""The identity of a run: its configuration, and the first event of its record."""

from __future__ import annotations

from pathlib import Path

from ftdojo import models
from ftdojo.contract.budget import Budget
from ftdojo.contract.configuration import Configuration, versions
from ftdojo.episode.setting import Setting
from ftdojo.gateway import DataLlm
from ftdojo.record import events


def identify(setting: Setting, budget: Budget, data_llm: DataLlm | None) -> Configuration:
    """Return the configuration of a run in this setting, under these limits."""
    return Configuration.of(
        setting.options,
        task=setting.task.spec.id,
        data_llm=data_llm.names if data_llm else {},
        budget=budget,
        digests=setting.digests,
        guard={guard.id: guard.identity for guard in setting.guards},
    )


def begin(setting: Setting, identity: Configuration) -> events.RunBegun:
    """Return the first event of a run: its configuration, and the facts about the task that a report needs.

    Raises:
        UsageError: if the base model cannot be trained or graded.
    """
    models.require_trainable(setting.base)
    spec, given = setting.task.spec, setting.options.task
    return events.RunBegun(
        configuration=identity,
        versions=versions(),
        metric=spec.metric,
        higher_is_better=spec.higher_is_better,
        objective=spec.objective,
        best_value=spec.best_value,
        given=str(Path(given).absolute()) if Path(given).is_dir() else given,
        guard={guard.id: guard.place for guard in setting.guards},
    )
