"""Check sizes and names of the code: python scripts/check_shapes.py

Three rules:

- class: no class has more than 200 lines.
- constructor: no constructor takes more than 8 parameters. Frozen data is exempt: a frozen dataclass or pydantic model
  of which every field is a plain value or frozen data itself. It groups values, and is built by name.
- name: in one room (a package or module right below a distribution's package), no two modules define a public top-level
  function of the same name. Whoever reads a call must not have to look up which one is meant. A *role* is a name that
  means the same in every module that has it.

``shapes.toml`` lists the exceptions, each with its reason and its size, and the roles. The list can only shrink: an
exception that is not needed any more, or whose size could be smaller, is an error as well.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAX_CLASS_LINES = 200
MAX_PARAMETERS = 8

PLAIN = frozenset(
    "bool int float complex str bytes object Any Path date datetime timedelta Final ClassVar Annotated Optional Union "
    "list tuple dict set frozenset Sequence Mapping Iterable Collection Markup".split()
)
"""Names in an annotation that stand for plain values, or for containers of whatever is inside their brackets."""
FROZEN_BASES = frozenset(["Enum", "IntEnum", "StrEnum", "NamedTuple", "TypedDict"])


@dataclass(frozen=True, slots=True)
class Violation:
    """What breaks a rule."""

    rule: str
    name: str
    """Of the class, or of the room and the function in it."""
    size: int
    """Lines, parameters or modules."""
    where: str

    def __str__(self) -> str:
        unit = {"class": "lines", "constructor": "parameters", "name": "modules define it"}[self.rule]
        return f"{self.rule}: {self.name}: {self.size} {unit} ({self.where})"


@dataclass(frozen=True, slots=True)
class Module:
    """A source file, parsed."""

    name: str
    """Dotted, below the distribution's package."""
    room: str
    path: str
    tree: ast.Module


def read(root: Path) -> list[Module]:
    """All modules of all packages below ``root/src`` and ``root/packages/*/src``."""
    found = []
    for source in [root / "src", *sorted(root.glob("packages/*/src"))]:
        for path in sorted(source.rglob("*.py")):
            parts = path.relative_to(source).with_suffix("").parts
            name = ".".join(part for part in parts if part != "__init__")
            tree = ast.parse(path.read_text("utf-8"))
            found.append(Module(name, ".".join(parts[:2]), str(path.relative_to(root)), tree))
    return found


def violations(modules: list[Module]) -> list[Violation]:
    """Everything that breaks a rule, in the order of the rules."""
    return [*_large_classes(modules), *_long_constructors(modules), *_repeated_names(modules)]


def _classes(modules: list[Module]) -> Iterator[tuple[Module, ast.ClassDef]]:
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                yield module, node


def _large_classes(modules: list[Module]) -> Iterator[Violation]:
    for module, node in _classes(modules):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > MAX_CLASS_LINES:
            yield Violation("class", f"{module.name}.{node.name}", lines, f"{module.path}:{node.lineno}")


def _long_constructors(modules: list[Module]) -> Iterator[Violation]:
    frozen = _FrozenData(modules)
    for module, node in _classes(modules):
        parameters = _parameters(node)
        if parameters > MAX_PARAMETERS and not frozen.is_data(module.name, node.name):
            yield Violation("constructor", f"{module.name}.{node.name}", parameters, f"{module.path}:{node.lineno}")


def _parameters(node: ast.ClassDef) -> int:
    """How many parameters the constructor that a class defines has, without ``self``."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == "__init__":
            given = child.args
            return len([*given.posonlyargs, *given.args, *given.kwonlyargs]) - 1
    generated = _decorator(node, "dataclass") is not None or _bases(node)
    return len(list(_fields(node))) if generated else 0


def _fields(node: ast.ClassDef) -> Iterator[ast.AnnAssign]:
    """The fields of a dataclass or model that its constructor takes."""
    for child in node.body:
        if not isinstance(child, ast.AnnAssign) or "ClassVar" in _names(child.annotation):
            continue
        if any(k.arg == "init" and _is_false(k.value) for k in getattr(child.value, "keywords", [])):
            continue
        yield child


class _FrozenData:
    """Which names stand for frozen data, in the module where they are used."""

    def __init__(self, modules: list[Module]) -> None:
        self._defined: dict[tuple[str, str], ast.ClassDef | ast.expr] = {}
        self._imported: dict[tuple[str, str], tuple[str, str]] = {}
        for module in modules:
            for node in module.tree.body:
                self._note(module, node)
        self._known: dict[tuple[str, str], bool] = {}

    def _note(self, module: Module, node: ast.stmt) -> None:
        """Remember a class, an alias of types or an import."""
        match node:
            case ast.ClassDef(name=name):
                self._defined[module.name, name] = node
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._defined[module.name, name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._defined[module.name, name] = value
            case ast.ImportFrom(module=str(source), names=names):
                for alias in names:
                    self._imported[module.name, alias.asname or alias.name] = (source, alias.name)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):
                for child in body:
                    self._note(module, child)

    def is_data(self, module: str, name: str) -> bool:
        """Whether ``name``, as it is used in ``module``, stands for frozen data."""
        place = self._resolve(module, name)
        if place not in self._known:
            self._known[place] = True  # until something else is found: a type may contain itself
            self._known[place] = self._look_up(*place)
        return self._known[place]

    def _resolve(self, module: str, name: str) -> tuple[str, str]:
        """The module that defines a name, and its name there; through re-exports and ``module.Name``."""
        outer, _, attribute = name.rpartition(".")
        if outer:
            source = self._imported.get((module, outer), ("", outer))
            return self._resolve(".".join(filter(None, source)), attribute)
        place = (module, name)
        while place not in self._defined and place in self._imported:
            place = self._imported[place]
        return place

    def _look_up(self, module: str, name: str) -> bool:
        match self._defined.get((module, name)):
            case None:
                return name in PLAIN
            case ast.ClassDef() as node:
                return self._is_frozen(module, node) and all(
                    self._is_plain(module, field.annotation) for field in _fields(node)
                )
            case alias:
                return self._is_plain(module, alias)

    def _is_frozen(self, module: str, node: ast.ClassDef) -> bool:
        decorator = _decorator(node, "dataclass")
        if decorator is not None:
            return any(k.arg == "frozen" and not _is_false(k.value) for k in getattr(decorator, "keywords", []))
        if _configured_frozen(node) or _bases(node) & FROZEN_BASES:
            return True
        for base in _bases(node):
            source, name = self._resolve(module, base)
            parent = self._defined.get((source, name))
            if isinstance(parent, ast.ClassDef) and self._is_frozen(source, parent):
                return True
        return False

    def _is_plain(self, module: str, annotation: ast.expr) -> bool:
        names = _names(annotation)
        return bool(names) and all(self.is_data(module, name) for name in names)


def _configured_frozen(node: ast.ClassDef) -> bool:
    """Whether a pydantic model says ``model_config = ConfigDict(frozen=True)``."""
    for child in node.body:
        if isinstance(child, ast.Assign) and isinstance(child.value, ast.Call):
            targets = [target.id for target in child.targets if isinstance(target, ast.Name)]
            if "model_config" in targets and any(k.arg == "frozen" for k in child.value.keywords):
                return True
    return False


def _names(annotation: ast.expr) -> set[str]:
    """The names in an annotation; ``object`` for what is literal."""
    match annotation:
        case ast.Constant(value=str(text)):
            return _names(ast.parse(text, mode="eval").body)
        case ast.Constant() | ast.Subscript(value=ast.Name(id="Literal")) | ast.Call(func=ast.Name(id="TypeVar")):
            return {"object"}
        case ast.Subscript() | ast.Tuple() | ast.List() | ast.BinOp():
            parts = [part for part in ast.iter_child_nodes(annotation) if isinstance(part, ast.expr)]
            return set().union(*map(_names, parts))
        case _:
            return {ast.unparse(annotation)}


def _decorator(node: ast.ClassDef, name: str) -> ast.expr | None:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if _names(called) == {name}:
            return decorator
    return None


def _bases(node: ast.ClassDef) -> set[str]:
    return set().union(*map(_names, node.bases)) - {"Protocol", "ABC", "Generic", "object"}


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _repeated_names(modules: list[Module]) -> Iterator[Violation]:
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for module in modules:
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                places[module.room, node.name].append(f"{module.path}:{node.lineno}")
    for (room, name), found in sorted(places.items()):
        if len(found) > 1:
            yield Violation("name", f"{room}: {name}", len(found), ", ".join(found))


Exceptions = Mapping[str, Mapping[str, Mapping[str, object]]]
"""Rule -> name -> its size and reason; and ``role`` -> name -> its reason."""


def compare(found: list[Violation], exceptions: Exceptions) -> Iterator[str]:
    """What is wrong: violations without an exception, and exceptions that are not true."""
    used = set()
    for violation in found:
        function = violation.name.rpartition(" ")[2]
        if violation.rule == "name" and function in exceptions.get("role", {}):
            used.add(("role", function))
            continue
        exception = exceptions.get(violation.rule, {}).get(violation.name)
        if exception is None:
            yield str(violation)
            continue
        used.add((violation.rule, violation.name))
        if violation.size != exception.get("size"):
            yield f"{violation}: its exception says {exception.get('size')}; make it smaller, or lower the number"
    for rule, named in exceptions.items():
        for name, exception in named.items():
            if (rule, name) not in used:
                yield f"{rule}: {name}: its exception is not needed any more; remove it"
            if not str(exception.get("reason", "")).strip():
                yield f"{rule}: {name}: its exception has no reason"


def main() -> int:
    """Print what is wrong; the exit status is 1 if anything is."""
    parser = argparse.ArgumentParser(description="Check sizes and names of the code.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    parser.add_argument("--all", action="store_true", help="list every violation, also those with an exception")
    options = parser.parse_args()
    listed = options.root / "scripts" / "shapes.toml"
    exceptions = tomllib.loads(listed.read_text("utf-8")) if listed.exists() else {}
    found = violations(read(options.root))
    lines = [str(violation) for violation in found] if options.all else list(compare(found, exceptions))
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
