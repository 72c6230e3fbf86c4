"""BioProBench step ordering: put the mixed steps of a protocol in order.

The answer is the text between the last pair of tags after the last ``</think>``: a list of the numbers of the steps as
shown, from 0, with or without brackets around it. It must hold every number once. The core metric is ``kendall_tau``,
-1 to 1: of all pairs of steps in all items, concordant less discordant ones, as a share. ``exact_match`` (per cent)
counts items that are wholly right.

Deviations from the reference harness: an output that cannot be parsed says nothing about the order, so half of its
pairs count as concordant, while the reference leaves the item out (its figure is ``kendall_tau_of_parsed``); only a
plain list of decimal numbers is read, no other Python literal; the last start tag counts, also behind one that is not
closed; the wording of the prompt is our own. Published items with equal steps, which have no right answer under the
reference's rule, are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from ftdojo.contract.task_spec import Message, RawSource, Record, Rendering, Shortcut, TaskSpec
from ftdojo.tasks.aggregate import over_parsed, readable, subtask_mean
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, fault, form_metrics
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.biology import tags

FORM = (
    "\n\nReply with the numbers of the steps in the right order as a list in this form: "
    f"{tags.START}[1, 0, 2]{tags.END}"
)
STEP = "\n{}. {}"
_NUMBERS = r"\s*[0-9]{1,4}(?:\s*,\s*[0-9]{1,4})*\s*(?:,\s*)?"
LIST = re.compile(rf"\[{_NUMBERS}\]|\({_NUMBERS}\)|{_NUMBERS}")
LONGEST = 10_000
"""A longer text between tags is no list of steps."""


def parse(output: str, size: int) -> list[int] | None:
    """The order of ``size`` steps, or ``None``."""
    inside = tags.last(tags.after(output, "</think>"))
    if inside is None or len(inside) > LONGEST or not LIST.fullmatch(inside):
        return None
    numbers = [int(number) for number in re.findall(r"[0-9]+", inside)]
    return numbers if sorted(numbers) == list(range(size)) else None


def gold_order(item: Record) -> list[int]:
    """The place in the list as shown of each step of the right order.

    Raises:
        UnreadableGoldError: if the two lists do not hold the same, different steps.
    """
    shown, right = item.get("wrong_steps"), item.get("correct_steps")
    same = isinstance(shown, list) and isinstance(right, list) and sorted(map(str, shown)) == sorted(map(str, right))
    if not same or not isinstance(shown, list) or not isinstance(right, list) or len(set(map(str, shown))) < len(shown):
        raise bad_gold(item, "its lists do not hold the same, different steps", "correct wrong_steps")
    if len(shown) < 2:
        raise bad_gold(item, "it has less than two steps", "leave the item out")
    return [shown.index(step) for step in right]


class OrdScorer(ItemwiseScorer):
    """Orders of steps."""

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output: 1 for the right order, else 0, and its pairs.

        Raises:
            UnreadableGoldError: for an item whose steps have no one order.
        """
        gold = gold_order(item)
        pairs = len(gold) * (len(gold) - 1) / 2
        given = parse(output, len(gold))
        if given is None:
            concordant = pairs / 2
        else:
            place = {step: i for i, step in enumerate(given)}
            concordant = float(sum(place[a] < place[b] for a, b in combinations(gold, 2)))
        right = given == gold
        return ItemScore(
            id=str(item["id"]),
            subtask="",
            score=float(right),
            parsed=given is not None,
            error=None if right else fault(output, parsed=given is not None),
            metrics={"concordant": concordant, "pairs": pairs},
        )

    def value(self, scores: Sequence[ItemScore]) -> float:
        """Kendall's tau over the pairs of all items."""
        known = readable(scores)
        pairs = sum(s.metrics["pairs"] for s in known)
        return (2 * sum(s.metrics["concordant"] for s in known) - pairs) / pairs if pairs else 0.0

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """The per cent of wholly right orders; the reference's value; the per cent of outputs that could be parsed."""
        exact = {"exact_match": 100.0 * subtask_mean(scores, lambda s: s.score)}
        return exact | over_parsed("kendall_tau", self.value, scores) | form_metrics(scores)

    def gold(self, item: Record) -> str:
        """The right order."""
        return tags.wrap(str(gold_order(item)))


def prompt(item: Record) -> list[Message]:
    """The question and the numbered steps as one user turn."""
    steps = "".join(STEP.format(number, step) for number, step in enumerate(item["wrong_steps"]))
    return [{"role": "user", "content": _whole(item["question"], steps)}]


def _whole(question: str, steps: str) -> str:
    return f"{question}\n\nSteps:{steps}{FORM}"


SPEC = TaskSpec(
    id="biology/ord",
    domain="biology",
    objective="Put the mixed steps of a laboratory protocol in the right order.",
    output_format="The numbers of the steps, from 0, in the right order, each once, as a list between tags: "
    f"{tags.START}[1, 0, 2]{tags.END}.",
    metric="kendall_tau",
    higher_is_better=True,
    best_value=1.0,
    pooled=True,
    subtasks=(),
    max_new_tokens=8192,
    raw_sources=(
        RawSource(
            path="ORD.json",
            subtask="",
            description="mixed and right lists of steps; some have a step twice, and some tell the order by numbers",
            renderings=(
                Rendering(
                    name="raw",
                    prompt="{{ question }}{% for step in wrong_steps %}\n{{ step }}{% endfor %}",
                    completion="{{ correct_steps | join('\n') }}",
                    description="the row as it stands: the right list of steps, which is not scored",
                ),
                Rendering(
                    name="answer",
                    prompt=_whole(
                        "{{ question }}",
                        "{% for step in wrong_steps %}"
                        + STEP.format("{{ loop.index0 }}", "{{ step }}")
                        + "{% endfor %}",
                    ),
                    completion="{% set steps = wrong_steps | unique(case_sensitive=true) | list %}"
                    "{% if steps | length == wrong_steps | length %}"
                    f"{tags.START}[{{% for step in correct_steps %}}{{{{ wrong_steps.index(step) }}}}"
                    f"{{% if not loop.last %}}, {{% endif %}}{{% endfor %}}]{tags.END}{{% endif %}}",
                    description="the prompt of the evaluation, and the numbers in order; rows with equal steps are "
                    "skipped",
                ),
            ),
        ),
    ),
    evaluation_source="ORD_test.json, shuffled, 100 for validation and 100 for test; the twin is made from a grammar",
    licence=tags.LICENCE,
    shortcuts=(
        Shortcut(name="the first three as they stand", output=tags.wrap("[0, 1, 2]"), at_most=0.1),
        Shortcut(name="the first three turned around", output=tags.wrap("[2, 1, 0]"), at_most=0.1),
    ),
)
