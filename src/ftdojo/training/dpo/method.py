"""Methods that train on preferences, as trainers. Only the code that trains imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ftdojo.contract.row import Row
from ftdojo.findings import Finding
from ftdojo.training.backend import Tokenized
from ftdojo.training.dpo import judged, pairs
from ftdojo.training.dpo.checks import check_balance, check_labels, check_lengths, check_pairs
from ftdojo.training.dpo.config import DpoConfig, KtoConfig, OrpoConfig, PreferenceConfig
from ftdojo.training.dpo.judged import Judged, JudgedPair, parse_judged, tokenize_judged
from ftdojo.training.dpo.pairs import Pair, parse_preference, tokenize_pairs
from ftdojo.training.sft.method import ObjectiveTrainer

if TYPE_CHECKING:
    from ftdojo.training.sft.objective import Objective

P = TypeVar("P", bound=PreferenceConfig)


class PreferenceTrainer(ObjectiveTrainer[P, Pair]):
    """What the methods have in common: rows, their checks and their tokens."""

    row_form = "prompt/chosen/rejected"
    row_help = f"write {pairs.FORM} in a data program process_data.py: texts, or lists of messages"
    inapplicable = frozenset({"contradictory_rows", "not_reproduced"})

    def parse_row(self, row: Mapping[str, Any]) -> Row:
        """See :func:`ftdojo.training.dpo.pairs.parse_preference`."""
        return parse_preference(row)

    def check_rows(self, rows: Sequence[Row]) -> Iterator[Finding]:
        """See :mod:`ftdojo.training.dpo.checks`."""
        yield from check_pairs(rows)

    def check_tokens(self, tokenized: Tokenized[Pair], config: P) -> Iterator[Finding]:
        """See :mod:`ftdojo.training.dpo.checks`."""
        yield from check_lengths(tokenized.examples)

    def tokenize(self, rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[Pair]:
        """See :func:`ftdojo.training.dpo.pairs.tokenize_pairs`."""
        return tokenize_pairs(rows, base, max_length=max_length)


class Dpo(PreferenceTrainer[DpoConfig]):
    """Method ``dpo``."""

    config = DpoConfig

    def objective(self, config: DpoConfig) -> Objective[Pair]:
        """Return the loss relative to the weights that the training starts from."""
        from ftdojo.training.dpo.loss import DpoObjective

        return DpoObjective(config.beta, config.loss, config.sft_weight)


class Orpo(PreferenceTrainer[OrpoConfig]):
    """Method ``orpo``."""

    config = OrpoConfig

    def objective(self, config: OrpoConfig) -> Objective[Pair]:
        """Return the loss without a reference."""
        from ftdojo.training.dpo.loss import OrpoObjective

        return OrpoObjective(config.beta)


class Kto(ObjectiveTrainer[KtoConfig, JudgedPair]):
    """Method ``kto``."""

    config = KtoConfig
    row_form = "prompt/completion/label"
    row_help = f"write {judged.FORM} in a data program process_data.py: texts, or lists of messages; true or false"
    inapplicable = frozenset({"constant_answer", "contradictory_rows", "not_reproduced"})

    def parse_row(self, row: Mapping[str, Any]) -> Row:
        """See :func:`ftdojo.training.dpo.judged.parse_judged`."""
        return parse_judged(row)

    def check_rows(self, rows: Sequence[Row]) -> Iterator[Finding]:
        """See :mod:`ftdojo.training.dpo.checks`."""
        yield from check_labels(cast("Sequence[Judged]", rows))

    def check_tokens(self, tokenized: Tokenized[JudgedPair], config: KtoConfig) -> Iterator[Finding]:
        """See :mod:`ftdojo.training.dpo.checks`."""
        yield from check_balance(tokenized.examples, config)

    def tokenize(self, rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[JudgedPair]:
        """See :func:`ftdojo.training.dpo.judged.tokenize_judged`."""
        return tokenize_judged(rows, base, max_length=max_length)

    def objective(self, config: KtoConfig) -> Objective[JudgedPair]:
        """Return the loss relative to the weights that the training starts from."""
        from ftdojo.training.dpo.loss import KtoObjective

        return KtoObjective(config.beta, config.desirable_weight, config.undesirable_weight)
