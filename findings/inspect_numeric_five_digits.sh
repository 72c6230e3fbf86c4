#!/usr/bin/env bash
# Guess: match(numeric=True) of inspect compares numbers, so that "1,000.0" is right where 1000 is, and 100001 is wrong
# where 100004 is; it is match() made aware of numbers.
# What happens: both numbers are written with five digits, and the texts are compared. So every large number has many
# right answers: 100004 for 100001, the date 20241201 for 20241130, 1,999.96 for 1999.99, and 7006700 for 1234 times
# 5678. match() without numeric=True has all of these wrong. Numbers of up to five digits are exact. An answer in
# percent, or with its unit behind it, is no number, so 50% is wrong where 50 is right, and where 0.5 is.
# Seen with inspect-ai 0.3.285. Source: inspect_ai/scorer/_common.py, normalize_number, precision=5, which match() does
# not let one set.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet inspect-ai==0.3.285
"$work/venv/bin/python" <<'PY'
import asyncio

from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Scorer, Target, match
from inspect_ai.solver import TaskState


def judge(scorer: Scorer, target: str, output: str) -> str:
    answer = ModelOutput.from_content("model", output)
    state = TaskState(model="model", sample_id=1, epoch=1, input="question", messages=[], output=answer)
    return str(asyncio.run(scorer(state, Target(target))).value)


CASES = {  # target, output: match(), match(numeric=True), each C for correct or I for incorrect
    ("1000", "1,000.0"): "IC",
    ("100001", "100004"): "IC",
    ("20241130", "20241201"): "IC",
    ("1999.99", "1,999.96"): "IC",
    ("7006652", "7006700"): "IC",
    ("12345", "12346"): "II",
    ("50", "50%"): "CI",
    ("0.5", "50%"): "II",
    ("10", "10km"): "II",
}
for (target, output), expected in CASES.items():
    found = "".join(judge(scorer, target, output) for scorer in (match(), match(numeric=True)))
    print(f"target {target!r}, output {output!r}: match {found[0]}, match(numeric=True) {found[1]}")
    if found != expected:
        raise SystemExit("changed")
PY
