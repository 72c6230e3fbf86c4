"""NOC4PC: training on rows whose code is none of the three."""

from __future__ import annotations

import json

from ftdojo.tasks.check import training_pairs
from ftdojo_tasks.patent import noc4pc


def test_a_row_with_another_code_is_not_trained_on() -> None:
    row = {
        "claim_number": 1,
        "context": json.dumps({"title": "Cup", "abstract": "", "claims": ["A cup."]}),
        "prior_art_specifications": "[]",
    }
    rows = [{**row, "answer": json.dumps({"code": code, "reason": "…"})} for code in ("102", "REJECT_UNKNOWN", "ALLOW")]
    answer = noc4pc.SPEC.raw_sources[0].renderings[1]
    completions = [completion for _, completion in training_pairs(answer, rows)]
    assert completions == ['```json\n{"code": "102"}\n```', '```json\n{"code": "ALLOW"}\n```']
