"""A small grammar of laboratory protocols: operations, materials, temperatures, durations, and their order.

A *method* is a chain of *operations*. An operation has several wordings; their slots are *terms*
(parameters, reagents and, with a capital, verbs), each with one right value, or *names* (of a sample and of a target
gene or protein). The same operation means the same in every method, and no two methods contradict each other about the
order of two operations, so what is learned from some methods holds for all others.

The words are in ``protocols.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

PARAMETER, REAGENT, OPERATION = TYPES = ("parameter", "reagent", "operation")
SLOT = re.compile(r"\{(\w+)\}")
NAMES = ("sample", "target")
"""Slots that are filled with the names of a protocol; every other slot is a term."""


@dataclass(frozen=True, slots=True)
class Group:
    """Terms that can replace each other grammatically."""

    name: str
    type: str
    """One of :data:`TYPES`."""
    terms: Mapping[str, str]
    """Slot -> its right value, which may have slots for names."""
    absurd: tuple[str, ...]
    """Values that are right nowhere, in no protocol."""
    other: tuple[str, ...] = ()
    """Further values that are not absurd, but right in none of these terms."""

    @property
    def values(self) -> tuple[str, ...]:
        """All values that are not absurd."""
        return (*self.terms.values(), *self.other)


@dataclass(frozen=True, slots=True)
class Operation:
    """One action of a protocol, with its wordings."""

    title: str
    """As a noun, for headings."""
    brief: str
    """As a short step without parameters."""
    wordings: tuple[str, ...]
    """As a full step, three times; the last is kept for evaluation."""


@dataclass(frozen=True, slots=True)
class Method:
    """A purpose and the operations that serve it, in order."""

    title: str
    kind: str
    """Of the samples that it is made for: a key of :attr:`Grammar.samples`."""
    operations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """All words of protocols."""

    operations: Mapping[str, Operation]
    groups: Mapping[str, Group]
    alike: tuple[frozenset[str], ...]
    """Values that are not offered as wrong answers for each other, since a reader could accept both."""
    methods: Mapping[str, tuple[Method, ...]]
    """``training``, ``validation`` and ``test``."""
    samples: Mapping[str, tuple[str, ...]]
    targets: tuple[str, ...]

    def group_of(self, term: str) -> Group:
        """The group that a term belongs to."""
        return next(group for group in self.groups.values() if term in group.terms)


@cache
def grammar() -> Grammar:
    """The grammar, read once a process."""
    words = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    operations = {
        name: Operation(found["title"], found["brief"], tuple(found["wordings"]))
        for name, found in words["operations"].items()
    }
    return Grammar(
        operations=MappingProxyType(operations),
        groups=MappingProxyType({name: _group(name, found, operations) for name, found in words["groups"].items()}),
        alike=tuple(map(frozenset, words["alike"])),
        methods=MappingProxyType(
            {
                part: tuple(Method(m["title"], m["kind"], tuple(m["operations"])) for m in found)
                for part, found in words["methods"].items()
            }
        ),
        samples=MappingProxyType({kind: tuple(names) for kind, names in words["samples"].items()}),
        targets=tuple(words["targets"]),
    )


def _group(name: str, found: Mapping[str, Any], operations: Mapping[str, Operation]) -> Group:
    """A group of the file; the terms of the operations are the verbs of their wordings."""
    terms = found.get("terms") or {verb: verb for verb in _verbs(operations)}
    return Group(name, found["type"], MappingProxyType(terms), tuple(found["absurd"]), tuple(found.get("other", ())))


def _verbs(operations: Mapping[str, Operation]) -> list[str]:
    texts = (wording for operation in operations.values() for wording in operation.wordings)
    return sorted(slot for text in texts for slot in SLOT.findall(text) if slot[0].isupper())


@dataclass(frozen=True, slots=True)
class Step:
    """An operation in one wording, for a protocol's sample and target."""

    wording: str
    names: Mapping[str, str]
    """Name slot -> name."""

    @property
    def terms(self) -> list[str]:
        """The slots that are terms, in the order of the text."""
        return [slot for slot in SLOT.findall(self.wording) if slot not in NAMES]

    def of_type(self, kind: str) -> list[str]:
        """The terms of one of :data:`TYPES`."""
        return [term for term in self.terms if grammar().group_of(term).type == kind]

    def text(self, changes: Mapping[str, str] = MappingProxyType({})) -> str:
        """The step, with other values than the right ones for some of its terms."""
        values = {**self.names, **{term: self.right(term) for term in self.terms}, **changes}
        return filled(self.wording, values)

    def right(self, term: str) -> str:
        """The right value of a term."""
        return filled(grammar().group_of(term).terms[term], self.names)

    def wrong(self, term: str) -> list[str]:
        """The values of other terms that are clearly wrong here."""
        group = grammar().group_of(term)
        right = group.terms[term]
        close = {right}.union(*(values for values in grammar().alike if right in values))
        return [filled(value, self.names) for value in group.values if value not in close]

    def absurd(self, term: str) -> tuple[str, ...]:
        """Values that are right nowhere."""
        return grammar().group_of(term).absurd


def filled(text: str, values: Mapping[str, str]) -> str:
    """``text`` with a value in each of its slots."""
    return SLOT.sub(lambda slot: values[slot[1]], text)
