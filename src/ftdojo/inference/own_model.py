"""One of a run's own models as a language model that its data programs may ask: borrowed while a program asks, in
batches. It is the base model, or the one from which a training starts.

It is borrowed with the first request of a program and given back when the program has ended, before a model is trained.
One thread answers; requests that arrive together are answered together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Self

from ftdojo.contract.call import Fault, Usage, own_model
from ftdojo.errors import UsageError
from ftdojo.inference.protocol import Generation
from ftdojo.inference.sampled import Ask, SampledModel
from ftdojo.llm import Request
from ftdojo.llm.transport import Answer

GATHER_S = 0.03
"""A batch begins when no request has come for so long: those of one program come together."""
ENDED = "the program has ended"


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: Request
    answer: Future[Answer] = field(default_factory=Future)


class OwnModel:
    """A :class:`~ftdojo.llm.Transport` to a model of a run. Use as a context manager while a program runs.

    Its replies are not kept for other runs: each pays for the time of the device.
    """

    place = None

    def __init__(self, opened: Callable[[], AbstractContextManager[SampledModel]], digest: str) -> None:
        """Serve the model that ``opened`` opens, whose digest is ``digest``. Nothing is loaded yet."""
        self.model = own_model(digest)
        self._opened = opened
        self._changed = threading.Condition()
        """Guards the fields below, and is notified of every change."""
        self._queue: list[_Waiting] = []
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._over.set()

    def send(self, request: Request) -> Answer:
        """Answer one request. Its time limit holds for the answer, without the waiting for its turn.

        Raises:
            UsageError: if the model cannot be loaded.
        """
        waiting = _Waiting(request)
        with self._changed:
            if self._over.is_set():
                return _refuse(ENDED)
            self._queue.append(waiting)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="answers of an own model", daemon=True)
                self._thread.start()
        return waiting.answer.result()

    def __enter__(self) -> Self:
        self._over.clear()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._over.set()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _serve(self) -> None:
        """Answer requests until the program has ended, then refuse those that wait. The model is given back then."""
        with ExitStack() as borrowed:
            model: SampledModel | None = None
            while batch := self._take():
                try:
                    model = model or borrowed.enter_context(self._opened())
                    self._answer(model, batch)
                except BaseException as error:  # noqa: BLE001 - raised where the answers are awaited
                    for waiting in batch:
                        if not waiting.answer.done():
                            waiting.answer.set_exception(error)
            del model
        with self._changed:
            for waiting in self._queue:
                waiting.answer.set_result(_refuse(ENDED))
            self._queue.clear()

    def _take(self) -> list[_Waiting]:
        """Wait for requests, and return those that came together; none when the program has ended."""
        with self._changed:
            while not self._queue and not self._over.is_set():
                self._changed.wait()
            while not self._over.is_set() and self._changed.wait(GATHER_S):
                pass
            if self._over.is_set():
                return []
            taken, self._queue = self._queue, []
            return taken

    def _answer(self, model: SampledModel, batch: Sequence[_Waiting]) -> None:
        asked: list[tuple[_Waiting, Ask]] = []
        for waiting in batch:
            ask = _read(model, waiting.request, waiting.request.key(self.model))
            if isinstance(ask, Ask):
                asked.append((waiting, ask))
            else:
                waiting.answer.set_result(ask)
        while asked:
            count = model.count_fitting([ask for _, ask in asked])
            self._answer_together(model, asked[:count])
            asked = asked[count:]

    def _answer_together(self, model: SampledModel, asked: Sequence[tuple[_Waiting, Ask]]) -> None:
        import torch

        begun = time.monotonic()
        limit_s = min(waiting.request.timeout_s for waiting, _ in asked)

        def stop() -> bool:
            return self._over.is_set() or time.monotonic() - begun > limit_s

        try:
            made: list[Generation] | None = model.answer([ask for _, ask in asked], stop)
        except torch.OutOfMemoryError:
            made = None
        each_s = (time.monotonic() - begun) / len(asked)
        for place, (waiting, ask) in enumerate(asked):
            usage = Usage(input_tokens=len(ask.prompt), device_s=each_s)
            if made is None:
                fault = Fault(kind="server", message="the model has too little memory for this request")
                waiting.answer.set_result(Answer(None, fault, usage))
                continue
            one = made[place]
            usage = usage.model_copy(update={"output_tokens": one.n_tokens})
            if one.truncated and one.n_tokens < ask.max_new_tokens:
                late = f"the answer was not finished within {limit_s:.0f} s: ask for fewer tokens"
                waiting.answer.set_result(_refuse(ENDED if self._over.is_set() else late, usage))
            else:
                waiting.answer.set_result(Answer(one.text, None, usage))


def _read(model: SampledModel, request: Request, key: str) -> Ask | Answer:
    """Return a request as the model takes it, or the refusal of one that it cannot take."""
    try:
        prompt = model.encode([{"role": m.role, "content": m.content} for m in request.messages])
    except UsageError as error:  # the template refuses the turns
        return _refuse(error.message)
    # The seed belongs to the whole request: equal seeds of different prompts draw different answers.
    ask = Ask(prompt, request.max_tokens, request.temperature, int(key[:15], 16))
    if ask.tokens <= model.room:
        return ask
    return _refuse(
        f"the prompt has {len(prompt)} tokens and the answer up to {request.max_tokens}; "
        f"the model takes {model.room} together"
    )


def _refuse(message: str, usage: Usage | None = None) -> Answer:
    return Answer(None, Fault(kind="rejected", message=message), usage or Usage())
