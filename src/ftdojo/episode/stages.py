"""From a submission to predictions: gates, rows, training, evaluation. Every stage is a function of content digests
and lives in the store, so no work is done twice and a killed run loses at most the stage that it was in."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ftdojo import digest, gates, models, sandbox
from ftdojo.contract.feedback import DataFeedback, TrainingFeedback
from ftdojo.contract.progress import Progress
from ftdojo.contract.result import StageSeconds
from ftdojo.contract.row import Row
from ftdojo.contract.submission import Submission, load
from ftdojo.contract.train_config import OUT_OF_TIME, TrainConfig
from ftdojo.data import TaskData, read_items
from ftdojo.episode import levels
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.predict import predict
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.gates import data_program
from ftdojo.gateway.access import Access
from ftdojo.record import Home, Stage, Store
from ftdojo.tasks.spec import Task
from ftdojo.training import export, tokenize

ROWS = "rows.jsonl"
MODEL = "model"
SPEED_ROWS, SPEED_STEPS = 32, 4
SPEED_CHARS = 1000
"""A longer question is cut here, as the measurement has to be short and to fit into any memory; its time is scaled."""


@dataclass(kw_only=True)
class Outcome:
    """How far a submission got. Filled stage by stage; whatever is there was really done."""

    findings: list[Finding] = field(default_factory=list)
    seconds: StageSeconds = field(default_factory=StageSeconds)
    reused: list[str] = field(default_factory=list)
    earlier_s: float = 0.0
    """What stages had cost before: those that were found, and what a run that was interrupted had done of one."""
    digests: dict[str, str] = field(default_factory=dict)
    """Of the submission's files and, by what they were made from, of the stages."""
    contents: dict[str, str] = field(default_factory=dict)
    """Of the stages' own files."""
    data: DataFeedback | None = None
    overlap: int = 0
    """Rows that contained evaluation items. For the record alone: see :mod:`ftdojo.gates.decontamination`."""
    training: TrainingFeedback | None = None
    trained: Path | None = None
    """The trained adapter or weights."""
    predictions: list[Prediction] | None = None

    @property
    def predicted(self) -> list[Prediction]:
        """The predictions of an outcome that is known to have them."""
        if self.predictions is None:
            raise ValueError(f"nothing was predicted: {self.findings}")
        return self.predictions

    def tell(self, warnings: list[dict[str, Any]]) -> None:
        """Take over the warnings of a stage, from its facts."""
        self.findings += [Finding.model_validate(warning) for warning in warnings]

    @contextlib.contextmanager
    def spending(self, name: str) -> Iterator[None]:
        """Account for a stage that is refused: what it took until then. A finished one is accounted for by ``add``."""
        begun = time.monotonic()
        try:
            yield
        except InputError:
            self.seconds = self.seconds.model_copy(update={name: time.monotonic() - begun})
            raise

    def add(self, name: str, stage: Stage) -> None:
        """Account for a finished stage."""
        self.seconds = self.seconds.model_copy(update={name: stage.seconds})
        self.digests[name] = stage.digest
        self.contents[name] = stage.content
        if stage.reused:
            self.reused.append(name)
        self.earlier_s += stage.earlier_s


class _TimeUp(Exception):  # noqa: N818 - no error: it carries a training that the clock ended out of its stage
    def __init__(self, step: int, weights: Path, facts: dict[str, Any]) -> None:
        super().__init__()
        self.step, self._facts = step, facts
        self._kept = tempfile.TemporaryDirectory(prefix="ftdojo-stopped-")
        shutil.copytree(weights, Path(self._kept.name, MODEL))

    def build(self, folder: Path) -> dict[str, Any]:
        """Fill a stage of its own with it."""
        shutil.move(Path(self._kept.name, MODEL), folder / MODEL)
        self._kept.cleanup()
        return self._facts


class Pipeline:
    """The stages of one task on one base model."""

    def __init__(
        self,
        task: Task,
        data: TaskData,
        base: Path,
        *,
        home: Home,
        progress: Progress,
        llm: Access | None = None,
        engine: str = "transformers",
    ) -> None:
        """``llm``: the way of data programs to language models, where there are any. ``engine``: what models answer
        with."""
        self._engine = engine
        self._task, self._data, self._base, self._llm = task, data, base, llm
        self._base_digest = models.digest(base)
        self._store = Store(home.stages)
        self._progress = progress
        self._baseline: Outcome | None = None
        self._paid: set[str] = set()
        """Stages that :meth:`check` has made: the clock charges them, so the submission that comes of it must not."""

    def check(self, folder: Path) -> list[Finding]:
        """What gates 0 to 3 find in a submission, warnings among it. Its rows stay in the store."""
        outcome = Outcome()
        try:
            submission = load(folder)
            outcome.findings += gates.static(submission, self._task.spec, self._base, self._data.raw)
            rows = self._rows(submission, outcome)
            if not rows.reused:
                self._paid.add(rows.digest)
            _, told = gates.tokenization(read_items(rows.path / ROWS), submission.train, self._base, self._reference)
            outcome.findings += told
        except InputError as error:
            return [*error.findings, *outcome.findings]
        return outcome.findings

    def run(self, folder: Path, remaining: dict[str, float] | None = None, *, share: float = 1.0) -> Outcome:
        """Take a submission through all gates and stages; the first failing gate ends it with its findings.

        Args:
            folder: the submission.
            remaining: what is left of the budget; a training that is forecast to outlast it is not begun.
            share: of the rows that it would be trained on. A part of them is a trial itself: gates 4 and 5 are passed
                over.
        """
        outcome = Outcome()
        deadline = time.monotonic() + remaining["wall_s"] if remaining and "wall_s" in remaining else None
        try:
            submission = load(folder)
            outcome.digests["submission"] = submission.digest
            outcome.findings += gates.static(submission, self._task.spec, self._base, self._data.raw)
            self._stages(submission, outcome, deadline=deadline, share=share)
        except InputError as error:
            outcome.findings[:0] = error.findings
        return outcome

    def again(self, folder: Path, *, stopped_after: int | None) -> Outcome:
        """A submission that was evaluated before: from the store, or made anew if that was emptied.

        It has passed gate 1, which would ask what memory is free now.

        Args:
            folder: the submission.
            stopped_after: the step after which the clock ended its training, if it did.
        """
        outcome = Outcome()
        self._stages(load(folder), outcome, stopped_after=stopped_after)
        return outcome

    def _stages(
        self,
        submission: Submission,
        outcome: Outcome,
        *,
        deadline: float | None = None,
        stopped_after: int | None = None,
        share: float = 1.0,
    ) -> None:
        with outcome.spending("data"):
            rows = self._rows(submission, outcome, share)
        with outcome.spending("train"):
            self._train(rows, submission, outcome, deadline=deadline, stopped_after=stopped_after, tried=share < 1)
        self._evaluate(outcome)

    def train_rows_per_s(self) -> float:
        """Rows as long as the task's questions that a LoRA training passes a second: measured once a machine."""
        key = {
            "base": self._base_digest,
            "compute": str(models.compute()),
            "validation": self._data.digests["validation"],
            "sizes": [SPEED_ROWS, SPEED_STEPS, SPEED_CHARS],
            "of": "whole questions",
        }

        def build(folder: Path) -> dict[str, Any]:
            from ftdojo.training.sft.trainer import train

            questions = [self._task.question(item) for item in read_items(self._data.validation)[:SPEED_ROWS]]
            cut = [text[:SPEED_CHARS] for text in questions]
            rows = [Row(({"role": "user", "content": text},), "ok") for text in cut]
            config = TrainConfig(batch_size=SPEED_ROWS // SPEED_STEPS, epochs=1)
            examples = tokenize(rows, self._base, max_length=config.max_length).examples
            result = train(examples, config, self._base, folder)
            tokens = sum(len(e.input_ids) for e in examples) * sum(map(len, questions)) / sum(map(len, cut))
            return {"rows_per_s": result.steady_tokens_per_s * len(examples) / tokens}

        self._progress.update("speed", 0, 1, "a few steps of training, to measure the speed")
        stage = self._store.make("speed", key, build)
        self._progress.end("speed", f"{stage.facts['rows_per_s']:.1f} rows/s")
        return float(stage.facts["rows_per_s"])

    @functools.cached_property
    def _reference(self) -> gates.Reference:
        return gates.Reference.of(self._task, self._data.validation)

    def baseline(self) -> Outcome:
        """The untouched base model on validation."""
        if self._baseline is None:
            outcome = Outcome()
            self._evaluate(outcome)
            self._baseline = outcome  # not before: an interrupted evaluation must not be taken for one
        return self._baseline

    def export(self, outcome: Outcome, folder: Path) -> None:
        """Write the merged model of an outcome to ``folder``, which plain transformers can load."""
        if outcome.trained is None:
            raise ValueError("nothing was trained")
        export(self._base, outcome.trained, folder)

    def _rows(self, submission: Submission, outcome: Outcome, share: float = 1.0) -> Stage:
        """Gate 2 and the training rows, or the first share of them."""
        program, limit = submission.program, self._task.spec.rules.max_rows
        if share < 1:
            limit = max(1, int(share * (limit if isinstance(program, str) else min(limit, program.max_rows))))
        llm = self._llm if isinstance(program, str) else None
        key = {
            "program": program if isinstance(program, str) else program.model_dump(mode="json"),
            "limit": limit,
            "task": [self._task.spec.id, self._task.version],
            **{name: self._data.digests[name] for name in ("raw", "validation", "test")},
            **(llm.key if llm else {}),
        }

        def build(folder: Path) -> dict[str, Any]:
            gates.data_trial(program, self._data.raw, llm)
            limits = llm.limits() if llm else sandbox.Limits()
            written = data_program.run(program, self._data.raw, limit=limit, limits=limits, llm=llm)
            clean, report = data_program.check(written, self._data.overlap, max_rows=limit)
            clean.refuse_if_many()
            rows = clean.rows
            warnings = gates.content(rows, self._reference)
            (folder / ROWS).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
            return {"report": asdict(report), "overlap": clean.found, "warnings": gates.told(warnings)}

        self._progress.update("data", 0, 1, "running the data program in the sandbox")
        stage = self._store.make("rows", key, build)
        if not stage.reused:
            self._progress.end("data", f"{stage.facts['report']['rows']} rows")
        outcome.tell(stage.facts["warnings"])
        outcome.overlap = stage.facts["overlap"]
        paid = stage.digest in self._paid
        self._paid.discard(stage.digest)
        outcome.add("data", replace(stage, reused=False, earlier_s=0.0) if paid else stage)
        return stage

    def _train(
        self,
        rows: Stage,
        submission: Submission,
        outcome: Outcome,
        *,
        deadline: float | None,
        stopped_after: int | None,
        tried: bool,
    ) -> None:
        """Gates 3 to 5 and the training; gate 3 alone if nothing has to be tried before."""
        from ftdojo.training.sft.parallel import train  # imports torch, which a run that finds all stages does not need

        config, base = submission.train, self._base
        key: dict[str, Any] = {
            "rows": digest.of_file(rows.path / ROWS),
            "config": config.model_dump(mode="json"),
            "base": self._base_digest,
            "compute": str(models.compute()),
        }
        if stopped_after is not None:
            key["stopped_after"] = stopped_after

        def left_s() -> float | None:
            """What may be spent on the training: the evaluation has to fit into the budget, too."""
            return None if deadline is None else deadline - time.monotonic() - self.baseline().seconds.evaluate

        def build(folder: Path) -> dict[str, Any]:
            written = read_items(rows.path / ROWS)
            tokenized, warnings = gates.tokenization(written, config, base, self._reference)
            if stopped_after is None and not tried:
                with tempfile.TemporaryDirectory(prefix="ftdojo-micro-") as scratch:
                    trial = gates.micro_training(
                        written, tokenized, config, base, self._reference, wall_left_s=left_s(), folder=Path(scratch)
                    )
                    warnings += gates.micro_evaluation(trial, base)
            result = train(
                tokenized.examples,
                config,
                base,
                folder / MODEL,
                on_log=self._on_log,
                time_left_s=left_s(),
                stop_after=stopped_after,
            )
            stopped = [result.stopped] if result.stopped else []
            facts = {
                "training": asdict(replace(result, stopped=None)),
                "tokens": asdict(tokenized.statistics),
                "warnings": gates.told([*warnings, *stopped]),
            }
            if stopped and stopped[0].code == OUT_OF_TIME and stopped_after is None:
                raise _TimeUp(result.steps, folder / MODEL, facts)
            return facts

        self._progress.update("train", 0, 1, "tokenizing, then a micro-training")
        begun = time.monotonic()
        try:
            stage = self._store.make("models", key, build)
        except _TimeUp as up:
            # What the clock has cut is no function of its inputs alone, so it is kept under the step where it ended.
            key["stopped_after"] = up.step
            stage = self._store.make("models", key, up.build, spent_s=time.monotonic() - begun)
        outcome.add("train", stage)
        outcome.trained = stage.path / MODEL
        outcome.tell(stage.facts["warnings"])
        outcome.data = levels.data(rows.facts["report"], stage.facts["tokens"])
        held_out = config.held_out(stage.facts["tokens"]["rows"])
        outcome.training = levels.training(stage.facts["training"], held_out_rows=held_out)
        if not stage.reused:
            self._progress.end("train", f"loss {outcome.training.train_loss:.3f}, {outcome.training.fit}")

    def _on_log(self, log: dict[str, float]) -> None:
        self._progress.update(
            "train", log["step"], log["steps"], f"loss {log['loss']:.3f}, {log['tokens_per_s']:.0f} tokens/s"
        )

    def _evaluate(self, outcome: Outcome) -> None:
        """Let the exported model answer the validation items; the base model, if nothing was trained."""
        trained = outcome.trained

        @contextlib.contextmanager
        def exported() -> Iterator[Path]:
            assert trained is not None
            with tempfile.TemporaryDirectory(prefix="ftdojo-export-") as folder:
                export(self._base, trained, Path(folder))
                yield Path(folder)

        stage, _, outcome.predictions = predict(
            self._task,
            self._data.validation,
            exported if trained else lambda: contextlib.nullcontext(self._base),
            outcome.digests["train"] if trained else self._base_digest,
            self._store,
            self._progress,
            label="validation",
            engine=self._engine,
        )
        outcome.add("evaluate", stage)
