"""The overlap index: copies are found, and shared instructions do not count as copies."""

from __future__ import annotations

import json
import random
import string

from hypothesis import given
from hypothesis import strategies as st

from ftdojo.data import OverlapIndex

INSTRUCTION = "You are a helpful assistant. Count the rings of the molecule and answer with JSON only. Input Molecule:"


def item(rng: random.Random) -> str:
    return f"{INSTRUCTION} {''.join(rng.choices(string.ascii_letters, k=12))}, Ring Structure: {rng.choice('abc')}."


def test_a_copy_is_found_and_a_sibling_is_not() -> None:
    rng = random.Random(0)
    evaluation = [item(rng) for _ in range(50)]
    index = OverlapIndex.from_texts(evaluation)
    assert all(index.overlaps([text, "3"]) for text in evaluation)
    assert not any(index.overlaps([item(rng), "3"]) for _ in range(500))


def test_a_copy_hidden_in_other_text_and_respaced_is_found() -> None:
    rng = random.Random(1)
    evaluation = [item(rng) for _ in range(20)]
    index = OverlapIndex.from_texts(evaluation)
    hidden = "Some words before it.\n\n" + evaluation[3].upper().replace(" ", "  \n") + "  And an answer: 3"
    assert index.overlaps([hidden])


def test_short_items_are_found_as_a_whole() -> None:
    index = OverlapIndex.from_texts(["What is 12 plus 2?", "Translate: cat"])
    assert index.overlaps(["what is 12 plus 2", "14"])
    assert index.overlaps(["An easy one: what is 12 plus 2?", "14"])
    assert not index.overlaps(["what is 12 plus 3", "15"])
    assert index.overlaps(["translate cat", "Katze"])
    assert not index.overlaps(["Explain how to translate cat into German.", "Katze"])


def edited(rng: random.Random, text: str, share: float) -> str:
    words = text.split()
    for i in rng.sample(range(len(words)), round(share * len(words))):
        words[i] = "".join(rng.choices(string.ascii_lowercase, k=6))
    return " ".join(words)


def edit_one(rng: random.Random, text: str) -> str:
    """Replace one of the first words, but for the first three: those are in fewer n-grams."""
    words = text.split()
    words[rng.randrange(4, 12)] = "".join(rng.choices(string.ascii_lowercase, k=6))
    return " ".join(words)


def test_where_every_item_is_a_text_of_its_own_edited_copies_are_found() -> None:
    rng = random.Random(3)
    texts = [f"{INSTRUCTION} {' '.join(''.join(rng.choices('abcdefgh', k=4)) for _ in range(60))}" for _ in range(60)]
    index = OverlapIndex.from_texts(texts[:30])
    assert all(index.overlaps([edited(rng, text, 0.1)]) for text in texts[:30])
    assert not any(index.overlaps([edited(rng, text, 0.1)]) for text in texts[30:])


def test_an_edit_of_the_instruction_does_not_hide_what_distinguishes_an_item() -> None:
    rng = random.Random(8)
    kinds = [
        "Count the rings of the molecule and answer with one number. Molecule: {}",
        "Tell whether the molecule is a salt, and answer with one word. Molecule: {}",
        "Name the largest ring of the molecule in words. Molecule: {}",
    ]

    def ask(kind: str) -> str:
        return kind.format("".join(rng.choices(string.ascii_letters, k=12)) + ", as it was drawn in the journal.")

    items = [ask(kind) for kind in kinds * 12]
    index = OverlapIndex.from_texts(items)
    for place in (-8, -7, -9):  # the word after the molecule, and the molecule, and the word before it
        copies = [text.split() for text in items]
        for words in copies:
            words[place] = "".join(rng.choices(string.ascii_lowercase, k=6))
        assert index.keep([[" ".join(words)] for words in copies]) == (list(range(len(items))) if place == -8 else [])
    others = [[ask(kind)] for kind in kinds * 12]
    assert index.keep(others) == list(range(len(others)))


def test_where_items_come_from_one_template_another_of_it_is_no_copy() -> None:
    rng = random.Random(4)
    template = "{} has {} apples and gives half of them to {} who already had {} more of them . How many are left ?"
    names = [f"Name{number}" for number in range(40)]

    def question() -> str:
        return template.format(rng.choice(names), rng.randint(10, 999), rng.choice(names), rng.randint(10, 999))

    evaluation = [question() for _ in range(100)]
    index = OverlapIndex.from_texts(evaluation)
    assert all(index.overlaps([text]) for text in evaluation)
    others = [index.overlaps([question()]) for _ in range(500)]
    assert sum(others) < 0.05 * len(others)


def test_keep_gives_positions() -> None:
    index = OverlapIndex.from_texts(["alpha beta", "gamma delta"])
    assert index.keep([["alpha beta", "x"], ["new text"], ["gamma delta"], ["more"]]) == [1, 3]


@given(st.lists(st.text(max_size=80), max_size=6), st.text(max_size=200))
def test_any_text_is_answered_and_a_stored_index_answers_the_same(texts: list[str], text: str) -> None:
    index = OverlapIndex.from_texts(texts)
    stored = OverlapIndex.from_json(json.loads(json.dumps(index.to_json())))
    assert stored.overlaps([text]) == index.overlaps([text])


def test_scripts_without_spaces_are_compared_by_character() -> None:
    rng = random.Random(2)
    signs = [chr(code) for code in range(0x4E00, 0x4F00)]
    questions = ["以下是单项选择题。题目：" + "".join(rng.choices(signs, k=30)) for _ in range(40)]
    index = OverlapIndex.from_texts(questions[:20])
    assert all(index.overlaps([f"{text}\nA. 一\nB. 二", "A"]) for text in questions[:20])
    assert not any(index.overlaps([text, "A"]) for text in questions[20:])


NOUNS = "river castle market bridge garden library harbour museum station orchard tower school mill chapel".split()
QUESTIONS = [
    "How far is the coast?",
    "When was the oldest thing named here built?",
    "How many visitors come a day?",
    "What is seen beside it?",
]


def documents(count: int) -> list[str]:
    rng = random.Random(5)
    return [
        f"Place{number} lies {rng.randrange(2, 40)} kilometres from the coast. Its {rng.choice(NOUNS)} was built in "
        f"{rng.randrange(1100, 1950)} and rebuilt after a fire. The {rng.choice(NOUNS)} has {rng.randrange(20, 900)} "
        f"visitors a day in summer, most of whom come by train to see the old {rng.choice(NOUNS)} beside it."
        for number in range(count)
    ]


def test_another_question_about_the_same_document_is_no_copy_and_the_same_one_is_in_any_wrapping() -> None:
    rng = random.Random(0)
    train: list[tuple[str, str]] = []
    evaluation: list[tuple[str, str]] = []
    for document in documents(48):
        held_out = rng.randrange(4)
        for number, question in enumerate(QUESTIONS):
            (evaluation if number == held_out else train).append((document, question))
    for items in (evaluation, evaluation[:16]):
        index = OverlapIndex.from_texts([f"{text}\n\n{question}" for text, question in items], train)
        assert index.keep([[f"{text}\n\n{question}", "x"] for text, question in train]) == list(range(len(train)))
        wrapped = [[f"QUESTION: **{question}**\nDocument: “{text.upper()}”"] for text, question in items]
        assert index.keep(wrapped) == []
        assert index.keep([[f"{text}\n\n{question}", "x"] for text, question in items]) == []


def test_several_questions_about_one_document_may_all_be_items() -> None:
    items = [(document, question) for document in documents(60) for question in QUESTIONS]
    index = OverlapIndex.from_texts([f"{document}\n\n{question}" for document, question in items])
    assert index.keep([[f"Question: {question}\nText: {document}".upper()] for document, question in items]) == []
    others = [[f"{document}\n\nWhich name does the place have that is described?"] for document, _ in items]
    assert index.keep(others) == list(range(len(others)))


def test_questions_from_one_template_that_share_a_passage_are_no_copies_of_each_other() -> None:
    rng = random.Random(7)
    templates = documents(24)  # each has less than 10 % of the items

    def ask(template: str, number: int) -> str:
        return f"{template} A ticket costs {number} coins and is valid for a day. What do five visitors pay?"

    numbers = rng.sample(range(1000, 9999), 8 * len(templates))
    items = [ask(template, numbers.pop()) for template in templates for _ in range(4)]
    index = OverlapIndex.from_texts(items)
    assert index.keep([[text] for text in items]) == []
    assert index.keep([[edit_one(rng, text)] for text in items]) == []
    others = [[ask(template, numbers.pop())] for template in templates for _ in range(4)]
    assert index.keep(others) == list(range(len(others)))


def test_edited_copies_of_items_that_share_a_passage_are_found_by_what_is_specific_to_them() -> None:
    rng = random.Random(9)

    def words(count: int) -> str:
        return " ".join("".join(rng.choices("abcdefgh", k=4)) for _ in range(count))

    passages = [words(20) for _ in range(16)]
    index = OverlapIndex.from_texts(items := [f"{passage} {words(40)}" for passage in passages for _ in range(4)])
    assert index.keep([[edited(rng, text, 0.1)] for text in items]) == []
    others = [[f"{passage} {words(40)}"] for passage in passages for _ in range(4)]
    assert index.keep(others) == list(range(len(others)))


def test_raw_rows_that_are_edited_copies_are_no_evidence_of_documents() -> None:
    rng = random.Random(3)
    texts = [f"{INSTRUCTION} {' '.join(''.join(rng.choices('abcdefgh', k=4)) for _ in range(60))}" for _ in range(60)]
    leaked = [[edited(rng, text, share)] for text in texts for share in (0.0, 0.05, 0.1, 0.2)]
    index = OverlapIndex.from_texts(texts, leaked)
    assert len(index.keep(leaked)) <= 0.02 * len(leaked)


def test_case_punctuation_and_form_of_characters_do_not_matter() -> None:
    index = OverlapIndex.from_texts(["Is the café’s “ﬁne” soup (of the day) hot or cold today?"])
    assert index.overlaps(["IS THE CAFÉ’S fine soup - of the day - **hot** or _cold_ today"])


def test_many_rows_are_found_as_one_by_one() -> None:
    rng = random.Random(6)
    evaluation = [item(rng) for _ in range(50)] + ["Translate: cat"]
    rows = [[item(rng) if n % 7 else evaluation[n % 51], "3"] for n in range(5000)] + [["translate: CAT!"], [""], []]
    index = OverlapIndex.from_texts(evaluation)
    found = list(index.find(iter(rows)))
    assert found == [index.matches(row) for row in rows]
    assert [bool(items) for items in found[-3:]] == [True, False, False]
