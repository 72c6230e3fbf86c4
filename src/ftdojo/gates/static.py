"""Gate 1: the checks of a submission that run nothing."""

from __future__ import annotations

import ast
import difflib
import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from jinja2 import nodes
from jinja2.defaults import DEFAULT_NAMESPACE

from ftdojo import models
from ftdojo.contract.recipe import Recipe, parsed_template
from ftdojo.contract.script import SCRIPT, TRAIN_SCRIPT
from ftdojo.contract.submission import RECIPE, TRAIN, Submission
from ftdojo.contract.task_spec import TaskSpec
from ftdojo.findings import Finding
from ftdojo.gates.finding import number_findings, settle
from ftdojo.gates.memory import check_memory
from ftdojo.gates.start import Starts, check_start
from ftdojo.plain import plural
from ftdojo.sandbox import generators
from ftdojo.tasks import raw_files
from ftdojo.training import trainer_of

SCANNED_ROWS = 20_000
"""Rows of a raw file that are scanned for field names. For a longer file the field checks are skipped."""

PROVIDED_MODULES = frozenset({(SCRIPT, "ftdojo_llm")})
"""Modules that are copied next to a program when it is run."""


@dataclass(frozen=True, slots=True)
class Static:
    """Input of gate 1."""

    submission: Submission
    spec: TaskSpec
    base: Path
    raw: Path
    starts: Starts | None = None
    """The iterations from which the training may start; ``None`` outside of a run."""
    pools: Collection[str] = ()
    """The models that a recipe may ask."""


def check_static(checked: Static) -> list[Finding]:
    """Run all checks of the gate and return their warnings.

    Raises:
        InputError: with all findings of the gate.
    """
    return settle(finding for check in CHECKS for finding in check(checked))


# -- the programs ------------------------------------------------------------------------------------------------


def script_parses(s: Static) -> Iterator[Finding]:
    """The programs are Python."""
    for script, text in _scripts(s):
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            where = f"{script}: line {line}" if line else script
            yield _finding("syntax_error", f"does not parse: {error}", where, "correct the syntax")


def script_imports(s: Static) -> Iterator[Finding]:
    """Modules that a program always imports are installed. The sandbox hides ftdojo and the task families."""
    for script, name, line in ((script, *found) for script, text in _scripts(s) for found in _imports(text)):
        where = f"{script}: line {line}"
        if name in generators.find_modules():
            message = f"imports {name}, which is not available in the sandbox"
            yield _finding("forbidden_import", message, where, "use the standard library or installed packages")
        elif (script, name) not in PROVIDED_MODULES and find_spec(name) is None:
            message = f"imports '{name}', which is not installed"
            yield _finding("missing_module", message, where, f"do not use {name}: the sandbox cannot install it")


def _scripts(s: Static) -> list[tuple[str, str]]:
    """The programs of the submission: name -> text."""
    found = {SCRIPT: s.submission.program, TRAIN_SCRIPT: s.submission.train.script}
    return [(name, text) for name, text in found.items() if isinstance(text, str)]


def _imports(program: str) -> Iterator[tuple[str, int]]:
    """Yield the top-level modules that the program always imports, with their lines; none within ``try``."""
    try:
        body = ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in body:
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno


# -- the recipe --------------------------------------------------------------------------------------------------


def recipe_sources(s: Static) -> Iterator[Finding]:
    """Every source is a raw file in a format that a recipe can read."""
    have = sorted(p.relative_to(s.raw).as_posix() for p in s.raw.rglob("*") if p.is_file())
    for number, path in enumerate(_paths(s)):
        where = f"{RECIPE}: sources.{number}.path"
        if path not in have:
            nearest = difflib.get_close_matches(path, have, n=1, cutoff=0.4)
            fix = f"did you mean '{nearest[0]}'?" if nearest else f"raw files: {', '.join(have[:10])}"
            yield _finding("missing_source", f"no raw file '{path}'", where, fix)
        elif Path(path).suffix not in raw_files.READERS:
            fix = f"a recipe reads {', '.join(sorted(raw_files.READERS))}; write {SCRIPT} for other files"
            yield _finding("unknown_format", f"'{path}' has a format that a recipe cannot read", where, fix)


def recipe_fields(s: Static) -> Iterator[Finding]:
    """The fields that a source's templates always use exist in its file."""
    if not isinstance(s.submission.program, Recipe):
        return
    for number, source in enumerate(s.submission.program.sources):
        have = _fields(s.raw / source.path)
        if have is None:
            continue
        expressions = {"where": source.where, **{f"item.{name}": text for name, text in source.item.items()}}
        required = {key: _required(getattr(source, key), expression=False) for key in ("prompt", "completion")}
        required |= {key: _required(text, expression=True) for key, text in expressions.items()}
        for key, names in required.items():
            for name in sorted(names - have):
                nearest = difflib.get_close_matches(name, sorted(have), n=1)
                fix = f"did you mean '{nearest[0]}'?" if nearest else f"its fields: {', '.join(sorted(have)[:20])}"
                message = f"no row of '{source.path}' has a field '{name}'"
                yield _finding("unknown_field", message, f"{RECIPE}: sources.{number}.{key}", fix)


def recipe_prompts_vary(s: Static) -> Iterator[Finding]:
    """A prompt depends on its row."""
    if not isinstance(s.submission.program, Recipe):
        return
    for number, source in enumerate(s.submission.program.sources):
        if not any(True for _ in parsed_template(source.prompt).find_all(nodes.Name)):
            where = f"{RECIPE}: sources.{number}.prompt"
            message = "the prompt is the same for every row: it uses no field"
            yield _finding("constant_template", message, where, "insert fields of the row as {{ name }}")


def recipe_amounts(s: Static) -> Iterator[Finding]:
    """The recipe gives at least one row, and no more than the task allows."""
    recipe = s.submission.program
    if not isinstance(recipe, Recipe):
        return
    if recipe.max_rows > s.spec.rules.max_rows:
        message = f"{plural(recipe.max_rows, 'row')}, but the task allows at most {s.spec.rules.max_rows}"
        yield _finding("too_many_rows", message, f"{RECIPE}: max_rows", f"set it to at most {s.spec.rules.max_rows}")
    if not any(source.weight for source in recipe.sources):
        message = "every source has the weight 0, so the recipe gives no rows"
        yield _finding("no_weight", message, f"{RECIPE}: sources", "give at least one source a weight above 0")


def recipe_models(s: Static) -> Iterator[Finding]:
    """The run has the model that the recipe asks."""
    recipe = s.submission.program
    if isinstance(recipe, Recipe) and recipe.asks and recipe.asks not in s.pools:
        message = f"asks the model '{recipe.asks}', and data programs may ask {', '.join(s.pools) or 'none'} here"
        fix = f"choose one of: {', '.join(s.pools)}" if s.pools else "run with --teachers self, or set samples to 0"
        yield _finding("no_such_model", message, f"{RECIPE}: sample.model", fix)


def _paths(s: Static) -> list[str]:
    recipe = s.submission.program
    return [source.path for source in recipe.sources] if isinstance(recipe, Recipe) else []


def _fields(path: Path) -> set[str] | None:
    """Return the field names of a raw file; ``None`` if it cannot be read or has more than ``SCANNED_ROWS`` rows."""
    if not path.is_file() or path.suffix not in raw_files.READERS:
        return None
    rows = list(itertools.islice(raw_files.read(path), SCANNED_ROWS + 1))
    names = {str(name) for row in rows if isinstance(row, dict) for name in row}
    return names if names and len(rows) <= SCANNED_ROWS else None


def _required(template: str, *, expression: bool) -> set[str]:
    """Return the fields that a template requires: not those that it tests first (``if``, ``or``, ``is defined``), that
    have a default, or that it sets itself."""
    if not template:
        return set()
    tree = parsed_template(f"{{{{ {template} }}}}" if expression else template)
    guards: list[nodes.Node] = [
        *(found.test for found in tree.find_all(nodes.If)),
        *(found.test for found in tree.find_all(nodes.CondExpr)),
        *tree.find_all(nodes.Or),
        *(found for found in tree.find_all(nodes.Test) if found.name in ("defined", "undefined")),
        *(found for found in tree.find_all(nodes.Filter) if found.name in ("default", "d")),
    ]
    guarded = {name for guard in guards for name in _names(guard)}
    made = {name.name for name in tree.find_all(nodes.Name) if name.ctx in ("store", "param")}
    return _names(tree) - guarded - made - DEFAULT_NAMESPACE.keys() - {"loop", "self", "caller", "varargs", "kwargs"}


def _names(tree: nodes.Node) -> set[str]:
    own = {tree.name} if isinstance(tree, nodes.Name) else set()  # find_all does not return the node itself
    return own | {name.name for name in tree.find_all(nodes.Name)}


# -- the training ------------------------------------------------------------------------------------------------


def training_method(s: Static) -> Iterator[Finding]:
    """The task allows the training method."""
    method, allowed = s.submission.train.method, s.spec.rules.methods
    if method not in allowed:
        message = f"the task does not allow '{method}'"
        yield _finding("method_not_allowed", message, f"{TRAIN}: method", f"choose one of: {', '.join(allowed)}")


def training_start(s: Static) -> Iterator[Finding]:
    """The training starts from the base model, or from an evaluated iteration with the same kind of weights."""
    yield from number_findings(check_start(s.submission.train, s.starts), 1)


def training_length(s: Static) -> Iterator[Finding]:
    """Rows fit into the model's context."""
    length, context = s.submission.train.max_length, models.describe(s.base).context_length
    if length > context:
        message = f"{length} tokens, but the model's context length is {context}"
        yield _finding("max_length_over_context", message, f"{TRAIN}: max_length", f"set it to at most {context}")


def training_settings(s: Static) -> Iterator[Finding]:
    """The training method's own checks of its configuration on this model."""
    yield from number_findings(trainer_of(s.submission.train).check_config(s.submission.train, s.base), 1)


def training_change(s: Static) -> Iterator[Finding]:
    """Weights move no farther than the task allows, if the method's own steps do not bound it."""
    stated, allowed = s.submission.train.stated_change, s.spec.rules.max_change
    if stated is not None and stated > allowed:
        message = f"{stated:g}, but the task allows at most {allowed:g}"
        yield _finding("change_over_rules", message, f"{TRAIN}: max_change", f"set it to at most {allowed:g}")


def training_devices(s: Static) -> Iterator[Finding]:
    """The machine has as many devices as requested."""
    asked, have = s.submission.train.devices, models.devices()
    if asked > have:
        kind = "GPUs" if models.compute().device == "cuda" else "processors"
        message = f"{asked} devices, but this machine has {have} {kind}"
        yield _finding("too_many_devices", message, f"{TRAIN}: devices", f"set it to at most {have}")


def training_memory(s: Static) -> Iterator[Finding]:
    """Weights and optimizer state fit into memory, whatever the rows are."""
    yield from check_memory(1, s.submission.train, s.base)


Check = Callable[[Static], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    script_parses,
    script_imports,
    recipe_sources,
    recipe_fields,
    recipe_prompts_vary,
    recipe_amounts,
    recipe_models,
    training_method,
    training_start,
    training_length,
    training_settings,
    training_change,
    training_devices,
    training_memory,
)


def _finding(code: str, message: str, where: str, fix: str) -> Finding:
    return Finding(code=code, gate=1, message=message, where=where, fix=fix)
