"""A task that is asked with the prompts of its owner in place of its own."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jinja2.defaults import DEFAULT_NAMESPACE

from ftdojo.contract.prompts import DEFAULT, identify_prompts, read_templates
from ftdojo.contract.recipe_program.templates import to_text
from ftdojo.contract.task_spec import Message, RawSource, Record
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.tasks.bounded_template import BoundedTemplate
from ftdojo.tasks.extract import json_value
from ftdojo.tasks.folder import RowPrompt
from ftdojo.tasks.spec import Task
from ftdojo.tasks.template import fields_of, variable

MOST_ITEMS = 200
"""Gold answers that are compared with a field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWithPrompts(Task):
    """A task with the prompts of the owner of a run."""

    content: str
    """The prompts as JSON."""
    original: Task
    """The task with its own prompts."""

    @property
    def for_data(self) -> Task:
        """The task with its own prompts."""
        return self.original

    @property
    def rows_differ(self) -> bool:
        """Whether the documented templates of raw rows keep other prompts than those that are asked."""
        return not isinstance(self.original.prompt, RowPrompt)

    def as_recorded(self, version: str) -> Task:
        """Return the task with the version that a run recorded, as :meth:`Task.as_recorded` does."""
        if version not in self.formerly:
            return self
        added = self.version.removeprefix(self.original.version)
        return replace(self, version=version, original=self.original.as_recorded(version.removesuffix(added)))


def with_prompts(task: Task, content: str | None) -> Task:
    """Return the task with other prompts; unchanged if ``content`` is ``None``.

    Where documented templates of raw rows are the task's own prompt, as in task folders, they are replaced as well.

    Args:
        task: with its own prompts.
        content: the option of the run, see :func:`~ftdojo.contract.prompts.load_prompts`.

    Raises:
        InputError: if a template has an error. The prompt of the task raises it for an item that cannot be asked.
    """
    if content is None:
        return task
    templates = read_templates(content)
    compiled = {name: _compile(name, text) for name, text in templates.items()}

    def prompt(item: Record) -> list[Message]:
        name = _name_of(item)
        if (chosen := compiled.get(name, compiled.get(DEFAULT))) is None:
            raise InputError([_missing(name)])
        try:
            return [{"role": "user", "content": chosen.render(item)}]
        except ValueError as error:
            message = f"item {item.get('id', 'without an id')}: {error}"
            raise InputError([_fault("bad_prompt", name or DEFAULT, message, "change the template")]) from None

    added = f"+{identify_prompts(content)}"
    sources = tuple(_replace_own(task.prompt, source, templates) for source in task.spec.raw_sources)
    return TaskWithPrompts(
        spec=replace(task.spec, raw_sources=sources),
        prompt=prompt,
        scorer=task.scorer,
        variants=task.variants,
        own_prompt=task.own_prompt,
        version=task.version + added,
        notes=task.notes,
        formerly=tuple(version + added for version in task.formerly),
        content=content,
        original=task,
    )


def require_prompts(task: TaskWithPrompts, items: Sequence[Record]) -> None:
    """Check that a task can ask all of its items with the prompts of its owner.

    Raises:
        InputError: with one finding per fault: a name that is no sub-task (``unknown_subtask``), a sub-task without a
            template (``missing_prompt``), a template with a field that items do not have (``unknown_field``), without
            any field (``constant_prompt``), or with the right answer in it (``shows_answer``), and an item for which it
            cannot be rendered, or is blank (``bad_prompt``).
    """
    templates, groups = read_templates(task.content), dict[str, list[Record]]()
    for item in items:
        groups.setdefault(_name_of(item), []).append(item)
    known = {*groups, *task.spec.subtasks} - {""}
    found = [
        _fault("unknown_subtask", name, "no item is of this sub-task", _suggest(name, {*known, DEFAULT}))
        for name in templates.keys() - known - {DEFAULT}
    ]
    asked: dict[str, list[Record]] = {}
    for name, group in groups.items():
        chosen = name if name in templates else DEFAULT
        if chosen in templates:
            asked.setdefault(chosen, []).extend(group)
        else:
            found.append(_missing(name))
    for name, group in asked.items():
        found += _check_template(task, name, templates[name], group)
    if found:
        raise InputError(found)


def _check_template(task: Task, name: str, text: str, items: Sequence[Record]) -> Iterator[Finding]:
    fields, have = fields_of(text), {str(field) for item in items for field in item}
    if unknown := sorted(fields - have - DEFAULT_NAMESPACE.keys()):
        for field in unknown:
            yield _fault("unknown_field", name, f"no item has a field '{field}'", _suggest(field, have))
        return
    for field in sorted(fields):
        if _shows_answer(task, field, items):
            message = f"the field '{field}' is the right answer of the items"
            yield _fault("shows_answer", name, message, "leave it out: the model would be asked with the answer")
    try:
        asked = {task.question(item) for item in items}
    except InputError as error:
        yield from error.findings
        return
    if "" in asked:
        yield _fault("bad_prompt", name, "the prompt of an item is blank", "change the template")
    if len(asked) == 1 < len(items):
        message = "all items are asked the same, as it names none of their fields"
        yield _fault("constant_prompt", name, message, f"write {{{{ FIELD }}}}; {_suggest('', have)}")


def _shows_answer(task: Task, field: str, items: Sequence[Record]) -> bool:
    """Whether the field is the gold answer of all items, or a value in it if that is JSON. One that is the same for
    all items shows nothing."""
    chosen = items[:: max(1, len(items) // MOST_ITEMS)]
    values = [to_text(item.get(field)).strip() for item in chosen]
    if len(set(values)) < 2:
        return False
    return all(value and value in _parts(task.gold(item)) for value, item in zip(values, chosen, strict=True))


def _parts(gold: str) -> set[str]:
    """Return a gold answer, and its values if it is a JSON object or list."""
    value = json_value(gold)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {gold.strip(), *(to_text(part).strip() for part in inner)}


def _replace_own(own: object, source: RawSource, templates: Mapping[str, str]) -> RawSource:
    """Return a raw source whose renderings have the new prompts wherever they had the task's ``own``."""
    if not isinstance(own, RowPrompt):
        return source
    new = _join(templates, own.reader.subtask_field)
    renderings = [replace(way, prompt=new) if way.prompt == own.template else way for way in source.renderings]
    return replace(source, renderings=tuple(renderings))


def _join(templates: Mapping[str, str], field: str) -> str:
    """Return one template that chooses among those of sub-tasks by the field of a row that names it."""
    default = templates.get(DEFAULT, "")
    parts = [(name, text) for name, text in templates.items() if name != DEFAULT]
    if not parts or not field:
        return default
    tests = [f"{variable(field)} | string == {json.dumps(name, ensure_ascii=False)}" for name, _ in parts]
    cases = "{% elif ".join(f"{test} %}}{text}" for test, (_, text) in zip(tests, parts, strict=True))
    return f"{{% if {cases}{{% else %}}{default}{{% endif %}}"


def _compile(name: str, text: str) -> BoundedTemplate:
    try:
        return BoundedTemplate(text, strict=True)
    except ValueError as error:
        raise InputError([_fault("bad_template", name, str(error), "correct the template at that place")]) from None


def _missing(name: str) -> Finding:
    message = f"there is no template for {f'the sub-task {name!r}' if name else 'items without a sub-task'}"
    return _fault("missing_prompt", name or DEFAULT, message, f"add it, or a template `{DEFAULT}`")


def _name_of(item: Record) -> str:
    return str(item.get("subtask") or "")


def _suggest(name: str, known: set[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    listed = ", ".join(f"'{one}'" for one in sorted(known)[:20])
    return f"did you mean '{nearest[0]}'? there are {listed}" if nearest else f"there are {listed}"


def _fault(code: str, name: str, message: str, fix: str) -> Finding:
    return Finding(code=code, message=message, where=f"prompts: {name}", fix=fix)
