"""recipe.yaml: a declarative data program. It is checked here without running anything, and run in the
sandbox by :mod:`ftdojo.contract.recipe_program`, like any other data program."""

from __future__ import annotations

from typing import Any, Literal, Self

from jinja2 import TemplateSyntaxError, nodes
from pydantic import Field, field_validator, model_validator

from ftdojo.contract.call import MAX_TOKENS, SELF
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
    item: dict[str, str] = Field(
        default_factory=dict,
        description="for `sample` and `items`: fields of an evaluation item that the scorer needs, each a Jinja "
        "expression over the row; without them the row is the item",
    )
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

    @field_validator("item")
    @classmethod
    def _are_expressions(cls, fields: dict[str, str]) -> dict[str, str]:
        return {name: cls._is_expression(text) for name, text in fields.items()}

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if path.startswith("/") or ".." in path.split("/"):
            raise ValueError("must lie below the raw-data folder")
        return path


class Sample(StrictModel):
    """Answers that a model of the run gives to the prompts of the rows. The task's scorer says which are right, given
    the raw row as an item (`item` of its source)."""

    samples: int = Field(0, ge=0, le=32, description="answers drawn for each row; with 0, no model is asked")
    model: str = Field(
        SELF,
        min_length=1,
        max_length=32,
        description="who answers: `self`, the base model; `start`, the model from which the training starts; or a "
        "model of `--data-llm`. The first two need `--teachers self`",
    )
    temperature: float = Field(0.8, ge=0, le=2, description="of the draw; with 0, all samples of a row are the same")
    max_tokens: int = Field(256, ge=1, le=MAX_TOKENS, description="most tokens of a sample, its reasoning included")
    ask: str = Field(
        "",
        max_length=2000,
        description="text that the model reads after the prompt, such as a request to reason; no part of the row",
    )
    keep: int = Field(
        1,
        ge=0,
        le=32,
        description="most right answers of a row that become rows; with 0, the rendered completion stays",
    )
    prefer: Literal["first", "shortest"] = Field("first", description="which of the right answers are kept")
    otherwise: Literal["answer", "drop"] = Field(
        "answer", description="a row without a right sample keeps its rendered completion, or is left out"
    )
    mastered: Literal["keep", "drop"] = Field(
        "keep", description="whether a row of which all samples are right is left out: it teaches little"
    )
    contradicted: Literal["keep", "drop"] = Field(
        "keep",
        description="whether a row is left out of which all samples are one wrong answer, while more rows with its "
        "completion are mastered",
    )

    @model_validator(mode="after")
    def _samples_can_tell(self) -> Self:
        if self.mastered == "drop" and not self.samples:
            raise ValueError("'mastered: drop' needs samples: set samples above 0")
        if self.contradicted == "drop" and (self.samples < 2 or not self.temperature):
            raise ValueError("'contradicted: drop' needs samples that can differ: at least 2, at a temperature above 0")
        return self


class Recipe(StrictModel):
    """Sources, cleaning, balance, mixture and cap, then what a model makes of the rows."""

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
        description="rows of the mixture that an earlier recipe has given, to pass over; at its end it begins again",
    )
    seed: int = Field(0, ge=0, description="seed of the draw and of the order of the rows")
    sample: Sample = Field(
        default_factory=Sample, description="answers of a model that take the place of completions, if they are right"
    )
    pairs: Literal["none", "sample", "other_answer"] = Field(
        "none",
        description="for `dpo` and `orpo`: rejected is a wrong sample (`sample`; a row without one is left out), or "
        "another completion of the source (`other_answer`, where answers are a closed set)",
    )

    items: bool = Field(
        False,
        description="for `grpo`: rows are the items of raw rows; the templates only decide which are taken",
    )

    @model_validator(mode="after")
    def _steps_agree(self) -> Self:
        if self.pairs == "sample" and not self.sample.samples:
            raise ValueError("'pairs: sample' needs samples: set sample.samples above 0")
        if self.items and (self.sample.samples or self.pairs != "none"):
            raise ValueError("'items' has no place for answers: set sample.samples to 0 and pairs to none")
        return self

    @property
    def asks(self) -> str:
        """The model that its program asks; empty if it asks none."""
        return self.sample.model if self.sample.samples else ""

    @property
    def key(self) -> dict[str, Any]:
        """What the rows depend on, as JSON values. The keys of earlier builds had no version, and none of the keys that
        are left out here where they have no effect."""
        return {**self._effective(), "recipe_program": VERSION}

    @property
    def but_size(self) -> dict[str, Any]:
        """What the form of the rows depends on, but not which of them are taken, as JSON values."""
        of_size = {"deduplicate", "balance", "max_rows", "skip", "seed"}
        return {key: value for key, value in self._effective().items() if key not in of_size}

    def _effective(self) -> dict[str, Any]:
        """Return the recipe as JSON values, without newer keys that have no effect."""
        found = self.model_dump(mode="json")
        used = {"skip": self.skip, "sample": self.asks, "pairs": self.pairs != "none", "items": self.items}
        for key in (key for key, has_effect in used.items() if not has_effect):
            del found[key]
        for key in ("mastered", "contradicted"):
            if self.asks and found["sample"][key] == "keep":
                del found["sample"][key]
        for source in found["sources"]:
            if not (self.asks or self.items) or not source["item"]:
                del source["item"]
        return found


def parsed_template(text: str) -> nodes.Template:
    """Return the syntax tree of a template that passed the checks of a recipe."""
    return _ENVIRONMENT.parse(text)
