"""Compare this build with an earlier one: what an iteration takes besides optimizer steps and generated tokens.

    python benchmarks/compare_builds.py --earlier FOLDER [--task NAME|FOLDER] [--model NAME|FOLDER]
        [--shape qwen2.5-1.5b] [--rows 256] [--steps 32] [--batch 8] [--method lora] [--iterations 2] [--repeats 1]
        [--json]

``FOLDER`` is a checkout of an earlier build with its own ``.venv``. Each side runs the same episode in a process of its
own, with an empty home: baseline, then iterations of one submission, whose rows and training are fixed and which differ
in their seeds, so that nothing is found in the store. The sides alternate. With ``--shape`` the model has random
weights in bfloat16 in the shape of a real one, and the embedded model's tokenizer.

Reported, a side, medians over its iterations after the first baseline: seconds of an iteration; those inside
``transformers.Trainer.train`` and ``TransformersEngine.generate``, which are the steps and the tokens of gates,
training and evaluation; the rest; bytes that the process wrote; and the peak of its resident memory, of which a part is
pages of files. Scores of both sides must be equal: the work was the same.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

EMBEDDED = "smollm2-135m"
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 49152,
    },
    "qwen2.5-1.5b": {
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
    },
}
"""Sizes of models, as the configuration of Qwen2 names them."""
POLL_S = 0.02
"""A training resets the peak that the kernel counts, so it is read this often."""


def make_model(shape: str, folder: Path) -> Path:
    """Write a model with random weights in bfloat16."""
    import torch
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    from ftdojo import models
    from ftdojo.record import Home

    embedded = models.resolve(EMBEDDED, Home.default().root)
    tokenizer = AutoTokenizer.from_pretrained(embedded)
    ends = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    Qwen2ForCausalLM(Qwen2Config(**SHAPES[shape], **ends, tie_word_embeddings=True)).save_pretrained(folder)
    for path in embedded.iterdir():
        if path.name.startswith(("tokenizer", "chat_template", "special_tokens")):
            shutil.copy(path, folder)
    return folder


def write_submissions(task: str, folder: Path, arguments: argparse.Namespace) -> list[Path]:
    """Write the submissions: all raw files of the task in the scorer's form, and a training of a few steps."""
    from ftdojo import sandbox, tasks
    from ftdojo.episode.trivial import ANSWER

    _, found = tasks.get(task, runner=sandbox.run_user_code).variant(None)
    sources = []
    for raw in found.spec.raw_sources:
        way = next((r for r in raw.renderings if r.name == ANSWER), raw.renderings[0])
        sources.append({"path": raw.path, "prompt": way.prompt, "completion": way.completion})
    made = []
    for number in range(1, arguments.iterations + 1):
        content: dict[str, Any] = {
            "plan": {"parent": 0, "hypothesis": "h", "evidence": ["e"], "focus": "both", "changes": []},
            "recipe": {"sources": sources, "max_rows": arguments.rows, "seed": 0},
            "train": {
                "method": arguments.method,
                "learning_rate": 2e-5 if arguments.method == "full" else 2e-4,
                "epochs": 100,
                "max_steps": arguments.steps,
                "batch_size": arguments.batch,
                "max_length": 256,
                "seed": number,
            },
        }
        made.append(folder / str(number))
        made[-1].mkdir(parents=True)
        for name, value in content.items():
            (made[-1] / f"{name}.yaml").write_text(yaml.safe_dump(value), "utf-8")
    return made


def play(job: Path) -> None:
    """One side, in its own process and with its own build: only what all builds have is used."""
    request = json.loads(job.read_text("utf-8"))
    task, model, folder = request["task"], request["model"], job.parent
    import transformers

    from ftdojo.inference import TransformersEngine
    from ftdojo.record import Home

    spent: Counter[str] = Counter()

    def timed(owner: Any, name: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def call(*given: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return real(*given, **named)
            finally:
                spent[name] += time.perf_counter() - begun

        setattr(owner, name, call)

    timed(transformers.Trainer, "train")
    timed(TransformersEngine, "generate")
    home = Home(folder / "home")
    try:
        from ftdojo.contract.options import RunOptions
        from ftdojo.episode import Dojo

        dojo: Any = Dojo(RunOptions(task=task, model=model, sequential=False), folder / "run", home=home)
    except ImportError:  # before the options had a class
        from ftdojo.dojo import Dojo as Before  # type: ignore[import-not-found,unused-ignore]

        dojo = Before(task, folder / "run", model=model, home=home)
    with dojo:
        dojo.reset()
        iterations = []
        for submission in request["submissions"]:
            spent.clear()
            with suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins anew
            (folder / "measuring").touch()
            written, begun = _written(), time.perf_counter()
            done = dojo.step(Path(submission)).history[-1].feedback
            seconds = time.perf_counter() - begun
            (folder / "measuring").unlink()
            if done.evaluation is None:
                sys.exit(f"the submission was refused: {done.execution.findings}")
            iterations.append(
                {
                    "seconds": seconds,
                    "steps_s": spent["train"],
                    "answers_s": spent["generate"],
                    "rest_s": seconds - spent["train"] - spent["generate"],
                    "written": _written() - written,
                    "score": done.evaluation.score.value,
                }
            )
        (folder / "measured.json").write_text(json.dumps(iterations), "utf-8")
        os._exit(0)  # the episode is not ended: nothing is graded


def _written() -> int:
    """Return the bytes that this process gave to the kernel to write."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text("utf-8").splitlines())
    return int(fields["wchar"])


def watch(process: subprocess.Popen[bytes], folder: Path) -> int:
    """Wait for the end of a side; return the peak of its resident memory while it measured, in bytes."""
    peak, status = 0, Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        if (folder / "measuring").exists():
            with suppress(OSError, KeyError):
                fields = dict(line.split(":", 1) for line in status.read_text("utf-8").splitlines())
                peak = max(peak, int(fields["VmHWM"].split()[0]) * 1024)
        time.sleep(POLL_S)
    return peak


def side(python: Path, cwd: Path, request: dict[str, Any]) -> dict[str, float]:
    """Run one side once; the medians of its iterations."""
    with tempfile.TemporaryDirectory(prefix="ftdojo-builds-") as scratch:
        job = Path(scratch, "job.json")
        job.write_text(json.dumps(request), "utf-8")
        process = subprocess.Popen([python, Path(__file__).resolve(), "--play", job], cwd=cwd)
        peak = watch(process, job.parent)
        if process.returncode:
            sys.exit(f"the side of {cwd} ended with status {process.returncode}")
        iterations = json.loads((job.parent / "measured.json").read_text("utf-8"))
    medians = {name: statistics.median(i[name] for i in iterations) for name in iterations[0]}
    return {**medians, "peak": float(peak)}


def main() -> None:
    """Both sides in turn, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--earlier", type=Path, help="a checkout of an earlier build with its own .venv")
    parser.add_argument("--task", default="chemistry/mol_und", help="a task, or the folder of one")
    parser.add_argument("--model", default=EMBEDDED, help="a model, or the folder of one")
    parser.add_argument("--shape", choices=list(SHAPES), help="random weights in this shape in place of --model")
    parser.add_argument("--method", default="lora", choices=["lora", "full", "qlora"])
    parser.add_argument("--rows", type=int, default=256, help="rows to train on")
    parser.add_argument("--steps", type=int, default=32, help="optimizer steps")
    parser.add_argument("--batch", type=int, default=8, help="rows of a batch")
    parser.add_argument("--iterations", type=int, default=2, help="iterations of a process")
    parser.add_argument("--repeats", type=int, default=1, help="processes of each side")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--play", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.play:
        play(arguments.play)
    own = Path(__file__).resolve().parents[1]
    builds = {"ours": (Path(sys.executable), own)}
    if arguments.earlier:
        builds["earlier"] = (arguments.earlier.absolute() / ".venv/bin/python", arguments.earlier.absolute())
    task = str(Path(arguments.task).absolute()) if Path(arguments.task).is_dir() else arguments.task
    model = str(Path(arguments.model).absolute()) if Path(arguments.model).is_dir() else arguments.model
    with tempfile.TemporaryDirectory(prefix="ftdojo-builds-") as scratch:
        if arguments.shape:
            model = str(make_model(arguments.shape, Path(scratch, "model")))
        submissions = write_submissions(task, Path(scratch, "submissions"), arguments)
        request = {"task": task, "model": model, "submissions": list(map(str, submissions))}
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in builds}
        for _ in range(arguments.repeats):
            for name, (python, folder) in builds.items():
                runs[name].append(side(python, folder, request))
    found = {name: {key: statistics.median(r[key] for r in made) for key in made[0]} for name, made in runs.items()}
    for name, made in found.items():
        print(
            f"{name:8} {made['seconds']:7.1f} s: steps {made['steps_s']:.1f}, answers {made['answers_s']:.1f}, rest "
            f"{made['rest_s']:.1f}; {made['written'] / 2**20:.1f} MiB written; peak {made['peak'] / 2**20:.0f} MiB; "
            f"score {made['score']:.2f}"
        )
    ratios = {}
    if "earlier" in found:
        keys = ("seconds", "rest_s", "written", "peak")
        ratios = {key: found["ours"][key] / max(found["earlier"][key], 1e-9) for key in keys}
        print("ratios: " + ", ".join(f"{key} {value:.3f}" for key, value in ratios.items()))
        if found["ours"]["score"] != found["earlier"]["score"]:
            print("the scores differ: the sides did not do the same work")
    if arguments.json:
        ran = {**vars(arguments), "earlier": str(arguments.earlier), "play": None, "cores": os.cpu_count()}
        print(json.dumps({"benchmark": "compare_builds", "sides": found, "ratios": ratios, "ran": ran}))


if __name__ == "__main__":
    main()
