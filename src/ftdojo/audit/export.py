"""Export the best model of a run, and verify that its weights have the recorded score."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ftdojo.contract.configuration import Configuration
from ftdojo.contract.progress import Progress
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RunResult, Score
from ftdojo.data import read_items
from ftdojo.disk import disk_errors
from ftdojo.episode import evaluation
from ftdojo.episode.ancestry import Ancestry
from ftdojo.episode.predict import predict
from ftdojo.episode.sequential import schedule_for
from ftdojo.episode.setting import Setting
from ftdojo.episode.stages import Stages
from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.files import BY_UMASK, write_file
from ftdojo.record import Home, Ledger, RunFolder, Store
from ftdojo.record.events import RunBegun
from ftdojo.record.history import History, list_ancestors
from ftdojo.tasks.scoring import summarize
from ftdojo.tasks.spec import Task
from ftdojo.training import Trainer, copy_text_files, trainer_of

Form = Literal["merged", "adapter"]
ADAPTER = "adapter_config.json"


@dataclass(frozen=True, slots=True)
class Step:
    """One of the trainings that led to the exported model."""

    iteration: Iteration
    submission: Path
    """The folder of what was submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The result of an export."""

    folder: Path
    form: Form
    base: Path
    """The folder of the base model, which an adapter needs."""
    task: Task
    configuration: Configuration
    steps: tuple[Step, ...]
    """The best iteration, then the one from whose weights its training started, and so on back to the base model."""
    result: RunResult | None
    """``None`` for a run that has not ended."""
    score: Score
    """Validation score of the exported model, measured after the export."""


def export(
    run: Path, out: Path, *, form: Form = "merged", home: Home, task: str | None = None, progress: Progress
) -> Exported:
    """Write the best model of ``run`` to ``out``, load it from there and score it on validation again.

    Args:
        out: a new or empty folder.
        form: ``merged`` weights, or the ``adapter`` alone.
        task: where the task is, if its folder was moved after the run.

    Raises:
        UsageError: if there is nothing to export, or if the run's data, model or task has changed.
        InfrastructureError: if the exported model does not have the recorded score.
    """
    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        begun, result = history.first(RunBegun), history.finished
        iterations, best = history.iterations, history.best
    if begun is None or not best:
        raise UsageError(
            f"no model of {run} was better than the base model", fix="there is nothing to export: use the base model"
        )
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty", fix="name a new folder")
    configuration = begun.configuration
    options = configuration.options(task or begun.task)
    setting = Setting.prepare(options, home=home, progress=progress).as_recorded(configuration)
    now, base = setting.digests, setting.base
    if changed := [name for name, digest in configuration.digests.items() if now[name] != digest]:
        raise UsageError(
            f"{', '.join(changed)} of {configuration.task} changed since {run} was begun",
            fix="export with the data, the model and the ftdojo that the run was made with",
        )
    folder, iteration = RunFolder(run), iterations[best - 1]
    submission, ancestry = folder.submission(best), Ancestry(iterations=lambda: iterations, folder=folder)
    stages = Stages(setting, progress=progress, ancestry=ancestry)
    outcome = stages.repeat(submission, stopped_after=iteration.feedback.stopped_after, start=iteration.start)
    trained = outcome.trained
    assert trained is not None, "an accepted submission was trained"
    assert outcome.submission is not None
    trainer = trainer_of(outcome.submission.train)
    if form == "adapter" and not (trained / ADAPTER).is_file():
        raise UsageError(f"iteration {best} trained all weights, not an adapter", fix="leave --form out")
    progress.update("export", 0, 1, f"{form}: {out}")
    if form == "adapter":
        _copy_adapter(trained, base, out)
    else:
        trainer.export(base, trained, out)
    progress.end("export", str(out))
    score = _score(setting, out, form, progress, trainer)
    recorded = iteration.score
    if recorded is None or abs(score.value - recorded.value) > 1e-9:
        raise InfrastructureError(
            f"the exported model does not have the recorded score: {score} now, {recorded} in the run",
            fix="export on the machine of the run; another processor or another version of torch rounds differently",
        )
    return Exported(
        folder=out,
        form=form,
        base=base,
        task=setting.task,
        configuration=configuration,
        steps=tuple(Step(i, folder.submission(i.number)) for i in list_ancestors(iterations, best)),
        result=result,
        score=score,
    )


def _copy_adapter(trained: Path, base: Path, out: Path) -> None:
    """Copy the adapter and the tokenizer, and write the path of the base model into it."""
    with disk_errors(out):
        shutil.copytree(trained, out, dirs_exist_ok=True)
        copy_text_files(base, out)
        settings = json.loads((out / ADAPTER).read_text("utf-8"))
        settings["base_model_name_or_path"] = str(base)
        write_file(out / ADAPTER, json.dumps(settings, indent=1) + "\n", mode=BY_UMASK)


def _score(setting: Setting, out: Path, form: Form, progress: Progress, trainer: Trainer[Any, Any]) -> Score:
    """Score the model in ``out`` with newly generated outputs: no stored ones are used. They are generated in the same
    parts as in the run, because the sizes of the batches change how sums are rounded."""

    @contextmanager
    def merged() -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="ftdojo-export-") as folder:
            trainer.export(setting.base, out, Path(folder))
            yield Path(folder)

    items = read_items(setting.data.validation)
    with tempfile.TemporaryDirectory(prefix="ftdojo-score-") as store:
        _, records, predictions = predict(
            setting.task,
            setting.data.validation,
            merged if form == "adapter" else lambda: nullcontext(out),
            "exported",
            Store(Path(store)),
            progress,
            label="validation",
            engine=setting.options.engine,
            schedule=schedule_for(setting.task, items, sequential=setting.options.sequential),
        )
    return Score.of(
        setting.task.spec.metric, summarize(setting.task, evaluation.scores(setting.task, records, predictions))
    )
