"""A task that even a tiny model can learn, and the tiny model: for tests of whole runs."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

TASK_TOML = """
id = "own/approve"
domain = "own"
objective = "Approve a request unless it is from Bob."
output_format = "one word: yes or no"
metric = "accuracy"
scorer = "exact"
prompt = "{{ request }}"
answer = "{{ verdict }}"
max_new_tokens = 4
"""

SUBMISSION: dict[str, dict[str, Any]] = {
    "plan.yaml": {"parent": 0, "hypothesis": "h", "evidence": ["e"], "focus": "both", "changes": []},
    "train.yaml": {"method": "full", "learning_rate": 0.01, "epochs": 6, "batch_size": 8, "max_length": 64},
    "recipe.yaml": {"sources": [{"path": "train.jsonl", "prompt": "{{ request }}", "completion": "{{ verdict }}"}]},
}
"""A submission from which the tiny model learns the task: file -> content."""

TOKENS = 8192
"""The tiny model's vocabulary. Most of the time of a tiny training or export would go into a larger one."""


def small_tokenizer(embedded: Path, folder: Path) -> None:
    """Write the embedded model's tokenizer and chat template, with its first tokens alone. All bytes are among them."""
    for name in ("tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(embedded / name, folder)
    whole = json.loads((embedded / "tokenizer.json").read_text("utf-8"))
    model = whole["model"]
    dropped = len(model["vocab"]) - TOKENS
    # Tokens stand in the order of the merges that make them.
    model["vocab"] = {token: number for token, number in model["vocab"].items() if number < TOKENS}
    model["merges"] = model["merges"][:-dropped]
    (folder / "tokenizer.json").write_text(json.dumps(whole), "utf-8")


def make_model(embedded: Path, folder: Path) -> None:
    """Write a randomly initialized Llama of two layers with a small form of the embedded tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    small_tokenizer(embedded, folder)
    write_network(folder)


def write_network(folder: Path, **changes: Any) -> None:
    """Write a randomly initialized Llama of two layers, with these settings, for the tokenizer in ``folder``."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(folder)
    config = LlamaConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=len(tokenizer),
        max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        **changes,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)


def network_to_train(base: Path, config: Any, on: Any) -> Any:
    """Return the network that a training with this configuration trains."""
    from ftdojo.models.resident import Resident
    from ftdojo.training.sft.trainer import lend_network

    with lend_network(base, config, on, resident=Resident()) as network:
        return network


def allow_methods(task: Path, folder: Path, *methods: str) -> Path:
    """Copy a task without rules to ``folder``, which must not exist; the copy allows these methods."""
    shutil.copytree(task, folder)
    with (folder / "task.toml").open("a") as file:
        file.write(f"[rules]\nmethods = {json.dumps(methods)}\n")
    return folder


def make_task(folder: Path) -> None:
    """Write a task folder: most requests are approved, so that learning the form of the answer already scores."""
    rng = random.Random(0)
    names = ["Ann", "Bob", "Cid", "Dee", "Eve"]
    things = ["a lamp", "two days off", "a new desk", "tickets", "a course", "paper", "a key", "a parking place"]

    def rows(kind: str, count: int) -> list[dict[str, str]]:
        made: dict[str, str] = {}
        while len(made) < count:
            name, thing = rng.choice(names), rng.choice(things)
            text = f"{kind} {rng.randrange(1000)}: {name} asks for {thing}."
            made[text] = "no" if name == "Bob" else "yes"
        return [{"request": text, "verdict": verdict} for text, verdict in made.items()]

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.toml").write_text(TASK_TOML)
    for name, kind, count in [("train", "Form", 80), ("eval", "Request", 60)]:
        lines = [json.dumps(row) + "\n" for row in rows(kind, count)]
        (folder / f"{name}.jsonl").write_text("".join(lines))
