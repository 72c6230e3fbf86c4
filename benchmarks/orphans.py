"""Does a server of `ftdojo mcp` outlive its client, or charge anything after the client's death?

    python benchmarks/orphans.py [--kills 50] [--seed 0] [--json]

Again and again, a client starts a server on standard input and output, as coding agents do, and plays an episode with a
tiny model: it waits for the base model's score, submits a training, then one whose data program never ends. The first
client is killed with SIGKILL when it has come so far, the others at random moments before and after it. Told as faults
are:

- a server, or a process that it has started, that is still there 20 seconds later;
- a server that ends with an error, or has opened test;
- a charge for more seconds than the client has lived since the base model was measured;
- a record that another process cannot continue.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from stdio_client import FILES, SLOW, Stdio  # noqa: E402

GONE_S = 20.0
"""A server has to be gone within this time after its client."""
FIRST, LAST = "start of the client", "data program"
"""What a client waits for at the beginning and at the end."""
LIFE_S = 600.0
"""The longest life of a client."""
AFTER = 1.3
"""A client lives for at most so many times what the first one has lived."""
CLOCK_S = 1.0
"""The client notes that the base model was measured up to this time after the environment."""
PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Tally:
    """What was seen."""

    kills: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    """What the client was waiting for when it was killed."""
    seconds: list[float] = field(default_factory=list)
    """How long each server lived on."""
    faults: list[str] = field(default_factory=list)


def play(options: Sequence[str], log: Path) -> None:
    """Play an episode until somebody kills this process; say what it waits for, and since when."""

    def say(moment: str) -> None:
        print(moment, time.monotonic(), flush=True)

    say("first answer")
    with Stdio([*options], log) as client:
        client.initialize()
        say("base model")
        client.until("baseline")
        say("training")
        client.call("dojo_submit", files=FILES, wait_s=600)
        say(LAST)
        client.call("dojo_submit", files=SLOW, wait_s=600)


def kill_once(number: int, place: Path, life_s: float, tally: Tally, *, until: str = "") -> float:
    """Let a client live for so long, at most until it waits for ``until``; kill it, and note what is left of its
    server. Return how long it has lived."""
    run, said, log, given = place / "run", place / "said.txt", place / "server.log", place.parent
    options = [str(given / "approve"), "--model", str(given / "tiny"), "--budget", "1h", "--out", str(run)]
    place.mkdir()
    environment = {**os.environ, "FTDOJO_HOME": str(place / "home"), "OMP_NUM_THREADS": "1"}
    with said.open("wb") as out:
        command = [sys.executable, __file__, "--play", *options, "--log", str(log)]
        client = subprocess.Popen(command, stdout=out, env=environment)
    begun = time.monotonic()
    while time.monotonic() - begun < life_s and not (until and until in _moments(said)):
        time.sleep(min(0.1, life_s))
    client.kill()
    killed = time.monotonic()
    client.wait()
    tally.kills += 1
    while (alive := _descendants()) and time.monotonic() - killed < GONE_S:
        time.sleep(0.05)
    tally.seconds.append(time.monotonic() - killed)
    for process in alive:
        tally.faults.append(f"{number}: {process.name()} lives on after {GONE_S:.0f} s")
        process.kill()
    since = _moments(said)
    tally.moments[list(since)[-1] if since else FIRST] += 1
    measured = since.get("training", math.inf)
    faults = _faults(run, killed - measured) if (run / "ledger.sqlite").is_file() else []
    if log.is_file() and "Traceback" in (text := log.read_text("utf-8")):
        faults.append(f"the server ended with an error: {text[-500:]}")
    tally.faults += [f"{number}: {fault}" for fault in faults]
    shutil.rmtree(place)
    return killed - begun


def _moments(said: Path) -> dict[str, float]:
    """Return what a client has waited for -> since when."""
    lines = [line.split() for line in said.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
    return {" ".join(words): float(at) for *words, at in lines}


def _faults(run: Path, lived_s: float) -> list[str]:
    """Return what is wrong with a record whose client lived so long after the base model was measured; a negative
    infinity if it was not."""
    from ftdojo.errors import FtdojoError
    from ftdojo.record import Ledger
    from ftdojo.record.history import History

    try:
        with Ledger(run) as ledger:
            history = History(ledger)
            kinds = [recorded.event.kind for recorded in history.events]
            charged = history.spent.wall_s - sum(r.charge.wall_s for r in history.events if r.event.kind == "baseline")
            broken = ledger.find_broken()
    except FtdojoError as error:
        return [f"the run cannot be continued: {error.message}"]
    found = []
    if "test_opened" in kinds:
        found.append("test was opened")
    if kinds and kinds[-1] != "paused":
        found.append(f"the last event is {kinds[-1]}")
    if charged > max(0.0, lived_s) + CLOCK_S:
        found.append(f"{charged:.1f} s are charged to a client that lived {lived_s:.1f} s")
    if broken is not None:
        found.append(f"the chain of the record is broken at {broken}")
    return found


def _descendants() -> list[psutil.Process]:
    """Return all processes below this one that have not ended."""
    found = psutil.Process().children(recursive=True)
    _, alive = psutil.wait_procs(found, timeout=0)
    return [process for process in alive if process.is_running()]


def measure(kills: int, seed: int, root: Path) -> Tally:
    """Kill so many clients."""
    import tiny
    from ftdojo import models
    from ftdojo.record import Home

    rng, tally = random.Random(seed), Tally()
    tiny.make_task(root / "approve")
    tiny.make_model(models.resolve(models.EMBEDDED, Home.default().root), root / "tiny")
    # What loses its parent becomes a child of this process: whether it has ended can be seen then.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    longest = LIFE_S
    for number in range(1, kills + 1):
        place = root / f"{number:03d}"
        if number == 1:
            longest = kill_once(number, place, LIFE_S, tally, until=LAST)
        else:
            kill_once(number, place, rng.uniform(0, AFTER * longest), tally)
        print(f"{number}: {tally.seconds[-1]:.1f} s, {len(tally.faults)} faults", file=sys.stderr, flush=True)
    return tally


def main() -> int:
    """Kill and tell; the status is 1 if there were faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--play", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.play:
        *options, _, log = given.play
        play(options, Path(log))
        return 0
    with tempfile.TemporaryDirectory(prefix="ftdojo-orphans-") as scratch:
        Path(scratch).chmod(0o755)  # the sandbox's user has to reach the programs in it
        tally = measure(given.kills, given.seed, Path(scratch))
    gone = tally.kills - len({fault.partition(":")[0] for fault in tally.faults})
    print(f"{gone} of {tally.kills} servers were gone within {GONE_S:.0f} s, and nothing was charged after")
    print(f"they lived on for {min(tally.seconds):.1f} to {max(tally.seconds):.1f} s")
    print(f"killed while waiting for: {', '.join(f'{name} {count}' for name, count in tally.moments.most_common())}")
    for fault in tally.faults:
        print(f"- {fault}")
    if given.json:
        told = {"kills": tally.kills, "moments": tally.moments, "seconds": tally.seconds, "faults": tally.faults}
        print(json.dumps({"benchmark": "orphans", "ours": gone, **told, "ran": {"seed": given.seed}}))
    return bool(tally.faults)


if __name__ == "__main__":
    sys.exit(main())
