"""Export: the merged model as a folder that plain transformers can load; and its tensors, to be used in memory."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from ftdojo.disk import disk_errors
from ftdojo.models import describe, network
from ftdojo.models.info import INDEX, SINGLE, headers, weight_files
from ftdojo.models.preflight import saved_shapes
from ftdojo.models.support import ADAPTER
from ftdojo.models.tensors import WIDTHS, StoredTensors, write_tensors

if TYPE_CHECKING:
    import torch

ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_FILES = (ADAPTER, ADAPTER_WEIGHTS)
"""The files of a trained adapter that decide how it is merged."""
TOKENIZER = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*",
    "merges.txt",
    "chat_template*",
    "*.model",
)
"""Files that define how text becomes tokens; training does not change them."""
GENERATION = "generation_config.json"
"""Defines the tokens that end an answer."""
REST = "model-rest.safetensors"
"""Tensors of the base that the trained network does not have, or has under another name, in a folder of several files.
"""


MAX_FILE = 50 * 10**9
"""Most bytes of one file of weights, as in transformers; the weights of larger models have the files of their base."""


def export(base: Path, trained: Path, out: Path) -> None:
    """Write the model trained from ``base`` to ``out``: merged weights, tokenizer, chat template, generation settings.

    Adapters are merged in float32. Every tensor is rounded once, to the precision that it has in the base model.
    Tensors of the base that the network does not use are copied, so that the folder serves in the base's place.
    """
    changed = changed_tensors(base, trained)
    out.mkdir(parents=True, exist_ok=True)
    with disk_errors(out), network.quiet():
        if changed is None or not _write_by_tensor(base, trained, changed, out):
            _write_whole(base, trained, out)
    copy_text_files(base, out)


def _write_by_tensor(base: Path, trained: Path, changed: Mapping[str, torch.Tensor], out: Path) -> bool:
    """Write configuration and weights with one tensor at a time in memory. Return whether that was done: nothing is
    written unless the files of ``base`` hold plain numbers under the names that the network saves."""
    forms, before = headers(base), StoredTensors(base)
    made, _ = network.load_shapes(base if (trained / ADAPTER).is_file() else trained)
    tied = {second: first for second, first in made.all_tied_weights_keys.items() if second in forms}
    saved = saved_shapes(made).keys() - made.all_tied_weights_keys.keys()
    if (
        made.config.sub_configs
        or any(form["dtype"] not in WIDTHS for form in forms.values())
        or not saved <= forms.keys()
        or any(name in tied for name in changed)
        or any(forms[second]["dtype"] != forms.get(first, {}).get("dtype") for second, first in tied.items())
    ):
        return False

    def value(name: str) -> torch.Tensor:
        kept = tied.get(name, name)
        return changed[kept] if kept in changed else before[name]

    named = (forms[name]["dtype"] for name, _ in made.named_parameters() if name in forms)  # some are stored by others
    _write_config(made, _precision(next(named, describe(base).precision)), out)
    size = sum(WIDTHS[form["dtype"]] * math.prod(form["shape"]) for form in forms.values())
    files = {SINGLE: list(forms)} if size <= MAX_FILE else before.files
    for file, names in files.items():
        write_tensors(out / file, {name: forms[name] for name in names}, _Computed(names, value))
    if len(files) > 1:
        places = {name: file for file, names in files.items() for name in names}
        index = {"metadata": {"total_size": size}, "weight_map": places}
        (out / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", "utf-8")
    return True


def _write_config(made: Any, precision: torch.dtype, out: Path) -> None:
    """Write the configuration files of a network as ``save_pretrained`` does."""
    made.config.dtype = str(precision).removeprefix("torch.")
    made.config.architectures = [type(made).__name__]
    _drop_code(made.config)
    made.config.save_pretrained(out)
    if made.can_generate():
        made.generation_config.save_pretrained(out)


def _drop_code(config: Any) -> None:
    """Drop the name of the base's Python code, which is not needed and not copied."""
    if hasattr(config, "auto_map"):
        del config.auto_map


def _write_whole(base: Path, trained: Path, out: Path) -> None:
    """Write configuration and weights with the network in float32 in memory, for any architecture."""
    import torch

    stored = headers(base)
    common = _precision(describe(base).precision)
    if (trained / ADAPTER).is_file():
        from peft import PeftModel

        loaded = network.load(base, torch.float32, attention="sdpa")
        merged = PeftModel.from_pretrained(loaded, trained).merge_and_unload()
    else:
        merged = network.load(trained, torch.float32, attention="sdpa")
    for name, tensor in chain(merged.named_parameters(), merged.named_buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(_precision(stored[name]["dtype"]) if name in stored else common)
    _drop_code(merged.config)
    merged.save_pretrained(out)
    _add_rest(base, out, dict(merged.state_dict()))


def _precision(name: str) -> torch.dtype:
    """Return the precision in which tensors are exported that are stored as ``name``, as safetensors calls it."""
    import torch

    return {"BF16": torch.bfloat16, "F16": torch.float16}.get(name, torch.float32)


def changed_tensors(base: Path, trained: Path) -> Mapping[str, torch.Tensor] | None:
    """Return the tensors in which the model trained from ``base`` differs from it, as :func:`export` writes them.

    ``None`` if the files of ``base`` do not have a tensor for each: some architectures store experts in another form
    than the network has, and transposed matrices.
    """
    stored, learned = headers(base), StoredTensors(trained)
    shapes, value = learned.shapes, _read(learned)
    if (trained / ADAPTER).is_file():
        settings = json.loads((trained / ADAPTER).read_text("utf-8"))
        modules = {name.removesuffix(_A) for name in learned if name.endswith(_A)}
        odd = settings["fan_in_fan_out"] or settings["rank_pattern"] or settings["alpha_pattern"]
        if odd or len(learned) != 2 * len(modules):
            return None
        shapes = {_merged(m): [learned.shapes[m + _B][0], learned.shapes[m + _A][1]] for m in modules}
        value = _merging(StoredTensors(base), learned, settings["lora_alpha"] / settings["r"])
    if any(name not in stored or stored[name]["shape"] != shape for name, shape in shapes.items()):
        return None
    return _Computed(sorted(shapes), lambda name: value(name).to(_precision(stored[name]["dtype"])))


_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
"""Parts of the names of an adapter's matrices."""


def _merged(module: str) -> str:
    return module.removeprefix(_PREFIX) + ".weight"


def _read(learned: Mapping[str, torch.Tensor]) -> Callable[[str], torch.Tensor]:
    return lambda name: learned[name].float()


def _merging(
    before: Mapping[str, torch.Tensor], learned: Mapping[str, torch.Tensor], scaling: float
) -> Callable[[str], torch.Tensor]:
    """Return what merges the adapter of a tensor in float32, by the same operations as ``peft``."""

    def merge(name: str) -> torch.Tensor:
        module = _PREFIX + name.removesuffix(".weight")
        change = (learned[module + _B].float() @ learned[module + _A].float()) * scaling
        return before[name].float() + change

    return merge


class _Computed(Mapping[str, "torch.Tensor"]):
    """Tensors that are computed when they are asked for, so that one at a time is in memory."""

    def __init__(self, names: Iterable[str], compute: Callable[[str], torch.Tensor]) -> None:
        self._names, self._compute = dict.fromkeys(names), compute

    def __getitem__(self, name: str) -> torch.Tensor:
        if name not in self._names:
            raise KeyError(name)
        return self._compute(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _add_rest(base: Path, out: Path, weights: dict[str, Any]) -> None:
    """Add the tensors of the base that were not saved: second names of tied weights, and parts that are not used."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    lacking = sorted(headers(base).keys() - headers(out).keys())
    if not lacking:
        return
    rest: dict[str, Any] = {name: weights[name].clone() for name in lacking if name in weights}
    for path in weight_files(base):
        with safe_open(path, "pt") as file:
            rest |= {name: file.get_tensor(name) for name in set(lacking) & set(file.keys()) - rest.keys()}
    form = {"format": "pt"}
    if (out / SINGLE).is_file():
        save_file(load_file(out / SINGLE) | rest, out / SINGLE, metadata=form)
        return
    index = json.loads((out / INDEX).read_text("utf-8"))
    index["weight_map"] |= dict.fromkeys(rest, REST)
    save_file(rest, out / REST, metadata=form)
    (out / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", "utf-8")


class _AdapterSettings(BaseModel):
    """What ``peft`` has to know of an adapter that ftdojo trained. Everything else has its default."""

    r: int = Field(ge=1, le=2**16)
    lora_alpha: float = Field(gt=0, le=2**20)
    target_modules: list[Annotated[str, Field(pattern=r"^[\w.]+$")]] = Field(max_length=2**16)
    fan_in_fan_out: bool = False


def copy_adapter(adapter: Path, out: Path) -> None:
    """Copy an adapter that may come from a stranger: its weights, and of its settings those that ftdojo's trainers
    write, so that ``peft`` reads nothing else of it.

    Raises:
        ValueError: if the settings are not those of such an adapter.
    """
    settings = _AdapterSettings.model_validate_json((adapter / ADAPTER).read_bytes())
    out.mkdir(parents=True, exist_ok=True)
    fixed: dict[str, Any] = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "inference_mode": True}
    fixed |= {"use_dora": False, "use_rslora": False, "rank_pattern": {}, "alpha_pattern": {}}
    (out / ADAPTER).write_text(json.dumps({**fixed, **settings.model_dump()}), "utf-8")
    shutil.copyfile(adapter / ADAPTER_WEIGHTS, out / ADAPTER_WEIGHTS, follow_symlinks=False)


def text_files(base: Path) -> Iterator[Path]:
    """Tokenizer, chat template and generation settings of a model."""
    for pattern in (*TOKENIZER, GENERATION):
        yield from base.glob(pattern)


def copy_text_files(base: Path, out: Path) -> None:
    """Copy the :func:`text_files` of a model."""
    for path in text_files(base):
        shutil.copy(path, out / path.name)
