"""Run folders as the environment writes them, made with the real ledger and the real models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftdojo.contract.budget import Spent
from ftdojo.contract.call import Call, Fault, Message, Usage
from ftdojo.contract.feedback import (
    DataFeedback,
    Distribution,
    ErrorSample,
    EvaluationFeedback,
    ExecutionFeedback,
    Feedback,
    Interval,
    LossPoint,
    TrainingFeedback,
)
from ftdojo.contract.protocol import Decision, Iteration
from ftdojo.contract.result import (
    ClassScore,
    Gap,
    GuardScore,
    GuardTrivial,
    Score,
    StageSeconds,
    TrivialAnswers,
)
from ftdojo.contract.submission import Plan, PlannedChange
from ftdojo.episode.examples import Answered, Example, write_examples
from ftdojo.findings import Finding
from ftdojo.record import Ledger, RunFolder, events
from ftdojo.record.history import History
from ftdojo.record.summary import conclude

SUBTASKS = ("fg_count", "ring_count", "Murcko_scaffold", "ring_system_scaffold", "equivalence")
CONFIGURATION = {
    "task": "chemistry/mol_und",
    "variant": "twin",
    "model": "smollm2-135m",
    "agent": "ft-agent",
    "planner": "playbook",
    "seed": 0,
    "budget": {"wall_s": 1800.0, "submissions": 8},
    "digests": {"raw": "3f9c0a77d1", "validation": "77d10b3f9c", "test": "0a77d13f9c", "task": "1", "model": "9ac45e"},
}
OBJECTIVE = (
    "Understand molecules given as SMILES: count functional groups and rings, find scaffolds, compare ring systems."
)


HOLDS_THE_LOCK = """
import signal, sys, time
from pathlib import Path
from ftdojo.record import Ledger
signal.signal(signal.SIGTERM, signal.default_int_handler)
with Ledger(Path(sys.argv[1])):
    print("held", flush=True)
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""
"""A program that holds the lock of the run in its first argument until it is interrupted."""


def score(value: float, n: int = 200, half: float = 6.0) -> Score:
    return Score(metric="accuracy", value=value, interval=(max(0.0, value - half), min(100.0, value + half)), n=n)


def evaluation(value: float, gap: float | None = None, samples: Sequence[ErrorSample] = ()) -> EvaluationFeedback:
    return EvaluationFeedback(
        score=score(value),
        parsed=min(1.0, 0.4 + value / 100),
        subtasks={name: max(0.0, min(100.0, value + 9.0 * (k - 2))) for k, name in enumerate(SUBTASKS)},
        subtask_parsed=dict.fromkeys(SUBTASKS, 0.9),
        errors={"format": 12, "wrong": 62, "truncated": 3},
        metrics={"mae": 0.734, "tanimoto": 0.41, "yes_no_accuracy": 58.1},
        to_best=None if gap is None else Interval(value=gap, low=gap - 5, high=gap + 5),
        samples=list(samples) or [ErrorSample(
            id="mol-17",
            subtask="ring_count",
            prompt='How many six-membered rings has c1ccc2ccccc2c1? Answer as JSON: {"count": n}',
            output='{"count": 3}',
            error="wrong",
        )],
    )  # fmt: skip


def trivial(output: str = "1", constant: float = 39.0, few_shot: float | None = 24.0, n: int = 200) -> TrivialAnswers:
    """What needs no training; the few-shot prompt was asked ``n`` of 200 items."""
    return TrivialAnswers(
        constant=score(constant),
        constant_output=output,
        majority=score(constant + 2),
        subtasks=dict.fromkeys(SUBTASKS, constant + 2),
        majority_outputs=dict.fromkeys(SUBTASKS, output),
        few_shot=None if few_shot is None else score(few_shot, n),
        shots=4,
    )


EXAMPLES = [
    Example(
        id=f"test-{number}",
        subtask="ring_count",
        question=f"How many rings has molecule {number}?",
        right=f"the right answer {number}",
        answers={
            "baseline": Answered(output="C1CC1 is a molecule.", score=0.0),
            "best": Answered(output=f"answer {number}", score=number % 2),
        },
    )
    for number in range(10)
]


def training(steps: int = 64, floor: float = 0.2, points: int = 50) -> TrainingFeedback:
    every = max(1, steps // points)
    curve = [
        LossPoint(step=s, loss=floor + 2.3 * math.exp(-5 * s / steps), grad_norm=1.0, learning_rate=1e-3)
        for s in range(every, steps + 1, every)
    ]
    return TrainingFeedback(
        steps=steps,
        epochs=2.0,
        tokens_per_s=4210.0,
        peak_memory_bytes=3 * 2**30,
        curve=curve,
        train_loss=floor,
        eval_loss=floor + 0.08,
        eval_curve=[(steps // 2, floor + 0.35), (steps, floor + 0.08)],
        fit="good",
    )


def plan(parent: int = 0, **changed: Any) -> Plan:
    fields = {
        "parent": parent,
        "hypothesis": "the base model does not know the answer's form; teaching the form alone gains most",
        "evidence": ["baseline: accuracy 8.5 [5.2, 12.9], n = 200, parsed 41%"],
        "focus": "both",
        "changes": [
            PlannedChange(
                key="train.epochs",
                before="2.0",
                after="4.0",
                because="the loss was still falling at the end",
                expected="the held-out loss falls further",
            )
        ],
    }
    return Plan.model_validate({**fields, **changed})


def call(purpose: str, reply: str | None, fault: str = "") -> Call:
    return Call(
        purpose=purpose,
        model="openai:some",
        mode="json_schema",
        messages=[Message(role="user", content="?")],
        reply=reply,
        fault=Fault(kind="connection", message=fault) if fault else None,
        usage=Usage(input_tokens=1200, output_tokens=90),
        seconds=2.5,
    )


def stopped(number: int, given: Plan | None = None, message: str = "KeyError: 'smiles'") -> Iteration:
    finding = Finding(
        code="program_failed", gate=2, message=message, where="data program", fix="mend the error and submit again"
    )
    execution = ExecutionFeedback(seconds=StageSeconds(plan=0.1, data=4.2), reused=[], findings=[finding])
    return Iteration(
        number=number, digests={}, plan=given or plan(), feedback=Feedback(execution=execution), decision=None
    )


def evaluated(
    number: int,
    value: float,
    gap: float,
    *,
    given: Plan | None = None,
    samples: Sequence[ErrorSample] = (),
    points: int = 50,
) -> Iteration:
    accepted = gap - 5 > 0
    difference = Interval(value=gap, low=gap - 5, high=gap + 5)
    verdict = "better than the best so far" if accepted else "not shown to be better than the best so far"
    return Iteration(
        number=number,
        digests={"submission": f"{number:06d}"},
        plan=given or plan(),
        feedback=Feedback(
            execution=ExecutionFeedback(
                seconds=StageSeconds(plan=0.2, data=3.4, train=171.0 + number, evaluate=64.5),
                reused=["data"],
                findings=[],
            ),
            data=DataFeedback(
                rows=1984,
                removed_overlap=16,
                duplicates=3,
                per_subtask=dict.fromkeys(SUBTASKS, 396),
                top_completion_share=0.082,
                row_tokens=Distribution(p50=96, p95=171, max=402),
                label_tokens=Distribution(p50=9, p95=41, max=77),
                truncated_share=0.0,
            ),
            training=training(steps=64 + 8 * number, floor=0.6 / number, points=points),
            evaluation=evaluation(value, gap, samples),
        ),
        decision=Decision(
            accepted=accepted,
            difference=difference,
            reason=f"{verdict}: difference {gap:+.1f}, 95 % interval [{gap - 5:+.1f}, {gap + 5:+.1f}]",
        ),
    )


def guarded(difference: float) -> GuardScore:
    """What a model keeps of a guard task of 50 items, with a margin of 5 points."""
    return GuardScore(
        task="own/guarded",
        base=score(60.0, 50),
        model=score(60.0 + difference, 50),
        difference=difference,
        interval=(difference - 4, difference + 4),
        margin=5.0,
        verdict="kept" if difference > -1 else "lost",
    )


def untrained(*, better: bool, output: str = "yes") -> dict[str, GuardTrivial]:
    """What needs no training on the guard task; the few-shot prompt was asked 20 of its 50 items."""
    answers = TrivialAnswers(
        constant=score(55.0, 50),
        constant_output=output,
        majority=score(55.0, 50),
        subtasks={},
        majority_outputs={},
        few_shot=score(50.0, 20),
        shots=2,
    )
    gap = Gap(to="constant", value=5.0, interval=(1.0 if better else -1.0, 11.0), better=better)
    return {"own/guarded": GuardTrivial(answers=answers, to_constant=gap)}


STORY = (
    evaluated(1, 41.5, 33.0),
    evaluated(2, 44.0, 2.5, given=plan(1, hypothesis="more epochs are needed")),
    stopped(3),
    evaluated(4, 58.0, 16.5, given=plan(1, hypothesis="max_rows 512 holds the model back; 1984 mends it")),
    evaluated(5, 57.0, -1.0, given=plan(4, hypothesis="the adapter is too narrow to hold what the rows teach")),
    evaluated(
        6, 64.5, 6.5, given=plan(4, hypothesis="ring_count is weak because it has too small a share of the rows")
    ),
)
"""Accepted, rejected, stopped, accepted, rejected, accepted."""


def record(
    run: Path, iterations: Sequence[Iteration], until: str, about: dict[str, Any], calls: dict[int, list[Call]]
) -> None:
    easy: tuple[TrivialAnswers | None, TrivialAnswers | None] = about.pop("trivial", (None, None))
    gap: Gap | None = about.pop("to_trivial", None)
    untrained: dict[str, GuardTrivial] = about.pop("guard_trivial", {})
    examples: Sequence[Example] | None = about.pop("examples", None)
    classes: Sequence[ClassScore] = about.pop("classes", [])
    steps = ["started", "baseline", "iterations", "stopped", "test_opened", "test_scored", "finished"]
    reached = steps.index(until)
    with Ledger(run) as ledger:
        history = History(ledger)
        facts = {
            "metric": "accuracy",
            "higher_is_better": True,
            "objective": OBJECTIVE,
            "versions": {"ftdojo": "0.1.0"},
        }
        identity = {"configuration": {**CONFIGURATION, **about.pop("configuration", {})}}
        history.append(events.RunBegun.model_validate({**identity, **facts, **about}))
        if reached >= steps.index("baseline"):
            charge = Spent(wall_s=70, device_s=66)
            history.append(
                events.BaselineMeasured(
                    evaluation=evaluation(8.5),
                    trivial=easy[0],
                    guard={task: score(60.0, 50) for task in untrained},
                    guard_trivial=untrained,
                    charge=charge,
                )
            )
        if reached >= steps.index("iterations"):
            for iteration in iterations:
                for made in calls.get(iteration.number, []):
                    history.append(events.LlmCalled(call=made, charge=Spent(input_tokens=1200)))
                charge = Spent(wall_s=241, device_s=236, submissions=1)
                history.append(events.IterationEnded(iteration=iteration, charge=charge))
        if reached >= steps.index("stopped"):
            history.append(events.AgentStopped(out_of_budget=False, charge=Spent()))
        if reached >= steps.index("test_opened"):
            history.append(events.TestOpened(reason="the episode has ended", best=history.best))
        if reached >= steps.index("test_scored"):
            last = next((i.score for i in reversed(iterations) if i.accepted), None)
            best = score(last.value - 3.5) if last else score(8.5)
            kept = None
            if examples is not None:
                RunFolder(run).sealed.mkdir()
                kept = write_examples(RunFolder(run).examples, examples)
            history.append(
                events.TestScored(
                    baseline=score(8.5), best=best, trivial=easy[1], to_trivial=gap, examples=kept, classes=classes
                )
            )
        if reached >= steps.index("finished"):
            history.append(events.RunFinished(result=conclude(history, run.name)))
