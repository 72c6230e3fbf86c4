"""The training methods of this installation by name: those of ftdojo, and those that plug-ins add.

A trainer (:class:`ftdojo.training.backend.Trainer`) names the model that reads its ``train.yaml``. A submission may
name a method, but never code to import: only registered names are looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftdojo.contract.method_config import CODE, MethodConfig
from ftdojo.contract.script import TRAIN_SCRIPT, read_script
from ftdojo.contract.train_config import TrainConfig
from ftdojo.errors import InputError, PrerequisiteError, UsageError
from ftdojo.findings import Finding
from ftdojo.plugins import Kind
from ftdojo.schema import parse, read_file

BUILT_IN = {
    **dict.fromkeys(TrainConfig.methods, "ftdojo.training.sft:Sft"),
    "dpo": "ftdojo.training.dpo:Dpo",
    "orpo": "ftdojo.training.dpo:Orpo",
    "kto": "ftdojo.training.dpo:Kto",
    "grpo": "ftdojo.training.grpo:Grpo",
    "program": "ftdojo.training.program:Program",
}
TRAINERS: Kind[type[Any]] = Kind(
    noun="training method",
    group="ftdojo.trainers",
    members=("config", "tokenize", "train", "memory", "forecast_s", "lineage_faults", "export"),
    built_in=BUILT_IN,
)


def names() -> list[str]:
    """Return all methods: those of ftdojo, then those of plug-ins."""
    return TRAINERS.names()


def is_method(name: str) -> bool:
    """Return whether there is a method of that name."""
    return name in TrainConfig.methods or name in names()


def require_methods(methods: Sequence[str]) -> Sequence[str]:
    """Return these names, all of which are methods.

    Raises:
        ValueError: if one is not.
    """
    if unknown := [method for method in methods if not is_method(method)]:
        raise ValueError(f"there is no training method '{unknown[0]}'; there are {', '.join(names())}")
    return methods


def find_trainer(method: str) -> type[Any]:
    """Return the trainer class of a method.

    Raises:
        UsageError: if there is no such method.
        PrerequisiteError: if its plug-in cannot be imported.
    """
    if not is_method(method):
        raise UsageError(f"there is no training method '{method}'", fix=f"choose one of: {', '.join(names())}")
    return TRAINERS.load(method)


def find_config(method: str) -> type[MethodConfig]:
    """Return the model that reads ``train.yaml`` for a method. Raises as :func:`find_trainer`."""
    if method in TrainConfig.methods:  # known without the trainer
        return TrainConfig
    found: type[MethodConfig] = find_trainer(method).config
    return found


def read_config(path: Path) -> MethodConfig:
    """Read a ``train.yaml``, and the training program next to it if its method has one; links are not followed.

    Raises:
        InputError: with one finding per fault.
    """
    return parse_config(read_file(path, links=False), where=path.name, script=path.with_name(TRAIN_SCRIPT))


def parse_config(data: Any, *, where: str, script: Path | None = None) -> MethodConfig:
    """Parse the content of a ``train.yaml`` with the model of the method that it names; by default ``TrainConfig``.

    ``script`` is where the training program is, of a method that has one. Without it, ``data`` holds its text, as a
    configuration that was read before.

    Raises:
        InputError: with one finding per fault, also if the method's plug-in cannot be imported
            (``method_unavailable``).
    """
    method = data.get("method") if isinstance(data, dict) else None
    if not isinstance(method, str) or not is_method(method):
        return parse(data, TrainConfig, where=where)
    try:
        model = find_config(method)
    except (PrerequisiteError, UsageError) as error:
        finding = Finding(
            code="method_unavailable", message=error.message, where=f"{where}: method", fix="choose another method"
        )
        raise InputError([finding]) from error
    if script is not None and model.has_script:
        if CODE in data:
            finding = Finding(
                code="unknown_key",
                gate=0,
                message=f"unknown key '{CODE}'",
                where=f"{where}: {CODE}",
                fix=f"write the program to {script.name}",
            )
            raise InputError([finding])
        data = {**data, CODE: read_script(script)}
    return parse(data, model, where=where)
