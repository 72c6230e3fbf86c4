"""Outputs for the items of a task: right answers in many forms, wrong ones, and odd ones. All follow from a seed.

An output is an answer (of the item, of another item, or one that is hardly an answer), written in one of the ways in
which models write it, with something around it; some are then cut or have a few characters changed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ftdojo.tasks.spec import Task

Record = dict[str, Any]
Write = Callable[[random.Random, Any], str]
START, END = "[ANSWER_START]", "[ANSWER_END]"


@dataclass(frozen=True)
class Pair:
    """An item and an output."""

    item: Record
    output: str
    form: str
    """How the output was made, in words."""


def make_pairs(task: Task, items: Sequence[Record], count: int, rng: random.Random) -> list[Pair]:
    """As many pairs as asked for; items take turns."""
    write = WRITERS[task.spec.id.partition("/")[0]]
    if task.spec.id == "table/visualization":
        write = _chart
    pairs = []
    for number in range(count):
        item, other = items[number % len(items)], rng.choice(items)
        form, output = write(rng, task, item, other)
        if rng.random() < 0.12 and write is not _chart:
            form, output = f"{form}, changed", _changed(rng, output)
        pairs.append(Pair(item, output, form))
    return pairs


def _changed(rng: random.Random, text: str) -> str:
    """The text cut off, or with a few characters left out, doubled or replaced."""
    if rng.random() < 0.4:
        return text[: rng.randrange(len(text) + 1)]
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(text) + 1)
        text = (
            text[:place]
            + rng.choice(["", text[place : place + 1] * 2, rng.choice("\"'{}[]:,. \n&AI7-`<>")])
            + text[place + 1 :]
        )
    return text


def _pick(rng: random.Random, choices: dict[str, Write], answer: Any) -> tuple[str, str]:
    name = rng.choice(list(choices))
    return name, choices[name](rng, answer)


# What stands around an answer.

AROUND: dict[str, Write] = {
    "alone": lambda rng, text: text,
    "in a json fence": lambda rng, text: f"```json\n{text}\n```",
    "in a fence": lambda rng, text: f"```\n{text}\n```",
    "in a fence with a name": lambda rng, text: f"```{rng.choice(['python', 'smiles', 'text', 'JSON'])}\n{text}\n```",
    "in a fence that is not closed": lambda rng, text: f"```json\n{text}",
    "in a fence after prose": lambda rng, text: f"Let me think. {_prose(rng)}\n\n```json\n{text}\n```",
    "in a fence before prose": lambda rng, text: f"```json\n{text}\n```\n{_prose(rng)}",
    "outside a fence": lambda rng, text: f"```\n{_prose(rng)}\n```\n{text}",
    "after prose": lambda rng, text: f"{_prose(rng)} {text}",
    "before prose": lambda rng, text: f"{text}\n{_prose(rng)}",
    "after thinking": lambda rng, text: f"<think>{_prose(rng)}</think>\n{text}",
    "after thinking that is not opened": lambda rng, text: f"{_prose(rng)}</think>\n{text}",
    "in thinking that is not closed": lambda rng, text: f"<think>{_prose(rng)} {text}",
    "twice": lambda rng, text: f"{text}\n{text}",
    "with carriage returns": lambda rng, text: text.replace("\n", "\r\n") + "\r\n",
    "in bold": lambda rng, text: f"**{text}**",
    "in blanks": lambda rng, text: f" \n\t{text} \n\n",
}


def _prose(rng: random.Random) -> str:
    return rng.choice(
        [
            "The molecule has 2 rings and CF3.",
            "I compare the options A to D; none of US7654321B2 fits.",
            "Yes, no doubt about it.",
            "First count the atoms: 6 + 1 = 7",
            "So it is not allowed under section 102.",
            "Hier ist die Antwort, wie verlangt:",
            "答案如下。",
            "This is hard to tell.",
            "",
        ]
    )


# Answers as JSON objects: chemistry and patents.

OBJECT: dict[str, Callable[[random.Random, str, Any], str]] = {
    "object": lambda rng, key, value: json.dumps({key: value}),
    "object with reasons": lambda rng, key, value: json.dumps({"reason": _prose(rng), key: value}),
    "object over lines": lambda rng, key, value: json.dumps({"steps": ["a", "b"], key: value}, indent=4),
    "value as text": lambda rng, key, value: json.dumps({key: _text(value)}),
    "list of one": lambda rng, key, value: json.dumps({key: [value]}),
    "null before it": lambda rng, key, value: json.dumps({key: None, rng.choice(["output", "answer"]): value}),
    "blank before it": lambda rng, key, value: json.dumps({key: "", rng.choice(["output", "answer"]): value}),
    "single quotes": lambda rng, key, value: f"{{'{key}': '{_text(value)}'}}",
    "no quotes": lambda rng, key, value: f'{{"{key}": {_text(value)}}}',
    "key = value": lambda rng, key, value: f"{key} = {_text(value)}",
    "key: value": lambda rng, key, value: f"{key}: {_text(value)}",
    "comma at the end": lambda rng, key, value: f'{{"{key}": {json.dumps(value)},}}',
    "key in capitals": lambda rng, key, value: json.dumps({key.upper(): value}),
    "deeper down": lambda rng, key, value: json.dumps({"result": {key: value}}),
    "list of objects": lambda rng, key, value: json.dumps([{key: value}]),
    "text in text": lambda rng, key, value: json.dumps(json.dumps({key: value})),
    "bare": lambda rng, key, value: _text(value),
    "sentence": lambda rng, key, value: rng.choice(
        ["The answer is {}.", "I think it is {}, maybe.", "Answer: {}", "Option {} is right", "{}"]
    ).format(_text(value)),
    "empty": lambda rng, key, value: rng.choice(["", "{}", "[]", "null", " ", "```json\n```", '""']),
}
KEYS = ("output", "answer", "count", "condition", "SMILES", "Final_Target_Molecule", "code", "choice")


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _as_json(rng: random.Random, task: Task, item: Record, other: Record) -> tuple[str, str]:
    key, right = _asked(task, item)
    _, wrong = _asked(task, other)
    whose = rng.choices(["right", "wrong", "odd"], [5, 3, 2])[0]
    value = {"right": right, "wrong": wrong}.get(whose)
    if whose == "odd":
        value = _odd(rng, task, item, right)
    if rng.random() < 0.3:
        key = rng.choice(KEYS)
    body = rng.choice(list(OBJECT))
    around, output = _pick(rng, AROUND, OBJECT[body](rng, key, value))
    return f"{whose}, {body} ({key}), {around}", output


def _asked(task: Task, item: Record) -> tuple[str, Any]:
    """The key that the prompt asks for, and the gold answer."""
    gold = task.scorer.gold(item).strip().removeprefix("```json").removesuffix("```")
    ((key, value),) = json.loads(gold).items()
    return key, value


def _odd(rng: random.Random, task: Task, item: Record, right: Any) -> Any:
    """An answer that is hardly one, or the right one in an unusual form."""
    text = _text(right)
    family, subtask = task.spec.id, item.get("subtask", "")
    if family.startswith("patent/"):
        return rng.choice(
            [
                text.lower(),
                f" {text} ",
                f"[{text}]",
                17.9,
                True,
                None,
                "none",
                "A, C",
                ["a", "C "],
                "AC",
                "103a",
                102,
                {"x": 1},
            ]
        )
    if subtask in ("fg_count", "ring_count"):
        return rng.choice(
            [f"{text}.0", f"-{text}", f"+{text}", "two", 1.0, 12345678901, "٢", f" {text} ", True, "2-3", "1_0", [1, 2]]
        )
    if subtask in ("ring_system_scaffold", "equivalence"):
        return rng.choice(
            [text.upper(), text.lower(), f"{text}.", f"{text}, because", True, 0, "Y", "not", "yes and no", "Unknown"]
        )
    if subtask == "mechsel":
        return rng.choice(
            [text.lower(), f"({text})", f"Option {text}", f"{text}.", "A and B", "I", "None", "AB", 1, f"{text}) first"]
        )
    if subtask == "rcr":
        return rng.choice([text.upper(), f" {text} ", f"{text}.", text[:-1], 7, True, "heat"])
    return rng.choice(
        [
            *_written_anew(rng, text),
            f"{text} name",
            f"{text}\tname",
            f"{text}.Cl",
            f"{text}.",
            text[:-1],
            f"{text})",
            "C1CC",
            "CO(C)(C)C",
            "c1ccc1",
            "C" * 600,
            "é",
            "water",
            "not a molecule",
            "*",
            "[Na+]",
            7,
            None,
            ".",
            text.replace("@", ""),
        ]
    )


def _written_anew(rng: random.Random, smiles: str) -> list[str]:
    """The same molecule as other texts."""
    from rdkit import Chem

    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        return []
    order = list(range(molecule.GetNumAtoms()))
    rng.shuffle(order)
    return [
        Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False),
        Chem.MolToSmiles(molecule, kekuleSmiles=True),
        Chem.MolToSmiles(molecule, isomericSmiles=False),
    ]


# Answers between tags: biology.

TAGGED: dict[str, Write] = {
    "between tags": lambda rng, text: f"{START}{text}{END}",
    "between tags with blanks": lambda rng, text: f"{START} \n{text}\n {END}",
    "twice between tags": lambda rng, text: f"{START}{text}{END} or {START}{_prose(rng)}{END}",
    "after an example": lambda rng, text: f"The form is {START}...{END}. {START}{text}{END}",
    "no end": lambda rng, text: f"{START}{text}",
    "no start": lambda rng, text: f"{text}{END}",
    "two starts": lambda rng, text: f"{START}{START}{text}{END}",
    "two ends": lambda rng, text: f"{START}{text}{END}{END}",
    "other tags": lambda rng, text: f"[answer_start]{text}[answer_end]",
    "no tags": lambda rng, text: text,
    "on the last line": lambda rng, text: f"{_prose(rng)}\n{text}\n",
    "before an instruction's end": lambda rng, text: f"{START}{text}{END}[/INST]{_prose(rng)}",
    "after an instruction's end": lambda rng, text: f"{_prose(rng)}[/INST]{START}{text}{END}",
    "after thinking": lambda rng, text: f"<think>{START}x{END}</think>{START}{text}{END}",
    "before thinking's end": lambda rng, text: f"{START}{text}{END}</think>{_prose(rng)}",
    "after a structure": lambda rng, text: f"<Structure>{_prose(rng)}</Structure>{START}{text}{END}",
    "empty": lambda rng, text: rng.choice(["", f"{START}{END}", END + START, " \n"]),
}


def _between_tags(rng: random.Random, task: Task, item: Record, other: Record) -> tuple[str, str]:
    whose = rng.choices(["right", "wrong"], [3, 2])[0]
    answer = task.scorer.gold(item if whose == "right" else other).removeprefix(START).removesuffix(END)
    body, answer = _pick(rng, BIOLOGY[task.spec.id], answer)
    around, output = _pick(rng, TAGGED, answer)
    return f"{whose}, {body}, {around}", output


def _order(rng: random.Random, text: str) -> list[int]:
    numbers: list[int] = json.loads(text)
    a, b = rng.choices(range(len(numbers)), k=2)
    numbers[a], numbers[b] = numbers[b], numbers[a]
    return numbers


BIOLOGY: dict[str, dict[str, Write]] = {
    "biology/pqa": {
        "as asked": lambda rng, text: text.replace("100%", f"{rng.choice([0, 5, 60, 90, 100])}%"),
        "no per cent": lambda rng, text: text.replace("%", ""),
        "no ampersand": lambda rng, text: text.replace(" &", ""),
        "choice alone": lambda rng, text: text.partition(" &")[0],
        "confidence alone": lambda rng, text: rng.choice(["90%", "& 90%", "100"]),
        "two ampersands": lambda rng, text: f"{text} & sure",
        "much confidence": lambda rng, text: text.replace(
            "100%", rng.choice(["101%", "1000%", "0.9", "-5%", "very", "99.5%"])
        ),
        "confidence in words": lambda rng, text: text.replace("100%", "confidence: 80 per cent"),
        "in capitals": lambda rng, text: text.upper(),
        "more blanks": lambda rng, text: text.replace(" & ", "  &\n"),
        "full-width": lambda rng, text: text.replace("100%", "９０%").replace(" & ", " ＆ "),
    },
    "biology/ord": {
        "as asked": lambda rng, text: text,
        "two changed": lambda rng, text: str(_order(rng, text)),
        "no brackets": lambda rng, text: text.strip("[]"),
        "a tuple": lambda rng, text: f"({text.strip('[]')})",
        "a set": lambda rng, text: f"{{{text.strip('[]')}}}",
        "texts": lambda rng, text: str([str(number) for number in json.loads(text)]),
        "decimals": lambda rng, text: str([float(number) for number in json.loads(text)]),
        "from one": lambda rng, text: str([number + 1 for number in json.loads(text)]),
        "one missing": lambda rng, text: str(json.loads(text)[:-1]),
        "one twice": lambda rng, text: str([*json.loads(text)[:-1], json.loads(text)[0]]),
        "leading zeros": lambda rng, text: str([f"{number:02}" for number in json.loads(text)]).replace("'", ""),
        "a comma at the end": lambda rng, text: f"{text[:-1]},]",
        "over lines": lambda rng, text: text.replace(", ", ",\n"),
        "arrows": lambda rng, text: text.strip("[]").replace(", ", " -> "),
        "a list in a list": lambda rng, text: f"[{text}]",
        "a sentence": lambda rng, text: f"The order is {text}",
    },
    "biology/err": {
        "as asked": lambda rng, text: text,
        "small letters": lambda rng, text: text.lower(),
        "capitals": lambda rng, text: text.upper(),
        "a sentence": lambda rng, text: f"The step is {text}.",
        "both": lambda rng, text: rng.choice(["False, not True", "true or false"]),
        "within a word": lambda rng, text: rng.choice(["Falsehood", "untrue", "Trueish"]),
        "other words": lambda rng, text: rng.choice(["yes", "correct", "1", "wrong", "Truth"]),
        "over lines": lambda rng, text: f"{text}\nThat is all.",
    },
    "biology/gen": {
        "as asked": lambda rng, text: text,
        "half": lambda rng, text: text[: len(text) // 2],
        "on one line": lambda rng, text: text.replace("\n", " "),
        "without numbers": lambda rng, text: " ".join(word for word in text.split() if not word[0].isdigit()),
        "words mixed": lambda rng, text: " ".join(rng.sample(text.split(), len(text.split()))),
        "capitals": lambda rng, text: text.upper(),
        "with marks": lambda rng, text: text.replace(" ", " - ").replace(".", "!"),
        "other script": lambda rng, text: rng.choice(["加入缓冲液。", "Добавьте буфер.", "é" * 9]),
        "long": lambda rng, text: f"{text}\n" * 9,
        "marks alone": lambda rng, text: "...",
    },
}


# Final answers in a text: tables.

FINAL: dict[str, Write] = {
    "marked": lambda rng, text: f"Final Answer: {text}",
    "after reasons": lambda rng, text: f"{_prose(rng)}\nFinal Answer: {text}",
    "before reasons": lambda rng, text: f"Final Answer: {text}\n{_prose(rng)}",
    "small letters": lambda rng, text: f"final answer: {text}",
    "in bold": lambda rng, text: f"**Final Answer:** {text}",
    "all in bold": lambda rng, text: f"**Final Answer: {text}**",
    "on the next line": lambda rng, text: f"Final Answer:\n\n{text}\n",
    "twice": lambda rng, text: f"Final Answer: {text}\nFinal Answer: 7",
    "second": lambda rng, text: f"Final Answer: 7\nFinal Answer: {text}",
    "no blank": lambda rng, text: f"Final Answer:{text}",
    "no colon": lambda rng, text: f"Final Answer {text}",
    "not marked": lambda rng, text: text,
    "in thinking": lambda rng, text: f"<think>Final Answer: {text}</think>",
    "empty": lambda rng, text: rng.choice(["", "Final Answer:", "Final Answer: \n", " ", "Final Answer: ."]),
}


def _near(rng: random.Random, text: str) -> str:
    from ftdojo_tasks.table.answers import number

    value = number(text)
    return (
        text
        if value is None
        else f"{value * rng.choice([0.9, 0.91, 0.899, 1.1, 1.09, 1.11, 1.0]):.{rng.choice([1, 3, 8])}f}"
    )


SAID: dict[str, Write] = {
    "as it is": lambda rng, text: text,
    "capitals": lambda rng, text: text.upper(),
    "a full stop": lambda rng, text: f"{text}.",
    "per cent": lambda rng, text: f"{text}%",
    "in dollars": lambda rng, text: f"${text}",
    "a sentence": lambda rng, text: f"It is {text} in all",
    "negative": lambda rng, text: f"-{text}",
    "one more digit": lambda rng, text: f"{text}0",
    "commas": lambda rng, text: ",".join(text),
    "blanks": lambda rng, text: f"  {text.replace(' ', '   ')} ",
    "cut": lambda rng, text: text[: max(1, len(text) // 2)],
    "marks alone": lambda rng, text: rng.choice(["...", "-", "%", "**", "?!", "。"]),
    "near": _near,
    "another number": lambda rng, text: rng.choice(
        ["0", "1e3", ".5", "1/2", "9" * 400, "-0", "٣", "1,000", "12.", "0.0000001"]
    ),
    "long": lambda rng, text: " ".join([text] * 150),
}


def _final(rng: random.Random, task: Task, item: Record, other: Record) -> tuple[str, str]:
    whose = rng.choices(["right", "wrong"], [3, 1])[0]
    text = str((item if whose == "right" else other)["answer"])
    said, text = _pick(rng, SAID, text)
    around, output = _pick(rng, FINAL, text)
    return f"{whose}, {said}, {around}", output


# Programs that draw charts.

DRAWN: dict[str, str] = {
    "plot": "for y in SERIES:\n    plt.plot(list(range(len(y))), y)",
    "plot in one call": "plt.plot(*[part for y in SERIES for part in (range(len(y)), y)])",
    "bar": "for y in SERIES:\n    plt.bar(range(len(y)), y)",
    "scatter": "for y in SERIES:\n    plt.scatter(range(len(y)), y)",
    "bar with a name": "for y in SERIES:\n    plt.bar(range(len(y)), height=y)",
    "bar across": "for y in SERIES:\n    plt.barh(range(len(y)), y)",
    "axes": "figure, axes = plt.subplots()\nfor y in SERIES:\n    axes.bar(range(len(y)), y)",
    "pie": "for y in SERIES:\n    plt.pie([abs(float(v)) + 1 for v in y])",
    "y alone": "for y in SERIES:\n    plt.plot(y)",
    "turned around": "for y in reversed(SERIES):\n    plt.plot(range(len(y)), y)",
    "values turned around": "for y in SERIES:\n    plt.bar(range(len(y)), y[::-1])",
    "texts": "for y in SERIES:\n    plt.plot(range(len(y)), [str(v) for v in y])",
    "near": "for y in SERIES:\n    plt.plot(range(len(y)), [float(v) + 0.009 for v in y])",
    "not near": "for y in SERIES:\n    plt.plot(range(len(y)), [float(v) + 0.02 for v in y])",
    "numpy integers": "for y in SERIES:\n    plt.bar(range(len(y)), np.array(y).round().astype(int))",
    "numpy numbers": "for y in SERIES:\n    plt.bar(range(len(y)), np.array(y, dtype=float))",
    "a column": "for y in SERIES:\n    plt.bar(range(len(y)), pd.Series(y, dtype=float))",
    "not a number": "for y in SERIES:\n    plt.plot(range(len(y)), [float('nan')] * len(y))",
    "one value": "plt.bar(1, SERIES[0][0])",
    "the table": "df = pd.read_csv('table.csv')\nfor y in SERIES[:1]:\n    plt.bar(df.index[:len(y)], y)",
    "nothing": "plt.show()",
    "an error": "plt.bar([1], [2])\nraise ValueError('x')",
    "exit": "for y in SERIES:\n    plt.plot(range(len(y)), y)\nsys.exit()",
    "bad syntax": "for y in SERIES\n    plt.plot(y)",
    "main": "if __name__ == '__main__':\n    for y in SERIES:\n        plt.plot(range(len(y)), y)",
    "in a function": "def main():\n    for y in SERIES:\n        plt.plot(range(len(y)), y)\n\nmain()",
}
FENCED: dict[str, Write] = {
    "in a fence": lambda rng, code: f"```python\n{code}\n```",
    "in the last fence": lambda rng, code: f"```python\nplt.plot([1], [1])\n```\nBetter:\n```python\n{code}\n```",
    "in the first fence": lambda rng, code: f"```python\n{code}\n```\n```\nnotes\n```",
    "in a fence without a name": lambda rng, code: f"```\n{code}\n```",
    "in a fence that is not closed": lambda rng, code: f"```python\n{code}",
    "alone": lambda rng, code: code,
    "no program": lambda rng, code: rng.choice(["I cannot draw.", "It is updated.", "", "```python\n```"]),
}


def _chart(rng: random.Random, task: Task, item: Record, other: Record) -> tuple[str, str]:
    from ftdojo_tasks.table.visualization import references

    whose = rng.choices(["right", "wrong"], [5, 1])[0]
    drawn = rng.choice(list(DRAWN))
    series = references((item if whose == "right" else other)["answer"])
    code = "import matplotlib.pyplot as plt\n" + DRAWN[drawn].replace("SERIES", repr(series))
    around = rng.choices(list(FENCED), [8, 1, 1, 1, 1, 1, 1])[0]
    return f"{whose}, {drawn}, {around}", FENCED[around](rng, code)


# Letters and boxes.

LETTERED: dict[str, Write] = {
    "as asked": lambda rng, letter: f"答案是: {letter}",
    "letter alone": lambda rng, letter: letter,
    "small": lambda rng, letter: letter.lower(),
    "with the option": lambda rng, letter: f"{letter}. 存货 and CPA",
    "before a name": lambda rng, letter: f"答案是 {letter}，参考 IFRS",
    "in a word": lambda rng, letter: f"answer{letter}x",
    "full-width": lambda rng, letter: chr(ord(letter) + 0xFEE0),
    "before Greek": lambda rng, letter: f"{letter}, not Ω",
    "before a title letter": lambda rng, letter: f"{letter} ǅ",
    "before a Roman number": lambda rng, letter: f"{letter} Ⅳ",
    "before a small capital": lambda rng, letter: f"{letter} ʙ",
    "before a letter in a circle": lambda rng, letter: f"{letter} Ⓐ",
    "none": lambda rng, letter: rng.choice(["", "不知道", "none", "42", "🅰"]),
    "thinking": lambda rng, letter: f"<think>A, B or C?</think>{letter}",
}


def _lettered(rng: random.Random, task: Task, item: Record, other: Record) -> tuple[str, str]:
    whose = rng.choices(["right", "wrong"], [1, 1])[0]
    letter = (item if whose == "right" else other)["answer"]
    body, text = _pick(rng, LETTERED, letter)
    around = rng.choice(["alone", "after prose", "before prose", "in bold", "in blanks", "twice"])
    return f"{whose}, {body}, {around}", AROUND[around](rng, text)


NUMBER: dict[str, Write] = {
    "as it is": lambda rng, text: text,
    "leading zero": lambda rng, text: f"0{text}",
    "decimal": lambda rng, text: f"{text}.0",
    "fraction": lambda rng, text: f"\\frac{{{2 * int(text)}}}{{2}}",
    "equation": lambda rng, text: f"n = {text}",
    "sum": lambda rng, text: f"{int(text) - 1} + 1",
    "degrees": lambda rng, text: f"{text}^\\circ",
    "unit": lambda rng, text: f"{text}\\text{{ cm}}",
    "bold": lambda rng, text: f"\\textbf{{{text}}}",
    "thousands": lambda rng, text: f"{int(text):,}",
    "negative": lambda rng, text: f"-{text}",
    "power": lambda rng, text: f"{text}^1",
    "root": lambda rng, text: f"\\sqrt{{{int(text) ** 2}}}",
    "two": lambda rng, text: f"{text}, 7",
    "words": lambda rng, text: rng.choice(["seven", "none", "?", "x", "x + 1"]),
    "per cent": lambda rng, text: f"{text}\\%",
    "dollars within": lambda rng, text: f"${text}$",
    "nothing": lambda rng, text: "",
}
BOXED: dict[str, Write] = {
    "in a box": lambda rng, text: f"\\boxed{{{text}}}",
    "in a box after prose": lambda rng, text: f"{_prose(rng)} So the result is $\\boxed{{{text}}}$.",
    "in a box before a formula": lambda rng, text: f"\\boxed{{{text}}} as $1+1=2$ shows, the answer is $3$",
    "in two boxes": lambda rng, text: f"\\boxed{{1}}\\boxed{{{text}}}",
    "in two equal boxes": lambda rng, text: f"\\boxed{{{text}}} \\boxed{{{text}}}",
    "in the second box": lambda rng, text: (
        f"\\boxed{{1}} is wrong. {'We look again at all the cases. ' * 4}\\boxed{{{text}}}"
    ),
    "in an fbox": lambda rng, text: f"\\fbox{{{text}}}",
    "in a box that is not closed": lambda rng, text: f"\\boxed{{{text}",
    "in a box in a box": lambda rng, text: f"\\boxed{{\\boxed{{{text}}}}}",
    "in a formula": lambda rng, text: f"The answer is ${text}$",
    "in a formula on its own": lambda rng, text: f"\\[ x = {text} \\]",
    "in round brackets": lambda rng, text: f"The final answer is: \\({text}\\)",
    "in plain text": lambda rng, text: f"The answer is {text}",
    "in thinking": lambda rng, text: f"<think>\\boxed{{{text}}}</think> That is it.",
    "in a display": lambda rng, text: f"The final answer is $${text}$$",
    "empty": lambda rng, text: rng.choice(["", "\\boxed{}", "$$", " "]),
}


def _boxed(rng: random.Random, task: Task, item: Record, other: Record) -> tuple[str, str]:
    whose = rng.choices(["right", "wrong"], [3, 1])[0]
    body, text = _pick(rng, NUMBER, str((item if whose == "right" else other)["answer"]))
    around, output = _pick(rng, BOXED, text)
    return f"{whose}, {body}, {around}", output


WRITERS: dict[str, Callable[[random.Random, Task, Record, Record], tuple[str, str]]] = {
    "chemistry": _as_json,
    "patent": _as_json,
    "biology": _between_tags,
    "table": _final,
    "finance": _lettered,
    "math": _boxed,
}
