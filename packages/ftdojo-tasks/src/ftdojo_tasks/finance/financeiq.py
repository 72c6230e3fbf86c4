"""FinanceIQ: single-choice questions of ten Chinese financial examinations, with five worked questions before each.

Prompt: five development questions of the subject as user turns, each answered ``答案是: X`` by an assistant turn, then
the item's question as the last user turn. No reasoning is asked for.

The answer is the last upper-case character of the output, of any alphabet, as in the reference harness: ``答案是: B``
is B, and so is ``B``, but ``答案是 B，参考 CPA`` is A. ``<think>`` passages are part of the output. The core metric is
``accuracy``: the unweighted mean over the ten subjects of the per cent of right items, so the 22 items of the actuary
weigh as much as the 50 of any other subject. ``parsed`` is the share of outputs whose last capital is one of A to D.

Deviations from the reference harness: a validation question that occurs in the test questions is removed, and so is a
question of either from the raw data; raw files are called ``train`` instead of ``test``, which the reference's copy for
training keeps as their name.

An error is ``empty``, ``format`` (no capital, or none of A to D) or ``wrong``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.task_spec import Message, Published, RawSource, Record, Rendering, Shortcut, TaskSpec
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, bad_item, fault
from ftdojo.tasks.spec import HubSet, ItemScore

SUBJECTS = (
    "注册会计师（CPA）",
    "银行从业资格",
    "证券从业资格",
    "基金从业资格",
    "保险从业资格CICE",
    "经济师",
    "税务师",
    "期货从业资格",
    "理财规划师",
    "精算师-金融数学",
)
"""The sub-tasks, which are also the names of the files."""

LETTERS = "ABCD"
ANSWER = "答案是: "
"""How the assistant turns of the prompt begin."""


def last_capital(output: str) -> str:
    """The last upper-case character of any alphabet, or nothing."""
    return next((character for character in reversed(output) if character.isupper()), "")


class FinanceIQScorer(ItemwiseScorer):
    """The scorer of all subjects."""

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item whose ``answer`` is none of A to D.
            InputError: for an item whose ``subtask`` is no subject.
        """
        subject, gold = item.get("subtask"), item.get("answer")
        if subject not in SUBJECTS:
            raise bad_item(item, f"its subtask is {subject!r}", f"use a subject of {', '.join(SUBJECTS)}")
        if gold not in tuple(LETTERS):
            raise bad_gold(item, f"its answer is {gold!r}", "use an answer from A to D")
        given = last_capital(output)
        right, parsed = given == gold, given in tuple(LETTERS)
        error = None if right else fault(output, parsed=parsed)
        return ItemScore(id=str(item["id"]), subtask=subject, score=float(right), parsed=parsed, error=error)

    def gold(self, item: Record) -> str:
        """The right answer in the form of the prompt's assistant turns."""
        return f"{ANSWER}{item['answer']}"


def prompt(item: Record) -> list[Message]:
    """Five questions with answers, then the item's question."""
    turns: list[Message] = []
    for shot in item["shots"]:
        turns.append({"role": "user", "content": _question(item["subtask"], shot)})
        turns.append({"role": "assistant", "content": f"{ANSWER}{shot['answer']}"})
    return [*turns, {"role": "user", "content": _question(item["subtask"], item)}]


def _question(subject: str, row: Record) -> str:
    return _whole(subject, row["question"], _options([row[letter] for letter in LETTERS]))


def _whole(subject: str, question: str, options: str) -> str:
    return f"以下是关于{subject}的单项选择题，请直接给出正确答案的选项。\n题目：{question}{options}"


def _options(texts: Sequence[str]) -> str:
    return "".join(f"\n{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=True))


FINANCEIQ = HubSet(
    id="Duxiaoman-DI/FinanceIQ",
    revision="fca1d9ceb6925041264d211b9ddf7264e8145248",
    licence="CC BY-NC-SA 4.0",
)

_OPTIONS = _options([f"{{{{ {letter} }}}}" for letter in LETTERS])


def _source(subject: str) -> RawSource:
    return RawSource(
        path=f"data/train/{subject}.csv",
        subtask=subject,
        description=f"questions of the examination {subject}: row index (unnamed), Question, A, B, C, D, Answer; "
        "no reasoning, uneven numbers of rows and of answers",
        renderings=(
            Rendering(
                name="raw",
                prompt="{{ Question }}" + _OPTIONS,
                completion="{{ Answer }}",
                description="the row as it stands: question and options, and the letter",
            ),
            Rendering(
                name="answer",
                prompt=_whole(subject, "{{ Question }}", _OPTIONS),
                completion=f"{ANSWER}{{{{ Answer }}}}",
                description="a turn of the evaluation's prompt and its answer, without worked questions before it",
            ),
        ),
    )


SPEC = TaskSpec(
    id="finance/financeiq",
    domain="finance",
    objective="Answer single-choice questions of ten Chinese financial examinations, from accounting to actuarial "
    "mathematics, after five worked questions of the same subject.",
    output_format="The letter of the right option, A, B, C or D, as the last upper-case character of the output: "
    "'答案是: B' or 'B'. Any capital after it, also within a word, is taken as the answer instead.",
    metric="accuracy",
    higher_is_better=True,
    best_value=100.0,
    subtasks=SUBJECTS,
    max_new_tokens=8192,
    raw_sources=tuple(map(_source, SUBJECTS)),
    evaluation_source="the last rows of each subject's test file, at most 100: the first half for validation, the "
    "last for test; the twin is generated, with computed answers",
    licence="FinanceIQ: CC BY-NC-SA 4.0; the twin: MIT",
    published=(Published(metric="accuracy", base=65.1, ft_agent=67.2),),
    shortcuts=tuple(Shortcut(name=f"always {letter}", output=f"{ANSWER}{letter}", at_most=25.0) for letter in LETTERS),
)
