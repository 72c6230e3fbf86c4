"""PANORAMA PAR4PC: which of eight patents were cited against a claim?

Prompt: the application with all its claims, the number of the target claim, eight options in full, and the form of the
answer.

The answer is the JSON value in the first ```` ```json ```` fence, else in the first fence, else of the whole output. Of
an object, ``answer`` counts: one letter, text of letters separated by commas or spaces, or a list, of which only single
letters count; all of them in any case. Where that is no JSON object, it is the single letters in the first value behind
``"answer":``; without one, all single letters from A to H, in any case, even if they are words.

The core metric is ``macro_f1`` in per cent. It is called so in the reference and is F1 over the picks of all items
together. An item's own score is ``max(0, (2 TP - FP - FN) / (2 n))`` with ``n`` gold letters; ``custom_score`` is its
mean, ``exact_match`` the per cent of wholly right items. Silver answers count as false, as in the reference.

Deviations from the reference harness:

- Behind ``"answer":`` only the value's letters are taken; the reference also takes the A and the E of the word itself.
- Where the value in the fence is no JSON object, the whole output is looked at; the reference looks at nothing outside
  of a fence.
- An ``answer`` that is neither text nor a list is none; the reference then takes letters from anywhere in the text.
- A list behind ``"answer":`` of more than 1,000 characters, in an output that is no JSON, is not looked at.
- An output in which no letter is found is wrong, with all gold letters missed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ftdojo.contract.task_spec import Published, Record, Shortcut, TaskSpec
from ftdojo.tasks.aggregate import subtask_mean
from ftdojo.tasks.extract import scalar_text
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, fault, form_metrics
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.patent.panorama import CONTEXT, LICENCE, prompt_of, source, value_of

LETTERS = "ABCDEFGH"
# Bounded: each of many unclosed lists would be searched to the end of the output.
VALUE = re.compile(r'"answer"\s*:\s*(\[[^\]]{0,1000}\]|"[^"]*")', re.IGNORECASE)
ALONE = re.compile(r"\b[a-h]\b", re.IGNORECASE | re.ASCII)

TEMPLATE = (
    "You are a patent examiner. Find the prior art that is cited against a claim.\n\n"
    f"{CONTEXT}"
    "Application {{ application_number }}\nTitle: {{ context['title'] }}\nAbstract: {{ context['abstract'] }}\n"
    "Claims: {{ context['claims'] | to_json(4) }}\n\n"
    "Target claim: {{ claim_number }}\n\nOptions:"
    "{% set options = options | from_json %}"
    "{% for key in options | sort %}{% set option = options[key] %}"
    "\n{{ key }}: {{ option['patent_id'] }}\nTitle: {{ option['title'] }}\nAbstract: {{ option['abstract'] }}\n"
    "Claims: {{ option['claims'] | to_json(4) }}{% endfor %}"
    "\n\nWhich of these patents are cited against the target claim? Reply with JSON only, in a ```json fence: "
    '{"answer": "A"} for one, {"answer": ["A", "C"]} for more.'
)
prompt = prompt_of(TEMPLATE)


def picks(output: str) -> list[str] | None:
    """The letters that an output picks, or ``None`` if it has no answer at all."""
    value = value_of(output)
    if isinstance(value, dict):
        answer = value.get("answer")
        if isinstance(answer, str):
            # As texts between A and H, so a run of letters is one bogus pick, as in the reference.
            return [text for text in re.split(r"[,\s]+", answer.strip().upper()) if "A" <= text <= "H"]
        if not isinstance(answer, list):
            return None
        texts = [value.strip().upper() for value in answer if isinstance(value, str)]
        return [text for text in texts if text in tuple(LETTERS)]
    found = VALUE.search(output)
    for text in (found[1] if found else "", output):
        if letters := sorted({letter.upper() for letter in ALONE.findall(text)}):
            return letters
    return None


class Par4pcScorer(ItemwiseScorer):
    """Sets of letters."""

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item whose ``gold_answers`` are no letters.
        """
        gold = _gold(item)
        found = picks(output)
        given, expected = set(found or ()), set(gold)
        right, wrong, missed = len(given & expected), len(given - expected), len(expected - given)
        return ItemScore(
            id=str(item["id"]),
            subtask="",
            score=max(0.0, (2 * right - wrong - missed) / (2 * len(expected))),
            parsed=found is not None,
            error=None if given == expected else fault(output, parsed=found is not None),
            metrics={"right": float(right), "wrong": float(wrong), "missed": float(missed)},
        )

    def value(self, scores: Sequence[ItemScore]) -> float:
        """F1 over the picks of all items, per cent; 0 without a right one."""
        right, wrong, missed = (sum(s.metrics.get(name, 0.0) for s in scores) for name in ("right", "wrong", "missed"))
        return 100.0 * 2 * right / (2 * right + wrong + missed) if right else 0.0

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Per cent; precision and recall are 0 without a right pick."""
        right, wrong, missed = (sum(s.metrics.get(name, 0.0) for s in scores) for name in ("right", "wrong", "missed"))
        return {
            "precision": 100.0 * right / (right + wrong) if right else 0.0,
            "recall": 100.0 * right / (right + missed) if right else 0.0,
            "exact_match": 100.0 * subtask_mean(scores, lambda s: float(s.error is None)),
            "custom_score": 100.0 * subtask_mean(scores, lambda s: s.score),
            **form_metrics(scores),
        }

    def gold(self, item: Record) -> str:
        """The gold letters in the form asked for."""
        letters = _gold(item)
        return f"```json\n{json.dumps({'answer': letters[0] if len(letters) == 1 else letters})}\n```"


def _gold(item: Record) -> list[str]:
    """The gold letters; they may be in lower case or have blanks around them, as in outputs."""
    gold = item.get("gold_answers")
    letters = [scalar_text(value).upper() for value in (gold if isinstance(gold, list) else [gold])]
    if not letters or not all(letter in tuple(LETTERS) for letter in letters):
        raise bad_gold(item, f"its gold_answers are {gold!r}", "write a list of letters from A to H")
    return letters


_LETTERS_OF = "{{ {'answer': gold_answers[0] if gold_answers | length == 1 else gold_answers} | to_json }}"

SPEC = TaskSpec(
    id="patent/par4pc",
    domain="patent",
    objective="Find the patents that an examiner cited against a claim, among eight.",
    output_format='JSON alone or in a ```json fence: {"answer": "A"} for one patent, {"answer": ["A", "C"]} for more, '
    "letters from A to H. In prose, any of these letters that stands alone is taken for a pick.",
    metric="macro_f1",
    higher_is_better=True,
    best_value=100.0,
    pooled=True,
    subtasks=(),
    max_new_tokens=8192,
    raw_sources=(
        source(
            "PAR4PC",
            "examined claims with eight patents (A to H) and the letters of the cited ones; labels only, no reasons",
            TEMPLATE,
            "{{ gold_answers | join(', ') }}",
            _LETTERS_OF,
        ),
    ),
    evaluation_source="PAR4PC/test.parquet, shuffled, 100 for validation and 100 for test; the twin follows from the "
    "logic of claims",
    licence=LICENCE,
    published=(Published(metric="macro_f1", base=57.78, ft_agent=67.61),),
    shortcuts=(
        Shortcut(name="always A", output='{"answer": "A"}', at_most=20.0),
        Shortcut(name="all of them", output='{"answer": ["A","B","C","D","E","F","G","H"]}', at_most=40.0),
    ),
)
