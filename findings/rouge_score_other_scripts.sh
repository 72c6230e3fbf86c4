#!/usr/bin/env bash
# Guess: a text has ROUGE 1 with itself, in every script; other scripts are only cut into words less well.
# What happens: rouge-score's default tokenizer drops every character but a-z and 0-9. A text in Greek or Chinese has no
# words left, so it scores 0 with itself; of French only the parts of words between accented letters are compared.
# Seen with rouge-score 0.1.2. Source: rouge_score/tokenize.py, NON_ALPHANUM_PATTERN. A tokenizer can be passed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet rouge-score==0.1.2
"$work/venv/bin/python" <<'PY'
from rouge_score.rouge_scorer import RougeScorer

scorer = RougeScorer(["rougeL"])
texts = {"the river is high": 1.0, "το ποτάμι είναι ψηλά": 0.0, "河水很高": 0.0}
for text, expected in texts.items():
    score = scorer.score(text, text)["rougeL"].fmeasure
    print(text, score)
    if score != expected:
        raise SystemExit("changed")
if scorer.score("été", "atant")["rougeL"].fmeasure != scorer.score("t", "atant")["rougeL"].fmeasure:
    raise SystemExit("changed")
PY
