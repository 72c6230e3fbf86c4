#!/usr/bin/env bash
# Guess: an output that repeats itself without end has all words of the right answer, but loses precision: ROUGE-1 and
# ROUGE-L of "the river is high is high is high is high" with "the river is high" are well below 1.
# What happens: the package rouge compares sets of words, for ROUGE-L too: a loop costs nothing, F1 is 1 for both. Its
# ROUGE-2 loses a little, for the one new pair. rouge-score counts every word: 0.57. So two packages, both said to
# give "ROUGE", differ most on what models under training do most often.
# Seen with rouge 1.0.1, rouge-score 0.1.2. Source: rouge/rouge_score.py, Ngrams, exclusive=True.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet rouge==1.0.1 rouge-score==0.1.2
"$work/venv/bin/python" <<'PY'
from rouge import Rouge
from rouge_score.rouge_scorer import RougeScorer

GOLD = "the river is high"
NAMES = {"rouge-1": "rouge1", "rouge-2": "rouge2", "rouge-l": "rougeL"}
scorer = RougeScorer(list(NAMES.values()))
for repeats in (0, 3, 30):
    output = GOLD + " is high" * repeats
    (sets,) = Rouge().get_scores(output, GOLD)
    counts = scorer.score(GOLD, output)
    for name, other in NAMES.items():
        print(f"{repeats} repeats, {name}: rouge {sets[name]['f']:.2f}, rouge-score {counts[other].fmeasure:.2f}")
    if min(sets["rouge-1"]["f"], sets["rouge-l"]["f"]) < 0.999 or (repeats and counts["rouge1"].fmeasure > 0.6):
        raise SystemExit("changed")
PY
