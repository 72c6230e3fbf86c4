"""What an outside agent is answered: documents of plain data, made from the observation, the record and the result.

They hold what internal agents see and nothing else: scores and samples of validation, never a gold answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from ftdojo.contract.feedback import EvaluationFeedback, Feedback, LossPoint, RolloutPoint
from ftdojo.contract.methods import find_config
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.result import RunResult, TrivialAnswers
from ftdojo.contract.row import SURROGATE
from ftdojo.contract.script import MAX_SCRIPT_BYTES, SCRIPT, TRAIN_SCRIPT
from ftdojo.contract.submission import FILES, PLAN, RECIPE, TRAIN, Plan
from ftdojo.contract.train_config import TrainConfig
from ftdojo.errors import UsageError
from ftdojo.findings import Finding
from ftdojo.outside.layout import ANSWER_CHARS, to_text
from ftdojo.tasks import raw_files

ROWS, ROW_CHARS, ROWS_CHARS = 50, 2000, 4500
"""The most raw rows per call, the most characters per row, and of all rows of a call."""
T = TypeVar("T")
COMMON = "lora"
"""The method with which keys are described that other methods have, too: its schema is shown for every task."""
SCHEMA_ROOM = 100
"""Characters of an answer with a schema that are not of the schema."""
CURVE_POINTS = 8
"""The most points of a loss curve that are shown."""
Level = Literal["all", "execution", "data", "training", "evaluation"]
"""The part of an iteration's feedback that is asked for."""

SUBMISSION = f"""\
A submission is an object of file name -> text. It needs {PLAN}, {TRAIN}, and one of {RECIPE} and {SCRIPT}.
dojo_schema shows what the YAML files may hold. {SCRIPT} runs in a sandbox without network as
  python {SCRIPT} --input DIR --output FILE --limit N
It reads the raw files below DIR and writes at most N lines of JSON to FILE, each an object with "prompt",
"completion" and, if it likes, "subtask". A completion is exactly what the model is to answer."""
TRAINING = f"""\
With method program the submission needs {TRAIN_SCRIPT}, too. It trains, in a sandbox without network, as
  python {TRAIN_SCRIPT} --model DIR --rows FILE --job FILE --output DIR
DIR of --model is the base model. Each line of --rows is an object with "messages", "input_ids" and "labels" (-100 is
not learned). --job is an object with seed, max_steps (or null), weights, lora, max_length, device and the settings of
{TRAIN}. It takes at most max_steps steps, and appends a line such as {{"step": 1, "steps": 120, "loss": 2.3}} to
progress.jsonl in --output after each. There it leaves what save_pretrained writes: the adapter that lora describes
(weights: lora), or model.safetensors (weights: full)."""


def describe_task(seen: Observation, budget: Mapping[str, float | None]) -> dict[str, Any]:
    """The task, the base model, the rules and the form of a submission.

    Args:
        seen: the newest observation.
        budget: the limits of the run; ``None`` is no limit.
    """
    task = seen.task
    return {
        "task": task.id,
        "objective": task.objective,
        "output_format": task.output_format,
        "metric": f"{task.metric}, {'higher' if task.higher_is_better else 'lower'} is better",
        "best_value": task.best_value,
        "subtasks": list(task.subtasks),
        "max_new_tokens": task.max_new_tokens,
        "base_model_scores": str(seen.baseline.score),
        "without_training": _describe_trivial(seen.trivial) if seen.trivial else None,
        "samples_of_the_base_model_on_raw_rows": seen.headroom.model_dump() if seen.headroom else None,
        "shortcuts": {s.name: f"always {s.output!r} scores at most {s.at_most}" for s in task.shortcuts},
        "budget": {name: limit for name, limit in budget.items() if limit is not None},
        "max_rows": task.rules.max_rows,
        "methods": list(task.rules.methods),
        "training_may_start_from_an_evaluated_iteration": seen.warm_start,
        "language_models_for_data_programs": seen.data_llm,
        "model": asdict(seen.model),
        "lora_train_rows_per_s": seen.train_rows_per_s,
        "seconds_of_an_evaluation": seen.evaluate_s,
        "raw_files": {source.path: source.description for source in task.raw_sources},
        "fields_of_an_evaluation_item": seen.item_fields,
        "evaluation_source": task.evaluation_source,
        "published": [asdict(one) for one in task.published],
        "submission": SUBMISSION,
        **({"training_program": TRAINING} if "program" in task.rules.methods else {}),
        **_describe_guard(seen),
    }


def _describe_guard(seen: Observation) -> dict[str, Any]:
    """What a model must not forget; nothing if the run guards nothing."""
    if not seen.guard:
        return {}
    return {
        "base_model_scores_on_guard_tasks": {task: str(score) for task, score in seen.guard.items()},
        "without_training_on_guard_tasks": {
            task: _describe_trivial(given.answers) for task, given in seen.guard_trivial.items()
        },
        "points_that_a_guard_task_may_lose": seen.guard_margin,
    }


def describe_schema(name: str, methods: Sequence[str], method: str | None) -> dict[str, Any]:
    """The JSON schema of a file of a submission.

    Args:
        name: of the file.
        methods: the training methods that the task allows.
        method: the one that ``train.yaml`` is for; the first if not given.

    Raises:
        UsageError: for another file or method.
    """
    if method is not None and method not in (COMMON, *methods):
        raise UsageError(f"{shorten(method)} is not a method of this task", fix=f"choose one of: {', '.join(methods)}")
    models: dict[str, type[BaseModel]] = {PLAN: Plan, TRAIN: find_config(method or methods[0]), RECIPE: Recipe}
    if name not in models:
        raise UsageError(f"{shorten(name)} has no schema", fix=f"choose one of: {', '.join(models)}")
    schema = without_titles(models[name].model_json_schema())
    document = {"file": name, "schema": schema}
    if len(to_text(document)) <= ANSWER_CHARS - SCHEMA_ROOM:
        return document
    # A method with many keys of its own: those that it has in common with supervised fine-tuning are only named.
    usual = without_titles(TrainConfig.model_json_schema())["properties"]
    common = [key for key, part in schema["properties"].items() if usual.get(key) == part]
    shown = {key: part for key, part in schema["properties"].items() if key not in common}
    parts = {part: form for part, form in schema.pop("$defs", {}).items() if f"#/$defs/{part}" in json.dumps(shown)}
    schema |= {"properties": shown, **({"$defs": parts} if parts else {})}
    return {"file": name, "schema": schema, "further_keys": f"as with method {COMMON}: {', '.join(common)}"}


def without_titles(schema: Any) -> Any:
    """Return a JSON schema without the titles of its parts, which repeat their names."""
    if isinstance(schema, list):
        return [without_titles(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: without_titles(part) for name, part in value.items()}
        if key in ("properties", "$defs")
        else without_titles(value)
        for key, value in schema.items()
        if key != "title"
    }


def describe_raw_data(seen: Observation, path: str | None) -> dict[str, Any]:
    """The profile of the raw data: an overview of all files, or everything about one.

    Raises:
        UsageError: if there is no such file.
    """
    sources = {source.path: source for source in seen.task.raw_sources}
    if path is None:
        files = []
        for file in seen.raw_data.files:
            known = sources.get(file.path)
            about = {"description": known.description} if known else {}
            fields = {f.name: ", ".join(f"{kind} {count:,}" for kind, count in f.types.items()) for f in file.fields}
            rows = {"rows": file.rows, "malformed_rows": file.malformed_rows}
            files.append({"path": file.path, **about, **rows, "fields": fields})
        return {"files": files, "next": "dojo_raw_data with a path tells more about a file; dojo_read_raw shows rows"}
    found = next((file for file in seen.raw_data.files if file.path == path), None)
    if found is None:
        raise _no_such_file(path, [file.path for file in seen.raw_data.files])
    known = sources.get(path)
    templates = [asdict(rendering) for rendering in known.renderings] if known else []
    return {**found.model_dump(mode="json", exclude_none=True), "ways_to_make_training_rows": templates}


def read_rows(seen: Observation, raw: Path, path: str, start: int, rows: int) -> dict[str, Any]:
    """Read rows of a file that the profile names: no other path is opened.

    Args:
        seen: the newest observation.
        raw: the folder of the raw data.
        path: of the file, as the profile names it.
        start: the first row, from 0.
        rows: how many; fewer are returned if they are long.

    Raises:
        UsageError: for another path, or a start behind the last row.
    """
    counts = {file.path: file.rows + file.malformed_rows for file in seen.raw_data.files}
    if path not in counts:
        raise _no_such_file(path, list(counts))
    if start >= max(1, counts[path]):
        raise UsageError(f"{path} has {counts[path]:,} rows, counted from 0", fix="name a smaller start")
    shown: list[Any] = []
    used = 0
    for row in islice(raw_files.read(raw / path), start, start + rows):
        used += min(len(repr(row)), ROW_CHARS)
        if shown and used > ROWS_CHARS:
            break
        shown.append(row)
    end = start + len(shown)
    following = {"next": f"dojo_read_raw with start {end}"} if end < counts[path] else {}
    return {"path": path, "start": start, "total_rows": counts[path], "rows": shown, **following}


def _no_such_file(path: str, known: list[str]) -> UsageError:
    return UsageError(f"{shorten(path)} is not a raw file", fix=f"choose one of: {', '.join(known)}")


def describe_history(seen: Observation) -> dict[str, Any]:
    """One line per iteration."""
    return {
        "base_model": str(seen.baseline.score),
        "iterations": {str(i.number): i.verdict for i in seen.history},
        "best": seen.best,
    }


def describe_feedback(seen: Observation, number: int, level: Level) -> dict[str, Any]:
    """Everything about one iteration, or one level of it; 0 is the base model.

    Raises:
        UsageError: if there is no such iteration.
    """
    if number == 0:
        return {"iteration": 0, "evaluation": _describe_evaluation(seen.baseline, samples=True)}
    for iteration in seen.history:
        if iteration.number == number:
            parts = _describe_levels(iteration.feedback, whole=True)
            chosen: dict[str, Any] = parts if level == "all" else {level: parts.get(level)}
            about = {"start": iteration.start, "decision": _dump(iteration.decision)} if level == "all" else {}
            return {"iteration": number, "verdict": iteration.verdict, **about, **chosen}
    raise UsageError(f"there is no iteration {number}", fix=f"there are {len(seen.history)}")


def describe_baseline(evaluation: EvaluationFeedback) -> dict[str, Any]:
    """The base model's evaluation, in short."""
    return {"evaluation": _describe_evaluation(evaluation, samples=False), "next": _more(0)}


def describe_iteration(iteration: Iteration) -> dict[str, Any]:
    """A new iteration, in short."""
    number = iteration.number
    levels = _describe_levels(iteration.feedback, whole=False)
    return {"iteration": number, "verdict": iteration.verdict, **levels, "next": _more(number)}


def describe_findings(findings: Sequence[Finding]) -> dict[str, Any]:
    """What the gates found."""
    errors = sum(finding.severity == "error" for finding in findings)
    advice = "correct the errors and check again" if errors else "dojo_submit trains it"
    return {"errors": errors, "findings": [_dump(finding) for finding in findings], "next": advice}


def describe_result(result: RunResult) -> dict[str, Any]:
    """The result without the constants that were chosen by gold answers: an agent may play the task again."""
    whole = result.model_dump(
        mode="json",
        exclude_none=True,
        exclude={
            "iterations": True, "trivial_validation": True, "guard_trivial": True, "digests": True, "versions": True,
            "trivial": {"constant_output", "majority_outputs", "subtasks"},
        },
    )  # fmt: skip
    return {**whole, "iterations": len(result.iterations)}


def check_files(files: Mapping[str, str]) -> Mapping[str, str]:
    """Check the names and sizes of files, and return them.

    Raises:
        UsageError: for an unknown name, or a text that is too long or was cut within a character.
    """
    if foreign := sorted(files.keys() - set(FILES)):
        raise UsageError(f"{shorten(foreign[0])} is not a file of a submission", fix=f"name only {', '.join(FILES)}")
    for name, text in files.items():
        if SURROGATE.search(text):
            raise UsageError(f"{name} holds half a character (a lone surrogate)", fix="write the whole character")
        if len(text.encode()) > MAX_SCRIPT_BYTES:
            raise UsageError(f"{name} is larger than {MAX_SCRIPT_BYTES // 1024} KiB", fix="keep data out of it")
    return files


def shorten(text: str) -> str:
    """Quote a text of a stranger, cut to a length that an error message can hold."""
    return repr(text if len(text) <= 80 else text[:80] + "…")


def _describe_trivial(trivial: TrivialAnswers) -> dict[str, Any]:
    """What answers without any training score on validation."""
    scores = {name: str(score) for name, score in trivial.scores.items()}
    return {**scores, "constant_output": trivial.constant_output, "examples_of_few_shot": trivial.shots}


def _describe_levels(feedback: Feedback, *, whole: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"execution": _dump(feedback.execution)}
    if feedback.data:
        found["data"] = _dump(feedback.data)
    if training := feedback.training:
        curves = {"curve", "eval_curve", "rewards", "rollouts"}
        found["training"] = training.model_dump(mode="json", exclude_none=True, exclude=curves)
        if training.rewards:
            points = thin(training.rewards) if whole else training.rewards[-1:]
            found["training"]["rewards"] = [
                f"step {p.step}: margin {p.margin:.3g}, accuracy {p.accuracy:.2f}"
                + ("" if p.drift is None else f", drift {p.drift:.3g}")
                for p in points
            ]
        if training.rollouts:
            answered = thin(training.rollouts) if whole else training.rollouts[-1:]
            found["training"]["rollouts"] = [_describe_rollout(point) for point in answered]
        if whole:
            found["training"]["curve"] = [_describe_point(point) for point in thin(training.curve)]
            found["training"]["eval_curve"] = [
                f"step {step}: loss {loss:.4g}" for step, loss in thin(training.eval_curve)
            ]
    if feedback.evaluation:
        found["evaluation"] = _describe_evaluation(feedback.evaluation, samples=whole)
    return found


def _describe_evaluation(evaluation: EvaluationFeedback, *, samples: bool) -> dict[str, Any]:
    return evaluation.model_dump(mode="json", exclude_none=True, exclude=None if samples else {"samples"})


def _describe_point(point: LossPoint) -> str:
    rest = f"gradient norm {point.grad_norm:.3g}, learning rate {point.learning_rate:.3g}"
    return f"step {point.step}: loss {point.loss:.4g}, {rest}"


def _describe_rollout(point: RolloutPoint) -> str:
    numbers = (f"{name} {value:.3g}" for name, value in point.model_dump(exclude={"step"}).items())
    return f"step {point.step}: {', '.join(numbers)}"


def thin(points: Sequence[T]) -> list[T]:
    """Return at most :data:`CURVE_POINTS` of the points, evenly spaced, with the first and the last."""
    last = len(points) - 1
    if last < CURVE_POINTS:
        return list(points)
    return [points[round(i * last / (CURVE_POINTS - 1))] for i in range(CURVE_POINTS)]


def _more(number: int) -> str:
    return f"dojo_feedback of iteration {number} has samples of its errors" + (" and its loss curves" if number else "")


def _dump(part: BaseModel | None) -> Any:
    return part.model_dump(mode="json", exclude_none=True) if part is not None else None
