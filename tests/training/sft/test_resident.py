"""Trainings with a network that is lent, and trained models that answer in memory: as with one that is loaded."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

import model_zoo as zoo
from ftdojo import digest
from ftdojo.contract.train_config import TrainConfig
from ftdojo.gates import open_trained
from ftdojo.inference import ENGINES, TRANSFORMERS, Generation, open_engine, open_model
from ftdojo.inference.sampled import Ask, SampledModel
from ftdojo.models import compute
from ftdojo.models.info import INDEX
from ftdojo.models.resident import Resident
from ftdojo.models.tensors import StoredTensors
from ftdojo.training import copy_text_files, export, trainer_of
from ftdojo.training.sft.export import _write_whole
from ftdojo.training.sft.forecast import forecast
from ftdojo.training.sft.trainer import train
from training.dpo.test_method import config as dpo_config
from training.dpo.test_method import pairs
from training.sft.test_trainer import COARSE, SINGLE, config, examples

LORA = config(method="lora", learning_rate=3e-2, epochs=2, lora={"dropout": 0.1}, eval_fraction=0.2, patience=2)
SUBSET = config(method="lora", learning_rate=3e-2, epochs=2, lora={"targets": ["q_proj", "down_proj"], "rank": 4})
FULL = config(epochs=2)
PROMPTS: list[Any] = [[{"role": "user", "content": f"Question {i}: the colour of Ann?"}] for i in range(3)]


def run(base: Path, settings: Any, out: Path, resident: Resident | None, on: Any) -> str:
    """Train, and return the digest of what was written."""
    trainer: Any = trainer_of(settings)
    made = examples(base, 12) if isinstance(settings, TrainConfig) else pairs(base, 12)
    train(made, settings, base, out, objective=trainer.objective(settings), on=on, resident=resident)
    return digest.of_folder(out)


@pytest.mark.parametrize("on", [SINGLE, COARSE])
def test_a_training_writes_the_same_bytes_after_other_uses(tiny_model: Path, tmp_path: Path, on: Any) -> None:
    settings = [LORA, FULL, dpo_config(weights="lora", epochs=1)]
    settings += [config(method="qlora", epochs=1)] if on is SINGLE else []
    fresh = [run(tiny_model, s, tmp_path / f"fresh{i}", None, on) for i, s in enumerate(settings)]
    resident = Resident()
    for i in (*range(len(settings)), 0):
        out = tmp_path / f"lent{i}"
        assert run(tiny_model, settings[i], out, resident, on) == fresh[i]
        if settings[i] in (LORA, FULL):
            forecast(examples(tiny_model, 12), settings[i], tiny_model, on=on, resident=resident)
            with open_trained(ENGINES.load(TRANSFORMERS), trainer_of(settings[i]), tiny_model, out, resident) as engine:
                engine.generate(PROMPTS, max_new_tokens=2)


def rewrite(base: Path, folder: Path, dtype: torch.dtype, *, odd: bool) -> Path:
    """A copy of the tiny model in another precision. An odd one has several files, a second copy of the tied tensor and
    one that is not used; another one has an output layer of its own, unless it is in float32."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype)
    if not odd and dtype != torch.float32:
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().flip(0).clone())
    model.save_pretrained(folder, max_shard_size="300KB" if odd else "1GB")
    copy_text_files(base, folder)
    if odd:
        index = json.loads((folder / INDEX).read_text())
        extra = {"lm_head.weight": model.lm_head.weight.detach().clone(), "unused.weight": torch.ones(3, dtype=dtype)}
        save_file(extra, folder / "more.safetensors")
        index["weight_map"] |= dict.fromkeys(extra, "more.safetensors")
        (folder / INDEX).write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize(
    ("dtype", "odd"), [(torch.float32, False), (torch.bfloat16, True), (torch.float16, False)], ids=str
)
def test_what_is_merged_in_memory_is_what_is_exported(
    tiny_model: Path, tmp_path: Path, dtype: torch.dtype, odd: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, resident = rewrite(tiny_model, tmp_path / "base", dtype, odd=odd), Resident()
    for i, settings in enumerate((LORA, SUBSET, FULL)):
        trained, merged, trainer = tmp_path / f"t{i}", tmp_path / f"m{i}", trainer_of(settings)
        run(base, settings, trained, resident, compute())
        _write_whole(base, trained, merged)  # by peft and transformers, with all of it in memory
        copy_text_files(base, merged)
        export(base, trained, tmp_path / f"e{i}")
        assert digest.of_folder(tmp_path / f"e{i}") == digest.of_folder(merged)
        changed, written, before = trainer.changed_tensors(base, trained), StoredTensors(merged), StoredTensors(base)
        assert changed is not None
        assert all(changed[name].equal(written[name]) for name in changed)
        assert all(before[n].equal(written[n]) for n in written if n not in changed and n != "lm_head.weight")
        assert any(not changed[name].equal(before[name]) for name in changed)
        with open_engine(TRANSFORMERS, merged) as engine:
            exported = engine.generate(PROMPTS, max_new_tokens=8)
        with open_trained(ENGINES.load(TRANSFORMERS), trainer, base, trained, resident) as engine:
            assert engine.generate(PROMPTS, max_new_tokens=8) == exported
    if odd:
        monkeypatch.setattr("ftdojo.training.sft.export.MAX_FILE", 10**5)
        export(base, trained, tmp_path / "files")
        assert len(list((tmp_path / "files").glob("*.safetensors"))) == len(list(base.glob("*.safetensors")))
        with open_engine(TRANSFORMERS, tmp_path / "files") as engine:
            assert engine.generate(PROMPTS, max_new_tokens=8) == exported


class FOLDERS:
    """An engine that opens folders alone, as those have that were written before there was more."""

    identity, open = "folders-1", staticmethod(partial(open_engine, TRANSFORMERS))


def count_exports(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    from ftdojo.training.sft import method

    written: list[Path] = []

    def counted(base: Path, trained: Path, out: Path) -> None:
        written.append(out)
        export(base, trained, out)

    monkeypatch.setattr(method, "export", counted)
    return written


def test_a_model_that_recipes_ask_answers_in_memory_as_from_a_folder(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, resident = count_exports(monkeypatch), Resident()
    run(tiny_model, LORA, tmp_path / "trained", resident, compute())

    def answers(lends: Resident | None) -> list[Generation]:
        trainer = trainer_of(LORA)
        with open_trained(SampledModel, trainer, tiny_model, tmp_path / "trained", lends) as model:
            prompts = [model.encode(prompt) for prompt in PROMPTS]
            return model.answer([Ask(prompt, 8, 1.0, seed) for prompt in prompts for seed in (1, 2)], lambda: False)

    def base() -> list[Generation]:
        with open_model(SampledModel, tiny_model, resident) as model:
            return model.answer([Ask(model.encode(PROMPTS[0]), 8, None, 0)], lambda: False)

    before, in_memory = base(), answers(resident)
    assert not written
    assert answers(None) == in_memory
    assert len(written) == 1
    assert base() == before


def test_what_cannot_be_merged_in_memory_is_exported(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an engine that opens folders, and experts, which have one tensor in the network and several in the file."""
    written = count_exports(monkeypatch)

    def answers(base: Path, settings: Any, resident: Resident | None, engine: str = TRANSFORMERS) -> Any:
        with open_trained(ENGINES.load(engine), trainer_of(settings), base, tmp_path / base.name, resident) as opened:
            return opened.generate(PROMPTS, max_new_tokens=8)

    run(tiny_model, LORA, tmp_path / tiny_model.name, None, SINGLE)
    in_memory = answers(tiny_model, LORA, Resident())
    assert not written
    assert answers(tiny_model, LORA, None) == in_memory
    assert answers(tiny_model, LORA, Resident(), "training.sft.test_resident:FOLDERS") == in_memory
    assert len(written) == 2
    experts = zoo.write("qwen3_moe", tmp_path / "base" / "experts")
    for settings in (config(method="lora", epochs=1), FULL):
        run(experts, settings, tmp_path / experts.name, None, SINGLE)
        exported = answers(experts, settings, None)
        assert answers(experts, settings, Resident()) == exported
        shutil.rmtree(tmp_path / experts.name)
    assert len(written) == 6
