"""Contests without a model: finished runs written with the real ledger, and what they score decided by the test; and an
executor of jobs that end at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ftdojo.bench.process import Ending, Start
from ftdojo.bench.suite import Job
from ftdojo.contract.budget import Spent
from ftdojo.contract.feedback import (
    DataFeedback,
    Distribution,
    EvaluationFeedback,
    ExecutionFeedback,
    Feedback,
    Interval,
)
from ftdojo.contract.protocol import Decision, Iteration
from ftdojo.contract.result import Score, StageSeconds, TrivialAnswers
from ftdojo.findings import Finding
from ftdojo.record import Ledger, RunFolder, events
from ftdojo.record.history import History
from ftdojo.record.summary import conclude
from ftdojo.tasks import get
from ftdojo.tasks.scoring import summarize
from ftdojo.tasks.spec import ItemScore

SUITE = """
name = "small"
tasks = ["math/aime24"]
models = ["smollm2-135m"]
agents = ["single-shot", "random-search"]
seeds = [0]
[budgets.short]
wall = "2m"
"""
"""A suite of two contestants on one task."""
DIGESTS = {"raw": "r", "validation": "v", "test": "t", "task": "1", "model": "m"}
ONE = Distribution(p50=1, p95=1, max=1)


def items(scores: Sequence[float]) -> list[ItemScore]:
    """Items of a task without sub-tasks."""
    return [ItemScore(id=f"i{i}", subtask="", score=s, parsed=True) for i, s in enumerate(scores)]


def write_run(
    out: Path,
    job: Job,
    base: Sequence[ItemScore],
    best: Sequence[ItemScore],
    *,
    validation: Sequence[float] = (),
    overlap: int = 0,
    stopped: bool = False,
    trivial: Mapping[str, Sequence[ItemScore]] | None = None,
    **changed: Any,
) -> None:
    """A finished run: verdicts on the base and the best model on test, validation scores of accepted iterations.

    Args:
        overlap: rows that the first iteration lost because they overlapped.
        stopped: whether a gate stopped one more submission.
        trivial: ``majority`` and, if it was measured, ``few_shot`` -> verdicts on test, and on
            validation the same scores.
        changed: digests that differ.
    """
    task = get(job.task).variant(job.setting.variant)[1]
    metric = task.spec.metric
    folder = out / job.folder
    folder.mkdir(parents=True)

    def estimate(value: float) -> Score:
        return Score(metric=metric, value=value, interval=(value - 5, value + 5), n=len(base))

    def evaluation(value: float) -> EvaluationFeedback:
        given: dict[str, Any] = {"subtasks": {}, "subtask_parsed": {}, "errors": {}, "metrics": {}, "samples": []}
        return EvaluationFeedback.model_validate({"score": estimate(value), "parsed": 1.0, "to_best": None, **given})

    def iteration(number: int, value: float | None) -> Iteration:
        finding = Finding(code="diverged", gate=4, message="m", where="w", fix="f")
        data = DataFeedback(
            rows=10,
            duplicates=0,
            per_subtask={},
            top_completion_share=0.1,
            row_tokens=ONE,
            label_tokens=ONE,
            truncated_share=0.0,
        )
        execution = ExecutionFeedback(
            seconds=StageSeconds(train=5, evaluate=2), reused=[], findings=[finding] if value is None else []
        )
        gap = Interval(value=5, low=1, high=9)
        return Iteration(
            number=number,
            digests={},
            plan=None,
            feedback=Feedback(execution=execution, data=data, evaluation=None if value is None else evaluation(value)),
            decision=None if value is None else Decision(accepted=True, difference=gap, reason="better"),
        )

    answers = None
    if trivial is not None:
        easy = {name: Score.of(metric, summarize(task, rows)) for name, rows in trivial.items()}
        answers = TrivialAnswers(
            constant=easy["majority"],
            constant_output="x",
            majority=easy["majority"],
            subtasks={},
            majority_outputs={},
            few_shot=easy.get("few_shot"),
            shots=4,
        )
    with Ledger(folder) as ledger:
        history = History(ledger)
        configuration = {
            "task": job.task_id,
            "variant": job.setting.variant,
            "model": job.setting.model,
            "agent": job.contestant.agent_name,
            "planner": "",
            "seed": job.seed,
            "budget": {"wall_s": 60.0},
            "digests": {**DIGESTS, **changed},
        }
        about = {"metric": metric, "higher_is_better": True, "objective": "", "versions": {"ftdojo": "0.1.0"}}
        history.append(events.RunBegun.model_validate({"configuration": configuration, **about}))
        history.append(events.BaselineMeasured(evaluation=evaluation(10.0), trivial=answers, charge=Spent(wall_s=10)))
        values = [*validation, *([None] if stopped else [])]
        for number, value in enumerate(values, start=1):
            charge = Spent(wall_s=20, device_s=7, submissions=1)
            found = overlap if number == 1 else 0
            history.append(events.IterationEnded(iteration=iteration(number, value), overlap=found, charge=charge))
        history.append(events.AgentStopped(out_of_budget=False))
        verdicts = {"baseline": base, "best": best}
        scores = {name: Score.of(metric, summarize(task, rows)) for name, rows in verdicts.items()}

        def plain(given: Mapping[str, Sequence[ItemScore]]) -> dict[str, Any]:
            return {
                name: [
                    {"id": v.id, "subtask": "", "score": v.score, "parsed": True, "metrics": dict(v.metrics)}
                    for v in rows
                ]
                for name, rows in given.items()
            }

        fields: dict[str, Any] = {**scores, "items": plain(verdicts)}
        if trivial is not None:
            fields |= {"trivial_items": plain(trivial), "trivial": answers}
        history.append(events.TestScored.model_validate(fields))
        result = conclude(history, folder.name)
        history.append(events.RunFinished(result=result))
    RunFolder(folder).result.write_text(result.model_dump_json())


class Instant:
    """An executor whose jobs have ended when they are started. It counts how often it is asked for those.

    Args:
        capacity: jobs that run at once.
        finish: leaves a result in the folder of a job.
    """

    def __init__(self, capacity: int, finish: Callable[[Path], None]) -> None:
        self.capacity, self.asked = capacity, 0
        self._finish, self._started = finish, list[Path]()

    def start(self, start: Start) -> Path:
        """Let a job finish; its folder stands for it."""
        self._finish(start.log.parent)
        self._started.append(start.log.parent)
        return start.log.parent

    def collect(self) -> list[tuple[Path, Ending]]:
        """Return all jobs that were started since the last call."""
        self.asked += 1
        ended, self._started = self._started, []
        return [(folder, Ending(0, "")) for folder in ended]

    def __enter__(self) -> Instant:
        return self

    def __exit__(self, *_: object) -> None:
        pass
