"""Shared fixtures: the embedded model, a tiny model of the same form, and a task that even the tiny one can learn."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings

from ftdojo.contract.options import RunOptions
from ftdojo.contract.protocol import Observation
from ftdojo.record import Home

# On a busy machine, how long an example takes says nothing of the code. `make fuzz` takes the other one.
settings.register_profile("quick", deadline=None)
settings.register_profile(
    "fuzz", max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
settings.load_profile("quick")

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


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs that tests start; it is ignored by what a script runs in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def embedded() -> Path:
    """The folder of the embedded model, converted once a machine."""
    from ftdojo import models

    return models.resolve("smollm2-135m", Home.default().root)


@pytest.fixture(scope="session")
def tiny_model(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialized Llama of two layers with the embedded model's tokenizer: trains in a second."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(embedded)
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
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def approve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task folder: most requests are approved, so that learning the form of the answer already scores."""
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

    folder = tmp_path_factory.mktemp("task") / "approve"
    folder.mkdir()
    (folder / "task.toml").write_text(TASK_TOML)
    for name, kind, count in [("train", "Form", 80), ("eval", "Request", 60)]:
        lines = [json.dumps(row) + "\n" for row in rows(kind, count)]
        (folder / f"{name}.jsonl").write_text("".join(lines))
    return folder


class Thrice:
    """Hands in a good submission, one that learns too little, and one that cannot be read."""

    name, planner = "thrice", ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def propose(self, observation: Observation) -> Path | None:
        changes: list[dict[str, Any]] = [{}, {"epochs": 0.2, "learning_rate": 1e-5}, {"learning_rat": 1}]
        number = len(observation.history)
        if number == len(changes):
            return None
        folder = self.folder / str(number)
        folder.mkdir()
        for name, content in SUBMISSION.items():
            (folder / name).write_text(yaml.safe_dump(content | (changes[number] if name == "train.yaml" else {})))
        return folder


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, approve: Path, tiny_model: Path) -> Path:
    """A folder with a finished run and the home that it was made in."""
    from ftdojo.episode import Dojo, run_episode

    place = tmp_path_factory.mktemp("finished")
    home, agent = Home(place / "home"), Thrice(tmp_path_factory.mktemp("submissions"))
    options = RunOptions(task=str(approve), model=str(tiny_model), agent=agent.name)
    with Dojo(options, place / "run", home=home) as dojo:
        assert run_episode(dojo, agent).best.iteration == 1
    return place
