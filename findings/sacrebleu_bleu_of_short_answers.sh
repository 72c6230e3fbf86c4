#!/usr/bin/env bash
# Guess: corpus BLEU of answers that are all right is 100, and where one of ten answers is right, it is low.
# What happens: counts of n-grams are summed over all answers, and an answer of one to three words has no n-gram of
# four. If all answers are that short, BLEU is 0, though each is right. If one of ten is a sentence and the others are
# single words, the precisions of two, three and four words are those of the sentence alone: one right sentence and nine
# wrong words give 81.3, one wrong sentence and nine right words give 0. chrF of the three cases is 100, 63.8 and 41.4.
# Seen with sacrebleu 2.6.0. Source: sacrebleu/metrics/bleu.py, compute_bleu; effective_order is off in a corpus.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet sacrebleu==2.6.0
"$work/venv/bin/python" <<'PY'
from sacrebleu.metrics import BLEU, CHRF

WORDS = ["Paris", "Rome", "Oslo", "Lima", "Cairo", "Delhi", "Seoul", "Quito", "Tunis"]
OTHERS = ["London", "Berlin", "Bern", "Accra", "Dakar", "Hanoi", "Sofia", "Riga", "Kyiv"]
SENTENCE, OTHER = "the river is high after the rain", "nobody knows"
CASES = {
    "nine words, all right": (WORDS, WORDS, 0.0),
    "a sentence right, nine words wrong": ([SENTENCE, *OTHERS], [SENTENCE, *WORDS], 81.3),
    "a sentence wrong, nine words right": ([OTHER, *WORDS], [SENTENCE, *WORDS], 0.0),
}
for name, (outputs, gold, expected) in CASES.items():
    bleu = BLEU().corpus_score(outputs, [gold]).score
    print(f"{name}: BLEU {bleu:.1f}, chrF {CHRF().corpus_score(outputs, [gold]).score:.1f}")
    if abs(bleu - expected) > 0.1:
        raise SystemExit("changed")
PY
