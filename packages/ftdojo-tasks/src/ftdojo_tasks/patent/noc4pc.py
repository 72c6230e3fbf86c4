"""PANORAMA NOC4PC: is a claim allowed, or rejected, and by which section?

Prompt: the application and the target claim, every prior art document with its claims and cited paragraphs, and the
form of the answer: ``102`` (one document discloses all of the claim), ``103`` (several together make it obvious) or
``ALLOW``.

The answer is ``code`` of the JSON object in the first fence, or of the whole output; else the first of the three codes
behind ``code:`` or ``code=``, with or without quotation marks; else the first of ``ALLOW``, ``102`` and ``103``, in
this order, that occurs anywhere, so ``not allowed, 102`` is ALLOW. The core metric is ``macro_f1`` in per cent: the
mean over the three codes of F1. ``accuracy`` is in ``metrics``.

Deviations from the reference harness: an output without a code is a miss of its class, while the reference leaves it
out of both metrics (its figure is ``macro_f1_of_parsed``); without a code in the fence the whole output is looked at,
and not only the fence; a list of one counts as its element; a code behind its key counts in any quotes or none;
published items with another code, which no answer can match, are left out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from ftdojo.contract.task_spec import Published, Record, Shortcut, TaskSpec
from ftdojo.tasks.aggregate import over_parsed, subtask_mean
from ftdojo.tasks.extract import element, from_json, scalar_text
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, fault, form_metrics
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.patent.panorama import CONTEXT, LICENCE, TARGET, prompt_of, source, value_of

CODES = ("ALLOW", "102", "103")
"""In the order in which they are looked for."""
BEHIND_KEY = re.compile(r"code[\"']?\s*[:=]\s*[\"']?(allow|102|103)\b", re.IGNORECASE | re.ASCII)

TEMPLATE = (
    f"You are a patent examiner. Decide on a claim, given the prior art.\n\n{CONTEXT}"
    "Application {{ application_number }}\nTitle: {{ context['title'] }}\nAbstract: {{ context['abstract'] }}\n"
    f"Claim {{{{ claim_number }}}}: {TARGET}\n"
    "{% for art in prior_art_specifications | from_json %}"
    "\nPrior art {{ art['patent_id'] }}: {{ art['title'] }}\nAbstract: {{ art['abstract'] }}"
    "{% for claim in art['claims'] or [] %}\n{{ loop.index }}. {{ claim }}{% endfor %}"
    "{% for paragraph in art['paragraphs'] or [] %}\n[{{ paragraph['key'] }}]: {{ paragraph['content'] }}{% endfor %}\n"
    "{% endfor %}"
    "\nIs the claim allowed (ALLOW), anticipated by one document (102), or obvious from several (103)? "
    'Reply with JSON only, in a ```json fence, without a reason: {"code": "102"}'
)
prompt = prompt_of(TEMPLATE)


def code(output: str) -> str | None:
    """The code that an output gives."""
    value = value_of(output)
    if isinstance(value, dict) and (given := scalar_text(element(value.get("code"))).upper()) in CODES:
        return given
    if found := BEHIND_KEY.search(output):
        return found[1].upper()
    text = output.upper()
    return next((known for known in CODES if known in text), None)


def gold_code(item: Record) -> str | None:
    """The gold code, or ``None`` if it is none of the three."""
    answer: Any = from_json(item.get("answer"))
    given = str(answer.get("code")).strip().upper() if isinstance(answer, dict) else None
    return given if given in CODES else None


class Noc4pcScorer(ItemwiseScorer):
    """Codes."""

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item whose ``answer`` has none of the three codes.
        """
        gold = _gold(item)
        given = code(output)
        counts = {}
        for known in CODES:
            counts[f"{known}.right"] = float(given == gold == known)
            counts[f"{known}.wrong"] = float(given == known != gold)
            counts[f"{known}.missed"] = float(gold == known != given)
        error = None if given == gold else fault(output, parsed=given is not None)
        return ItemScore(
            id=str(item["id"]),
            subtask="",
            score=float(given == gold),
            parsed=given is not None,
            error=error,
            metrics=counts,
        )

    def value(self, scores: Sequence[ItemScore]) -> float:
        """The mean of F1 over the three codes, per cent; F1 is 0 for a code that was never found."""
        return 100.0 * fmean(_f1(scores, known) for known in CODES)

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Per cent."""
        accuracy = 100.0 * subtask_mean(scores, lambda s: s.score)
        return {"accuracy": accuracy} | over_parsed("macro_f1", self.value, scores) | form_metrics(scores)

    def gold(self, item: Record) -> str:
        """The right code in the form asked for."""
        return f"```json\n{json.dumps({'code': _gold(item)})}\n```"


def _gold(item: Record) -> str:
    gold = gold_code(item)
    if gold is None:
        fix = f'write {{"code": …}} with one of {", ".join(CODES)}'
        raise bad_gold(item, "its answer has none of the codes", fix)
    return gold


def _f1(scores: Sequence[ItemScore], known: str) -> float:
    right, wrong, missed = (
        sum(s.metrics.get(f"{known}.{name}", 0.0) for s in scores) for name in ("right", "wrong", "missed")
    )
    return 2 * right / (2 * right + wrong + missed) if right else 0.0


SPEC = TaskSpec(
    id="patent/noc4pc",
    domain="patent",
    objective="Decide whether a claim is allowed, anticipated by one document of the prior art, or obvious from "
    "several.",
    output_format='JSON alone or in a ```json fence: {"code": "102"}, {"code": "103"} or {"code": "ALLOW"}. Otherwise '
    "the first of ALLOW, 102 and 103 that occurs anywhere counts, in this order.",
    metric="macro_f1",
    higher_is_better=True,
    best_value=100.0,
    pooled=True,
    subtasks=(),
    max_new_tokens=8192,
    raw_sources=(
        source(
            "NOC4PC",
            "claims with all prior art of the office action, the code of the decision and the examiner's reason; "
            "nested fields are JSON text; some codes are none of the three",
            TEMPLATE,
            "{{ (answer | from_json)['code'] or '' }}",
            "{% set code = (answer | from_json)['code'] %}"
            "{% if code in ['102', '103', 'ALLOW'] %}{{ {'code': code} | to_json }}{% endif %}",
        ),
    ),
    evaluation_source="NOC4PC/test.parquet, shuffled, 100 for validation and 100 for test; the twin follows from the "
    "logic of claims",
    licence=LICENCE,
    published=(Published(metric="macro_f1", base=26.2, ft_agent=36.81),),
    shortcuts=tuple(
        Shortcut(name=f"always {known}", output=json.dumps({"code": known}), at_most=20.0) for known in CODES
    ),
)
