"""The identity of a run: its configuration, the first event of its record, and the machine that it needs."""

from __future__ import annotations

from pathlib import Path

from ftdojo import models
from ftdojo.contract.budget import Budget
from ftdojo.contract.configuration import Configuration, versions
from ftdojo.episode.setting import Setting
from ftdojo.errors import UsageError
from ftdojo.gateway import DataLlm
from ftdojo.record import events
from ftdojo.record.history import History


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
        compute=str(models.compute()),
        metric=spec.metric,
        higher_is_better=spec.higher_is_better,
        objective=spec.objective,
        best_value=spec.best_value,
        given=str(Path(given).absolute()) if Path(given).is_dir() else given,
        guard={guard.id: guard.place for guard in setting.guards},
    )


def require_same_compute(history: History, run: Path) -> None:
    """Check that models compute here as they did where the run in ``run`` began, unless it has ended.

    Raises:
        UsageError: if its device, precision or attention function differs: answers that it has recorded, and weights
            that it would train again, would not be the same.
    """
    then, here = history.require(events.RunBegun).compute, str(models.compute())
    if then in (None, here) or history.first(events.RunFinished) is not None:
        return
    raise UsageError(
        f"the run in {run} began where models compute in {then}; on this machine they compute in {here}, and answer "
        "otherwise",
        fix="resume it on a machine like the first one, or begin a new run with another --out",
    )
