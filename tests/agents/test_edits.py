"""Edits: a key and a value change a draft, everything else stays, and what is wrong is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftdojo import tasks
from ftdojo.agents.draft import Draft, first
from ftdojo.agents.ft_agent import edits
from ftdojo.contract.task_spec import Rules

SPEC = tasks.get("chemistry/mol_und").spec
START = first(SPEC, rows=256, seed=0, train={"lora": {"rank": 8, "alpha": 16}})


def test_what_is_not_named_stays() -> None:
    after = edits.apply(START, SPEC, [("train.lora.rank", "32"), ("recipe.sources.ring_count.weight", "2")])
    assert edits.differences(START, after, SPEC) == {
        "train.lora.rank": ("8", "32"),
        "recipe.sources.ring_count.weight": ("1", "2"),
    }
    assert edits.apply(after, SPEC, [("train.lora.rank", "8"), ("recipe.sources.ring_count.weight", "1")]) == START


def test_all_faults_are_named_at_once() -> None:
    wrong = [("train.learning_rte", "1"), ("train.epochs", "many"), ("recipe.rendering", "poem")]
    with pytest.raises(ValueError, match=r"did you mean .train\.learning_rate.") as caught:
        edits.apply(START, SPEC, wrong)
    assert "epochs" in str(caught.value)
    assert "recipe.rendering: must be one of raw, answer, rationale, got 'poem'" in str(caught.value)


def test_a_rendering_is_one_key_for_all_templates() -> None:
    after = edits.apply(START, SPEC, [("recipe.rendering", "rationale")])
    wanted = [r.completion for raw in SPEC.raw_sources for r in raw.renderings if r.name == "rationale"]
    assert [source.completion for source in after.recipe.sources] == wanted
    assert edits.differences(START, after, SPEC) == {"recipe.rendering": ("answer", "rationale")}
    assert edits.apply(after, SPEC, [("recipe.rendering", "answer")]) == START


def test_templates_of_its_own_are_named_so_and_stay_editable() -> None:
    after = edits.apply(START, SPEC, [("recipe.sources.ring_count.completion", "{{ answer }}")])
    assert edits.values(after, SPEC)["recipe.rendering"] == "own"
    changed = edits.differences(START, after, SPEC)
    assert changed["recipe.sources.ring_count.completion"][1] == "{{ answer }}"
    unknown = START.with_recipe(sources=[{"path": "other.json", "prompt": "{{ a }}", "completion": "{{ b }}"}])
    assert edits.values(unknown, SPEC)["recipe.rendering"] == "own"


def test_a_draft_can_learn_from_preferences_and_from_samples() -> None:
    pairs = edits.apply(START, SPEC, [("train.method", "dpo"), ("recipe.pairs", "other_answer")])
    assert (pairs.train.method, pairs.train.kind, pairs.recipe.pairs) == ("dpo", "lora", "other_answer")
    assert pairs.train.adapter == START.train.adapter
    assert edits.apply(pairs, SPEC, [("train.sft_weight", "0.2")]).train.model_dump()["sft_weight"] == 0.2
    back = edits.apply(pairs, SPEC, [("train.method", "lora"), ("recipe.pairs", "none")])
    assert back == START
    drawn = edits.apply(START, SPEC, [("recipe.sample.samples", "4"), ("recipe.sample.model", "start")])
    assert (drawn.recipe.asks, drawn.recipe.sample.samples) == ("start", 4)
    assert edits.differences(START, drawn, SPEC) == {
        "recipe.sample.samples": ("0", "4"),
        "recipe.sample.model": ("self", "start"),
    }
    chosen = edits.apply(drawn, SPEC, [("recipe.sample.contradicted", "drop"), ("recipe.sample.keep", "0")])
    assert edits.differences(drawn, chosen, SPEC) == {
        "recipe.sample.keep": ("1", "0"),
        "recipe.sample.contradicted": ("keep", "drop"),
    }
    rewards = replace(SPEC, rules=Rules(methods=("lora", "grpo")))
    assert "recipe.items" not in edits.values(START, SPEC)
    rewarded = edits.apply(START, rewards, [("train.method", "grpo"), ("recipe.items", "true")])
    assert (rewarded.train.method, rewarded.train.adapter, rewarded.recipe.items) == ("grpo", START.train.adapter, True)
    assert edits.apply(rewarded, rewards, [("train.group_size", "4")]).train.model_dump()["group_size"] == 4
    with pytest.raises(ValueError, match="needs samples"):
        edits.apply(START, SPEC, [("recipe.sample.mastered", "drop")])


def test_a_script_has_no_keys_of_a_recipe() -> None:
    script = Draft("print()", START.train)
    assert all(key.startswith("train.") for key in edits.values(script, SPEC))
    with pytest.raises(ValueError, match=r"no key .recipe\.rendering."):
        edits.apply(script, SPEC, [("recipe.rendering", "answer")])
