"""Strict reading of the small files that users and agents write: YAML or TOML in, a frozen pydantic model out.

Every fault is reported at once, each with the key it concerns, and for an unknown key the nearest valid name is
suggested. Reading is bounded: safe loaders, a size limit, no aliases that expand, no tags, no keys with many parts.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import stat
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo

from ftdojo.errors import InputError
from ftdojo.findings import Finding

MAX_BYTES = 256 * 1024


class StrictModel(BaseModel):
    """Frozen, and closed to unknown keys: a setting that is not understood must not be dropped silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")


RECORDED: dict[str, Any] = {"recorded": True}
"""The context in which values of a record are validated. An option that may name a file holds its content there: a
stranger's record must not make us read a file of this machine."""


def is_recorded(info: ValidationInfo) -> bool:
    """Whether a value is read from a record."""
    return info.context is RECORDED


M = TypeVar("M", bound=BaseModel)


MAX_KEY_PARTS = 32
_KEY_PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_KEY_PART}(?:\.[ \t]*+{_KEY_PART}){{{MAX_KEY_PARTS}}}")
"""A dotted TOML key: ``tomllib`` takes memory that grows with the square of its parts, and tables nest equally deep."""


class _PlainLoader(yaml.SafeLoader):
    """A safe loader that refuses aliases, by which a few lines can expand to gigabytes, and tags, whose constructors
    fail in many ways."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed here")
        if getattr(self.peek_event(), "tag", None) not in {None, "!"}:  # type: ignore[no-untyped-call]
            raise yaml.YAMLError("tags (!!name) are not allowed here")
        return super().compose_node(parent, index)


class NotRegularError(OSError):
    """A folder, link, pipe, socket or device in the place of a file."""


def read_regular(path: Path, max_bytes: int, *, links: bool = False) -> bytes:
    """Read at most ``max_bytes`` bytes of an untrusted file. It does not wait for pipes, does not read devices, and
    follows links only if ``links``.

    Raises:
        FileNotFoundError: if the file does not exist.
        NotRegularError: if it is not a regular file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if links else os.O_NOFOLLOW))
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a symbolic link; a socket
            raise NotRegularError(path) from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularError(path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(max_bytes)
    finally:
        os.close(descriptor)


def load_file(path: Path, model: type[M], *, gate: int = 0, links: bool = True) -> M:
    """Read ``path`` (``.toml``, else YAML) as a ``model``; a link is only followed if ``links``.

    Raises:
        InputError: with one finding per fault (those of :func:`read_file`; ``unknown_key``, ``missing_key``,
            ``bad_value``).
    """
    return parse(read_file(path, gate=gate, links=links), model, where=path.name, gate=gate)


def read_file(path: Path, *, gate: int = 0, links: bool = True) -> Any:
    """Return the content of ``path`` (``.toml``, else YAML), not yet validated; a link is only followed if ``links``.

    Raises:
        InputError: with one finding (``missing_file``, ``too_large``, ``unreadable``).
    """

    name = path.name or str(path)  # "." has none

    def fault(code: str, message: str, fix: str) -> InputError:
        return InputError([Finding(code=code, gate=gate, message=message, where=name, fix=fix)])

    try:
        raw = read_regular(path, MAX_BYTES + 1, links=links)
    except FileNotFoundError:
        raise fault("missing_file", "the file does not exist", f"check the path, or write {name} there") from None
    except NotRegularError:
        fix = f"write {name} itself, not a folder, link, pipe, socket or device"
        raise fault("unreadable", "is not a regular file", fix) from None
    if len(raw) > MAX_BYTES:
        raise fault("too_large", f"is larger than {MAX_BYTES // 1024} KiB", "settings files are short; move data out")
    try:
        text = raw.decode("utf-8")
        return _parse_toml(text) if path.suffix == ".toml" else yaml.load(text, Loader=_PlainLoader)  # noqa: S506
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        detail = " ".join(str(error).split())[:300]
        raise fault("unreadable", f"cannot be parsed: {detail}", "correct the syntax at that place") from None


def _parse_toml(text: str) -> dict[str, Any]:
    if found := _LONG_KEY.search(text):
        raise ValueError(f"the key '{found[0][:40]}…' has more than {MAX_KEY_PARTS} parts")
    return tomllib.loads(text)


def parse(data: Any, model: type[M], *, where: str, gate: int = 0) -> M:
    """Validate already loaded ``data`` as a ``model``; faults as in :func:`load_file`."""
    if not isinstance(data, dict):
        got = "nothing" if data is None else type(data).__name__
        finding = Finding(
            code="bad_value",
            gate=gate,
            message=f"must be a mapping of keys to values, got {got}",
            where=where,
            fix=f"valid keys: {', '.join(model.model_fields)}",
        )
        raise InputError([finding])
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError([_finding(e, model, where, gate) for e in error.errors()]) from None


def _finding(error: Any, model: type[BaseModel], where: str, gate: int) -> Finding:
    location = tuple(error["loc"])
    key = ".".join(str(part) for part in location)
    place = f"{where}: {key}" if key else where
    if error["type"] == "extra_forbidden":
        valid = _fields_at(model, location[:-1])
        nearest = difflib.get_close_matches(str(location[-1]), valid, n=1)
        fix = f"did you mean '{nearest[0]}'?" if nearest else f"valid keys: {', '.join(valid)}"
        return Finding(code="unknown_key", gate=gate, message=f"unknown key '{location[-1]}'", where=place, fix=fix)
    if error["type"] == "missing":
        return Finding(code="missing_key", gate=gate, message="is required", where=place, fix=f"add '{location[-1]}'")
    by_validator = error["type"] == "value_error"
    message = str(error["ctx"]["error"]) if by_validator else f"{error['msg'][0].lower()}{error['msg'][1:]}"
    if not key:  # a validator of the whole file, whose message names the keys
        return Finding(code="bad_value", gate=gate, message=message, where=place, fix="change what the message names")
    given = _shorten(error.get("input"))
    fix = f"change the value of '{key}'"
    return Finding(code="bad_value", gate=gate, message=f"{message} (got {given})", where=place, fix=fix)


def _shorten(value: Any) -> str:
    try:
        return repr(value)[:80]
    except (ValueError, RecursionError):  # an integer of very many digits; very deep
        return f"a {type(value).__name__} that is too large to be shown"


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The valid keys at a nested place, found by following field annotations through lists, unions and mappings."""
    current: type[BaseModel] = model
    for part in location:
        field = current.model_fields.get(str(part))
        if field is None:
            continue
        nested = _models_in(field.annotation)
        if nested:
            current = nested[0]
    return list(current.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [m for argument in typing.get_args(annotation) for m in _models_in(argument)]


def nesting(text: str, start: int = 0) -> int:
    """The greatest depth of brackets in ``text``, strings and escapes counted too: an upper bound, in linear time."""
    depth = deepest = 0
    for character in text[start:]:
        if character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest
