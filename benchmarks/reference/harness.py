"""The scorers of the reference harness, as they are in a checkout of it.

Their modules import a registry, base classes, and packages for the download of data and for metrics that are not
compared. Small stand-ins take their places, so that neither the harness nor what it depends on is installed. The
scorers, and the loaders that make their columns of items, run as they are.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import io
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from rdkit import rdBase
from rdkit.Chem import rdFMCS

COMMIT = "abc7c91a485bc1e3188e71e330a7140be385da29"
Record = dict[str, Any]
Metrics = dict[str, float]
Theirs = str | Callable[[Mapping[str, Any]], float]
"""The name of one of the reference's metrics, or what computes it from all of them."""
VALUE = "value"
"""Our core metric among the names of our metrics."""

CHART_S = 120
"""Seconds for a chart. The reference allows 10, in which it also starts Python: too few on a busy machine."""

PACKAGES = ("", ".datasets", ".datasets.panorama", ".datasets.chemcotbench", ".datasets.tablebench")
PACKAGES += (".datasets.bioprobench", ".evaluator", ".openicl", ".utils")
"""Packages whose own ``__init__`` is not run: it would import the whole harness."""
UNUSED = {
    "datasets": ("Dataset", "load_dataset"),
    "sentence_transformers": ("SentenceTransformer",),
    "keybert": ("KeyBERT",),
}
"""Package -> the names that are imported from it."""


@dataclass(frozen=True)
class Scorer:
    """How the reference scores a task, or one of its sub-tasks."""

    module: str
    evaluator: str
    metrics: Mapping[str, Theirs]
    """Name of our metric -> the reference's."""
    gold: str = "answer"
    """The column with the gold answer."""
    loader: str = ""
    """The class that makes the columns of items; without one they are those of the items."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the evaluator."""
    postprocess: str = ""
    """The function that reads an output before the evaluator sees it."""


def _chemistry(module: str, name: str, subtask: str, metrics: Mapping[str, Theirs]) -> Scorer:
    return Scorer(
        module=f"datasets.chemcotbench.chemcotbench_{module}",
        evaluator=f"ChemCoTBench{name}Evaluator",
        loader=f"ChemCoTBench{name}Dataset",
        options={"subtask": subtask},
        metrics=metrics,
    )


def _table(name: str, metrics: Mapping[str, str], **options: Any) -> Scorer:
    return Scorer(
        module="datasets.tablebench.tablebench",
        evaluator=f"TableBench{name}Evaluator",
        loader="TableBenchDataset",
        options=options,
        metrics=metrics,
    )


def _patent(name: str, gold: str, metrics: Mapping[str, Theirs]) -> Scorer:
    return Scorer(
        module=f"datasets.panorama.panorama_{name}",
        evaluator=f"{name.upper()}Evaluator",
        loader=f"{name.upper()}Dataset",
        gold=gold,
        metrics=metrics,
    )


def _biology(name: str, gold: str, metrics: Mapping[str, Theirs]) -> Scorer:
    def parsed(found: Mapping[str, Any]) -> float:
        return 100.0 * (1 - found.get("failed", found.get("Failed")) / found.get("total", found.get("Total")))

    return Scorer(
        module=f"datasets.bioprobench.bioprobench_{name}",
        evaluator=f"BioProBench{name.upper()}Evaluator",
        loader=f"BioProBench{name.upper()}Dataset",
        postprocess=f"bioprobench_{name}_postprocess",
        gold=gold,
        metrics={**metrics, "parsed": parsed},
    )


def _wrong_picks(found: Mapping[str, Any]) -> float:
    """F1 alone is 0 for any number of wrong picks."""
    return sum(len(set(detail["pred_extracted"]) - set(detail["gold"])) for detail in found["details"])


def _wrong_code(code: str) -> Theirs:
    """How often a code was given where another one is right."""
    return lambda found: sum(detail["pred_extracted"] == code != detail["gold"] for detail in found["details"])


_SIMILARITIES = {name: name for name in ("maccs_sims", "rdk_sims", "validity", "levenshtein")}
_MOLECULES = {VALUE: "exact_match", "fts": "morgan_sims", **_SIMILARITIES}
_OPTIMIZED = {name: name for name in ("valid_smiles_rate", "scaffold_hard")}
_IMPROVED = {VALUE: "success_rate", "best_rate": "best_rate", **_OPTIMIZED}
_EXACT = {VALUE: "accuracy"}
_AIME = Scorer(module="evaluator.math_evaluator", evaluator="MATHVerifyEvaluator", metrics=_EXACT)

SCORERS: dict[str, dict[str, Scorer]] = {
    "chemistry/mol_und": {
        subtask: _chemistry("mol_und", "MolUnd", subtask, metrics)
        for subtask, metrics in {
            "fg_count": {"mae": "mae"},
            "ring_count": {"mae": "mae"},
            "Murcko_scaffold": {"tanimoto": "tanimoto_similarity_larger_means_better"},
            "ring_system_scaffold": {"yes_no_accuracy": "accuracy"},
            "equivalence": {"yes_no_accuracy": "accuracy"},
        }.items()
    },
    "chemistry/mol_edit": {
        subtask: _chemistry(
            "mol_edit",
            "MolEdit",
            subtask,
            {VALUE: "correct_rate", "valid_rate": "valid_rate", "tanimoto_similarity": "tanimoto_similarity"},
        )
        for subtask in ("add", "delete", "sub")
    },
    "chemistry/mol_opt": {
        # The reference takes plain log P where TDC is not installed.
        "logp": _chemistry("mol_opt", "MolOpt", "logp", _OPTIMIZED),
        "qed": _chemistry("mol_opt", "MolOpt", "qed", _IMPROVED | {"qed.mean_improvement": "mean_improvement"}),
        "solubility": _chemistry(
            "mol_opt", "MolOpt", "solubility", _IMPROVED | {"solubility.mean_improvement": "mean_improvement"}
        ),
    },
    "chemistry/reaction": {
        **{subtask: _chemistry("reaction", "Reaction", subtask, _MOLECULES) for subtask in ("fs", "retro", "nepp")},
        "rcr": _chemistry("reaction", "Reaction", "rcr", {VALUE: "exact_match"}),
        "mechsel": _chemistry("reaction", "Reaction", "mechsel", _EXACT),
    },
    "patent/par4pc": {
        "": _patent(
            "par4pc",
            "gold_answers",
            {VALUE: "macro_f1", "wrong": _wrong_picks}
            | {name: name for name in ("precision", "recall", "exact_match", "custom_score")},
        )
    },
    "patent/pi4pc": {"": _patent("pi4pc", "gold_answers", {VALUE: "gold_hit_rate"})},
    "patent/noc4pc": {
        "": _patent(
            "noc4pc",
            "gold_code",
            {
                "macro_f1_of_parsed": "macro_f1",
                "parsed": lambda found: 100.0 * found["valid_count"] / found["total_count"],
                **{f"{code}.wrong": _wrong_code(code) for code in ("ALLOW", "102", "103")},
            },
        )
    },
    "finance/financeiq": {
        "*": Scorer(
            module="utils.text_postprocessors",
            evaluator="",
            postprocess="last_capital_postprocess",
            metrics=_EXACT,
        )
    },
    "math/aime25": {"": _AIME},
    "math/aime24": {"": _AIME},
    "table/fact_checking": {"": _table("", _EXACT, metric="exact_match_with_final_answer")},
    "table/numerical_reasoning": {"": _table("", _EXACT, metric="exact_match_with_final_answer")},
    "table/data_analysis": {
        **{
            subtask: _table("NumericalWithPercenteError", _EXACT, error_rate=0.10)
            for subtask in ("correlationanalysis", "trendforecasting", "statisticalanalysis")
        },
        "impactanalysis": _table("", _EXACT, metric="exact_match_with_final_answer"),
        "other": _table("Rouge", _EXACT),
    },
    "table/visualization": {
        "": _table("Visualization", {VALUE: "Pass@1", "ecr_at_1": "ECR@1", "parse_at_1": "Parse@1"}, timeout=CHART_S)
    },
    "biology/pqa": {"": _biology("pqa", "answer", {"accuracy_of_parsed": "accuracy", "brier_score": "brier_score"})},
    "biology/ord": {
        "": _biology("ord", "correct_ids", {"kendall_tau_of_parsed": "kendall_tau"}),
    },
    "biology/err": {"": _biology("err", "is_correct", {"f1_of_parsed": "f1"})},
    "biology/gen": {"": _biology("gen", "output", {"rouge_l_of_parsed": "ROUGE-L"})},
}
"""Task -> sub-task -> how the reference scores it; ``*`` is every sub-task."""


class Rows(list[Record]):
    """Items with as much of ``datasets.Dataset`` as the loaders use. They stay in their order."""

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return list(self[0]) if self else []

    def filter(self, keep: Callable[[Record], bool]) -> Rows:
        """The rows that are kept."""
        return Rows(row for row in self if keep(row))

    def map(self, change: Callable[[Record], Record], remove_columns: Sequence[str] = ()) -> Rows:
        """Each row with the columns that ``change`` makes of it."""
        kept = [{name: value for name, value in row.items() if name not in remove_columns} for row in self]
        return Rows(old | change(dict(row)) for old, row in zip(kept, self, strict=True))

    def shuffle(self, seed: int) -> Rows:
        """The same rows."""
        return self


class Harness:
    """The reference in a folder."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "opencompass/datasets/panorama").is_dir():
            raise SystemExit(f"{folder} is no checkout of the reference: see benchmarks/reference/README.md")
        self._folder = folder / "opencompass"
        # The largest common part of two scaffolds, which no metric here is made of, can take for ever.
        rdFMCS.FindMCS = functools.partial(rdFMCS.FindMCS, timeout=1)
        logging.getLogger("latex2sympy2_extended").setLevel(logging.ERROR)
        with self._stand_ins():
            names = {scorer.module for parts in SCORERS.values() for scorer in parts.values()}
            self._modules = {name: importlib.import_module(f"opencompass.{name}") for name in sorted(names)}

    def rows(self, task: str, subtask: str, items: Sequence[Record]) -> Rows:
        """Items of one sub-task as the reference's loader makes them, in the same order."""
        scorer = self._scorer(task, subtask)
        module = self._modules[scorer.module]
        rows = Rows(dict(item) for item in items)
        if not scorer.loader:
            return rows
        module.load_dataset = lambda *args, **kwargs: rows  # type: ignore[attr-defined]
        given = {"subtask": subtask} if "chemcotbench" in scorer.module else {}
        loaded: Rows = getattr(module, scorer.loader).load(**given)
        if len(loaded) != len(items):
            raise SystemExit(f"{task} {subtask}: the reference's loader keeps {len(loaded)} of {len(items)} items")
        return loaded

    def score(self, task: str, subtask: str, rows: Rows, outputs: Sequence[str]) -> Metrics:
        """The reference's metrics over outputs, under the names of ours. Whatever its scorer raises is raised."""
        scorer = self._scorer(task, subtask)
        module = self._modules[scorer.module]
        read = getattr(module, scorer.postprocess) if scorer.postprocess else str
        answers = [read(output) for output in outputs]
        golds = [row[scorer.gold] for row in rows]
        if not scorer.evaluator:
            # Its evaluator is that of Hugging Face's `evaluate`: whether the two texts are equal.
            right = sum(answer == gold for answer, gold in zip(answers, golds, strict=True))
            return {VALUE: 100.0 * right / len(golds)}
        evaluator = self._evaluator(module, scorer)
        given = {"test_set": rows} if "test_set" in inspect.signature(evaluator.score).parameters else {}
        with redirect_stdout(io.StringIO()), rdBase.BlockLogs():
            found = evaluator.score(answers, golds, **given)
        return {
            ours: float((found[theirs] if isinstance(theirs, str) else theirs(found)) or 0.0)
            for ours, theirs in scorer.metrics.items()
        }

    def _scorer(self, task: str, subtask: str) -> Scorer:
        parts = SCORERS[task]
        return parts.get(subtask) or parts["*"]

    @staticmethod
    def _evaluator(module: ModuleType, scorer: Scorer) -> Any:
        kind = getattr(module, scorer.evaluator)
        if scorer.evaluator == "BioProBenchGENEvaluator":
            # Metrics of other models and of word lists that have to be downloaded are not compared.
            nothing = {
                "_ensure_nltk": lambda self: None,
                "_compute_step_metrics": lambda self, *texts: (None, None),
                "_compute_keyword_overlap": lambda self, *texts: (None, None, None),
            }
            kind = type("WithoutModels", (kind,), nothing)
        return kind(**scorer.options)

    @contextmanager
    def _stand_ins(self) -> Iterator[None]:
        for name in PACKAGES:
            package = ModuleType(f"opencompass{name}")
            package.__path__ = [str(self._folder.joinpath(*name.split(".")))]
            sys.modules[package.__name__] = package
        registry = ModuleType("opencompass.registry")
        for name in ("LOAD_DATASET", "ICL_EVALUATORS", "TEXT_POSTPROCESSORS"):
            setattr(registry, name, _Registry())
        base = ModuleType("opencompass.datasets.base")
        base.BaseDataset = object  # type: ignore[attr-defined]
        evaluators = ModuleType("opencompass.openicl.icl_evaluator")
        evaluators.BaseEvaluator = _BaseEvaluator  # type: ignore[attr-defined]
        sys.modules |= {module.__name__: module for module in (registry, base, evaluators)}
        installed = {name: sys.modules.get(name) for name in UNUSED}
        for name, members in UNUSED.items():
            sys.modules[name] = ModuleType(name)
            for member in members:
                setattr(sys.modules[name], member, None)
        try:
            yield
        finally:
            for name, module in installed.items():
                sys.modules.pop(name)
                if module is not None:
                    sys.modules[name] = module


class _Registry:
    def register_module(self, *names: Any, **options: Any) -> Callable[[Any], Any]:
        return lambda registered: registered


class _BaseEvaluator:
    @staticmethod
    def is_num_equal(predictions: Sequence[Any], references: Sequence[Any]) -> None:
        assert len(predictions) == len(references)
