"""A training program as a trainer: its settings, its forecast, its limits, and the example of the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ftdojo.contract.methods import parse_config
from ftdojo.contract.row import parse_row
from ftdojo.contract.script import TRAIN_SCRIPT
from ftdojo.data import prepare
from ftdojo.digest import of_folder
from ftdojo.errors import InputError
from ftdojo.gates.content import Rows
from ftdojo.gates.micro import micro_training
from ftdojo.gates.reference import Reference
from ftdojo.record import Home
from ftdojo.tasks.folder import load_folder
from ftdojo.training import model_key, trainer_of
from ftdojo.training.program import Program
from ftdojo.training.program.config import ProgramConfig
from ftdojo.training.program.job import ProgramRow
from pages import files_of

SLOW = """
import json, sys, time

output = sys.argv[sys.argv.index("--output") + 1]
with open(output + "/progress.jsonl", "w") as progress:
    for step in range(1, 1001):
        time.sleep(0.1)
        progress.write(json.dumps({"step": step, "steps": 1000, "loss": 1.0}) + "\\n")
        progress.flush()
"""


HANGS = "import time; time.sleep(60)"


def config(folder: Path, program: str = "pass", **keys: Any) -> ProgramConfig:
    script = folder / TRAIN_SCRIPT
    script.write_text(program)
    read = parse_config(
        {"method": "program", "max_length": 64, "memory_gib": 2, **keys}, where="train.yaml", script=script
    )
    assert isinstance(read, ProgramConfig)
    return read


@pytest.fixture(scope="module")
def rows(tiny_model: Path) -> list[ProgramRow]:
    trainer = Program()
    parsed = [trainer.parse_row({"prompt": f"request {n}", "completion": "yes"}) for n in range(6)]
    return trainer.tokenize(parsed, tiny_model, max_length=64).examples


def test_the_model_of_the_store_depends_on_the_program(tmp_path: Path) -> None:
    one, other = (config(tmp_path, program) for program in ("pass", "pass  # other"))
    key = model_key(Program(), one)
    assert key == model_key(Program(), config(tmp_path))
    assert key != model_key(Program(), other)
    assert one.but_size != other.but_size


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ({"code": "pass"}, "code"),
        ({"learning_rate": 1e-4}, "learning_rate"),
        ({"start": "best"}, "start"),
        ({"weights": "full", "lora": {"rank": 4}}, "lora"),
        ({"settings": {"rate": float("nan")}}, "settings"),
        ({"settings": {"rate": {"deep": 1}}}, "settings"),
        ({"max_change": 0}, "max_change"),
    ],
)
def test_only_what_the_environment_needs_is_a_key(keys: dict[str, Any], where: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=where):
        config(tmp_path, **keys)


def test_the_job_says_what_the_program_needs(tmp_path: Path) -> None:
    made = config(tmp_path, seed=3, lora={"rank": 4}, settings={"rate": 0.5, "stages": [1, 2]})
    assert made.job == {
        "seed": 3,
        "max_length": 64,
        "max_steps": None,
        "weights": "lora",
        "lora": {"rank": 4, "alpha": 32, "dropout": 0, "targets": "all-linear"},
        "settings": {"rate": 0.5, "stages": [1, 2]},
        "device": "cpu",
    }
    assert Program().trial(made, rows=4, steps=8).job["max_steps"] == 8
    assert Program().trial(config(tmp_path, max_steps=3), rows=4, steps=8).max_steps == 3


def test_its_memory_is_the_limit_and_shrinks_to_what_is_available(tiny_model: Path, tmp_path: Path) -> None:
    made = config(tmp_path, memory_gib=8)
    assert Program().memory(made, tiny_model) == 8 * 2**30
    smaller = Program().shrink(made, tiny_model, (), 3.16 * 2**30)
    assert smaller is not None
    assert smaller.memory_gib == 3.1
    assert Program().shrink(made, tiny_model, (), 2**28) is None


def test_the_forecast_is_of_its_own_steps_and_a_training_that_is_too_long_ends_early(
    rows: list[ProgramRow], tiny_model: Path, tmp_path: Path
) -> None:
    made = config(tmp_path, SLOW)
    assert Program().forecast_s(rows, made, tiny_model) > 85  # 1000 steps of a tenth of a second
    with pytest.raises(InputError) as caught:
        Program().train(rows, made, tiny_model, tmp_path / "out", time_left_s=40)
    (finding,) = caught.value.findings
    assert finding.code == "over_budget"
    assert 0 < (finding.fits or 0) < 0.5
    assert not (tmp_path / "out").exists()


def test_a_program_that_takes_no_step_is_stopped_when_the_time_is_over(
    rows: list[ProgramRow], approve: Path, tiny_model: Path, tmp_path: Path
) -> None:
    task, trainer = load_folder(approve), Program()
    parsed = [parse_row({"prompt": f"request {n}", "completion": "yes"}) for n in range(6)]
    given = Rows(parsed, Reference.from_file(task, prepare(task, "folder", Home(tmp_path / "home")).validation))
    made = config(tmp_path, HANGS)
    tokenized: Any = trainer.tokenize(parsed, tiny_model, max_length=64)
    with pytest.raises(InputError, match="ran longer than 2 s") as caught:
        micro_training(given, trainer, tokenized, made, tiny_model, wall_left_s=2, folder=tmp_path / "out")
    (finding,) = caught.value.findings
    assert (finding.code, finding.gate) == ("program_timeout", 4)
    assert trainer.limit_time(made, 1e9).wall_s == made.wall_s


@pytest.mark.slow
def test_the_example_of_the_documentation_trains_an_adapter(
    rows: list[ProgramRow], tiny_model: Path, tmp_path: Path
) -> None:
    files = files_of("docs/training-programs.md")
    keys = yaml.safe_load(files["train.yaml"]) | {"max_steps": 2, "max_change": 5}
    made = config(tmp_path, files["train.py"], **keys)
    logs: list[dict[str, float]] = []
    result = trainer_of(made).train(rows, made, tiny_model, tmp_path / "out", on_log=logs.append)
    assert result.steps == 2
    assert result.tokens > 0
    assert logs[-1]["step"] == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    assert of_folder(tmp_path / "out")
