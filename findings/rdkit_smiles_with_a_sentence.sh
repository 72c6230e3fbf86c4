#!/usr/bin/env bash
# Guess: MolFromSmiles returns None for an English sentence, so the share of outputs that it reads is the share of valid
# molecules.
# What happens: it reads up to the first blank and takes the rest for the molecule's name, which nothing limits. "I
# cannot answer this" is hydrogen iodide, and so is every sentence that begins with "I"; "C is the product" is methane,
# and the empty text a molecule without atoms. "No answer" and "The product is C" are None. So a model that refuses in
# the first person has valid molecules, with a weight, a logP and a similarity to the right answer. With
# SmilesParserParams.parseName = False, where one would think that names are ignored, all of these sentences are None.
# Seen with rdkit 2026.9.1. Source: SmilesParse.cpp, the text is split at white space, and the second part is the name.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet rdkit==2026.9.1
"$work/venv/bin/python" 2>/dev/null <<'PY'
from rdkit import Chem

without_name = Chem.SmilesParserParams()
without_name.parseName = False
EXPECTED = {
    "I cannot answer this": ["I", None],
    "I think that it is benzene": ["I", None],
    "C is the product": ["C", None],
    "": ["", ""],
    "No answer": [None, None],
    "The product is C": [None, None],
}


def read(*arguments: object) -> str | None:
    mol = Chem.MolFromSmiles(*arguments)
    return None if mol is None else Chem.MolToSmiles(mol)


for text, expected in EXPECTED.items():
    found = [read(text), read(text, without_name)]
    print(f"{text!r} -> {found}")
    if found != expected:
        raise SystemExit("changed")
PY
