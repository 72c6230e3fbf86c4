"""The events of a ledger: the bytes of earlier builds, what newer builds may add, and what is malformed."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from ftdojo.bench.events import SUITE_EVENTS
from ftdojo.bench.suite import Contestant, Limits, Suite
from ftdojo.contract.budget import Spent
from ftdojo.contract.result import RunResult
from ftdojo.contract.submission import Plan
from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.record import Event, Ledger, events
from ftdojo.record.history import History
from ftdojo.record.summary import conclude
from ftdojo.tasks.spec import ItemScore

KINDS: dict[str, type[events.LedgerEvent]] = {**events.RUN_EVENTS, **SUITE_EVENTS}
GOLDEN = [
    (line["kind"], line["payload"])
    for file in sorted(Path(__file__).parent.glob("events-*.jsonl"))
    for line in map(json.loads, file.read_text("utf-8").splitlines())
]
"""Kind and payload, byte for byte, of events in ledgers of earlier builds: commit 1e8ec7a, which had no models
for them, and later ones, which added kinds or fields."""
PAYLOADS: dict[str, dict[str, Any]] = {kind: json.loads(text) for kind, text in GOLDEN}
"""Kind -> the earliest payload of it: that of the file which is sorted last."""

LATER = [
    ("configuration", "versions"), ("configuration", "given"), ("baseline", "digests"), ("baseline", "contents"),
    ("iteration", "overlap"), ("iteration", "charge"), ("test_scored", "items"), ("test_scored", "models"),
    ("test_scored", "outputs"),
]  # fmt: skip
"""Fields that earlier builds did not write."""


def parsed(kind: str, payload: dict[str, Any]) -> events.LedgerEvent | events.OtherEvent:
    return events.parse(Event(7, "2026-01-01T00:00:00.000+00:00", kind, payload, "link"), KINDS).event


def written(event: events.LedgerEvent) -> str:
    return json.dumps(event.payload(), allow_nan=False)


def test_there_is_a_golden_event_of_each_kind() -> None:
    assert set(PAYLOADS) == set(KINDS)


@pytest.mark.parametrize(("kind", "text"), GOLDEN)
def test_an_event_of_an_earlier_build_keeps_every_value(kind: str, text: str) -> None:
    """What it had is written again as it was, in the same order; fields that came later have their defaults."""
    event = parsed(kind, json.loads(text))
    assert isinstance(event, KINDS[kind])
    assert as_before(json.loads(written(event)), json.loads(text)) == text


def as_before(new: Any, old: Any) -> str:
    """The new value without the fields that the old one has not, as JSON."""

    def common(new: Any, old: Any) -> Any:
        if isinstance(new, dict) and isinstance(old, dict):
            return {key: common(value, old[key]) for key, value in new.items() if key in old}
        if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
            return [common(*pair) for pair in zip(new, old, strict=True)]
        return new

    return json.dumps(common(new, old), ensure_ascii=False)


def models_in(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places of objects that are models: their keys are names of fields. Mappings from data are left out."""
    data = {"digests", "contents", "versions", "budget", "budgets", "items", "models", "outputs", "subtasks", "errors",
            "subtask_parsed", "metrics", "per_subtask", "data_llm"}  # fmt: skip
    if isinstance(value, dict):
        if not path or path[-1] not in data or path == ("result", "budget"):
            yield path
        for key, inner in value.items():
            yield from models_in(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value[:1]):
            yield from models_in(inner, (*path, place))


PLACES = [(kind, path) for kind, payload in PAYLOADS.items() for path in models_in(payload)]


@pytest.mark.parametrize(("kind", "path"), PLACES)
def test_a_field_of_a_newer_build_is_ignored_at_any_depth(kind: str, path: tuple[str | int, ...]) -> None:
    payload = copy.deepcopy(PAYLOADS[kind])
    place: Any = payload
    for step in path:
        place = place[step]
    place["of_a_newer_build"] = {"x": [1]}
    assert parsed(kind, payload) == parsed(kind, PAYLOADS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_writer_takes_no_unknown_field(kind: str) -> None:
    with pytest.raises(ValidationError, match="of_a_newer_build"):
        KINDS[kind].model_validate({**PAYLOADS[kind], "of_a_newer_build": 1})


@pytest.mark.parametrize(("kind", "field"), LATER)
def test_a_field_that_earlier_builds_did_not_write_may_be_missing(kind: str, field: str) -> None:
    payload = {name: value for name, value in PAYLOADS[kind].items() if name != field}
    assert isinstance(parsed(kind, payload), KINDS[kind])


@pytest.mark.parametrize(("kind", "field"), [
    (kind, field) for kind, payload in PAYLOADS.items() for field in payload
    if (kind, field) not in LATER and field != "charge"
])  # fmt: skip
def test_every_other_field_must_be_there(kind: str, field: str) -> None:
    payload = {name: value for name, value in PAYLOADS[kind].items() if name != field}
    with pytest.raises(InfrastructureError, match=rf"event 7 of the ledger \({kind}\) .*: {field}"):
        parsed(kind, payload)


def test_an_event_of_an_unknown_kind_is_charged_and_otherwise_ignored() -> None:
    event = parsed("of_a_newer_build", {"x": 1, "charge": {"wall_s": 2.0, "joule": 5}})
    assert event == events.OtherEvent("of_a_newer_build", Spent(wall_s=2.0))
    with pytest.raises(InfrastructureError, match="of_a_newer_build"):
        parsed("of_a_newer_build", {"charge": [1]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_a_malformed_event_is_a_plain_error(data: st.DataObject) -> None:
    kind, path = data.draw(st.sampled_from(PLACES))
    payload = copy.deepcopy(PAYLOADS[kind])
    place: Any = payload
    for step in path:
        place = place[step]
    if place:
        place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    with contextlib.suppress(InfrastructureError):
        assert isinstance(parsed(kind, payload), KINDS[kind])


FIXED: dict[type[BaseModel], BaseModel] = {
    Plan: Plan.model_validate(PAYLOADS["iteration"]["iteration"]["plan"]),
    RunResult: RunResult.model_validate(PAYLOADS["finished"]["result"]),
    Suite: Suite(name="s", tasks=["t"], models=["m"], agents=[Contestant(name="a")], budgets={"b": Limits(wall="1h")}),
}
"""Models whose fields depend on each other: one value must do."""


@functools.cache
def drawn(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a type, models in it included."""
    inner, container = get_args(annotation), get_origin(annotation)
    if annotation in FIXED:
        found: st.SearchStrategy[Any] = st.just(FIXED[annotation])
    elif annotation is float:
        found = st.floats(allow_nan=False, allow_infinity=False)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {
            field.alias or name: drawn(cast(Any, field.annotation)) for name, field in annotation.model_fields.items()
        }
        found = st.fixed_dictionaries(fields).map(annotation.model_validate)
    elif annotation in (Spent, ItemScore):
        found = st.builds(annotation, **{name: drawn(hint) for name, hint in get_type_hints(annotation).items()})
    elif container in (types.UnionType, Union):
        found = st.one_of(*map(drawn, inner))
    elif container is list:
        found = st.lists(drawn(inner[0]), max_size=2)
    elif container in (dict, Mapping):
        found = st.dictionaries(drawn(inner[0]), drawn(inner[1]), max_size=2)
    elif container is tuple and inner[1:] == (...,):
        found = st.lists(drawn(inner[0]), max_size=2).map(tuple)
    elif container is tuple:
        found = st.tuples(*map(drawn, inner))
    else:
        found = st.from_type(annotation)
    return found


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_what_is_written_is_read(kind: str, data: st.DataObject) -> None:
    event = data.draw(drawn(KINDS[kind]))
    text = written(event)
    again = parsed(kind, json.loads(text))
    assert again == event
    assert isinstance(again, events.LedgerEvent)
    assert written(again) == text


def begun() -> events.RunBegun:
    return events.RunBegun.model_validate(PAYLOADS["configuration"])


def test_a_malformed_event_stays_an_error(tmp_path: Path) -> None:
    """It must not be skipped by whoever looks a second time."""
    with Ledger(tmp_path) as ledger:
        history = History(ledger)
        history.append(begun())
        ledger.append("iteration", {"iteration": {"number": 1}})
        for _ in range(2):
            with pytest.raises(InfrastructureError, match=r"event 2 of the ledger \(iteration\)"):
                _ = history.spent


def test_an_iteration_out_of_order_is_malformed(tmp_path: Path) -> None:
    payload = copy.deepcopy(PAYLOADS["iteration"])
    payload["iteration"]["number"] = 99
    with Ledger(tmp_path) as ledger:
        ledger.append("iteration", payload)
        with pytest.raises(InfrastructureError, match="iteration 99 is out of order"):
            _ = History(ledger).best


def test_a_record_without_a_necessary_event_is_a_plain_error(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        history = History(ledger)
        with pytest.raises(InfrastructureError, match="no event 'configuration'"):
            _ = history.begun
        history.append(begun())
        with pytest.raises(InfrastructureError, match="no event 'baseline'"):
            conclude(history, "run")
        history.append(events.BaselineMeasured.model_validate(PAYLOADS["baseline"]))
        with pytest.raises(InfrastructureError, match="no event 'test_scored'"):
            conclude(history, "run")


def test_what_unknown_kinds_are_charged_is_spent(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        history = History(ledger)
        ledger.append("of_a_newer_build", {"charge": {"wall_s": 2.0}})
        history.append(events.RunPaused(charge=Spent(wall_s=1.0)))
        assert history.spent == Spent(wall_s=3.0)
        assert [event.kind for event in history.events] == ["of_a_newer_build", "paused"]


def test_a_run_with_an_option_of_a_newer_build_is_read_and_not_resumed(tmp_path: Path) -> None:
    payload = copy.deepcopy(PAYLOADS["configuration"])
    payload["configuration"]["dream"] = True
    with Ledger(tmp_path) as ledger:
        ledger.append("configuration", payload)
        history = History(ledger)
        assert history.configuration == begun().configuration
        with pytest.raises(UsageError, match="does not know: dream"):
            history.require_same(begun().configuration, tmp_path)


def test_a_run_is_resumed_under_its_own_configuration_alone(tmp_path: Path) -> None:
    mine = begun().configuration
    with Ledger(tmp_path) as ledger:
        history = History(ledger)
        history.append(begun())
        history.require_same(mine, tmp_path)
        with pytest.raises(UsageError, match="seed: "):
            history.require_same(mine.model_copy(update={"seed": mine.seed + 1}), tmp_path)


def test_the_first_format_has_no_number_in_the_ledger_and_later_ones_have(monkeypatch: pytest.MonkeyPatch) -> None:
    result = PAYLOADS["finished"]["result"]
    assert "format" not in events.RunFinished(result=RunResult.model_validate(result)).payload()["result"]
    with pytest.raises(InfrastructureError, match="format 2 is newer than 1"):
        parsed("finished", {"result": {**result, "format": 2}})
    monkeypatch.setattr(RunResult, "newest", 2)
    later = RunResult.model_validate({**result, "format": 2})
    assert events.RunFinished(result=later).payload()["result"]["format"] == 2
