"""BioProBench question answering: fill a gap in a protocol's step with one of five choices, and give the confidence.

The answer is the text between the first pair of tags after the last ``</think>``: the text of a choice, ``&``, and
the confidence as an integer from 0 to 100. Without ``&`` the last word is the confidence. It is right if the text is
the gold choice, letter by letter. The core metric is ``accuracy`` in per cent; ``brier_score`` (0 to 1, lower is
better) is the mean squared difference of confidence and verdict over the outputs that could be parsed.

Deviations from the reference harness: accuracy is over all items, while the reference leaves out those it cannot parse
(its figure is ``accuracy_of_parsed``); a single word between the tags cannot be parsed, while it is an empty choice
with a confidence there; the wording of the prompt is our own. Published items whose answer holds an ``&``, which no
output can give under the reference's rule, are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import fmean

from ftdojo.contract.task_spec import Message, RawSource, Record, Rendering, Shortcut, TaskSpec
from ftdojo.tasks.aggregate import over_parsed
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, fault, form_metrics
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.biology import tags

ASK = "Fill the gap in this step of a laboratory protocol with one of the choices.\n\n"
FORM = (
    "\n\nReply with the text of the choice and your confidence from 0 to 100 in this form: "
    f"{tags.START}choice & 90%{tags.END}"
)
CHOICE = "\n- {}"


def parse(output: str) -> tuple[str, int] | None:
    """The choice and the confidence in per cent, or ``None``."""
    inside = tags.first(tags.after(output, "</think>"))
    if inside is None:
        return None
    parts = inside.split("&")
    if len(parts) == 1:
        parts = inside.rsplit(" ", 1)
    if len(parts) != 2:
        return None
    confidence = re.search(r"\d+", parts[1])
    if confidence is None or len(confidence[0]) > 3 or int(confidence[0]) > 100:
        return None
    return parts[0].strip(), int(confidence[0])


class PqaScorer(ItemwiseScorer):
    """Choices with confidence."""

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item whose ``answer`` is no text.
        """
        gold = item.get("answer")
        if not isinstance(gold, str) or not gold.strip():
            raise bad_gold(item, f"its answer is {gold!r}", "write the text of the right choice")
        given = parse(output)
        right = given is not None and given[0] == gold.strip()
        return ItemScore(
            id=str(item["id"]),
            subtask="",
            score=float(right),
            parsed=given is not None,
            error=None if right else fault(output, parsed=given is not None),
            metrics={} if given is None else {"squared_error": (given[1] / 100 - right) ** 2},
        )

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """The Brier score, if anything could be parsed; the reference's accuracy; the per cent that could be parsed."""
        squares = [s.metrics["squared_error"] for s in scores if "squared_error" in s.metrics]
        brier = {"brier_score": fmean(squares)} if squares else {}
        return brier | over_parsed("accuracy", self.value, scores) | form_metrics(scores)

    def gold(self, item: Record) -> str:
        """The right choice, with full confidence."""
        return tags.wrap(f"{item['answer']} & 100%")


def prompt(item: Record) -> list[Message]:
    """The step and the choices as one user turn."""
    return [{"role": "user", "content": _whole(item["question"], "".join(map(CHOICE.format, item["choices"])))}]


def _whole(question: str, choices: str) -> str:
    return f"{ASK}{question}\n\nChoices:{choices}{FORM}"


SPEC = TaskSpec(
    id="biology/pqa",
    domain="biology",
    objective="Fill a gap in a step of a laboratory protocol (a parameter, a reagent or an operation) with one of five "
    "choices, and say how sure you are.",
    output_format="The text of the choice as given, an ampersand, and a confidence from 0 to 100, between tags: "
    f"{tags.START}37 °C & 90%{tags.END}.",
    metric="accuracy",
    higher_is_better=True,
    best_value=100.0,
    subtasks=(),
    max_new_tokens=8192,
    raw_sources=(
        RawSource(
            path="PQA.json",
            subtask="",
            description="steps with a gap, five choices and the answer; types are sometimes missing or wrong",
            renderings=(
                Rendering(
                    name="raw",
                    prompt="{{ question }}{% for choice in choices %}\n{{ choice }}{% endfor %}",
                    completion="{{ answer }}",
                    description="the row as it stands: question and choices, and the bare answer, which is not scored",
                ),
                Rendering(
                    name="answer",
                    prompt=_whole(
                        "{{ question }}", "{% for choice in choices %}" + CHOICE.format("{{ choice }}") + "{% endfor %}"
                    ),
                    completion=f"{{% if answer %}}{tags.START}{{{{ answer }}}} & 90%{tags.END}{{% endif %}}",
                    description="the prompt of the evaluation, and the answer in its form with a confidence of 90 %",
                ),
            ),
        ),
    ),
    evaluation_source="PQA_test.json, shuffled, 100 for validation and 100 for test; the twin is made from a grammar",
    licence=tags.LICENCE,
    shortcuts=(Shortcut(name="always 37 °C", output=tags.wrap("37 °C & 90%"), at_most=10.0),),
)
