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
# Both may also be .json, .csv, .tsv, .parquet, .arrow or .xlsx. Few rows prove little: write a hundred or more.
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

# Jinja over the fields of a row: null is empty text, row['Column name'] reaches any name. `answer` may be a field.
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
    ("Sturdy, light and easy to clean.", "positive"),
    ("The screen flickers all the time.", "negative"),
    ("A wonderful evening, we will come back.", "positive"),
    ("They lost my parcel and never called.", "negative"),
    ("Clear sound and a long battery life.", "positive"),
    ("The bread was stale.", "negative"),
    ("Helpful staff who took their time.", "positive"),
    ("I returned it the next morning.", "negative"),
    ("The stitching is neat and the leather is soft.", "positive"),
    ("The handle came off in my hand.", "negative"),
    ("Every dish was fresh and full of flavour.", "positive"),
    ("Nobody answered the phone for a week.", "negative"),
    ("It paid for itself within a month.", "positive"),
    ("It smells of plastic even after washing.", "negative"),
    ("The driver was early and very polite.", "positive"),
    ("The film drags and the ending makes no sense.", "negative"),
    ("Bright picture, simple menu, no trouble at all.", "positive"),
    ("My tent let the rain in on the first night.", "negative"),
    ("We slept like stones in that bed.", "positive"),
    ("The colours faded after one wash.", "negative"),
    ("The guide knew every stone of the old town.", "positive"),
    ("We paid for a sea view and saw a wall.", "negative"),
    ("Warm, waterproof and still looks new.", "positive"),
    ("The charger gets so hot that I unplug it.", "negative"),
    ("The recipe worked the first time.", "positive"),
    ("The meat was tough and the sauce was salty.", "negative"),
    ("Quick answer, and the problem was gone.", "positive"),
    ("Half of the pieces were missing from the box.", "negative"),
)
EVALUATION = (
    ("Smooth ride even on bad roads.", "positive"),
    ("The update deleted all my photos.", "negative"),
    ("My plants have never looked so green.", "positive"),
    ("A cramped bus with broken windows.", "negative"),
    ("The music was great and the seats were close.", "positive"),
    ("The mattress sags in the middle.", "negative"),
    ("Good value, I have recommended it to friends.", "positive"),
    ("I waited an hour for a lukewarm coffee.", "negative"),
    ("The lid closes tightly and nothing leaks.", "positive"),
    ("The ink dried out within days.", "negative"),
    ("They repaired it for free and smiled.", "positive"),
    ("The instructions are wrong in three places.", "negative"),
    ("The print is sharp and easy to read.", "positive"),
    ("The doorbell rings when nobody is there.", "negative"),
    ("A bakery worth getting up for.", "positive"),
    ("Dirty sheets and hair in the sink.", "negative"),
    ("Set up in five minutes without the manual.", "positive"),
    ("The shoes hurt after ten minutes.", "negative"),
    ("The children laughed from start to end.", "positive"),
    ("They charged my card twice and will not pay it back.", "negative"),
    ("This lamp makes the whole room cosy.", "positive"),
    ("The blender leaks onto the table.", "negative"),
    ("Crisp pastry and a generous filling.", "positive"),
    ("The actors mumble, and the music is louder than they are.", "negative"),
    ("The lessons are clear and fun.", "positive"),
    ("My order arrived crushed and wet.", "negative"),
    ("Fast delivery and careful packing.", "positive"),
    ("The fan rattles like an old tractor.", "negative"),
    ("My back pain is gone since I sit on it.", "positive"),
    ("The course ended before it got interesting.", "negative"),
    ("The pool was clean and pleasantly warm.", "positive"),
    ("The glue does not hold on anything.", "negative"),
    ("A brilliant story that I could not put down.", "positive"),
    ("A dull book full of mistakes.", "negative"),
    ("The brush glides and leaves no hair behind.", "positive"),
    ("The heating failed on the coldest day.", "negative"),
    ("They remembered my name and my order.", "positive"),
    ("The salad had a snail in it.", "negative"),
    ("It folds small and weighs next to nothing.", "positive"),
    ("The battery is empty before noon.", "negative"),
)


def split_name(name: str, folder: Path) -> tuple[str, str]:
    """Return domain and short name of a new task, which can be written into ``folder``.

    Raises:
        UsageError: for an invalid name, or a folder that is not empty.
    """
    if not re.fullmatch(r"[a-z0-9_-]+(/[a-z0-9_-]+)?", name):
        raise UsageError(f"'{name}' is not a valid task name", fix="use lower-case letters, digits, _ and -")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"'{folder}' exists already", fix="choose another name or an empty folder")
    domain, _, short = name.rpartition("/")
    return domain or "own", short


def new(name: str, folder: Path) -> Path:
    """Write a working example task into ``folder``, which may exist only if it is empty. Returns the folder.

    Args:
        name: ``name`` or ``domain/name``, of lower-case letters, digits, ``_`` and ``-``; default domain ``own``.
        folder: where ``task.toml``, ``train.jsonl`` and ``eval.jsonl`` go.

    Raises:
        UsageError: for an invalid name, or a folder that is not empty.
    """
    domain, short = split_name(name, folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "task.toml", TASK_TOML.format(name=short, domain=domain), mode=BY_UMASK)
    for file, rows in (("train.jsonl", TRAIN), ("eval.jsonl", EVALUATION)):
        write_jsonl(folder / file, ({"review": review, "label": label} for review, label in rows))
    return folder
