#!/usr/bin/env bash
# Guess: a function given to Dataset.map that returns texts for a column gives a column of texts.
# What happens: if the column was there before, map first tries the old type, and keeps it where every text can be read
# as one: the number 7 written as "0007" is the number 7 again, "2.50" is 2.5, "true" is True. Neither remove_columns
# with the column nor try_original_type=False helps. One value that cannot be read, such as "10.00 EUR", and the whole
# column is text: whether an answer is "2.50" or 2.5 depends on the other rows. A new name, or features=, gives what was
# returned.
# Seen with datasets 5.2.0. Source: datasets/arrow_writer.py, TypedSequence, try_type.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet datasets==5.2.0
HF_HOME="$work/home" "$work/venv/bin/python" <<'PY'
import datasets

datasets.disable_progress_bars()
rows = datasets.Dataset.from_list([{"answer": 7, "price": 2.5}, {"answer": 12, "price": 10.0}])


def padded(row: dict) -> dict:
    return {"answer": f"{row['answer']:04}"}


def to_text(row: dict) -> dict:
    return {"price": f"{row['price']:.2f}"}


def with_unit(row: dict) -> dict:
    return {"price": f"{row['price']:.2f}" + (" EUR" if row["answer"] == 12 else "")}


texts = datasets.Features({"answer": datasets.Value("string"), "price": datasets.Value("float64")})
found = {
    "padded": rows.map(padded)["answer"][0],
    "padded, removed first": rows.map(padded, remove_columns=["answer"])["answer"][0],
    "padded, new name": rows.map(lambda row: {"text": padded(row)["answer"]})["text"][0],
    "padded, try_original_type=False": rows.map(padded, try_original_type=False)["answer"][0],
    "padded, features given": rows.map(padded, features=texts)["answer"][0],
    "two decimals": rows.map(to_text)["price"][0],
    "two decimals, another row with a unit": rows.map(with_unit)["price"][0],
}
print(found)
if list(found.values()) != [7, 7, "0007", 7, "0007", 2.5, "2.50"]:
    raise SystemExit("changed")
PY
