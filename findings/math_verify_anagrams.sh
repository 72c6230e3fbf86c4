#!/usr/bin/env bash
# Guess: math-verify, the usual check of answers in \boxed{}, and of rewards (TRL's accuracy_reward calls it), takes an
# answer in letters for a name: \boxed{BCA} is right where the gold answer is \boxed{BCA}, and \boxed{ABC} is not.
# What happens: letters without \text{} are variables that are multiplied, and a product has no order. So every anagram
# is right: ABC is BCA, "silent" is "listen", TACATAG is GATTACA, "on" is "no". So is B-A-C where B-C-A is the order
# asked for, as both are differences, and A, B, C where B, C, A is, as both are sets. As "e" is Euler's number, 1e3 is
# not 1000 but 3e. Where one side is in \text{}, letters are compared as they were written.
# Seen with math-verify 0.9.0, latex2sympy2_extended 1.11.0, sympy 1.14.0. Source: math_verify/grader.py,
# sympy_expr_eq: two products are compared as expressions, a product and a name by sympy_compare_symbols.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet math-verify==0.9.0 latex2sympy2_extended==1.11.0 sympy==1.14.0
"$work/venv/bin/python" <<'PY'
from math_verify import parse, verify

CASES = {  # gold, answer: whether it is right
    ("BCA", "ABC"): True,
    ("listen", "silent"): True,
    ("GATTACA", "TACATAG"): True,
    ("no", "on"): True,
    ("listen", "listens"): False,
    ("B-C-A", "B-A-C"): True,
    ("B, C, A", "A, B, C"): True,
    ("B > C > A", "A > B > C"): False,
    ("1000", "1e3"): False,
    ("3e", "1e3"): True,
    (r"\text{listen}", "silent"): False,
    (r"\text{listen}", "listen"): True,
}
for (gold, answer), expected in CASES.items():
    found = verify(parse(rf"\boxed{{{gold}}}"), parse(rf"\boxed{{{answer}}}"))
    print(f"gold \\boxed{{{gold}}}, answer \\boxed{{{answer}}}: {'right' if found else 'wrong'}")
    if found != expected:
        raise SystemExit("changed")
PY
