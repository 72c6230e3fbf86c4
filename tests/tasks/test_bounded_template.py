"""Templates by strangers: limited in time, memory and size; what an honest one says is what it says anywhere."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ftdojo.tasks import bounded_template
from ftdojo.tasks.bounded_template import BoundedTemplate, is_simple
from ftdojo.tasks.template import compile_template, field, render

ROW: dict[str, Any] = {"a": " x ", "options": ["one", "two"], "deep": {"b": '"'}, "n": 3, "half": "\ud83d"}
HONEST = [
    "{{ a }}",
    field("deep"),
    "{% for o in options %}{{ loop.index }}. {{ o }}\n{% endfor %}",
    "{% set text %}{{ deep | to_json }}{% endset %}{{ (text | from_json)['b'] }}{{ n * 2 }}",
    "{% if a is string and n > 2 %}{{ a | trim | upper }}{% else %}-{% endif %}{{ half }}",
]
ENDLESS = "".join(f"{{% for {name} in range(99999) %}}" for name in "abc") + "{% endfor %}" * 3


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_template_says_what_it_says_without_limits(text: str) -> None:
    bounded = BoundedTemplate(text, strict=True)
    for _ in range(2):
        assert bounded.render(ROW) == render(compile_template(text, strict=True), ROW)


def test_only_what_is_linear_is_rendered_without_limits() -> None:
    assert [is_simple(text) for text in HONEST] == [True, True, False, False, True]
    assert not is_simple("{{ 'x' * 10 }}")
    assert not is_simple("{{ a | center(10) }}")
    assert not is_simple("{{ a | to_json | to_json | to_json | to_json }}")


@pytest.mark.parametrize(
    "text",
    [ENDLESS, "{{ 'x' * 10**10 }}", "{{ 9**(9**9) }}", "{{ a | center(9000000000) }}"],
    ids=["endless", "huge", "power", "wide"],
)
def test_a_template_without_measure_is_refused_and_at_once_the_second_time(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_template, "DEADLINE_S", 3.0)
    bounded = BoundedTemplate(text)
    with pytest.raises(ValueError, match="cannot render"):
        bounded.render(ROW)
    begun = time.monotonic()
    with pytest.raises(ValueError, match="cannot render"):
        bounded.render(ROW)
    assert time.monotonic() - begun < 10


def test_a_fault_of_one_row_does_not_end_the_others() -> None:
    bounded = BoundedTemplate("{% for o in options %}{{ o.upper() }}{% endfor %}", strict=True)
    with pytest.raises(ValueError, match="cannot render"):
        bounded.render({"options": [1]})
    assert bounded.render(ROW) == "ONETWO"
