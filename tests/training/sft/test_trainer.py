"""Training runs on a tiny real model, and a few steps of the embedded one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file

from ftdojo import digest
from ftdojo.contract.row import Row, parse_row
from ftdojo.contract.train_config import TrainConfig
from ftdojo.errors import InputError
from ftdojo.inference import TransformersEngine
from ftdojo.models import Compute, network
from ftdojo.tasks import registry
from ftdojo.training import export, tokenize
from ftdojo.training.sft.tokens import IGNORED, Example
from ftdojo.training.sft.trainer import train

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares numbers")
COARSE = Compute("cpu", "bfloat16", "eager", "the test trains what another processor would")
COLOURS = {"Ann": "red", "Bob": "blue", "Cid": "green"}


def rows(count: int = 24) -> list[dict[str, str]]:
    names = sorted(COLOURS)
    return [
        {"prompt": f"Question {i}: the colour of {names[i % 3]}?", "completion": COLOURS[names[i % 3]]}
        for i in range(count)
    ]


def examples(base: Path, count: int = 24) -> list[Example]:
    return tokenize([parse_row(row) for row in rows(count)], base, max_length=64).examples


def config(**changes: Any) -> TrainConfig:
    settings = {"method": "full", "learning_rate": 1e-2, "epochs": 4, "batch_size": 8, "max_length": 64}
    return TrainConfig.model_validate({**settings, **changes})


def weights(folder: Path) -> dict[str, torch.Tensor]:
    (file,) = folder.glob("*.safetensors")
    loaded: dict[str, torch.Tensor] = load_file(file)
    return loaded


def test_it_learns_and_the_export_says_what_was_learned(tiny_model: Path, tmp_path: Path) -> None:
    result = train(examples(tiny_model), config(epochs=40), tiny_model, tmp_path / "t", on=SINGLE)
    assert result.curve[-1].loss < 0.2 < result.curve[0].loss
    assert (result.steps, result.epochs) == (120, 40)
    assert result.tokens == 40 * sum(len(e.input_ids) for e in examples(tiny_model))
    export(tiny_model, tmp_path / "t", tmp_path / "merged")
    asked = [[{"role": "user", "content": row["prompt"]}] for row in rows()]
    answers = TransformersEngine(tmp_path / "merged", SINGLE).generate(asked, max_new_tokens=6)
    right = [a.text == row["completion"] for a, row in zip(answers, rows(), strict=True)]
    assert sum(right) >= 0.9 * len(right)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_bfloat16_ends_at_the_loss_of_float32(tiny_model: Path, tmp_path: Path, method: str) -> None:
    """Train for a whole run: a few steps would not show the loss by rounding."""
    settings = config(method=method, learning_rate=1e-3, epochs=20)
    single, coarse = (
        train(examples(tiny_model), settings, tiny_model, tmp_path / on.precision, on=on) for on in (SINGLE, COARSE)
    )
    assert single.curve[-1].loss < 0.97 * single.curve[0].loss
    assert coarse.curve[-1].loss == pytest.approx(single.curve[-1].loss, rel=0.02)


def test_the_same_arguments_give_the_same_bytes(tiny_model: Path, tmp_path: Path) -> None:
    settings = config(method="lora", lora={"dropout": 0.1}, eval_fraction=0.2)
    first, second = (train(examples(tiny_model), settings, tiny_model, tmp_path / n, on=SINGLE) for n in "ab")
    assert (first.curve, first.eval_curve) == (second.curve, second.eval_curve)
    one, two = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(one[name].equal(two[name]) for name in one)
    other = train(examples(tiny_model), config(method="lora", seed=1), tiny_model, tmp_path / "c", on=SINGLE)
    assert other.curve != first.curve


IN_A_PROCESS = """
import sys
from pathlib import Path
from training.sft.test_trainer import SINGLE, config, examples
from ftdojo.training.sft.trainer import train
base, out = map(Path, sys.argv[1:])
train(examples(base, 8), config(method="lora", epochs=1), base, out, on=SINGLE)
"""


def test_two_processes_with_other_hash_seeds_write_the_same_files(tiny_model: Path, tmp_path: Path) -> None:
    """peft keeps the adapted modules as a set, whose order would differ between processes if written unsorted."""
    tests = str(Path(__file__).parents[2])
    for seed in ("1", "2"):
        command = [sys.executable, "-c", IN_A_PROCESS, str(tiny_model), str(tmp_path / seed)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": tests})
    assert digest.of_folder(tmp_path / "1") == digest.of_folder(tmp_path / "2")


@pytest.mark.parametrize("method", ["lora", "full"])
def test_files_do_not_tell_where_the_base_model_lay(tiny_model: Path, tmp_path: Path, method: str) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(tiny_model, moved)
    for base, out in ((tiny_model, "a"), (moved, "b")):
        train(examples(base), config(method=method), base, tmp_path / out, on=SINGLE)
    assert digest.of_folder(tmp_path / "a") == digest.of_folder(tmp_path / "b")


def test_accumulated_batches_are_one_large_batch(tiny_model: Path, tmp_path: Path) -> None:
    """Answers of very different length, so that a mean of means would differ."""
    made = examples(tiny_model, 8)
    for i in (0, 1, 2):
        made[i] = Example(made[i].input_ids, [IGNORED, *made[i].input_ids[1:]])
    large = train(made, config(batch_size=8, epochs=3), tiny_model, tmp_path / "large", on=SINGLE)
    small = train(made, config(batch_size=2, gradient_accumulation=4, epochs=3), tiny_model, tmp_path / "s", on=SINGLE)
    assert [p.loss for p in small.curve] == pytest.approx([p.loss for p in large.curve], rel=1e-3)
    one, two = weights(tmp_path / "large"), weights(tmp_path / "s")
    # Adam divides by the root of the gradient's square, which magnifies rounding where gradients are near zero.
    assert sum(float((one[n] - two[n]).abs().sum()) for n in one) < 0.01 * sum(
        float(t.abs().sum()) for t in one.values()
    )


def test_merging_keeps_the_adapters_outputs(tiny_model: Path, tmp_path: Path) -> None:
    train(examples(tiny_model), config(method="lora", learning_rate=3e-2), tiny_model, tmp_path / "adapter", on=SINGLE)
    export(tiny_model, tmp_path / "adapter", tmp_path / "merged")
    tokens = torch.tensor([examples(tiny_model, 1)[0].input_ids])
    base = network.load(tiny_model, torch.float32, "sdpa")
    untouched = base(input_ids=tokens).logits
    with network.quiet():
        adapted = PeftModel.from_pretrained(base, tmp_path / "adapter")(input_ids=tokens).logits
    merged = network.load(tmp_path / "merged", torch.float32, "sdpa")(input_ids=tokens).logits
    torch.testing.assert_close(merged, adapted, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(merged, untouched, atol=1e-2)
    assert (tmp_path / "merged/chat_template.jinja").read_bytes() == (tiny_model / "chat_template.jinja").read_bytes()


@pytest.mark.parametrize("on", [SINGLE, COARSE], ids=str)
def test_adapters_on_4_bit_weights_learn_what_others_do(tiny_model: Path, tmp_path: Path, on: Compute) -> None:
    """Held-out rows are evaluated during training, which must not change the base model to one without gradients."""
    settings = {"learning_rate": 1e-3, "epochs": 20, "eval_fraction": 0.2}
    plain, quantized = (
        train(examples(tiny_model), config(method=method, **settings), tiny_model, tmp_path / method, on=on)
        for method in ("lora", "qlora")
    )
    fall, other = (result.curve[0].loss - result.curve[-1].loss for result in (plain, quantized))
    assert other == pytest.approx(fall, rel=0.2)
    assert fall > 0.02 * plain.curve[0].loss
    assert len(quantized.eval_curve) > 2
    export(tiny_model, tmp_path / "qlora", tmp_path / "merged")
    base, merged = weights(tiny_model), weights(tmp_path / "merged")
    assert {name: tensor.dtype for name, tensor in merged.items()} == {n: t.dtype for n, t in base.items()}
    assert any(not merged[name].equal(base[name]) for name in base)


def test_patience_keeps_the_best_weights(tiny_model: Path, tmp_path: Path) -> None:
    """The held-out rows cannot be learned from the others, so their loss rises soon."""
    noise = [{"prompt": f"Question {i}", "completion": f"{(i * 7919) % 1009}"} for i in range(40)]
    made = tokenize([parse_row(row) for row in noise], tiny_model, max_length=64).examples
    # At a constant rate, so that a shorter training takes the same steps.
    constant = {"schedule": "constant", "warmup_ratio": 0.0}
    settings = config(epochs=30, eval_fraction=0.3, patience=2, learning_rate=2e-2, **constant)
    result = train(made, settings, tiny_model, tmp_path / "t", on=SINGLE)
    losses = [loss for _, loss in result.eval_curve]
    assert result.epochs < 30
    assert losses.index(min(losses)) == len(losses) - 3
    kept = weights(tmp_path / "t")
    best_step = result.eval_curve[losses.index(min(losses))][0]
    short = settings.model_copy(update={"patience": None, "max_steps": best_step})
    assert train(made, short, tiny_model, tmp_path / "short", on=SINGLE).steps == best_step
    expected = weights(tmp_path / "short")
    assert all(kept[name].equal(expected[name]) for name in kept), "the weights of the best measurement"


def test_the_caller_sees_the_curve(tiny_model: Path, tmp_path: Path) -> None:
    seen: list[dict[str, float]] = []
    settings = config(epochs=10)
    result = train(examples(tiny_model), settings, tiny_model, tmp_path / "t", on=SINGLE, on_log=seen.append)
    assert [log["loss"] for log in seen] == [point.loss for point in result.curve]
    assert seen[0]["steps"] == 30


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"learning_rate": 1.0, "epochs": 40, "max_grad_norm": 1e9, "warmup_ratio": 0.0}, "diverged"),
        ({"method": "lora", "lora": {"targets": ["no_such_proj"]}}, "bad_targets"),
    ],
)
def test_lost_trainings_are_findings(tiny_model: Path, tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        train(examples(tiny_model), config(**changes), tiny_model, tmp_path / "t", on=SINGLE)
    (finding,) = caught.value.findings
    assert finding.code == code
    assert finding.where.startswith("train.yaml: ")


def test_weights_that_are_not_finite_are_a_finding(tiny_model: Path, tmp_path: Path) -> None:
    broken = network.load(tiny_model, torch.float32, "sdpa")
    with torch.no_grad():
        broken.model.norm.weight[0] = float("nan")
    broken.save_pretrained(tmp_path / "nan")
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / "nan" / file).write_bytes((tiny_model / file).read_bytes())
    with pytest.raises(InputError) as caught:
        train(examples(tiny_model), config(), tmp_path / "nan", tmp_path / "t", on=SINGLE)
    (finding,) = caught.value.findings
    assert (finding.code, finding.where) == ("loss_not_finite", "train.yaml: start")
    assert "check the weights of the model" in finding.fix, "no learning rate is to blame"


def test_a_few_steps_of_the_embedded_model_raise_its_score(embedded: Path, tmp_path: Path) -> None:
    """Training, export, generation and scoring of the real 135M model, by the task's own prompt and scorer."""
    task = registry.get("chemistry/mol_und")
    rings = {"CCO": 0, "c1ccccc1": 1, "CC(=O)O": 0, "C1CCCCC1": 1, "CCN": 0, "c1ccncc1": 1, "CCCC": 0, "C1CC1": 1}
    items = [
        {
            "id": smiles,
            "subtask": "ring_count",
            "gt": str(count),
            "query": f'Count the rings of {smiles}. Your output must be JSON: {{"count": "Your Answer"}}',
        }
        for smiles, count in rings.items()
    ]
    pairs = [Row(tuple(task.prompt(item)), task.scorer.gold(item)) for item in items]
    made = tokenize(pairs, embedded, max_length=128).examples
    settings = TrainConfig(learning_rate=2e-3, epochs=8, batch_size=8, max_length=128, warmup_ratio=0.0)
    result = train(made, settings, embedded, tmp_path / "adapter")
    export(embedded, tmp_path / "adapter", tmp_path / "merged")

    def accuracy(folder: Path) -> float:
        answers = TransformersEngine(folder).generate([task.prompt(item) for item in items], max_new_tokens=16)
        return task.scorer.value(task.scorer.score(items, [answer.text for answer in answers]))

    assert result.steps == 8
    assert accuracy(tmp_path / "merged") > accuracy(embedded)
