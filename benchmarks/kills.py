"""Is anything lost, or decided otherwise, when the processes of a run are killed at random instants?

    python benchmarks/kills.py [--kills 200] [--iterations 3] [--real 20] [--seed 0] [--json]

A run is killed with SIGKILL at random instants, again and again, each time resumed by the same call, until it ends;
then the next run begins, in an empty cache, until there were ``--kills`` kills. Some hit the main process, some one of
those that it has started (sandboxes and what runs in them, the grading of the test). In between, some of these
processes are stopped with SIGSTOP for a moment, and go on. All ends are held against a run that nobody disturbed. Told
as faults are:

- a result that differs in anything but clocks: decisions, scores, submissions, digests;
- an event that was in the ledger at one kill and is not, or is another, later; a ledger whose chain is broken;
- charges that are not those of the stored stages, or less than what the evaluations and trainings must have taken;
- a process that outlives the main process, and an attempt that ends in anything but a result or a plain error.

Ledger, store, gates, sandbox, scorer, export, lineage and the planner are the real ones. So that 200 kills take
minutes, the model is a tiny one, its optimizer's steps are pauses after which the weights are moved a little at random,
and its answers are looked up. With ``--real N`` there are so many kills of runs in which the embedded model is trained
and answers for itself; it is better afterwards, so that the trained model is exported and graded.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import json
import math
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import IO, Any

# Before torch is imported. Attempts are forks of this process, which must have no threads.
os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}

import peft  # noqa: F401 - here, so that the forks need not
import psutil
import torch
import transformers
import yaml

from ftdojo import agents, models
from ftdojo.child import PR_SET_PDEATHSIG
from ftdojo.contract.options import RunOptions
from ftdojo.contract.protocol import Observation
from ftdojo.episode import Dojo, grading, run_episode
from ftdojo.errors import FtdojoError
from ftdojo.inference import TransformersEngine, engine
from ftdojo.record import Home, Ledger
from ftdojo.record.run_folder import LEDGER
from ftdojo.training import Point, Step
from ftdojo.training.sft import trainer
from ftdojo.training.sft.shapes import cut_batches

STEP_S, BATCH_S = 0.01, 0.04
"""What a step of a fake training and a batch of fake answers take."""
BATCH = 8
OFTEN = 6
"""A kill comes within this part of an undisturbed run's time, so a run is killed several times before it ends. Within
half of it where models are trained for real: what is done in one stage has to fit, or no run would end."""
CHILDREN = 0.4
"""This share of the kills is aimed at a child, if there is one in time."""
TEMPLATE, TEMPLATES = "chat template", 0.2
"""The child that renders chat templates, and the share of the kills of children that is aimed at it: it is always
there, while the others come and go."""
CHILD_S = 0.5
"""A child is killed within this time after one was seen; a data program takes about as long."""
STOPS, STOP_S = 0.25, 2.0
"""In this share of the attempts a process is stopped before the kill, for at most this time."""
HUNG_S = 1800.0
"""An attempt that takes longer is killed, which is a fault."""
GONE_S = 10.0
"""A process may live so long after the main process of its run was killed."""
TASK = """
id = "own/approve"
domain = "own"
objective = "Approve a request unless it is from Bob."
output_format = "one word: yes or no"
metric = "accuracy"
scorer = "exact"
prompt = "{{ request }}"
answer = "{{ verdict }}"
max_new_tokens = 4
"""
BASE: dict[str, Path] = {}
"""Under ``folder``, the base model of fake runs, which answers worst."""
REAL_TRAININGS = (
    {"epochs": 0.5, "batch_size": 8, "max_length": 128, "learning_rate": 1e-3},
    {"epochs": 2, "batch_size": 8, "max_length": 128, "learning_rate": 1e-3, "start": "best"},
)
"""What the embedded model is trained with: long enough to be accepted, and the second goes on from the first."""


def identify(network: Any) -> str:
    """Return a digest of the weights that a network computes with."""
    found = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        found.update(name.encode() + tensor.float().numpy().tobytes())
    return found.hexdigest()


@cache
def identify_base(folder: Path) -> str:
    """Return the same of the model in a folder. Called in forks alone, as loading may start threads."""
    return identify(models.network.load(folder, models.compute().dtype, engine.ATTENTION))


def fakes() -> None:
    """Replace what an optimizer and a model compute; everything around it stays."""

    def pretend(self: Any) -> None:
        monitor, steps = self.monitor, self.args.max_steps
        monitor.on_train_begin()
        tokens = [
            sum(len(e.input_ids) for e in batch)
            for batch in cut_batches(self.train_dataset, self.args.train_batch_size)
        ]
        for step in range(1, steps + 1):
            monitor.steps.append(Step(tokens[step % len(tokens)], STEP_S))
            monitor.tokens += tokens[step % len(tokens)]
            monitor.curve.append(Point(step, 1.0 + 1.0 / step, 1.0, self.args.learning_rate))
            if step <= 50:
                time.sleep(STEP_S)
        drawn = torch.Generator().manual_seed(self.args.seed + steps)
        with torch.no_grad():
            for _, weights in sorted(self.model.named_parameters()):
                if weights.requires_grad:
                    moved = torch.randn(weights.shape, generator=drawn) * min(1e-3, self.args.learning_rate)
                    weights.add_(moved.to(weights.dtype))
        self.state.global_step, self.state.epoch = steps, steps / len(tokens)

    def look_up(self: Any, prompts: list[list[int]], _: int) -> list[list[int]]:
        time.sleep(BATCH_S)
        return [[*self._chat._encode(self.saying(tokens)), min(self._chat.stops)] for tokens in prompts]

    def saying(self: Any, tokens: list[int]) -> str:
        """The right answer, or the other one: the more often right, the higher the digest of the weights."""
        text = self._chat.decode(tokens)
        worst = "folder" in BASE and self.identity == identify_base(BASE["folder"])
        share = 0.3 if worst else 0.4 + 0.6 * int(self.identity[:4], 16) / 0xFFFF
        right = random.Random(f"{self.identity} {text}").random() < share
        return "no" if ("Bob" in text) == right else "yes"

    begin = TransformersEngine.__init__

    def __init__(self: Any, model: Path, on: Any = None, *, loaded: Any = None) -> None:  # noqa: N807
        begin(self, model, on, loaded=loaded)
        self.identity = identify(self._network)

    trainer._ObjectiveTrainer.train = pretend  # type: ignore[method-assign]
    TransformersEngine.__init__ = __init__  # type: ignore[method-assign]
    TransformersEngine._answer = look_up  # type: ignore[method-assign]
    TransformersEngine.saying = saying  # type: ignore[attr-defined]
    engine.MAX_BATCH["cpu"] = BATCH
    grading._start_process = Forked


def fork(work: Callable[[], int | None]) -> int:
    """Start work in a fork of this process, and return the fork's pid. What the work returns is its exit status; 1
    after an exception, which is printed."""
    if pid := os.fork():
        return pid
    status = 1
    try:
        status = work() or 0
    except BaseException:  # noqa: BLE001 - told by the status, and printed
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def wait(pid: int) -> int:
    """Wait for the end of a fork, and return its exit status, negative if a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Forked:
    """The grading process as a fork of this one, so that 200 runs need not import torch again; of what
    :func:`ftdojo.child.running` gives, the part that :func:`ftdojo.episode.grading.grade` uses."""

    def __init__(self, complaints: IO[str]) -> None:
        request, self._request = os.pipe()
        self._answers, answers = os.pipe()

        def serve() -> None:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            for number, end in enumerate((request, answers, complaints.fileno())):
                os.dup2(end, number)
            os.close(self._request)
            sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
            grading.main()

        self.pid = fork(serve)
        os.close(request)
        os.close(answers)
        self.stdin, self.stdout = os.fdopen(self._request, "w"), os.fdopen(self._answers)
        self.returncode: int | None = None

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is not None:
            os.kill(self.pid, signal.SIGKILL)
        self.stdin.close()
        self.stdout.close()
        self.returncode = wait(self.pid)


def tiny_model(folder: Path) -> None:
    """A Llama of two layers with random weights and the embedded model's tokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(models.resolve(models.EMBEDDED, Home.default().root))
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        **sizes, **ends, vocab_size=len(tokenizer), max_position_embeddings=1024, tie_word_embeddings=True
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def small_task(folder: Path) -> None:
    """Requests to approve or not, as a task folder."""
    rng = random.Random(0)
    folder.mkdir()
    (folder / "task.toml").write_text(TASK)
    for name, kind, count in (("train", "Form", 80), ("eval", "Request", 120)):
        rows = []
        for number in range(count):
            who = rng.choice(["Ann", "Bob", "Cid", "Dee", "Eve"])
            text = f"{kind} {number}: {who} asks for {rng.choice(['a lamp', 'a new desk', 'a key', 'tickets'])}."
            rows.append(json.dumps({"request": text, "verdict": "no" if who == "Bob" else "yes"}) + "\n")
        (folder / f"{name}.jsonl").write_text("".join(rows))


class Scripted:
    """Two short trainings of the embedded model, :data:`REAL_TRAININGS`."""

    name, planner = "scripted", ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def propose(self, observation: Observation) -> Path | None:
        """The next one."""
        number = len(observation.history)
        if number == len(REAL_TRAININGS):
            return None
        raw = observation.raw_data.files[0].path
        rendering = observation.task.raw_sources[0].renderings[0]
        files = {
            "plan": {"parent": 0, "hypothesis": "h", "evidence": ["e"], "focus": "both", "changes": []},
            "train": REAL_TRAININGS[number],
            "recipe": {"sources": [{"path": raw, "prompt": rendering.prompt, "completion": rendering.completion}]},
        }
        folder = self._folder / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
        return folder


class Log:
    """Progress as lines: the last one says what a run was doing when it was killed."""

    def say(self, text: str) -> None:
        """One line."""
        print(text, flush=True)

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        """One line that begins with the stage."""
        print(f"[{stage}] {done:g}/{total:g} {note}", flush=True)

    def end(self, stage: str, note: str = "") -> None:
        """One line."""
        print(f"[after {stage}] {note}", flush=True)


@dataclass(frozen=True)
class Case:
    """What is run."""

    task: str
    model: str
    real: bool
    iterations: int

    def play(self, place: Path) -> None:
        """The run below ``place``, from its beginning or from where it was."""
        home = Home(place / "home")
        name, planner = ("scripted", "") if self.real else ("ft-agent", "playbook")
        options = RunOptions(
            task=self.task,
            model=self.model,
            agent=name,
            planner=planner,
            wall_s=36_000,
            submissions=self.iterations,
        )
        with Dojo(options, place / "run", home=home, progress=Log()) as dojo:
            workspace = place / "run/workspace"
            run_episode(dojo, Scripted(workspace) if self.real else agents.make(name, workspace, door=dojo))


def attempt(case: Case, place: Path) -> int:
    """Start the run in a fork of this process; its pid."""
    place.mkdir(exist_ok=True)

    def play() -> int:
        log = os.open(place / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            case.play(place)
        except FtdojoError as error:
            print(f"error: {error}", flush=True)
            return error.exit_status
        return 0

    return fork(play)


@dataclass
class Tally:
    """What was seen."""

    kills: int = 0
    runs: int = 0
    victims: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    charged: list[float] = field(default_factory=list)
    """Device seconds of each run, as a multiple of those of the undisturbed one."""
    faults: list[str] = field(default_factory=list)


def disturbed(case: Case, place: Path, seconds: float, rng: random.Random, left: int, tally: Tally) -> None:
    """One run, killed at most ``left`` times, to its end."""
    links: list[str] = []
    while True:
        pid = attempt(case, place)
        deadline = time.monotonic() + rng.uniform(0, seconds / (2 if case.real else OFTEN))
        aim_at_child, at_template, seen, killed = rng.random() < CHILDREN, rng.random() < TEMPLATES, False, None
        stop = rng.uniform(time.monotonic(), deadline) if rng.random() < STOPS else math.inf
        hung = time.monotonic() + HUNG_S
        status: int | None = None
        family: list[psutil.Process] = []
        while status is None:
            done, code = os.waitpid(pid, os.WNOHANG)
            if done:
                status = os.waitstatus_to_exitcode(code)
                break
            if time.monotonic() > hung:
                tally.faults.append(f"{place.name}: an attempt hung for {HUNG_S:.0f} s in {stage(place)}")
                os.kill(pid, signal.SIGKILL)
                hung = math.inf
            if killed is None and left and time.monotonic() > stop:
                stop_for_a_moment(rng.choice([psutil.Process(pid), *children(pid)]), pid, rng, tally)
                stop = math.inf
            if killed is None and left and time.monotonic() > deadline:
                family = children(pid)
                targets = [p for p in family if (described(p) == TEMPLATE) == at_template] if aim_at_child else []
                if targets and not seen:
                    # Not at once, or it would always be the first of the processes that make a sandbox.
                    seen, deadline = True, time.monotonic() + rng.uniform(0, CHILD_S)
                elif targets or not aim_at_child:
                    victim = rng.choice(targets) if aim_at_child else psutil.Process(pid)
                    killed = kill(victim, "main" if victim.pid == pid else None, stage(place), tally)
                    left -= killed is not None
            # Looking for children reads all of /proc: half a core, which a real training would miss.
            time.sleep(0.02 if case.real else 0.002)
        if killed == "main" or status == -9:
            _, alive = psutil.wait_procs(family, timeout=GONE_S)
            tally.faults += [f"{place.name}: {p.pid} {p.name()} outlived its run" for p in alive if p.is_running()]
        found = recorded(place / "run")
        if found[: len(links)] != links:
            tally.faults.append(f"{place.name}: events that were in the ledger are not, after {stage(place)}")
        links = found
        if status == 0:
            return
        if status not in {-9, 3} or (status == 3 and killed is None):
            tail = (place / "log.txt").read_text("utf-8", "replace")[-1500:]
            tally.faults.append(f"{place.name}: an attempt ended with status {status}: {tail}")
            return


def kill(victim: psutil.Process, name: str | None, at: str, tally: Tally) -> str | None:
    """Kill a process; what it was, or ``None`` if it was gone already."""
    try:
        name = name or described(victim)
        victim.kill()
    except psutil.NoSuchProcess:
        return None
    tally.kills += 1
    tally.victims[name] += 1
    tally.stages[at] += 1
    return name


def stop_for_a_moment(victim: psutil.Process, main: int, rng: random.Random, tally: Tally) -> None:
    """Stop a process, and let it go on; nothing if it was gone already."""
    name = "main" if victim.pid == main else described(victim)
    with contextlib.suppress(psutil.NoSuchProcess):
        victim.suspend()
        time.sleep(rng.uniform(0, STOP_S))
        victim.resume()
        tally.stopped[name] += 1


def children(pid: int) -> list[psutil.Process]:
    """All processes that a run has started."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def described(process: psutil.Process) -> str:
    """What a child does."""
    try:
        name, command = process.name(), process.cmdline()
    except psutil.NoSuchProcess:
        return "gone"
    if "python" not in name:
        return "bubblewrap" if name == "bwrap" else "start of a sandbox"
    if "ftdojo.models.rendering" in command:
        return TEMPLATE
    return "data program" if any(part.startswith("/program/") for part in command) else "grading"


def stage(place: Path) -> str:
    """What the run did last, by its log."""
    try:
        told = re.findall(r"^\[([^]]+)\]", (place / "log.txt").read_text("utf-8", "replace"), re.MULTILINE)
    except FileNotFoundError:
        told = []
    return str(told[-1]) if told else "setup"


def recorded(run: Path) -> list[str]:
    """The links of the ledger's events."""
    if not (run / LEDGER).is_file():
        return []
    try:
        with Ledger(run, writable=False) as ledger:
            return [event.link for event in ledger.events()]
    except FtdojoError:  # killed before its table was made
        return []


def essence(run: Path) -> dict[str, Any]:
    """What must not depend on interruptions: everything in the result but clocks, and what the agent decided."""
    result: dict[str, Any] = json.loads((run / "result.json").read_text("utf-8"))
    for iteration in result["iterations"]:
        del iteration["seconds"]
    del result["run"], result["ledger"], result["budget"]["wall_s"], result["budget"]["device_s"]
    with Ledger(run, writable=False) as ledger:
        iterations = [e.payload["iteration"] for e in ledger.events("iteration")]
    kept = ("number", "plan", "decision", "digests", "contents")
    return {"result": result, "iterations": [_without_clocks({key: i[key] for key in kept}) for i in iterations]}


def _without_clocks(iteration: dict[str, Any]) -> dict[str, Any]:
    """Leave out the seconds that a plan names, and the digest of the submission, of which the plan is a part."""
    plan = json.loads(re.sub(r"about \d+ s\b", "about … s", json.dumps(iteration["plan"])))
    digests = {name: value for name, value in iteration["digests"].items() if name != "submission"}
    return iteration | {"plan": plan, "digests": digests}


def check(case: Case, place: Path, reference: dict[str, Any], tally: Tally) -> None:
    """Hold a finished run against the undisturbed one, its ledger's chain and its stored stages."""
    run = place / "run"
    if (found := essence(run)) != reference:
        differing = [key for key in found["result"] if found["result"][key] != reference["result"][key]]
        tally.faults.append(f"{place.name}: another result, in {differing or 'iterations'}")
    made = {p.parent.name: json.loads(p.read_text("utf-8")) for p in (place / "home/stages").glob("*/*/manifest.json")}
    for made_by in made.values():
        seconds, answered = made_by["seconds"], made_by["facts"].get("items", 0)
        if not case.real and made_by["kind"] == "predictions" and seconds < answered / BATCH * BATCH_S:
            tally.faults.append(f"{place.name}: {answered} items in {seconds:.2f} s, less than their batches take")
    with Ledger(run, writable=False) as ledger:
        if (broken := ledger.find_broken()) is not None:
            tally.faults.append(f"{place.name}: the ledger's chain is broken at {broken}")
        for event in ledger.events("iteration"):
            digests = event.payload["iteration"]["digests"]
            due = sum(made[digests[name]]["seconds"] for name in ("train", "evaluate") if name in digests)
            if abs(due - event.payload["charge"]["device_s"]) > 1e-6 or event.payload["charge"]["wall_s"] < due:
                tally.faults.append(f"{place.name}: event {event.seq} is not charged the {due:.2f} s of its stages")


def device_s(run: Path) -> float:
    """What the run was charged of the device."""
    return float(json.loads((run / "result.json").read_text("utf-8"))["budget"]["device_s"])


def prepared(root: Path, real: bool, iterations: int) -> Case:
    """The task and the model."""
    small_task(root / "approve")
    if real:
        return Case(str(root / "approve"), models.EMBEDDED, True, iterations)
    # In a fork, as it may start threads, which later forks of this process would lack.
    if wait(fork(partial(tiny_model, root / "tiny"))):
        sys.exit("the benchmark could not be set up")
    return Case(str(root / "approve"), str(root / "tiny"), False, iterations)


def measure(kills: int, iterations: int, seed: int, real: bool, root: Path) -> tuple[Tally, float]:
    """Kill so many times; the tally, and the seconds of the undisturbed run."""
    case, rng, tally = prepared(root, real, iterations), random.Random(seed), Tally()
    if not real:
        BASE["folder"] = Path(case.model)
        fakes()
    begun = time.monotonic()
    whole = root / "whole"
    if wait(attempt(case, whole)):
        sys.exit(f"the undisturbed run failed: {(whole / 'log.txt').read_text('utf-8')[-2000:]}")
    seconds = time.monotonic() - begun
    reference = essence(whole / "run")
    if real and not json.loads((whole / "run/result.json").read_text("utf-8"))["best"]:
        sys.exit("no training of the undisturbed run was accepted, so that no trained model is graded")
    check(case, whole, reference, tally)
    while tally.kills < kills:
        tally.runs += 1
        place = root / f"run-{tally.runs:03d}"
        before, faults = tally.kills, len(tally.faults)
        disturbed(case, place, seconds, rng, kills - tally.kills, tally)
        if len(tally.faults) == faults:
            check(case, place, reference, tally)
            tally.charged.append(device_s(place / "run") / device_s(whole / "run"))
        print(f"{place.name}: {tally.kills - before} kills; {tally.kills} in all", file=sys.stderr, flush=True)
        if len(tally.faults) == faults:
            shutil.rmtree(place)
    return tally, seconds


def shown(counts: Counter[str]) -> str:
    """Counts, most frequent first."""
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill and tell; the status is 1 if there were faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="kills of runs with a fake trainer")
    parser.add_argument("--real", type=int, metavar="N", help="instead, so many of runs with the embedded model")
    parser.add_argument("--iterations", type=int, default=3, help="of a run; with the embedded model at most 2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="an empty folder for the runs; those with faults stay there")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    given = parser.parse_args(arguments)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ftdojo-kills-") as scratch:
        # The sandbox's user has to reach the programs in it.
        tally, seconds = measure(
            given.real or given.kills, given.iterations, given.seed, given.real is not None, given.keep or Path(scratch)
        )
    kind = "the embedded model" if given.real else "a fake trainer"
    print(f"{tally.kills} kills in {tally.runs} runs with {kind}, in {time.monotonic() - begun:.0f} s")
    print(f"an undisturbed run took {seconds:.1f} s")
    print(f"killed: {shown(tally.victims)}")
    print(f"while: {shown(tally.stages)}")
    if tally.stopped:
        print(f"stopped for a moment: {shown(tally.stopped)}")
    if tally.charged:
        low, high = min(tally.charged), max(tally.charged)
        print(f"device seconds charged: {low:.2f} to {high:.2f} times those of the undisturbed run")
    print(f"faults: {len(tally.faults)}")
    for fault in tally.faults:
        print(f"- {fault}")
    if given.json:
        told = {"kills": tally.kills, "runs": tally.runs, "victims": tally.victims, "stages": tally.stages}
        told |= {"stopped": tally.stopped, "charged": tally.charged}
        ran = {"seed": given.seed, "real": given.real is not None, "cores": os.cpu_count()}
        print(json.dumps({"benchmark": "kills", "ours": len(tally.faults), "faults": tally.faults, **told, "ran": ran}))
    return bool(tally.faults)


if __name__ == "__main__":
    sys.exit(main())
