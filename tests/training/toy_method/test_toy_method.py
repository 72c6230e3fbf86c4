"""A method in a package outside of ftdojo runs through the same stages as the built-in ones."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftdojo.audit import verify
from ftdojo.audit.export import export
from ftdojo.contract import methods
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.submission import load, read
from ftdojo.contract.train_config import OUT_OF_TIME
from ftdojo.digest import of_folder
from ftdojo.episode import validate
from ftdojo.errors import UsageError
from ftdojo.outside.answers import describe_schema
from ftdojo.record import Home
from ftdojo.tasks.folder import load_folder
from ftdojo.training import Trainer, trainer_of
from resumed_runs import play_resumed
from submissions import Submits, data_program, write_submission
from tiny import allow_methods

MODULE = Path(__file__).with_name("ftdojo_embeddings.py")
ROW = '{"question": request, "reply": verdict}'
TRAIN = {"method": "embeddings", "learning_rate": 0.01, "epochs": 6, "batch_size": 8, "max_length": 64}


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the distribution as ``pip install`` does, for this process and for those that it starts."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(MODULE, site)
    info = site / "ftdojo_embeddings-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ftdojo-embeddings\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[ftdojo.trainers]\nembeddings = ftdojo_embeddings:Embeddings\nbroken = ftdojo_embeddings:Missing\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        patch.setenv("PYTHONPATH", str(site))
        yield


@pytest.fixture(scope="module")
def task(approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task of all tests, which also allows the method."""
    return allow_methods(approve, tmp_path_factory.mktemp("own") / "approve", "lora", "embeddings")


def submission(folder: Path, row: str = ROW, **changes: Any) -> Path:
    return write_submission(folder, train=TRAIN | changes, program=data_program(row))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, task: Path, tiny_model: Path) -> Path:
    """A finished run that was interrupted after its first iteration and resumed."""
    place = tmp_path_factory.mktemp("run")
    agent = Submits(*(submission(tmp_path_factory.mktemp("submission"), seed=seed) for seed in range(2)))
    options = RunOptions(task=str(task), model=str(tiny_model), agent="scripted")
    result = play_resumed(options, place / "run", Home(place / "home"), agent)
    assert [i.accepted for i in result.iterations] == [True, False], result.iterations
    assert result.best.iteration == 1
    assert result.best.test is not None
    return place


def test_the_run_is_verified_with_its_lineage(place: Path) -> None:
    audit = verify(place / "run", home=Home(place / "home"), progress=Silent())
    assert {check.name: check.message for check in audit.checks if check.status != "ok"} == {}


def test_a_model_with_another_tensor_changed_is_no_descendant(place: Path, tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    config = load(place / "run/submissions/001").train
    model = shutil.copytree(place / "run/model", tmp_path / "model")
    assert trainer_of(config).lineage_faults(tiny_model, model, config, 60) == []
    tensors = load_file(model / "model.safetensors")
    tensors["model.norm.weight"] += 1
    save_file(tensors, model / "model.safetensors", {"format": "pt"})
    assert trainer_of(config).lineage_faults(tiny_model, model, config, 60) == ["model.norm.weight changed"]


def test_it_is_trained_again_to_the_same_model_when_the_store_is_gone(place: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(place, tmp_path / "copy")
    shutil.rmtree(copy / "home/stages")
    made = export(copy / "run", tmp_path / "out", home=Home(copy / "home"), progress=Silent())
    assert made.score == made.steps[0].iteration.score
    assert (made.written.folder / "model.safetensors").read_bytes() == (
        place / "run/model/model.safetensors"
    ).read_bytes()


def test_gates_speak_of_its_rows_and_settings(task: Path, tiny_model: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")

    def verdict(row: str = ROW, **changes: Any) -> tuple[int | None, list[str]]:
        folder = submission(tmp_path / "submission", row, **changes)
        found = validate(folder, RunOptions(task=str(task), model=str(tiny_model)), home=home)
        return found.gate, [finding.code for finding in found.findings]

    assert verdict() == (None, [])
    assert verdict(momentum=2) == (0, ["bad_value"])
    assert verdict(lora={"rank": 4}) == (0, ["unknown_key"])
    assert verdict(method="bias") == (0, ["bad_value"])
    assert verdict(devices=2)[1][0] == "one_device"
    assert verdict(ROW.replace('"question"', '"prompt"')) == (2, ["bad_row"])
    assert verdict(ROW.replace("request", 'request.replace("asks", "begs")')) == (2, ["no_question"])
    assert verdict(learning_rate=1e-9, epochs=1) == (4, ["no_learning"]), "and not few_steps, which is inapplicable"


def test_a_training_that_the_clock_ended_is_repeated_to_the_same_files(tiny_model: Path, tmp_path: Path) -> None:
    config = methods.parse_config(TRAIN, where="train.yaml")
    trainer = trainer_of(config)
    rows = [trainer.parse_row({"question": f"{i} asks", "reply": "yes"}) for i in range(24)]
    examples = trainer.tokenize(rows, tiny_model, max_length=64).examples
    cut = trainer.train(examples, config, tiny_model, tmp_path / "cut", time_left_s=0.0)
    assert cut.stopped is not None
    assert cut.stopped.code == OUT_OF_TIME
    assert cut.steps == 1
    trainer.train(examples, config, tiny_model, tmp_path / "again", stop_after=1)
    assert of_folder(tmp_path / "cut") == of_folder(tmp_path / "again")


def test_rows_can_be_written_with_other_texts_and_read_again() -> None:
    trainer = trainer_of(methods.parse_config(TRAIN, where="train.yaml"))
    row = trainer.parse_row({"question": "who asks", "reply": "yes", "subtask": "s"}).with_texts(["asks who", "no"])
    assert (row.texts, row.subtask) == (("asks who", "no"), "s")
    assert trainer.parse_row(row.source) == row


def test_planners_get_its_schema_and_facts(task: Path) -> None:
    allowed = load_folder(task).spec.rules.methods
    assert allowed == ("lora", "embeddings")
    schemas = {method: describe_schema("train.yaml", allowed, method)["schema"]["properties"] for method in allowed}
    assert "momentum" in schemas["embeddings"]
    assert "momentum" not in schemas["lora"]
    assert not methods.find_config("embeddings").methods["embeddings"].adapters


def test_one_error_lists_all_methods_and_no_code_is_imported_by_name(tmp_path: Path) -> None:
    assert methods.names() == ["full", "lora", "qlora", "dpo", "orpo", "kto", "grpo", "program", "broken", "embeddings"]
    for name in ("bias", "ftdojo_embeddings:Embeddings"):
        with pytest.raises(UsageError, match="full, lora, qlora, dpo, orpo, kto, grpo, program, broken, embeddings"):
            methods.find_trainer(name)
    (finding,) = read(submission(tmp_path / "s", method="ftdojo_embeddings:Embeddings")).findings
    assert (finding.code, finding.where) == ("bad_value", "train.yaml: method")


def test_a_plug_in_that_cannot_be_loaded_is_a_finding_of_the_submission(tmp_path: Path) -> None:
    (finding,) = read(submission(tmp_path / "s", method="broken")).findings
    assert (finding.code, finding.where) == ("method_unavailable", "train.yaml: method")
    assert "Missing" in finding.message


def test_a_trainer_that_lacks_something_cannot_be_made() -> None:
    toy = importlib.import_module("ftdojo_embeddings").Embeddings
    half = type("Half", (Trainer,), {"config": toy.config, "tokenize": toy.tokenize})
    with pytest.raises(TypeError, match="export"):
        half()
    with pytest.raises(TypeError, match="Unnamed has its own parse_row, so it needs a row_form"):
        type("Unnamed", (Trainer,), {"parse_row": toy.parse_row})
