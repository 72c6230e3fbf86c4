"""The backend of containers: its command lines, and what it makes of an engine's replies.

No engine is needed. A stand-in for docker takes the command lines and runs the programs by bubblewrap, so that what
stands inside them is run for real.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftdojo import sandbox
from ftdojo.errors import InfrastructureError, PrerequisiteError, UsageError
from ftdojo.sandbox import container
from ftdojo.sandbox.view import Bind, Hidden, Link
from sandbox_fixtures import Alive, Execute

STAND_IN = Path(__file__).with_name("stand_in_engine.py")
MIB = 2**20


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in is docker, and chosen; the folder where it keeps what it knows."""
    place = tmp_path / "engine"
    place.mkdir()
    tools = tmp_path / "tools"
    tools.mkdir()
    client = tools / "docker"
    client.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} {place} "$@"\n', "utf-8")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("FTDOJO_SANDBOX", "docker")
    return place


def requests(engine: Path) -> list[list[str]]:
    return [json.loads(line) for line in (engine / "requests").read_text("utf-8").splitlines()]


def containers(engine: Path) -> list[str]:
    return [path.name for path in engine.iterdir() if path.name.startswith("ftdojo-") and ":" not in path.name]


def test_an_honest_program_passes_and_nothing_of_it_is_left(
    engine: Path, execute: Execute, inputs: Path, output: Path, alive: Alive
) -> None:
    (inputs / "data.txt").write_text("a\n", "utf-8")
    code = """
import os, sys
open("/output/rows.jsonl", "w").write(open("/program/data.txt").read())
print(sorted(os.environ), os.getpid() > 1, file=sys.stderr)
sys.exit(3)
"""
    completed = execute(code, options={"environment": {"GIVEN": "yes"}})
    assert (completed.status, completed.stopped) == (3, None), completed.output
    assert "'GIVEN'" in completed.output
    assert "PROXY" not in completed.output
    assert "HOSTNAME" not in completed.output
    assert sandbox.read_output(output, "rows.jsonl", 1000) == b"a\n"
    assert (output / "rows.jsonl").stat().st_uid == os.geteuid()
    assert [verb for verb, *_ in requests(engine)] == ["image", "import", "create", "start", "container", "rm"]
    assert containers(engine) == []
    assert alive() == []


def test_the_image_is_imported_once_and_has_only_links(engine: Path, execute: Execute) -> None:
    execute("pass")
    execute("pass")
    imports = [arguments for verb, *arguments in requests(engine) if verb == "import"]
    assert len(imports) == 1
    with tarfile.open(fileobj=io.BytesIO((engine / imports[0][-1]).read_bytes())) as archive:
        links = {f"/{member.name}": member.linkname for member in archive if member.issym()}
        assert len(links) == len(archive.getmembers())
    assert links == {link.target: link.destination for link in sandbox.view.system() if isinstance(link, Link)}


def test_the_probe_goes_through_the_chosen_engine(engine: Path) -> None:
    """All walls but that of memory, which the stand-in cannot build: of a real engine it is a control group."""
    walls = {wall.name: wall for wall in sandbox.probe()}
    assert {name for name, wall in walls.items() if not wall.ok} == {"memory"}
    assert "processes" in walls
    assert len([verb for verb, *_ in requests(engine) if verb == "create"]) == 7


def test_hidden_paths_are_empty(engine: Path, execute: Execute, inputs: Path) -> None:
    (inputs / "secret").mkdir()
    (inputs / "secret" / "file").touch()
    code = "import os; print(os.listdir('/program/secret'))"
    assert execute(code, options={"hide": [inputs / "secret"]}).output == "[]\n"


def test_a_program_past_its_time_is_killed(engine: Path, execute: Execute, alive: Alive) -> None:
    completed = execute("import time; print('begun', flush=True); time.sleep(60)", wall_s=2)
    assert (completed.status, completed.stopped, completed.output) == (137, "wall", "begun\n")
    assert alive() == []
    assert containers(engine) == []


def test_processor_time_of_a_process(engine: Path, execute: Execute) -> None:
    assert execute("while True: pass", cpu_s=1, wall_s=30).stopped == "cpu"


@pytest.mark.parametrize("pause", [60, 0])
def test_a_folder_that_grows_too_large(engine: Path, execute: Execute, output: Path, pause: int) -> None:
    code = f"import time; open('/output/large', 'wb').write(bytes(8 * 2**20)); time.sleep({pause})"
    assert execute(code, folder_bytes=4 * MIB, wall_s=50).stopped == "folder"
    assert list(output.iterdir()) == []


def test_memory_is_what_the_engine_tells(engine: Path, execute: Execute) -> None:
    (engine / "oom").touch()
    assert execute("import os; os.kill(os.getpid(), 9)").stopped == "memory"
    assert len([verb for verb, *_ in requests(engine) if verb == "create"]) == 1


def test_a_program_that_was_killed_and_nobody_says_why_is_run_once_more(engine: Path, execute: Execute) -> None:
    completed = execute("import os; os.kill(os.getpid(), 9)")
    assert (completed.status, completed.stopped) == (137, None)
    assert len([verb for verb, *_ in requests(engine) if verb == "create"]) == 2


@pytest.mark.parametrize("verb", ["import", "create", "start"])
def test_an_engine_that_refuses_is_a_prerequisite(engine: Path, execute: Execute, output: Path, verb: str) -> None:
    (engine / f"{verb}.fails").write_text("Cannot connect to the daemon", "utf-8")
    with pytest.raises(PrerequisiteError, match="docker cannot build a sandbox here: Cannot connect") as raised:
        execute("open('/output/ran', 'w')")
    assert "FTDOJO_SANDBOX" in raised.value.fix
    assert list(output.iterdir()) == []
    assert containers(engine) == []


def test_an_engine_that_does_not_answer_is_a_prerequisite(
    engine: Path, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "ANSWER_S", 0.001)
    with pytest.raises(PrerequisiteError, match="no answer"):
        execute("pass")


def test_a_container_that_does_not_die_is_an_error(engine: Path, execute: Execute) -> None:
    (engine / "rm.fails").write_text("permission denied", "utf-8")
    with pytest.raises(InfrastructureError, match="did not die: permission denied") as raised:
        execute("pass")
    assert raised.value.fix.endswith(f"rm --force {containers(engine)[0]}")


CALLER = """
import sys
from pathlib import Path
from ftdojo import sandbox
from ftdojo.sandbox import container
container.PATIENCE_S = 1.0
inputs, output, marker = sys.argv[1:]
sandbox.run([sandbox.python(), "/program/program.py", marker], read_only={Path(inputs): "/program"},
            writable=(Path(output), "/output"), limits=sandbox.Limits(wall_s=3.0))
"""


@pytest.fixture
def caller(engine: Path, inputs: Path, output: Path, marker: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for a program in a container, which has begun."""
    (inputs / "program.py").write_text("import time; open('/output/begun', 'w'); time.sleep(60)", "utf-8")
    with subprocess.Popen([sys.executable, "-c", CALLER, str(inputs), str(output), marker]) as process:
        while not (output / "begun").exists() and process.poll() is None:
            time.sleep(0.02)
        yield process
        process.kill()


def wait_for_none(find: Alive) -> bool:
    deadline = time.monotonic() + 15
    while find() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not find()


def test_ctrl_c_leaves_no_container(caller: subprocess.Popen[bytes], engine: Path, alive: Alive) -> None:
    caller.send_signal(signal.SIGINT)
    assert caller.wait(10) != 0
    assert containers(engine) == []
    assert alive() == []


def test_a_container_ends_by_itself_when_its_caller_is_killed(caller: subprocess.Popen[bytes], alive: Alive) -> None:
    caller.kill()
    caller.wait(10)
    assert len(alive()) > 0
    assert wait_for_none(alive)


def test_a_client_that_is_killed_is_an_error(engine: Path, execute: Execute, alive: Alive) -> None:
    """The program goes on then, but what it prints is lost."""
    client = f"""#!/bin/sh
test $1 = start || exec {sys.executable} {STAND_IN} {engine} "$@"
{sys.executable} {STAND_IN} {engine} "$@" &
sleep 1
kill -9 $!
"""
    docker = shutil.which("docker")
    assert docker is not None
    Path(docker).write_text(client, "utf-8")
    with pytest.raises(InfrastructureError, match="was killed, from outside"):
        execute("import time; time.sleep(60)")
    assert alive() == []
    assert containers(engine) == []


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_an_engine_that_is_not_there_is_a_prerequisite(
    execute: Execute, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("FTDOJO_SANDBOX", name)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrerequisiteError, match=f"{name}, which was not found") as raised:
        execute("pass")
    assert f"install {name}" in raised.value.fix


def test_an_unknown_choice_is_told_what_there_is(execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTDOJO_SANDBOX", "none")
    with pytest.raises(UsageError, match="'none'") as raised:
        execute("pass")
    assert all(name in raised.value.fix for name in ("bubblewrap", "docker", "podman"))


def creation(engine: str = "docker", *, user: tuple[int, int] = (61000, 61000)) -> list[str]:
    return container.create(
        engine,
        ["python", "program.py"],
        name="ftdojo-1",
        image="ftdojo-root:1",
        view=[
            Bind(Path("/usr"), "/usr"),
            Link("usr/bin", "/bin"),
            Bind(Path("/a, b"), "/out", writable=True),
            Hidden("/x"),
        ],
        nothing=Path("/nothing"),
        environment={"GIVEN": "yes"},
        cwd="/out",
        limits=sandbox.Limits(wall_s=5, cpu_s=7.5),
        user=user,
    )


def test_the_command_line_of_a_container() -> None:
    arguments = creation()
    at = arguments.index("ftdojo-root:1")
    assert arguments[:at] == [
        *("docker", "create", "--name", "ftdojo-1", "--label", "ftdojo", "--pull", "never"),
        *("--network", "none", "--ipc", "private", "--hostname", "sandbox", "--read-only"),
        *("--user", "61000:61000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--security-opt", "label=disable"),
        *("--memory", "4294967296", "--memory-swap", "4294967296", "--oom-score-adj", "1000"),
        *("--pids-limit", "64", "--ulimit", "nofile=512", "--ulimit", "fsize=536870912", "--ulimit", "core=0"),
        *("--ulimit", "cpu=8:9", "--log-driver", "none", "--stop-signal", "SIGKILL"),
        *("--tmpfs", "/dev/shm:rw,exec,nosuid,nodev,mode=1777,size=268435456"),
        *("--tmpfs", "/tmp:rw,exec,nosuid,nodev,mode=1777,size=268435456"),
        *("--mount", "type=bind,source=/usr,target=/usr,readonly"),
        *("--mount", 'type=bind,"source=/a, b",target=/out'),
        *("--mount", "type=bind,source=/nothing,target=/x,readonly"),
        *("--workdir", "/out"),
    ]
    assert arguments[at + 1 : at + 3] == ["/usr/bin/env", "-i"]
    assert "GIVEN=yes" in arguments
    assert arguments[-5:] == ["/usr/bin/timeout", "--signal=KILL", "15", "python", "program.py"]


def test_podman_is_told_to_add_nothing_and_to_keep_a_users_uid() -> None:
    more = ["--read-only-tmpfs=false", "--passwd=false"]
    assert [a for a in creation("/usr/bin/podman", user=(os.geteuid() + 1, 1)) if a not in creation()[1:]] == [
        *("/usr/bin/podman", f"{os.geteuid() + 1}:1", *more),
    ]
    mine = creation("/usr/bin/podman", user=(os.geteuid(), 1))
    at = mine.index("--userns")
    assert mine[at - 2 : at + 2] == [*more, "--userns", "keep-id"]


@pytest.mark.skipif(shutil.which("docker") is None, reason="no client of docker")
def test_the_real_client_takes_the_command_line() -> None:
    """It reads all options before it looks for its engine, which is not at this address."""
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = subprocess.run(creation(), env=environment, capture_output=True, text=True, check=False)
    assert "connect" in done.stderr.lower()
    assert "unknown" not in done.stderr
