"""Supervised fine-tuning as a ``Trainer``, and what it has in common with other methods that train the same weights.

Only the code that trains imports torch.
"""

from __future__ import annotations

import difflib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar, Unpack

from ftdojo import models
from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.row import Row
from ftdojo.contract.train_config import Lora, TrainConfig, WeightsConfig
from ftdojo.extras import install_command
from ftdojo.findings import Finding
from ftdojo.models.architectures import runs_batched
from ftdojo.models.resident import Resident
from ftdojo.models.support import read_config
from ftdojo.training.backend import Earlier, Tokenized, Trainer, TrainOptions, TrainResult
from ftdojo.training.sft import dry_run, estimate, lineage
from ftdojo.training.sft.export import changed_tensors, export
from ftdojo.training.sft.tokens import Example, S, Sequences, tokenize, truncate

if TYPE_CHECKING:
    import torch

    from ftdojo.training.sft.objective import Objective

TRAINED: Mapping[str, str] = MappingProxyType({"qlora": "lora"})
"""Kind of weights -> the kind that has the same form, if it is another one. An adapter is relative to the base model
and is merged into it unquantized, in whatever precision the base model was stored during training."""
FREE = frozenset({"dropout"})
"""Settings of an adapter that do not concern the form or the meaning of its weights."""


W = TypeVar("W", bound=WeightsConfig)


class WeightsTrainer(Trainer[W, S]):
    """A method that trains all weights, or adapters."""

    borrows = True

    def check_config(self, config: W, base: Path) -> Iterator[Finding]:
        """Check that the adapters' target modules are in the model, the library for 4-bit weights is installed, and the
        model can be split over devices."""
        yield from _targets(config, base)
        yield from _kernels(config)
        yield from _sharding(config, base)

    def check_start(self, config: W, earlier: MethodConfig) -> Iterator[Finding]:
        """Check that both trainings train the same kind of weights, and an adapter has the same settings."""
        yield from _start(config, earlier)

    def memory(self, config: W, base: Path, examples: Sequence[S] = ()) -> float:
        """See :mod:`ftdojo.training.sft.estimate`."""
        return peak_memory(config, base, examples)

    def shrink(self, config: W, base: Path, examples: Sequence[S], available: float) -> W | None:
        """See :func:`ftdojo.training.sft.estimate.find_fitting`."""
        return estimate.find_fitting(config, lambda changed: self.memory(changed, base, examples), available)

    def trial(self, config: W, *, rows: int, steps: int) -> W:
        """Return a trial on one device, or on all those that the model needs: each takes the same batch."""
        made = super().trial(config, rows=rows, steps=steps)
        return made.model_copy(update={"devices": config.devices}) if config.is_sharded else made

    def export(self, base: Path, trained: Path, out: Path) -> None:
        """See :func:`ftdojo.training.sft.export.export`."""
        export(base, trained, out)

    def changed_tensors(self, base: Path, trained: Path) -> Mapping[str, torch.Tensor] | None:
        """See :func:`ftdojo.training.sft.export.changed_tensors`."""
        return changed_tensors(base, trained)

    def lineage_faults(
        self, base: Path, model: Path, config: W, steps: int, *, earlier: Sequence[Earlier] = ()
    ) -> list[str]:
        """See :func:`ftdojo.training.sft.lineage.faults`."""
        return lineage.faults(base, model, config, steps, earlier=earlier)


class ObjectiveTrainer(WeightsTrainer[W, S]):
    """A method whose rows and objective are all that a training needs."""

    @abstractmethod
    def objective(self, config: W) -> Objective[S]:
        """Return what is minimized."""

    def forecast_s(self, examples: Sequence[S], config: W, base: Path, *, resident: Resident | None = None) -> float:
        """See :mod:`ftdojo.training.sft.forecast`."""
        from ftdojo.training.sft.forecast import forecast

        return forecast(examples, config, base, objective=self.objective(config), resident=resident)

    def train(
        self,
        examples: Sequence[S],
        config: W,
        base: Path,
        out: Path,
        **options: Unpack[TrainOptions],
    ) -> TrainResult:
        """See :func:`ftdojo.training.sft.parallel.train_on_devices`."""
        from ftdojo.training.sft.parallel import train_on_devices

        return train_on_devices(examples, config, base, out, **options)


class Sft(ObjectiveTrainer[TrainConfig, Example]):
    """Methods ``full``, ``lora`` and ``qlora``."""

    config = TrainConfig

    def objective(self, config: TrainConfig) -> Objective[Example]:
        """Return the cross-entropy of the label tokens."""
        from ftdojo.training.sft.objective import CROSS_ENTROPY

        return CROSS_ENTROPY

    def tokenize(self, rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[Example]:
        """See :func:`ftdojo.training.sft.tokens.tokenize`."""
        return tokenize(rows, base, max_length=max_length)


def peak_memory(config: WeightsConfig, base: Path, examples: Sequence[Sequences]) -> float:
    """Return the estimate of :meth:`Trainer.memory` for sequences of any form."""
    compute = models.compute()
    together = config.devices if compute.device == "cpu" else 1  # processes that share one memory
    rows, model = truncate(examples, config.max_length), models.describe(base)
    adapted = dry_run.adapt(base, config.adapter) if config.adapter and dry_run.is_needed(base) else None
    if rows:
        one = estimate.peak(rows, model, config, compute, adapted=adapted)
    else:
        one = estimate.memory(model, config, compute, adapted=adapted)
    return together * one


def _targets(config: WeightsConfig, base: Path) -> Iterator[Finding]:
    """Every target module of the adapter exists in the model; ``peft`` would silently ignore one that does not."""
    adapter = config.adapter
    if adapter is None:
        return
    if adapter.targets and dry_run.is_needed(base):
        if (reason := dry_run.adapt(base, adapter).fault) is not None:
            fix = "name linear modules that can have one, or choose method full"
            yield _finding("bad_targets", f"adapters cannot be put on this model: {reason}", "lora.targets", fix)
        return
    if isinstance(adapter.targets, str):
        return
    if not adapter.targets:
        yield _finding("bad_targets", "the list is empty", "lora.targets", "omit it, or use all-linear")
    have = models.linear_modules(base)
    known = sorted({name.rpartition(".")[2] for name in have})
    for target in adapter.targets:
        if not any(name == target or name.endswith(f".{target}") for name in have):
            nearest = difflib.get_close_matches(target, known, n=1)
            fix = f"did you mean '{nearest[0]}'?" if nearest else f"linear modules: {', '.join(known)}; or all-linear"
            yield _finding("bad_targets", f"the model has no linear module '{target}'", "lora.targets", fix)


def _start(config: WeightsConfig, earlier: MethodConfig) -> Iterator[Finding]:
    """The weights of an earlier training have the form of those that this one trains."""

    def mismatch(key: str, here: object, there: object) -> Finding:
        message = f"{key} is {here} here, and {there} in the iteration whose weights the training starts from"
        return _finding("start_mismatch", message, key, f"set {key} to {there}, or start to base")

    if not isinstance(earlier, WeightsConfig):
        yield mismatch("method", config.method, earlier.method)
    elif TRAINED.get(config.kind, config.kind) != TRAINED.get(earlier.kind, earlier.kind):
        yield mismatch(config.kind_key, config.kind, earlier.kind)
    elif config.adapter is not None and earlier.adapter is not None:
        here, there = (_adapter_form(c.adapter) for c in (config, earlier) if c.adapter)
        yield from (mismatch(f"lora.{key}", here[key], there[key]) for key in here if here[key] != there[key])


def _adapter_form(adapter: Lora) -> dict[str, object]:
    form = adapter.model_dump(exclude=set(FREE))
    return {key: sorted(set(value)) if isinstance(value, list) else value for key, value in form.items()}


def _kernels(config: WeightsConfig) -> Iterator[Finding]:
    """The library for 4-bit weights is installed."""
    if config.facts.four_bit and find_spec("bitsandbytes") is None:
        fix = f"choose method lora, or: {install_command('bitsandbytes')}"
        yield _finding("no_4bit_kernels", f"method {config.method} needs bitsandbytes", "method", fix)


def _sharding(config: WeightsConfig, base: Path) -> Iterator[Finding]:
    """A model that is split over devices gets its rows in batches: all processes run it equally often."""
    if config.is_sharded and not runs_batched(read_config(base), config.max_length):
        message = "this model gets one row at a time, so that the devices would wait for each other"
        yield _finding("cannot_shard", message, "sharding", "remove it, or choose a model that answers in batches")


def _finding(code: str, message: str, key: str, fix: str) -> Finding:
    return Finding(code=code, message=message, where=f"train.yaml: {key}", fix=fix)
