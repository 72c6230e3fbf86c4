"""The training methods of this installation by name: those of ftdojo, and those that plug-ins add.

A trainer (:class:`ftdojo.training.backend.Trainer`) names the model that reads its ``train.yaml``. A submission may
name a method, but never code to import: only registered names are looked up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.train_config import TrainConfig
from ftdojo.errors import InputError, PrerequisiteError, UsageError
from ftdojo.findings import Finding
from ftdojo.plugins import Kind
from ftdojo.schema import parse, read_file

BUILT_IN = {
    **dict.fromkeys(TrainConfig.methods, "ftdojo.training.sft:Sft"),
    "dpo": "ftdojo.training.dpo:Dpo",
    "orpo": "ftdojo.training.dpo:Orpo",
    "grpo": "ftdojo.training.grpo:Grpo",
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
    """Read a ``train.yaml``; a link is not followed.

    Raises:
        InputError: with one finding per fault.
    """
    return parse_config(read_file(path, links=False), where=path.name)


def parse_config(data: Any, *, where: str) -> MethodConfig:
    """Parse the content of a ``train.yaml`` with the model of the method that it names; by default ``TrainConfig``.

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
    return parse(data, model, where=where)
