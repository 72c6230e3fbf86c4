#!/usr/bin/env bash
# Guess: the scorer exact() of inspect says correct where output and target are the same text, perhaps but for case and
# white space; so a model that answers every question with its target has accuracy 1.
# What happens: as SQuAD's metric it drops articles and signs first, and a target of which nothing is left is never
# matched. So of the letters of a multiple choice "A" is wrong where "A" is right: a perfect model has 0.75 over four
# letters. And "C++" is C, "-5" is "5", "x < 0" is "x > 0", "1/2" is "12". f1() gives the same answers. match(), which
# one would take for the looser one, has A right, but compares the end only: "15" is right where "5" is, unless
# numeric=True.
# Seen with inspect-ai 0.3.285. Source: inspect_ai/scorer/_classification.py, _normalize and max_exact_score.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet inspect-ai==0.3.285
"$work/venv/bin/python" <<'PY'
import asyncio

from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Scorer, Target, exact, match
from inspect_ai.solver import TaskState


def judge(scorer: Scorer, target: str, output: str) -> str:
    answer = ModelOutput.from_content("model", output)
    state = TaskState(model="model", sample_id=1, epoch=1, input="question", messages=[], output=answer)
    return str(asyncio.run(scorer(state, Target(target))).value)


CASES = {  # target, output: exact(), match(), match(numeric=True), each C for correct or I for incorrect
    ("A", "A"): "ICC",
    ("B", "B"): "CCC",
    ("C", "C"): "CCC",
    ("D", "D"): "CCC",
    ("C++", "C#"): "CCC",
    ("-5", "5"): "CCI",
    ("x < 0", "x > 0"): "CII",
    ("1/2", "12"): "CII",
    ("5", "15"): "ICI",
}
for (target, output), expected in CASES.items():
    found = "".join(judge(scorer, target, output) for scorer in (exact(), match(), match(numeric=True)))
    print(f"target {target!r}, output {output!r}: exact {found[0]}, match {found[1]}, match(numeric=True) {found[2]}")
    if found != expected:
        raise SystemExit("changed")
PY
