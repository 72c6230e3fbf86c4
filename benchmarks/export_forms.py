"""What does an exported model lose? The embedded model, fine-tuned, in every form, through llama.cpp's own server.

    python benchmarks/export_forms.py [RUN]

``RUN`` is a finished run of the embedded model; without it one is made: examples/support_tickets with the playbook, in
ten minutes. Its best model is exported as an adapter (if the run has one), merged and as GGUF (whole, q8_0, q4_k_m),
and every one is asked the validation items. The table has the difference to the run's answers, item by item, with its
95 % interval. Then llama.cpp and transformers make tokens of 3,000 random texts. Needs the extra ``gguf``.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ftdojo.audit.export import Exported, Wanted, export
from ftdojo.audit.form_scores import FormScore
from ftdojo.contract.progress import Silent
from ftdojo.errors import UsageError
from ftdojo.inference.llama_cpp import serve
from ftdojo.record import Home

TASK = Path(__file__).parents[1] / "examples/support_tickets"
QUANTS = ("q8_0", "q4_k_m")
TEXTS = 3000
PIECES = (
    "\n", "\n\n", " ", "  ", "\t", "1", "23", "4.5", "2026-01-02", "a", "Wash", " the", "'s", "é", "…", "\u3000",
    "中文", "😀", ".", ", ", "(", ")", "{", '"key": ', "::", "--", "<|im_end|>", "\r\n", "ﬁ", "\u0301", "x_1", "$", "#",
)  # fmt: skip


def make_run(folder: Path) -> Path:
    """Run the playbook for ten minutes."""
    command = [sys.executable, "-m", "ftdojo", "run", str(TASK), "--budget", "10m", "--out", str(folder / "run")]
    subprocess.run(command, check=True)
    return folder / "run"


def compare_tokens(file: Path, model: Path) -> int:
    """Return the number of random texts of which llama.cpp makes other tokens than transformers."""
    from transformers import AutoTokenizer

    tokenizer, rng = AutoTokenizer.from_pretrained(model), random.Random(0)
    different = 0
    with serve(file, context=512, slots=1) as address:
        for _ in range(TEXTS):
            text = "".join(rng.choices(PIECES, k=rng.randint(1, 24)))
            body = json.dumps({"content": text, "add_special": True, "parse_special": True}).encode()
            asked = urllib.request.Request(f"{address}/tokenize", body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(asked) as reply:
                different += json.load(reply)["tokens"] != tokenizer(text).input_ids
    return different


def export_form(run: Path, out: Path, wanted: Wanted) -> Exported:
    """Export the best model of a run."""
    return export(run, out, wanted, home=Home.default(), task=str(TASK), progress=Silent())


def show(forms: Sequence[FormScore], files: Sequence[Path]) -> None:
    """Print a line for each form, with the size of its file."""
    for one, file in zip(forms, files, strict=True):
        gap, size = one.difference, file.stat().st_size / 2**20
        shown = f"{gap.value:+.1f} [{gap.low:+.1f}, {gap.high:+.1f}]"
        print(f"| {one.form} | {size:.0f} MiB | {one.score} | {shown} | {one.same} of {one.score.n} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, help="a finished run of the embedded model")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run = given.run or make_run(folder)
        print("| form | size | validation | difference to the run | same answers |\n|---|---|---|---|---|")
        with suppress(UsageError):  # a run of all weights has no adapter
            adapter = export_form(run, folder / "adapter", Wanted(form="adapter"))
            show(adapter.checked, adapter.written.weights)
        exported = export_form(run, folder / "model", Wanted(form="gguf", quants=QUANTS, ollama=True, check=True))
        show(exported.checked, [run / "model/model.safetensors", *exported.written.weights])
        different = compare_tokens(exported.written.weights[-1], run / "model")
        print(f"\n{different} of {TEXTS} random texts are other tokens in llama.cpp than in transformers")


if __name__ == "__main__":
    main()
