"""Plug-ins: names of three kinds, packages that are registered, and packages that are broken."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ftdojo.errors import FtdojoError, PrerequisiteError, UsageError
from ftdojo.plugins import Kind

Install = Callable[..., None]
KIND: Kind[object] = Kind(
    noun="gadget", group="ftdojo.test_gadgets", members=("size",), built_in={"path": "ftdojo.digest:of_value"}
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a module on ``sys.path``, and registers names of it as a distribution does."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(module: str, text: str, *, dist: str = "", entries: dict[str, str] | None = None) -> None:
        (tmp_path / f"{module}.py").write_text(text)
        monkeypatch.delitem(sys.modules, module, raising=False)
        if dist:
            info = tmp_path / f"{dist}-1.5.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.5\n")
            lines = [f"{name} = {value}" for name, value in (entries or {}).items()]
            (info / "entry_points.txt").write_text("\n".join(["[ftdojo.test_gadgets]", *lines, ""]))

    return put


def refusal(name: str, kind: type[FtdojoError] = UsageError) -> str:
    with pytest.raises(FtdojoError) as caught:
        KIND.load(name)
    assert type(caught.value) is kind
    return str(caught.value)


def test_a_name_is_built_in_registered_or_a_place_of_its_own(install: Install) -> None:
    install("ours_a", "class Big:\n size = 2\nclass Box:\n class Small:\n  size = 1\n", dist="ours", entries={
        "big": "ours_a:Big", "path": "ours_a:Big",
    })  # fmt: skip
    assert KIND.names() == ["path", "big"]
    assert KIND.load("big") is KIND.load("ours_a:Big")
    assert KIND.load("ours_a:Box.Small").size == 1  # type: ignore[attr-defined]
    assert "the gadget 'path' has no 'size'" in refusal("path"), "the built-in object wins over a registered one"


def test_what_there_is_not_is_answered_with_what_there_is(install: Install) -> None:
    install("ours_b", "class Big:\n size = 2\n", dist="ours-b", entries={"big": "ours_b:Big"})
    said = refusal("bigg")
    assert "there is no gadget 'bigg'" in said
    assert "did you mean 'big'?" in said
    assert "path, big" in said
    assert "module:Attribute" in refusal("../etc:passwd")
    assert "no module 'nowhere'" in refusal("nowhere.at_all:Big")
    assert "PYTHONPATH" in refusal("nowhere:Big")
    assert "did you mean 'ours_b:Big'?" in refusal("ours_b:Bag")
    assert "needs size" in refusal("ours_b:__doc__")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit('not now')", "SystemExit: not now"),
        ("import a_module_that_nobody_has", "No module named 'a_module_that_nobody_has'"),
        ("def (", "SyntaxError"),
    ],
)
def test_a_package_that_fails_is_named_with_its_cause(install: Install, text: str, cause: str) -> None:
    install("broken_c", text, dist="broken-c", entries={"broken": "broken_c:Big"})
    for said in (refusal("broken", PrerequisiteError), refusal("broken_c:Big", PrerequisiteError)):
        assert cause in said
        assert "import broken_c" in said
    assert "broken-c 1.5" in refusal("broken", PrerequisiteError)


def test_one_name_of_two_packages_is_not_guessed(install: Install) -> None:
    install("ours_d", "class Big:\n size = 2\n", dist="ours-d", entries={"big": "ours_d:Big"})
    install("theirs_d", "class Big:\n size = 3\n", dist="theirs-d", entries={"big": "theirs_d:Big"})
    assert "ours-d 1.5 and theirs-d 1.5" in refusal("big")
    assert KIND.load("theirs_d:Big").size == 3  # type: ignore[attr-defined]
