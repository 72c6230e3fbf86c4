"""The runs of a pack, in the form of runs on this machine: found by their digests, unpacked, and made ready to answer.

Base models and tasks are not in a pack. What is embedded or installed is prepared here; a folder of a user has to be
named. Nothing is downloaded.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ftdojo import inference, models, tasks
from ftdojo.audit.evidence import Copy, Evidence, Unchecked, line
from ftdojo.audit.regenerate import require_engine
from ftdojo.bench.packed import ADAPTER, LEDGER, MODEL, RESULT, SEALED, Pack, PackedRun
from ftdojo.contract.methods import BUILT_IN, read_config
from ftdojo.contract.submission import TRAIN
from ftdojo.data import prepare
from ftdojo.errors import FtdojoError, UsageError
from ftdojo.record import Home, restore
from ftdojo.record.events import RunBegun
from ftdojo.record.store import describe
from ftdojo.training import copy_adapter, copy_text_files, structure_faults, trainer_of

TRAINED = "trained"
"""The folder with the adapter of a run, before it is merged."""
FACTOR, SLACK = 8, 2**26
"""The weights of a model have at most ``FACTOR`` times the bytes of its base model's, and ``SLACK`` more."""
_TASK = re.compile(r"[\w-]+(/[\w-]+)+")
"""The id of a task. In a pack, no task is named by its folder."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are on this machine."""

    root: Path
    """A temporary folder, in which the runs of the pack get the form of runs."""
    home: Home
    tasks: Mapping[str, str]
    """Id of a task -> where it is, for those that are here."""
    models: tuple[Path, ...]


def find_tasks(pack: Pack, given: Sequence[Path]) -> dict[str, str]:
    """Return where the tasks of a pack are: the id of an installed one, or a folder that the user names."""
    named = {tasks.get(path).spec.id: str(path.absolute()) for path in given}
    installed = tasks.ids()
    wanted = {task.id for task in pack.manifest.tasks}
    if unknown := sorted(named.keys() - wanted):
        raise UsageError(f"the pack has no task '{unknown[0]}'", fix=f"its tasks are {', '.join(sorted(wanted))}")
    return {name: named.get(name, name) for name in wanted if name in named or name in installed}


def unpack(pack: Pack, run: PackedRun, folder: Path) -> frozenset[int]:
    """Give a run the form of a run's folder; return which events are not whole."""
    folder.mkdir(parents=True)
    events = pack.events(f"{run.folder}/{LEDGER}")
    restore(folder, [packed.event for packed in events])
    for name in (RESULT, *pack.files(run, "submissions/"), *pack.files(run, f"{SEALED}/")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(pack.read_text(f"{run.folder}/{name}"))
    return frozenset(packed.seq for packed in events if packed.withheld)


def identity_faults(run: PackedRun, evidence: Evidence) -> list[str]:
    """Return how the entry of a run in the manifest differs from its record."""
    recorded = evidence.configuration
    begun = evidence.history.require(RunBegun)
    if foreign := [name for name in (begun.task, *begun.guard.values()) if not _TASK.fullmatch(name)]:
        raise ValueError(f"the record names the folder {foreign[0][:80]!r} as a task")
    pairs = [
        ("task", run.task, recorded.task),
        ("variant", run.variant, recorded.variant),
        ("seed", run.seed, recorded.seed),
        ("base", run.base, recorded.digests.get("model")),
        ("weights", run.weights != "none", bool(evidence.history.best) and not evidence.history.reasons),
    ]
    return [f"manifest.json says that its {name} is {a!r}, its record {b!r}" for name, a, b in pairs if a != b]


def make_ready(pack: Pack, run: PackedRun, evidence: Evidence, place: Place) -> Copy:
    """Prepare what the models need to answer test, and write the best model into the folder of the run.

    Raises:
        Unchecked: if it is not on this machine, or would need code that ftdojo does not have itself.
        InputError: if the weights are not those of the record.
    """
    configuration = evidence.configuration
    require_engine(evidence, inference.ENGINES.built_in)
    if run.task not in place.tasks:
        raise Unchecked(f"the task {run.task} is not on this machine; --task names its folder")
    base = _find_base(pack, run, evidence, place)
    prepare(evidence.task, configuration.variant, place.home)
    ready = replace(evidence.copy, base=base)
    if run.weights == "none":
        return ready
    _require_weights(pack, run, base)
    model = evidence.folder.model
    source = pack.folder / run.folder / (ADAPTER if run.weights == "adapter" else MODEL)
    if run.weights == "model":
        model.mkdir()
        copy_text_files(base, model)
        for name in pack.files(run, f"{MODEL}/"):
            shutil.copyfile(pack.folder / run.folder / name, evidence.folder.path / name)
        if faults := structure_faults(base, model):
            raise ValueError("; ".join(faults))
        return ready
    _require_recorded(evidence, source)
    _merge(evidence, base, source)
    return replace(ready, merged_here=True)


def _find_base(pack: Pack, run: PackedRun, evidence: Evidence, place: Place) -> Path:
    """Return the folder of the base model of a run, with the run's settings for prompts."""
    (packed,) = [base for base in pack.manifest.bases if base.digest == run.base]
    settings = evidence.configuration
    named = [models.resolve(str(path), place.home.root) for path in place.models]
    if packed.kind == "embedded":
        current = models.resolve(models.EMBEDDED, place.home.root)
        named.append(models.resolve_recorded(current, models.EMBEDDED, run.base, place.home.root))
    elif packed.kind == "hub" and not Path(packed.name).is_dir():
        cached = models.find(packed.name, place.home.root)
        named += [cached] if cached else []
    for path in named:
        folder, _ = models.set_prompting(
            path, place.home.root, thinking=settings.thinking, chat_template=settings.chat_template
        )
        if models.digest(folder) == run.base:
            return folder
    how = {"hub": f"download {packed.name}, or give", "folder": "give", "embedded": "give"}[packed.kind]
    raise Unchecked(f"the base model {packed.name} ({run.base}) is not on this machine; {how} its folder with --model")


def _require_weights(pack: Pack, run: PackedRun, base: Path) -> None:
    """Check that the weights of a run are not larger than any training of its base model can make them."""
    part = ADAPTER if run.weights == "adapter" else MODEL
    size = sum(pack.manifest.files[f"{run.folder}/{name}"].size for name in pack.files(run, f"{part}/"))
    most = FACTOR * sum(path.stat().st_size for path in models.weight_files(base)) + SLACK
    if not 0 < size <= most:
        raise ValueError(f"{part}/ has {size:,} bytes, more than a training of its base model makes, or none")


def _require_recorded(evidence: Evidence, adapter: Path) -> None:
    """Check that an adapter is the one that the record names, by the digests of the files of its stage."""
    made = evidence.made[evidence.history.best]
    if faults := evidence.stage_faults(made, "train"):
        raise ValueError("; ".join(faults))
    recorded = evidence.manifest(made, "train")["files"]
    for name, found in describe(adapter).items():
        if recorded.get(f"model/{name}") != found:
            raise ValueError(f"{ADAPTER}/{name} is not the file that the record names")


def _merge(evidence: Evidence, base: Path, adapter: Path) -> None:
    """Merge the adapter of the best model of a run into its base model.

    Raises:
        ValueError: if this is not an adapter of that model.
    """
    config = read_config(evidence.submission(evidence.history.best) / TRAIN)
    if config.method not in BUILT_IN:
        raise ValueError(f"an adapter of the method {config.method}, which is not ftdojo's own, is not merged")
    trained = evidence.folder.path / TRAINED
    copy_adapter(adapter, trained)
    try:
        trainer_of(config).export(base, trained, evidence.folder.model)
    except (FtdojoError, MemoryError):
        raise
    except Exception as error:  # a damaged file can make its parser raise anything
        if type(error).__name__ == "OutOfMemoryError":
            raise
        raise ValueError(f"the adapter cannot be merged: {line(error)}") from error
