"""Plug-ins: the name of an agent, an engine, a scorer or a trainer becomes the object it stands for.

A name is one of three things, looked up in this order:

- a built-in name such as ``ft-agent``; no installed package can replace it;
- the name of an entry point, in the group of its kind, of an installed distribution;
- ``module:Attribute``, for code that can be imported but is not registered.

A plug-in is code of the user's own environment. It runs outside the sandbox and is trusted like any installed package.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from ftdojo.errors import FtdojoError, PrerequisiteError, UsageError

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T_co]):
    """One kind of plug-in. ``T_co`` is the protocol that its objects follow."""

    noun: str
    """The name of this kind in error messages, e.g. ``agent``."""
    group: str
    """The group of its entry points, e.g. ``ftdojo.agents``."""
    members: tuple[str, ...]
    """The attributes that an object of this kind must have."""
    built_in: Mapping[str, str] = field(default_factory=dict)
    """Built-in name -> ``module:Attribute``, imported when it is first used."""

    def names(self) -> list[str]:
        """Return the names that can be used now: built-in ones first, then those of installed distributions."""
        return list(dict.fromkeys([*self.built_in, *sorted(entry.name for entry in entry_points(group=self.group))]))

    def require(self, name: str) -> None:
        """Raise a :class:`UsageError` if ``name`` stands for nothing of this kind. Nothing is imported."""
        self._find(name)

    def load(self, name: str) -> T_co:
        """Import and return the object that ``name`` stands for.

        Raises:
            UsageError: if there is none, or it lacks a member of the kind's protocol.
            PrerequisiteError: if the code of the plug-in fails while it is imported.
        """
        loaded = _load(self._find(name), self.noun)
        self.check(loaded, name, self.members)
        return cast("T_co", loaded)

    def check(self, loaded: object, name: str, members: tuple[str, ...]) -> None:
        """Raise a :class:`UsageError` if an object that the plug-in ``name`` gave lacks one of ``members``."""
        if missing := [member for member in members if not hasattr(loaded, member)]:
            raise UsageError(
                f"the {self.noun} '{name}' has no '{missing[0]}'",
                fix=f"a plug-in of this kind needs {', '.join(members)}: see docs/plugins.md",
            )

    def _find(self, name: str) -> EntryPoint:
        if name in self.built_in:
            return EntryPoint(name, self.built_in[name], self.group)
        found = list(entry_points(group=self.group, name=name))
        if len(found) > 1:
            places = " and ".join(sorted(_origin(entry) for entry in found))
            raise UsageError(
                f"the {self.noun} '{name}' is registered by {places}",
                fix=f"uninstall one of them, or name the object itself: {found[0].value}",
            )
        if found:
            return found[0]
        module, _, attribute = name.partition(":")
        if all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
            return EntryPoint(name, name, self.group)
        known = self.names()
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{nearest[0]}'? " if nearest else ""
        listed = f"choose one of: {', '.join(known)}; or" if known else "give"
        raise UsageError(f"there is no {self.noun} '{name}'", fix=f"{hint}{listed} module:Attribute of your own")


def _load(entry: EntryPoint, noun: str) -> Any:
    """Import the object of an entry point. A failure of foreign code becomes an error that names the code's owner."""
    origin = _origin(entry)
    try:
        module = import_module(entry.module)
    except FtdojoError:
        raise
    except (Exception, SystemExit) as error:
        if entry.module.split(".")[0] == __name__.split(".")[0]:
            raise  # a defect of ftdojo keeps its traceback
        if isinstance(error, ModuleNotFoundError) and f"{entry.module}.".startswith(f"{error.name}."):
            raise UsageError(
                f"the {noun} '{entry.name}' cannot be loaded: there is no module '{error.name}'",
                fix="install its package, or add the folder that holds it to PYTHONPATH",
            ) from error
        raise PrerequisiteError(
            f"the {noun} '{entry.name}' of {origin} cannot be loaded: {type(error).__name__}: {error}",
            fix=f"repair or reinstall {origin}; `python -c 'import {entry.module}'` shows where it fails",
        ) from error
    try:
        return reduce(getattr, filter(None, (entry.attr or "").split(".")), module)
    except AttributeError as error:
        public = [name for name in vars(module) if not name.startswith("_")]
        nearest = difflib.get_close_matches(entry.attr, public, n=1)
        fix = f"did you mean '{entry.module}:{nearest[0]}'?" if nearest else f"define it in {origin}"
        raise UsageError(f"the {noun} '{entry.name}' cannot be loaded: {error}", fix=fix) from error


def _origin(entry: EntryPoint) -> str:
    """Return the owner of the code: the distribution with its version, or the module where there is none."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module
