"""Which models can be trained and graded: decided from their files, before anything is spent.

A model is refused here if it would be run in another way than its authors meant (quantized weights), if the library has
no code for it, or if it is not a causal language model.
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from ftdojo.errors import UsageError
from ftdojo.models.info import SAVED, headers

FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""Types of weights that are numbers themselves, as safetensors names them, and not codes of a quantization."""
PACKED = tuple("qweight weight_packed weight_scale weight_scale_inv SCB absmax quant_map g_idx _blocks".split())
"""Ends of names of tensors that only a quantized model has."""
ADAPTER = "adapter_config.json"
"""The settings of an adapter, as peft writes them."""
NOT_CAUSAL = frozenset({"reformer", "trocr", "xlm", "xlnet"})
"""Architectures with a class for text generation whose models are not decoders by themselves, or not in general."""
PADDED = frozenset({"youtu"})
"""Architectures whose embedding of the token to pad with the library sets to zero, also when it was read from a file
(seen in 5.23 and 5.24)."""
ALWAYS_CAUSAL = frozenset({"gpt_neox", "gpt_neox_japanese"})
"""Decoders whose configuration has a field ``is_decoder`` that nothing reads."""
_CHOOSE = "choose a causal language model of transformers, such as Llama, Qwen, Gemma or SmolLM"


def require_supported(model: Path) -> Any:
    """Return the library's configuration of a model that can be trained.

    Raises:
        UsageError: if it cannot: it says why, and what works instead.
    """
    _require_no_adapter(model)
    _require_unquantized(model)
    config = read_config(model)
    _require_causal(model, config)
    return config


def read_config(model: Path) -> Any:
    """Return the library's configuration of a model, with the defaults of its class. No code of the folder is run.

    Raises:
        UsageError: if the file cannot be read, or the library does not know the architecture.
    """
    from transformers import AutoConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    from ftdojo.models.network import quiet  # which imports this module

    raw = read_json(model)
    kind = raw.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING_NAMES:
        code = "needs Python code of its own (auto_map), which is never run" if "auto_map" in raw else "is unknown"
        raise UsageError(f"the architecture {str(kind)[:60]!r} of the model in {model} {code}", fix=_CHOOSE)
    try:
        with quiet():
            config = AutoConfig.from_pretrained(model, trust_remote_code=False)
            _set_calls(config)
            return config
    except Exception as error:  # noqa: BLE001 - classes check their fields in many ways
        reason = " ".join(str(error).split())[:300]
        raise UsageError(f"the model in {model} cannot be read: {type(error).__name__}: {reason}", fix=SAVED) from None


def _set_calls(config: Any) -> None:
    """Set what a configuration can say of calls, and not of the model, to the library's defaults: the form of outputs,
    further outputs, and an attention function, which may not be installed."""
    config._attn_implementation = None
    for part in (config, *(getattr(config, name, None) for name in config.sub_configs)):
        if part is not None:
            part.return_dict, part.output_attentions, part.output_hidden_states = True, False, False
            if hasattr(part, "output_router_logits"):
                part.output_router_logits = False


def read_json(model: Path) -> dict[str, Any]:
    """Return ``config.json`` as it is.

    Raises:
        UsageError: if it is no JSON object.
    """
    try:
        raw = json.loads((model / "config.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"the model in {model} cannot be read: {error}", fix=SAVED) from None
    if not isinstance(raw, dict):
        raise UsageError(f"the model in {model} cannot be read: config.json is no JSON object", fix=SAVED)
    return raw


def has_fused_attention(config: Any) -> bool:
    """Whether the library has the attention function ``sdpa`` for the model of a configuration."""
    return bool(network_class(config)._supports_sdpa)


def network_class(config: Any) -> Any:
    """Return the class of the causal language model of a configuration, or ``None``."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    return MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)


def requirement() -> str:
    """Return ftdojo's requirement of transformers, for ``pip install``."""
    found = (line for line in metadata.requires("ftdojo") or () if line.startswith("transformers"))
    return next(found, "transformers")


def _require_no_adapter(model: Path) -> None:
    if (model / ADAPTER).is_file():
        raise UsageError(
            f"the folder {model} holds an adapter, too ({ADAPTER}), which transformers would put on the model",
            fix="merge it (merge_and_unload of peft) and save the model, or remove the adapter's files",
        )


def _require_unquantized(model: Path) -> None:
    raw = read_json(model)
    text = raw.get("text_config")
    settings = raw.get("quantization_config") or raw.get("compression_config")
    settings = settings or (text.get("quantization_config") if isinstance(text, dict) else None)
    tensors = headers(model)
    coded = next((n for n, t in tensors.items() if n.endswith(PACKED) or _is_code(n, t)), None)
    if settings or coded is not None:
        refuse_quantized(model, coded, settings)


def refuse_quantized(model: Path, coded: str | None, settings: Any = None) -> NoReturn:
    """Raise the error about weights that are codes.

    Args:
        model: the folder of the model.
        coded: the name of a tensor with codes.
        settings: what the configuration says about the quantization.
    """
    method = settings.get("quant_method") if isinstance(settings, dict) else None
    form = f"quantized ({str(method)[:40]})" if method else "quantized"
    found = f", for example {coded}" if coded else ""
    raise UsageError(
        f"the weights of the model in {model} are {form}{found}: they cannot be trained, nor merged with an adapter",
        fix="choose the model that it was made from, in bfloat16; method qlora quantizes it for training",
    )


def _is_code(name: str, tensor: dict[str, Any]) -> bool:
    """Whether a weight is a matrix of something else than floating-point numbers."""
    return name.endswith(".weight") and tensor["dtype"] not in FLOATS and len(tensor["shape"]) > 1


def _require_causal(model: Path, config: Any) -> None:
    """The library has a causal language model for the configuration, and the files are of that model."""
    names = read_json(model).get("architectures")
    name = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else config.model_type
    made = network_class(config)
    if getattr(config, "is_encoder_decoder", False) or getattr(type(config), "is_encoder_decoder", False):
        raise UsageError(f"{name} in {model} is an encoder-decoder; only decoders can be trained", fix=_CHOOSE)
    if made is None:
        vision = " It reads images or sound, too: a model for text alone is needed." if _has_parts(config) else ""
        raise UsageError(f"{name} in {model} is no causal language model of transformers.{vision}", fix=_CHOOSE)
    if made.__name__ != name and not name.endswith(("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")):
        raise UsageError(f"the weights in {model} are those of {name}, not of {made.__name__}", fix=_CHOOSE)
    if (
        config.model_type in NOT_CAUSAL
        or (getattr(config, "is_decoder", None) is False and config.model_type not in ALWAYS_CAUSAL)
        or getattr(config.get_text_config(), "use_bidirectional_attention", None) in (True, "all")
    ):
        raise UsageError(f"{name} in {model} reads text in both directions and cannot write it", fix=_CHOOSE)
    if config.model_type in PADDED and config.pad_token_id is not None:
        raise UsageError(
            f"the library changes the weights of {name} in {model} when it reads them: the embedding of token "
            f"{config.pad_token_id}, the one to pad with, becomes zero",
            fix="remove pad_token_id from config.json",
        )
    if getattr(made, "can_generate", None) and not made.can_generate():
        raise UsageError(f"{made.__name__} in {model} cannot generate text", fix=_CHOOSE)


def _has_parts(config: Any) -> bool:
    return any(hasattr(config, f"{part}_config") for part in ("vision", "audio", "text"))
