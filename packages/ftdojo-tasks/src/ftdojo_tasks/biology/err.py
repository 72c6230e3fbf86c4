"""BioProBench error detection: is a step of a protocol right?

Shown is the corrected step if the item is right, else the corrupted one, between the steps before and after. The answer
is the text between the first pair of tags after the last ``</think>`` or ``[/INST]``, else the last line; it says
that the step is right if it contains ``True`` or ``true``, else that it has an error if it contains ``False`` or
``false``.

The core metric is ``f1`` in per cent, with a step that has an error as the positive class. ``accuracy``, ``precision``
and ``recall`` are in ``metrics``.

Deviations from the reference harness: an output that cannot be parsed is a miss of its class, while the reference
leaves it out (its figure is ``f1_of_parsed``); the wording of the prompt is our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.task_spec import Message, RawSource, Record, Rendering, Shortcut, TaskSpec
from ftdojo.tasks.aggregate import over_parsed, subtask_mean
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, fault, form_metrics
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.biology import tags

ASK = "Is this step of a laboratory protocol right, or does it have an error?\n\n"
FORM = f"\n\nReply {tags.wrap('True')} if it is right, {tags.wrap('False')} if it has an error."
NONE = "none"


def parse(output: str) -> bool | None:
    """Whether the output says that the step is right, or ``None``."""
    text = tags.after(output, "</think>", "[/INST]")
    inside = tags.first(text)
    if inside is None:
        inside = text.strip().rpartition("\n")[2]
    if "True" in inside or "true" in inside:
        return True
    return False if "False" in inside or "false" in inside else None


class ErrScorer(ItemwiseScorer):
    """Verdicts on steps."""

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item whose ``is_correct`` is neither true nor false.
        """
        gold = item.get("is_correct")
        if not isinstance(gold, bool):
            raise bad_gold(item, f"its is_correct is {gold!r}", "write true or false")
        given = parse(output)
        right = given == gold
        return ItemScore(
            id=str(item["id"]),
            subtask="",
            score=float(right),
            parsed=given is not None,
            error=None if right else fault(output, parsed=given is not None),
            metrics={
                "found": float(not gold and given is False),
                "false_alarm": float(gold and given is False),
                "missed": float(not gold and given is not False),
            },
        )

    def value(self, scores: Sequence[ItemScore]) -> float:
        """F1 of finding errors, per cent; 0 if none was found."""
        found, false_alarms, missed = _counts(scores)
        return 100.0 * 2 * found / (2 * found + false_alarms + missed) if found else 0.0

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Per cent; precision and recall are 0 where nothing is to be divided by."""
        found, false_alarms, missed = _counts(scores)
        return {
            "accuracy": 100.0 * subtask_mean(scores, lambda s: s.score),
            "precision": 100.0 * found / (found + false_alarms) if found else 0.0,
            "recall": 100.0 * found / (found + missed) if found else 0.0,
            **over_parsed("f1", self.value, scores),
            **form_metrics(scores),
        }

    def gold(self, item: Record) -> str:
        """The right verdict."""
        return tags.wrap(str(item["is_correct"]))


def _counts(scores: Sequence[ItemScore]) -> tuple[float, float, float]:
    """Errors that were found, right steps called errors, errors that were missed."""
    found, false_alarms, missed = (
        sum(s.metrics.get(name, 0.0) for s in scores) for name in ("found", "false_alarm", "missed")
    )
    return found, false_alarms, missed


def prompt(item: Record) -> list[Message]:
    """The step in its context as one user turn."""
    context, step = item["context"], item["corrected_text"] if item["is_correct"] else item["corrupted_text"]
    purpose, before, after = (context.get(name) or NONE for name in ("purpose", "prior_step", "next_step"))
    return [{"role": "user", "content": _whole(purpose, before, step, after)}]


def _whole(purpose: str, before: str, step: str, after: str) -> str:
    return f"{ASK}Purpose: {purpose}\nStep before: {before}\nStep: {step}\nStep after: {after}{FORM}"


SPEC = TaskSpec(
    id="biology/err",
    domain="biology",
    objective="Tell whether a step of a laboratory protocol is right or has an error, given the purpose and the steps "
    "before and after.",
    output_format=f"{tags.wrap('True')} for a right step, {tags.wrap('False')} for one with an error; without tags the "
    "last line counts.",
    metric="f1",
    higher_is_better=True,
    best_value=100.0,
    pooled=True,
    subtasks=(),
    max_new_tokens=8192,
    raw_sources=(
        RawSource(
            path="ERR.json",
            subtask="",
            description="steps in context, right ones and corrupted ones with the correction; some verdicts are wrong",
            renderings=(
                Rendering(
                    name="raw",
                    prompt="{{ context.purpose }}\n{{ corrupted_text or corrected_text }}",
                    completion="{{ is_correct }}\n{{ error_description or '' }}",
                    description="the row as it stands: the verdict and, for errors, what is wrong; without tags",
                ),
                Rendering(
                    name="answer",
                    prompt=_whole(
                        f"{{{{ context.purpose or '{NONE}' }}}}",
                        f"{{{{ context.prior_step or '{NONE}' }}}}",
                        "{{ corrected_text if is_correct else corrupted_text }}",
                        f"{{{{ context.next_step or '{NONE}' }}}}",
                    ),
                    completion=f"{tags.START}{{{{ is_correct }}}}{tags.END}",
                    description="the prompt of the evaluation and the verdict between tags",
                ),
            ),
        ),
    ),
    evaluation_source="ERR_test.json, shuffled, 100 for validation and 100 for test; the twin is made from a grammar",
    licence=tags.LICENCE,
    shortcuts=(
        Shortcut(name="always an error", output=tags.wrap("False"), at_most=67.0),
        Shortcut(name="always right", output=tags.wrap("True"), at_most=0.0),
    ),
)
