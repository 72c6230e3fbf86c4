"""The parameters of commands that take the options of a run, made from :class:`~ftdojo.contract.options.RunOptions`."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from annotated_types import Ge
from pydantic import ValidationError

from ftdojo.contract.options import Flag, Rules, RunOptions, duration_text, flag_of
from ftdojo.errors import UsageError

Command = Callable[..., None]
NOT_TAKEN: dict[str, Mapping[str, str]] = {}
"""Command -> the options of a run that it does not take, each with the reason."""
OWN = [name for name in RunOptions.model_fields if name not in Rules.model_fields]
ORDER = [*OWN, *(name for name in RunOptions.model_fields if name in Rules.model_fields)]


def with_options(
    without: Mapping[str, str] | None = None, *, task_as_option: bool = False
) -> Callable[[Command], Command]:
    """Add every option of a run to a command as a parameter. The command itself receives them together as ``options``.

    Args:
        without: options that the command does not take -> why. They keep their defaults.
        task_as_option: whether the task is ``--task TASK`` and not the first argument.
    """
    left_out = without or {}
    names = [name for name in ORDER if name not in left_out]

    def decorate(command: Command) -> Command:
        NOT_TAKEN[command.__name__] = left_out
        own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "options"]
        parameters = [_parameter(name, task_as_option=task_as_option) for name in names]
        parameters += [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]

        @functools.wraps(command)
        def called(**given: Any) -> None:
            options = read_options({name: given.pop(name) for name in names})
            command(options=options, **given)

        del called.__wrapped__  # typer would read the signature of the command itself
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in parameters}
        return called

    return decorate


def read_options(given: Mapping[str, Any]) -> RunOptions:
    """Return the options of a command line, given by field; ``None`` means not given.

    Raises:
        UsageError: if an option has an invalid value.
    """
    try:
        return RunOptions(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        fault = error.errors()[0]
        name = str(fault["loc"][0])
        message = str(fault["msg"]).removeprefix("Value error, ")
        raise UsageError(f"{flag_of(name).name}: {message}", fix=_example(name)) from None


def _example(name: str) -> str:
    """Return an option with a valid value, in words; where values are names, who describes them."""
    flag, field = flag_of(name), RunOptions.model_fields[name]
    default = field.get_default()
    if flag.duration:
        return f"for example: {flag.name} 30m"
    if default not in (None, ()):
        return f"for example: {flag.name} {default}"
    kinds = {field.annotation, *typing.get_args(field.annotation)}
    return f"for example: {flag.name} 4" if kinds & {int, float} else f"`ftdojo run --help` describes {flag.name}"


def _parameter(name: str, *, task_as_option: bool) -> inspect.Parameter:
    """Return one option as a parameter that typer understands."""
    field, flag = RunOptions.model_fields[name], flag_of(name)
    text = " ".join((field.description or "").split())
    kind, default = _type(field.annotation, flag), field.get_default()
    least = next((int(str(m.ge)) for m in field.metadata if isinstance(m, Ge)), None)
    shown: Any = typer.Option(flag.name, help=text, metavar=flag.metavar, min=least)
    if name == "task":
        shown = typer.Option(help=text) if task_as_option else typer.Argument(metavar="TASK", help=text)
        default = inspect.Parameter.empty
    elif flag.duration and default is not None:
        default = duration_text(default)
    elif default == ():
        default = None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, shown])


def _type(annotation: Any, flag: Flag) -> Any:
    """Return the type of a field on the command line: durations are text, and a tuple is a list."""
    if flag.duration:
        return str | None
    if typing.get_origin(annotation) is tuple:
        return list[typing.get_args(annotation)[0]] | None  # type: ignore[misc]
    return annotation
