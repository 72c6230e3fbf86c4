"""``ftdojo doctor``: test what this machine can do, and name a fix for everything that is missing."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich.text import Text

from ftdojo.cli.console import out, print_json
from ftdojo.cli.run import Json
from ftdojo.disk import disk_errors
from ftdojo.errors import FtdojoError

NEEDED_DISK_GIB = 3.0
NEEDED_MEMORY_GIB = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """One tested ability of the machine."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def doctor(json: Json = False) -> None:
    """Check the machine: device, memory, disk, embedded model and one training step of it, task families, and every
    restriction of the sandbox.

    The sandbox is bubblewrap, or the one that $FTDOJO_SANDBOX names (docker, podman).
    """
    checks = [
        check for probe in (_device, _resources, _model, _training, _families, _sandbox) for check in _run_probe(probe)
    ]
    if json:
        print_json({"ok": all(c.ok for c in checks), "checks": [asdict(c) for c in checks]})
    else:
        for check in checks:
            status = ("ok  ", "green") if check.ok else ("FAIL", "red")
            out.print(Text.assemble(status, f" {check.name}: {check.detail}"), soft_wrap=not out.is_terminal)
            if not check.ok and check.fix:
                out.print(f"     fix: {check.fix}", soft_wrap=True)
    if not all(c.ok for c in checks):
        raise typer.Exit(3)


def _run_probe(probe: Callable[[], Iterator[Check]]) -> list[Check]:
    """Run a probe and return its checks; a probe that cannot run is one failed check."""
    try:
        return list(probe())
    except FtdojoError as error:
        return [Check(probe.__name__.strip("_"), False, error.message, error.fix)]


def _device() -> Iterator[Check]:
    from ftdojo.models import compute

    chosen = compute()
    yield Check("device", True, f"{chosen.device}, {chosen.dtype} ({chosen.reason}), {os.cpu_count()} cores")


def _resources() -> Iterator[Check]:
    import psutil

    from ftdojo.record import Home

    home = Home.default().root
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(home).free / 2**30
    yield Check(
        "disk",
        disk > NEEDED_DISK_GIB,
        f"{disk:.0f} GiB free at {home}",
        "free some space, or set FTDOJO_HOME to a folder on another disk",
    )
    memory = psutil.virtual_memory().available / 2**30
    yield Check("memory", memory > NEEDED_MEMORY_GIB, f"{memory:.0f} GiB available", "close other programs")


def _model() -> Iterator[Check]:
    from ftdojo import models

    path = models.embedded_weights()
    yield Check("embedded model", True, f"{models.EMBEDDED}, {path.stat().st_size / 2**20:.0f} MiB of weights")


def _training() -> Iterator[Check]:
    """Train the embedded model for one step and let it answer, with the installed versions of the libraries."""
    from importlib.metadata import version

    from ftdojo import inference, models, training
    from ftdojo.contract.row import Row
    from ftdojo.contract.train_config import TrainConfig
    from ftdojo.models.architectures import TESTED
    from ftdojo.record import Home

    versions = ", ".join(f"{name} {version(name)}" for name in ("transformers", "peft", "torch"))
    rows = [Row(({"role": "user", "content": "What is 1 + 1?"},), "2")]
    config = TrainConfig(method="lora", max_steps=1, batch_size=1, max_length=64)
    try:
        base = models.resolve(models.EMBEDDED, Home.default().root)
        models.require_trainable(base)
        trainer = training.trainer_of(config)
        examples = trainer.tokenize(rows, base, max_length=64).examples
        with tempfile.TemporaryDirectory(prefix="ftdojo-doctor-") as folder:
            trainer.train(examples, config, base, Path(folder))
        with inference.open_engine(inference.TRANSFORMERS, base) as engine:
            engine.generate([rows[0].prompt], max_new_tokens=1)
    except FtdojoError:
        raise  # it names its own remedy
    except Exception as error:  # noqa: BLE001 - what a library of another version raises is not known
        reason = " ".join(str(error).split())[:300]
        fix = "install tested versions, in a copy of the repository: pip install -c constraints.txt ."
        tested = f"tested with transformers {' or '.join(TESTED)}"
        found = f"one step fails with {versions} ({tested}): {type(error).__name__}: {reason}"
        yield Check("training", False, found, fix)
    else:
        yield Check("training", True, f"one step and one answer of {models.EMBEDDED}, with {versions}")


def _families() -> Iterator[Check]:
    """Load every task family. Having none is not a fault: a folder can be a task, too."""
    from ftdojo.tasks import families

    found = families.installed()
    if not found:
        yield Check("task families", True, f"none; `{families.INSTALL}` installs the benchmark tasks")
    for entry in found:
        name = f"task family {entry.name}"
        try:
            count = len(families.load_family(entry))
        except FtdojoError as error:
            yield Check(name, False, error.message, error.fix)
        else:
            yield Check(name, True, f"{count} task{'' if count == 1 else 's'}, from {families.distribution(entry)}")


def _sandbox() -> Iterator[Check]:
    from ftdojo import sandbox

    for wall in sandbox.probe():
        detail = f"the attempt failed, as it must: {_in_words(wall.detail)}" if wall.ok else wall.detail
        yield Check(f"sandbox, {wall.name}", wall.ok, detail, "do not run untrusted code on this machine")


def _in_words(detail: str) -> str:
    """Return how an attempt on a wall was stopped, without the name of the exception that the program got."""
    kind, colon, message = detail.partition(": ")
    if not colon or " " in kind:
        return detail
    return re.sub(r"^\[Errno \d+\] ", "", message).lower()
