"""Shared fixtures: the embedded model, a tiny model of the same form, and a task that even the tiny one can learn."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

import tiny
from ftdojo.contract.options import RunOptions
from ftdojo.record import Home
from submissions import FAILS, Submits, write_submission

# On a busy machine, how long an example takes says nothing of the code. `make fuzz` takes the other one.
settings.register_profile("quick", deadline=None)
settings.register_profile(
    "fuzz", max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
settings.load_profile("quick")


if importlib.util.find_spec("vllm") is None:
    # bitsandbytes asks torch to compile four functions when it is imported: a fifth of the start of every process.
    os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs that tests start; it is ignored by what a script runs in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def embedded() -> Path:
    """The folder of the embedded model, converted once a machine."""
    from ftdojo import models

    return models.resolve("smollm2-135m", Home.default().root)


def _shared(factory: pytest.TempPathFactory) -> Path:
    """A folder of all processes of this session."""
    own = factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first process to ask for it makes, for all of this session."""
    folder = _shared(factory) / name
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            # Made where it stays, as runs record their folders; removed if that fails, so that the next one tries.
            folder.mkdir()
            try:
                make(folder)
            except BaseException:
                shutil.rmtree(folder)
                raise
    return folder


@pytest.fixture(scope="session")
def graded_here() -> Iterator[Callable[..., Any]]:
    """Runs are graded in this process: a fresh one imports for seconds what this one has. Gives the function that
    starts a fresh one."""
    from ftdojo.episode import grading

    apart = grading.grade
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grading, "grade", grading.score_on_test)
        yield apart


@pytest.fixture(scope="module")
def graded_apart(graded_here: Callable[..., Any]) -> Iterator[None]:
    """Runs are graded in a fresh process, as they are outside of tests: for modules that test what is graded."""
    from ftdojo.episode import grading

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grading, "grade", graded_here)
        yield


@pytest.fixture(scope="session")
def tiny_model(graded_here: Callable[..., Any], embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialized Llama of two layers with a small form of the embedded tokenizer: trains in a second. Its
    runs are graded here, unless a module says otherwise."""
    import ftdojo.training.sft.trainer  # noqa: F401 - all that the tests of models import

    made = _made_once(tmp_path_factory, "tiny", lambda folder: tiny.make_model(embedded, folder))
    # Trainings collect garbage. Imported modules are none, and going through them takes longer than a tiny training.
    gc.collect()
    gc.freeze()
    return made


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that the tests of all processes of a session share: what one of them has made, the others find.

    For tests of runs, not of what a home holds.
    """
    return Home(_shared(tmp_path_factory) / "home")


@pytest.fixture(scope="session")
def approve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task folder: most requests are approved, so that learning the form of the answer already scores."""
    return _made_once(tmp_path_factory, "approve", tiny.make_task)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, approve: Path, tiny_model: Path) -> Path:
    """A folder with a finished run and the home that it was made in: of a good submission, one that learns too little,
    and one that cannot be read."""
    from ftdojo.episode import Dojo, run_episode

    def make(folder: Path) -> None:
        trainings: list[dict[str, Any]] = [{}, FAILS, {"learning_rat": 1}]
        agent = Submits(
            *(write_submission(tmp_path_factory.mktemp("submission"), train=training) for training in trainings)
        )
        options = RunOptions(task=str(approve), model=str(tiny_model), agent=agent.name)
        with Dojo(options, folder / "run", home=Home(folder / "home")) as dojo:
            assert run_episode(dojo, agent).best.iteration == 1

    return _made_once(tmp_path_factory, "finished", make)


@pytest.fixture(scope="session")
def denier(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """The tiny model, trained to answer mostly no, which an adapter can turn around; random weights it could not."""
    from ftdojo.contract.row import Row
    from ftdojo.contract.train_config import TrainConfig
    from ftdojo.training import export, tokenize
    from ftdojo.training.sft.trainer import train

    def make(folder: Path) -> None:
        rows = [
            Row(({"role": "user", "content": f"Form {i}: Ann asks for a key."},), "no" if i % 3 else "yes")
            for i in range(64)
        ]
        config = TrainConfig(method="full", learning_rate=0.01, epochs=4, batch_size=8, max_length=64)
        trained = tmp_path_factory.mktemp("trained")
        train(tokenize(rows, tiny_model, max_length=64).examples, config, tiny_model, trained)
        export(tiny_model, trained, folder)

    return _made_once(tmp_path_factory, "denier", make)


@pytest.fixture(scope="session")
def adapted_run(tmp_path_factory: pytest.TempPathFactory, approve: Path, denier: Path) -> Path:
    """A folder with a finished run and the home that it was made in: its only submission, an adapter, was accepted."""
    from ftdojo.episode import Dojo, run_episode

    def make(folder: Path) -> None:
        training = {"method": "lora", "learning_rate": 0.005, "epochs": 8}
        agent = Submits(write_submission(tmp_path_factory.mktemp("submission"), train=training))
        options = RunOptions(task=str(approve), model=str(denier), agent=agent.name)
        with Dojo(options, folder / "run", home=Home(folder / "home")) as dojo:
            assert run_episode(dojo, agent).best.iteration == 1

    return _made_once(tmp_path_factory, "adapted", make)
