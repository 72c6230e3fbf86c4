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
SLIDING = {"layer_types": ["sliding_attention", "full_attention"]}
EXPERTS = {"mlp_layer_types": ["dense", "sparse"]}
INDEXED = {"index_topk": 8, "index_head_dim": 8, "index_n_heads": 2}
REL = {
    "swa_num_attention_heads": 4,
    "swa_num_key_value_heads": 2,
    "swa_head_dim": 8,
    "sliding_window_size": 8,
    "d_rel": 4,
    "rel_extent": 16,
    "layer_types": ["hybrid_sliding", "hybrid"],
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
    "afmoe": {**SLIDING, "num_dense_layers": 1, "num_shared_experts": 1},
    "aria_text": {"moe_num_experts": 4, "moe_topk": 2, "moe_num_shared_experts": 1},
    "axk1": {**MLA, **EXPERTS, "num_key_value_heads": 4},
    "axk2": {**MLA, **EXPERTS, **INDEXED, "num_key_value_heads": 4, "gated_norm_rank": 4},
    "bailing_hybrid": {
        **{name: size for name, size in MLA.items() if name != "q_lora_rank"},
        **EXPERTS,
        "num_key_value_heads": 4,
        "layer_types": ["linear_attention", "full_attention"],
    },
    "beam": {**SLIDING, **EXPERTS},
    "blt": {
        "patcher_config": {
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
        },
        "encoder_config": {"hidden_size": 16, "hidden_size_global": 32, "num_attention_heads": 2},
        "decoder_config": {
            "hidden_size": 16,
            "hidden_size_global": 32,
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "intermediate_size": 32,
        },
        "global_config": {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 1, "intermediate_size": 64},
        "encoder_hash_byte_group_vocab": 64,
    },
    "cohere2_moe": {**SLIDING, **EXPERTS, "num_shared_experts": 1},
    "cpmant": {
        "dim_head": 8,
        "dim_ff": 64,
        "position_bias_num_buckets": 32,
        "position_bias_max_distance": 64,
        "prompt_types": 4,
        "prompt_length": 4,
        "segment_types": 4,
    },
    "ctrl": {"dff": 64},
    "cwm": SLIDING,
    "deepseek_v4": {
        "num_hidden_layers": 3,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "q_lora_rank": 16,
        "layer_types": ["sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"],
        "mlp_layer_types": ["hash_moe", "moe", "moe"],
        "compress_rates": {"compressed_sparse_attention": 4, "heavily_compressed_attention": 8},
        "hc_mult": 2,
        "o_groups": 2,
        "o_lora_rank": 8,
        **INDEXED,
    },
    "doge": {"keep_window_size": 8},
    "dots1": {**SLIDING, "first_k_dense_replace": 1},
    "dots3_note_text": {
        **MLA,
        **INDEXED,
        **EXPERTS,
        "num_key_value_heads": 4,
        "head_dim": 12,
        "layer_types": ["full_attention", "sliding_attention"],
        "shared_experts_intermediate_size": 16,
        "swa_num_attention_heads": 4,
        "swa_num_key_value_heads": 4,
        "swa_q_lora_rank": 16,
        "swa_kv_lora_rank": 16,
        "swa_head_dim": 12,
        "swa_qk_nope_head_dim": 8,
        "swa_v_head_dim": 8,
    },
    "exaone_moe": {**SLIDING, **EXPERTS, "num_shared_experts": 1},
    "flint": {**SLIDING, "mlp_only_layers": [0]},
    "granite_swa": SLIDING,
    "granitemoe_swa": SLIDING,
    "hrm_text": {"L_cycles": 2},
    "hy_v3": {**EXPERTS, "num_shared_experts": 1},
    "hy_v4": {**MLA, **EXPERTS, **INDEXED, "hc_mult": 2, "indexer_types": ["full", "shared"]},
    "inkling_text": {**REL, **EXPERTS},
    "inkling2_text": {**REL, "unpadded_vocab_size": 270, "n_layers_per_attn_res_block": 1},
    "kimi_linear": {
        **{name: size for name, size in MLA.items() if name != "q_lora_rank"},
        **EXPERTS,
        "num_key_value_heads": 4,
        "layer_types": ["linear_attention", "full_attention"],
        "linear_head_dim": 8,
        "linear_num_heads": 4,
    },
    "kolibri1": SLIDING,
    "laguna": {**SLIDING, **EXPERTS},
    "lfm3": {
        "num_hidden_layers": 3,
        "layer_types": ["conv", "sliding_attention", "full_attention"],
        "conv_L_cache": 4,
    },
    "longcat_flash": {
        **MLA,
        "num_layers": 1,
        "num_key_value_heads": 4,
        "head_dim": 4,
        "ffn_hidden_size": 64,
        "moe_topk": 2,
        "zero_expert_num": 2,
        "expert_ffn_hidden_size": 16,
    },
    "mellum": SLIDING,
    "mimo_v2_flash": {**SLIDING, **EXPERTS, "v_head_dim": 6},
    "minimax_m3_vl_text": {
        **EXPERTS,
        "dense_intermediate_size": 64,
        "shared_intermediate_size": 16,
        "rotary_dim": 4,
        "layer_types": ["full_attention", "minimax_m3_sparse"],
        "index_n_heads": 2,
        "index_head_dim": 8,
        "index_block_size": 4,
        "index_topk_blocks": 2,
    },
    "modernbert-decoder": {**SLIDING, "local_attention": 16},
    "qwen4_exp_text": {
        **LINEAR,
        "layer_types": ["linear_attention", "indexed_attention"],
        "hc_count": 2,
        "hc_lowrank": 8,
        "ple_layer_ids": [1],
        "ple_embed_dim": 32,
        "heads_per_ngram": 2,
        "ngram_vocab_size_base": 64,
        "make_ngram_vocab_size_divisible_by": 8,
        "split_ngram_parts": 2,
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 8,
        "indexer_budget": 8,
        "indexer_compress_ratio": 2,
    },
    "youtu": {**MLA, "num_key_value_heads": 4, "pad_token_id": None},
    "zamba": {
        "num_hidden_layers": 4,
        "layers_block_type": ["linear_attention", "hybrid", "linear_attention", "hybrid"],
        "n_mamba_heads": 2,
        "mamba_d_state": 8,
        "mamba_d_conv": 4,
        "mamba_dt_rank": 4,
        "attention_head_dim": 16,
        "num_key_value_heads": 4,
        "use_mamba_kernels": False,
    },
    "xlstm": {"num_heads": 4, "chunk_size": 8},
    "zaya": {"num_experts_per_tok": 1, "router_hidden_size": 8},
    # Only in transformers 5.24.
    "sarvam_mla": {
        **{name: size for name, size in MLA.items() if name != "q_lora_rank"},
        "num_key_value_heads": 4,
        "first_k_dense_replace": 1,
    },
    "sarvam_moe": {"first_k_dense_replace": 1},
    "dory": {
        **SLIDING,
        "num_hidden_layers": 4,
        "n_input_layers": 1,
        "n_output_layers": 1,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
    },
    "inkling2_loop_text": {
        **REL,
        "num_hidden_layers": 3,
        "layer_types": ["hybrid_sliding", "hybrid", "hybrid"],
        "unpadded_vocab_size": 270,
        "n_layers_per_attn_res_block": 1,
        "loop_layer_index_start": 1,
        "loop_layer_index_end": 2,
        "loop_num_passes": 2,
        "loop_gate_rank": 4,
    },
    "lara_mini": {
        **LINEAR,
        "num_hidden_layers": 3,
        "layer_types": ["linear_attention", "sliding_attention", "full_attention"],
    },
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
    "afmoe aria_text axk1 axk2 bailing_hybrid beam cohere2_moe cpmant ctrl cwm deepseek_v4 "
    "doge dots1 dots3_note_text exaone_moe flint gpt-sw3 gpt_neox_japanese granite_swa granitemoe_swa hrm_text "
    "hy_v3 hy_v4 hyperclovax inkling2_text inkling_text iquestcoder jais2 kimi_linear kolibri1 laguna lfm3 "
    "longcat_flash mellum mimo_v2_flash minimax_m3_vl_text modernbert-decoder openai-gpt qwen4_exp_text "
    "solar_open youtu zamba zaya gemma4_unified_text "
    "apertus1p5_text dory exaone inkling2_loop_text lara_mini sarvam_mla sarvam_moe "  # since transformers 5.24
).split()
"""The architectures of the matrix, as transformers names them."""

LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0] * 4,
    "long_factor": [4.0] * 4,
    "original_max_position_embeddings": 37,
}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "phi3 with two rotations": ("phi3", {"rope_parameters": LONGROPE, "original_max_position_embeddings": 37}),
    "llama with two rotations": ("llama", {"rope_parameters": {**LONGROPE, "factor": 4.0}}),
    "llama with yarn": (
        "llama",
        {"rope_parameters": {**LONGROPE, "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}},
    ),
    "llama of one size": ("llama", {"intermediate_size": VOCABULARY}),
    "qwen2 with a window": ("qwen2", {"use_sliding_window": True, "max_window_layers": 1}),
    "granite with factors": (
        "granite",
        {"embedding_multiplier": 3.0, "logits_scaling": 2.0, "residual_multiplier": 0.5, "attention_multiplier": 0.3},
    ),
    "gpt2 with scaled attention": ("gpt2", {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True}),
    "opt with a projection": ("opt", {"do_layer_norm_before": False, "word_embed_proj_dim": 16}),
    "falcon with groups": ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon with alibi": ("falcon", {"alibi": True}),
    "gpt_bigcode with all heads": ("gpt_bigcode", {"multi_query": False}),
    "phi with norms": ("phi", {"qk_layernorm": True}),
    "stablelm in parallel": ("stablelm", {"qk_layernorm": True, "use_parallel_residual": True, "use_qkv_bias": True}),
    "gpt_neox in sequence": ("gpt_neox", {"use_parallel_residual": False}),
    "olmo with clipped values": ("olmo", {"clip_qkv": 0.5}),
    "doge with experts": ("doge", {"is_moe": True, "num_experts": 16}),
    "mixtral with losses of its router": ("mixtral", {"output_router_logits": True}),
}
"""Name of a variant -> its architecture, and what differs in its configuration."""


def is_known(kind: str) -> bool:
    """Whether the installed library has an architecture: a newer version has more."""
    from transformers import CONFIG_MAPPING

    return VARIANTS.get(kind, (kind, {}))[0] in CONFIG_MAPPING


def configure(kind: str, **changes: Any) -> Any:
    """The configuration of a tiny model of a kind, as transformers names it, or of a variant."""
    from transformers import CONFIG_MAPPING

    kind, own = VARIANTS.get(kind, (kind, {}))
    changes = {**own, **changes}
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
