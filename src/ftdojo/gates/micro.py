"""Gates 4 and 5: a few real training steps, then a few real answers.

Gate 4 trains on the most expensive batch, which shows the peak memory, and on a cheaper one, to measure the speed,
unless the run has measured it before. Then it overfits a few short rows at the configured learning rate: the loss must
be finite and must not rise. Gate 5 prompts the resulting model as the finished model will be prompted. Such a short
training may not teach the form of an answer, so that is not checked; but the model must reproduce rows that it has
memorized.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.row import Row
from ftdojo.contract.script import TRAIN_SCRIPT
from ftdojo.contract.submission import TRAIN
from ftdojo.findings import Finding
from ftdojo.gates import text
from ftdojo.gates.content import Rows
from ftdojo.gates.finding import at_gate, number_findings, settle
from ftdojo.gates.memory import SAFETY
from ftdojo.gates.trained import open_trained
from ftdojo.inference import ENGINES, Generation
from ftdojo.models.resident import Resident
from ftdojo.plain import plural
from ftdojo.tasks.extract import drop_thinking
from ftdojo.training import Tokenized, TokenizedRow, Trainer, resident_argument, start_argument

NEGLIGIBLE_RATE = 1e-9
"""A learning rate that changes no weight noticeably."""
EASY_ROWS, EASY_STEPS = 4, 8
"""The number of shortest rows to overfit, and the most steps on them."""
EASY_TOKENS = 4000
"""Most tokens in all those steps; where rows are long, there are fewer rows and steps."""
NO_MOVEMENT = 5e-6
"""Learning rate times steps is the farthest that AdamW moves a weight. Below this it is lost in bfloat16 rounding."""
RISES = (1.5, 0.5)
"""If the loss rises by this factor and by this many nats while a few rows are overfitted, the rate is too high."""
MEMORIZED_LOSS = 0.05
"""In nats per label token: up to this loss the likeliest answer is the learned one, except for ties."""
SPARE_TOKENS = 8
"""Tokens to generate beyond the longest learned completion; a longer answer is cut off."""
COLLAPSED_WORDS = 2
"""Answers with no more different words than this, whatever their length, show a collapsed model."""


@dataclass(frozen=True)
class Trial:
    """A model that was overfitted on a few rows."""

    trainer: Trainer[Any, Any]
    weights: Path
    rows: Rows
    """The rows that it was trained on."""
    loss: float
    """At the last step, before its update, in nats per label token."""
    longest: int
    """Label tokens of the longest row."""
    warnings: Sequence[Finding] = ()
    """Of the checks before it."""


def micro_training(
    rows: Rows,
    trainer: Trainer[Any, Any],
    tokenized: Tokenized[TokenizedRow],
    config: MethodConfig,
    base: Path,
    *,
    wall_left_s: float | None,
    folder: Path,
    start: Path | None = None,
    resident: Resident | None = None,
) -> Trial:
    """Run gate 4. The overfitted model is written to ``folder``; it starts from the weights in ``start``, if given.
    ``resident`` lends the network of ``base``.

    Raises:
        InputError: if nothing would be learned, the loss is not finite or rises, a target module does not exist, the
            training would take longer than the budget, or its rewards are faulty.
    """
    begun = time.monotonic()
    with at_gate(4):
        settle(trainer.applicable(_check_rate(tokenized, config)))
        settle(_check_time(tokenized.examples, trainer, config, base, wall_left_s, resident))
        lent = resident_argument(trainer, resident)
        warnings = settle(number_findings(trainer.try_rewards(tokenized.examples, config, base, start, **lent), 4))
        if wall_left_s is not None:
            config = trainer.limit_time(config, wall_left_s - (time.monotonic() - begun))
        return replace(_overfit(rows, trainer, config, base, folder, start, resident), warnings=warnings)


def _check_rate(tokenized: Tokenized[TokenizedRow], config: MethodConfig) -> Iterator[Finding]:
    """The learning rate and the number of steps are large enough to change weights."""
    steps = config.steps(len(tokenized.examples))
    if config.learning_rate * steps < NO_MOVEMENT:
        message = (
            f"no weight changes by more than its rounding error in {plural(steps, 'step')} at {config.learning_rate:g}"
        )
        fix = f"raise learning_rate: {config.facts.usual_rates} is usual for {config.method}"
        yield _finding("no_learning", message, "learning_rate", fix)


def _check_time(
    examples: Sequence[TokenizedRow],
    trainer: Trainer[Any, Any],
    config: MethodConfig,
    base: Path,
    wall_left_s: float | None,
    resident: Resident | None,
) -> Iterator[Finding]:
    """Training on the most expensive batch works, and at the measured speed the whole training fits into the time."""
    # At a negligible rate: without the schedule's warm-up, the loss of steps at the peak rate would prove nothing.
    timing = config.model_copy(update={"learning_rate": NEGLIGIBLE_RATE})
    if wall_left_s is not None:
        timing = trainer.limit_time(timing, wall_left_s)
    forecast_s = SAFETY * trainer.forecast_s(examples, timing, base, **resident_argument(trainer, resident))
    if wall_left_s is not None and forecast_s > wall_left_s:
        message = f"the training would take about {forecast_s:.0f} s, but only {max(0, wall_left_s):.0f} s are left"
        fits = max(0.0, wall_left_s / forecast_s)
        fix = "no time is left for another training; stop submitting"
        if fits and config.script is not None:
            fix = f"train at most {fits:.0%} of its steps, or use fewer rows"
        elif fits:
            fix = f"set epochs to {config.epochs * fits:.2f} or less, or use fewer rows"
        found = _finding("over_budget", message, "epochs", fix, fits=fits)
        yield found if config.script is None else found.model_copy(update={"where": TRAIN_SCRIPT})


def _overfit(
    rows: Rows,
    trainer: Trainer[Any, Any],
    config: MethodConfig,
    base: Path,
    folder: Path,
    start: Path | None,
    resident: Resident | None,
) -> Trial:
    """Overfit a few short rows at the configured learning rate."""
    shortest = sorted(range(len(rows.rows)), key=lambda i: len(rows.prompts[i]) + len(rows.completions[i]))
    chosen = shortest[:EASY_ROWS]
    examples = trainer.tokenize([rows.rows[i] for i in chosen], base, max_length=config.max_length).examples
    while len(examples) > 1 and EASY_STEPS * sum(e.tokens for e in examples) > EASY_TOKENS:
        examples.pop()
    tokens = sum(e.tokens for e in examples)
    steps = max(3, min(EASY_STEPS, EASY_TOKENS // tokens))
    trial = trainer.trial(config, rows=EASY_ROWS, steps=steps)
    optional = start_argument(start) | resident_argument(trainer, resident)
    curve = trainer.train(examples, trial, base, folder, **optional).curve
    first, last = curve[0].loss, curve[-1].loss
    if last > max(RISES[0] * first, first + RISES[1]):
        message = f"the loss rises from {first:.2f} to {last:.2f} while overfitting {plural(len(examples), 'row')}"
        found = [_finding("diverged", message, "learning_rate", "lower learning_rate by a factor of ten")]
        settle(trainer.applicable(found))
    chosen = chosen[: len(examples)]
    kept = Rows([rows.rows[i] for i in chosen], rows.reference)
    return Trial(trainer, folder, kept, last, max(e.label_tokens for e in examples))


def micro_evaluation(trial: Trial, base: Path, engine: str, resident: Resident | None = None) -> list[Finding]:
    """Run gate 5: generate with ``engine`` as the exported model would, score. Returns its warnings.

    Raises:
        InputError: if memorized rows are not reproduced (``not_reproduced``), or the scorer fails on an answer.
    """
    rows, reference = trial.rows, trial.rows.reference
    with open_trained(ENGINES.load(engine), trial.trainer, base, trial.weights, resident) as loaded:
        answers = loaded.generate(
            [row.prompt for row in rows.rows],
            max_new_tokens=min(reference.task.spec.max_new_tokens, trial.longest + SPARE_TOKENS),
        )
    outputs = [answer.text for answer in answers]
    with at_gate(5):
        reference.accepted(outputs, rows.subtasks)
    found = [*_check_memorized(trial, answers), *_check_collapse(rows.rows, outputs)]
    return settle(trial.trainer.applicable(found))


def _check_memorized(trial: Trial, answers: Sequence[Generation]) -> Iterator[Finding]:
    """A model whose loss shows that it memorized the rows reproduces a completion when it is evaluated."""
    if trial.loss > MEMORIZED_LOSS:
        return
    pairs = list(zip(answers, trial.rows.completions, strict=True))
    if not any(_matches(answer, completion) for answer, completion in pairs):
        message = (
            f"the loss on {plural(len(pairs), 'row')} is {trial.loss:.3f}, but for the first prompt the exported model "
            f"generates {text.quote(answers[0].text)} instead of {text.quote(trial.rows.completions[0])}"
        )
        fix = "write complete completions that fit into the task's token limit"
        yield Finding(code="not_reproduced", gate=5, message=message, where="data program", fix=fix)


def _matches(answer: Generation, completion: str) -> bool:
    """Whether an answer equals a completion, ignoring white space and reasoning; a cut one must equal its beginning."""
    if answer.truncated:
        return _squeezed(completion).startswith(_squeezed(answer.text)[:-1])
    return _squeezed(drop_thinking(answer.text)) == _squeezed(drop_thinking(completion))


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _check_collapse(rows: Sequence[Row], outputs: Sequence[str]) -> Iterator[Finding]:
    """Answers do not repeat one word, as a model does that was trained at too high a rate."""
    taught = max(len(set(row.completion.split())) for row in rows)
    if taught > COLLAPSED_WORDS and all(len(set(o.split())) <= COLLAPSED_WORDS for o in outputs):
        message = f"after a few steps all answers are like {text.quote(outputs[0])}"
        fix = "lower learning_rate if longer training does not help"
        found = _finding("collapsed_output", message, "learning_rate", fix)
        yield found.model_copy(update={"gate": 5, "severity": "warning"})


def _finding(code: str, message: str, key: str, fix: str, *, fits: float | None = None) -> Finding:
    return Finding(code=code, gate=4, message=message, where=f"{TRAIN}: {key}", fix=fix, fits=fits)
