"""The raw files of ChemCoTDataset, described: all have the same fields, so all have the same renderings."""

from __future__ import annotations

from ftdojo.contract.task_spec import RawSource, Rendering

ROOT = "chemcotbench-cot"
ONLY_GENERATED = tuple(f"{ROOT}/{path}.json" for path in ("mol_und/equivalence", "rxn/mechsel"))
"""Files that the twins have and the real release has not."""
ONLY_PUBLISHED = tuple(f"{ROOT}/mol_opt/{name}.json" for name in ("drd", "gsk", "jnk"))
"""Files that the real release has and the twins have not."""


def source(
    path: str, subtask: str, description: str, *, key: str, gold: str, source_note: str, steps: str = "struct_cot"
) -> RawSource:
    """A raw file.

    Args:
        path: below the root of the set, e.g. ``mol_und/fg_count.json``.
        subtask: the sub-task that its rows teach.
        description: description of the rows.
        key: JSON key of the final answer, in an answer and in the reasoning.
        gold: Jinja expression over a row's fields for the final answer, in which ``facts`` is the content of ``meta``
            and ``reasoning`` that of the field with the reasoning; empty where a row has none.
        source_note: description of the source of the final answer.
        steps: the field with the reasoning, as JSON text.
    """
    opened = f"{{% set facts = meta | from_json %}}{{% set reasoning = {steps} | from_json %}}"
    return RawSource(
        path=f"{ROOT}/{path}",
        subtask=subtask,
        description=description,
        renderings=(
            Rendering(
                name="raw",
                prompt="{{ query }}",
                completion=f"{{{{ {steps} or '' }}}}",
                description="the row as it stands: reasoning steps, answer last; some are broken or encoded twice",
            ),
            Rendering(
                name="answer",
                prompt="{{ query }}",
                completion=f"{opened}{{% set gold = {gold} %}}"
                f"{{% if (gold is string and gold) or gold is integer %}}"
                f"{{{{ {{'{key}': gold | string}} | to_json }}}}{{% endif %}}",
                description=f"only the final answer, taken from {source_note}",
            ),
            Rendering(
                name="rationale",
                prompt="{{ query }}",
                completion=f"{opened}{{% if reasoning['{key}'] %}}{{{{ reasoning | to_json }}}}{{% endif %}}",
                description="the reasoning steps and the answer as one line of JSON; unreadable ones are skipped",
            ),
        ),
    )
