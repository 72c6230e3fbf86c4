"""The answers of a run in the forms of other tools: logs of Inspect, and samples of lm-evaluation-harness."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftdojo.audit.samples import Evaluated, Sample, Samples
from ftdojo.contract.result import Score
from ftdojo.disk import disk_errors
from ftdojo.errors import PrerequisiteError
from ftdojo.extras import install_command
from ftdojo.files import write_file


def write_inspect(samples: Samples, folder: Path) -> list[Path]:
    """Write one ``.eval`` log for each evaluation, through Inspect's own library; return the files.

    Raises:
        PrerequisiteError: if it is not installed.
    """
    try:
        from inspect_ai.log import write_eval_log
    except ImportError:
        raise PrerequisiteError("Inspect is not installed", fix=install_command("inspect")) from None
    written = []
    for evaluated in samples.evaluations:
        path = folder / f"{evaluated.split}-{evaluated.model}.eval"
        with disk_errors(path):
            folder.mkdir(parents=True, exist_ok=True)
            write_eval_log(_inspect_log(samples, evaluated), str(path))
        written.append(path)
    return written


def _inspect_log(samples: Samples, evaluated: Evaluated) -> Any:
    from inspect_ai import log, scorer

    metric, score = evaluated.score.metric, evaluated.score
    metadata = {"split": evaluated.split, "base_model": samples.base, "agent": samples.agent}
    named = {metric: score} | {f"{metric}, {name}": found for name, found in evaluated.untrained.items()}
    return log.EvalLog(
        status="success",
        eval=log.EvalSpec(
            created=evaluated.created,
            task=samples.task,
            dataset=log.EvalDataset(name=evaluated.split, samples=len(evaluated.samples)),
            model=f"ftdojo/{evaluated.model}",
            config=log.EvalConfig(),
            metadata=metadata,
        ),
        results=log.EvalResults(
            total_samples=len(evaluated.samples),
            completed_samples=len(evaluated.samples),
            scores=[
                log.EvalScore(
                    name=metric,
                    scorer=metric,
                    metrics={
                        name: log.EvalMetric(name=name, value=found.value, metadata=_bounds(found))
                        for name, found in named.items()
                    },
                )
            ],
        ),
        samples=[_inspect_sample(sample, metric, evaluated.model, scorer.Score) for sample in evaluated.samples],
    )


def _bounds(score: Score) -> dict[str, float]:
    return {"low": score.interval[0], "high": score.interval[1], "n": score.n}


def _inspect_sample(sample: Sample, metric: str, model: str, score: Any) -> Any:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, ModelOutput

    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    messages = [kinds[message["role"]](content=message["content"]) for message in sample.messages]
    verdict = sample.verdict
    return EvalSample(
        id=sample.id,
        epoch=1,
        input=messages,
        target=sample.gold,
        messages=[*messages, ChatMessageAssistant(content=sample.output)],
        output=ModelOutput.from_content(model, sample.output),
        scores={metric: score(value=verdict.score, answer=sample.output, explanation=verdict.error)},
        metadata={"subtask": sample.subtask, "parsed": verdict.parsed},
    )


def write_lm_eval(samples: Samples, folder: Path) -> list[Path]:
    """Write one JSON-lines file for each evaluation, as lm-evaluation-harness does with ``--log_samples``."""
    name = samples.task.replace("/", "_")
    written = []
    for evaluated in samples.evaluations:
        path = folder / f"samples_{name}_{evaluated.split}_{evaluated.model}.jsonl"
        with disk_errors(path):
            folder.mkdir(parents=True, exist_ok=True)
            write_file(path, _lines(evaluated.samples, evaluated.score.metric))
        written.append(path)
    return written


def _lines(samples: Sequence[Sample], metric: str) -> str:
    rows = [_lm_eval_row(number, sample, metric) for number, sample in enumerate(samples)]
    return "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)


def _lm_eval_row(number: int, sample: Sample, metric: str) -> dict[str, Any]:
    prompt = json.dumps(sample.messages, ensure_ascii=False)
    return {
        "doc_id": number,
        "doc": {"id": sample.id, "subtask": sample.subtask, "messages": sample.messages},
        "target": sample.gold,
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": {"do_sample": False}}},
        "resps": [[sample.output]],
        "filtered_resps": [sample.output],
        "filter": "none",
        "metrics": [metric],
        "doc_hash": _hash(sample.id),
        "prompt_hash": _hash(prompt),
        "target_hash": _hash(sample.gold),
        metric: sample.verdict.score,
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
