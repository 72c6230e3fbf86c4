"""Train on tokenized rows with ``transformers.Trainer`` and ``peft``.

Three things differ from the defaults, none of which changes the loss. Logits are computed only at positions whose
next token is a label: with a vocabulary of tens of thousands and short answers, the others are most of the work.
Batches hold rows of similar length. The model computes in the machine's own precision throughout, while the
optimizer updates float32 masters (:mod:`ftdojo.training.optimizer`).
"""

from __future__ import annotations

import math
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.utils import logging

from ftdojo import models
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.training.batches import LengthGroupedSampler, collate
from ftdojo.training.config import TrainConfig
from ftdojo.training.optimizer import MasterAdamW
from ftdojo.training.tokens import IGNORED, Example

OnLog = Callable[[dict[str, float]], None]
LOGS = 50
"""A training logs about this many points of its curve."""
DIVERGED = 3.0
"""A loss this many times the first one is taken for divergence."""


@dataclass(frozen=True, slots=True)
class Point:
    """One logged stretch of steps; ``loss`` is its mean, in nats a label token."""

    step: int
    loss: float
    grad_norm: float
    learning_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a training did."""

    steps: int
    epochs: float
    tokens: int
    label_tokens: int
    seconds: float
    peak_memory_bytes: int
    curve: list[Point]
    eval_curve: list[tuple[int, float]]
    compute: str

    @property
    def tokens_per_s(self) -> float:
        """Tokens passed through the model a second, padding not counted."""
        return self.tokens / self.seconds


def train(
    examples: Sequence[Example],
    config: TrainConfig,
    base: Path,
    out: Path,
    *,
    on_log: OnLog | None = None,
    model: Any = None,
) -> TrainResult:
    """Train ``base`` on ``examples`` and write the adapter, or the weights, to ``out``.

    Args:
        examples: tokenized rows, each with something to learn.
        config: how to train.
        base: folder of the base model.
        out: folder to write to.
        on_log: called with ``step``, ``steps``, ``loss`` and ``tokens_per_s`` at every logged step.

    Raises:
        InputError: if the loss stops being finite or diverges (``loss_not_finite``, ``diverged``), or if the adapter's
            targets are not in the model (``bad_targets``).
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    chosen = models.compute()
    network = _network(base, config, chosen)
    learned, held_out = _split(examples, config)
    with tempfile.TemporaryDirectory(prefix="ftdojo-train-") as scratch:
        trainer = _LabelTrainer(network, config, learned, held_out, Path(scratch), on_log)
        begun = time.monotonic()
        trainer.train()
        seconds = time.monotonic() - begun
        trainer.model.save_pretrained(out)
    watch = trainer.watch
    passes = trainer.state.epoch or 0.0
    return TrainResult(
        steps=trainer.state.global_step,
        epochs=passes,
        tokens=round(passes * sum(len(e.input_ids) for e in learned)),
        label_tokens=round(passes * sum(e.label_tokens for e in learned)),
        seconds=seconds,
        peak_memory_bytes=_peak_memory(chosen),
        curve=watch.curve,
        eval_curve=watch.eval_curve,
        compute=str(chosen),
    )


def _network(base: Path, config: TrainConfig, chosen: models.Compute) -> Any:
    torch.manual_seed(config.seed)
    network = AutoModelForCausalLM.from_pretrained(base, dtype=chosen.dtype, attn_implementation=chosen.attention)
    network.config.use_cache = False
    adapter = config.adapter
    if adapter is None:
        return network
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=adapter.targets,
        task_type="CAUSAL_LM",
    )
    try:
        # Adapters in the model's own precision: float32 ones would make every layer cast its input up and back.
        return get_peft_model(network, settings, autocast_adapter_dtype=False)
    except ValueError as error:
        finding = Finding(
            code="bad_targets",
            gate=4,
            message=str(error)[:300],
            where="train.yaml: lora.targets",
            fix="use all-linear, or names of linear modules of this model",
        )
        raise InputError([finding]) from None


def _split(examples: Sequence[Example], config: TrainConfig) -> tuple[list[Example], list[Example]]:
    """Rows to learn from and rows to measure on, drawn with the configuration's seed."""
    count = round(config.eval_fraction * len(examples))
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(config.seed)).tolist()
    return [examples[i] for i in order[count:]], [examples[i] for i in order[:count]]


class _LabelTrainer(Trainer):  # type: ignore[misc]
    """``Trainer`` with the loss at label positions only, batches by length, and float32 masters."""

    def __init__(
        self,
        network: Any,
        config: TrainConfig,
        learned: list[Example],
        held_out: list[Example],
        scratch: Path,
        on_log: OnLog | None,
    ) -> None:
        self._config, self._learned = config, learned
        pad = network.config.pad_token_id or 0
        batches = math.ceil(len(learned) / config.batch_size)
        per_epoch = math.ceil(batches / config.gradient_accumulation)
        steps = config.max_steps or max(1, math.ceil(per_epoch * config.epochs))
        self.watch = _Watch(steps, sum(len(e.input_ids) for e in learned) / per_epoch, on_log)
        arguments = TrainingArguments(
            output_dir=str(scratch),
            per_device_train_batch_size=config.batch_size,
            per_device_eval_batch_size=config.batch_size,
            gradient_accumulation_steps=config.gradient_accumulation,
            learning_rate=config.learning_rate,
            lr_scheduler_type=config.schedule if config.schedule != "constant" else "constant_with_warmup",
            warmup_steps=math.ceil(config.warmup_ratio * steps),
            max_steps=steps,
            weight_decay=config.weight_decay,
            max_grad_norm=config.max_grad_norm,
            seed=config.seed,
            logging_steps=max(1, steps // LOGS),
            eval_strategy="steps" if held_out else "no",
            eval_steps=max(1, min(per_epoch, steps) // 2),
            save_strategy="no" if config.patience is None else "steps",
            save_steps=max(1, min(per_epoch, steps) // 2),
            save_total_limit=1,
            load_best_model_at_end=config.patience is not None,
            metric_for_best_model="loss",
            prediction_loss_only=True,
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            label_names=["labels"],
        )
        callbacks: list[TrainerCallback] = [self.watch]
        if config.patience is not None:
            callbacks.append(EarlyStoppingCallback(config.patience))
        super().__init__(
            model=network,
            args=arguments,
            train_dataset=learned,
            eval_dataset=held_out or None,
            data_collator=lambda examples: collate(examples, pad),
            callbacks=callbacks,
        )
        self.model_accepts_loss_kwargs = True  # makes the Trainer count labels over the whole accumulated batch
        self.remove_callback(PrinterCallback)

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
        return LengthGroupedSampler(
            [len(e.input_ids) for e in self._learned], self._config.batch_size, self._config.seed
        )

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Cross-entropy over label tokens, from logits at those positions only."""
        labels = inputs["labels"]
        # A logit at position p predicts the token at p + 1. Left padding keeps the union over the rows short.
        positions = (labels[:, 1:] != IGNORED).any(dim=0).nonzero().squeeze(1)
        given = {name: value for name, value in inputs.items() if name != "labels"}
        outputs = model(**given, logits_to_keep=positions)
        targets = labels[:, positions + 1]
        learned = targets != IGNORED
        losses = cross_entropy(outputs.logits[learned].float(), targets[learned], reduction="sum")
        loss = losses / (num_items_in_batch if num_items_in_batch is not None else learned.sum())
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """AdamW with float32 masters; ordinary AdamW where the model itself computes in float32."""
        optimizer: torch.optim.Optimizer | None = self.optimizer  # type: ignore[has-type]
        if optimizer is None:
            decayed = self.get_decay_parameter_names(self.model)
            named = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
            groups = [
                {"params": [p for n, p in named if n in decayed], "weight_decay": self.args.weight_decay},
                {"params": [p for n, p in named if n not in decayed], "weight_decay": 0.0},
            ]
            optimizer = self.optimizer = MasterAdamW(
                [g for g in groups if g["params"]], lr=self.args.learning_rate, foreach=True
            )
        return optimizer


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Keeps the curves, tells the caller, and stops a training whose loss is lost."""

    def __init__(self, steps: int, tokens_per_step: float, on_log: OnLog | None) -> None:
        self.curve: list[Point] = []
        self.eval_curve: list[tuple[int, float]] = []
        self._steps, self._tokens_per_step, self._on_log = steps, tokens_per_step, on_log
        self._begun = time.monotonic()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self._begun = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Take one logged record."""
        logs = logs or {}
        if "eval_loss" in logs:
            self.eval_curve.append((state.global_step, logs["eval_loss"]))
        if "loss" not in logs:
            return
        loss = logs["loss"]
        if not (math.isfinite(loss) and math.isfinite(logs.get("grad_norm", 0.0))):
            raise _lost("loss_not_finite", f"the loss or its gradient was not finite at step {state.global_step}")
        self.curve.append(Point(state.global_step, loss, logs.get("grad_norm", 0.0), logs["learning_rate"]))
        if loss > DIVERGED * max(1.0, self.curve[0].loss):
            raise _lost(
                "diverged", f"the loss rose from {self.curve[0].loss:.2f} to {loss:.2f} by step {state.global_step}"
            )
        if self._on_log is not None:
            speed = state.global_step * self._tokens_per_step / (time.monotonic() - self._begun)
            self._on_log({"step": state.global_step, "steps": self._steps, "loss": loss, "tokens_per_s": speed})


def _lost(code: str, message: str) -> InputError:
    finding = Finding(
        code=code,
        gate=4,
        message=message,
        where="train.yaml: learning_rate",
        fix="lower learning_rate, or raise warmup_ratio",
    )
    return InputError([finding])


def _peak_memory(chosen: models.Compute) -> int:
    """Peak device memory on a GPU, peak resident memory of the process on a CPU."""
    if chosen.device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
