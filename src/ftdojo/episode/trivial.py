"""Trivial answers: the best constant, the best constant of every sub-task, and a few-shot prompt of the base model.

A model that was trained has learned something only if it is above all of them. Constants are chosen from the
answers of the training rows and from the documented shortcuts: a model could learn them there, too.

The two splits differ in who sees the result. On validation agents do, so the constants are those that are expected to
score best by what agents know anyway: no gold answer chooses them. On test the owner of the run does, after the agent
has stopped: the constants are those that score best on validation.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from pydantic import TypeAdapter

from ftdojo import digest, inference, models, sandbox
from ftdojo.contract.progress import Progress
from ftdojo.contract.recipe import Recipe, Sample, Source
from ftdojo.contract.result import Gap, TrivialAnswers
from ftdojo.contract.row import Row
from ftdojo.contract.task_spec import Message, Record, TaskSpec
from ftdojo.contract.train_config import TrainConfig
from ftdojo.data import TaskData, read_items
from ftdojo.episode import acceptance, evaluation
from ftdojo.episode.even_draw import rank_positions
from ftdojo.episode.predict import predict
from ftdojo.errors import InputError
from ftdojo.gates import data_program
from ftdojo.gates.decontamination import decontaminate
from ftdojo.models.resident import Resident
from ftdojo.plain import plural
from ftdojo.record import Store
from ftdojo.tasks.judged import KnowsErrors, without_judge
from ftdojo.tasks.scoring import by_subtask, score_of, summarize
from ftdojo.tasks.spec import ItemScore, Task
from ftdojo.training import trainer_of

CANDIDATES = 20
"""The most frequent answers of every sub-task's rows, from which the constants are chosen."""
SHOTS = (8, 4, 2, 1)
"""Numbers of examples, of which the first that fits is shown."""
SHOTS_TOKENS = 1024
"""Tokens that a prompt with several examples may have: the time of an evaluation rises with them. One example only has
to fit into the context."""
ASKED = 64
"""Validation items that the few-shot prompt answers at most: every run waits for them."""
ANSWER = "answer"
"""Name of the rendering that holds the answer in the scorer's form."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The trivial answers, and the verdicts that their scores are made of."""

    answers: TrivialAnswers
    verdicts: dict[str, list[ItemScore]]
    """Key of :attr:`TrivialAnswers.scores` -> a verdict an item, in the order of the items."""

    @property
    def constants(self) -> Measured:
        """The same without the few-shot prompt, which on validation may answer a part of the items only."""
        return replace(self, answers=self.answers.model_copy(update={"few_shot": None, "shots": 0}))

    def compare(self, task: Task, model: Sequence[ItemScore]) -> Gap:
        """The paired difference of a model to the best trivial answer; ``model``: its verdicts on the same items."""
        name = self.answers.best_name(higher_is_better=task.spec.higher_is_better)
        decision = acceptance.decide(task, model, self.verdicts[name])
        gap = decision.difference
        return Gap(to=name, value=gap.value, interval=(gap.low, gap.high), better=decision.accepted)


_MEASURED = TypeAdapter(Measured)


def measure(
    task: Task,
    data: TaskData,
    base: Path,
    store: Store,
    progress: Progress,
    *,
    split: Literal["validation", "test"],
    engine: str = "transformers",
    resident: Resident | None = None,
) -> Measured:
    """The trivial answers of a task and what they score.

    On validation the constants are chosen by :func:`expect`, and the few-shot prompt answers at most :data:`ASKED`
    items. On test they are chosen by :func:`choose`, and it answers all. Raw files that give no training rows leave the
    documented shortcuts and the empty output, and no examples.

    Args:
        task: in the variant that ``data`` was prepared for.
        data: the task's data.
        base: folder of the untouched base model.
        store: where the result and the answers of the few-shot prompt are kept.
        progress: receives the progress after every batch.
        split: the items to answer.
        engine: the inference engine of the base model.
        resident: lends its network.
    """
    path = data.sealed_test if split == "test" else data.validation
    key = {
        "task": [task.spec.id, task.version],
        "max_new_tokens": task.spec.max_new_tokens,
        "items": digest.of_file(path),
        **{name: data.digests[name] for name in ("raw", "validation", "test")},
        "base": models.digest(base),
        "engine": inference.identity(engine),
        **({"judge": task.scorer.identity()} if isinstance(task.scorer, KnowsErrors) else {}),
        "choice": [*(["expected", ASKED] if split == "validation" else [CANDIDATES]), *SHOTS, SHOTS_TOKENS, ANSWER],
    }

    def build(folder: Path) -> dict[str, Any]:
        rows = training_rows(task.spec, data)
        if split == "test":
            unasked = without_judge(task)
            chosen, asked = choose(unasked, read_items(data.validation), candidates(task, rows)), path
        else:
            chosen, asked = expect(task.spec, rows), _draw(path, folder)
        verdicts = _score_constants(task, read_items(path), chosen)
        shots = _count_shots(task, rows, read_items(asked), base)
        if shots:
            _, records, outputs = predict(
                with_shots(task, rows, shots),
                asked,
                lambda: inference.open_engine(engine, base, resident),
                models.digest(base),
                store,
                progress,
                label=f"base model with {plural(shots, 'example')}",
                engine=engine,
            )
            verdicts["few_shot"] = _plain(evaluation.scores(task, records, outputs))
        made = Measured(_conclude(task, chosen, verdicts, shots), verdicts)
        facts: dict[str, Any] = _MEASURED.dump_python(made, mode="json")
        return facts

    return _MEASURED.validate_python(store.make("trivial", key, build).facts)


def _score_constants(task: Task, items: Sequence[Record], chosen: Constants) -> dict[str, list[ItemScore]]:
    return {
        "constant": _plain(task.scorer.score(items, [chosen.whole] * len(items))),
        "majority": _plain(task.scorer.score(items, [chosen.output(item) for item in items])),
    }


def _count_shots(task: Task, rows: Sequence[Row], items: Sequence[Record], base: Path) -> int:
    """Return how many examples fit; 0 if there are none, or not even one fits into the context."""
    context = models.describe(base).context_length - task.spec.max_new_tokens
    limits = {shots: context if shots == 1 else min(context, SHOTS_TOKENS) for shots in SHOTS}
    fitting = (n for n, limit in limits.items() if rows and _longest(with_shots(task, rows, n), items, base) <= limit)
    return next(fitting, 0)


def _draw(items: Path, folder: Path) -> Path:
    """Return a file with at most :data:`ASKED` of the items, always the same ones and as many of every sub-task."""
    found = read_items(items)
    if len(found) <= ASKED:
        return items
    ranked = rank_positions([str(item.get("subtask", "")) for item in found])
    chosen = sorted(place for _, place in sorted(ranked)[:ASKED])
    drawn = folder / "asked.jsonl"
    drawn.write_text("".join(json.dumps(found[place]) + "\n" for place in chosen), "utf-8")
    return drawn


def _conclude(task: Task, chosen: Constants, verdicts: Mapping[str, Sequence[ItemScore]], shots: int) -> TrivialAnswers:
    return TrivialAnswers(
        constant=score_of(task, verdicts["constant"]),
        constant_output=chosen.whole,
        majority=score_of(task, verdicts["majority"]),
        subtasks={name: summarize(task, group).value for name, group in by_subtask(verdicts["majority"]).items()},
        majority_outputs=dict(chosen.parts),
        few_shot=score_of(task, verdicts["few_shot"]) if shots else None,
        shots=shots,
    )


def _plain(verdicts: Sequence[ItemScore]) -> list[ItemScore]:
    """Verdicts that JSON can hold: the default of ``metrics`` is a proxy."""
    return [replace(verdict, metrics=dict(verdict.metrics)) for verdict in verdicts]


def training_rows(spec: TaskSpec, data: TaskData, *, limit: int | None = None) -> list[Row]:
    """The rows of all documented raw files, answers in the scorer's form, without evaluation items; made in the sandbox
    like any other training rows. Empty if the files give no rows, or faulty ones. ``limit``: as many as the task allows
    if not given.
    """
    limit = limit or spec.rules.max_rows
    recipe = documented_recipe(spec, limit)
    trainer = trainer_of(TrainConfig())
    try:
        written = data_program.run(recipe, data.raw, trainer, limit=limit, limits=sandbox.Limits())
    except InputError:  # the raw data is as its publisher or user left it; that it gives no rows ends no run
        return []
    return decontaminate(written.rows, data.overlap).rows


def documented_recipe(spec: TaskSpec, max_rows: int, sample: Sample | None = None) -> Recipe:
    """Return the recipe of all documented raw files, with answers in the scorer's form."""
    sources = []
    for raw in spec.raw_sources:
        way = next((r for r in raw.renderings if r.name == ANSWER), raw.renderings[0])
        sources.append(Source(path=raw.path, subtask=raw.subtask, prompt=way.prompt, completion=way.completion))
    return Recipe(sources=sources, max_rows=max_rows, sample=sample or Sample())


def candidates(task: Task, rows: Sequence[Row]) -> list[str]:
    """Return outputs that may score without skill: the documented shortcuts, and for every sub-task the most frequent
    answers of its rows. An answer that occurs once is used only if no other occurs twice."""
    found = [shortcut.output for shortcut in task.spec.shortcuts]
    for subtask in dict.fromkeys(row.subtask for row in rows):
        counts = Counter(row.completion for row in rows if row.subtask == subtask).most_common(CANDIDATES)
        found += [output for output, count in counts if count > 1] or [counts[0][0]]
    return list(dict.fromkeys(found)) or [""]


@dataclass(frozen=True, slots=True)
class Constants:
    """The outputs that score best."""

    whole: str
    """For all items."""
    parts: dict[str, str]
    """By sub-task."""

    def output(self, item: Record) -> str:
        """Return the output for an item's sub-task; the one for all items if the sub-task was not seen."""
        return self.parts.get(str(item.get("subtask", "")), self.whole)


def choose(task: Task, items: Sequence[Record], outputs: Sequence[str]) -> Constants:
    """Return the constants that score best on ``items``; of equal ones the first.

    Args:
        task: supplies the scorer.
        items: items with their gold answers.
        outputs: candidates, at least one.
    """
    sign = 1 if task.spec.higher_is_better else -1
    scored = [task.scorer.score(items, [output] * len(items)) for output in outputs]

    def best(groups: Sequence[Sequence[ItemScore]]) -> str:
        values = [sign * summarize(task, group).value for group in groups]
        return outputs[values.index(max(values))]

    named = [by_subtask(scores) for scores in scored]
    return Constants(best(scored), {name: best([groups[name] for groups in named]) for name in named[0]})


def expect(spec: TaskSpec, rows: Sequence[Row]) -> Constants:
    """Return the constants that are expected to score best by what every agent may know: how frequent an answer is in
    the training rows, as the mean over sub-tasks, and the declared maximum of a documented shortcut."""
    groups: dict[str, Counter[str]] = {}
    for row in rows:
        groups.setdefault(row.subtask, Counter())[row.completion] += 1
    sizes = {name: counts.total() for name, counts in groups.items()}
    expected = {
        output: (abs(spec.best_value) or 1.0) * fmean(groups[name][output] / sizes[name] for name in groups)
        for output in dict.fromkeys(row.completion for row in rows)
    }
    if spec.higher_is_better:
        for shortcut in spec.shortcuts:
            expected[shortcut.output] = max(expected.get(shortcut.output, 0.0), shortcut.at_most)
    parts = {name: counts.most_common(1)[0][0] for name, counts in groups.items() if name}
    return Constants(max(expected, key=expected.__getitem__, default=""), parts)


def with_shots(task: Task, rows: Sequence[Row], count: int) -> Task:
    """Return the task with ``count`` worked examples before every question: of the item's sub-task, if rows name it,
    and with answers as different as the rows allow. The same items are always shown the same examples."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.subtask, []).append(row)
    shown = {name: _turns(_different(group, count)) for name, group in groups.items()}
    anything = _turns(_different(rows, count))

    def prompt(item: Record) -> list[Message]:
        asked = task.prompt(item)
        system = [turn for turn in asked if turn["role"] == "system"]
        examples = shown.get(str(item.get("subtask", "")), anything)
        return [*system, *examples, *(turn for turn in asked if turn["role"] != "system")]

    identity = digest.of_value([count, shown, anything])
    return replace(task, prompt=prompt, version=f"{task.version}+{identity}")


def _different(rows: Sequence[Row], count: int) -> list[Row]:
    """Return ``count`` rows in a fixed random order: one of each answer before a second one of any answer."""
    ranked = rank_positions([row.completion for row in rows])
    return [rows[position] for _, position in sorted(ranked, key=itemgetter(0))[:count]]


def _turns(rows: Sequence[Row]) -> list[Message]:
    return [turn for row in rows for turn in (*row.prompt, {"role": "assistant", "content": row.completion})]


def _longest(task: Task, items: Sequence[Record], base: Path) -> int:
    """Return the number of tokens of the longest prompt."""
    chat = models.Chat(base)
    return max(len(chat.prompt(task.prompt(item))) for item in items)
