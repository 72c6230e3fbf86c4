"""Gates 4 and 5: a few real steps, then a few real answers.

Gate 4 trains on the most expensive batch, which shows the peak of memory, and on a cheaper one, for the speed; then it
over-fits a few short rows, at the configured rate: the loss has to be finite and not to rise. Gate 5 exports what came
of that and asks it, as a finished model will be asked. So short a training need not have learned the form of an answer,
and nothing is concluded if it has not; but what it was taught by heart it must be able to say.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo import inference
from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.row import Row
from ftdojo.contract.submission import TRAIN
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.gates import text
from ftdojo.gates.finding import at_gate, settle
from ftdojo.gates.memory import SAFETY
from ftdojo.gates.rows import Rows
from ftdojo.inference import Generation
from ftdojo.training import Tokenized, TokenizedRow, Trainer, trainer_of

STANDING_STILL = 1e-9
EASY_ROWS, EASY_STEPS = 4, 8
"""Over-fitted are so many of the shortest rows, for so many steps at most."""
EASY_TOKENS = 4000
"""So many tokens in all; where rows are long, there are fewer rows and steps."""
NO_MOVEMENT = 5e-6
"""Learning rate times steps, the farthest that AdamW moves a weight: less than the rounding of bfloat16 weights."""
RISES = (1.5, 0.5)
"""A loss that rises by this factor, and by so many nats, while a few rows are over-fitted has too high a rate."""
BY_HEART = 0.05
"""Nats a label token: with this loss the likeliest answer is the learned one, but for ties."""
SPARE_TOKENS = 8
"""An answer that goes on for so many tokens after the longest of the learned ones has been asked for long enough."""
HARDLY_ANYTHING = 2
"""Different words in answers of any length that show a collapsed model."""


@dataclass(frozen=True)
class Trial:
    """A model that a few rows were taught."""

    trainer: Trainer[Any, Any]
    weights: Path
    rows: Rows
    """The rows that it was taught."""
    loss: float
    """At the last step, before its update; nats a label token."""
    longest: int
    """Label tokens of the longest row."""


def micro_training(
    rows: Rows,
    tokenized: Tokenized[TokenizedRow],
    config: MethodConfig,
    base: Path,
    *,
    wall_left_s: float | None,
    folder: Path,
) -> Trial:
    """Gate 4. What was over-fitted is written to ``folder``.

    Raises:
        InputError: if nothing would be learned, the loss is lost or rises, a module is not there, or the training
            would outlast the budget.
    """
    with at_gate(4):
        settle(trainer_of(config).applicable(_moves(tokenized, config)))
        settle(_in_time(tokenized.examples, config, base, wall_left_s))
        return _over_fit(rows, config, base, folder)


def _moves(tokenized: Tokenized[TokenizedRow], config: MethodConfig) -> Iterator[Finding]:
    """The schedule moves weights at all."""
    steps = config.steps(len(tokenized.examples))
    if config.learning_rate * steps < NO_MOVEMENT:
        message = f"{steps} steps at {config.learning_rate:g} move no weight by more than it is rounded"
        fix = f"raise learning_rate: {config.facts.usual_rates} is usual for {config.method}"
        yield _finding("no_learning", message, "learning_rate", fix)


def _in_time(
    examples: Sequence[TokenizedRow], config: MethodConfig, base: Path, wall_left_s: float | None
) -> Iterator[Finding]:
    """The most expensive batch can be trained on, and at the speed of a few batches the training fits in time."""
    # At a rate that changes nothing: without the schedule's warm-up, steps at its peak would prove nothing.
    still = config.model_copy(update={"learning_rate": STANDING_STILL})
    forecast_s = SAFETY * trainer_of(config).forecast_s(examples, still, base)
    if wall_left_s is not None and forecast_s > wall_left_s:
        message = f"the training would take about {forecast_s:.0f} s, {max(0, wall_left_s):.0f} s are left for it"
        fits = max(0.0, wall_left_s / forecast_s)
        fix = f"epochs: {config.epochs * fits:.2f} or fewer, or fewer rows" if fits else "hand in nothing more"
        yield _finding("over_budget", message, "epochs", fix, fits=fits)


def _over_fit(rows: Rows, config: MethodConfig, base: Path, folder: Path) -> Trial:
    """A few short rows, learned at the configured rate."""
    trainer = trainer_of(config)
    shortest = sorted(range(len(rows.rows)), key=lambda i: len(rows.prompts[i]) + len(rows.completions[i]))
    chosen = shortest[:EASY_ROWS]
    examples = trainer.tokenize([rows.rows[i] for i in chosen], base, max_length=config.max_length).examples
    while len(examples) > 1 and EASY_STEPS * sum(e.tokens for e in examples) > EASY_TOKENS:
        examples.pop()
    tokens = sum(e.tokens for e in examples)
    steps = max(3, min(EASY_STEPS, EASY_TOKENS // tokens))
    curve = trainer.train(examples, trainer.trial(config, rows=EASY_ROWS, steps=steps), base, folder).curve
    first, last = curve[0].loss, curve[-1].loss
    if last > max(RISES[0] * first, first + RISES[1]):
        message = f"the loss rises from {first:.2f} to {last:.2f} while {len(examples)} rows are over-fitted"
        raise InputError([_finding("diverged", message, "learning_rate", "lower learning_rate by a factor of ten")])
    chosen = chosen[: len(examples)]
    kept = Rows([rows.rows[i] for i in chosen], rows.reference)
    return Trial(trainer, folder, kept, last, max(e.label_tokens for e in examples))


def micro_evaluation(trial: Trial, base: Path, engine: str) -> list[Finding]:
    """Gate 5: export, generate with ``engine``, score. Returns its warnings.

    Raises:
        InputError: if what was learned by heart is not said (``not_reproduced``), or the scorer fails on an answer.
    """
    rows, reference = trial.rows, trial.rows.reference
    with tempfile.TemporaryDirectory(prefix="ftdojo-micro-") as folder:
        trial.trainer.export(base, trial.weights, Path(folder))
        with inference.opened(engine, Path(folder)) as answering:
            answers = answering.generate(
                [row.prompt for row in rows.rows],
                max_new_tokens=min(reference.task.spec.max_new_tokens, trial.longest + SPARE_TOKENS),
            )
    outputs = [answer.text for answer in answers]
    with at_gate(5):
        reference.accepted(outputs, rows.subtasks)
    found = [*_said_by_heart(trial, answers), *_says_something(rows.rows, outputs)]
    return settle(trial.trainer.applicable(found))


def _said_by_heart(trial: Trial, answers: Sequence[Generation]) -> Iterator[Finding]:
    """A model with so low a loss on the rows says their completions when it is asked as it will be asked."""
    if trial.loss > BY_HEART:
        return
    pairs = list(zip(answers, trial.rows.completions, strict=True))
    if not any(_same(answer, completion) for answer, completion in pairs):
        message = (
            f"the loss on {len(pairs)} rows is {trial.loss:.3f}, yet asked for them the exported model says "
            f"{text.shown(answers[0].text)} and not {text.shown(trial.rows.completions[0])}"
        )
        fix = "learn completions that fit into the task's limit of tokens and end in themselves"
        yield Finding(code="not_reproduced", gate=5, message=message, where="data program", fix=fix)


def _same(answer: Generation, completion: str) -> bool:
    """Whether an answer is a completion, as far as it goes where it was cut, white space apart."""
    said, wanted = "".join(answer.text.split()), "".join(completion.split())
    return wanted.startswith(said[:-1]) if answer.truncated else said == wanted


def _says_something(rows: Sequence[Row], outputs: Sequence[str]) -> Iterator[Finding]:
    """Answers are not one word over and over, as those of a model that a high rate has ruined."""
    taught = max(len(set(row.completion.split())) for row in rows)
    if taught > HARDLY_ANYTHING and all(len(set(o.split())) <= HARDLY_ANYTHING for o in outputs):
        message = f"after a few steps all answers are like {text.shown(outputs[0])}"
        fix = "lower learning_rate if longer training does not mend it"
        found = _finding("collapsed_output", message, "learning_rate", fix)
        yield found.model_copy(update={"gate": 5, "severity": "warning"})


def _finding(code: str, message: str, key: str, fix: str, *, fits: float | None = None) -> Finding:
    return Finding(code=code, gate=4, message=message, where=f"{TRAIN}: {key}", fix=fix, fits=fits)
