"""Grade exported models on the sealed test items, in a fresh process that shares nothing with the episode.

A trained model is graded only if it descends from the base model by the recorded training.

python -m ftdojo.episode.grading        reads a request as JSON on standard input, writes scores as JSON lines
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from pydantic import Field

from ftdojo import child, inference, models, sandbox, tasks
from ftdojo.contract.call import Call
from ftdojo.contract.methods import parse_config
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Progress
from ftdojo.contract.result import ClassScore, Gap, Score, TrivialAnswers
from ftdojo.contract.submission import TRAIN
from ftdojo.data import prepare
from ftdojo.episode import evaluation, trivial
from ftdojo.episode.class_scores import count_classes
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.examples import Example, choose_examples
from ftdojo.episode.predict import PREDICTIONS, predict
from ftdojo.errors import FtdojoError, InfrastructureError
from ftdojo.judge import RunReplies, bind_judge
from ftdojo.quick_exit import skip_last_collection
from ftdojo.record import Home, Store
from ftdojo.schema import StrictModel
from ftdojo.tasks.own_prompts import with_prompts
from ftdojo.tasks.scoring import score_of
from ftdojo.tasks.spec import ItemScore, Task
from ftdojo.training import Earlier, lineage_faults

CALL = "call"
"""The key of a line of the grading process that holds a call to the judge of the task."""
_TURN = threading.Lock()
"""Held while a line is written."""


class Training(StrictModel):
    """The training of a model."""

    config: dict[str, Any]
    """The content of its ``train.yaml``."""
    steps: int
    earlier: list[Training] = Field(default_factory=list)
    """The trainings before it, of iterations from whose weights it started in the end; the first of them first."""

    @classmethod
    def of(cls, training: Earlier, earlier: Sequence[Earlier] = ()) -> Training:
        """Return a training and those before it as JSON can hold them."""
        config = training.config.model_dump(mode="json")
        return cls(config=config, steps=training.steps, earlier=[cls.of(one) for one in earlier])

    def read(self) -> Earlier:
        """Return the training without those before it."""
        return Earlier(parse_config(self.config, where=TRAIN), self.steps)


class Request(StrictModel):
    """The models to be graded."""

    options: RunOptions
    """Options of the run, with the variant of the data."""
    version: str
    """Version of the task, as recorded in the run."""
    home: Path
    models: dict[str, Path]
    """``baseline`` and ``best``, each with its folder."""
    training: Training | None
    """The last training of ``best``, which goes back to ``baseline``; ``None`` if they are the same model."""
    judged: list[Call] = Field(default_factory=list)
    """The recorded calls to the judge of the task."""


class Grade(StrictModel):
    """The score of a model on test."""

    score: Score
    items: list[ItemScore]
    """The verdicts from which the score is computed, in the order of the items."""
    predictions: Path
    """The file of the stored outputs that were scored."""
    model: str
    """The identity of the model that was graded."""

    @classmethod
    def of(cls, task: Task, verdicts: Sequence[ItemScore], *, predictions: Path, model: str) -> Grade:
        """Return the grade from the verdicts on all items."""
        score = score_of(task, verdicts)
        # The default of ``metrics`` is a proxy, which JSON does not know.
        items = [replace(verdict, metrics=dict(verdict.metrics)) for verdict in verdicts]
        return cls(score=score, items=items, predictions=predictions, model=model)


class Ruling(StrictModel):
    """The result of the grading process."""

    reasons: list[str] = Field(default_factory=list)
    """Why the best model must not be graded. If there are any, nothing was graded."""
    grades: dict[str, Grade] = Field(default_factory=dict)
    """Name of the model -> its grade."""
    trivial: TrivialAnswers | None = None
    """What answers without any training score."""
    to_trivial: Gap | None = None
    """The difference of ``best`` to the best of them."""
    trivial_items: dict[str, list[ItemScore]] = Field(default_factory=dict)
    """Key of :attr:`TrivialAnswers.scores` -> the verdicts from which the score is computed."""
    examples: list[Example] = Field(default_factory=list)
    """Some test items with both models' answers."""
    classes: list[ClassScore] = Field(default_factory=list)
    """Of a classification: the items of each class that are answered rightly."""


def grade(request: Request, progress: Progress, record: Callable[[Call], None]) -> Ruling:
    """Score each model of the request on test.

    Args:
        request: the models.
        progress: receives the progress.
        record: records and charges a call to the judge of the task.

    Raises:
        InfrastructureError: if the grading process fails.
    """
    ruling: Ruling | None = None
    # A file: a pipe that is not read until the end would block a process with much output.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:
        with _start_process(complaints) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(request.model_dump_json())
            process.stdin.close()
            for line in process.stdout:
                message = json.loads(line)
                if "grades" in message:
                    ruling = Ruling.model_validate_json(line)
                elif CALL in message:
                    record(Call.model_validate(message[CALL]))
                elif "total" in message:
                    progress.update(**message)
                else:
                    progress.end(**message)
        complaints.seek(0)
        problem = complaints.read()
    if process.returncode or ruling is None:
        raise InfrastructureError(
            f"grading ended with status {process.returncode}: {problem.strip()[-800:]}",
            fix="run the same command again: the trained model is kept and is graded again",
        )
    return ruling


def _start_process(complaints: IO[str]) -> AbstractContextManager[subprocess.Popen[str]]:
    # The process holds the sealed items and may compute for hours: it must die with a run that is killed.
    program = child.module("ftdojo.episode.grading")
    return child.running(*program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints)


class _Lines:
    """Progress as JSON lines, for the parent."""

    def say(self, text: str) -> None:
        """Drop the line: grading prints none."""

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """Send the progress as one line."""
        _send({"stage": stage, "done": done, "total": total, "note": note})

    def end(self, stage: str, note: str = "") -> None:
        """Send the end of a stage as one line."""
        _send({"stage": stage, "note": note})


def _send_call(call: Call) -> None:
    """Let the parent record a call."""
    _send({CALL: call.model_dump(mode="json")})


def _send(message: dict[str, Any]) -> None:
    with _TURN:  # the threads that ask a judge send their calls
        print(json.dumps(message), flush=True)  # noqa: T201


def score_on_test(request: Request, progress: Progress, record: Callable[[Call], None]) -> Ruling:
    """Do what :func:`grade` asks of its process. Arguments as there."""
    home, options = Home(request.home), request.options
    variant, task = tasks.get(options.task, runner=sandbox.run_user_code).variant(options.variant)
    task = with_prompts(task, options.prompts).as_recorded(request.version).with_thinking(options.reasoning_tokens)
    data = prepare(task, variant, home)
    task = bind_judge(task, options, RunReplies(request.judged, record), progress=progress)
    if reasons := _find_faults(request):
        return Ruling(reasons=reasons)
    grades: dict[str, Grade] = {}
    outputs: dict[str, list[Prediction]] = {}
    for name, model in request.models.items():
        identity = models.digest(model)
        stage, items, outputs[name] = predict(
            task,
            data.sealed_test,
            partial(inference.open_engine, options.engine, model),
            identity,
            Store(home.stages),
            progress,
            label=f"test, {name}",
            engine=options.engine,
        )
        verdicts = evaluation.scores(task, items, outputs[name])
        grades[name] = Grade.of(task, verdicts, predictions=stage.path / PREDICTIONS, model=identity)
    measured = trivial.measure(
        task,
        data,
        request.models["baseline"],
        Store(home.stages),
        progress,
        split="test",
        engine=options.engine,
    )
    every = {name: grade.items for name, grade in grades.items()}
    return Ruling(
        grades=grades,
        trivial=measured.answers,
        to_trivial=measured.compare(task, grades["best"].items),
        trivial_items=measured.verdicts,
        examples=choose_examples(task, items, outputs, every),
        classes=count_classes(task, items, every | measured.verdicts),
    )


def _find_faults(request: Request) -> list[str]:
    if request.training is None:
        return []
    last, earlier = request.training.read(), [one.read() for one in request.training.earlier]
    return lineage_faults(request.models["baseline"], request.models["best"], last, earlier)


def main() -> None:
    """Run the grading process."""
    skip_last_collection()
    ruling = score_on_test(Request.model_validate_json(sys.stdin.read()), _Lines(), _send_call)
    print(ruling.model_dump_json())  # noqa: T201


if __name__ == "__main__":
    try:
        main()
    except FtdojoError as error:
        sys.exit(str(error))
