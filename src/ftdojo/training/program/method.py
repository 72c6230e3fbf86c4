"""Method ``program`` as a trainer: a program of the submission trains, in the sandbox.

The promise of determinism is the program's to keep. All others are kept here: a killed training is begun again,
forecasts come from the program's own steps, and what it leaves is checked before it is used.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ftdojo import models
from ftdojo.contract.row import Row
from ftdojo.findings import Finding
from ftdojo.models import Chat
from ftdojo.training.backend import Earlier, OnLog, Tokenized, Trainer, TrainResult
from ftdojo.training.program import job, lineage
from ftdojo.training.program.config import ProgramConfig
from ftdojo.training.program.finding import program_error
from ftdojo.training.program.job import ProgramRow
from ftdojo.training.program.progress import Line, ProgressFile
from ftdojo.training.program.written import collect, require_descent
from ftdojo.training.sft import dry_run
from ftdojo.training.sft.export import export
from ftdojo.training.sft.tokens import cut_rows, encode

FORECAST_STEPS, FORECAST_S = 3, 2.0
"""The fewest steps and seconds that a forecast watches: when a step ended is known to a quarter of a second."""
FIRST_STEP_S = 900.0
"""Seconds after which the forecast stops a program that has taken no step."""
EARLY, MARGIN = 0.25, 1.25
"""A training is stopped within this first share of its steps if it is forecast to exceed its time by this factor."""
LEAST_GIB = 0.5
"""The lowest limit of memory that is proposed."""


class Program(Trainer[ProgramConfig, ProgramRow]):
    """Method ``program``."""

    config = ProgramConfig
    row_form = "rows of a training program"
    # These concern a learning rate and steps that the environment sets, or a loss in nats per token.
    inapplicable = frozenset({"no_learning", "few_steps", "diverged", "not_reproduced", "collapsed_output"})

    def check_config(self, config: ProgramConfig, base: Path) -> Iterator[Finding]:
        """Check that the adapter can be put on the model."""
        if config.adapter and (reason := dry_run.adapt(base, config.adapter).fault) is not None:
            yield Finding(
                code="bad_targets",
                message=f"adapters cannot be put on this model: {reason}",
                where="train.yaml: lora.targets",
                fix="use all-linear, or names of linear modules of this model",
            )

    def tokenize(self, rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[ProgramRow]:
        """Tokenize rows as for supervised fine-tuning; the program gets the tokens and the texts."""
        chat = Chat(base)
        whole = [ProgramRow.of(row, encode(chat, row.messages, number)) for number, row in enumerate(rows, start=1)]
        return cut_rows(whole, max_length)

    def memory(self, config: ProgramConfig, base: Path, examples: Sequence[ProgramRow] = ()) -> float:
        """Return the limit at which the sandbox stops the program, in bytes."""
        return config.memory_gib * 2**30

    def shrink(
        self, config: ProgramConfig, base: Path, examples: Sequence[ProgramRow], available: float
    ) -> ProgramConfig | None:
        """Return a configuration with a lower limit, of at least :data:`LEAST_GIB`."""
        fits = int(10 * available / 2**30) / 10
        return config.model_copy(update={"memory_gib": fits}) if fits >= LEAST_GIB else None

    def limit_time(self, config: ProgramConfig, time_left_s: float) -> ProgramConfig:
        """Return the configuration with ``wall_s`` cut to the time that is left."""
        return config.model_copy(update={"wall_s": max(1.0, min(config.wall_s, time_left_s))})

    def forecast_s(self, examples: Sequence[ProgramRow], config: ProgramConfig, base: Path) -> float:
        """Begin the training, watch its first steps, and end it."""

        def seen_enough(progress: ProgressFile, _: Sequence[Line]) -> bool:
            return _is_measured(progress) and progress.left > 0

        with tempfile.TemporaryDirectory(prefix="ftdojo-forecast-") as folder:
            wall_s = min(config.wall_s, FIRST_STEP_S)
            ended = job.run(examples, config, base, Path(folder), wall_s=wall_s, watch=seen_enough)
        return ended.completed.seconds + ended.progress.pace_s * ended.progress.left

    def trial(self, config: ProgramConfig, *, rows: int, steps: int) -> ProgramConfig:
        """Return a trial configuration: at most ``steps`` steps."""
        return config.model_copy(update={"max_steps": min(steps, config.max_steps or steps)})

    def train(
        self,
        examples: Sequence[ProgramRow],
        config: ProgramConfig,
        base: Path,
        out: Path,
        *,
        on_log: OnLog | None = None,
        time_left_s: float | None = None,
        stop_after: int | None = None,
        start: Path | None = None,
    ) -> TrainResult:
        """Run the program, and take what it leaves.

        ``stop_after`` and ``start`` are never given: a program that is stopped leaves no weights that can be used, and
        none starts from those of another training.
        """
        wall_s = config.wall_s if time_left_s is None else min(config.wall_s, max(1.0, time_left_s))
        known = sum(row.tokens for row in examples)

        def watch(progress: ProgressFile, new: Sequence[Line]) -> bool:
            if on_log is not None and new:
                on_log(_log(new[-1], progress))
            return _is_late(progress, wall_s)

        with tempfile.TemporaryDirectory(prefix="ftdojo-written-", dir=out.parent) as folder:
            written = Path(folder, "output")
            written.mkdir()
            ended = job.run(examples, config, base, written, wall_s=wall_s, watch=watch)
            progress, completed = ended.progress, ended.completed
            if completed.stopped is not None:
                needed = completed.seconds + progress.pace_s * progress.left
                message = f"at this speed it takes {needed:.0f} s, but it had {wall_s:.0f} s"
                raise program_error("over_budget", message, "train fewer steps, or on fewer rows", fits=wall_s / needed)
            collect(written, base, config.adapter, out)
            export(base, out, exported := Path(folder, "exported"))
            require_descent(self.lineage_faults(base, exported, config, progress.lines[-1].step))
        last = progress.lines[-1]
        seconds = max(progress.pace_s * last.step, 1e-3) if progress.pace_s else completed.seconds
        return TrainResult(
            steps=last.step,
            epochs=last.tokens / known,
            tokens=last.tokens,
            seconds=seconds,
            steady_tokens_per_s=last.tokens / seconds,
            step_times=[],
            peak_memory_bytes=completed.peak_memory_bytes,
            curve=progress.curve(),
            eval_curve=[],
            compute=str(models.compute()),
            stopped=None,
        )

    def export(self, base: Path, trained: Path, out: Path) -> None:
        """See :func:`ftdojo.training.sft.export.export`."""
        export(base, trained, out)

    def lineage_faults(
        self, base: Path, model: Path, config: ProgramConfig, steps: int, *, earlier: Sequence[Earlier] = ()
    ) -> list[str]:
        """See :mod:`ftdojo.training.program.lineage`. The number of ``steps`` says nothing here."""
        return lineage.find_faults(base, model, config)


def _log(line: Line, progress: ProgressFile) -> dict[str, float]:
    elapsed = progress.pace_s * line.step
    return {
        "step": line.step,
        "steps": line.steps,
        "loss": line.loss,
        "grad_norm": line.grad_norm,
        "learning_rate": line.learning_rate,
        "tokens_per_s": line.tokens / elapsed if elapsed else 0.0,
    }


def _is_measured(progress: ProgressFile) -> bool:
    """Whether enough steps were seen to know their pace."""
    if progress.begun is None:
        return False
    return progress.lines[-1].step - progress.begun[0] >= FORECAST_STEPS and progress.watched_s >= FORECAST_S


def _is_late(progress: ProgressFile, wall_s: float) -> bool:
    """Whether the first steps show that the training will take much longer than it may."""
    if not _is_measured(progress) or progress.lines[-1].step > EARLY * progress.lines[-1].steps:
        return False
    return progress.pace_s * progress.lines[-1].steps > MARGIN * wall_s
