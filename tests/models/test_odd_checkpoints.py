"""Checkpoints as people find them: each is trained, exported and graded like any other, or refused with the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import model_zoo as zoo
from ftdojo import models
from ftdojo.contract.row import Row
from ftdojo.contract.train_config import Lora, TrainConfig
from ftdojo.errors import UsageError
from ftdojo.inference.engine import TransformersEngine
from ftdojo.models import Compute, network
from ftdojo.models.info import headers
from ftdojo.training import export, tokenize
from ftdojo.training.sft import lineage
from ftdojo.training.sft.trainer import train

ROWS = [Row(({"role": "user", "content": f"say {n}"},), f"number {n}") for n in range(4)]
LORA = TrainConfig(method="lora", learning_rate=1e-2, epochs=1, batch_size=2, max_length=64, lora=Lora(rank=2, alpha=4))
FULL = TrainConfig(method="full", learning_rate=1e-3, epochs=1, batch_size=2, max_length=64)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo.write("llama", tmp_path_factory.mktemp("llama") / "base")


@pytest.fixture
def base(llama: Path, tmp_path: Path) -> Path:
    """A copy of a tiny Llama, to be made odd."""
    shutil.copytree(llama, tmp_path / "base")
    return tmp_path / "base"


def set_config(folder: Path, name: str = "config.json", **changes: Any) -> None:
    settings = json.loads((folder / name).read_text())
    settings = {key: value for key, value in {**settings, **changes}.items() if value is not None}
    (folder / name).write_text(json.dumps(settings))


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def train_and_grade(base: Path, *configs: TrainConfig) -> Path:
    """Train, export and check the lineage; return the last export."""
    models.require_trainable(base)
    for config in configs:
        weights, out = base.with_name(f"{config.method}-weights"), base.with_name(config.method)
        result = train(tokenize(ROWS, base, max_length=64).examples, config, base, weights)
        export(base, weights, out)
        assert lineage.faults(base, out, config, result.steps) == []
    return out


def refuse(folder: Path) -> str:
    """Return why a model is refused, by the check before a run, and whenever it is loaded."""
    with pytest.raises(UsageError) as checked:
        models.require_trainable(folder)
    with pytest.raises(UsageError) as loaded:
        network.load(folder, torch.float32, "sdpa")
    assert str(loaded.value) == str(checked.value)
    return str(checked.value)


# Refused.


def _as_gptq(tensors: dict[str, torch.Tensor]) -> None:
    name = "model.layers.0.mlp.up_proj"
    weight = tensors.pop(f"{name}.weight")
    tensors[f"{name}.qweight"] = torch.zeros(weight.shape[1] // 8, weight.shape[0], dtype=torch.int32)
    tensors[f"{name}.scales"] = torch.ones(1, weight.shape[0], dtype=torch.float16)


def _as_fp8(tensors: dict[str, torch.Tensor]) -> None:
    name = "model.layers.0.mlp.up_proj.weight"
    tensors[name] = tensors[name].to(torch.float8_e4m3fn)


@pytest.mark.parametrize(
    ("method", "change"),
    [("gptq", _as_gptq), ("awq", _as_gptq), ("fp8", _as_fp8), ("bitsandbytes", None), ("compressed-tensors", None)],
)
def test_quantized_weights_are_refused(base: Path, method: str, change: Any) -> None:
    if change:
        change_weights(base, change)
    set_config(base, quantization_config={"quant_method": method, "bits": 4})
    assert f"are quantized ({method})" in refuse(base)


@pytest.mark.parametrize("change", [_as_gptq, _as_fp8])
def test_quantized_weights_are_found_without_a_word_in_the_configuration(base: Path, change: Any) -> None:
    change_weights(base, change)
    assert "model.layers.0.mlp.up_proj" in refuse(base)


def test_a_missing_tensor_is_not_made_up(base: Path) -> None:
    change_weights(base, lambda tensors: tensors.pop("model.layers.1.self_attn.q_proj.weight"))
    message = refuse(base)
    assert "lack 1 of the weights of LlamaForCausalLM, such as model.layers.1.self_attn.q_proj.weight" in message


def test_a_missing_shard_is_a_plain_error(base: Path) -> None:
    network.load(base, torch.float32, "sdpa").save_pretrained(base, max_shard_size="40KB")
    (base / "model.safetensors").unlink()
    sorted(base.glob("model-*.safetensors"))[0].unlink()
    assert "lack" in refuse(base) or "cannot be read" in refuse(base)


def test_code_of_a_model_is_neither_run_nor_asked_about(base: Path) -> None:
    set_config(base, model_type="mine", auto_map={"AutoModelForCausalLM": "mine.Mine", "AutoConfig": "mine.Config"})
    (base / "mine.py").write_text("raise SystemExit('run')")
    assert "'mine' of the model in" in (message := refuse(base))
    assert "needs Python code of its own (auto_map), which is never run" in message


def test_code_of_a_tokenizer_is_not_run_either(base: Path) -> None:
    set_config(base, "tokenizer_config.json", tokenizer_class="Mine", auto_map={"AutoTokenizer": ["mine.Mine", None]})
    (base / "mine.py").write_text("raise SystemExit('run')")
    with pytest.raises(UsageError, match=r"needs Python code of its own \(auto_map\), which is never run") as caught:
        models.require_trainable(base)
    assert "remove auto_map and tokenizer_class from tokenizer_config.json" in caught.value.fix
    set_config(base, "tokenizer_config.json", tokenizer_class=None, auto_map=None)
    models.require_trainable(base)


@pytest.mark.parametrize(
    ("kind", "words"), [("bert", "reads text in both directions"), ("xlnet", "reads text in both directions")]
)
def test_what_cannot_write_text_is_refused(kind: str, words: str, base: Path) -> None:
    folder = zoo.write(kind, base.with_name(kind))
    assert words in refuse(folder)


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("t5", "T5ForConditionalGeneration", "is an encoder-decoder"),
        ("bart", "BartForConditionalGeneration", "is an encoder-decoder"),
        ("whisper", "WhisperForConditionalGeneration", "is an encoder-decoder"),
        ("qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration", "is no causal language model of transformers. It reads"),
        ("llava", "LlavaForConditionalGeneration", "is no causal language model of transformers. It reads"),
        ("vit", "ViTForImageClassification", "is no causal language model of transformers"),
        ("llama", "LlamaForSequenceClassification", "are those of LlamaForSequenceClassification"),
    ],
)
def test_other_models_are_refused_by_their_configuration(base: Path, kind: str, name: str, words: str) -> None:
    set_config(base, model_type=kind, architectures=[name])
    assert words in refuse(base)


def test_an_adapter_in_the_folder_is_not_put_on_the_model(base: Path) -> None:
    (base / "adapter_config.json").write_text("{}")
    assert "holds an adapter, too" in refuse(base)


@pytest.mark.parametrize("kind", [["llama"], {"a": 1}, None])
def test_an_architecture_has_a_name(kind: Any, base: Path) -> None:
    set_config(base, model_type=kind)
    assert "is unknown" in refuse(base)


def test_attention_in_both_directions_is_refused(base: Path) -> None:
    folder = zoo.write("gemma3_text", base.with_name("gemma"), use_bidirectional_attention=True)
    assert "reads text in both directions" in refuse(folder)


def test_tokens_that_the_model_does_not_have_are_refused(base: Path) -> None:
    folder = zoo.write("llama", base.with_name("short"), vocab_size=259)
    with pytest.raises(UsageError, match=r"such as '<.assistant.>': the model has 259 tokens"):
        models.require_trainable(folder)


@pytest.mark.parametrize("change", [{"vocab_size": 300}, {"intermediate_size": 128}])
def test_weights_of_other_sizes_than_the_configuration_says(change: dict[str, Any], base: Path) -> None:
    set_config(base, **change)
    assert "have weights of other sizes than config.json says, such as " in refuse(base)


def test_a_model_that_is_changed_when_it_is_read(base: Path) -> None:
    assert "the embedding of token 256" in refuse(zoo.write("youtu", base.with_name("youtu"), pad_token_id=zoo.PAD))


def test_a_negative_size_is_refused(base: Path) -> None:
    set_config(base, num_hidden_layers=-2)
    with pytest.raises(UsageError, match="num_hidden_layers is -2"):
        models.require_trainable(base)


def test_a_weight_that_is_stored_as_numbers_of_a_code(base: Path) -> None:
    """Without the name that the known quantizations have."""
    folder = zoo.write("gpt_oss", base.with_name("experts"))
    change_weights(
        folder, lambda t: t.update({name: t[name].to(torch.uint8) for name in t if name.endswith("down_proj")})
    )
    with pytest.raises(UsageError, match=r"are quantized, for example .*down_proj"):
        models.require_trainable(folder)


# Trained, exported and graded.


def test_an_attention_function_that_the_configuration_names(base: Path) -> None:
    set_config(base, _attn_implementation="flash_attention_2")
    train_and_grade(base, LORA, FULL)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_precise_weights_are_trained_in_bfloat16(dtype: str, tmp_path: Path) -> None:
    """The training rounds them, which is farther than few small steps move them."""
    base, config = zoo.write("llama", tmp_path / "base", dtype=dtype), FULL.model_copy(update={"learning_rate": 1e-6})
    on = Compute("cpu", "bfloat16", "eager", "test")
    result = train(tokenize(ROWS, base, max_length=64).examples, config, base, tmp_path / "weights", on=on)
    export(base, tmp_path / "weights", tmp_path / "out")
    assert lineage.faults(base, tmp_path / "out", config, result.steps) == []
    change_weights(tmp_path / "out", lambda t: t["model.norm.weight"].add_(0.1))
    assert "model.norm.weight: moved by" in lineage.faults(base, tmp_path / "out", config, result.steps)[0]


@pytest.mark.parametrize(
    "change", [{"return_dict": False}, {"output_attentions": True}, {"output_hidden_states": True}], ids=str
)
def test_what_a_configuration_says_of_outputs(change: dict[str, Any], base: Path) -> None:
    plain = TransformersEngine(base).generate([row.prompt for row in ROWS], max_new_tokens=4)
    set_config(base, **change)
    assert TransformersEngine(base).generate([row.prompt for row in ROWS], max_new_tokens=4) == plain
    train_and_grade(base, LORA)


def test_masks_and_frequencies_of_older_versions_stay(tmp_path: Path) -> None:
    llama, gpt2 = (zoo.write(kind, tmp_path / kind / "base") for kind in ("llama", "gpt2"))
    change_weights(llama, lambda t: t.update({"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}))
    mask = torch.ones(1, 1, 8, 8, dtype=torch.uint8)
    change_weights(gpt2, lambda t: t.update({"transformer.h.0.attn.bias": mask}))
    for folder in (llama, gpt2):
        assert headers(train_and_grade(folder, LORA)).keys() == headers(folder).keys()


@pytest.mark.parametrize(("kind", "key"), [("gpt2", "n_positions"), ("gpt_neo", "max_position_embeddings")])
def test_answers_end_with_the_positions_of_the_model(kind: str, key: str, tmp_path: Path) -> None:
    """In batches, and one at a time: as long as in a model that has more positions."""
    short = zoo.write(kind, tmp_path / "short")
    long = zoo.write(kind, tmp_path / "long")
    name = "transformer.wpe.weight"
    change_weights(short, lambda t: t.update({name: t[name][:48].clone()}))
    positions: dict[str, Any] = {key: 48}
    set_config(short, **positions)
    prompts = [[{"role": "user", "content": "x" * length}] for length in (5, 40, 60)]
    found = TransformersEngine(short).generate(prompts, max_new_tokens=12)
    expected = TransformersEngine(long).generate(prompts, max_new_tokens=12)
    assert found[0] == expected[0]
    assert expected[1].text.startswith(found[1].text)
    assert found[1].n_tokens <= 48 - 43, "its prompt has 43 tokens"
    assert (found[2].text, found[2].n_tokens, found[2].truncated) == ("", 0, True)


def test_an_index_next_to_all_weights_in_one_file(base: Path) -> None:
    """transformers reads the single file."""
    shards = base.with_name("shards")
    network.load(base, torch.float32, "sdpa").save_pretrained(shards, max_shard_size="40KB")
    for path in shards.glob("model*"):
        shutil.copy(path, base)
    for path in base.glob("model-*.safetensors"):
        save_file({name: tensor + 1 for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})
    out = train_and_grade(base, LORA)
    before, after = load_file(base / "model.safetensors"), load_file(out / "model.safetensors")
    assert torch.equal(before["model.norm.weight"], after["model.norm.weight"])


@pytest.mark.parametrize("kind", ["llama", "falcon"])
def test_settings_of_generation_do_not_change_greedy_answers(kind: str, tmp_path: Path) -> None:
    """Also not those of a model that answers with the library's own loop, such as Falcon."""
    folder = zoo.write(kind, tmp_path / "model")
    prompts = [row.prompt for row in ROWS]
    plain = TransformersEngine(folder).generate(prompts, max_new_tokens=8)
    set_config(folder, "generation_config.json", repetition_penalty=3.0, suppress_tokens=[1, 2, 3], min_new_tokens=4)
    assert TransformersEngine(folder).generate(prompts, max_new_tokens=8) == plain


def test_code_that_the_library_has_by_now_is_not_needed(base: Path) -> None:
    set_config(base, auto_map={"AutoModelForCausalLM": "old.Old", "AutoConfig": "old.Config"})
    out = train_and_grade(base, LORA, FULL)
    assert "auto_map" not in json.loads((out / "config.json").read_text())


def test_a_second_copy_in_another_form_is_left_alone(base: Path) -> None:
    save_file({"tok_embeddings.weight": torch.zeros(3, 3)}, base / "consolidated.safetensors")
    out = train_and_grade(base, LORA, FULL)
    assert headers(out).keys() == headers(base).keys()
    assert models.describe(base).parameters == models.describe(out).parameters


def test_shards(base: Path) -> None:
    network.load(base, torch.float32, "sdpa").save_pretrained(base, max_shard_size="40KB")
    (base / "model.safetensors").unlink()
    save_file({"tok_embeddings.weight": torch.zeros(3, 3)}, base / "consolidated.safetensors")
    train_and_grade(base, LORA, FULL)


def test_every_tensor_keeps_its_precision(base: Path) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        for name, tensor in tensors.items():
            tensors[name] = tensor.to(torch.float32 if "norm" in name else torch.bfloat16)

    change_weights(base, change)
    out = train_and_grade(base, LORA, FULL)
    assert {n: t["dtype"] for n, t in headers(out).items()} == {n: t["dtype"] for n, t in headers(base).items()}


def test_a_tied_matrix_that_is_stored_twice(base: Path) -> None:
    set_config(base, tie_word_embeddings=True)
    change_weights(base, lambda t: t.update({"lm_head.weight": t["model.embed_tokens.weight"].clone()}))
    out = train_and_grade(base, LORA, FULL)
    tensors = load_file(out / "model.safetensors")
    assert torch.equal(tensors["lm_head.weight"], tensors["model.embed_tokens.weight"])
    assert not torch.equal(tensors["lm_head.weight"], load_file(base / "model.safetensors")["lm_head.weight"])


def test_tied_matrices_that_differ_are_refused(base: Path) -> None:
    set_config(base, tie_word_embeddings=True)
    with pytest.raises(UsageError, match="but their stored values differ"):
        models.require_trainable(base)


def test_tensors_that_the_network_does_not_use_stay(base: Path) -> None:
    change_weights(base, lambda t: t.update({"model.layers.9.mtp.weight": torch.ones(2, 2)}))
    out = train_and_grade(base, LORA, FULL)
    assert headers(out).keys() == headers(base).keys()


def test_a_pad_token_that_the_embedding_does_not_have(base: Path) -> None:
    rows = 260
    set_config(base, vocab_size=rows, pad_token_id=None)
    change_weights(
        base, lambda t: t.update({n: t[n][:rows].clone() for n in ("model.embed_tokens.weight", "lm_head.weight")})
    )
    tokenizer = json.loads((base / "tokenizer.json").read_text())
    extra = {**tokenizer["added_tokens"][0], "id": 300, "content": "<|fill|>"}
    tokenizer["added_tokens"].append(extra)
    (base / "tokenizer.json").write_text(json.dumps(tokenizer))
    set_config(base, "tokenizer_config.json", pad_token="<|fill|>")
    assert models.Chat(base).pad >= rows
    prompts = [[{"role": "user", "content": "x" * n}] for n in (1, 9)]
    assert len(TransformersEngine(base).generate(prompts, max_new_tokens=3)) == 2


def test_what_the_configuration_leaves_out_has_the_default_of_the_library(tmp_path: Path) -> None:
    folder = zoo.write("gemma", tmp_path / "gemma", head_dim=256)  # the default
    before = models.describe(folder)
    set_config(folder, head_dim=None)
    assert models.describe(folder) == before
    train_and_grade(folder, LORA)


@pytest.mark.parametrize("part", [None, "text_config"])
def test_end_tokens_that_the_configuration_alone_names(part: str | None, base: Path) -> None:
    """As the library has it: settings of generation come first, if there is a file with them."""
    ends = [zoo.END, ord("!")]
    set_config(base, **({part: {"eos_token_id": ends}, "eos_token_id": None} if part else {"eos_token_id": ends}))
    set_config(base, "generation_config.json", eos_token_id=zoo.END)
    assert models.Chat(base).stops == {zoo.END}
    (base / "generation_config.json").unlink()
    assert models.Chat(base).stops == set(ends)


def test_sizes_by_other_names(tmp_path: Path) -> None:
    info = models.describe(zoo.write("gpt2", tmp_path / "gpt2"))
    assert (info.layers, info.hidden_size, info.heads, info.context_length) == (2, 32, 4, 256)


def _write_vision(kind: str, folder: Path) -> Path:
    """Write a tiny checkpoint that reads images, or sound, whose text part is one of the zoo."""
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma4Config,
        Gemma4ForConditionalGeneration,
        Qwen3_5Config,
        Qwen3_5ForConditionalGeneration,
    )

    torch.manual_seed(0)
    if kind == "gemma3":
        vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        whole: Any = Gemma3ForConditionalGeneration(
            Gemma3Config(
                text_config=zoo.configure("gemma3_text").to_dict(),
                vision_config={**vision, "image_size": 28, "patch_size": 14},
                mm_tokens_per_image=4,
                image_token_index=270,
                boi_token_index=268,
                eoi_token_index=269,
            )
        )
    elif kind == "gemma4":  # its part for sound has no sdpa
        sound = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "output_proj_dims": 32}
        whole = Gemma4ForConditionalGeneration(
            Gemma4Config(
                text_config=zoo.configure("gemma4_text").to_dict(),
                vision_config=None,
                audio_config={**sound, "subsampling_conv_channels": (8, 8)},
                image_token_id=266,
                video_token_id=267,
                audio_token_id=268,
            )
        )
    else:
        vision = {"hidden_size": 16, "intermediate_size": 16, "depth": 1, "num_heads": 2, "patch_size": 4}
        whole = Qwen3_5ForConditionalGeneration(
            Qwen3_5Config(
                text_config=zoo.configure("qwen3_5_text").to_dict(),
                vision_config={**vision, "out_hidden_size": 32},
                image_token_id=270,
                video_token_id=271,
                vision_start_token_id=268,
                vision_end_token_id=269,
            )
        )
    whole.save_pretrained(folder)
    zoo.write_tokenizer(folder)
    return folder


@pytest.mark.parametrize("kind", ["gemma3", "gemma4"])
def test_a_model_with_other_parts_that_is_loaded_whole(kind: str, tmp_path: Path) -> None:
    base = _write_vision(kind, tmp_path / "base")
    set_config(base, text_config={**json.loads((base / "config.json").read_text())["text_config"], "dtype": "bfloat16"})
    out = train_and_grade(base, LORA, FULL)
    assert headers(out).keys() == headers(base).keys()


def test_a_vision_model_whose_text_part_alone_is_loaded_is_refused(tmp_path: Path) -> None:
    base = _write_vision("qwen3_5", tmp_path / "base")
    with pytest.raises(UsageError, match="saves them in another form") as caught:
        models.require_trainable(base)
    assert "AutoModelForCausalLM" in caught.value.fix
