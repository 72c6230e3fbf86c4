"""Tiny random checkpoints of the architectures that people fine-tune, written as their authors' tools write them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
MARKERS = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
PAD, END = 256, 257
VOCABULARY = 272
"""A little more than the tokenizer has, as in most models."""

SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
    "pad_token_id": PAD,
    "bos_token_id": END,
    "eos_token_id": END,
    # No dropout: what is compared must not be random.
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "residual_dropout": 0.0,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "layerdrop": 0.0,
    "hidden_dropout": 0.0,
    "attn_pdrop": 0.0,
    "embd_pdrop": 0.0,
    "resid_pdrop": 0.0,
    # Other names of the same, and parts that only some have.
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 256,
    "d_model": 32,
    "n_layers": 2,
    "n_heads": 4,
    "max_seq_len": 256,
    "ffn_dim": 64,
    "word_embed_proj_dim": 32,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "n_shared_experts": 1,
    "sliding_window": 8,
}
MLA = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 12}
MAMBA = {"state_size": 8, "conv_kernel": 4, "expand": 2, "time_step_rank": 4}
MAMBA2 = {
    "mamba_n_heads": 8,
    "mamba_d_head": 8,
    "mamba_n_groups": 1,
    "mamba_d_state": 8,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_chunk_size": 8,
}
LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention"],
}
EXTRAS: dict[str, dict[str, Any]] = {
    "deepseek_v2": {**MLA, "first_k_dense_replace": 1, "num_key_value_heads": 4, "head_dim": 4},
    "deepseek_v3": {**MLA, "first_k_dense_replace": 1, "num_key_value_heads": 4, "head_dim": 4},
    "deepseek_v32": {
        **MLA,
        "first_k_dense_replace": 1,
        "num_key_value_heads": 4,
        "head_dim": 4,
        "index_topk": 8,
        "index_head_dim": 8,
        "index_n_heads": 2,
    },
    "glm_moe_dsa": {**MLA, "num_key_value_heads": 4, "index_topk": 8, "index_head_dim": 8, "index_n_heads": 2},
    "glm4_moe_lite": {**MLA, "num_key_value_heads": 4},
    "falcon": {"multi_query": True, "new_decoder_architecture": False},
    "mamba": MAMBA,
    "falcon_mamba": MAMBA,
    "mamba2": {**MAMBA, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 8},
    "jamba": {
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
        "mamba_d_state": 8,
        "mamba_dt_rank": 4,
        "use_mamba_kernels": False,
    },
    "bamba": {**MAMBA2, "attn_layer_indices": [1]},
    "falcon_h1": {**MAMBA2, "mamba_d_ssm": 64},
    "granitemoehybrid": {**MAMBA2, "layer_types": ["mamba", "attention"]},
    "zamba2": {
        "num_hidden_layers": 5,
        "layers_block_type": ["mamba", "hybrid", "mamba", "hybrid", "mamba"],
        "hybrid_layer_ids": [1, 3],
        "num_mem_blocks": 1,
        "n_mamba_heads": 8,
        "mamba_headdim": 8,
        "mamba_ngroups": 1,
        "mamba_d_state": 8,
        "chunk_size": 8,
        "adapter_rank": 4,
        "use_shared_attention_adapter": True,
        "attention_head_dim": 16,
        "num_key_value_heads": 4,
    },
    "nemotron_h": {
        "layers_block_type": ["mamba", "attention", "mlp"],
        "num_hidden_layers": 3,
        "mamba_num_heads": 8,
        "mamba_head_dim": 8,
        "n_groups": 1,
        "ssm_state_size": 8,
        "chunk_size": 8,
    },
    "recurrent_gemma": {"lru_width": 32, "attention_window_size": 8, "num_hidden_layers": 3},
    "qwen3_next": LINEAR,
    "qwen3_5_text": LINEAR,
    "qwen3_5_moe_text": LINEAR,
    "olmo_hybrid": LINEAR,
    "lfm2": {"layer_types": ["conv", "full_attention"], "block_multiple_of": 8},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "minimax": {"layer_types": ["linear_attention", "full_attention"], "block_size": 8},
    "gemma2": {"query_pre_attn_scalar": 8},
    "gemma3_text": {"layer_types": ["sliding_attention", "full_attention"], "query_pre_attn_scalar": 8},
    "gemma3n_text": {
        "num_hidden_layers": 4,
        "num_kv_shared_layers": 2,
        "intermediate_size": [64] * 4,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": VOCABULARY,
        "laurel_rank": 4,
        "activation_sparsity_pattern": [0.5, 0.0, 0.0, 0.0],
    },
    "gemma4_text": {
        "num_hidden_layers": 4,
        "num_kv_shared_layers": 0,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "hidden_size_per_layer_input": 0,
        "global_head_dim": 16,
        "vocab_size_per_layer_input": VOCABULARY,
    },
    "gpt_oss": {"layer_types": ["sliding_attention", "full_attention"]},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "num_layers": 2, "num_heads": 4, "window_size": 8},
    "gptj": {"rotary_dim": 4},
    "codegen": {"rotary_dim": 4},
    "phi3": {"pad_token_id": PAD},
    "rwkv": {"attention_hidden_size": 32, "context_length": 256},
    "glm": {"partial_rotary_factor": 0.5},
    "minicpm3": {**MLA, "dim_model_base": 32},
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 64, "moe_num_experts": 4, "moe_top_k": 2},
    },
}

KINDS = (
    "llama gpt2 mamba qwen2 qwen2_moe qwen3 qwen3_moe qwen3_5_text qwen3_5_moe_text qwen3_next mistral ministral "
    "ministral3 mixtral gemma gemma2 gemma3_text gemma3n_text gemma4_text phi phi3 phimoe glm glm4 glm4_moe "
    "glm4_moe_lite glm_moe_dsa granite granitemoe granitemoehybrid granitemoeshared olmo olmo2 olmo3 olmoe "
    "olmo_hybrid flex_olmo stablelm gpt_bigcode gpt_neo gpt_neox gptj codegen falcon falcon_mamba falcon_h1 mamba "
    "mamba2 recurrent_gemma nemotron nemotron_h deepseek_v2 deepseek_v3 deepseek_v32 minimax minimax_m2 zamba2 jamba "
    "bamba opt cohere cohere2 lfm2 lfm2_moe gpt_oss starcoder2 smollm3 exaone4 ernie4_5 ernie4_5_moe hunyuan_v1_dense "
    "hunyuan_v1_moe helium arcee apertus seed_oss persimmon biogpt xglm dbrx bitnet minicpm3 internlm3 rwkv bloom mpt "
    "vaultgemma nanochat diffllama jetmoe llama4_text "
).split()
"""The architectures of the matrix, as transformers names them."""


def configure(kind: str, **changes: Any) -> Any:
    """The configuration of a tiny model of a kind, as transformers names it."""
    from transformers import CONFIG_MAPPING

    made = CONFIG_MAPPING[kind]
    known = {field.name for field in dataclasses.fields(made)} if dataclasses.is_dataclass(made) else set(SIZES)
    sizes = {name: value for name, value in SIZES.items() if name in known or name.endswith("_token_id")}
    return made(**{**sizes, **EXTRAS.get(kind, {}), **changes})


def write_tokenizer(folder: Path, *, template: str | None = TEMPLATE, stops: bool = True) -> None:
    """Write a tokenizer of single bytes with the markers of a chat."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(MARKERS)
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "<|pad|>", "eos_token": "<|end|>", "bos_token": "<|end|>"} if stops else {}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)


def write(kind: str, folder: Path, *, dtype: str = "float32", seed: int = 0, **changes: Any) -> Path:
    """Write a tiny random checkpoint, with tokenizer, and return its folder."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    config = configure(kind, **changes)
    network = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in network.parameters():  # norms, biases and gates are no longer ones and zeros
            parameter.add_(0.02 * torch.randn_like(parameter))
    network.to(getattr(torch, dtype)).save_pretrained(folder)
    write_tokenizer(folder)
    return folder
