r"""The rule stage: known verdicts, agreement with Math-Verify as the reference calls it, and a bound on time."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ftdojo_tasks.math.answer import equal, find, math_verify, readable


def verdict(output: str, gold: str = "70") -> bool | None:
    answer = find(output)
    return equal("" if answer is None else answer, gold)


def reference(output: str, gold: str = "70") -> bool:
    """Math-Verify with the settings of the reference harness, on the whole output and without limits."""
    library = math_verify()
    level = logging.getLogger("latex2sympy2_extended").level
    logging.getLogger("latex2sympy2_extended").setLevel(logging.ERROR)
    form = library.LatexNormalizationConfig(
        nits=False, malformed_operators=False, basic_latex=True, equations=True, boxed="all", units=True
    )
    way = library.LatexExtractionConfig(
        normalization_config=form, boxed_match_priority=0, try_extract_without_anchor=False
    )
    right = library.parse(
        f"${gold}$",
        [library.LatexExtractionConfig(), library.ExprExtractionConfig()],
        extraction_mode="first_match",
        parsing_timeout=None,
    )
    given = library.parse(output, [way], extraction_mode="first_match", parsing_timeout=None)
    logging.getLogger("latex2sympy2_extended").setLevel(level)
    right_or_not: bool = library.verify(given, right, timeout_seconds=None)
    return right_or_not


RIGHT = [
    r"\boxed{70}",
    r"\boxed{070}",
    r"\boxed{n=70}",
    r"\boxed{m+n = 70}",
    r"\boxed{m + n = 70 = 70}",
    r"\boxed{70.0}",
    r"\boxed{\frac{140}{2}}",
    r"\boxed{\dfrac{140}{2}}",
    r"\boxed{140/2}",
    r"\boxed{68+2}",
    r"\boxed{2^{6}+6}",
    r"\boxed{5\cdot14}",
    r"\boxed{\sqrt{4900}}",
    r"\boxed{70^\circ}",
    r"\boxed{70^{\circ}}",
    r"\boxed{70\%}",
    r"\boxed{70 cm}",
    r"\boxed{70 \text{ dollars}}",
    r"\boxed{70\text{ cm}^2}",
    r"\boxed{\textbf{70}}",
    r"\boxed{$70$}",
    r"\boxed{\$70}",
    r"\boxed{\left(70\right)}",
    r"\boxed{\boxed{70}}",
    r"\boxed{70}}",
    r"$\boxed{70}$",
    r"$$\boxed{70}$$ and so on",
    r"\[ \boxed{70} \]",
    r"\boxed{70} or \boxed{70}",
    r"\boxed{70} \boxed{71",
    r"\boxed{71}" + " so " * 30 + r"\boxed{70}",
    r"\boxed{70} then the answer $71$",
    r"<think>\boxed{70}</think> the answer is 71",
    r"$x=3$ so \boxed{70} and $y=2$",
    "answer $70$",
    r"answer \(70\)",
    "answer is $$70$$",
    r"The answer is \[ x = 70 \]",
    "The answer is $71$. Wait, the answer is $70$.",
    "final answer is $70$ but answer: $71$",
    "answer: $70$, $70$",
]
WRONG = [
    r"\boxed{71}",
    r"\boxed{-70}",
    r"\boxed{71} \boxed{70}",
    r"\boxed{70}, \boxed{71}",
    r"\boxed{71} this is wrong, or \boxed{70}",
    r"\boxed{70 \text{ or } 71}",
    r"\boxed{1,070}",
    r"\boxed{7 0}",
    r"\boxed{70 dollars}",
    "answer: $70$ and $71$",
]
UNREAD = [
    "",
    "the answer is 70",
    r"\(70\)",
    "$70$",
    r"\[ x = 70 \]",
    r"\boxed{}",
    r"\boxed{70",
    r"\boxed 70",
    r"\boxed{70.}",
    r"\boxed{٧٠}",
    r"\boxed{７０}",
    r"\boxed{x \leq 70}",
    r"\boxed{x=70, y=3}",
    r"\boxed{70\pi}",
    r"\boxed{70!}",
    r"\boxed{(B) 70}",
]


@pytest.mark.parametrize("output", RIGHT)
def test_right_answers(output: str) -> None:
    assert verdict(output) is True
    assert reference(output) is True


@pytest.mark.parametrize("output", WRONG)
def test_wrong_answers(output: str) -> None:
    assert verdict(output) is False
    assert reference(output) is False


@pytest.mark.parametrize("output", UNREAD)
def test_outputs_without_an_answer_that_can_be_read(output: str) -> None:
    assert verdict(output) is None
    assert reference(output) is False


def test_what_the_reference_reads_and_this_does_not() -> None:
    for output in (r"\boxed{\binom{8}{4}}", r"\boxed{71-\sin(\frac{\pi}{2})}"):
        assert verdict(output) is None
        assert reference(output) is True


@given(
    number=st.integers(0, 999),
    gold=st.integers(0, 999),
    form=st.sampled_from(
        ["{}", "0{}", "x={}", "{}.0", r"\frac{{{}}}{{1}}", r"{}^\circ", "{} cm", r"\text{{{}}}", "+{}"]
    ),
    around=st.sampled_from(["\\boxed{%s}", "So $\\boxed{%s}$.", "\\[\\boxed{%s}\\]\nDone.", "The answer is $%s$."]),
    before=st.sampled_from(["", "Let $n = 5$. ", "First \\boxed{12} is wrong." + " Then" * 20, "We get 1 < 2.\n"]),
)
@settings(max_examples=80, deadline=None)
@example(number=7, gold=7, form="{}", around="\\boxed{%s}", before="")
def test_agrees_with_the_reference(number: int, gold: int, form: str, around: str, before: str) -> None:
    output = before + around % form.format(number)
    for right in {str(number), str(gold)}:
        assert bool(verdict(output, right)) == reference(output, right)


@given(st.integers(-(10**12) + 1, 10**12 - 1), st.integers(0, 999))
@settings(deadline=None, max_examples=50)
def test_plain_integers_need_no_library_and_get_its_verdict(number: int, gold: int) -> None:
    assert equal(str(number), str(gold)) == reference(f"\\boxed{{{number}}}", str(gold)) == (number == gold)


def test_gold_answers_in_latex() -> None:
    assert equal("336", r"336^\circ") is True
    assert equal(r"\frac{3}{4}", r"\frac{6}{8}") is True
    assert equal("70", "070") is True
    for gold in ("", "seventy", "9" * 100, r"\boxed{70}"):
        with pytest.raises(ValueError, match="is no number"):
            equal("70", gold)


@pytest.mark.parametrize(
    "text",
    [
        "9^{9^{9^{9}}}",
        "99999999!",
        r"\sum_{i=1}^{10^9} i",
        "(a+b)^{99}",
        "(9^{99})^{99}",
        "{{{{1}}}}",
        "((((1))))",
        "2^2123456789012",
        "1+" * 40,
        "9" * 81,
        "x" * 30,
        r"\text{" + "a" * 40 + "}",
        "",
    ],
)
def test_what_could_be_expensive_is_not_read(text: str) -> None:
    assert not readable(text)


@pytest.mark.parametrize(
    "text",
    [
        r"(\sqrt{99999989}+\sqrt{99999971})/(\sqrt{6}+\sqrt{7}-70)",
        r"\frac{9999^{99}}{9998^{99}}\cdot\sqrt{99999989}-9997^{99}",
        r"\sqrt{2}+\sqrt{3}+\sqrt{5}+\sqrt{7}+\sqrt{11}+\sqrt{13}+\sqrt{17}-\sqrt{19}",
        r"{7^2+70+70^\circ-\sqrt{6}} {{70}}",
        "1,2,3,4,5,6,7,8",
        "1 2 3 4 5 6 7 8 abcdefghijklmnopqrst",
        "1/2/3/4/5/6/7/8",
        "((1)(2)(3)",
        r"\left\left\left\left\left",
        "$" * 16,
        "." * 16,
    ],
)
def test_the_most_expensive_answers_are_read_within_two_seconds(text: str) -> None:
    assert readable(text)
    start = time.process_time()
    equal(text, "70")
    assert time.process_time() - start < 2.0


@given(
    st.lists(st.sampled_from([r"\sqrt{6}", r"\frac{", "}{", "}", "(", ")", "{", "9999^{99}", "70", "+", "/", ",", "°"]))
)
@settings(max_examples=60, deadline=None)
def test_anything_readable_is_read_within_two_seconds(parts: list[str]) -> None:
    text = "".join(parts)
    assume(readable(text))
    start = time.process_time()
    equal(text, "70")
    assert time.process_time() - start < 2.0


HOSTILE = {
    "boxes": r"\boxed{1}" * 100_000,
    "different boxes": "".join(f"\\boxed{{{i}}}" for i in range(80_000)),
    "open boxes": r"\boxed{" * 140_000,
    "nested boxes": r"\boxed{" * 70_000 + "}" * 70_000,
    "braces in a box": r"\boxed{" + "{}" * 500_000 + "}",
    "open braces": r"\boxed{" + "{" * 1_000_000,
    "answers": "answer " * 140_000,
    "announced": "final answer " * 80_000,
    "answers with dollars": "answer $" * 120_000,
    "dollars": "answer" + "$" * 1_000_000,
    "brackets": "answer" + r"\[" * 500_000,
    "parentheses": r"answer \(" * 100_000,
    "many openings": ("answer " + r"\(" * 25) * 20_000,
    "dear openings": ("answer " + r"\[ " * 16) * 20_000,
    "formulas": "answer $1$" + ", $1$" * 200_000,
    "spaces": "final answer is" + " " * 1_000_000,
    "fractions": r"\boxed{" + r"\frac{" * 30 + "1" + "}" * 31,
    "power tower": r"\boxed{9^{9^{9^{9}}}}",
    "digits": r"\boxed{" + "9" * 1_000_000 + "}",
    "NUL": "\\boxed{7\x000}",
    "surrogate": "\\boxed{\ud800}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_outputs_are_judged_within_two_seconds(name: str) -> None:
    start = time.process_time()
    assert verdict(HOSTILE[name]) is not True
    assert time.process_time() - start < 2.0


def test_usual_hostile_outputs_too(hostile: str) -> None:
    start = time.process_time()
    assert verdict(hostile) is not True
    assert time.process_time() - start < 2.0


@given(st.text() | st.text(alphabet="\\boxed{}$70=^_frac answer:,.()[]\n", max_size=60))
@settings(deadline=None)
def test_any_text_is_judged(output: str) -> None:
    assert verdict(output) in (True, False, None)


def test_it_works_outside_the_main_thread() -> None:
    found: list[bool | None] = []
    worker = threading.Thread(target=lambda: found.append(equal(r"\frac{560}{8}", "70")))
    worker.start()
    worker.join()
    assert found == [True]


def test_the_library_is_silent_and_its_absence_is_told() -> None:
    code = (
        "from ftdojo_tasks.math.answer import equal\n"
        "assert equal('n=\\\\frac{140}{2}', '70'); assert equal('9/(1', '70') is None\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    code = (
        "import sys; sys.modules['math_verify'] = None\n"
        "from ftdojo.errors import PrerequisiteError; from ftdojo_tasks.math.aime import AimeScorer\n"
        "try: AimeScorer().score([{'id': 'a', 'answer': '7'}], [''])\n"
        "except PrerequisiteError as error: print(error.fix)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "pip install math-verify==0.9.0"
