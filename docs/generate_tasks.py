"""Write docs/tasks.md from the task specifications: python docs/generate_tasks.py

Run it whenever a specification changes; a test compares the file with what this prints.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftdojo import tasks
from ftdojo.tasks.spec import Task
from page_parts import bullet, literal, prose, table, write

INTRODUCTION = """# Tasks

Generated from the specifications by `python docs/generate_tasks.py`; do not edit.

Every task has a `twin`: generated data with the schema, prompt, scorer and flaws of the real set and exact gold
answers. `hub` is the published data. The two are never mixed. `ftdojo task show ID` prints the whole specification of
a task, `ftdojo task check ID` proves it. [`--prompts FILE`](prompts.md) asks with prompts of yours.
"""


def pages() -> dict[str, str]:
    """The page, under its name."""
    found = [tasks.get(name) for name in tasks.ids()]
    lines = [INTRODUCTION, *_table(found), "", *(line for task in found for line in _section(task))]
    return {"tasks.md": "\n".join(lines)}


def _table(found: list[Task]) -> Iterator[str]:
    rows = []
    for task in found:
        spec = task.spec
        direction = "higher is better" if spec.higher_is_better else "lower is better"
        rows.append(
            (
                f"[{spec.id}](#{_anchor(spec.id)})",
                str(len(spec.subtasks) or 1),
                f"{spec.metric}, {direction}",
                f"{spec.best_value:g}",
                str(spec.max_new_tokens),
                ", ".join(task.variants),
                spec.licence,
            )
        )
    yield from table(["task", "sub-tasks", "metric", "best", "new tokens", "data", "licence"], rows)


def _section(task: Task) -> Iterator[str]:
    spec = task.spec
    yield f"## {spec.id}\n"
    yield f"{prose(literal(spec.objective))}\n"
    yield f"{prose(literal(f'Answer: {spec.output_format}'))}\n"
    if spec.subtasks:
        yield f"{prose('Sub-tasks: ' + ', '.join(spec.subtasks))}.\n"
    yield f"{prose(literal(f'Evaluation: {spec.evaluation_source}.'))}\n"
    if task.own_prompt:
        yield "The prompt is ours, not the reference harness's: figures that were measured with it do not compare.\n"
    yield from map(bullet, _facts(task))
    yield ""


def _facts(task: Task) -> Iterator[str]:
    spec = task.spec
    sets = {s.id: s for variant in task.variants.values() for s in variant.sets}
    for known in sets.values():
        access = f" {known.access}" if known.access else ""
        yield f"data set `{known.id}`, revision `{known.revision}`, licence {known.licence}.{access}"
    for raw in spec.raw_sources:
        ways = ", ".join(rendering.name for rendering in raw.renderings)
        yield f"raw file `{raw.path}`: {raw.description} (renderings: {ways})"
    for score in spec.published:
        base, ours = f"Qwen2.5-7B-Instruct {score.base:g}", f"the original FT-Agent on it {score.ft_agent:g}"
        asked = " (with another prompt than ours)" if task.own_prompt else ""
        yield f"published, {score.metric} on test: {base}, {ours}{asked}"
    for shortcut in spec.shortcuts:
        yield f"shortcut: {shortcut.name} scores at most {shortcut.at_most:g}"


def _anchor(name: str) -> str:
    """How GitHub links a heading."""
    return "".join(c for c in name.lower() if c.isalnum() or c in "_- ").replace(" ", "-")


if __name__ == "__main__":
    write(pages())
