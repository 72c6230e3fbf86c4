"""Language models for data programs: ``import ftdojo_llm``. Put beside the program; standard library only.

    reply = ftdojo_llm.ask("Shorten this: …", model="weak")
    replies = ftdojo_llm.ask_all(["…", "…"], model="weak")
    kept = ftdojo_llm.rationales(rows, prompt=…, item=…, model="strong")

The models are those that ``ftdojo run --data-llm NAME=PROVIDER:MODEL`` names; with ``--teachers self`` there is one,
``self``, which is the base model itself. Every reply is kept: the same question
with the same parameters is paid once. To ask again for another reply, change ``seed``.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

SOCKET = "/llm/socket"
CONCURRENCY = 8
TIMEOUT_S = 3000.0
"""For one answer, the time that it waits for its turn among others included."""
BATCH = 32
"""Outputs that are scored together ..."""
BATCH_BYTES = 2**19
"""... if they are no larger than this."""

Row = TypeVar("Row")

if not Path(SOCKET).exists():
    raise ImportError(
        "this run has no language models for data programs: start it with --data-llm NAME=PROVIDER:MODEL, or with "
        "--teachers self for the base model itself"
    )


class LlmError(Exception):
    """A request was refused, or the model did not answer."""


class OutOfBudget(LlmError):  # noqa: N818 - a name that reads well where it is caught
    """The run's budget for tokens or cost has no room for this request. End with what there is."""


def models() -> list[str]:
    """The names of the models that may be asked."""
    return [model["id"] for model in _request("GET", "/v1/models")["data"]]


def ask(
    prompt: str | Sequence[dict[str, str]],
    *,
    model: str = "weak",
    max_tokens: int = 1024,
    temperature: float | None = None,
    seed: int | None = None,
) -> str:
    """The reply to one prompt: a text, or chat turns ``{"role": …, "content": …}``.

    Raises:
        OutOfBudget: if the budget has no room for it.
        LlmError: if it is refused for another reason.
    """
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
    options = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    given = {name: value for name, value in options.items() if value is not None}
    reply = _request("POST", "/v1/chat/completions", {"model": model, "messages": messages, **given})
    return str(reply["choices"][0]["message"]["content"])


def ask_all(prompts: Sequence[str | Sequence[dict[str, str]]], **options: Any) -> list[str | None]:
    """The replies to many prompts, in their order, several asked at a time; the options are those of :func:`ask`.

    ``None`` stands for those that the budget had no room for: its end is no error here.

    Raises:
        LlmError: if a prompt is refused for another reason. Replies that were given are kept for the next run.
    """

    def answer(prompt: str | Sequence[dict[str, str]]) -> str | None:
        try:
            return ask(prompt, **options)
        except OutOfBudget:
            return None

    with ThreadPoolExecutor(CONCURRENCY) as threads:
        futures = [threads.submit(answer, prompt) for prompt in prompts]
        try:
            return [future.result() for future in futures]
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def score(items: Sequence[dict[str, Any]], outputs: Sequence[str]) -> list[dict[str, Any]]:
    """The verdicts of the task's scorer on outputs, each with its item in the task's evaluation schema.

    A verdict has ``score`` (in the metric's own unit), ``parsed`` and ``error``: ``None`` if the output is right, a
    class such as ``wrong``, or ``unscorable: why``.
    """
    if len(items) != len(outputs):
        raise ValueError(f"{len(items)} items and {len(outputs)} outputs")
    return [verdict for batch in _batches(items, outputs) for verdict in _request("POST", "/v1/score", batch)["scores"]]


def rationales(
    rows: Sequence[Row],
    *,
    prompt: Callable[[Row], str],
    item: Callable[[Row], dict[str, Any]],
    accept: Callable[[dict[str, Any]], bool] = lambda verdict: verdict["error"] is None,
    model: str = "strong",
    attempts: int = 2,
    temperature: float = 0.7,
    max_tokens: int = 1024,
) -> list[str | None]:
    """For each row an answer of the model, with its way to it, whose final answer the task's scorer accepts.

    Args:
        rows: anything.
        prompt: a row -> what the model is asked; say in it in which form the answer has to end.
        item: a row -> its item in the task's evaluation schema, with the right answer where the scorer looks for it.
        accept: verdict of the scorer -> whether the answer is kept.
        attempts: so often a row is asked at most, each time with another seed.

    Returns:
        One entry a row, in their order; ``None`` for a row without an accepted answer.

    Raises:
        LlmError: if the model does not answer, or the scorer can use none of the items.
    """
    kept: list[str | None] = [None] * len(rows)
    for attempt in range(attempts):
        missing = [i for i, text in enumerate(kept) if text is None]
        options = {"model": model, "max_tokens": max_tokens, "temperature": temperature, "seed": attempt}
        replies = ask_all([prompt(rows[i]) for i in missing], **options)
        answered = [(i, text) for i, text in zip(missing, replies, strict=True) if text is not None]
        verdicts = score([item(rows[i]) for i, _ in answered], [text for _, text in answered])
        unscorable = [v["error"] for v in verdicts if (v["error"] or "").startswith("unscorable")]
        if answered and len(unscorable) == len(answered):
            raise LlmError(f"the scorer can use none of {len(answered)} items; the first is {unscorable[0]}")
        for (i, text), verdict in zip(answered, verdicts, strict=True):
            if accept(verdict):
                kept[i] = text
        if len(answered) < len(missing):  # the budget is used up
            break
    return kept


def _batches(items: Sequence[dict[str, Any]], outputs: Sequence[str]) -> Iterator[dict[str, Any]]:
    batch: tuple[list[dict[str, Any]], list[str]] = ([], [])
    size = 0
    for item, output in zip(items, outputs, strict=True):
        added = len(_encoded([item, output]))
        if batch[0] and (len(batch[0]) == BATCH or size + added > BATCH_BYTES):
            yield {"items": batch[0], "outputs": batch[1]}
            batch, size = ([], []), 0
        batch[0].append(item)
        batch[1].append(output)
        size += added
    if batch[0]:
        yield {"items": batch[0], "outputs": batch[1]}


def _encoded(document: Any) -> bytes:
    """JSON; lone surrogates, which raw text may hold and no reader takes, become question marks."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(SOCKET)


def _request(method: str, path: str, document: Any = None) -> Any:
    connection = _Connection("gateway")
    try:
        connection.request(method, path, None if document is None else _encoded(document))
        response = connection.getresponse()
        content = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LlmError(f"the gateway gives no answer: {type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if response.status == 200:
        return content
    message = content["error"]["message"]
    raise OutOfBudget(message) if response.status == 429 else LlmError(message)
