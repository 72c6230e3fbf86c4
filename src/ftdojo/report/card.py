"""The model card of an exported model: ``README.md`` next to its weights, and the commands that serve it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from ftdojo import models
from ftdojo.audit.export import Exported, Step
from ftdojo.contract.result import Score
from ftdojo.contract.submission import RECIPE, SCRIPT, TRAIN
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
    path = exported.folder / FILE
    with disk_errors(path):
        write_file(path, card(exported), mode=BY_UMASK)
    return path


def card(exported: Exported) -> str:
    """Return the card as Markdown with the front matter that model hubs read."""
    (last, *earlier), configuration = exported.steps, exported.configuration
    variant = exported.task.variants[configuration.variant]
    front: dict[str, Any] = {"base_model": configuration.model} if _HUB_ID.fullmatch(configuration.model) else {}
    front |= {
        "library_name": "transformers" if exported.form == "merged" else "peft",
        "license": EMBEDDED_LICENCE if configuration.model == models.EMBEDDED else "other",
        "pipeline_tag": "text-generation",
        "tags": ["ftdojo"],
    }
    template = environment().overlay(autoescape=False).get_template("card.md.jinja")
    return template.render(
        front=yaml.safe_dump(front, sort_keys=False).strip(),
        name=exported.folder.name,
        exported=exported,
        configuration=configuration,
        task=exported.task.spec,
        sets=variant.sets,
        scores=_scores(exported),
        without_training=_without_training(exported),
        learned=_learned(exported),
        measured=text.score(exported.score),
        last=_describe(last),
        earlier=[_describe(step) for step in earlier],
        commands=commands(exported),
        embedded=configuration.model == models.EMBEDDED,
    )


def _program(submission: Path) -> Path:
    """Return the data program of a submission."""
    return next(submission / name for name in (RECIPE, SCRIPT) if (submission / name).is_file())


def _describe(step: Step) -> dict[str, Any]:
    """Return what the card says of one of the trainings that led to the model."""
    program, data = _program(step.submission), step.iteration.feedback.data
    return {
        "number": step.iteration.number,
        "rows": data.rows if data else None,
        "removed_overlap": data.removed_overlap if data else 0,
        "program": program.name,
        "program_text": _fence(program.read_text("utf-8")[:PROGRAM_CHARS]),
        "train_text": _fence((step.submission / TRAIN).read_text("utf-8")),
        "digests": step.iteration.digests,
    }


def commands(exported: Exported) -> list[str]:
    """Return shell commands that serve the model, one per line."""
    folder, name = shlex.quote(str(exported.folder)), shlex.quote(exported.folder.name)
    if exported.form == "adapter":
        rank = json.loads((exported.folder / "adapter_config.json").read_text("utf-8"))["r"]
        base = shlex.quote(str(exported.base))
        return [
            f"vllm serve {base} --enable-lora --max-lora-rank {max(8, rank)} --lora-modules {name}={folder}",
            f"python convert_lora_to_gguf.py {folder} --base {base} --outfile {name}.gguf  # of llama.cpp",
        ]
    return [
        f"vllm serve {folder} --served-model-name {name}",
        f"python convert_hf_to_gguf.py {folder} --outfile {name}.gguf && llama-server -m {name}.gguf  # of llama.cpp",
    ]


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
