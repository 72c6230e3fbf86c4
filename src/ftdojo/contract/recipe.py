"""recipe.yaml: a declarative data program. It is checked here without running anything, and run in the
sandbox by :mod:`ftdojo.contract.recipe_program`, like any other data program."""

from __future__ import annotations

from typing import Any, Literal

from jinja2 import TemplateSyntaxError, nodes
from pydantic import Field, field_validator

from ftdojo.contract.recipe_program import VERSION, from_json
from ftdojo.contract.recipe_program.templates import RowEnvironment
from ftdojo.schema import StrictModel

_ENVIRONMENT = RowEnvironment(from_json)
_TOO_DEEP = (RecursionError, SyntaxError, MemoryError)
"""Errors of Jinja, and of Python for the code that Jinja generates, for expressions that are nested too deeply."""


class Source(StrictModel):
    """One raw file, how its rows become training pairs, and its share of the mixture."""

    path: str = Field(
        description="path below the raw-data folder; .jsonl, .json, .csv, .tsv, .parquet, .arrow or .xlsx"
    )
    subtask: str = Field("", description="the sub-task that its rows teach; kept with every row")
    prompt: str = Field(
        description="Jinja template over the row's fields, in which null is empty text and row['Column name'] reaches "
        "a field whose name is no word; filters from_json and to_json"
    )
    completion: str = Field(description="Jinja template; a row that renders to nothing is skipped")
    where: str = Field("", description="Jinja expression; rows for which it is false are skipped")
    weight: float = Field(1.0, ge=0, le=100, description="share of the mixture relative to the other sources")

    @field_validator("prompt", "completion")
    @classmethod
    def _compiles(cls, text: str) -> str:
        try:
            # Compiled, not only parsed: only compilation detects unknown filters. Nothing is run.
            _ENVIRONMENT.compile(text, raw=True)
        except TemplateSyntaxError as error:
            raise ValueError(f"line {error.lineno} of the template: {error.message}") from None
        except _TOO_DEEP:
            raise ValueError("is nested too deeply") from None
        return text

    @field_validator("where")
    @classmethod
    def _is_expression(cls, text: str) -> str:
        try:
            if text:
                _ENVIRONMENT.compile_expression(text)
        except TemplateSyntaxError as error:
            raise ValueError(f"is no Jinja expression: {error.message}") from None
        except _TOO_DEEP:
            raise ValueError("is nested too deeply") from None
        return text

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if path.startswith("/") or ".." in path.split("/"):
            raise ValueError("must lie below the raw-data folder")
        return path


class Recipe(StrictModel):
    """The whole recipe: sources, cleaning, balance, mixture and cap."""

    sources: list[Source] = Field(min_length=1, max_length=64, description="where the rows come from")
    deduplicate: bool = Field(True, description="drop rows whose prompt was seen before")
    balance: Literal["none", "completion"] = Field(
        "none", description="completion: draw evenly over the distinct completions of a source, rare answers first"
    )
    max_completion_chars: int = Field(8000, ge=1, description="rows with a longer completion are dropped")
    max_rows: int = Field(2000, ge=1, description="cap of the mixture")
    skip: int = Field(
        0,
        ge=0,
        description="rows of the mixture to pass over, which an earlier recipe with the same seed has given; where the "
        "mixture ends, it begins again",
    )
    seed: int = Field(0, ge=0, description="seed of the draw and of the order of the rows")

    @property
    def key(self) -> dict[str, Any]:
        """What the rows depend on, as JSON values. The keys of earlier builds had no ``skip`` and no version."""
        return {**self.model_dump(mode="json", exclude=set() if self.skip else {"skip"}), "recipe_program": VERSION}

    @property
    def but_size(self) -> dict[str, Any]:
        """What the form of the rows depends on, but not which of them are taken, as JSON values."""
        return self.model_dump(mode="json", exclude={"deduplicate", "balance", "max_rows", "skip", "seed"})


def parsed_template(text: str) -> nodes.Template:
    """Return the syntax tree of a template that passed the checks of a recipe."""
    return _ENVIRONMENT.parse(text)
