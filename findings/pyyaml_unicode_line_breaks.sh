#!/usr/bin/env bash
# Guess: what PyYAML writes it reads back as it was, also with allow_unicode=True, which only leaves letters unescaped.
# What happens: a text with U+0085 (next line) comes back with a space or a line feed in its place: the writer takes it
# for a printable character that needs no quotes, the reader for a line break, which it folds. U+2028 and U+2029 are
# escaped. Without allow_unicode everything is escaped and comes back.
# Seen with PyYAML 6.0.3. Source: yaml/emitter.py, analyze_scalar: '\x85' counts as printable with allow_unicode.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pyyaml==6.0.3
"$work/venv/bin/python" <<'PY'
import yaml

text = "one\x85two"
for options in ({}, {"allow_unicode": True}):
    back = yaml.safe_load(yaml.safe_dump({"key": text}, **options))["key"]
    print(options, repr(back))
    if (back == text) == bool(options):
        raise SystemExit("changed")
PY
