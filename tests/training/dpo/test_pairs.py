"""Rows of preferences: their forms, their texts and their tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftdojo.data import OverlapIndex
from ftdojo.gates.decontamination import decontaminate
from ftdojo.models import Chat
from ftdojo.training.dpo import Dpo
from ftdojo.training.dpo.pairs import Preference, parse_preference, tokenize_pairs
from ftdojo.training.sft.tokens import IGNORED, Example, truncate

USER, OTHER = {"role": "user", "content": "Who?"}, {"role": "user", "content": "Why?"}
YES, NO = ({"role": "assistant", "content": text} for text in ("yes", "no"))
FORMS: dict[str, dict[str, Any]] = {
    "texts": {"prompt": "Who?", "chosen": "yes", "rejected": "no"},
    "messages": {"prompt": [USER], "chosen": [YES], "rejected": [NO]},
    "prompt_as_text": {"prompt": "Who?", "chosen": [YES], "rejected": [NO]},
    "conversations": {"chosen": [USER, YES], "rejected": [USER, NO]},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_preference(form: str) -> None:
    row = parse_preference({**FORMS[form], "subtask": "s"})
    assert (row.prompt, row.completion, row.rejected.completion, row.subtask) == ((USER,), "yes", "no", "s")
    assert row.texts == ("Who?", "no", "yes")


def test_turns_of_the_assistant_may_be_given_and_tools_be_called() -> None:
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "find", "arguments": {"q": "x"}}}]}
    tools = [{"type": "function", "function": {"name": "find"}}]
    row = parse_preference({"prompt": [USER, NO, OTHER], "chosen": [call], "rejected": [YES], "tools": tools})
    assert "find" in row.completion
    assert row.rejected.prompt == row.prompt


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"prompt": "Who?", "completion": "yes"}, "are not prompt, chosen and rejected"),
        ({**FORMS["texts"], "score": 1}, "are not prompt, chosen and rejected"),
        ({**FORMS["texts"], "rejected": " "}, "'rejected' is empty"),
        ({**FORMS["texts"], "rejected": None}, "'prompt' with 'rejected'"),
        ({**FORMS["texts"], "chosen": "\ud800"}, "half a character"),
        ({**FORMS["messages"], "chosen": [USER, YES]}, "'chosen' must be text, or a list of one message"),
        ({**FORMS["messages"], "chosen": [OTHER]}, "must end with an assistant turn"),
        ({"chosen": [USER, YES], "rejected": [OTHER, NO]}, "differ between 'chosen' and 'rejected'"),
        ({"chosen": "yes", "rejected": "no"}, "must end with an assistant turn after at least one other"),
        ({**FORMS["messages"], "rejected": [{"role": "assistant", "content": "no", "tone": 1}]}, "the key 'tone'"),
    ],
)
def test_a_faulty_row_says_what_is_wrong(row: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_preference(row)


@pytest.mark.parametrize("form", FORMS)
def test_a_row_can_be_written_with_other_texts_and_read_again(form: str) -> None:
    row = parse_preference({**FORMS[form], "subtask": "s"}).with_texts(["Where?", "never", "here"])
    assert row.texts == ("Where?", "never", "here")
    again = parse_preference(json.loads(json.dumps(row.source)))
    assert (again, again.subtask) == (row, "s")


@pytest.mark.parametrize("side", ["prompt", "chosen", "rejected"])
def test_an_evaluation_item_is_found_in_every_part(side: str) -> None:
    item = "The copper kettle of the lighthouse keeper whistled twice before the long storm reached the northern bay."
    index = OverlapIndex.from_texts([item])
    filler = {"prompt": "A question about something else.", "chosen": "It is good.", "rejected": "It is bad."}
    row = Dpo().parse_row({**filler, side: item})
    clean = decontaminate([row, Dpo().parse_row(filler)], index)
    assert clean.found == 1
    assert not index.overlaps(clean.rows[0].texts)
    assert isinstance(clean.rows[0], Preference)
    assert clean.rows[1].texts == tuple(filler[name] for name in ("prompt", "rejected", "chosen"))


def test_labels_are_the_answers_alone(tiny_model: Path) -> None:
    """An earlier turn of the assistant, which both answers share, is not learned."""
    rows = [parse_preference({"prompt": [USER, YES, OTHER], "chosen": "because", "rejected": "no reason at all"})]
    (pair,) = tokenize_pairs(rows, tiny_model, max_length=100).examples
    chat = Chat(tiny_model)
    prompt = chat.prompt(rows[0].prompt)
    for example, answer in ((pair.chosen, "because"), (pair.rejected, "no reason at all")):
        assert example.input_ids[: len(prompt)] == prompt
        assert set(example.labels[: len(prompt)]) == {IGNORED}
        assert example.labels[len(prompt) :] == example.input_ids[len(prompt) :]
        assert chat.decode(example.input_ids[len(prompt) :]).strip() == answer


def test_statistics_count_both_sequences_and_the_longer_one_is_cut(tiny_model: Path) -> None:
    rows = [parse_preference({"prompt": "Who?", "chosen": "he", "rejected": "all of them " * i}) for i in (1, 9)]
    whole = tokenize_pairs(rows, tiny_model, max_length=200)
    lengths = [[e.tokens for e in pair.sequences] for pair in whole.examples]
    assert whole.statistics.tokens == sum(map(sum, lengths))
    assert whole.statistics.row_max == max(map(max, lengths))
    assert whole.statistics.label_max == whole.examples[0].chosen.label_tokens
    limit = lengths[1][1] - 5
    cut = tokenize_pairs(rows, tiny_model, max_length=limit)
    assert (cut.statistics.truncated, cut.examples[1].rejected.tokens) == (1, limit)
    assert cut.examples == truncate(whole.examples, limit)
    nothing = tokenize_pairs(rows, tiny_model, max_length=8)
    assert (nothing.examples, nothing.statistics.unlabelled) == ([], 2)


def test_a_pair_of_which_one_answer_is_cut_off_teaches_nothing() -> None:
    pair = tokenized([IGNORED, IGNORED, 5], [IGNORED, 4])
    assert pair.label_tokens == 1
    assert truncate([pair], 2) == []


def tokenized(chosen: list[int], rejected: list[int]) -> Any:
    from ftdojo.training.dpo.pairs import Pair

    return Pair(Example([abs(t) for t in chosen], chosen), Example([abs(t) for t in rejected], rejected))
