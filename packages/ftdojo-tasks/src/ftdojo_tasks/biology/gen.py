"""BioProBench generation: write the steps of a protocol.

The answer is the text between the first pair of tags after the last ``</think>`` and the last ``</Structure>``. The
core metric is ``rouge_l`` in per cent: the F-score of ``rouge_score``'s ``rougeL`` with stemming against the gold steps
joined by spaces, as a mean over all items. Words are its words: runs of letters and digits, so ``1.2`` is two.

Deviations from the reference harness: an output that cannot be parsed scores 0, while the reference leaves it out (its
figure is ``rouge_l_of_parsed``), and nothing between the tags is no answer; texts are compared up to their first 10,000
words and 100,000 characters; BLEU, METEOR and the metrics that need another model (keywords, embeddings of steps) are
left out; the wording of the prompt's end is our own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from ftdojo.contract.task_spec import Message, RawSource, Record, Rendering, Shortcut, TaskSpec
from ftdojo.tasks.aggregate import over_parsed
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, fault, form_metrics
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.biology import tags

FORM = f"\n\nWrite one numbered step a line between {tags.START} and {tags.END}."
WORD = re.compile(r"[a-z0-9]+")
MAX_WORDS, MAX_CHARS = 10_000, 100_000
"""Of a text that is compared."""


def parse(output: str) -> str | None:
    """The steps, or ``None``."""
    return tags.first(tags.after(output, "</think>", "</Structure>")) or None


def rouge_l(gold: str, given: str) -> float:
    """ROUGE-L, the F-score of ``rouge_score`` with its stemming, 0 to 1."""
    a, b = _stems(gold), _stems(given)
    return 2 * _common(a, b) / (len(a) + len(b)) if a and b else 0.0


class GenScorer(ItemwiseScorer):
    """Steps by their words in order."""

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output: ROUGE-L, 0 to 1.

        Raises:
            UnreadableGoldError: for an item whose ``output`` is no list of texts.
        """
        steps = _gold(item)
        given = parse(output)
        score = 0.0 if given is None else rouge_l(" ".join(steps), given)
        error = None if score == 1.0 else fault(output, parsed=given is not None)
        return ItemScore(id=str(item["id"]), subtask="", score=score, parsed=given is not None, error=error)

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """The reference's ROUGE-L, and the per cent of outputs that could be parsed."""
        return over_parsed("rouge_l", self.value, scores) | form_metrics(scores)

    def gold(self, item: Record) -> str:
        """The gold steps, one a line."""
        return tags.wrap("\n".join(_gold(item)))


def _gold(item: Record) -> list[str]:
    steps = item.get("output")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, str) for step in steps):
        raise bad_gold(item, f"its output is {str(steps)[:80]!r}", "write a list of steps")
    return steps


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in WORD.findall(text[:MAX_CHARS].lower())[:MAX_WORDS]]


@lru_cache(maxsize=10_000)
def _stem(word: str) -> str:
    (stem,) = _tokenizer().tokenize(word)
    return str(stem)


@cache
def _tokenizer() -> Any:
    from rouge_score.tokenizers import DefaultTokenizer

    return DefaultTokenizer(use_stemmer=True)


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """The length of the longest common subsequence, a row of its table at a time as the bits of one integer.

    A table of cells, as in ``rouge_score``, takes seconds for long protocols. The method is that of H. Hyyrö,
    Bit-parallel LCS-length computation revisited (2004): a zero in the row is a place of ``a`` where the length rises.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << place
    every = row = (1 << len(a)) - 1
    for word in b:
        matches = row & places.get(word, 0)
        row = (row + matches | row - matches) & every
    return len(a) - row.bit_count()


def prompt(item: Record) -> list[Message]:
    """Role, instruction, request and form as one user turn, so that training rows can have the same."""
    return [{"role": "user", "content": _whole(item["system_prompt"], item["instruction"], item["input"])}]


def _whole(role: str, instruction: str, request: str) -> str:
    return f"{role}\n\n{instruction}\n\n{request}{FORM}"


SPEC = TaskSpec(
    id="biology/gen",
    domain="biology",
    objective="Write the steps of a laboratory protocol as a numbered list.",
    output_format="The numbered steps, one a line, between tags: "
    f"{tags.START}1. Add buffer.\n2. Spin.{tags.END}. Scored by the words that it shares with the gold steps in order.",
    metric="rouge_l",
    higher_is_better=True,
    best_value=100.0,
    subtasks=(),
    max_new_tokens=8192,
    raw_sources=(
        RawSource(
            path="GEN.json",
            subtask="",
            description="requests and the steps of protocols; some are numbered in another way or not at all",
            renderings=(
                Rendering(
                    name="raw",
                    prompt="{{ input }}",
                    completion="{{ output | join('\n') }}",
                    description="the row as it stands: the request and the steps, without tags",
                ),
                Rendering(
                    name="answer",
                    prompt=_whole("{{ system_prompt }}", "{{ instruction }}", "{{ input }}"),
                    completion=f"{tags.START}{{{{ output | join('\n') }}}}{tags.END}",
                    description="the prompt of the evaluation and the steps between tags",
                ),
            ),
        ),
    ),
    evaluation_source="GEN_test.json, shuffled, 100 for validation and 100 for test; the twin is made from a grammar",
    licence=tags.LICENCE,
    shortcuts=(
        Shortcut(
            name="steps that are often right",
            output=tags.wrap("1. Spin cells.\n2. Wash cells with PBS.\n3. Incubate cells."),
            at_most=26.0,
        ),
    ),
)
