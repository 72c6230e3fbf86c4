"""Lineage: check before grading that the stated training of the base model can have given a model.

A trained model has the base's configuration and tokenizer, the same tensors by name and shape, and weights that the
training could have reached:

- low-rank adapters change matrices only, each by a matrix of at most the adapter's rank; every other tensor is the
  base's, bit for bit (Hu et al. 2021, arXiv 2106.09685, section 4.1);
- full training moves a weight by at most ``learning_rate * (1 - beta1) / sqrt(1 - beta2)`` a step (Kingma & Ba 2015,
  arXiv 1412.6980, section 2.1), and by its decay. Trainings that start from each other's weights add up; those of one
  adapter train the same adapter on, so its rank still bounds the change.

Only safetensors are opened, which cannot run code. These rules cannot show *which rows* a training saw: that is ensured
by training in the environment, and by the digests in the record.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.contract.train_config import Lora, WeightsConfig
from ftdojo.models.info import INDEX, PARTS, describe
from ftdojo.models.support import read_config
from ftdojo.models.tensors import StoredTensors
from ftdojo.training.backend import Earlier
from ftdojo.training.sft import dry_run
from ftdojo.training.sft.export import TOKENIZER

if TYPE_CHECKING:
    import torch

ALLOWED = (*PARTS, ".md")
"""Suffixes of allowed files in a model's folder. Pickles and Python files can run code when a model is loaded."""
STEP = (1 - 0.9) / math.sqrt(1 - 0.999)
"""The farthest that AdamW moves a weight in one step, in multiples of the learning rate."""
IGNORED_KEYS = {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache", "auto_map"}
"""Keys of a configuration, or of a part of it, that do not concern the architecture. ``auto_map`` of a base is not
used; that of a trained model is a fault."""
OVERSAMPLING = 16
MAX_SHOWN = 5

Limit = Callable[["torch.Tensor", "torch.Tensor"], "str | None"]
"""Says of a tensor before and after a training why the training cannot have moved it so far; ``None`` if it can."""


def faults(base: Path, model: Path, config: WeightsConfig, steps: int, *, earlier: Sequence[Earlier] = ()) -> list[str]:
    """Return the reasons why ``steps`` optimizer steps with ``config`` from ``base`` cannot have given ``model``.

    Empty if they can. Cheap checks come first; weights are only read if the files pass them. ``earlier`` are the
    trainings between ``base`` and this one, the first of them first.
    """
    trainings = [*earlier, Earlier(config, steps)]
    limit = None if config.adapter else _reach_limit(trainings)
    return structure_faults(base, model) or weight_faults(base, model, config.adapter, limit)


def structure_faults(base: Path, model: Path) -> list[str]:
    """Return how files, configuration or tokenizer of ``model`` differ from the result of a training of ``base``.

    No weight is read, and no code of the folder is run.
    """
    return [*_files(model)] or [*_configuration(base, model), *_tokenizer(base, model)]


def _files(model: Path) -> Iterator[str]:
    for path in sorted(model.iterdir()):
        if path.is_symlink() or not path.is_file():
            yield f"{path.name} is not a regular file"
        elif path.suffix not in ALLOWED:
            yield f"{path.name} is neither safetensors nor text: weights are read from safetensors only"
    index = model / INDEX
    if index.is_file():
        shards = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
        if foreign := shards - {path.name for path in model.glob("*.safetensors")}:
            yield f"{index.name} lists weights that are not in the folder: {sorted(foreign)[0]}"


def _configuration(base: Path, model: Path) -> Iterator[str]:
    raw = [json.loads((folder / "config.json").read_text("utf-8")) for folder in (base, model)]
    if "auto_map" in raw[1]:
        yield "config.json names Python code to load (auto_map)"
    elif raw[0].get("model_type") != raw[1].get("model_type"):
        yield f"the architecture is {raw[1].get('model_type')!r}, the base's is {raw[0].get('model_type')!r}"
    elif _architecture(raw[0]) != _architecture(raw[1]):
        # What one of them leaves out has a default. Only transformers knows it, and takes seconds to be imported.
        ours, theirs = (_architecture(read_config(folder).to_dict()) for folder in (base, model))
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                yield f"config.json: {key} is {theirs.get(key)!r}, the base's is {ours.get(key)!r}"


def _architecture(config: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _architecture(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if key not in IGNORED_KEYS
    }


def _tokenizer(base: Path, model: Path) -> Iterator[str]:
    names = {path.name for folder in (base, model) for pattern in TOKENIZER for path in folder.glob(pattern)}
    for name in sorted(names):
        if not (model / name).is_file():
            yield f"{name} of the base's tokenizer is missing"
        elif not (base / name).is_file():
            yield f"the base's tokenizer has no {name}"
        elif (model / name).read_bytes() != (base / name).read_bytes():
            yield f"{name} is not the base's"


def weight_faults(base: Path, model: Path, adapter: Lora | None, limit: Limit | None) -> list[str]:
    """Return the reasons why a training cannot have given the tensors of ``model``, which has the files of ``base``.

    Args:
        base: folder of the base model.
        model: folder of the trained model.
        adapter: the adapter that was trained, whose rank bounds the change; ``None`` if all weights were.
        limit: how far a tensor can have moved; ``None`` if there is no such limit.
    """
    from safetensors import SafetensorError

    try:
        before, after = StoredTensors(base), StoredTensors(model)
        if before.shapes != after.shapes:
            names = sorted(n for n in before.shapes.keys() | after.shapes.keys() if _differ(before, after, n))
            return [f"{name}: {_shape(after, name)}, the base's: {_shape(before, name)}" for name in names][:MAX_SHOWN]
        ranks, vocabulary = None, describe(base).vocabulary
        if adapter is not None and dry_run.is_needed(base):
            ranks = dry_run.adapt(base, adapter).ranks
        found: list[str] = []
        for name in before:
            rank = _rank(name, before.shapes[name], adapter, vocabulary, ranks)
            fault = _moved(before[name], after[name], rank, limit)
            if fault and len(found) < MAX_SHOWN:
                found.append(f"{name}: {fault}")
        return found
    except SafetensorError as error:
        return [f"the weights are no safetensors: {error}"]


def _differ(before: StoredTensors, after: StoredTensors, name: str) -> bool:
    return before.shapes.get(name) != after.shapes.get(name)


def _shape(tensors: StoredTensors, name: str) -> str:
    return f"shape {tensors.shapes[name]}" if name in tensors.shapes else "none"


def _rank(
    name: str, shape: Sequence[int], adapter: Lora | None, vocabulary: int, ranks: Mapping[str, int] | None
) -> int | None:
    """Return the highest rank by which adapters change a tensor; ``None`` without adapters.

    ``ranks``: the tensors that adapters change, if that does not follow from names and shapes alone.
    """
    if adapter is None:
        return None
    if ranks is not None:
        return ranks.get(name, 0)
    return adapter.rank if len(shape) == 2 and _is_target(name, shape, adapter.targets, vocabulary) else 0


def _moved(before: torch.Tensor, after: torch.Tensor, rank: int | None, limit: Limit | None) -> str | None:
    """Return why a training cannot have changed one tensor into the other; ``None`` if it can."""
    import torch

    if torch.equal(before.to(after.dtype), after):
        return None
    change = after.float() - before.float()
    if not bool(torch.isfinite(change).all()):
        return "contains values that are not finite"
    if rank == 0:
        return "changed, although no adapter is on it"
    if rank is not None:
        unit = torch.finfo(after.dtype).eps
        matrices = change if change.dim() == 3 else change.flatten(1)[None]  # some architectures store experts together
        left = max(_beyond_rank(matrix, rank) for matrix in matrices)
        if left > max(unit, 2**-18) * float(after.float().norm()):
            return f"changed by more than rank {rank}"
    return limit(before, after) if limit is not None else None


def _reach_limit(trainings: Sequence[Earlier]) -> Limit:
    """Return how far the steps of trainings of all weights, one after the other, move a tensor.

    A training rounds the weights to bfloat16 where the machine computes in it, however they are stored.
    """

    def limit(before: torch.Tensor, after: torch.Tensor) -> str | None:
        import torch

        unit = max(torch.finfo(dtype).eps for dtype in (after.dtype, torch.bfloat16))
        rounding = len(trainings) * unit * float(after.abs().max())
        reach = _reach(trainings, float(before.abs().max())) + rounding
        moved = float((after.float() - before.float()).abs().max())
        steps = sum(training.steps for training in trainings)
        return f"moved by {moved:.2g}, but {steps} steps reach {reach:.2g}" if moved > 1.01 * reach else None

    return limit


def _reach(trainings: Sequence[Earlier], largest: float) -> float:
    """Return the farthest that trainings, one after the other, move a weight; ``largest`` is the largest at first."""
    reach = 0.0
    for training in trainings:
        rate, decay = training.config.learning_rate, training.config.weight_decay
        reach += training.steps * rate * (STEP + decay * (largest + reach))
    return reach


def _is_target(name: str, shape: Sequence[int], targets: str | list[str], vocabulary: int) -> bool:
    """Whether ``peft`` puts an adapter on a matrix; ``all-linear`` means all except embedding and output layer."""
    if targets == "all-linear":
        return vocabulary not in shape
    module = name.removesuffix(".weight")
    return any(module == t or module.endswith(f".{t}") for t in targets)


def _beyond_rank(change: torch.Tensor, rank: int) -> float:
    """Return the norm of a matrix outside its ``rank`` leading directions, estimated with a randomized range finder
    (Halko, Martinsson & Tropp 2011, arXiv 0909.4061, algorithm 4.1)."""
    import torch

    columns = min(rank + OVERSAMPLING, *change.shape)
    probe = torch.randn(change.shape[1], columns, generator=torch.Generator().manual_seed(0))
    basis, _ = torch.linalg.qr(change @ probe)
    return float((change - basis @ (basis.T @ change)).norm())
