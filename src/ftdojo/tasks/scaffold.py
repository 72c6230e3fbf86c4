"""A new task folder: a small, complete example that passes its own check, for the user to change."""

from __future__ import annotations

import re
from pathlib import Path

from ftdojo.errors import UsageError
from ftdojo.files import BY_UMASK, write_file
from ftdojo.tasks.rows import write_jsonl

TASK_TOML = """\
# A task of your own. `ftdojo task check {name}` proves it; `ftdojo run {name}` fine-tunes a model for it.
#
# train.jsonl  raw data, one JSON object a line, as untidy as yours is; agents may read all of it
# eval.jsonl   rows of the same fields with correct answers: one half guides, the other is only used once at the end
#
# The keys below are all there are, apart from a table [rules] (max_rows, methods, wall_s) and `licence`.

id = "{domain}/{name}"
domain = "{domain}"
objective = "Tell whether a short review is positive or negative."

# What the scorer accepts. Agents see this text.
output_format = "one word: positive or negative"

# exact    the whole output is the answer, apart from case and white space
# choice   the first of `choices` in the output is the answer
# number   the first number in the output is the answer, within a relative `tolerance`
# json     a JSON object; accuracy: all fields right, field_accuracy: their share
# scorer.py  your own `score(item: dict, output: str) -> float` from 0 to 1, run in the sandbox
scorer = "choice"
metric = "accuracy"
choices = ["positive", "negative"]

# Jinja over the fields of a row; `answer` may also be the name of a field.
prompt = "Is this review positive or negative? Answer with one word.\\n\\n{{{{ review }}}}"
answer = "label"

# The field that names a row's sub-task, if there are any: the score is then the mean over sub-tasks.
# subtask = "topic"

max_new_tokens = 8
"""

TRAIN = (
    ("The kettle boils fast and pours well.", "positive"),
    ("Stopped working after two days.", "negative"),
    ("Best coffee in town, and friendly people.", "positive"),
    ("The seat wobbles and the paint comes off.", "negative"),
    ("I would buy it again at once.", "positive"),
    ("Cold soup, long wait, rude waiter.", "negative"),
    ("A quiet room with a lovely view.", "positive"),
    ("The app crashes whenever I save.", "negative"),
    ("Arrived early and fits perfectly.", "positive"),
    ("Too small, too loud, too expensive.", "negative"),
    ("My daughter plays with it every day.", "positive"),
    ("The zip broke on the first trip.", "negative"),
)
EVALUATION = (
    ("Sturdy, light and easy to clean.", "positive"),
    ("The screen flickers all the time.", "negative"),
    ("A wonderful evening, we will come back.", "positive"),
    ("They lost my parcel and never called.", "negative"),
    ("Clear sound and a long battery life.", "positive"),
    ("The bread was stale.", "negative"),
    ("Helpful staff who took their time.", "positive"),
    ("I returned it the next morning.", "negative"),
)


def new(name: str, folder: Path) -> Path:
    """Write a working example task into ``folder``, which may exist only if it is empty. Returns the folder.

    Args:
        name: ``name`` or ``domain/name``, of lower-case letters, digits, ``_`` and ``-``; default domain ``own``.
        folder: where ``task.toml``, ``train.jsonl`` and ``eval.jsonl`` go.

    Raises:
        UsageError: for an invalid name, or a folder that is not empty.
    """
    if not re.fullmatch(r"[a-z0-9_-]+(/[a-z0-9_-]+)?", name):
        raise UsageError(f"'{name}' is not a valid task name", fix="use lower-case letters, digits, _ and -")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"'{folder}' exists already", fix="choose another name or an empty folder")
    domain, _, short = name.rpartition("/")
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "task.toml", TASK_TOML.format(name=short, domain=domain or "own"), mode=BY_UMASK)
    for file, rows in (("train.jsonl", TRAIN), ("eval.jsonl", EVALUATION)):
        write_jsonl(folder / file, ({"review": review, "label": label} for review, label in rows))
    return folder
