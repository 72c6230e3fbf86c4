"""PANORAMA PI4PC: which paragraph of a cited patent is the one against a claim?

Prompt: the target application and claim, the prior art with its specification, five paragraphs by their numbers, and
the form of the answer.

The answer is ``answer`` of the JSON object in the first fence, or of the whole output, as an integer (``17.9`` is 17);
else the integer behind ``answer:`` or ``answer=``, with or without quotation marks; else the first integer in the text
that is a word of its own, so not the digits of ``US7654321B2``. The core metric
is ``gold_hit_rate``: the per cent of items whose answer is a gold paragraph. Silver paragraphs count as wrong, as in
the reference; a number that is no option is just wrong.

Deviations from the reference harness: an integer of more than nine digits is none; a list of one counts as its element;
without a JSON object in the fence the whole output is looked at, and not only the fence.
"""

from __future__ import annotations

import json
import re

from ftdojo.contract.task_spec import Published, Record, Shortcut, TaskSpec
from ftdojo.tasks.extract import count, element, scalar_text
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, fault
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.patent.panorama import CONTEXT, LICENCE, TARGET, prompt_of, source, value_of

BEHIND_KEY = re.compile(r"answer[\"']?\s*[:=]\s*[\"']?(\d+)", re.IGNORECASE)
INTEGER = re.compile(r"\b\d+\b")

TEMPLATE = (
    "You are a patent examiner. Find the single most relevant paragraph of the prior art that is cited against a claim."
    f"\n\n{CONTEXT}"
    "Title: {{ context['title'] }}\nAbstract: {{ context['abstract'] }}\n"
    f"Target claim {{{{ claim_number }}}}: {TARGET}\n\n"
    "{% set art = prior_art_specification | from_json %}"
    "Prior art: {{ art['patent_id'] }}\nTitle: {{ art['title'] }}\nAbstract: {{ art['abstract'] }}\n"
    "Specification: {{ art['specification'] }}\n\nParagraphs:"
    "{% set options = options | from_json %}"
    "{% for key in options | map('int') | sort %}\n{{ key }}: {{ options[key | string] }}{% endfor %}"
    "\n\nReply with exactly one of these numbers, no reasoning, as JSON in a ```json fence: "
    '{"answer": 12}'
)
prompt = prompt_of(TEMPLATE)


def pick(output: str) -> int | None:
    """The paragraph that an output picks."""
    value = value_of(output)
    answer = element(value.get("answer")) if isinstance(value, dict) else None
    if isinstance(answer, (int, float, str)):
        try:
            return count(str(int(answer)))
        except (ValueError, OverflowError):  # text that is no integer; infinity
            pass
    for pattern in (BEHIND_KEY, INTEGER):
        if found := pattern.search(output):
            return count(found[found.re.groups])
    return None


class Pi4pcScorer(ItemwiseScorer):
    """Paragraph numbers."""

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item whose ``gold_answers`` are no integers.
        """
        gold = _gold(item)
        given = pick(output)
        right = given in gold
        error = None if right else fault(output, parsed=given is not None)
        return ItemScore(id=str(item["id"]), subtask="", score=float(right), parsed=given is not None, error=error)

    def gold(self, item: Record) -> str:
        """The first gold paragraph in the form asked for."""
        return f"```json\n{json.dumps({'answer': _gold(item)[0]})}\n```"


def _gold(item: Record) -> list[int]:
    """The numbers of the gold paragraphs, which may be text."""
    gold = item.get("gold_answers")
    numbers = [count(scalar_text(value)) for value in (gold if isinstance(gold, list) else [gold])]
    known = [number for number in numbers if number is not None]
    if not known or len(known) < len(numbers):
        raise bad_gold(item, f"its gold_answers are {gold!r}", "write a list of paragraph numbers")
    return known


SPEC = TaskSpec(
    id="patent/pi4pc",
    domain="patent",
    objective="Find the paragraph of a cited patent that is most relevant against a claim, among five.",
    output_format='JSON alone or in a ```json fence: {"answer": 12}, with the number of the paragraph as shown. '
    "Without JSON the first integer in the output counts.",
    metric="gold_hit_rate",
    higher_is_better=True,
    best_value=100.0,
    subtasks=(),
    max_new_tokens=8192,
    raw_sources=(
        source(
            "PI4PC",
            "claims with a cited patent, five of its paragraphs by number, and the cited ones; nested fields are JSON "
            "text",
            TEMPLATE,
            "{{ gold_answers[0] }}",
            "{{ {'answer': gold_answers[0]} | to_json }}",
        ),
    ),
    evaluation_source="PI4PC/test.parquet, shuffled, 100 for validation and 100 for test; the twin follows from the "
    "logic of claims",
    licence=LICENCE,
    published=(Published(metric="gold_hit_rate", base=34.0, ft_agent=49.0),),
    shortcuts=(Shortcut(name="always paragraph 12", output='{"answer": 12}', at_most=10.0),),
)
