"""The base model as a teacher: it answers like the engine, or draws by a seed, and is loaded only while it is asked."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from ftdojo.contract.call import Message
from ftdojo.errors import UsageError
from ftdojo.inference import TransformersEngine, open_model, sampled
from ftdojo.inference.own_model import OwnModel
from ftdojo.inference.sampled import Ask, SampledModel
from ftdojo.llm import Request
from ftdojo.llm.transport import Answer


def request(text: str, *, max_tokens: int = 8, temperature: float | None = None, seed: int | None = None) -> Request:
    return Request(
        messages=[Message(role="user", content=text)],
        mode="text",
        schema=None,
        max_tokens=max_tokens,
        timeout_s=60,
        temperature=temperature,
        seed=seed,
    )


def send(model: OwnModel, requests: list[Request]) -> list[Answer]:
    """The answers to requests that are made at one time."""
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(model.send, requests))


def serve(model: Path) -> OwnModel:
    return OwnModel(partial(open_model, SampledModel, model), "digest")


@pytest.fixture
def own(tiny_model: Path) -> Iterator[OwnModel]:
    with serve(tiny_model) as model:
        yield model


def test_without_a_temperature_it_answers_like_the_engine(own: OwnModel, tiny_model: Path) -> None:
    texts = [f"What is {'very ' * (i % 3)}{i} plus {i}?" for i in range(8)]
    asked = [[{"role": "user", "content": text}] for text in texts]
    expected = TransformersEngine(tiny_model).generate(asked, max_new_tokens=8)
    answers = send(own, [request(text) for text in texts])
    assert [answer.reply for answer in answers] == [one.text for one in expected]
    assert [answer.usage.output_tokens for answer in answers] == [one.n_tokens for one in expected]
    assert all(answer.usage.input_tokens > 0 and answer.usage.device_s > 0 for answer in answers)
    assert [answer.usage.cost_usd for answer in answers] == [0.0] * 8


def test_a_seed_draws_one_answer_whatever_else_is_asked(own: OwnModel) -> None:
    def drawn(seed: int) -> Request:
        return request("Say a word.", temperature=1.0, seed=seed)

    alone = own.send(drawn(1)).reply
    assert len({alone, *(answer.reply for answer in send(own, [drawn(seed) for seed in range(2, 6)]))}) == 5
    others = [request(f"{n}?", max_tokens=4 + n, temperature=0.5 * (n % 2)) for n in range(6)]
    assert send(own, [*others, drawn(1)])[-1].reply == alone


def test_answers_are_drawn_with_their_probabilities(tiny_model: Path) -> None:
    """The first token, against the softmax of the model's own logits."""
    import torch
    from transformers import AutoModelForCausalLM

    model = SampledModel(tiny_model)
    prompt = model.encode([{"role": "user", "content": "yes or no?"}])
    network = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    with torch.inference_mode():
        logits = network(torch.tensor([prompt])).logits[0, -1]
    temperature, count = 0.1, 600
    likely = float(torch.softmax(logits / temperature, -1).max())
    assert 0.2 < likely < 0.8
    text = model.answer([Ask(prompt, 1, None, 0)], lambda: False)[0].text
    found: Counter[str] = Counter()
    for begin in range(0, count, 100):
        asks = [Ask(prompt, 1, temperature, seed) for seed in range(begin, begin + 100)]
        found.update(one.text for one in model.answer(asks, lambda: False))
    deviation = (count * likely * (1 - likely)) ** 0.5
    assert abs(found[text] - count * likely) < 4 * deviation


def test_a_request_that_it_cannot_take_is_refused_and_the_others_are_answered(own: OwnModel) -> None:
    answers = send(own, [request("a " * 2000), request("b"), request("c", max_tokens=5000)])
    assert [answer.fault and answer.fault.kind for answer in answers] == ["rejected", None, "rejected"]
    assert "the model takes 1024 together" in str(answers[0].fault)


def test_an_answer_that_takes_too_long_is_refused_and_charged(own: OwnModel) -> None:
    answer = own.send(dataclasses.replace(request("a", max_tokens=900), timeout_s=0.0))
    assert answer.fault is not None
    assert (answer.fault.kind, answer.reply) == ("rejected", None)
    assert "ask for fewer tokens" in answer.fault.message
    assert answer.usage.output_tokens < 900
    assert answer.usage.device_s > 0


def test_it_is_loaded_when_it_is_asked_and_answers_only_while_a_program_runs(tiny_model: Path, tmp_path: Path) -> None:
    before = threading.active_count()
    with serve(tmp_path / "absent"):
        assert threading.active_count() == before
    model = serve(tiny_model)
    for _ in range(2):  # the trial of a program, then its full run
        closed = model.send(request("a"))
        assert "the program has ended" in str(closed.fault)
        with model:
            assert model.send(request("a")).fault is None
        assert threading.active_count() == before


def test_leaving_does_not_wait_for_answers(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    going = threading.Event()
    read = sampled.SampledModel.answer

    def slow(self: SampledModel, asks: list[Ask], stop: object) -> object:
        going.set()
        while not stop():  # type: ignore[operator]
            pass
        return read(self, asks, stop)  # type: ignore[arg-type]

    monkeypatch.setattr(sampled.SampledModel, "answer", slow)
    with ThreadPoolExecutor(2) as threads:
        with serve(tiny_model) as model:
            first = threads.submit(model.send, request("a", max_tokens=900))
            going.wait(30)
            second = threads.submit(model.send, request("b"))
        faults = [one.result(30).fault for one in (first, second)]
    assert [fault and fault.message for fault in faults] == ["the program has ended"] * 2


def test_a_model_that_cannot_be_loaded_is_an_error_of_every_request(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with serve(tmp_path) as model, ThreadPoolExecutor(2) as threads:
        for asked in [threads.submit(model.send, request(text)) for text in "ab"]:
            with pytest.raises(UsageError):
                asked.result(30)


def test_a_batch_holds_what_memory_allows(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = SampledModel(tiny_model)
    asks = [Ask([1] * 10, 10, None, 0) for _ in range(5)]
    assert model.count_fitting(asks) == 5
    monkeypatch.setattr(model, "_batch_tokens", 50)
    assert model.count_fitting(asks) == 2
    assert model.count_fitting([Ask([1] * 90, 10, None, 0), *asks]) == 1
    monkeypatch.setattr(model._network.config, "model_type", "falcon")
    assert model.count_fitting(asks) == 1
