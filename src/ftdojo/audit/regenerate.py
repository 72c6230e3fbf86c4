"""The check that answers the test again: whoever has a run's folder can replace its outputs and link them anew, but not
make its model give them."""

from __future__ import annotations

import random
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ftdojo import inference, models
from ftdojo.audit.evidence import Evidence, Unchecked
from ftdojo.contract.progress import Progress
from ftdojo.data import read_items
from ftdojo.episode.evaluation import Prediction
from ftdojo.inference import Generation
from ftdojo.record.events import RunBegun

DECIDING = ("torch", "transformers")
"""Packages whose versions decide how a model's numbers are rounded."""


def regenerate(evidence: Evidence, items: int | None, progress: Progress) -> list[str]:
    """The kept models answer test as recorded.

    Decoding is greedy and batches are the same, so on the machine of the run outputs are equal to the last token.

    Args:
        evidence: the run.
        items: how many test items to answer again, drawn anew by each audit; all of them if ``None``. The items that
            share a batch with one of them are answered as well.
        progress: receives the number of answers.
    """
    require_engine(evidence, inference.ENGINES.names())
    scored, found = evidence.test_scored, []
    kept = {"baseline": evidence.base, "best": evidence.folder.model if evidence.history.best else evidence.base}
    for name in ("baseline", "best") if evidence.history.best else ("baseline",):
        folder = kept[name]
        if not folder.is_dir():
            raise Unchecked(f"the folder of the run has no {folder.name}/: it was moved or copied without")
        if models.digest(folder) != scored.models.get(name):
            raise Unchecked(f"{name}: the model here is not the one that was tested: see 'lineage' and 'base'")
        path = evidence.folder.sealed_outputs(name)
        if not path.is_file():
            raise Unchecked(f"{path.name} is missing: see 'outputs'")
        recorded = [Prediction.model_validate(row) for row in read_items(path)]
        drawn = draw(len(recorded), items, random.SystemRandom())
        made = answer_again(evidence, folder, recorded, drawn, progress)
        differing = [i for i, answer in made.items() if answer.text != recorded[i].output]
        if differing:
            found.append(
                f"{name}: {len(differing)} of {len(made)} outputs are not what the model answers, "
                f"first that on item {recorded[differing[0]].id}"
            )
    if found and (others := other_versions(evidence)):
        raise Unchecked(f"{'; '.join(found)}. But the run was made with other versions: {', '.join(others)}")
    return found


def draw(count: int, items: int | None, rng: random.Random) -> set[int]:
    """Draw the positions of test items to answer again; all ``count`` of them if ``items`` is ``None``."""
    return set(rng.sample(range(count), min(items or count, count)))


def require_engine(evidence: Evidence, names: Collection[str]) -> None:
    """Check that the record names one of these engines. It may be a stranger's, and must not choose the code that is
    imported.

    Args:
        evidence: the run.
        names: those that may answer: of a run the registered ones, of a pack those of ftdojo alone.

    Raises:
        Unchecked: if it names another one.
    """
    if (engine := evidence.configuration.engine) not in names:
        raise Unchecked(f"it was evaluated with the engine '{engine}', which is none of {', '.join(names)}")


def answer_again(
    evidence: Evidence, model: Path, recorded: list[Prediction], drawn: Collection[int], progress: Progress
) -> dict[int, Generation]:
    """Answer test items with a model; return position -> answer of those that were answered.

    Args:
        evidence: the run.
        model: the folder of the model.
        recorded: the outputs of the run.
        drawn: the positions of the items to answer. Items that share a batch with one of them are answered as well.
        progress: receives the number of answers.
    """
    task, records = evidence.task, read_items(evidence.data.sealed_test)
    if [p.id for p in recorded] != [str(record["id"]) for record in records]:
        raise ValueError("the outputs on test do not answer the task's items, one after the other")
    known = {i: Generation(p.output, p.tokens, p.truncated) for i, p in enumerate(recorded) if i not in drawn}
    made: dict[int, Generation] = {}

    def keep(answers: dict[int, Generation]) -> None:
        made.update(answers)
        progress.update("answering test again", len(made), len(records), "items")

    with inference.open_engine(evidence.configuration.engine, model) as engine:
        engine.generate(
            [task.prompt(record) for record in records],
            max_new_tokens=task.spec.max_new_tokens,
            done=known,
            on_answers=keep,
        )
    return made


def other_versions(evidence: Evidence) -> list[str]:
    """Return the deciding packages that have another version here than in the run."""
    begun = evidence.history.first(RunBegun)
    then = begun.versions if begun else {}
    found = []
    for name in DECIDING:
        try:
            here = version(name)
        except PackageNotFoundError:
            here = "none"
        if name in then and then[name] != here:
            found.append(f"{name} {then[name]} then, {here} here")
    return found
