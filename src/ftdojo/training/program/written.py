"""What a training program leaves: an adapter or weights, of which nothing is believed.

Of its folder only the files below are used. Of ``adapter_config.json`` nothing is: it is compared with the one that
``train.yaml`` asks for, which is written in its place. Tensors must be those that the base model, or the adapter, has.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ftdojo.contract.train_config import Lora
from ftdojo.models import network
from ftdojo.models.info import SINGLE, headers
from ftdojo.models.support import ADAPTER, FLOATS
from ftdojo.schema import read_regular
from ftdojo.training.program.finding import program_error
from ftdojo.training.program.progress import PROGRESS
from ftdojo.training.sft.export import ADAPTER_WEIGHTS

UNUSED = frozenset({PROGRESS, "config.json", "generation_config.json", "README.md"})
"""Files that ``save_pretrained`` writes too. They are not used: the base model's own are."""
FREE = frozenset(
    ("auto_mapping base_model_name_or_path inference_mode init_lora_weights lora_dropout peft_version revision "
     "task_type").split()
)  # fmt: skip
"""Keys of an adapter's configuration that do not concern what its weights mean."""
MAX_CONFIG_BYTES, MAX_HEADER_BYTES = 64 * 1024, 16 * 2**20
SHOWN = 3


def collect(written: Path, base: Path, adapter: Lora | None, out: Path) -> None:
    """Check the folder that a program has written, and move its weights to the folder ``out``.

    Args:
        written: what the program wrote; it does not run any more.
        base: folder of the base model.
        adapter: the adapter that was asked for; ``None`` for all weights.
        out: the folder in which they can be exported.

    Raises:
        InputError: if a file is missing, or is not one that is allowed (``no_weights``, ``refused_file``), or its
            content is not what was asked for (``refused_weights``).
    """
    wanted = (ADAPTER, ADAPTER_WEIGHTS) if adapter else (SINGLE,)
    _require_files(written, wanted)
    out.mkdir(parents=True, exist_ok=True)
    if adapter:
        expected, optional = _describe_adapter(base, adapter, out), frozenset[str]()
        require_config(written / ADAPTER, out / ADAPTER)
    else:
        expected, optional = _describe_weights(base)
    require_tensors(written / wanted[-1], expected, optional)
    shutil.move(written / wanted[-1], out / wanted[-1])
    (out / wanted[-1]).chmod(0o600)
    if not adapter:
        for name in ("config.json", "generation_config.json"):
            if (base / name).is_file():
                shutil.copy(base / name, out / name)


def _require_files(written: Path, wanted: tuple[str, ...]) -> None:
    """All wanted files are there, and no other ones but those that are never used."""
    leave = f"leave {' and '.join(wanted)} alone in the folder --output"
    for path in sorted(written.iterdir()):
        if path.name not in UNUSED and path.name not in wanted:
            raise program_error("refused_file", f"left {path.name[:80]!r}, which is not taken", leave)
        if path.name in wanted and (path.is_symlink() or not path.is_file()):
            raise program_error("refused_file", f"left {path.name}, which is no regular file", leave)
    if absent := [name for name in wanted if not (written / name).exists()]:
        raise program_error("no_weights", f"ended and left no {absent[0]}", f"write {' and '.join(wanted)} to --output")
    for name in wanted:
        (written / name).chmod(0o600)  # whatever the program set


def _describe_weights(base: Path) -> tuple[dict[str, list[int]], frozenset[str]]:
    """Return the shapes of all tensors of the base model, and which of them need not be written: those that have two
    names, and those that the network does not use."""
    shapes = {name: tensor["shape"] for name, tensor in headers(base).items()}
    model, unused = network.load_shapes(base)
    return shapes, unused | frozenset(model.all_tied_weights_keys)


def _describe_adapter(base: Path, adapter: Lora, out: Path) -> dict[str, list[int]]:
    """Return the shapes of the adapter's tensors; its configuration is written to ``out``."""
    import torch
    from peft import LoraConfig, get_peft_model, get_peft_model_state_dict

    model, _ = network.load_shapes(base)
    model.name_or_path = model.config.name_or_path = ""
    settings = LoraConfig(
        r=adapter.rank, lora_alpha=adapter.alpha, target_modules=adapter.targets, task_type="CAUSAL_LM"
    )
    with network.quiet(), torch.device("meta"):
        adapted = get_peft_model(model, settings, autocast_adapter_dtype=False)
        state = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    (config,) = adapted.peft_config.values()
    config.target_modules = sorted(config.target_modules)
    config.inference_mode = True
    config.save_pretrained(out)
    return {name: list(tensor.shape) for name, tensor in state.items()}


def require_config(path: Path, own: Path) -> None:
    """The adapter's configuration is the one that was asked for."""
    fix = "save the adapter that job.json describes, as save_pretrained of peft does"
    try:
        given = json.loads(read_regular(path, MAX_CONFIG_BYTES))
    except (ValueError, RecursionError):
        raise program_error("refused_weights", f"{ADAPTER} is not JSON of at most 64 KiB", fix) from None
    expected = json.loads(own.read_text("utf-8"))
    if not isinstance(given, dict):
        raise program_error("refused_weights", f"{ADAPTER} is no object", fix)
    differing = sorted(
        str(key)
        for key in given.keys() | expected.keys()
        if key not in FREE and _plain(given.get(key)) != _plain(expected.get(key))
    )
    if differing:
        key = differing[0]
        message = f"{ADAPTER} has {key[:60]!r}: {repr(given.get(key))[:80]}, but was asked for {expected.get(key)}"
        raise program_error("refused_weights", message, fix)


def _plain(value: Any) -> Any:
    """Lists of names have no order here; what is empty means the same as what is absent."""
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return sorted(value)
    return value or None


def require_tensors(path: Path, expected: Mapping[str, list[int]], optional: frozenset[str]) -> None:
    """The file is safetensors with exactly the expected tensors."""
    fix = "leave the tensors of the base model, or of the adapter that job.json describes, and no others"
    if faults := list(_tensor_faults(path, expected, optional)):
        rest = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise program_error("refused_weights", f"{path.name}: {'; '.join(faults[:SHOWN])}{rest}", fix)


def _tensor_faults(path: Path, expected: Mapping[str, list[int]], optional: frozenset[str]) -> Iterator[str]:
    from safetensors import SafetensorError, safe_open

    with path.open("rb") as stream:  # a header of 100 MB is valid, and takes gigabytes once it is parsed
        if int.from_bytes(stream.read(8), "little") > MAX_HEADER_BYTES:
            yield "is no safetensors, or has a header that is too long"
            return
    try:
        with safe_open(path, "pt") as file:
            names = set(file.keys())
            for name in sorted(names & expected.keys()):
                found = file.get_slice(name)
                if list(found.get_shape()) != list(expected[name]):
                    yield f"{name} has the shape {found.get_shape()} instead of {expected[name]}"
                elif found.get_dtype() not in FLOATS:
                    yield f"{name} has the type {found.get_dtype()}, which is no floating-point one"
    except SafetensorError as error:
        yield f"is no safetensors: {str(error)[:200]}"
        return
    yield from (f"{name[:80]!r} is not in the model" for name in sorted(names - expected.keys()))
    yield from (f"{name} is missing" for name in sorted(expected.keys() - names - optional))


def require_descent(faults: list[str]) -> None:
    """Raise an :class:`InputError` if the exported model cannot descend from the base."""
    if faults:
        fix = "train for fewer steps or at a lower rate, or raise max_change as far as the task allows"
        raise program_error("refused_weights", f"the model cannot be graded: {'; '.join(faults[:SHOWN])}", fix)
