"""Every architecture gives what plain transformers and peft give, row by row: loss, gradients, answers, exports.

All are tiny and random, in float32 on a CPU. `make test-models` runs all of them; the quick tests run one of each kind.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

import model_zoo as zoo
from ftdojo import models
from ftdojo.contract.row import Row
from ftdojo.contract.train_config import Lora, TrainConfig
from ftdojo.errors import InputError
from ftdojo.inference.engine import TransformersEngine
from ftdojo.models import Compute, attention, network, prefix
from ftdojo.models.architectures import BATCHED, runs_batched
from ftdojo.training import export, tokenize
from ftdojo.training.sft import lineage
from ftdojo.training.sft.batches import collate
from ftdojo.training.sft.loss import label_loss
from ftdojo.training.sft.tokens import IGNORED, Example
from ftdojo.training.sft.trainer import train
from tiny import network_to_train

ON = Compute("cpu", "float32", "sdpa", "test")
QUICK = ["qwen3", "gpt_oss", "mixtral", "gemma3_text", "deepseek_v3", "recurrent_gemma"]
"""One dense model, one with sliding windows and without sdpa, one with experts; one with windows in batches, one with
compressed keys and values, and one with recurrent layers."""
LONG = [kind for kind in (*zoo.KINDS, *zoo.VARIANTS) if kind not in QUICK]
ROWS = [
    Row(({"role": "user", "content": f"Say what follows {n}: {'ab' * (n % 4)}"},), f"one two {'x' * (n % 3)}{n}")
    for n in range(6)
]
"""Longer than the windows of the models, of different lengths, with a common beginning."""
SHARED = {"batch_size": 3, "epochs": 1, "max_length": 64}
CONFIGS = {
    "full": TrainConfig(method="full", learning_rate=1e-3, **SHARED),
    "lora": TrainConfig(method="lora", learning_rate=1e-2, lora=Lora(rank=2, alpha=4), **SHARED),
}


@pytest.fixture(scope="module", params=[*QUICK, *(pytest.param(kind, marks=pytest.mark.slow) for kind in LONG)])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not zoo.is_known(request.param):
        pytest.skip("this version of transformers does not have it")
    return zoo.write(request.param, tmp_path_factory.mktemp(request.param) / "base")


def plain(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    with network.quiet():
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def plain_adapted(folder: Path, config: TrainConfig) -> Any:
    from peft import LoraConfig, get_peft_model

    assert config.adapter
    settings = LoraConfig(
        r=config.adapter.rank, lora_alpha=config.adapter.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    torch.manual_seed(config.seed)
    with network.quiet():
        return get_peft_model(plain(folder), settings)


def plain_loss(loaded: Any, examples: list[Example]) -> torch.Tensor:
    total, count = torch.zeros(()), 0
    for example in examples:
        logits = loaded(input_ids=torch.tensor([example.input_ids]), use_cache=False).logits[0, :-1]
        labels = torch.tensor(example.labels[1:])
        total = total + cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
        count += int((labels != IGNORED).sum())
    return total / count


def our_loss(loaded: Any, base: Path, examples: list[Example]) -> torch.Tensor:
    share = runs_batched(loaded.config) and attention.supports_packing(loaded) and prefix.can_share(loaded.config)
    pad = network.usable_pad(loaded, models.Chat(base).pad)
    total, count = label_loss(loaded, collate(examples, pad, share=share))
    return total / count


def spread_adapters(loaded: Any) -> None:
    """Give the second matrices of adapters, which begin as zero, the same random values."""
    generator = torch.Generator().manual_seed(1)
    for name, parameter in sorted(loaded.named_parameters()):
        if "lora_B" in name:
            parameter.data = 0.05 * torch.randn(parameter.shape, generator=generator)


def adapters_fit(base: Path) -> bool:
    """Whether peft can train and merge adapters on all linear modules; if not, the training says so at once."""
    from ftdojo.training.sft.method import Sft

    findings = list(Sft().check_config(CONFIGS["lora"], base))
    if not findings:
        return True
    assert findings[0].code == "bad_targets"
    with pytest.raises(InputError, match=r"lora\.targets"):
        network_to_train(base, CONFIGS["lora"], ON)
    return False


@pytest.mark.parametrize("method", ["full", "lora"])
def test_loss_and_gradients(base: Path, method: str) -> None:
    models.require_trainable(base)
    config = CONFIGS[method]
    if method == "lora" and not adapters_fit(base):
        return
    ours = network_to_train(base, config, ON).train()
    theirs = (plain_adapted(base, config) if method == "lora" else plain(base)).train()
    for loaded in (ours, theirs):
        spread_adapters(loaded)
    examples = list(tokenize(ROWS, base, max_length=64).examples)
    found, expected = our_loss(ours, base, examples), plain_loss(theirs, examples)
    assert float(found) == pytest.approx(float(expected), abs=1e-5)
    torch.autograd.backward([found, expected])
    gradients = [{n: p.grad for n, p in m.named_parameters() if p.grad is not None} for m in (ours, theirs)]
    assert gradients[0].keys() == gradients[1].keys()
    norm = sum(float(g.norm()) ** 2 for g in gradients[1].values()) ** 0.5
    assert max(float((gradients[0][n] - g).norm()) for n, g in gradients[1].items()) < 2e-4 * norm


def test_greedy_answers(base: Path) -> None:
    from transformers import GenerationConfig

    chat, theirs = models.Chat(base), plain(base).eval()
    found = TransformersEngine(base, ON).generate([row.prompt for row in ROWS], max_new_tokens=12)
    settings = GenerationConfig(do_sample=False, max_new_tokens=12, eos_token_id=sorted(chat.stops), pad_token_id=0)
    for row, answer in zip(ROWS, found, strict=True):
        tokens = torch.tensor([chat.prompt(row.prompt)])
        with network.quiet():
            made = theirs.generate(tokens, attention_mask=torch.ones_like(tokens), generation_config=settings)
        expected = made[0, tokens.shape[1] :].tolist()
        assert answer.text == chat.decode([token for token in expected if token not in chat.stops])


@pytest.mark.parametrize("method", ["full", "lora"])
def test_export_and_lineage(base: Path, method: str, tmp_path: Path) -> None:
    from peft import PeftModel

    config = CONFIGS[method]
    if method == "lora" and not adapters_fit(base):
        return
    examples = tokenize(ROWS, base, max_length=64).examples
    result = train(examples, config, base, tmp_path / "trained", on=ON)
    export(base, tmp_path / "trained", tmp_path / "out")
    assert lineage.faults(base, tmp_path / "out", config, result.steps) == []
    with network.quiet():
        trained = plain(tmp_path / "trained") if method == "full" else plain(base)
        if method == "lora":
            warnings.filterwarnings("error", "Found missing adapter keys")  # else both sides would lack them
            trained = PeftModel.from_pretrained(trained, tmp_path / "trained")
    tokens = torch.tensor([examples[0].input_ids])
    with torch.no_grad():
        before, expected, found = (
            loaded.eval()(tokens, use_cache=False).logits for loaded in (plain(base), trained, plain(tmp_path / "out"))
        )
    assert float((found - expected).norm()) < 1e-4 * float(expected.norm())
    assert float((found - before).norm()) > 1e-6 * float(before.norm())


def test_every_architecture_that_runs_in_batches_is_in_the_matrix() -> None:
    assert set(zoo.KINDS) >= BATCHED


def test_the_documentation_names_what_runs_in_batches() -> None:
    page = (Path(__file__).parents[2] / "docs/models.md").read_text("utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| apertus")]
    assert set(row.strip("| ").split(", ")) == BATCHED
