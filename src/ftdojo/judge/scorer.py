"""A scorer that asks a language model about each output, once: an earlier reply is read from the record of replies.

A reply that is no verdict, a request that the server refuses, and one that fails while the server answers another, are
faults of that output: it is not accepted, and its error says why. So an output gains nothing by confusing the judge,
and the calibration counts such faults in the same way. A server that answers nothing ends the judgement; the same
command goes on with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace

from ftdojo.contract.call import JUDGE
from ftdojo.contract.progress import Progress, Silent
from ftdojo.contract.task_spec import Record
from ftdojo.errors import InputError, LlmError
from ftdojo.findings import Finding
from ftdojo.judge.question import VerdictForm, ask_about
from ftdojo.judge.replies import ALIVE, Replies, is_refused
from ftdojo.llm import Client, Patience, Prompt, Transport, Unusable
from ftdojo.tasks.extract import drop_thinking
from ftdojo.tasks.itemwise import MeanScorer, form_metrics
from ftdojo.tasks.rows import MAX_FINDINGS
from ftdojo.tasks.spec import BAD_GOLD, ItemScore, Task

CONCURRENCY = 8
MAX_TOKENS = 4096
"""Of a reply, with its thinking."""
NO_VERDICT = "no_verdict"
"""The error of an output on which the judge's reply is no verdict."""
REFUSED = "refused"
"""The error of an output about which the server refuses to answer, or fails while it answers about others."""
_ALWAYS_RIGHT = ("How much is 1 + 1?", "2", "2")
"""Question, right answer and output, about which a server that works says something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What a verdict depends on, besides the output: a language model and a rubric."""

    model: str
    """``PROVIDER:MODEL``."""
    server: str = ""
    """The address of an OpenAI-compatible server; empty for the provider's own."""
    rubric: str
    """What makes an answer right, in words."""

    @property
    def identity(self) -> str:
        """A short digest: the verdicts of different judges do not compare."""
        return _digest(self.model, self.server, self.rubric)[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeScorer(MeanScorer):
    """A :class:`~ftdojo.tasks.spec.Scorer` whose verdicts are those of a language model."""

    task: Task
    """Supplies the questions and the right answers."""
    judge: Judge
    replies: Replies
    connect: Callable[[], Transport]
    """Opens the model. It is not called if all replies are known."""
    concurrency: int = CONCURRENCY
    """The most requests at one time, at least 1."""
    patience: Patience = field(default_factory=lambda: Patience(repairs=0, max_tokens=MAX_TOKENS))
    progress: Progress = field(default_factory=Silent)

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """Return one verdict per item.

        Raises:
            InputError: naming the items that do not have the task's fields.
            LlmError: if the judge does not answer, or the budget is used up. What it has answered is kept.
        """
        answers = [drop_thinking(output) for output in outputs]
        asked = _questions(self.task, items)
        prompts = [
            self._prompt(question, gold, answer) if gold and answer else None
            for (question, gold), answer in zip(asked, answers, strict=True)
        ]
        self._ask([prompt for prompt in prompts if prompt is not None])
        errors = [
            self._error(prompt) if prompt is not None else "empty" if gold else BAD_GOLD
            for prompt, (_, gold) in zip(prompts, asked, strict=True)
        ]
        return [
            ItemScore(
                id=str(item["id"]),
                subtask=str(item.get("subtask") or ""),
                score=float(error is None),
                parsed=bool(answer),
                error=error,
            )
            for item, answer, error in zip(items, answers, errors, strict=True)
        ]

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return ``parsed`` (per cent) and the number of outputs on which there is no verdict."""
        return form_metrics(scores) | {NO_VERDICT: float(sum(s.error in (NO_VERDICT, REFUSED) for s in scores))}

    def gold(self, item: Record) -> str:
        """Return the item's gold text."""
        return self.task.gold(item)

    def _prompt(self, question: str, gold: str, answer: str) -> Prompt:
        """Return a prompt whose purpose has the digest of all that the reply depends on."""
        prompt = ask_about(self.judge.rubric, question, gold, answer)
        digest = _digest(self.judge.model, self.judge.server, prompt.system, prompt.user)
        return replace(prompt, purpose=f"{JUDGE}{digest}")

    def _ask(self, prompts: Sequence[Prompt]) -> None:
        """Ask about the outputs on which there is no reply yet."""
        distinct = {prompt.purpose: prompt for prompt in prompts}.values()
        missing = [prompt for prompt in distinct if not self.replies.is_settled(prompt.purpose)]
        if not missing:
            return
        known = [call for call in self.replies.calls if call.model == self.judge.model]
        client = Client(self.connect(), self.replies, patience=self.patience, known=known)
        # Alone: by its first request the client finds out how the server takes the form of an answer.
        if any(call.reply is not None for call in known):
            self._ask_further(client, missing[0])
        else:
            _ask_once(client, missing[0])
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix="judge") as pool:
            asked = [pool.submit(self._ask_further, client, prompt) for prompt in missing[1:]]
            try:
                for done, future in enumerate(as_completed(asked), start=2):
                    future.result()
                    self.progress.update("judge", done, len(missing), f"{done:,} of {len(missing):,} outputs")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        self.progress.end("judge", f"{len(missing):,} outputs")

    def _ask_further(self, client: Client, prompt: Prompt) -> None:
        """Ask a server that has answered before: it may refuse or fail on single requests, such as a long one."""
        try:
            _ask_once(client, prompt)
        except LlmError as error:
            if error.trouble != "down":
                raise
            if not is_refused(self.replies.find(prompt.purpose)):
                other = ask_about(self.judge.rubric, *_ALWAYS_RIGHT)
                _ask_once(client, replace(other, purpose=prompt.purpose + ALIVE))

    def _reply(self, prompt: Prompt) -> str | None:
        call = self.replies.find(prompt.purpose)
        return None if call is None else call.reply

    def _error(self, prompt: Prompt) -> str | None:
        """Return the error of an output that was asked about; ``None`` if the judge accepts it."""
        if (reply := self._reply(prompt)) is None:
            return REFUSED
        try:
            return None if VerdictForm().read(reply).right else "wrong"
        except Unusable:
            return NO_VERDICT


def _ask_once(client: Client, prompt: Prompt) -> None:
    """Ask one question. A reply that is no verdict is a reply."""
    try:
        client.ask(prompt, VerdictForm())
    except LlmError as error:
        if error.trouble != "off_schema":
            raise


def _questions(task: Task, items: Sequence[Record]) -> list[tuple[str, str]]:
    """Return the task's question and a right answer for each item; blank if the right answer cannot be read."""
    questions, findings = [], []
    for item in items:
        try:
            questions.append((task.question(item), task.gold(item)))
        except (ValueError, LookupError, TypeError) as error:
            reason = error if isinstance(error, ValueError) else "it lacks what a question or a right answer is made of"
            message = f"is no item of this task: {reason}"
            where = f"item {item.get('id')}"
            fix = "give it the fields of the task's evaluation items"
            findings.append(Finding(code="bad_item", message=message, where=where, fix=fix))
    if findings:
        raise InputError(findings[:MAX_FINDINGS])
    return questions


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
