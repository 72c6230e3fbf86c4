"""What a model loses in another form: each form answers the validation items, and is compared item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo.contract.feedback import Interval
from ftdojo.contract.progress import Progress
from ftdojo.contract.result import Score
from ftdojo.contract.task_spec import Record
from ftdojo.episode import acceptance, evaluation
from ftdojo.episode.evaluation import Prediction
from ftdojo.inference.llama_cpp import open_gguf
from ftdojo.plain import plural
from ftdojo.tasks.scoring import score_of
from ftdojo.tasks.spec import Task


@dataclass(frozen=True, slots=True)
class FormScore:
    """The answers of one form, next to those that the run recorded."""

    form: str
    score: Score
    difference: Interval
    """This form's score minus the run's, over the same items, with its 95 % interval."""
    same: int
    """Answers that are the same text as the run's."""


def compare_forms(
    task: Task,
    items: Sequence[Record],
    recorded: Sequence[Prediction],
    forms: Mapping[str, Sequence[Prediction]],
) -> tuple[FormScore, ...]:
    """Compare the answers of forms with those that a run recorded.

    Args:
        task: supplies the scorer.
        items: the validation items.
        recorded: the answers of the run.
        forms: name of a form -> its answers to the same items.
    """
    reference = evaluation.scores(task, items, recorded)
    found = []
    for name, answers in forms.items():
        verdicts = evaluation.scores(task, items, answers)
        same = sum(ours.output == theirs.output for ours, theirs in zip(answers, recorded, strict=True))
        score = score_of(task, verdicts)
        found.append(FormScore(name, score, acceptance.difference(task, verdicts, reference), same))
    return tuple(found)


def ask_gguf(file: Path, model: Path, task: Task, items: Sequence[Record], progress: Progress) -> list[Prediction]:
    """Return the answers of a GGUF file to items, from llama.cpp's server on this machine.

    Args:
        file: the GGUF file.
        model: the folder of the same model for transformers, whose tokenizer says how long the prompts are.
        task: supplies the prompts and the length of answers.
        items: the items.
        progress: receives the progress.
    """
    limit, prompts = task.spec.max_new_tokens, [task.prompt(item) for item in items]
    done = 0

    def count(answers: Mapping[int, object]) -> None:
        nonlocal done
        done += len(answers)
        progress.update(file.name, done, len(items))

    with open_gguf(file, model, prompts, max_new_tokens=limit) as engine:
        generations = engine.generate(prompts, max_new_tokens=limit, on_answers=count)
    progress.end(file.name, plural(len(items), "item"))
    return [
        Prediction(id=str(item["id"]), output=made.text, tokens=made.n_tokens, truncated=made.truncated)
        for item, made in zip(items, generations, strict=True)
    ]
