"""What a program in the sandbox can and cannot reach. Real runs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import ftdojo
from ftdojo import sandbox
from ftdojo.errors import InfrastructureError, PrerequisiteError
from machine import needs_mount, needs_users, with_disk, without_powers
from sandbox_fixtures import Alive, Execute

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives each sandbox a uid of its own")


def test_an_honest_data_program_passes(execute: Execute, inputs: Path, output: Path) -> None:
    (inputs / "data.txt").write_text("a\nb\n", "utf-8")
    code = """
import json, tempfile
with open("/program/data.txt") as source, open("/output/rows.jsonl", "w") as rows, tempfile.TemporaryFile() as scratch:
    scratch.write(b"x")
    for line in source:
        rows.write(json.dumps({"prompt": line.strip(), "completion": "c"}) + "\\n")
print("done")
"""
    completed = execute(code)
    assert (completed.status, completed.stopped, completed.output) == (0, None, "done\n")
    lines = sandbox.read_output(output, "rows.jsonl", 1000).splitlines()
    assert [json.loads(line)["prompt"] for line in lines] == ["a", "b"]
    assert 0 < completed.seconds < 20
    status = (output / "rows.jsonl").stat()
    assert (status.st_uid, output.stat().st_uid) == (os.geteuid(), os.geteuid())


def test_installed_packages_are_there_but_ftdojo_is_not(execute: Execute) -> None:
    code = """
import pandas, rdkit.Chem
print(pandas.Series([1, 2]).sum(), rdkit.Chem.MolFromSmiles("CCO").GetNumAtoms())
import ftdojo
"""
    completed = execute(code)
    assert completed.output.startswith("3 3\n")
    assert "ModuleNotFoundError" in completed.output
    assert completed.status == 1
    assert 20 * 2**20 < completed.peak_memory_bytes < 2**30


def test_ftdojo_is_masked_where_it_is_installed_among_what_is_shown(execute: Execute, tmp_path: Path) -> None:
    source = Path(ftdojo.__file__).parents[1]
    options = {"read_only": {source: "/site"}, "environment": {"PYTHONPATH": "/site"}}
    completed = execute("import os; print(os.listdir('/site/ftdojo')); import ftdojo", options=options)
    assert completed.output.startswith("['__init__.py']\n")
    assert "ModuleNotFoundError: No module named 'ftdojo': the sandbox hides it" in completed.output


def test_hidden_paths_are_empty(execute: Execute, inputs: Path) -> None:
    for name in ("open", "secret"):
        (inputs / name).mkdir()
        (inputs / name / "file").touch()
    code = "import os; print(os.listdir('/program/open'), os.listdir('/program/secret'))"
    assert execute(code, options={"hide": [inputs / "secret"]}).output == "['file'] []\n"


def test_no_host_files(execute: Execute, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("host secret", "utf-8")
    secret.chmod(0o644)
    code = f"""
import os
for path in ({str(secret)!r}, "/proc/1/root" + {str(secret)!r}, "/etc/passwd", "/home", "/var"):
    print(os.path.exists(path))
"""
    assert execute(code).output.split() == ["False"] * 5


def test_no_network(execute: Execute) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        port = server.getsockname()[1]
        name = f"\0ftdojo-test-{port}"
        abstract.bind(name)
        abstract.listen()
        attempt = f"""
import socket
def attempt(action):
    try:
        action()
        print("reached")
    except OSError as error:
        print(type(error).__name__)
attempt(lambda: socket.create_connection(("127.0.0.1", {port}), 2).close())
attempt(lambda: socket.socket(socket.AF_UNIX).connect({name!r}))
attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)))
print([line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line])
"""
        socket.create_connection(("127.0.0.1", port), 2).close()  # the control
        socket.socket(socket.AF_UNIX).connect(name)
        assert execute(attempt).output.split() == [
            "ConnectionRefusedError",
            "ConnectionRefusedError",
            "OSError",
            "['lo']",
        ]


def test_no_secrets_in_the_environment(execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTDOJO_TEST_SECRET", "hush")
    code = """
import os, pathlib
print(sorted(os.environ))
print(b"".join(p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/environ")))
"""
    completed = execute(code, options={"environment": {"GIVEN": "yes"}})
    assert "GIVEN" in completed.output
    assert "FTDOJO_TEST_SECRET" not in completed.output
    assert "hush" not in completed.output


def test_inputs_cannot_be_written(execute: Execute, inputs: Path) -> None:
    target = inputs / "data"
    target.touch()
    target.chmod(0o666)
    inputs.chmod(0o777)
    code = """
import os
for path in ("/program/data", "/program/new", "/new", "/dev/new", "/usr/new", None):
    try:
        open(path, "w") if path else os.unlink("/program/data")
    except OSError as error:
        print(error.strerror)
"""
    assert execute(code).output.splitlines() == ["Read-only file system"] * 6
    assert sorted(path.name for path in inputs.iterdir()) == ["data", "program.py"]


def test_host_settings_are_refused_as_to_an_ordinary_user(execute: Execute) -> None:
    """A real uid 0 would be able to open this file, whatever bubblewrap calls it and whatever capabilities it lacks."""
    code = """
import errno, os
try:
    os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)
except OSError as error:
    print(errno.errorcode[error.errno], os.getuid())
"""
    assert execute(code).output == "EACCES 65534\n"


def _watch(run: Callable[[], object], alive: Alive) -> set[tuple[str, int]]:
    """Run in a thread; (name, real uid) of the processes that the host sees meanwhile."""
    thread = threading.Thread(target=run)
    thread.start()
    seen: set[tuple[str, int]] = set()
    while thread.is_alive():
        seen |= {(process.name(), process.uids().real) for process in alive() if process.is_running()}
        time.sleep(0.02)
    thread.join()
    return seen


def test_the_kernel_never_sees_bubblewrap_or_the_program_as_root(execute: Execute, alive: Alive) -> None:
    seen = _watch(lambda: execute("import time; time.sleep(0.7)"), alive)
    uids = {uid for name, uid in seen if name == "bwrap" or name.startswith("python")}
    assert {"bwrap"} < {name for name, _ in seen}
    assert 0 not in uids
    assert len(uids) == 1


@as_root
def test_concurrent_sandboxes_have_different_uids(inputs: Path, tmp_path: Path) -> None:
    (inputs / "program.py").write_text("print(open('/proc/self/uid_map').read(), open('/proc/mounts').read())", "utf-8")
    found: list[list[int]] = []

    def run(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        code = "import os, time; time.sleep(0.5); print(os.stat('/output').st_uid)"
        (inputs / f"{number}.py").write_text(code, "utf-8")
        sandbox.run(
            [sandbox.python(), f"/program/{number}.py"], read_only={inputs: "/program"}, writable=(folder, "/output")
        )

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
        owners = [(tmp_path / str(number)).stat().st_uid for number in range(3) if (tmp_path / str(number)).exists()]
        found.append(sorted(owner for owner in owners if owner != 0))
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    most = max(found, key=len)
    assert len(most) == 3
    assert len(set(most)) == 3


def test_user_namespaces_and_mounts_are_refused(execute: Execute) -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None)
print(libc.unshare(0x10000000), libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
"""
    assert execute(code).output == "-1 -1\n"


def test_a_caller_can_watch_a_program_and_end_it(execute: Execute, output: Path) -> None:
    code = "import time; open('/output/step', 'w').close(); time.sleep(60)"
    completed = execute(code, options={"watch": (output / "step").exists})
    assert completed.stopped == "caller"
    assert completed.seconds < 30
    (output / "step").unlink()
    assert execute("print('ended')", options={"watch": lambda: False}).output == "ended\n"


def test_the_writable_folder_must_be_empty(execute: Execute, output: Path) -> None:
    (output / "old").touch()
    with pytest.raises(ValueError, match="not empty"):
        execute("pass")


@as_root
def test_an_input_that_only_root_may_read_is_an_error(execute: Execute, inputs: Path) -> None:
    inputs.chmod(0o700)
    with pytest.raises(InfrastructureError, match="cannot be read") as raised:
        execute("pass")
    assert str(inputs) in raised.value.fix


def test_missing_tools_are_a_prerequisite(
    execute: Execute, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrerequisiteError, match="bwrap") as raised:
        execute("open('/output/ran', 'w')")
    assert "apt-get install bubblewrap" in raised.value.fix
    assert list(output.iterdir()) == []


def test_a_machine_that_refuses_is_a_prerequisite(
    execute: Execute, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bwrap"
    tool.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n", "utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(PrerequisiteError, match=r"cannot build a sandbox here: .*Permission denied"):
        execute("open('/output/ran', 'w')")
    assert list(output.iterdir()) == []


def test_a_program_that_was_killed_from_outside_is_run_once_more(execute: Execute, alive: Alive, output: Path) -> None:
    code = "import time; open('/output/begun', 'x').close(); time.sleep(2); print('whole')"
    killed: list[str] = []

    def kill() -> None:
        while not killed:
            for process in alive():
                if process.name().startswith("python") and list(output.iterdir()):
                    killed.append(process.name())
                    process.kill()
                    return
            time.sleep(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    completed = execute(code)
    killer.join()
    assert killed
    assert (completed.status, completed.output) == (0, "whole\n")


def test_a_program_that_kills_itself_is_run_twice_and_then_believed(execute: Execute) -> None:
    completed = execute("import os; print('here'); os.kill(os.getpid(), 9)")
    assert (completed.status, completed.stopped) == (137, None)


@needs_mount
def test_a_full_disk_is_not_the_fault_of_the_program(execute: Execute, output: Path) -> None:
    code = "open('/output/rows', 'wb').write(bytes({size}))"
    with pytest.raises(InfrastructureError, match="no space left"):
        with_disk(output, "size=512k", lambda: execute(code.format(size=2**20)))
    assert with_disk(output, "size=512k", lambda: execute(code.format(size=2**18))).status == 0
    assert with_disk(output, "size=512k", lambda: execute("raise OSError(28, 'No space left')")).status == 1


@needs_users
@pytest.mark.parametrize("power", ["chown", "fowner"])
def test_root_that_may_not_give_files_away_is_told_so(power: str) -> None:
    command = without_powers(f"-{power}", [sys.executable, "-c", "from ftdojo import sandbox; sandbox.require()"])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-2].startswith("ftdojo.errors.PrerequisiteError: root may not give files")
