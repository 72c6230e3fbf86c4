"""Trainings on rewards: what they learn, and what they promise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ftdojo import digest
from ftdojo.contract.task_spec import Record
from ftdojo.contract.train_config import OUT_OF_TIME, TrainConfig
from ftdojo.inference import TransformersEngine
from ftdojo.models import network
from ftdojo.training import Earlier, export, lineage_faults, trainer_of
from ftdojo.training.grpo.draw import Draws, keep_nucleus
from training.grpo.tasks import SINGLE, ask, bound, config, grading, items, make_task, prompts, run

RATE = 5e-2


def share_of_capitals(item: Record, output: str) -> float:
    """An easy reward: first answers have few."""
    return sum(not letter.islower() for letter in output) / max(1, len(output))


CAPITALS = make_task(share_of_capitals, limit=2)


def test_a_few_steps_raise_the_reward_and_the_export_has_learned_it(tiny_model: Path, tmp_path: Path) -> None:
    settings, logs = config(learning_rate=RATE), list[dict[str, float]]()
    result = run(tiny_model, tmp_path / "t", CAPITALS, settings, on_log=logs.append)
    first, last = result.rollouts[0], result.rollouts[-1]
    assert first.reward < 0.3
    assert last.reward > 0.9
    assert last.reward == last.score == logs[-1]["reward"]
    assert [point.step for point in result.rollouts] == [point.step for point in result.curve]
    assert 1 <= last.output_tokens <= 2
    export(tiny_model, tmp_path / "t", tmp_path / "merged")
    asked = [ask(item) for item in items(8)]
    texts = [a.text for a in TransformersEngine(tmp_path / "merged", SINGLE).generate(asked, max_new_tokens=2)]
    assert sum(share_of_capitals({}, text) for text in texts) > 0.9 * len(texts)
    assert lineage_faults(tiny_model, tmp_path / "merged", Earlier(settings, result.steps), []) == []


def test_adapters_take_several_steps_on_the_same_answers(tiny_model: Path, tmp_path: Path) -> None:
    settings = config(weights="lora", learning_rate=RATE, epochs=1, iterations=2, kl=0.01, loss="grpo", max_steps=4)
    result = run(tiny_model, tmp_path / "t", CAPITALS, settings, 8)
    assert result.steps == 4
    before, after = result.rollouts[:2]
    assert (before.reward, before.right) == (after.reward, after.right), "the answers are the same"
    assert before.kl == pytest.approx(0, abs=1e-3) != after.kl
    export(tiny_model, tmp_path / "t", tmp_path / "merged")
    assert lineage_faults(tiny_model, tmp_path / "merged", Earlier(settings, result.steps), []) == []


def test_the_same_arguments_give_the_same_files(tiny_model: Path, tmp_path: Path) -> None:
    settings = config(epochs=1, max_steps=2, iterations=2, kl=0.1, top_p=0.9, temperature=0.8, weights="lora")
    first, second = (run(tiny_model, tmp_path / name, CAPITALS, settings, 8) for name in "ab")
    assert (first.curve, first.rollouts) == (second.curve, second.rollouts)
    assert digest.of_folder(tmp_path / "a") == digest.of_folder(tmp_path / "b")
    run(tiny_model, tmp_path / "other", CAPITALS, settings.model_copy(update={"seed": 1}), 8)
    assert digest.of_folder(tmp_path / "other") != digest.of_folder(tmp_path / "a")


def test_what_the_clock_has_cut_can_be_made_again_from_earlier_weights(tiny_model: Path, tmp_path: Path) -> None:
    settings = config(batch_size=2, group_size=4, learning_rate=RATE)
    run(tiny_model, tmp_path / "first", CAPITALS, settings, 4)
    cut, _ = (
        run(tiny_model, tmp_path / name, CAPITALS, settings, 8, stop_after=2, start=tmp_path / "first") for name in "ab"
    )
    assert cut.stopped is not None
    assert (cut.stopped.code, cut.steps) == (OUT_OF_TIME, 2)
    assert digest.of_folder(tmp_path / "a") == digest.of_folder(tmp_path / "b")


def test_prompts_without_a_reward_change_nothing(tiny_model: Path, tmp_path: Path) -> None:
    """Such are those of evaluation items, whatever the answers are."""
    given = [replace(p, row=replace(p.row, item=None)) for p in prompts(tiny_model, CAPITALS, 4)]
    settings = config(learning_rate=RATE, epochs=1)
    result = bound(CAPITALS).train(given, settings, tiny_model, tmp_path / "t")
    assert (result.rollouts[0].reward, result.rollouts[0].varied) == (0.0, 0.0)
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny_model, tmp_path / "t"))
    for name, tensor in after.items():
        torch.testing.assert_close(tensor, before[name].to(tensor.dtype), atol=0, rtol=0)


def test_a_training_that_has_nothing_left_to_learn_ends(tiny_model: Path, tmp_path: Path) -> None:
    task = make_task(lambda item, output: 1.0, limit=1)
    result = run(tiny_model, tmp_path / "t", task, config(batch_size=1, group_size=2, epochs=30), 1)
    assert result.stopped is not None
    assert (result.stopped.code, result.stopped.severity, result.steps) == ("constant_reward", "warning", 10)


def test_cold_answers_are_those_of_the_engine(tiny_model: Path) -> None:
    """Each prompt is read once for all its answers, and rows of several lengths are in one batch."""
    given = prompts(tiny_model, make_task(limit=6), 5)
    given = [replace(given[0], asked=given[0].asked[:-9] + given[0].asked[-5:]), *given[1:]]
    loaded = network.load(tiny_model, torch.float32, "sdpa")
    settings = config(temperature=1e-6, group_size=3, max_new_tokens=5)
    drawn = Draws(settings, tiny_model).draw(loaded.train(), given)
    assert loaded.training
    engine = TransformersEngine(tiny_model, SINGLE)
    expected = engine.generate([ask(item) for item in items(5)], max_new_tokens=5)
    for group, answer in list(zip(drawn, expected, strict=True))[1:]:
        assert [one.output.text for one in group] == [answer.text] * 3
        assert all(one.output.limit == 5 and one.output.cut == answer.truncated for one in group)
    warm = Draws(config(group_size=8, max_new_tokens=5), tiny_model).draw(loaded, given)
    assert len({one.output.text for one in warm[1]}) > 4


def test_a_nucleus_has_the_likeliest_tokens() -> None:
    scores = torch.tensor([[0.5, 0.2, 0.29, 0.01], [0.05, 0.9, 0.04, 0.01]]).log()
    kept = keep_nucleus(scores, 0.75).isfinite()
    assert kept.tolist() == [[True, False, True, False], [False, True, False, False]]


def test_forecasts_include_the_answers(tiny_model: Path) -> None:
    task = make_task(limit=32)
    trainer, given, settings = bound(task), prompts(tiny_model, task, 8), config(group_size=4, batch_size=2)
    plain = trainer.memory(settings, tiny_model, given)
    assert plain > trainer.memory(settings, tiny_model)
    assert plain < trainer.memory(config(group_size=16, batch_size=2), tiny_model, given)
    assert plain < trainer.memory(config(group_size=4, batch_size=2, kl=0.1), tiny_model, given)
    assert plain > trainer.memory(config(group_size=4, batch_size=2, max_new_tokens=4), tiny_model, given)
    fitting = trainer.shrink(settings, tiny_model, given, trainer.memory(settings, tiny_model, given) - 1)
    assert fitting is not None
    assert fitting.batch_size == 1
    quick = config(group_size=2, batch_size=4, max_new_tokens=2)
    once, twice = (trainer.forecast_s(given, quick.model_copy(update={"epochs": n}), tiny_model) for n in (1, 20))
    assert 0 < once < twice


def test_the_trial_speaks_of_the_model_and_of_shortcuts(tiny_model: Path) -> None:
    task = make_task(lambda item, output: 1.0, limit=4)
    settings = config(group_size=2, max_new_tokens=2)
    found = list(bound(task).try_rewards(prompts(tiny_model, task, 4), settings, tiny_model, None))
    assert {finding.code for finding in found} == {"constant_reward", "reward_shortcut"}
    honest = list(bound(CAPITALS).try_rewards(prompts(tiny_model, CAPITALS, 4), settings, tiny_model, None))
    assert "constant_reward" not in {finding.code for finding in honest}


def test_a_trainer_without_its_task_reads_no_rows() -> None:
    with pytest.raises(TypeError, match="bound to a task"):
        trainer_of(config()).parse_row({"item": items(1)[0]})
    key = bound(CAPITALS).task_key
    assert key == {"task": ["own/colours", "1"], "max_new_tokens": 2}
    assert key != bound(replace(CAPITALS, version="2")).task_key, "another scorer gives another model"
    assert trainer_of(TrainConfig(), grading(CAPITALS)).task_key == {}
