"""Train on tokenized rows with ``transformers.Trainer`` and ``peft``.

Six things differ from the defaults, none of which changes what is learned. Logits are computed only where the next
token is a label (:mod:`ftdojo.training.sft.loss`). An adapter adds to the output of its module in place
(:mod:`ftdojo.training.sft.adapter`). Batches hold similar rows, and the common prefix of a batch's rows is
computed once (:mod:`ftdojo.models.prefix`). Heads that share keys and values are computed together
(:mod:`ftdojo.models.attention`). The model computes in the machine's own precision throughout, while the optimizer
updates float32 masters (:mod:`ftdojo.training.sft.optimizer`).
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers import Trainer as TransformersTrainer
from transformers import TrainingArguments
from transformers.trainer_callback import PrinterCallback

from ftdojo.contract.train_config import Lora, WeightsConfig
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.models import Chat, Compute, attention, compute, network, prefix
from ftdojo.models.architectures import runs_batched
from ftdojo.models.resident import Resident
from ftdojo.training.backend import OnLog, TrainResult
from ftdojo.training.sft import dry_run, sharding
from ftdojo.training.sft.batches import GroupedSampler, RepeatedBatches
from ftdojo.training.sft.memory import PeakMemory, keeping_freed_memory, returning_freed_memory
from ftdojo.training.sft.monitor import HeldOut, Monitor
from ftdojo.training.sft.objective import CROSS_ENTROPY, Collate, Loss, Objective
from ftdojo.training.sft.optimizer import MasterAdamW
from ftdojo.training.sft.shapes import row_keys
from ftdojo.training.sft.tokens import S, longest

LOGS = 100
"""About the most points of the curve that a training logs."""


def train(
    examples: Sequence[S],
    config: WeightsConfig,
    base: Path,
    out: Path,
    *,
    objective: Objective[S] = CROSS_ENTROPY,
    on_log: OnLog | None = None,
    time_left_s: float | None = None,
    stop_after: int | None = None,
    start: Path | None = None,
    on: Compute | None = None,
    resident: Resident | None = None,
) -> TrainResult:
    """Train ``base`` on ``examples`` and write the adapter, or the weights, to ``out``.

    The same arguments give the same bytes on the same machine.

    Args:
        examples: tokenized rows, each with something to learn.
        config: how to train.
        base: folder of the base model.
        out: folder to write to.
        objective: what is minimized.
        on_log: called with ``step``, ``steps``, ``loss``, ``grad_norm``, ``learning_rate`` and ``tokens_per_s``, and
            with what the objective logs, after every logged interval of steps.
        time_left_s: most seconds that the training may take; :mod:`ftdojo.training.sft.monitor` says what happens then.
        stop_after: the step after which the time was over, to repeat a training that ran out of time.
        start: the folder that an earlier training of ``base`` has written. The training begins with its adapter, or
            with its weights, and with a new optimizer and a new schedule.
        on: the device and precision to train with; by default chosen for this machine.
        resident: lends the network; by default it is loaded, and freed at the end.

    Raises:
        InputError: if the loss stops being finite or diverges before there are usable weights (``loss_not_finite``,
            ``diverged``), if the first steps show that the time will not suffice (``over_budget``), if the device
            runs out of memory (``out_of_memory``), if the adapter's targets are not in the model (``bad_targets``), or
            if the adapter in ``start`` is another one (``start_mismatch``).
        UsageError: if the model's architecture is not supported.
    """
    chosen = on or compute()
    with (
        tempfile.TemporaryDirectory(prefix="ftdojo-train-") as scratch,
        PeakMemory(chosen.device) as memory,
        ExitStack() as borrowed,
    ):
        with returning_freed_memory(chosen.device):
            lent = lend_network(base, config, chosen, start=start, resident=resident or Resident())
            model = borrowed.enter_context(lent)
        make_batch = _collate(objective, model, Chat(base).pad)
        begun = time.monotonic()
        try:
            with keeping_freed_memory(chosen.device):
                if objective.passes_before and not config.facts.four_bit:  # 4-bit weights are on the device already
                    model.to(chosen.device)
                rows = objective.prepare(model, examples, config.batch_size, make_batch)
                if time_left_s is not None:
                    time_left_s = max(0.0, time_left_s - (time.monotonic() - begun))
                trainer = _ObjectiveTrainer(
                    model,
                    config,
                    _split(rows, config),
                    objective=objective,
                    make_batch=make_batch,
                    arguments={"output_dir": scratch, "use_cpu": chosen.device == "cpu"},
                    hooks={"on_log": on_log, "time_left_s": time_left_s, "stop_after": stop_after},
                )
                trainer.train()
        except torch.OutOfMemoryError as error:
            raise _fault(
                "out_of_memory", str(error).split(". ")[0], "batch_size", "lower batch_size or max_length"
            ) from None
        seconds = trainer.monitor.seconds
        only_trained = config.adapter is not None
        state = sharding.gather_state(trainer.model, only_trained=only_trained) if config.is_sharded else None
        if trainer.is_world_process_zero():
            with network.quiet():
                trainer.model.save_pretrained(out, state_dict=state)
    result = _result(trainer, seconds=seconds, peak_memory_bytes=memory.peak, compute=str(chosen))
    # A trainer and its parts refer to each other, so the weights would stay until the next garbage collection.
    del trainer, model
    gc.collect()
    return result


def _result(trainer: _ObjectiveTrainer, *, seconds: float, peak_memory_bytes: int, compute: str) -> TrainResult:
    """Return the result of a training that has ended, from its monitor."""
    monitor = trainer.monitor
    return TrainResult(
        steps=trainer.state.global_step,
        epochs=trainer.state.epoch or 0.0,
        tokens=monitor.tokens,
        seconds=seconds,
        steady_tokens_per_s=monitor.steady_tokens_per_s,
        step_times=monitor.steps,
        peak_memory_bytes=peak_memory_bytes,
        curve=monitor.curve,
        eval_curve=monitor.eval_curve,
        rewards=monitor.rewards,
        rollouts=monitor.rollouts,
        compute=compute,
        stopped=monitor.stopped,
    )


@contextmanager
def lend_network(
    base: Path, config: WeightsConfig, chosen: Compute, *, resident: Resident, start: Path | None = None
) -> Iterator[Any]:
    """Lend the model to train: the base model, with adapters if the configuration asks for them.

    The adapters are new, or those in ``start``; so are the weights without adapters. A sharded network is not
    ``resident``'s: each process loads it and keeps a part.
    """
    torch.manual_seed(config.seed)  # before the network is lent: lending draws no numbers, but loading some models does
    full = config.adapter is None
    weights = start if start is not None and full else base
    if config.is_sharded:
        yield sharding.load_part(
            lambda: _complete(network.load(weights, chosen.dtype, chosen.attention), config, chosen, start),
            chosen.device,
        )
        return
    with resident.lend(weights, chosen, chosen.attention, four_bit=config.facts.four_bit, trains_all=full) as loan:
        yield _complete(loan.network, config, chosen, start)


def _complete(loaded: Any, config: WeightsConfig, chosen: Compute, start: Path | None) -> Any:
    # Otherwise it would be written next to the weights, and the files would differ between machines.
    loaded.name_or_path = loaded.config.name_or_path = ""
    return loaded if config.adapter is None else _with_adapters(loaded, config.adapter, chosen, start)


def _with_adapters(loaded: Any, lora: Lora, chosen: Compute, start: Path | None) -> Any:
    from peft import LoraConfig, get_peft_model

    from ftdojo.training.sft import adapter

    settings = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
        task_type="CAUSAL_LM",
    )
    adapter.register_layer(settings)
    try:
        with network.quiet():
            adapted = get_peft_model(loaded, settings, autocast_adapter_dtype=False)
    except ValueError as error:
        fix = "use all-linear, or names of linear modules of this model"
        raise _fault("bad_targets", str(error)[:300], "lora.targets", fix) from None
    if (reason := dry_run.fault(adapted)) is not None:
        fix = "name linear modules that can have an adapter, or choose method full"
        raise _fault("bad_targets", f"adapters cannot be put on this model: {reason}", "lora.targets", fix)
    if start is not None:
        adapter.load_weights(adapted, start)
    # peft keeps them as a set, whose order differs between processes, and writes them to adapter_config.json.
    for peft_config in adapted.peft_config.values():
        peft_config.target_modules = sorted(peft_config.target_modules)
    # Adapters in the precision of the activations: with float32 ones every layer would cast its input up and back.
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(chosen.dtype)
    return adapted


def _collate(objective: Objective[S], model: Any, pad: int) -> Collate[S]:
    """Return how batches for a model are made."""
    pad = network.usable_pad(model, pad)
    share = runs_batched(model.config) and attention.supports_packing(model) and prefix.can_share(model.config)
    return lambda rows: objective.collate(rows, pad, share=share)


def _split(examples: Sequence[S], config: WeightsConfig) -> tuple[list[S], list[S]]:
    """Split the rows into training and held-out rows, at random with the configuration's seed."""
    count = config.held_out(len(examples))
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(config.seed)).tolist()
    return [examples[i] for i in order[count:]], [examples[i] for i in order[:count]]


def _settings(config: WeightsConfig, steps: int, **more: Any) -> TrainingArguments:
    """Return a configuration in the words of transformers, for a training of so many steps, with ``more`` arguments."""
    settings = TrainingArguments(
        gradient_accumulation_steps=config.gradient_accumulation,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule if config.schedule != "constant" else "constant_with_warmup",
        warmup_steps=int(config.warmup_ratio * steps),
        max_steps=steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        seed=config.seed,
        logging_steps=max(1, steps // LOGS),
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        ddp_find_unused_parameters=False,
        # Gradients that wait for the last batch of a step would be whole.
        accelerator_config={"gradient_accumulation_kwargs": {"sync_each_batch": config.is_sharded}},
        **more,
    )
    settings._n_gpu = min(1, settings.n_gpu)  # otherwise one process would use all visible GPUs, with threads
    return settings


class _ObjectiveTrainer(TransformersTrainer):  # type: ignore[misc]
    """``Trainer`` with our batches, objective and optimizer."""

    loss_is_scaled_for_ga = True
    """The loss is divided by the units of all accumulated batches, so every unit has the same weight."""

    def __init__(
        self,
        model: Any,
        config: WeightsConfig,
        split: tuple[list[Any], list[Any]],
        *,
        objective: Objective[Any],
        make_batch: Collate[Any],
        arguments: dict[str, Any],
        hooks: dict[str, Any],
    ) -> None:
        """``split``: the rows to train on, and those that are held out."""
        learned, held_out = split
        size = min(config.batch_size, len(learned)) if objective.repeats > 1 else config.batch_size
        rows = len(learned) + len(held_out)
        per_epoch, steps = config.steps_per_epoch(rows), config.steps(rows)
        settings = _settings(config, steps, per_device_train_batch_size=size, **arguments)
        held_out = sorted(held_out, key=longest)
        batches = [make_batch(held_out[i : i + size]) for i in range(0, len(held_out), size)]
        self.objective = objective
        self.monitor = Monitor(
            HeldOut(batches, objective),
            every=max(1, min(per_epoch, steps) // 2),
            patience=config.patience,
            agree=_broadcast_stop if settings.world_size > 1 else None,
            leads=settings.process_index == 0,
            **hooks,
        )
        super().__init__(
            model=model,
            args=settings,
            train_dataset=learned,
            data_collator=make_batch,
            callbacks=[self.monitor],
        )
        self.model_accepts_loss_kwargs = True  # makes the Trainer count units over the whole accumulated batch
        self.remove_callback(PrinterCallback)
        if config.is_sharded:  # otherwise the network, which is placed, would be given to DistributedDataParallel
            self.is_distributed_loading_by_transformers = True

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        size = self.args.train_batch_size
        once = GroupedSampler(row_keys(self.train_dataset, size), size, self.args.seed)
        return RepeatedBatches(once, size, self.objective.repeats) if self.objective.repeats > 1 else once

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], Any]:
        """Return the batches of the next optimizer step, and the number of their units."""
        batches = self.objective.sample(self.model, list(islice(epoch_iterator, num_batches)))
        return batches, self._get_num_items_in_batch(batches, device)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> torch.Tensor:
        """Return the number of units of all accumulated batches, in all processes."""
        count = torch.stack([self.objective.count_units(batch) for batch in batch_samples]).sum().to(device)
        return self.accelerator.gather(count).sum() if self.args.world_size > 1 else count

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the summed loss of this batch, divided by the number of units of all accumulated batches."""
        # The batches of one step are similar, so every process multiplies its own count.
        self.monitor.tokens += self.accelerator.num_processes * int(inputs["attention_mask"].sum())
        loss = self.objective.loss(model, inputs)
        self.monitor.add(self._of_all_processes(loss))
        # Processes average their gradients, but the count covers all of them.
        return loss.total * self.accelerator.num_processes / num_items_in_batch

    def _of_all_processes(self, loss: Loss) -> Loss:
        """Return the loss with what it logs summed over all processes, which so conclude the same from it."""
        if self.args.world_size == 1 or not loss.logged:
            return loss
        count = loss.units if loss.count is None else torch.tensor(loss.count, device=loss.total.device)
        parts = torch.stack([count.float(), *(part.float() for part in loss.logged.values())])
        count, *totals = self.accelerator.reduce(parts, "sum")
        return replace(loss, logged=dict(zip(loss.logged, totals, strict=True)), count=int(count))

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Create AdamW with float32 masters; weight decay applies to the parameters that transformers would decay."""
        decayed = set(self.get_decay_parameter_names(self.model))
        named = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        groups = [
            {"params": [p for name, p in named if name in decayed], "weight_decay": self.args.weight_decay},
            {"params": [p for name, p in named if name not in decayed], "weight_decay": 0.0},
        ]
        self.optimizer = MasterAdamW([g for g in groups if g["params"]], lr=self.args.learning_rate, fused=True)
        return self.optimizer

    def _clip_grad_norm(self, model: Any) -> torch.Tensor:
        """Clip the gradients and return their norm, over the parts of all processes."""
        return sharding.whole(super()._clip_grad_norm(model))

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Return 0: counting would iterate over all parameters, which is not worth its cost."""
        return 0


def _broadcast_stop(stop: bool) -> bool:
    """Return rank 0's stop decision: clocks differ, and a process that continues alone would wait forever."""
    decision = torch.tensor([float(stop)], device="cuda" if torch.distributed.get_backend() == "nccl" else "cpu")
    torch.distributed.broadcast(decision, src=0)
    return bool(decision.item())


def _fault(code: str, message: str, key: str, fix: str) -> InputError:
    return InputError([Finding(code=code, message=message, where=f"train.yaml: {key}", fix=fix)])
