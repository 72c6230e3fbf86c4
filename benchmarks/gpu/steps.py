"""The steps of run.sh: each checks and measures one thing on a GPU, in a process of its own, and writes one JSON file,
anew after every figure: a step that is stopped keeps what it has.

    python benchmarks/gpu/steps.py STEP --models FOLDER --out FILE [--dry]

Models have random weights in the shapes of Qwen2.5-0.5B, -1.5B and -7B, in bfloat16, and a tokenizer of single bytes.
With ``--dry`` they have two layers, and everything is small enough for a CPU.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

GIB = 2**30
SHAPES = {
    "0.5b": {"hidden": 896, "inner": 4864, "layers": 24, "heads": 14, "shared": 2, "vocabulary": 151_936},
    "1.5b": {"hidden": 1536, "inner": 8960, "layers": 28, "heads": 12, "shared": 2, "vocabulary": 151_936},
    "7b": {"hidden": 3584, "inner": 18_944, "layers": 28, "heads": 28, "shared": 4, "vocabulary": 152_064},
}
DRY_SHAPE = {"hidden": 64, "inner": 128, "layers": 2, "heads": 4, "shared": 2, "vocabulary": 512}
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ANSWERS = "answers.json"
"""What the engine answered, for the step that compares."""
WORDS = "acid base carbon dose enzyme flask gene heat ion joule ketone lipid mole node oxide proton quark resin".split()


Figures = Iterator[tuple[str, Any]]
"""Names and values, one after the other."""
Cell = tuple[str, str, int, int]
"""Model, method, tokens of the longest row, rows of a batch."""
ADAPTERS: tuple[Cell, ...] = (("0.5b", "lora", 1024, 8), ("1.5b", "lora", 1024, 8), ("7b", "lora", 512, 4))


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is done."""

    rows: int
    """Rows of a training."""
    prompts: int
    new_tokens: int
    seconds: float
    """Seconds that the training of a forecast should take."""
    batches: tuple[int, ...]
    """Batch sizes of ``generate``."""


REAL = Sizes(rows=320, prompts=256, new_tokens=64, seconds=2.0, batches=(64, 256))
DRY = Sizes(rows=32, prompts=4, new_tokens=4, seconds=0.1, batches=(4,))


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a step finds its models, and how much it does."""

    models: Path
    sizes: Sizes
    dry: bool

    def model(self, name: str) -> Path:
        """The folder of a model."""
        return self.models / name

    def conversations(self, count: int) -> list[list[dict[str, str]]]:
        """Prompts with the same beginning and ends of different lengths."""
        return [[{"role": "user", "content": row["prompt"]}] for row in self.rows(count)]

    def rows(self, count: int) -> list[dict[str, str]]:
        """Rows of 100 to 220 bytes with an answer of about 20; the same in every step."""
        rng = random.Random(0)

        def words(number: int) -> str:
            return " ".join(rng.choices(WORDS, k=number))

        begin = "Name the first and the last of these words: "
        return [{"prompt": begin + words(rng.randint(8, 24)), "completion": words(4)} for _ in range(count)]


# -- machine and models ------------------------------------------------------------------------------------------------


def describe_machine(bench: Bench) -> Figures:
    """What is here: a step that fails later is explained by this."""
    from importlib.metadata import PackageNotFoundError, version

    import torch

    def found(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "missing"

    names = ("torch", "transformers", "peft", "trl", "liger-kernel", "bitsandbytes", "datasets", "pydantic")
    gpu = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
    if gpu is None and not bench.dry:
        raise SystemExit("torch sees no GPU here; --dry needs none")
    yield "gpu", gpu.name if gpu else "none"
    yield "GiB", gpu.total_memory / GIB if gpu else 0.0
    yield from ((name, found(name)) for name in names)


def make_models(bench: Bench) -> Figures:
    """Write the models: on the GPU random weights take no time."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from ftdojo.models import compute

    for name, shape in SHAPES.items():
        size = DRY_SHAPE if bench.dry else shape
        config = Qwen2Config(
            hidden_size=size["hidden"],
            intermediate_size=size["inner"],
            num_hidden_layers=size["layers"],
            num_attention_heads=size["heads"],
            num_key_value_heads=size["shared"],
            vocab_size=size["vocabulary"],
            max_position_embeddings=4096,
            tie_word_embeddings=name != "7b",
            eos_token_id=257,
            pad_token_id=258,
            dtype="bfloat16",
        )
        begun = time.perf_counter()
        torch.manual_seed(0)
        torch.set_default_dtype(torch.bfloat16)
        with torch.device(compute().device):
            network = Qwen2ForCausalLM(config)
        torch.set_default_dtype(torch.float32)
        network.save_pretrained(bench.model(name))
        _make_tokenizer(bench.model(name))
        yield f"{name} s", time.perf_counter() - begun
        yield f"{name} GiB", sum(file.stat().st_size for file in bench.model(name).iterdir()) / GIB


def _make_tokenizer(folder: Path) -> None:
    """Write a tokenizer whose tokens are the 256 bytes, three special tokens, and no others."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    plain.add_special_tokens([AddedToken(text, special=True) for text in ("<|im_start|>", "<|im_end|>", "<|pad|>")])
    made = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<|im_end|>", pad_token="<|pad|>")
    made.chat_template = TEMPLATE
    made.save_pretrained(folder)


# -- training ----------------------------------------------------------------------------------------------------------


def train_ours(bench: Bench) -> Figures:
    """Adapters on the 0.5B shape with ftdojo."""
    import training
    from ftdojo.contract.row import parse_row
    from ftdojo.training import tokenize

    base, rows = bench.model("0.5b"), bench.rows(bench.sizes.rows)
    examples = tokenize([parse_row(row) for row in rows], base, max_length=training.MAX_LENGTH).examples
    return _timed_training(bench, lambda out: training.train_ours(examples, 1.0, base, out), examples)


def train_trl(bench: Bench, *, liger: bool = False) -> Figures:
    """The same with TRL."""
    import training
    from ftdojo.contract.row import parse_row
    from ftdojo.training import tokenize

    base, rows = bench.model("0.5b"), bench.rows(bench.sizes.rows)
    examples = tokenize([parse_row(row) for row in rows], base, max_length=training.MAX_LENGTH).examples
    more = {"use_liger_kernel": True} if liger else {}
    return _timed_training(bench, lambda out: training.train_trl(rows, 1.0, base, out, tuned=True, **more), examples)


def _timed_training(
    bench: Bench, train: Callable[[Path], tuple[Any, float, list[float]]], examples: Sequence[Any]
) -> Figures:
    from ftdojo.models import compute
    from ftdojo.training.sft.memory import PeakMemory

    with PeakMemory(compute().device) as memory:
        _, seconds, losses = train(bench.models / "trained")
    tokens = sum(len(example.input_ids) for example in examples)
    yield "tokens/s", tokens / seconds
    yield "peak GiB", memory.peak / GIB
    yield "first loss", losses[0]
    yield "last loss", losses[-1]


def measure_forecasts(bench: Bench, cells: Sequence[Cell] = ADAPTERS) -> Figures:
    """Forecasts of memory and time against what was measured."""
    import torch

    import forecast

    for name, method, length, batch in cells:
        size = {"length": 64, "batch": 2} if bench.dry else {"length": length, "batch": batch}
        order = {"method": method, "base": str(bench.model(name)), "threads": 2, "steps": 4, **size}
        shape = DRY_SHAPE if bench.dry else SHAPES[name]
        gc.collect()
        torch.cuda.empty_cache()  # of the cell before
        cell = forecast.run_cell({**order, "seconds": bench.sizes.seconds, "vocabulary": shape["vocabulary"]})
        if not cell["fits"]:
            yield f"{name} {method}", f"{cell['memory'] / GIB:.1f} GiB are forecast: does not fit"
            continue
        yield f"{name} {method} forecast GiB", cell["memory"] / GIB
        yield f"{name} {method} measured GiB", cell["measured_memory"] / GIB
        yield f"{name} {method} forecast s", cell["seconds"]
        yield f"{name} {method} measured s", cell["measured_seconds"]


def train_quantized(bench: Bench) -> Figures:
    """QLoRA on the 1.5B shape."""
    return measure_forecasts(bench, [("1.5b", "qlora", 1024, 8)])


def train_whole(bench: Bench) -> Figures:
    """Full weights in bfloat16 on the 1.5B shape."""
    return measure_forecasts(bench, [("1.5b", "full", 512, 8)])


# -- generation --------------------------------------------------------------------------------------------------------


def generate_ours(bench: Bench) -> Figures:
    """Greedy answers of the 0.5B shape by the engine of ftdojo."""
    from ftdojo.inference import TransformersEngine
    from ftdojo.models import compute
    from ftdojo.training.sft.memory import PeakMemory

    engine, asked = TransformersEngine(bench.model("0.5b")), bench.conversations(bench.sizes.prompts)
    engine.generate(asked[:2], max_new_tokens=2)  # the first kernels are compiled or loaded
    with PeakMemory(compute().device) as memory:
        begun = time.perf_counter()
        answers = engine.generate(asked, max_new_tokens=bench.sizes.new_tokens)
        seconds = time.perf_counter() - begun
    bench.model(ANSWERS).write_text(json.dumps([answer.text for answer in answers]), "utf-8")
    yield "items/s", len(asked) / seconds
    yield "peak GiB", memory.peak / GIB


def generate_peer(bench: Bench) -> Figures:
    """The same by ``generate`` of transformers, in batches by length, at the best of several batch sizes."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from ftdojo.models import compute

    tokenizer = AutoTokenizer.from_pretrained(bench.model("0.5b"), padding_side="left")
    network = AutoModelForCausalLM.from_pretrained(bench.model("0.5b"), dtype=compute().dtype).to(compute().device)
    texts = [
        tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        for turns in bench.conversations(bench.sizes.prompts)
    ]
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))

    def answer(batch: list[int]) -> list[str]:
        tokens = tokenizer([texts[i] for i in batch], return_tensors="pt", padding=True, add_special_tokens=False)
        width = tokens.input_ids.shape[1]
        with torch.inference_mode():
            made = network.generate(**tokens.to(network.device), max_new_tokens=bench.sizes.new_tokens, do_sample=False)
        return list(tokenizer.batch_decode(made[:, width:], skip_special_tokens=True))

    answer(order[:2])
    speeds, answers = {}, [""] * len(texts)
    for size in bench.sizes.batches:
        begun = time.perf_counter()
        for at in range(0, len(order), size):
            for i, text in zip(order[at : at + size], answer(order[at : at + size]), strict=True):
                answers[i] = text
        speeds[size] = len(texts) / (time.perf_counter() - begun)
    best = max(speeds, key=speeds.__getitem__)
    yield "items/s", speeds[best]
    yield "batch", best
    ours = json.loads(bench.model(ANSWERS).read_text("utf-8"))
    yield "differ from ours", sum(a.strip() != b.strip() for a, b in zip(ours, answers, strict=True))


# -- one iteration -----------------------------------------------------------------------------------------------------


def run_iteration(bench: Bench) -> Figures:
    """What an iteration does with a model of the 7B shape: forecast, training, export, answers; seconds and memory."""
    from ftdojo.contract.row import parse_row
    from ftdojo.contract.train_config import TrainConfig
    from ftdojo.inference import TransformersEngine
    from ftdojo.models import compute
    from ftdojo.training import tokenize
    from ftdojo.training.sft.export import export
    from ftdojo.training.sft.forecast import forecast
    from ftdojo.training.sft.memory import PeakMemory
    from ftdojo.training.sft.trainer import train

    base, adapter, merged = bench.model("7b"), bench.model("adapter"), bench.model("merged")
    config = TrainConfig(epochs=1, batch_size=8, max_length=256)
    rows = [parse_row(row) for row in bench.rows(bench.sizes.rows // 8)]
    examples = tokenize(rows, base, max_length=256).examples
    asked = bench.conversations(math.ceil(bench.sizes.prompts / 8))

    def answer() -> None:
        TransformersEngine(merged).generate(asked, max_new_tokens=bench.sizes.new_tokens)

    stages: dict[str, Callable[[], Any]] = {
        "forecast": lambda: forecast(examples, config, base),
        "train": lambda: train(examples, config, base, adapter),
        "export": lambda: export(base, adapter, merged),
        "answer": answer,
    }
    begun = time.perf_counter()
    for name, stage in stages.items():
        at = time.perf_counter()
        with PeakMemory(compute().device) as memory:
            stage()
        yield f"{name} s", time.perf_counter() - at
        yield f"{name} peak GiB", memory.peak / GIB
    yield "whole s", time.perf_counter() - begun
    yield "written GiB", sum(f.stat().st_size for folder in (adapter, merged) for f in folder.iterdir()) / GIB


STEPS: dict[str, Callable[[Bench], Figures]] = {
    "machine": describe_machine,
    "models": make_models,
    "train-ours": train_ours,
    "train-trl": train_trl,
    "train-trl-liger": lambda bench: train_trl(bench, liger=True),
    "engine-ours": generate_ours,
    "engine-generate": generate_peer,
    "forecast": measure_forecasts,
    "qlora": train_quantized,
    "full": train_whole,
    "iteration": run_iteration,
}


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--models", type=Path, required=True, help="folder of the models, which the step models fills")
    parser.add_argument("--out", type=Path, required=True, help="file of the results")
    parser.add_argument("--dry", action="store_true", help="tiny models, on any device")
    arguments = parser.parse_args()
    arguments.models.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for name, value in STEPS[arguments.step](Bench(arguments.models, DRY if arguments.dry else REAL, arguments.dry)):
        found[name] = value
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        print(f"{name}: {value}", flush=True)


if __name__ == "__main__":
    main()
