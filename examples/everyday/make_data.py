"""Write train.jsonl and eval.jsonl of this task: short questions of five kinds, each with one exact answer.

    python make_data.py [--output DIR]

The same files come out on every machine. Training and evaluation share no question.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path

TRAIN_ROWS, EVALUATION_ROWS = 60, 40
"""Of each kind. Half of the evaluation rows are for validation: a hundred in all."""
ANIMALS = "cat dog horse cow sheep goat lion tiger wolf bear mouse duck eagle shark whale frog".split()
THINGS = (
    "table chair spoon hammer bottle window carpet pencil lamp mirror bucket ladder brick button rope candle".split()
)
COLOURS = "red green blue yellow black white brown grey pink orange".split()
VERBS = "sings sleeps waits works reads runs walks smiles".split()
NAMES = "Anna Ben Clara David Emma Felix Grace Henry".split()
NUMBERS = "two three four five six seven eight nine".split()


def add(rng: random.Random) -> tuple[str, str]:
    """A sum of two small numbers."""
    a, b = rng.randint(1, 20), rng.randint(1, 20)
    return f"What is {a} + {b}? Reply with the number only.", str(a + b)


def copy(rng: random.Random) -> tuple[str, str]:
    """A short sentence to repeat."""
    sentence = f"{rng.choice(NAMES)} {rng.choice(VERBS)} near the {rng.choice(COLOURS)} {rng.choice(THINGS)}"
    return f'Repeat this text exactly, without quotes: "{sentence}"', sentence


def say_yes_or_no(rng: random.Random) -> tuple[str, str]:
    """Whether something is an animal."""
    word, colour = rng.choice(ANIMALS + THINGS), rng.choice(COLOURS)
    article = "an" if colour == "orange" else "a"
    return f"Is {article} {colour} {word} an animal? Reply with yes or no only.", "yes" if word in ANIMALS else "no"


def take_form(rng: random.Random) -> tuple[str, str]:
    """Three words under each other."""
    words = rng.sample(THINGS, 3)
    return f"Write each of these words on a line of its own: {', '.join(words)}", "\n".join(words)


def choose(rng: random.Random) -> tuple[str, str]:
    """The one word of three that is a colour, an animal or a number."""
    kind, words = rng.choice([("a colour", COLOURS), ("an animal", ANIMALS), ("a number", NUMBERS)])
    right = rng.choice(words)
    shown = [right, *rng.sample(THINGS, 2)]
    rng.shuffle(shown)
    return f"Which of these words is the name of {kind}: {', '.join(shown)}? Reply with that word only.", right


KINDS: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "add": add,
    "copy": copy,
    "yes_or_no": say_yes_or_no,
    "form": take_form,
    "choose": choose,
}


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description="Write the data of this task.")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)
    rows: dict[str, list[dict[str, str]]] = {"train": [], "eval": []}
    for kind, make in KINDS.items():
        found: dict[str, str] = {}
        while len(found) < TRAIN_ROWS + EVALUATION_ROWS:
            question, answer = make(rng)
            found[question] = answer
        made = [{"kind": kind, "question": question, "answer": answer} for question, answer in found.items()]
        rows["eval"] += made[:EVALUATION_ROWS]
        rows["train"] += made[EVALUATION_ROWS:]
    for name, content in rows.items():
        (output / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content), "utf-8")


if __name__ == "__main__":
    main()
