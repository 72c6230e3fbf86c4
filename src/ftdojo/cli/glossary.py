"""``ftdojo glossary``: the words of the commands, the reports and the docs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from ftdojo.cli.console import out, print_json
from ftdojo.cli.run import Json
from ftdojo.errors import UsageError

WORDS = {
    "acceptance": "The rule by which a model becomes the best so far: the 95 % interval of its paired difference to "
    "the best so far, on the same validation items, lies on the better side of zero.",
    "agent": "A program that proposes submissions: FT-Agent, a baseline, or one of yours.",
    "base model": "The model that is fine-tuned. It is measured before the agent begins.",
    "budget": "The limits of an agent's part: time, submissions, tokens and cost of language models. The measurement "
    "of the base model and the test are not charged.",
    "constant": "One answer to every question. A model has learned something only if it is better.",
    "contest": "Several agents on the same tasks under the same budget: `ftdojo bench`.",
    "contestant": "An agent in a contest, with its planner and its settings.",
    "data program": "The part of a submission that makes training rows from the raw data: `recipe.yaml`, or "
    "`process_data.py`, which runs in the sandbox.",
    "episode": "One run from the point of view of an agent: observe, propose, get feedback, until it stops.",
    "few-shot": "The base model with examples in its prompt, and no training.",
    "gate": "A check that a submission passes before it is trained, in order of cost. 0: the files can be read. 1: "
    "they name what exists, and obey the task's rules. 2: the data program runs, and its rows are sound. 3: the rows "
    "as tokens have labels and fit. 4: a short training learns, and fits into time and memory. 5: its outputs can be "
    "scored.",
    "guard": "A task that a trained model must not forget (--guard): a model is accepted only if it is not worse than "
    "the base model on it, by a margin.",
    "hub": "The variant of a task's data that is fetched from where it was published; see `ftdojo data prepare`.",
    "iteration": "A submission that was made, with what came of it.",
    "ladder": "A stricter rule (--ladder): the agent sees a validation score only if its submission was accepted, so "
    "it cannot learn the validation items by trying.",
    "ledger": "The record of a run, append-only: `ledger.sqlite`. Reports, resume and audit follow from it alone.",
    "lineage": "The proof that a model comes from its base by the recorded trainings: same architecture and "
    "tokenizer, and no weight farther away than they could bring it.",
    "planner": "What thinks in an agent: the playbook (rules, no language model), or a language model (--planner).",
    "probe": "A training on a share of the rows, to compare plans before one is trained in full (--probes).",
    "raw data": "The rows that an agent may learn from. They have no evaluation items.",
    "recipe": "A data program without code, in YAML: which files, which template, how many rows.",
    "rendering": "A documented way to turn a raw row into a question and its answer.",
    "run": "One agent on one task with one base model and one budget, in one folder.",
    "sealed": "Of the test items: nobody reads them until the agent has stopped; then they are scored once.",
    "seed": "The number that decides every random choice. Two runs with other seeds differ, and by how much says how "
    "far a single run can be trusted.",
    "store": "Where finished stages (rows, models, predictions) are kept by their content, so that no work is done "
    "twice.",
    "submission": "What an agent proposes: a data program, `train.yaml` and `plan.yaml`.",
    "sub-task": "A kind of question within a task, with a score of its own.",
    "suite": "The file that describes a contest.",
    "task": "A question form, a metric, raw data, validation and test items: a benchmark task, or a folder of yours.",
    "teachers": "The language models that data programs may call (--teachers): none, self (the base model alone), or "
    "listed (those of --data-llm).",
    "test": "The items for the final score: see sealed.",
    "twin": "The variant of a task's data that is generated here, with the form of the published data, so that "
    "nothing has to be fetched and nothing can have been learned before.",
    "validation": "The items on which models are compared while the agent works. It sees scores, never right answers.",
}
"""Word -> its meaning here."""


def print_glossary(
    word: Annotated[str | None, typer.Argument(help="One word; all words if not given.")] = None, json: Json = False
) -> None:
    """Explain the words of ftdojo: twin, hub, gate, ladder, probe, sealed, lineage, rendering …"""
    chosen = WORDS
    if word is not None:
        chosen = {name: meaning for name, meaning in WORDS.items() if name in (word.lower(), word.lower().rstrip("s"))}
        if not chosen:
            raise UsageError(f"the glossary has no word '{word}'", fix=f"its words are: {', '.join(WORDS)}")
    if json:
        print_json(chosen)
        return
    for name, meaning in chosen.items():
        out.print(Text.assemble((name, "bold"), f"  {meaning}"), soft_wrap=not out.is_terminal)
