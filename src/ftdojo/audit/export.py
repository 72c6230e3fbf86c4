"""Export the best model of a run, and verify that its weights have the recorded score.

What is written can be handed on: everybody may read it, and no file of it holds a path of this machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ftdojo import models
from ftdojo.audit.form_scores import FormScore, ask_gguf, compare_forms
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.progress import Progress
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RunResult, Score
from ftdojo.contract.task_spec import Message, Record
from ftdojo.data import read_items
from ftdojo.disk import disk_errors
from ftdojo.episode import evaluation
from ftdojo.episode.ancestry import Ancestry
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.predict import predict
from ftdojo.episode.sequential import schedule_for
from ftdojo.episode.setting import Setting
from ftdojo.episode.stages import Stages
from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.files import BY_UMASK, write_file
from ftdojo.gates import open_trained
from ftdojo.inference import ENGINES, open_engine
from ftdojo.judge import bind_recorded
from ftdojo.models import gguf, ollama
from ftdojo.record import Home, Ledger, RunFolder, Store
from ftdojo.record.events import RunBegun
from ftdojo.record.history import History, list_ancestors, list_judge_calls
from ftdojo.tasks.scoring import score_of
from ftdojo.tasks.spec import Task
from ftdojo.training import Trainer, copy_text_files, trainer_of

Form = Literal["merged", "adapter", "gguf"]
ADAPTER = "adapter_config.json"
MODELFILE = "Modelfile"
HUB_IDS = {models.EMBEDDED: "HuggingFaceTB/SmolLM2-135M-Instruct"}
"""The names of built-in models on the hub."""
_HUB_ID = re.compile(r"([\w.-]+/[\w.-]+)(@[\w./-]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an export writes."""

    form: Form = "merged"
    quants: tuple[str, ...] = ()
    """Quantizations of a ``gguf`` export, written in addition to the file that loses nothing."""
    ollama: bool = False
    """Whether a ``gguf`` export gets a ``Modelfile``, for its last quantization."""
    check: bool = False
    """Whether the GGUF files are asked the validation items, too."""
    base_id: str | None = None
    """The base model's id on the hub, for a run whose base model was a local folder."""

    def __post_init__(self) -> None:
        """Check that the options fit together."""
        if self.form != "gguf" and (self.quants or self.ollama):
            raise UsageError("--quant and --ollama are for GGUF files", fix="add --form gguf, or leave them out")
        if self.base_id is not None and not _HUB_ID.fullmatch(self.base_id):
            raise UsageError(f"'{self.base_id}' is no id of a hub", fix="write org/name")


@dataclass(frozen=True, slots=True)
class Step:
    """One of the trainings that led to the exported model."""

    iteration: Iteration
    submission: Path
    """The folder of what was submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The files of an export."""

    folder: Path
    form: Form
    weights: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The base model, which an adapter needs."""

    folder: Path
    id: str
    """Its id on the hub; for a local folder, the folder's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The result of an export."""

    written: Written
    base: Base
    task: Task
    prompt: tuple[Message, ...]
    """The prompt of the task, with names of fields in the place of an item's values; empty if it needs real ones."""
    configuration: Configuration
    steps: tuple[Step, ...]
    """The best iteration, then the one from whose weights its training started, and so on back to the base model."""
    result: RunResult | None
    """``None`` for a run that has not ended."""
    checked: tuple[FormScore, ...]
    """The exported model on the validation items, then further forms of it, if they were asked."""

    @property
    def score(self) -> Score:
        """Validation score of the exported model, measured after the export."""
        return self.checked[0].score


def export(
    run: Path, out: Path, wanted: Wanted | None = None, *, home: Home, task: str | None = None, progress: Progress
) -> Exported:
    """Write the best model of ``run`` to ``out``, load it from there and score it on validation again.

    Args:
        out: a new or empty folder.
        wanted: the form; merged weights if not given.
        task: where the task is, if its folder was moved after the run.

    Raises:
        UsageError: if there is nothing to export, or if the run's data, model or task has changed.
        PrerequisiteError: if llama.cpp's programs are needed and not installed.
        InfrastructureError: if the exported model does not have the recorded score.
    """
    wanted = wanted or Wanted()
    if wanted.form == "gguf":
        gguf.require_tools()
    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        begun, result = history.first(RunBegun), history.finished
        iterations, best, judged = history.iterations, history.best, list_judge_calls(history)
    if begun is None or not best:
        raise UsageError(
            f"no model of {run} was better than the base model", fix="there is nothing to export: use the base model"
        )
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty", fix="name a new folder")
    configuration = begun.configuration
    setting = _open_setting(run, configuration, task or begun.task, home, progress)
    setting = replace(setting, task=bind_recorded(setting.task, configuration.judge, judged))
    folder, iteration = RunFolder(run), iterations[best - 1]
    submission, ancestry = folder.submission(best), Ancestry(iterations=lambda: iterations, folder=folder)
    stages = Stages(setting, progress=progress, ancestry=ancestry)
    outcome = stages.repeat(submission, stopped_after=iteration.feedback.stopped_after, start=iteration.start)
    trained = outcome.trained
    assert trained is not None, "an accepted submission was trained"
    assert outcome.submission is not None
    trainer = trainer_of(outcome.submission.train)
    if wanted.form == "adapter" and not (trained / ADAPTER).is_file():
        raise UsageError(f"iteration {best} trained all weights, not an adapter", fix="leave --form out")
    progress.update("export", 0, 1, f"{wanted.form}: {out}")
    base_id = wanted.base_id or identify_base(configuration.model)
    with _writing(out, wanted.form) as written:
        if wanted.form == "adapter":
            _copy_adapter(trained, setting.base, out, base_id)
        else:
            trainer.export(setting.base, trained, written)
        progress.end("export", str(written))
        items, answers = _answer(setting, written, wanted.form, progress, trainer)
        _require_score(setting.task, items, answers, iteration.score)
        forms = {"adapter, merged" if wanted.form == "adapter" else "merged": answers}
        weights = tuple(sorted(out.glob("*.safetensors")))
        if wanted.form == "gguf":
            weights = _write_gguf(written, out, setting.task, wanted, progress)
            for file in weights if wanted.check else ():
                forms[f"gguf {file.stem.rpartition('-')[2]}"] = ask_gguf(file, written, setting.task, items, progress)
    _make_readable(out)
    return Exported(
        written=Written(folder=out, form=wanted.form, weights=weights),
        base=Base(folder=setting.base, id=base_id),
        task=setting.task,
        prompt=_show_prompt(setting.task, items[0]),
        configuration=configuration,
        steps=tuple(Step(i, folder.submission(i.number)) for i in list_ancestors(iterations, best)),
        result=result,
        checked=compare_forms(setting.task, items, outcome.predicted, forms),
    )


def _open_setting(run: Path, configuration: Configuration, task: str, home: Home, progress: Progress) -> Setting:
    """Return the setting of a run, with the data, the model and the task that it began with.

    Raises:
        UsageError: if one of them has changed.
    """
    options = configuration.options(task)
    setting = Setting.prepare(options, home=home, progress=progress).as_recorded(configuration)
    now = setting.digests
    if changed := [name for name, digest in configuration.digests.items() if now[name] != digest]:
        raise UsageError(
            f"{', '.join(changed)} of {configuration.task} changed since {run} was begun",
            fix="export with the data, the model and the ftdojo that the run was made with",
        )
    return setting


def identify_base(model: str) -> str:
    """Return the id of a base model on the hub, without a revision; for a local folder, the folder's name."""
    if model in HUB_IDS:
        return HUB_IDS[model]
    found = None if Path(model).is_dir() else _HUB_ID.fullmatch(model)
    return found[1] if found else Path(model).absolute().name


@contextmanager
def _writing(out: Path, form: Form) -> Iterator[Path]:
    """Give the folder of the model in the form of transformers: ``out``, or a temporary one for GGUF files. An export
    that is refused or ended leaves no files, so that the same command can be repeated."""
    was_there = out.exists()
    try:
        if form != "gguf":
            yield out
        else:
            with tempfile.TemporaryDirectory(prefix="ftdojo-export-") as folder:
                yield Path(folder)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        if was_there:
            out.mkdir()
        raise


def _write_gguf(model: Path, out: Path, task: Task, wanted: Wanted, progress: Progress) -> tuple[Path, ...]:
    """Write the GGUF files of a model, and the ``Modelfile`` of the last one."""
    out.mkdir(parents=True, exist_ok=True)
    steps = 1 + len(wanted.quants)
    with disk_errors(out):
        progress.update("gguf", 0, steps, "llama.cpp's converter")
        files = [gguf.convert(model, out, out.name)]
        for number, quant in enumerate(wanted.quants, start=1):
            progress.update("gguf", number, steps, quant)
            files.append(gguf.quantize(files[0], quant))
        progress.end("gguf", ", ".join(file.name for file in files))
        if wanted.ollama:
            text = ollama.modelfile(
                model, files[-1].name, max_new_tokens=task.spec.max_new_tokens, adds_bos=gguf.adds_bos(files[-1])
            )
            write_file(out / MODELFILE, text, mode=BY_UMASK)
    return tuple(files)


def _show_prompt(task: Task, item: Record) -> tuple[Message, ...]:
    """Return the prompt of an item whose values are the names of their fields."""
    try:
        return tuple(task.prompt({name: f"{{{name}}}" for name in item}))
    except Exception:  # noqa: BLE001 - a task's own code, given values of another kind than it expects
        return ()


def _make_readable(out: Path) -> None:
    """Give the files the modes of new ones: they are copies from the store, which is private."""
    mask = os.umask(0)
    os.umask(mask)
    with disk_errors(out):
        for path in (out, *out.rglob("*")):
            path.chmod((0o777 if path.is_dir() else BY_UMASK) & ~mask)


def _copy_adapter(trained: Path, base: Path, out: Path, base_id: str) -> None:
    """Copy the adapter and the tokenizer, and write the id of the base model into it."""
    with disk_errors(out):
        shutil.copytree(trained, out, dirs_exist_ok=True)
        copy_text_files(base, out)
        settings = json.loads((out / ADAPTER).read_text("utf-8"))
        settings["base_model_name_or_path"] = base_id
        write_file(out / ADAPTER, json.dumps(settings, indent=1) + "\n", mode=BY_UMASK)


def _answer(
    setting: Setting, out: Path, form: Form, progress: Progress, trainer: Trainer[Any, Any]
) -> tuple[list[Record], list[Prediction]]:
    """Return the validation items and newly generated outputs of the model in ``out``: no stored ones are used. They
    are generated in the same parts as in the run, because the sizes of the batches change how sums are rounded."""

    engine = setting.options.engine
    merged = partial(open_trained, ENGINES.load(engine), trainer, setting.base, out, None)
    items = read_items(setting.data.validation)
    with tempfile.TemporaryDirectory(prefix="ftdojo-score-") as store:
        _, records, predictions = predict(
            setting.task,
            setting.data.validation,
            merged if form == "adapter" else partial(open_engine, engine, out),
            "exported",
            Store(Path(store)),
            progress,
            label="validation",
            engine=engine,
            schedule=schedule_for(setting.task, items, sequential=setting.options.sequential),
        )
    return records, predictions


def _require_score(
    task: Task, items: Sequence[Record], predictions: Sequence[Prediction], recorded: Score | None
) -> None:
    """Raise an :class:`InfrastructureError` unless these answers have the recorded score."""
    score = score_of(task, evaluation.scores(task, items, predictions))
    if recorded is None or abs(score.value - recorded.value) > 1e-9:
        raise InfrastructureError(
            f"the exported model does not have the recorded score: {score} now, {recorded} in the run",
            fix="export on the machine of the run: another processor or version of torch rounds differently",
        )
