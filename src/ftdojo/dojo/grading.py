"""Grade exported models on the sealed test items, in a fresh process that nothing of the episode has touched.

python -m ftdojo.dojo.grading        reads a request as JSON on standard input, writes scores as JSON lines
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from pydantic import TypeAdapter

from ftdojo import models, sandbox, tasks
from ftdojo.dojo import evaluation
from ftdojo.dojo.predict import predict
from ftdojo.dojo.progress import Progress
from ftdojo.errors import FtdojoError, InfrastructureError
from ftdojo.rawdata import prepare
from ftdojo.record import Home, Store
from ftdojo.record.result import Score
from ftdojo.schema import StrictModel
from ftdojo.tasks.scoring import summarize


class Request(StrictModel):
    """What is to be graded."""

    task: str
    variant: str
    home: Path
    models: dict[str, Path]
    """Name -> model folder."""


def grade(request: Request, progress: Progress) -> dict[str, Score]:
    """The test score of each model of the request.

    Raises:
        InfrastructureError: if the grading process fails.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "ftdojo.dojo.grading"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    scores: dict[str, Score] = {}
    with process:
        try:
            process.stdin.write(request.model_dump_json())
            process.stdin.close()
            for line in process.stdout:
                message = json.loads(line)
                if "scores" in message:
                    scores = TypeAdapter(dict[str, Score]).validate_python(message["scores"])
                else:
                    progress.update(**message)
        except BaseException:
            process.kill()
            raise
        assert process.stderr is not None
        problem = process.stderr.read()
    if process.returncode or not scores:
        raise InfrastructureError(
            f"grading ended with status {process.returncode}: {problem.strip()[-800:]}",
            fix="run the same command again: the trained model is kept and is graded again",
        )
    return scores


class _Lines:
    """Progress as JSON lines, for the parent."""

    def say(self, text: str) -> None:
        """Nothing is said while grading."""

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """One line."""
        print(json.dumps({"stage": stage, "done": done, "total": total, "note": note}), flush=True)  # noqa: T201


def main() -> None:
    """The grading process."""
    request = Request.model_validate_json(sys.stdin.read())
    home = Home(request.home)
    task = tasks.get(request.task, runner=sandbox.run_user_code)
    data = prepare(task, request.variant, home)
    scores: dict[str, Score] = {}
    for name, model in request.models.items():
        _, items, predictions = predict(
            task,
            data.sealed_test,
            lambda folder=model: nullcontext(folder),  # type: ignore[misc]
            models.digest(model),
            Store(home.stages),
            _Lines(),
            label=f"test, {name}",
        )
        verdicts = evaluation.scores(task, items, predictions)
        scores[name] = Score.of(task.spec.metric, summarize(task, verdicts))
    print(json.dumps({"scores": {name: score.model_dump(mode="json") for name, score in scores.items()}}))  # noqa: T201


if __name__ == "__main__":
    try:
        main()
    except FtdojoError as error:
        sys.exit(str(error))
