"""``install-system.sh`` names all that a system lacks in one round, with what to type, before anything is fetched."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftdojo.sandbox.remedy import Kernel, find_remedy

SCRIPT = Path(__file__).parents[1] / "install-system.sh"
TOOLS = ("sh", "id", "dirname", "setpriv", "unshare", "bwrap", "true")
"""All programs of this machine that the script may find; ``apt-get`` is none of them, so nothing is installed."""
BUILT = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def programs() -> Iterator[Path]:
    """The only folder on the path. Everybody may enter it, unlike those of pytest: root tries bubblewrap as another."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, tool
            (folder / tool).symlink_to(found)
        (folder / "python3").symlink_to(sys.executable)
        yield folder


def install(programs: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(programs), **variables}
    return subprocess.run(["sh", str(SCRIPT)], capture_output=True, text=True, check=False, env=environment)


def test_a_machine_that_has_everything_hears_nothing(programs: Path) -> None:
    done = install(programs)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_everything_that_is_missing_is_one_command(programs: Path, tmp_path: Path) -> None:
    (programs / "bwrap").unlink()
    (tmp_path / "ensurepip.py").write_text("raise ImportError")  # as on Debian without python3-venv
    done = install(programs, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert f"  sudo apt-get install bubblewrap {BUILT}-venv  " in done.stderr
    assert "export FTDOJO_SANDBOX=docker" in done.stderr
    assert "has fetched nothing yet" in done.stderr


@pytest.mark.parametrize(("python", "package"), [("python3", "python3-venv"), ("python3.12", "python3.12-venv")])
def test_python_itself_may_be_missing(programs: Path, python: str, package: str) -> None:
    (programs / "python3").unlink()
    done = install(programs, PYTHON=python)
    assert done.returncode == 1
    assert f"  sudo apt-get install {package}\n" in done.stderr


def test_an_old_python_is_named_with_the_command_that_takes_another(programs: Path) -> None:
    python = programs / "python3"
    python.unlink()
    python.write_text('#!/bin/sh\ntest "$1" = --version && echo Python 3.9.2\nexit 1\n')
    python.chmod(0o755)
    done = install(programs)
    assert done.returncode == 1
    assert "make install PYTHON=python3.12    (Python 3.9.2 is too old" in done.stderr


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_a_container_engine_needs_no_bubblewrap(programs: Path, engine: str) -> None:
    (programs / "bwrap").unlink()
    assert install(programs, FTDOJO_SANDBOX=engine).returncode == 0


def test_a_system_that_forbids_namespaces_is_found_before_anything_is_fetched(programs: Path) -> None:
    """What bubblewrap prints on Debian where ``user.max_user_namespaces`` is 0."""
    bwrap = programs / "bwrap"
    bwrap.unlink()
    message = "bwrap: Creating new namespace failed: No space left on device"
    bwrap.write_text(f"#!/bin/sh\necho '{message}' >&2\nexit 1\n")
    bwrap.chmod(0o755)
    done = install(programs)
    assert done.returncode == 1
    assert message in done.stderr
    assert find_remedy(message, Kernel.read()) in done.stderr


def test_make_asks_it_first() -> None:
    makefile = SCRIPT.with_name("Makefile").read_text("utf-8")
    recipe = makefile.partition("$(STAMP): ")[2].splitlines()[1:3]
    assert recipe[0] == '\tPYTHON="$(PYTHON)" sh install-system.sh'
    assert "venv" in recipe[1]
