"""``metrics.jsonl`` says what the ledger says."""

from __future__ import annotations

import json
from pathlib import Path

from ftdojo.record import Ledger, RunFolder, events
from ftdojo.record.history import History
from ftdojo.record.metrics import Line, Metrics, read_metrics


def test_the_file_of_a_run_has_the_values_of_its_ledger(finished_run: Path) -> None:
    run = finished_run / "run"
    lines = [json.loads(line) for line in RunFolder(run).metrics.read_text("utf-8").splitlines()]
    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        baseline = history.require(events.BaselineMeasured).evaluation.score
        easy = history.require(events.BaselineMeasured).trivial
        scored = history.require(events.TestScored)
        iterations = history.iterations
    name = f"validation/{baseline.metric}"
    by_iteration = {line["iteration"]: line for line in lines if name in line}
    assert by_iteration[0][name] == baseline.value
    assert [by_iteration[0][f"{name}/{end}"] for end in ("low", "high")] == list(baseline.interval)
    scored_ones = [i for i in iterations if i.score]
    assert scored_ones
    for iteration in scored_ones:
        assert iteration.score is not None
        assert by_iteration[iteration.number][name] == iteration.score.value
        assert by_iteration[iteration.number]["validation/accepted"] == iteration.accepted
        assert iteration.feedback.training is not None
        curve = [(p.step, p.loss) for p in iteration.feedback.training.curve]
        assert curve == [
            (line["step"], line["train/loss"])
            for line in lines
            if line["iteration"] == iteration.number and "train/loss" in line
        ]
    (last,) = [line for line in lines if f"test/{baseline.metric}" in line]
    assert last[f"test/{baseline.metric}"] == scored.best.value
    assert easy is not None
    assert scored.trivial is not None
    beside = [(by_iteration[0], f"validation/{key}_", score) for key, score in easy.scores.items()]
    beside += [(last, f"test/{key}_", score) for key, score in scored.trivial.scores.items()]
    assert {"constant", "few_shot"} <= scored.trivial.scores.keys()
    for line, prefix, score in [*beside, (last, "test/base_", scored.baseline)]:
        name = f"{prefix}{score.metric}"
        assert [line[name], line[f"{name}/low"], line[f"{name}/high"]] == [score.value, *score.interval]


def test_a_training_adds_its_steps_as_it_goes_until_the_ledger_has_them(tmp_path: Path) -> None:
    seen: list[Line] = []
    with Ledger(tmp_path) as ledger:
        history = History(ledger)
        metrics = Metrics(RunFolder(tmp_path), history)
        metrics.followers.append(seen.extend)
        log = {"step": 5, "steps": 20, "loss": 0.5, "grad_norm": 1.0, "learning_rate": 1e-4, "tokens_per_s": 9.0}
        metrics.log_step(log)
        (line,) = RunFolder(tmp_path).metrics.read_text("utf-8").splitlines()
        assert json.loads(line) == {
            "iteration": 1, "step": 5,
            "train/loss": 0.5, "train/grad_norm": 1.0, "train/learning_rate": 1e-4, "train/tokens_per_s": 9.0,
        }  # fmt: skip
        assert [one.step for one in seen] == [5]
        history.append(_iteration())
        assert [json.loads(text)["iteration"] for text in RunFolder(tmp_path).metrics.read_text().splitlines()] == [1]
        assert list(read_metrics(history))[-1] == seen[-1]


def _iteration() -> events.IterationEnded:
    from ftdojo.contract.feedback import ExecutionFeedback, Feedback
    from ftdojo.contract.protocol import Iteration
    from ftdojo.contract.result import StageSeconds

    execution = ExecutionFeedback(seconds=StageSeconds(), reused=[], findings=[])
    feedback = Feedback(execution=execution)
    return events.IterationEnded(iteration=Iteration(number=1, digests={}, plan=None, feedback=feedback, decision=None))
