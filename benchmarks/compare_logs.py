"""Does ``ftdojo compare`` say of the logs of other harnesses what these say themselves?

    python benchmarks/compare_logs.py [--python PYTHON] [--items 40]

lm-evaluation-harness and Inspect each ask the embedded model twice, for the sums of small numbers: once as it is and
once with worked examples. Nothing is downloaded. ``ftdojo compare`` reads the two logs of each. The score of each log
has to be the one that its own tool prints, the pairs have to be all items, and the items that changed have to be those
that the tool's log says. Exits with 1 if something differs.

PYTHON is that of an environment with both tools (``pip install 'lm-eval[hf]' inspect-ai``); by default this one. Their
packages need not agree with those of ftdojo.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ftdojo import models
from ftdojo.record import Home

MODEL = "smollm2-135m"
SHOTS = (0, 4)
LM_EVAL_METRIC = "exact_match,first_number"
ROUNDED = 0.005
"""Per cent. Inspect rounds what it prints to three digits."""
LM_EVAL_TASK = """task: sums
dataset_path: json
dataset_kwargs:
  data_files: {{train: {examples}, test: {items}}}
training_split: train
fewshot_split: train
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["\\n"], max_gen_toks: 8, do_sample: false}}
filter_list:
  - name: first_number
    filter:
      - {{function: regex, regex_pattern: "([0-9]+)"}}
      - {{function: take_first}}
  - name: as_it_is
    filter:
      - {{function: take_first}}
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true}}
"""
INSPECT_TASK = """import json
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import match
from inspect_ai.solver import generate


def rows(name):
    return [json.loads(line) for line in (Path(__file__).parent / name).read_text().splitlines()]


@task
def sums(shots: int = 0):
    before = "".join(f"{row['question']} {row['answer']}\\n" for row in rows("examples.jsonl")[:shots])
    items = enumerate(rows("items.jsonl"))
    samples = [Sample(id=n, input=before + row["question"], target=row["answer"]) for n, row in items]
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=match(numeric=True))
"""
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "0",
}


@dataclass(frozen=True)
class Log:
    """A log, and what its own tool says of it."""

    path: Path
    score: float
    """Per cent."""
    right: dict[str, bool]
    """Item -> whether its answer is right."""


def write_items(folder: Path, count: int) -> None:
    """Write the items and the worked examples."""
    rng = random.Random(0)
    sums = rng.sample([(a, b) for a in range(2, 12) for b in range(2, 12)], count + max(SHOTS))
    rows = [{"question": f"{a} + {b} =", "answer": str(a + b)} for a, b in sums]
    for name, chosen in (("items", rows[:count]), ("examples", rows[count:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chosen))


def run(python: str, arguments: list[str]) -> str:
    """What a module of the other environment prints."""
    done = subprocess.run(
        [python, "-m", *arguments], env=os.environ | OFFLINE, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def lm_eval(python: str, folder: Path, model: Path, shots: int) -> Log:
    """Let lm-evaluation-harness ask the model."""
    task = LM_EVAL_TASK.format(examples=folder / "examples.jsonl", items=folder / "items.jsonl")
    (folder / "sums.yaml").write_text(task)
    out = folder / f"lm-eval-{shots}"
    options = ["--model", "hf", "--model_args", f"pretrained={model}", "--device", "cpu", "--batch_size", "8"]
    options += ["--tasks", "sums", "--include_path", str(folder), "--num_fewshot", str(shots), "--log_samples"]
    run(python, ["lm_eval", *options, "--output_path", str(out)])
    (results,), (samples,) = out.rglob("results_*.json"), out.rglob("samples_sums_*.jsonl")
    score = json.loads(results.read_text())["results"]["sums"]["exact_match,first_number"]
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    right = {str(row["doc_id"]): row["exact_match"] == 1 for row in rows if row["filter"] == "first_number"}
    return Log(samples, 100.0 * score, right)


def inspect(python: str, folder: Path, model: Path, shots: int) -> Log:
    """Let Inspect ask the model."""
    (folder / "sums.py").write_text(INSPECT_TASK)
    out = folder / f"inspect-{shots}"
    options = [f"{folder / 'sums.py'}@sums", "-T", f"shots={shots}", "--model", "hf/embedded"]
    options += ["-M", f"model_path={model}", "-M", "device=cpu", "-M", "do_sample=false", "--max-tokens", "8"]
    options += ["--log-dir", str(out), "--log-format", "eval", "--display", "none"]
    run(python, ["inspect_ai", "eval", *options])
    (path,) = out.glob("*.eval")
    log = json.loads(run(python, ["inspect_ai", "log", "dump", str(path)]))
    (found,) = log["results"]["scores"]
    right = {str(sample["id"]): sample["scores"]["match"]["value"] == "C" for sample in log["samples"]}
    return Log(path, 100.0 * found["metrics"]["accuracy"]["value"], right)


def faults(first: Log, other: Log, metric: str | None) -> Iterator[str]:
    """What ``ftdojo compare`` says otherwise than the tool that made two logs."""
    names = [f"first={first.path}", f"other={other.path}"]
    command = [str(Path(sys.executable).with_name("ftdojo")), "compare", *names, "--json"]
    command += ["--metric", metric] if metric else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"exit status {done.returncode}: {done.stderr.strip()}"
        return
    found = json.loads(done.stdout)
    against = found["others"][0]
    for name, log, score in (("first", first, found["score"]), ("other", other, against["score"])):
        print(f"  {name}: {log.score:.2f} by its tool, {score['value']:.2f} here, {score['n']} items")
        if abs(log.score - score["value"]) > ROUNDED or score["n"] != len(log.right):
            yield f"{name}: {log.score} over {len(log.right)} items, and here {score['value']} over {score['n']}"
    changed = {key: (first.right[key], other.right[key]) for key in first.right if first.right[key] != other.right[key]}
    flips = {flip["id"]: (bool(flip["first"]), bool(flip["other"])) for flip in against["flips"]}
    if flips != changed:
        yield f"items that changed: {changed}, and here {flips}"


def main() -> None:
    """Make the logs and compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="of an environment with both tools")
    parser.add_argument("--items", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="a folder for the logs, which are otherwise removed")
    arguments = parser.parse_args()
    model = models.resolve(MODEL, Home.default().root)
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ftdojo-logs-") as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        write_items(folder, arguments.items)
        for name, ask, metric in (("lm-evaluation-harness", lm_eval, LM_EVAL_METRIC), ("Inspect", inspect, None)):
            first, other = (ask(arguments.python, folder, model, shots) for shots in SHOTS)
            print(name, flush=True)
            wrong += [f"{name}: {fault}" for fault in faults(first, other, metric)]
    print("\n".join(wrong) or "the same scores and changed items")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
