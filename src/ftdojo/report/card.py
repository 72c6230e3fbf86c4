"""The model card of an exported model: ``README.md`` next to its weights, and the commands that serve it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ftdojo import models
from ftdojo.audit.export import MODELFILE, Exported, Step
from ftdojo.contract.prompts import name_prompts
from ftdojo.contract.result import GuardTrivial, Score
from ftdojo.contract.script import SCRIPT, TRAIN_SCRIPT
from ftdojo.contract.submission import RECIPE, TRAIN
from ftdojo.disk import disk_errors
from ftdojo.files import BY_UMASK, write_file
from ftdojo.report import text
from ftdojo.report.page import environment

FILE = "README.md"
EMBEDDED_LICENCE = "apache-2.0"
PROGRAM_CHARS = 12_000
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def write_card(exported: Exported) -> Path:
    """Write the card into the folder of the model, and return its path."""
    path = exported.written.folder / FILE
    with disk_errors(path):
        write_file(path, card(exported), mode=BY_UMASK)
    return path


def card(exported: Exported) -> str:
    """Return the card as Markdown with the front matter that model hubs read."""
    (last, *earlier), configuration = exported.steps, exported.configuration
    variant = exported.task.variants[configuration.variant]
    untrained = exported.result.guard_trivial if exported.result else {}
    front: dict[str, Any] = {"base_model": exported.base.id} if _HUB_ID.fullmatch(exported.base.id) else {}
    front |= {
        "library_name": {"merged": "transformers", "adapter": "peft", "gguf": "gguf"}[exported.written.form],
        "license": EMBEDDED_LICENCE if configuration.model == models.EMBEDDED else "other",
        "pipeline_tag": "text-generation",
        "tags": ["ftdojo"],
    }
    template = environment().overlay(autoescape=False).get_template("card.md.jinja")
    return template.render(
        front=yaml.safe_dump(front, sort_keys=False).strip(),
        name=exported.written.folder.name,
        exported=exported,
        configuration=configuration,
        prompts=name_prompts(configuration.prompts),
        task=exported.task.spec,
        sets=variant.sets,
        scores=_scores(exported),
        guard=_guard(last, untrained),
        guard_warnings=[text.markdown(words) for words in (g.warning(task) for task, g in untrained.items()) if words],
        without_training=_without_training(exported),
        learned=_learned(exported),
        measured=text.score(exported.score),
        last=_describe(last),
        earlier=[_describe(step) for step in earlier],
        base=json.dumps(exported.base.id),
        turns=[(turn["role"], _fence(turn["content"])) for turn in exported.prompt],
        question=json.dumps(exported.prompt[-1]["content"] if exported.prompt else "…", ensure_ascii=False),
        commands=_commands(exported, Path(exported.written.folder.name), exported.base.id),
        embedded=configuration.model == models.EMBEDDED,
    )


def _program(submission: Path) -> Path:
    """Return the data program of a submission."""
    return next(submission / name for name in (RECIPE, SCRIPT) if (submission / name).is_file())


def _describe(step: Step) -> dict[str, Any]:
    """Return what the card says of one of the trainings that led to the model."""
    program, data = _program(step.submission), step.iteration.feedback.data
    training = [step.submission / name for name in (TRAIN, TRAIN_SCRIPT)]
    return {
        "number": step.iteration.number,
        "rows": data.rows if data else None,
        "removed_overlap": data.removed_overlap if data else 0,
        "program": program.name,
        "program_text": _fence(program.read_text("utf-8")[:PROGRAM_CHARS]),
        "train_text": "\n\n".join(_fence(path.read_text("utf-8")) for path in training if path.is_file()),
        "digests": step.iteration.digests,
    }


def commands(exported: Exported) -> list[str]:
    """Return shell commands that serve the model on this machine, one per line."""
    return _commands(exported, exported.written.folder, str(exported.base.folder))


def _commands(exported: Exported, place: Path, base_name: str) -> list[str]:
    folder, name, base = shlex.quote(str(place)), shlex.quote(exported.written.folder.name), shlex.quote(base_name)
    if exported.written.form == "gguf":
        last = shlex.quote(str(place / exported.written.weights[-1].name))
        serve = [f"llama-server -m {last} --jinja  # of llama.cpp"]
        modelfile = shlex.quote(str(place / MODELFILE))
        if (exported.written.folder / MODELFILE).is_file():
            serve.append(f"ollama create {name} -f {modelfile} && ollama run {name}")
        return serve
    if exported.written.form == "adapter":
        rank = json.loads((exported.written.folder / "adapter_config.json").read_text("utf-8"))["r"]
        return [f"vllm serve {base} --enable-lora --max-lora-rank {max(8, rank)} --lora-modules {name}={folder}"]
    return [f"vllm serve {folder} --served-model-name {name}"]


def _scores(exported: Exported) -> list[tuple[str, str, str, int]]:
    """Return for each split: its name, the scores of the base model and of this model, and the number of items."""
    result = exported.result
    if result is None:
        return [("validation", "–", text.score(exported.score), exported.score.n)]
    pairs: list[tuple[str, Score | None, Score | None]] = [
        (split, getattr(result.baseline, split), getattr(result.best, split)) for split in ("validation", "test")
    ]
    return [(split, text.score(a), text.score(b), b.n) for split, a, b in pairs if a and b]


def _without_training(exported: Exported) -> list[tuple[str, str, str]]:
    """Return answers that need no training, in words, with their scores on validation and test."""
    result = exported.result
    if result is None:
        return []

    def shown(score: Score | None) -> str:
        return "–" if score is None else text.score(score)

    measured = text.trivial_scores(result.trivial_validation, result.trivial)
    return [(text.markdown(words), shown(validation), shown(test)) for words, validation, test in measured]


def _guard(last: Step, untrained: Mapping[str, GuardTrivial]) -> list[tuple[str, str, str, str, str]]:
    """Return guard tasks with the scores of the base model and of this model, the difference, and what needs no
    training."""
    kept = last.iteration.decision.guard if last.iteration.decision else []
    return [
        (
            text.markdown(g.task),
            text.score(g.base),
            text.score(g.model),
            text.guarded(g),
            "; ".join(
                f"{text.markdown(words)}: {text.score_of(score, g.base.n)}"
                for words, score in text.without_training(untrained.get(g.task))
            )
            or "–",
        )
        for g in kept
    ]


def _learned(exported: Exported) -> str:
    """Return what the model is shown to be better than; empty if nothing was measured without training."""
    result = exported.result
    if result is None or result.to_trivial is None:
        return ""
    return text.markdown(text.learned(result.best.iteration, result.trivial, result.to_trivial))


def _fence(given: str) -> str:
    """Return ``given`` in a code block that its content cannot close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", given)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{given.rstrip()}\n{fence}"
