"""The card of a pack: its ``README.md``, with the front matter that model hubs read."""

from __future__ import annotations

from typing import Any

import yaml

from ftdojo.audit.export import HUB_IDS
from ftdojo.bench.leaderboard import Leaderboard
from ftdojo.bench.packed import PackedBase, PackedTask, PackManifest
from ftdojo.plain import plural
from ftdojo.report import text
from ftdojo.report.leaderboard import as_markdown

CHECK = """## Check it

With ftdojo and its tasks installed:

    ftdojo bench verify FOLDER                # everything
    ftdojo bench verify FOLDER --items 50     # 50 test items of each run, drawn at random

The command compares every file with `manifest.json`, checks the records, merges each adapter into its base model, lets
the models answer the test again, scores the answers, and computes the leaderboard anew. Base models and tasks are not
in the pack: they are found by their digests.

Outputs are equal to the last token on the machine of the contest. Another processor, or another version of torch or
transformers, rounds differently, so a few outputs may differ there.
"""
CONTENT = """## What is in it

| file | content |
|---|---|
| `manifest.json` | size and sha256 of every file; the runs, tasks and base models |
| `leaderboard.json` | the results above, for programs |
| `ledger.jsonl` | the record of the contest, and of each run: one event a line, linked to the one before |
| `submissions/` | what the contestant submitted: data program, training configuration, plan |
| `stages.json` | digests of rows, models and outputs, and what each was made from; the rows are left out |
| `sealed/` | what base model and best model answered to the test items; no question and no right answer |
| `adapter/`, `model/` | the weights of the best model, if it is not the base model |

Paths, addresses of servers and keys of the machine are replaced by a mark. An event in which something was replaced is
marked `withheld`, because its link cannot be computed from what is left.
"""


def pack_card(manifest: PackManifest, board: Leaderboard) -> str:
    """Return the card of a pack.

    Args:
        manifest: of the pack, without this card.
        board: the results that the pack claims.
    """
    ids = [name for name in map(_hub_id, manifest.bases) if name]
    front: dict[str, Any] = {"base_model": ids} if ids else {}
    front |= {"license": "other", "tags": ["ftdojo"]}
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    counts = f"{plural(len(manifest.runs), 'run')} of a contest between agents that fine-tune language models"
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False).strip()}\n---\n",
        as_markdown(board),
        f"{counts}, made with {text.markdown(versions)}.\n",
        CHECK,
        CONTENT,
        "## Base models\n",
        "".join(f"- {text.markdown(base.name)} ({base.kind}), digest `{base.digest}`\n" for base in manifest.bases),
        "## Tasks\n",
        "".join(f"- {_describe(task)}\n" for task in manifest.tasks),
        "The licences of the base models and of these data sets hold for what was made of them.\n",
    ]
    return "\n".join(parts)


def _hub_id(base: PackedBase) -> str | None:
    return base.name.partition("@")[0] if base.kind == "hub" else HUB_IDS.get(base.name)


def _describe(task: PackedTask) -> str:
    kind = "a task folder of its owner" if task.own else f"{task.variant} data"
    sets = "; ".join(f"{one.id}@{one.revision[:12]}, licence {one.licence}" for one in task.sets)
    return text.markdown(f"{task.id}, {kind}, version {task.version}{f': {sets}' if sets else ''}")
