"""What a planning model is shown of an observation: bounded, so that the tenth iteration costs what the second did.

Every fact that a plan may rest on has an id; a plan cites ids, and an id that was not shown is refused.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from ftdojo.agents import forecast
from ftdojo.agents import practice as known
from ftdojo.agents.draft import Draft
from ftdojo.agents.ft_agent.diagnosis import Diagnosis, describe_headroom, format_counts
from ftdojo.agents.ft_agent.edits import RENDERING, renderings, values
from ftdojo.agents.ft_agent.effects import Effect
from ftdojo.contract.call import is_own_model
from ftdojo.contract.data_profile import FileProfile
from ftdojo.contract.feedback import EvaluationFeedback, Feedback
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.result import TrivialAnswers
from ftdojo.llm import quoted

SIBLINGS = 6
EFFECTS = 10
SAMPLES = 4
FILES = 16
FIELDS = 8
SHOWN_VALUE = 60
"""Characters of a value that is longer, such as a template."""
UNWRITTEN = frozenset({"program"})
"""Methods that need a file which no planning model of ours writes."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was measured."""

    id: str
    text: str
    key: str = ""
    """The key of the configuration that it is about, for a measured effect."""

    def __str__(self) -> str:
        return f"[{self.id}] {self.text}"


def task(observation: Observation) -> str:
    """The task, the model and the limits."""
    spec, info = observation.task, observation.model
    better = "higher is better" if spec.higher_is_better else "lower is better"
    methods = [method for method in spec.rules.methods if method not in UNWRITTEN]
    return "\n".join(
        (
            f"Task {spec.id}: {textwrap.shorten(spec.objective, 600)}",
            f"Output: {textwrap.shorten(spec.output_format, 400)} At most {spec.max_new_tokens} tokens.",
            f"Metric: {spec.metric}, {better}, best value {spec.best_value:g}."
            + (f" Sub-tasks: {', '.join(spec.subtasks[:20])}." if spec.subtasks else ""),
            f"Base model: {info.parameters / 1e6:.0f}M parameters, context {info.context_length} tokens.",
            f"Rules: at most {spec.rules.max_rows} rows; methods {', '.join(methods)}.",
            f"Speed: about {observation.train_rows_per_s:.1f} rows/s in training; checks and evaluation take about "
            f"{forecast.overhead_s(observation):.0f} s.",
            f"Budget left: {_left(observation)}.",
            f"Practice: {practice(observation)}",
            *_guard(observation),
        )
    )


def _guard(observation: Observation) -> list[str]:
    """What a model must not forget, if the run guards something."""
    if not observation.guard:
        return []
    scores = ", ".join(f"{task} ({score})" for task, score in observation.guard.items())
    return [
        f"Guard: a model is rejected unless it keeps what the base model can do on {scores}, up to "
        f"{observation.guard_margin:g} points of 100.",
        *(
            f"Guard task {task} without any training: {_trivial(given.answers)}."
            for task, given in observation.guard_trivial.items()
        ),
    ]


def practice(observation: Observation) -> str:
    """What is known of fine-tuning in general, in the numbers of this model: see :mod:`ftdojo.agents.practice`."""
    width = observation.model.hidden_size
    adapters, full = (known.learning_rate(width, adapters=adapters) for adapters in (True, False))
    short = known.learning_rate(width, adapters=True, steps=known.SHORT_STEPS)
    small, large = known.SMALL_BATCH, known.LARGE_BATCH
    going_on = (
        f"; to keep what an evaluated iteration has learned, accepted or not, go on from it (train.start = its number) "
        f"with the same method, adapters and learning rate, and rows that it has not seen (recipe.skip); schedule "
        f"{known.STEADY} in trainings to go on from, {known.FALLING} in the last one"
        if observation.warm_start
        else ""
    )
    return (
        f"a learning rate of about {adapters:g} for adapters ({short:g} in at most {known.SHORT_STEPS} steps) and "
        f"{full:g} for full weights; {known.PASSES:g} passes "
        f"over the rows, all rows once before any of them twice; batches of {small} where ones of {large} leave fewer "
        f"than {known.LARGE_BATCH_STEPS} steps{going_on}.{_beyond(observation)}"
    )


def _beyond(observation: Observation) -> str:
    """What a run can do in addition to learning from the right answers of its rows."""
    found = []
    if any(map(is_own_model, observation.data_llm.values())):
        found.append(
            f" Where more rows and passes do not pay: recipe.sample.samples = {known.SAMPLES} with "
            "recipe.sample.model = start draws answers of the model to go on from and learns those that are right; it "
            "can only find what the share of rows with a right one among several samples has above the share of right "
            "samples. With recipe.sample.keep = 0 rows keep their answers; recipe.sample.mastered = drop leaves out "
            "those that all samples answer rightly; recipe.sample.contradicted = drop, where labels are noisy, those "
            "to which all samples give the same other answer."
        )
    if "dpo" in observation.task.rules.methods:
        found.append(
            f" train.method = dpo learns from pairs (recipe.pairs = other_answer, or sample), goes on from an accepted "
            f"iteration, and takes {known.PREFERENCE_RATE:g} of the learning rate, with sft_weight "
            f"{known.PREFERENCE_SFT:g}."
        )
    if "grpo" in observation.task.rules.methods:
        found.append(
            f" train.method = grpo learns from the scores of the model's own answers (recipe.items = true), with "
            f"train.group_size answers to each row, goes on from an accepted iteration that is sometimes right, and "
            f"takes {known.REWARD_RATE:g} of the learning rate; each answer takes about "
            f"{forecast.answer_s(observation):.2g} s."
        )
    return "".join(found)


def _left(observation: Observation) -> str:
    return ", ".join(f"{name} {value:,.4g}" for name, value in observation.remaining.items()) or "no limit"


def raw_data(observation: Observation) -> str:
    """The raw files in one line each."""
    files = observation.raw_data.files
    lines = [_file(file) for file in files[:FILES]]
    return "\n".join([*lines, *([f"… and {len(files) - FILES} more"] if len(files) > FILES else [])])


def _file(file: FileProfile) -> str:
    fields = ", ".join(
        f"{f.name[:40]}" + (f" ({f.missing_share:.0%} missing)" if f.missing_share >= 0.05 else "")
        for f in file.fields[:FIELDS]
    )
    return f"- {file.path}: {file.rows} rows; {fields}"


def configuration(draft: Draft, observation: Observation) -> str:
    """Every key that may be edited, with its value, and the choices for the rendering of raw rows."""
    spec = observation.task
    choices = {RENDERING: f" (choices: {', '.join(renderings(spec))})"}
    return "\n".join(
        f"{key} = {textwrap.shorten(value, SHOWN_VALUE)}{choices.get(key, '')}"
        for key, value in values(draft, spec).items()
    )


def facts(
    observation: Observation, start: Iteration | None, diagnoses: Sequence[Diagnosis], effects: Sequence[Effect]
) -> list[Fact]:
    """What was measured: the baseline (B), answers without any training (T), the iteration to start from (S), its
    diagnoses (D) and the latest others (I), each in one line; and the effects of changes (E), the largest first."""
    found = [Fact("B", f"base model: {_scored(observation.baseline)}")]
    if observation.trivial is not None:
        found.append(Fact("T", f"without any training: {_trivial(observation.trivial)}"))
    if observation.headroom is not None:
        found.append(Fact("H", f"base model: {describe_headroom(observation.headroom)}"))
    if start is not None:
        found.append(Fact("S", f"iteration {start.number}, the one to start from: {_outcome(start)}"))
        if start.feedback.headroom is not None:
            found.append(Fact("HS", f"iteration {start.number}: {describe_headroom(start.feedback.headroom)}"))
    found += [Fact(f"D{i}", f"{d.kind}: {d.evidence}") for i, d in enumerate(diagnoses, start=1)]
    others = [i for i in observation.history if start is None or i.number != start.number]
    found += [Fact(f"I{i.number}", _sibling(i)) for i in others[-SIBLINGS:]]
    largest = sorted(effects, key=lambda e: -abs(e.value))[:EFFECTS]
    return [*found, *(Fact(f"E{i}", f"effect of {e}", e.change.key) for i, e in enumerate(largest, start=1))]


def _scored(evaluation: EvaluationFeedback) -> str:
    parts = [f"{evaluation.score}; {evaluation.parsed:.0%} in the right form"]
    if evaluation.errors:
        parts.append(f"errors: {format_counts(evaluation.errors)}")
    if len(evaluation.subtasks) > 1:
        parts.append("sub-tasks: " + ", ".join(f"{n} {v:.1f}" for n, v in list(evaluation.subtasks.items())[:20]))
    return "; ".join(parts)


def _trivial(trivial: TrivialAnswers) -> str:
    parts = [f"always answering {quoted(trivial.constant_output, SHOWN_VALUE)} scores {trivial.constant.value:.1f}"]
    if trivial.subtasks:
        by_subtask = ", ".join(f"{n} {v:.1f}" for n, v in list(trivial.subtasks.items())[:20])
        parts.append(f"the most frequent answer of each sub-task {trivial.majority.value:.1f} ({by_subtask})")
    if trivial.few_shot is not None:
        few = trivial.few_shot
        parts.append(f"the base model with {trivial.shots} examples in its prompt {few.value:.1f} on {few.n} items")
    return "; ".join(parts)


def _outcome(iteration: Iteration) -> str:
    feedback = iteration.feedback
    parts = [_scored(feedback.evaluation) if feedback.evaluation else iteration.verdict, *_training(feedback)]
    return "; ".join(parts)


def _training(feedback: Feedback) -> list[str]:
    data, training, seconds = feedback.data, feedback.training, feedback.execution.seconds
    if data is None or training is None:
        return []
    held_out = "" if training.eval_loss is None else f", held-out {training.eval_loss:.3f}"
    drawn = [] if data.sampled is None else [f"samples for its rows: {describe_headroom(data.sampled)}"]
    return [
        *drawn,
        f"{data.rows} rows of {data.row_tokens.p50} tokens (labels {data.label_tokens.p50})",
        f"loss {training.train_loss:.3f}{held_out}, fit {training.fit}",
        f"training {seconds.train:.0f} s, evaluation {seconds.evaluate:.0f} s",
    ]


def _sibling(iteration: Iteration) -> str:
    changes = (
        ", ".join(f"{c.key}: {c.before[:20]} -> {c.after[:20]}" for c in iteration.plan.changes[:4])
        if (iteration.plan)
        else "no plan"
    )
    return textwrap.shorten(f"iteration {iteration.number} ({changes}): {iteration.verdict}", 260)


def samples(evaluation: EvaluationFeedback) -> str:
    """A few wrong outputs, as data."""
    return "\n".join(
        f"- {s.error}: question {quoted(s.prompt, 240)} output {quoted(s.output, 160)}"
        for s in evaluation.samples[:SAMPLES]
    )
