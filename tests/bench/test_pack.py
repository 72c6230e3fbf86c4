"""Packs: a contest is packed, scored again elsewhere, and each thing that was changed in between is found."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from forgeries import edit_events
from ftdojo.bench.pack import write_pack
from ftdojo.bench.packed import Pack, open_pack
from ftdojo.bench.rescore import PackCheck, RunCheck, Sample, check_pack
from ftdojo.contract.progress import Silent
from ftdojo.errors import InfrastructureError, InputError, UsageError
from ftdojo.record import Home
from ftdojo.record.ledger import _link
from ftdojo.report.pack_card import pack_card
from machine import mount, needs_mount, with_disk
from packs import make_contest

FULL, ADAPTED = (f"jobs/{model}-folder-short/own-approve/qwen/seed0" for model in ("tiny", "denier"))


@pytest.fixture(scope="module")
def contest(
    tmp_path_factory: pytest.TempPathFactory,
    approve: Path,
    tiny_model: Path,
    denier: Path,
    finished_run: Path,
    adapted_run: Path,
) -> Path:
    """A contest of two runs: one trained all weights, the other an adapter."""
    folder = tmp_path_factory.mktemp("contest") / "out"
    runs = {tiny_model: finished_run / "run", denier: adapted_run / "run"}
    assert make_contest(folder, approve, runs) == [FULL, ADAPTED]
    return folder


def pack(contest: Path, folder: Path, adapted_run: Path, **changed: Any) -> Pack:
    options: dict[str, Any] = {"home": Home(adapted_run / "home"), "with_private_text": True} | changed
    return write_pack(contest, folder, card=pack_card, progress=Silent(), **options)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, contest: Path, adapted_run: Path) -> Path:
    return pack(contest, tmp_path_factory.mktemp("packs") / "pack", adapted_run).folder


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    """A copy of the pack to tamper with."""
    return shutil.copytree(original, tmp_path / "copy")


@pytest.fixture
def check(home: Home, approve: Path, tiny_model: Path, denier: Path) -> Callable[..., PackCheck]:
    """Score a pack again, with all that it needs unless something else is said."""

    def checked(folder: Path, **changed: Any) -> PackCheck:
        given: dict[str, Any] = {"given_tasks": [approve], "given_models": [tiny_model, denier]}
        return check_pack(folder, home=home, progress=Silent(), **(given | changed))

    return checked


def run_of(found: PackCheck, folder: str) -> RunCheck:
    (run,) = [run for run in found.runs if run.run == folder]
    return run


def renew_manifest(folder: Path) -> None:
    """Write sizes and digests of the files anew, as whoever changes them can."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"] = {
        p.relative_to(folder).as_posix(): {
            "size": p.stat().st_size,
            "sha256": hashlib.sha256(p.read_bytes()).hexdigest(),
        }
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p != path
    }
    path.write_text(json.dumps(manifest))


def edit_ledger(folder: Path, change: Callable[[str, Any], None]) -> None:
    """Change the payloads of the events of a run in a pack, link them anew, and let its result follow."""
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    link = before = ""
    for event in lines:
        change(event["kind"], event["payload"])
        if event["kind"] == "finished":
            event["payload"]["result"]["ledger"] = before
            (folder / "result.json").write_text(json.dumps(event["payload"]["result"]))
        link = before = _link(link, event["time"], event["kind"], json.dumps(event["payload"]))
        event |= {"link": link, "withheld": False}
    (folder / "ledger.jsonl").write_text("".join(json.dumps(event) + "\n" for event in lines))


def test_a_pack_is_equal_where_its_base_models_and_task_are(
    original: Path, check: Callable[..., PackCheck], approve: Path
) -> None:
    found = check(original, remake=True)
    assert [(run.run, run.status, run.reasons) for run in found.runs] == [(FULL, "equal", []), (ADAPTED, "equal", [])]
    assert (found.ok, found.different, found.leaderboard.status) == (True, False, "ok")
    items = len((approve / "eval.jsonl").read_text().splitlines())
    for run in found.runs:
        (base, best) = run.models
        assert (base.model, best.model) == ("baseline", "best")
        assert 0 < base.answered == base.equal == best.answered == best.equal < items
        assert best.now == best.packed
        assert best.difference.value == 0
        assert {c.name for c in run.checks if c.status == "failed"} == set()
    made_sure = {c.name for c in run_of(found, ADAPTED).checks if c.status == "ok"}
    assert {"result", "opening", "budget", "data", "base", "submissions", "outputs", "test", "lineage"} <= made_sure
    by_manifests = next(c for c in run_of(found, ADAPTED).checks if c.name == "stages")
    assert by_manifests.status == "ok", "the digests of rows, model and outputs are in the pack"
    remade = [c.status for run in found.runs for c in run.checks if c.name == "rows"]
    assert remade == ["ok", "ok"], "the submissions make rows with the digests that are in the pack"


@needs_mount
def test_a_pack_that_does_not_fit_leaves_nothing_and_the_same_command_writes_it(
    contest: Path, adapted_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pack"

    def work() -> None:
        with pytest.raises(InfrastructureError, match="no space left"):
            pack(contest, folder, adapted_run)
        assert list(tmp_path.iterdir()) == [folder]
        assert list(folder.iterdir()) == []
        mount("-o", "remount,size=64m", str(tmp_path))
        assert pack(contest, folder, adapted_run).manifest.files

    with_disk(tmp_path, "size=512k", work)


def test_a_pack_holds_adapters_and_no_base_model_rows_or_right_answers(
    original: Path, contest: Path, approve: Path, denier: Path, tiny_model: Path
) -> None:
    manifest = open_pack(original).manifest
    assert [run.weights for run in manifest.runs] == ["model", "adapter"]
    assert {p.name for p in (original / ADAPTED / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    assert {p.name for p in (original / FULL / "model").iterdir()} == {"config.json", "model.safetensors"}
    assert {p.name for p in (original / ADAPTED / "sealed").iterdir()} == {"baseline.jsonl", "best.jsonl"}
    names = {p.name for p in original.rglob("*")}
    assert not names & {"rows.jsonl", "examples.json", "ledger.sqlite", "test.jsonl", "tokenizer.json"}
    places = [str(place) for place in (contest, approve, denier, tiny_model, Path.home(), "http://10.1.2.3")]
    for path in (p for p in original.rglob("*") if p.is_file()):
        assert [place for place in places if place.encode() in path.read_bytes()] == [], path
    card = (original / "README.md").read_text()
    assert "ftdojo bench verify" in card
    assert "own/approve" in card


def test_two_packs_of_a_contest_are_the_same_bytes(
    original: Path, contest: Path, adapted_run: Path, tmp_path: Path
) -> None:
    pack(contest, tmp_path / "again", adapted_run)
    ours, theirs = (
        {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        for folder in (original, tmp_path / "again")
    )
    assert ours == theirs


def test_what_must_not_be_packed_is_refused(contest: Path, adapted_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"text of your own data:\n.*own/approve.*verdicts") as refused:
        pack(contest, tmp_path / "private", adapted_run, with_private_text=False)
    assert "--with-private-text" in refused.value.fix
    assert not (tmp_path / "private").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(UsageError, match="is not empty"):
        pack(contest, tmp_path / "full", adapted_run)
    forged = shutil.copytree(contest, tmp_path / "forged")
    edit_events(forged / FULL, lambda kind, p: p | {"metric": "x"} if kind == "configuration" else p, relink=False)
    with pytest.raises(UsageError, match=r"event 1 .* was changed"):
        pack(forged, tmp_path / "of-forged", adapted_run)
    with pytest.raises(UsageError, match="holds no suite"):
        pack(contest / FULL, tmp_path / "of-run", adapted_run)


def test_an_adapter_that_is_not_in_the_store_is_packed_as_a_model(
    contest: Path, home: Home, tmp_path: Path, adapted_run: Path
) -> None:
    packed = pack(contest, tmp_path / "pack", adapted_run, home=home)
    assert [run.weights for run in packed.manifest.runs] == ["model", "model"]


# -- what is found -----------------------------------------------------------------------------------------------------


def _swap(folder: Path) -> None:
    path = folder / ADAPTED / "adapter/adapter_model.safetensors"
    save_file({name: -tensor for name, tensor in load_file(path).items()}, path)


def _reword(folder: Path) -> None:
    path = folder / ADAPTED / "sealed/best.jsonl"
    path.write_text(path.read_text().replace('"yes"', '"no"', 1))


def _raise_score(folder: Path) -> None:
    path = folder / "leaderboard.json"
    board = json.loads(path.read_text())
    board["boards"][0]["standings"][0]["gain"] += 0.1
    path.write_text(json.dumps(board))


def _raise_result(folder: Path) -> None:
    path = folder / ADAPTED / "result.json"
    result = json.loads(path.read_text())
    result["best"]["test"]["value"] += 1
    path.write_text(json.dumps(result))


def _edit_submission(folder: Path) -> None:
    with (folder / ADAPTED / "submissions/001/plan.yaml").open("a") as stream:
        stream.write("# later\n")


def _edit_event(folder: Path) -> None:
    path = folder / ADAPTED / "ledger.jsonl"
    path.write_text(path.read_text().replace('"outlook": ""', '"outlook": "more rows"'))


@pytest.mark.parametrize("tamper", [_swap, _reword, _raise_score, _raise_result])
def test_a_changed_file_is_not_the_one_of_the_manifest(copy: Path, tamper: Callable[[Path], None]) -> None:
    tamper(copy)
    with pytest.raises(InputError, match=r"is not the file that was packed|bytes; .* were packed"):
        open_pack(copy)


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (_swap, "adapter_model.safetensors is not the file that the record names"),
        (_reword, "outputs: sealed/best.jsonl was changed after it was scored"),
        (_raise_result, "result: result.json: best is not what the record says"),
        (_edit_submission, "submissions: submissions/001 was changed after it was submitted"),
        (_edit_event, "was changed or moved after it was written"),
    ],
)
def test_a_change_with_a_new_manifest_is_found_by_the_record(
    copy: Path, check: Callable[..., PackCheck], tamper: Callable[[Path], None], says: str
) -> None:
    tamper(copy)
    renew_manifest(copy)
    found = check(copy, sample=Sample(items=1))
    run = run_of(found, ADAPTED)
    assert (run.status, found.different, found.ok) == ("different", True, False)
    assert says in " ".join(run.reasons)
    assert run_of(found, FULL).status == "equal"


def test_a_forged_leaderboard_does_not_follow_from_the_runs(copy: Path, check: Callable[..., PackCheck]) -> None:
    _raise_score(copy)
    renew_manifest(copy)
    found = check(copy, sample=Sample(items=1))
    assert {run.status for run in found.runs} == {"equal"}
    assert found.leaderboard.status == "failed"
    assert "standings[0]: gain" in found.leaderboard.message
    assert found.different


def test_forged_outputs_with_a_whole_record_are_found_by_the_model_itself(
    copy: Path, check: Callable[..., PackCheck]
) -> None:
    """Every output is a right one, and verdicts, scores, digests, links, leaderboard and manifest follow."""
    folder = copy / FULL
    path = folder / "sealed/best.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row["output"] += " "
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:32]

    def follow(kind: str, payload: Any) -> None:
        if kind == "test_scored":
            payload["outputs"]["best"] = digest

    edit_ledger(folder, follow)
    renew_manifest(copy)
    found = check(copy, sample=Sample(items=2, seed=5))
    run = run_of(found, FULL)
    assert run.status == "different"
    (base, best) = run.models
    assert base.equal == base.answered
    assert best.equal == 0
    assert best.differing
    assert "best: " in run.reasons[0]
    assert "are not those of the pack" in run.reasons[0]


def test_what_is_missing_here_is_not_checkable_and_says_what_to_name(
    original: Path, check: Callable[..., PackCheck], tiny_model: Path
) -> None:
    found = check(original, given_models=[tiny_model], sample=Sample(items=1))
    assert run_of(found, FULL).status == "equal"
    missing = run_of(found, ADAPTED)
    assert missing.status == "not checkable"
    assert "the base model denier" in missing.reasons[0]
    assert "--model" in missing.reasons[0]
    assert (found.ok, found.different) == (False, False)
    found = check(original, given_tasks=[], sample=Sample(items=1))
    assert {run.status for run in found.runs} == {"not checkable"}
    assert all("--task" in run.reasons[0] for run in found.runs)
    assert found.leaderboard.status == "unchecked"


def test_an_engine_or_task_that_only_a_stranger_knows_is_not_loaded(
    copy: Path, check: Callable[..., PackCheck], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "strange.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nENGINE = None\n")
    monkeypatch.syspath_prepend(tmp_path)

    def strange(kind: str, payload: Any) -> None:
        if kind == "configuration":
            payload["configuration"]["engine"] = "strange:ENGINE"

    edit_ledger(copy / FULL, strange)

    def elsewhere(kind: str, payload: Any) -> None:
        if kind == "configuration":
            payload["given"] = str(tmp_path)

    edit_ledger(copy / ADAPTED, elsewhere)
    renew_manifest(copy)
    found = check(copy)
    assert "strange:ENGINE" in " ".join(run_of(found, FULL).reasons)
    assert run_of(found, FULL).status == "not checkable"
    assert "names the folder" in " ".join(run_of(found, ADAPTED).reasons)
    assert run_of(found, ADAPTED).status == "different"
    assert not (tmp_path / "ran").exists()


def _link_out(folder: Path) -> str:
    (folder / ADAPTED / "result.json").unlink()
    (folder / ADAPTED / "result.json").symlink_to("/etc/hostname")
    return "is a link"


def _link_folder(folder: Path) -> str:
    (folder / "elsewhere").symlink_to("/etc")
    return "is a link"


def _program(folder: Path) -> str:
    (folder / ADAPTED / "model").mkdir()
    (folder / ADAPTED / "model/modeling.py").write_text("print()")
    return "does not belong in a pack"


def _pickle(folder: Path) -> str:
    (folder / ADAPTED / "adapter/adapter_model.bin").write_bytes(b"x")
    return "does not belong in a pack"


def _huge(folder: Path) -> str:
    with (folder / ADAPTED / "ledger.jsonl").open("ab") as stream:
        stream.truncate(2**28 + 1)
    return "is larger than 256 MiB"


def _lost(folder: Path) -> str:
    (folder / ADAPTED / "sealed/best.jsonl").unlink()
    return "is missing"


@pytest.mark.parametrize("tamper", [_link_out, _link_folder, _program, _pickle, _huge, _lost])
def test_a_file_that_no_pack_has_is_refused_before_anything_is_read(copy: Path, tamper: Callable[[Path], str]) -> None:
    says = tamper(copy)
    with pytest.raises(InputError, match=says):
        open_pack(copy)


@pytest.mark.parametrize(
    "folder", ["jobs/../../x/seed0", "jobs/a/b/../seed0", "/jobs/a/b/c/seed0", "jobs/a/b/c/seed0\n"]
)
def test_a_run_cannot_lie_outside_of_the_pack(copy: Path, folder: str) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["runs"][0]["folder"] = folder
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="is not the folder of a run"):
        open_pack(copy)


def test_weights_larger_than_any_training_are_not_loaded(copy: Path, check: Callable[..., PackCheck]) -> None:
    with (copy / FULL / "model/more.safetensors").open("wb") as stream:
        stream.truncate(2**27)
    renew_manifest(copy)
    found = check(copy, sample=Sample(items=1))
    assert "more than a training of its base model makes" in " ".join(run_of(found, FULL).reasons)


def test_a_model_whose_configuration_names_code_is_not_loaded(copy: Path, check: Callable[..., PackCheck]) -> None:
    path = copy / FULL / "model/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": {"AutoConfig": "code.Config"}}))
    renew_manifest(copy)
    run = run_of(check(copy, sample=Sample(items=1)), FULL)
    assert (run.status, run.models) == ("different", [])
    assert "names Python code to load" in run.reasons[0]


def test_what_is_no_pack_is_a_usage_error(tmp_path: Path, contest: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing", contest):
        with pytest.raises(UsageError, match="holds no pack"):
            open_pack(folder)
