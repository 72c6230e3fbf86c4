"""Edits of a draft, one key at a time: the language in which a model says what to change.

A small model can name a key and a value; it seldom repeats a file of a hundred lines without a slip. What it does not
name stays as it is in the draft that it starts from.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ftdojo.agents.draft import Draft
from ftdojo.contract.methods import find_config, is_method, parse_config
from ftdojo.contract.recipe import Recipe, Source
from ftdojo.contract.task_spec import TaskSpec
from ftdojo.contract.train_config import TrainConfig, WeightsConfig
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.schema import parse

TRAIN_KEYS = (
    "learning_rate",
    "epochs",
    "batch_size",
    "max_length",
    "schedule",
    "warmup_ratio",
    "weight_decay",
    "eval_fraction",
    "method",
    "start",
    "beta",
    "sft_weight",
    "group_size",
    "kl",
    "lora.rank",
    "lora.alpha",
    "lora.dropout",
)
RECIPE_KEYS = (
    *("max_rows", "skip", "balance", "deduplicate", "max_completion_chars", "pairs"),
    *("sample.samples", "sample.model", "sample.keep", "sample.otherwise", "sample.mastered", "sample.contradicted"),
)
SOURCE_KEYS = ("weight", "prompt", "completion", "where")
RENDERING = "recipe.rendering"
RATIONALE = "rationale"
"""How tasks name a rendering that holds the reasoning with the answer."""
START = "start"
"""The only key that is a word or a number."""
OWN = "own"
"""The rendering of a recipe whose templates are not, all under one name, those of the task."""


def values(draft: Draft, spec: TaskSpec) -> dict[str, str]:
    """Every key that may be edited, with its present value as text."""
    return {key: _text(value) for key, value in _values(draft, spec).items()}


def scaled(draft: Draft, spec: TaskSpec, key: str, factor: float) -> float:
    """A number of the draft times ``factor``; a whole number if it is one."""
    now: float = _values(draft, spec)[key]
    return type(now)(now * factor)


def renderings(spec: TaskSpec) -> list[str]:
    """The names under which a task documents renderings of its raw files."""
    return list(dict.fromkeys(r.name for raw in spec.raw_sources for r in raw.renderings))


def _values(draft: Draft, spec: TaskSpec) -> dict[str, Any]:
    train = draft.train.model_dump()
    if draft.train.adapter is not None:
        train |= {f"lora.{key}": value for key, value in draft.train.adapter.model_dump().items()}
    found = {f"train.{key}": train[key] for key in TRAIN_KEYS if key in train}
    if isinstance(draft.program, Recipe):
        recipe = draft.program.model_dump()
        recipe |= {f"sample.{key}": value for key, value in recipe["sample"].items()}
        found |= {f"recipe.{key}": recipe[key] for key in RECIPE_KEYS}
        if "grpo" in spec.rules.methods:  # the only method that reads items
            found["recipe.items"] = recipe["items"]
        if spec.raw_sources:
            found[RENDERING] = _rendering(draft.program, spec)
        for name, source in _named_sources(draft.program).items():
            found |= {f"recipe.sources.{name}.{key}": source[key] for key in SOURCE_KEYS}
    return found


def apply(draft: Draft, spec: TaskSpec, edits: Iterable[tuple[str, str]]) -> Draft:
    """The draft with some keys changed.

    Raises:
        ValueError: naming every key that does not exist and every value that is not valid.
    """
    known, faults = values(draft, spec), []
    train: dict[str, Any] = draft.train.model_dump(exclude_unset=True)
    recipe: dict[str, Any] = draft.program.model_dump() if isinstance(draft.program, Recipe) else {}
    sources = dict(zip(_named_sources(draft.program), recipe["sources"], strict=True)) if recipe else {}
    for key, value in edits:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            faults.append(f"there is no key '{key}'" + (f", did you mean '{near[0]}'?" if near else ""))
            continue
        room, _, rest = key.partition(".")
        if key == RENDERING:
            faults += _render(recipe, spec, value)
        elif room == "train":
            _set(train, rest, value)
        elif rest.startswith("sources."):
            name, _, field = rest.removeprefix("sources.").rpartition(".")
            sources[name][field] = value
        else:
            _set(recipe, rest, value)
    try:
        changed = _parse_train(train, draft.train)
        program = parse(recipe, Recipe, where="recipe") if recipe else draft.program
    except InputError as error:
        faults += [f"{finding.where}: {finding.message}" for finding in error.findings]
    if faults:
        raise ValueError("; ".join(faults))
    return Draft(program, changed)


def _parse_train(keys: dict[str, Any], before: WeightsConfig) -> WeightsConfig:
    """Parse a training configuration. Keys that another method than before does not have are left out, and the kind of
    weights stays.

    Raises:
        InputError: with its faults.
    """
    method = keys.get("method", before.method)
    if method != before.method and is_method(method):
        kind = method if method in TrainConfig.methods else before.kind
        keys = {"weights": kind, **keys}
        if not TrainConfig.methods[kind].adapters:
            keys.pop("lora", None)
        keys = {key: value for key, value in keys.items() if key in find_config(method).model_fields}
    changed = parse_config(keys, where="train")
    if not isinstance(changed, WeightsConfig):
        message, fix = f"a draft cannot have the method {method}", f"one of: {', '.join(TrainConfig.methods)}"
        raise InputError([Finding(code="bad_value", message=message, where="train: method", fix=fix)])
    return changed


def differences(before: Draft, after: Draft, spec: TaskSpec) -> Mapping[str, tuple[str, str]]:
    """Key -> value before and after, for every key that differs. Templates that follow from the rendering are left
    out, and so are the settings of adapters where only one side has adapters."""
    old, new = values(before, spec), values(after, spec)
    found = {key: (old.get(key, ""), new.get(key, "")) for key in {**old, **new} if old.get(key) != new.get(key)}
    if found.get(RENDERING, ("", OWN))[1] != OWN:
        found = {key: pair for key, pair in found.items() if not key.endswith((".prompt", ".completion"))}
    if (before.train.adapter is None) != (after.train.adapter is None):
        found = {key: pair for key, pair in found.items() if not key.startswith("train.lora.")}
    return found


def _rendering(recipe: Recipe, spec: TaskSpec) -> str:
    """The one name under which the task documents the templates of all sources that it knows."""
    for name in renderings(spec):
        documented = [_documented(source, spec, name) for source in recipe.sources]
        same = [(s.prompt, s.completion) == known for s, known in zip(recipe.sources, documented, strict=True) if known]
        if same and all(same):
            return name
    return OWN


def _render(recipe: dict[str, Any], spec: TaskSpec, name: str) -> list[str]:
    """Give every source of a recipe the templates of that name, if the task has them for it; what is wrong."""
    if name not in renderings(spec):
        return [f"{RENDERING}: must be one of {', '.join(renderings(spec))}, got '{name[:40]}'"]
    for source in recipe["sources"]:
        if found := _documented(Source.model_validate(source), spec, name):
            source["prompt"], source["completion"] = found
    return []


def _documented(source: Source, spec: TaskSpec, name: str) -> tuple[str, str] | None:
    """The task's templates of that name for a source."""
    for raw in spec.raw_sources:
        if (raw.path, raw.subtask) == (source.path, source.subtask):
            return next(((r.prompt, r.completion) for r in raw.renderings if r.name == name), None)
    return None


def _named_sources(program: Recipe | str) -> dict[str, dict[str, Any]]:
    """A recipe's sources by sub-task; by path where sub-tasks do not tell them apart."""
    if isinstance(program, str):
        return {}
    subtasks = [source.subtask for source in program.sources]
    return {
        source.subtask if source.subtask and subtasks.count(source.subtask) == 1 else f"{source.path}#{i}": (
            source.model_dump()
        )
        for i, source in enumerate(program.sources)
    }


def _set(config: dict[str, Any], key: str, value: str) -> None:
    first, _, rest = key.partition(".")
    if rest:
        config[first] = {**(config.get(first) or {}), rest: value}
    else:
        config[first] = int(value) if key == START and value.isdecimal() else value


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
