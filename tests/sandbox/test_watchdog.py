"""Every limit: a program over it is contained, and its twin below it is left alone. Real runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sandbox_fixtures import Alive, Execute

MIB = 2**20


def test_wall_clock(execute: Execute, alive: Alive) -> None:
    began = time.monotonic()
    completed = execute("import time; time.sleep(60)", wall_s=0.5)
    assert completed.stopped == "wall"
    assert completed.status == 137
    assert time.monotonic() - began < 5
    assert alive() == []


def test_wall_clock_twin(execute: Execute) -> None:
    assert execute("import time; time.sleep(0.3)", wall_s=10).stopped is None


RUN = """
import sys
from pathlib import Path
from ftdojo import sandbox
program, output = map(Path, sys.argv[1:])
argv = [sandbox.python(), "-B", "/program/program.py"]
limits = sandbox.Limits(wall_s=4)
done = sandbox.run(argv, read_only={program: "/program"}, writable=(output, "/output"), limits=limits)
print(done.status, done.stopped)
"""


@pytest.mark.slow
def test_time_in_which_all_was_stopped_is_not_of_the_wall_clock(inputs: Path, output: Path) -> None:
    (inputs / "program.py").write_text(
        "import time; open('/output/begun', 'w')\nfor _ in range(15): time.sleep(0.1)", "utf-8"
    )
    command = [sys.executable, "-c", RUN, str(inputs), str(output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while not (output / "begun").exists():
            assert process.poll() is None
            time.sleep(0.05)
        main = psutil.Process(process.pid)
        family = [main, *main.children(recursive=True)]
        for one in family:
            one.suspend()
        time.sleep(6)
        for one in reversed(family):
            one.resume()
        assert process.communicate(timeout=30)[0] == "0 None\n"


def test_processor_time_is_summed_over_processes(execute: Execute, alive: Alive) -> None:
    completed = execute("import os\nos.fork()\nwhile True: pass", cpu_s=0.6, wall_s=20)
    assert completed.stopped == "cpu"
    assert alive() == []


def test_processor_time_twin(execute: Execute) -> None:
    assert execute("sum(range(10**5))", cpu_s=5).status == 0


HOGS = {
    "heap": "kept = []\nwhile True: kept.append(os.urandom(1) * 10**6)",
    "children": """
for _ in range(4):
    if os.fork() == 0:
        kept = os.urandom(1) * (40 * 2**20)
        time.sleep(60)
time.sleep(60)
""",
    "shared mapping": "m = mmap.mmap(-1, 300 * 2**20)\nfor i in range(0, 300 * 2**20, 4096): m[i] = 1\ntime.sleep(60)",
    "memory file": "f = os.memfd_create('x')\nfor _ in range(300): os.write(f, bytes(2**20))\ntime.sleep(60)",
    "without its first thread": """
def hog():
    kept = os.urandom(1) * (300 * 2**20)
    time.sleep(60)
threading.Thread(target=hog).start()
ctypes.CDLL(None).syscall(60 if platform.machine() == 'x86_64' else 93, 0)  # exit, of this thread alone
""",
    "memory file of one thread": """
def hog():
    ctypes.CDLL(None).unshare(0x400)  # CLONE_FILES
    f = os.memfd_create('x')
    for _ in range(300):
        os.write(f, bytes(2**20))
    time.sleep(60)
threading.Thread(target=hog).start()
time.sleep(60)
""",
    "hidden": """
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
kept = os.urandom(1) * (300 * 2**20)
time.sleep(60)
""",
}


@pytest.mark.parametrize("hog", HOGS.values(), ids=HOGS.keys())
def test_memory(execute: Execute, alive: Alive, hog: str) -> None:
    completed = execute(f"import ctypes, mmap, os, platform, threading, time\n{hog}", memory_bytes=120 * MIB, wall_s=20)
    assert completed.stopped == "memory"
    assert completed.peak_memory_bytes > 120 * MIB
    assert alive() == []


def test_memory_twin(execute: Execute) -> None:
    completed = execute("import time; kept = b'x' * (60 * 2**20); time.sleep(0.3)", memory_bytes=120 * MIB)
    assert (completed.status, completed.stopped) == (0, None)
    assert 60 * MIB < completed.peak_memory_bytes < 120 * MIB


def test_pages_shared_by_children_are_counted_once(execute: Execute) -> None:
    code = """
import os, time
kept = bytes(1) + b'x' * (50 * 2**20)
for _ in range(3):
    if os.fork() == 0:
        time.sleep(0.4)
        os._exit(0)
for _ in range(3):
    os.wait()
"""
    completed = execute(code, memory_bytes=120 * MIB)
    assert (completed.status, completed.stopped) == (0, None)


def test_memory_that_a_child_shares_until_it_is_another_program_is_counted_once(execute: Execute) -> None:
    """The child of ``posix_spawn`` waits for a pipe before its ``exec``: long enough for many samples."""
    code = """
import os, time
os.mkfifo("/tmp/pipe")
if os.fork() == 0:
    time.sleep(0.7)
    open("/tmp/pipe", "w").close()
    os._exit(0)
kept = os.urandom(1) * (80 * 2**20)
started = time.monotonic()
child = os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/tmp/pipe", os.O_RDONLY, 0)])
assert time.monotonic() - started > 0.4
os.waitpid(child, 0)
"""
    completed = execute(code, memory_bytes=120 * MIB)
    assert (completed.status, completed.stopped) == (0, None), completed.output
    assert completed.peak_memory_bytes < 120 * MIB


def test_starting_programs_does_not_count_memory_twice(execute: Execute) -> None:
    code = """
import subprocess
kept = b"x" * (80 * 2**20)
for _ in range(60):
    subprocess.run(["/bin/true"])
"""
    completed = execute(code, memory_bytes=120 * MIB)
    assert (completed.status, completed.stopped) == (0, None)


def test_scratch_space_in_memory_is_bounded(execute: Execute) -> None:
    code = """
for place in ("/tmp/x", "/dev/shm/x"):
    try:
        open(place, "wb").write(bytes(9 * 2**20))
    except OSError as error:
        print(error.strerror)
    open(place, "wb").write(bytes(2**20))
"""
    completed = execute(code, scratch_bytes=8 * MIB)
    assert completed.output == "No space left on device\n" * 2
    assert completed.status == 0


FORKS = """
import os, time
forked = 0
try:
    while forked < {count}:
        if os.fork() == 0:
            time.sleep(60)
        forked += 1
except BlockingIOError:
    pass
print(forked)
"""


def test_processes(execute: Execute) -> None:
    assert execute(FORKS.format(count=100), processes=20).output == "18\n"  # and bubblewrap's init and the program


def test_processes_twin(execute: Execute) -> None:
    assert execute(FORKS.format(count=10), processes=20).output == "10\n"


def test_fork_bomb(execute: Execute, alive: Alive) -> None:
    code = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
    completed = execute(code, processes=30, wall_s=1.0)
    assert completed.stopped == "wall"
    assert alive() == []


def test_file_size(execute: Execute, output: Path) -> None:
    code = """
with open("/output/large", "wb") as file:
    for _ in range(10_000):
        file.write(bytes(2**20))
"""
    completed = execute(code, file_bytes=8 * MIB)
    assert (completed.status, completed.stopped) == (1, None)
    assert "File too large" in completed.output
    assert (output / "large").stat().st_size == 8 * MIB


def test_file_size_twin(execute: Execute, output: Path) -> None:
    completed = execute("open('/output/large', 'wb').write(bytes(7 * 2**20))", file_bytes=8 * MIB)
    assert completed.status == 0
    assert (output / "large").stat().st_size == 7 * MIB


FILLERS = {
    "many files": "for i in range(10**6): open(str(i), 'wb').write(bytes(2**16))",
    "many empty files": "for i in range(10**6): open(str(i), 'wb')",
    "below folders": "os.makedirs('a/b/c')\nfor i in range(10**6): open(f'a/b/c/{i}', 'wb').write(bytes(2**16))",
    "deleted but open": """
kept = []
for _ in range(100):
    kept.append(open('x', 'wb'))
    os.unlink('x')
    kept[-1].write(bytes(2**20))
    kept[-1].flush()
time.sleep(60)
""",
    "nested beyond reach": "for _ in range(3000):\n os.mkdir('d')\n os.chdir('d')",
    "closed to its owner": "open('x', 'wb').write(bytes(2**20))\nos.mkdir('d', 0)\nos.chmod('.', 0)",
}


@pytest.mark.parametrize("filler", list(FILLERS), ids=list(FILLERS))
def test_folder(execute: Execute, output: Path, filler: str) -> None:
    if filler == "closed to its owner" and os.geteuid() == 0:
        pytest.skip("nothing is closed to root")
    completed = execute(f"import os, time\n{FILLERS[filler]}", folder_bytes=8 * MIB, wall_s=20)
    assert completed.stopped == "folder"
    assert list(output.iterdir()) == []


def test_folder_twin(execute: Execute, output: Path) -> None:
    completed = execute("for i in range(50): open(str(i), 'wb').write(bytes(2**16))", folder_bytes=8 * MIB)
    assert (completed.status, completed.stopped) == (0, None)
    assert len(list(output.iterdir())) == 50


def test_a_folder_filled_in_the_last_moment_is_over_too(execute: Execute) -> None:
    completed = execute("open('x', 'wb').write(bytes(9 * 2**20))", folder_bytes=8 * MIB)
    assert completed.stopped == "folder"


def test_output_flood_is_bounded_and_its_end_kept(execute: Execute) -> None:
    code = "import sys\nfor _ in range(50_000): print('x' * 1000)\nprint('the end', file=sys.stderr)"
    completed = execute(code, output_bytes=5000)
    assert completed.status == 0
    assert len(completed.output) == 5000
    assert completed.output.endswith("the end\n")


def test_an_endless_flood_does_not_hold_up_the_clock(execute: Execute) -> None:
    completed = execute("while True: print('x' * 1000)", wall_s=0.7)
    assert completed.stopped == "wall"
    assert completed.seconds < 5


def test_the_status_of_the_program_is_told(execute: Execute) -> None:
    assert execute("raise SystemExit(7)").status == 7
    assert execute("import os, signal; os.kill(os.getpid(), signal.SIGKILL)").status == 137
