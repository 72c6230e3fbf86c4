"""Generation with a server that speaks OpenAI's protocol: vLLM, llama.cpp, Ollama, or a provider's.

The server applies the model's chat template and forms the batches. Answers are greedy, but the choice between two
nearly equally likely tokens may depend on other requests that the server handles at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from ftdojo.contract.task_spec import Message
from ftdojo.errors import LlmError, LlmTrouble
from ftdojo.inference.protocol import Generation

if TYPE_CHECKING:
    from ftdojo.llm import Patience, Transport

CONCURRENCY = 32
"""Default number of simultaneous requests; the server batches them."""


class ServedEngine:
    """A model on a server."""

    def __init__(
        self,
        transport: Transport,
        *,
        concurrency: int = CONCURRENCY,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Send requests through ``transport``; if the server is busy or fails, retry as ``patience`` defines."""
        from ftdojo.llm import Patience

        self._transport, self._concurrency = transport, concurrency
        self._patience, self._sleep = patience or Patience(), sleep

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int,
        done: Mapping[int, Generation] | None = None,
        on_answers: Callable[[dict[int, Generation]], None] | None = None,
    ) -> list[Generation]:
        """See :meth:`ftdojo.inference.Engine.generate`.

        Raises:
            LlmError: if the server does not answer.
        """
        answers = dict(done or {})
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="answers") as pool:
            asked = {
                pool.submit(self._answer, prompt, max_new_tokens): i
                for i, prompt in enumerate(prompts)
                if i not in answers
            }
            try:
                for future in as_completed(asked):
                    made = {asked[future]: future.result()}
                    answers |= made
                    if on_answers is not None:
                        on_answers(made)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return [answers[i] for i in range(len(prompts))]

    def _answer(self, prompt: Sequence[Message], max_new_tokens: int) -> Generation:
        from ftdojo.contract.call import Message as Turn
        from ftdojo.llm import Request

        request = Request(
            messages=[Turn.model_validate(turn) for turn in prompt],
            mode="text",
            schema=None,
            max_tokens=max_new_tokens,
            timeout_s=self._patience.timeout_s,
            temperature=0.0,
        )
        retries = 0
        while (answer := self._transport.send(request)).fault is not None:
            pause = self._patience.pause(answer.fault, retries)
            if pause is None:
                kind: LlmTrouble = "denied" if answer.fault.kind == "denied" else "down"
                raise LlmError(kind, f"{self._transport.model} does not answer: {answer.fault.message}")
            self._sleep(pause)
            retries += 1
        tokens = answer.usage.output_tokens
        return Generation(answer.reply or "", tokens, truncated=tokens >= max_new_tokens)
