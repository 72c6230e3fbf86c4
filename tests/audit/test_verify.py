"""The audit: an honest run passes all checks, and each thing that is tampered with is found by the check of it alone.

Most forgeries here are good ones: the chain of the ledger is computed anew over the edited events, and the result tells
the new last link, so that only the check of what was edited can see it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from forgeries import edit_events
from ftdojo import digest
from ftdojo.audit import CHECKS, Audit, Check, Demand, verify
from ftdojo.contract.progress import Silent
from ftdojo.errors import UsageError
from ftdojo.record import Home
from ftdojo.record.store import MANIFEST, describe

Payload = dict[str, Any]


@pytest.fixture
def place(finished_run: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return shutil.copytree(finished_run, tmp_path / "copy")


def audit(place: Path, demand: Demand | None = None) -> Audit:
    return verify(place / "run", home=Home(place / "home"), demand=demand, progress=Silent())


def answers(place: Path, status: str) -> set[str]:
    return {check.name for check in audit(place).checks if check.status == status}


def test_an_honest_run_passes_every_check_and_is_not_touched(place: Path) -> None:
    before = describe(place)
    found = audit(place)
    assert {check.name: check.message for check in found.checks if check.status != "ok"} == {}
    assert [check.name for check in found.checks] == list(CHECKS)
    assert found.ok
    assert found.ledger == json.loads((place / "run/result.json").read_text())["ledger"]
    assert found.result_digest == digest.of_file(place / "run/result.json")
    assert describe(place) == before


def test_a_moved_copy_without_store_is_unchecked_there_and_not_failed(place: Path) -> None:
    shutil.rmtree(place / "home")
    assert answers(place, "failed") == set()
    assert answers(place, "unchecked") == {"data", "stages", "validation", "decisions", "test", "overlap"}
    assert audit(place).ok


def _of_result(place: Path) -> None:
    path = place / "run/result.json"
    result = json.loads(path.read_text())
    result["best"]["test"]["value"] += 1
    path.write_text(json.dumps(result))


def _submission(place: Path) -> None:
    with (place / "run/submissions/002/recipe.yaml").open("a") as stream:
        stream.write("# later\n")


def _sealed(place: Path) -> None:
    path = place / "run/sealed/best.jsonl"
    path.write_text(path.read_text().replace('"no', '"yes', 1).replace('"yes', '"no', 1) + "\n")


def _examples(place: Path) -> None:
    with (place / "run/sealed/examples.json").open("a") as stream:
        stream.write(" ")


def _weights(place: Path) -> None:
    path = place / "run/model/model.safetensors"
    save_file({n: t * 1.01 for n, t in load_file(path).items()}, path, metadata={"format": "pt"})


def _predictions(place: Path) -> None:
    for path in (place / "home/stages/predictions").glob("*/predictions.jsonl"):
        path.write_text(path.read_text().replace("yes", "no"))


@pytest.mark.parametrize(
    ("tamper", "check"),
    [
        (_of_result, "result"),
        (_submission, "submissions"),
        (_sealed, "outputs"),
        (_examples, "outputs"),
        (_weights, "lineage"),
        (_predictions, "stages"),
    ],
)
def test_a_changed_file_is_found(place: Path, tamper: Callable[[Path], None], check: str) -> None:
    tamper(place)
    assert answers(place, "failed") == {check}


def test_an_edited_and_a_removed_event_break_the_chain(finished_run: Path, tmp_path: Path) -> None:
    def reworded(kind: str, payload: Payload) -> Payload:
        return {**payload, "objective": "another"} if kind == "configuration" else payload

    for name, change, found in [
        ("edited", reworded, {"ledger"}),
        ("removed", lambda kind, p: None if kind == "test_opened" else p, {"ledger", "opening"}),
    ]:
        copy = shutil.copytree(finished_run, tmp_path / name)
        edit_events(copy / "run", change, relink=False)
        assert answers(copy, "failed") == found


def _cheaper(kind: str, payload: Payload) -> Payload:
    if kind == "iteration":
        payload["charge"]["wall_s"] /= 2
    return payload


def _overdrawn(kind: str, payload: Payload) -> Payload:
    if kind == "configuration":
        payload["configuration"]["budget"]["submissions"] = 2
    return payload


def _never_opened(kind: str, payload: Payload) -> Payload | None:
    return None if kind == "test_opened" else payload


def _other_data(kind: str, payload: Payload) -> Payload:
    for holder in (payload.get("configuration"), payload.get("result")):
        if holder:
            holder["digests"]["test"] = "0" * digest.LENGTH
    return payload


def _other_score(kind: str, payload: Payload) -> Payload:
    if kind == "baseline":
        payload["evaluation"]["score"]["value"] += 5
    if kind == "finished":
        payload["result"]["baseline"]["validation"]["value"] += 5
    return payload


def _other_test_score(kind: str, payload: Payload) -> Payload:
    if kind == "test_scored":
        payload["best"]["value"] += 5
    if kind == "finished":
        payload["result"]["best"]["test"]["value"] += 5
    return payload


def _other_difference(kind: str, payload: Payload) -> Payload:
    if kind == "iteration":
        payload["iteration"]["digests"].pop("but_seed", None)
        if payload["iteration"]["number"] == 2:
            payload["iteration"]["decision"]["difference"]["value"] += 1
    if kind == "finished":  # which no recipe says anything about then
        for iteration in payload["result"]["iterations"]:
            iteration["recipe"] = None
    return payload


def _other_stop(kind: str, payload: Payload) -> Payload:
    if kind == "iteration" and payload["iteration"]["number"] == 2:
        payload["iteration"]["decision"]["answered"] = 25
    return payload


def _other_rule(kind: str, payload: Payload) -> Payload:
    if kind == "configuration":
        payload["configuration"]["teachers"] = "self"
    return payload


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (_other_rule, "teachers"),
        (_cheaper, "budget"),
        (_overdrawn, "budget"),
        (_never_opened, "opening"),
        (_other_data, "data"),
        (_other_score, "validation"),
        (_other_test_score, "test"),
        (_other_difference, "decisions"),
        (_other_stop, "decisions"),
    ],
)
def test_a_forged_record_with_a_whole_chain_is_found(
    place: Path, change: Callable[[str, Payload], Payload | None], check: str
) -> None:
    edit_events(place / "run", change, relink=True)
    assert answers(place, "failed") == {check}


def test_evaluation_items_among_the_rows_are_found_in_a_store_that_was_forged_too(place: Path) -> None:
    """Rows, manifests, and the digests of the record that name them: everything says the same, and the rows leak."""
    (item, *_), home = (place / "home/data").glob("*/*/validation.jsonl"), place / "home/stages"
    question = json.loads(item.read_text().splitlines()[0])["request"]
    contents = {}
    for path in (home / "rows").glob("*/rows.jsonl"):
        path.write_text(path.read_text() + json.dumps({"prompt": question, "completion": "yes"}) + "\n")
        manifest = json.loads((path.parent / "manifest.json").read_text())
        files = describe(path.parent)
        contents[path.parent.name] = digest.of_value(files)
        (path.parent / "manifest.json").write_text(json.dumps({**manifest, "files": files}))

    def follow(kind: str, payload: Payload) -> Payload:
        if kind == "iteration" and "data" in payload["iteration"]["digests"]:
            payload["iteration"]["contents"]["data"] = contents[payload["iteration"]["digests"]["data"]]
        return payload

    edit_events(place / "run", follow, relink=True)
    found = {check.name: check.message for check in audit(place).checks if check.status == "failed"}
    assert set(found) == {"overlap", "stages"}
    assert "was not trained on its rows" in found["stages"]
    assert "row 81 contains an evaluation item" in found["overlap"]


def remade(place: Path) -> Check:
    """The check that runs the data program of the best model again."""
    (check,) = [check for check in audit(place, Demand(remake=True)).checks if check.name == "rows"]
    return check


def test_rows_are_made_again_by_the_program_that_was_submitted(finished_run: Path, place: Path) -> None:
    assert remade(place).status == "ok"

    def forge(name: str, change: Callable[[Any], Any]) -> Path:
        """A run whose rows or program were changed, in a store that says the same as the record."""
        copy = shutil.copytree(finished_run, place / name)
        names = {}
        for path in [found.parent for found in (copy / "home/stages/rows").glob("*/manifest.json")]:
            manifest = json.loads((path / "manifest.json").read_text())
            change((path, manifest))
            manifest["files"] = describe(path)
            (path / "manifest.json").write_text(json.dumps(manifest))
            found = digest.of_value(manifest["key"])
            names[path.name] = (found, digest.of_value(manifest["files"]))
            path.rename(path.with_name(found))

        def follow(kind: str, payload: Payload) -> Payload:
            if kind == "iteration" and (data := payload["iteration"]["digests"].get("data")):
                payload["iteration"]["digests"]["data"], payload["iteration"]["contents"]["data"] = names[data]
            return payload

        edit_events(copy / "run", follow, relink=True)
        return copy

    def answer_otherwise(stage: Any) -> None:
        path = stage[0] / "rows.jsonl"
        path.write_text(path.read_text().replace('"no"', '"yes"', 1))

    def name_another(stage: Any) -> None:
        stage[1]["key"]["program"] = "print()"

    for change, says in [(answer_otherwise, "makes other rows than those"), (name_another, "by another program")]:
        check = remade(forge(change.__name__, change))
        assert check.status == "failed"
        assert says in check.message


def test_a_record_does_not_choose_the_code_that_answers_test_again(place: Path) -> None:
    def name_module(kind: str, payload: Payload) -> Payload:
        if kind == "configuration":
            payload["configuration"]["engine"] = "a_module_that_is_not_there:ENGINE"
        return payload

    edit_events(place / "run", name_module, relink=True)
    (check,) = [c for c in audit(place, Demand(regenerate=True)).checks if c.name == "regenerate"]
    assert check.status == "unchecked"
    assert "which is none of transformers, vllm" in check.message


def test_what_is_no_run_or_has_not_ended_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        verify(tmp_path / "nothing", home=Home(place / "home"), progress=Silent())
    edit_events(place / "run", lambda kind, payload: None if kind == "finished" else payload, relink=True)
    with pytest.raises(UsageError, match="has not ended"):
        audit(place)


def test_a_manifest_that_lost_its_form_is_a_failed_check(place: Path) -> None:
    for path in (place / "home/stages/rows").glob(f"*/{MANIFEST}"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "key": []}))
    failed = {check.name: check.message for check in audit(place).checks if check.status == "failed"}
    assert set(failed) == {"stages"}


def test_a_ledger_that_lost_its_form_is_a_failed_check(finished_run: Path, tmp_path: Path) -> None:
    def emptied(kind: str, payload: Payload) -> Payload:
        return {} if kind == "iteration" else payload

    for name, change in [("emptied", emptied), ("unruled", lambda kind, p: None if kind == "test_scored" else p)]:
        copy = shutil.copytree(finished_run, tmp_path / name)
        edit_events(copy / "run", change, relink=True)
        assert answers(copy, "failed") == {"ledger"}
        assert answers(copy, "ok") == set()
    (copy / "run/ledger.sqlite").write_bytes(b"no database" * 100)
    assert answers(copy, "failed") == {"ledger"}
