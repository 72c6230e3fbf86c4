"""A training method outside of ftdojo, in one module: it trains the token embeddings alone, from rows of its own form.

Rows are ``question`` and ``reply``. It is small, but keeps the promises of a trainer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from ftdojo.contract.method_config import MethodConfig, MethodFacts
from ftdojo.contract.row import Row, parse_row
from ftdojo.contract.train_config import OUT_OF_TIME
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.models import compute, describe, network
from ftdojo.training import Point, Step, Tokenized, Trainer, TrainResult, export, structure_faults, tokenize

TRAINED = "embed_tokens.weight"


class EmbeddingsConfig(MethodConfig):
    """Only the token embeddings are trained."""

    methods: ClassVar = {"embeddings": MethodFacts(adapters=False, usual_rates="1e-3 to 1e-1")}

    method: Literal["embeddings"] = "embeddings"
    """The one method."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Decay of the first moment of Adam."""


class Reply(Row):
    """A question and the reply to it."""

    def with_texts(self, texts: Sequence[str]) -> Row:
        """The same row with another question and reply."""
        return Embeddings().parse_row({**self.source, "question": texts[0], "reply": texts[1]})


class Embeddings(Trainer[EmbeddingsConfig, Any]):
    """The method ``embeddings``."""

    config = EmbeddingsConfig
    version = "1"
    row_form = "question/reply"
    row_help = "write question and reply"
    inapplicable = frozenset({"few_steps"})

    def parse_row(self, row: Mapping[str, Any]) -> Row:
        """Of ``question``, ``reply`` and perhaps ``subtask``."""
        about = {key: row[key] for key in row if key not in {"question", "reply"}}
        if about.keys() - {"subtask"} or not {"question", "reply"} <= row.keys():
            raise ValueError(f"keys {sorted(map(str, row))} are not question and reply")
        pair = parse_row({"prompt": row["question"], "completion": row["reply"], **about})
        return Reply(pair.prompt, pair.completion, pair.subtask, row)

    def check_config(self, config: EmbeddingsConfig, base: Path) -> Iterator[Finding]:
        """One process is all that it has."""
        if config.devices > 1:
            yield Finding(code="one_device", message="it trains on one", where="train.yaml: devices", fix="devices: 1")

    def check_rows(self, rows: Sequence[Row]) -> Iterator[Finding]:
        """A question asks."""
        if not any("asks" in row.turns[0] for row in rows):
            yield Finding(code="no_question", message="no row asks", where="data program", fix="ask something")

    def tokenize(self, rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[Any]:
        """As for pairs."""
        return tokenize(rows, base, max_length=max_length)

    def memory(self, config: EmbeddingsConfig, base: Path, examples: Sequence[Any] = ()) -> float:
        """Interpreter and libraries; weights, gradients and moments; and logits."""
        longest = max((e.tokens for e in examples), default=0)
        model = describe(base)
        return 2.0**30 + 16.0 * (model.parameters + config.batch_size * longest * model.vocabulary)

    def forecast_s(self, examples: Sequence[Any], config: EmbeddingsConfig, base: Path) -> float:
        """From three steps, of which the first is not counted."""
        seconds = [s.seconds for s in self._steps(examples, config, base, limit=3)[0].step_times]
        return max(seconds[1:] or seconds) * config.steps(len(examples))

    def train(self, examples: Sequence[Any], config: EmbeddingsConfig, base: Path, out: Path, **hooks: Any) -> Any:
        """Train, and write the whole model."""
        result, model = self._steps(examples, config, base, **hooks)
        with network.quiet():
            model.save_pretrained(out)
        return result

    def export(self, base: Path, trained: Path, out: Path) -> None:
        """As for a full training."""
        export(base, trained, out)

    def lineage_faults(
        self, base: Path, model: Path, config: EmbeddingsConfig, steps: int, *, earlier: Sequence[Any] = ()
    ) -> list[str]:
        """All tensors but the embeddings are those of the base."""
        if found := structure_faults(base, model):
            return found
        from safetensors import safe_open

        with safe_open(base / "model.safetensors", "pt") as before, safe_open(model / "model.safetensors", "pt") as now:
            if set(before.keys()) != set(now.keys()):
                return ["it has other tensors than the base"]
            kept = [name for name in now.keys() if not name.endswith(TRAINED)]  # noqa: SIM118 - no mapping
            return [f"{n} changed" for n in kept if not before.get_tensor(n).equal(now.get_tensor(n))]

    def _steps(
        self,
        examples: Sequence[Any],
        config: EmbeddingsConfig,
        base: Path,
        *,
        on_log: Any = None,
        time_left_s: float | None = None,
        stop_after: int | None = None,
        limit: int | None = None,
    ) -> tuple[TrainResult, Any]:
        import torch

        chosen, random = compute(), torch.Generator().manual_seed(config.seed)
        model = network.load(base, torch.float32, attention="sdpa")
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.endswith(TRAINED)
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=config.learning_rate, betas=(config.momentum, 0.999))
        steps, begun, curve, times, stopped = config.steps(len(examples)), time.monotonic(), [], [], None
        order: list[int] = []
        for step in range(1, min(steps, limit or steps) + 1):
            step_begun = time.monotonic()
            if len(order) < config.batch_size:
                order += torch.randperm(len(examples), generator=random).tolist()
            batch, order = [examples[i] for i in order[: config.batch_size]], order[config.batch_size :]
            width = max(e.tokens for e in batch)
            ids, labels = (
                torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])
                for rows, fill in (([e.input_ids for e in batch], 0), ([e.labels for e in batch], -100))
            )
            loss = model(input_ids=ids, labels=labels).loss
            loss.backward()
            norm = float(torch.nn.utils.clip_grad_norm_(trained, config.max_grad_norm))
            optimizer.step()
            optimizer.zero_grad()
            value = float(loss.detach())
            if not torch.isfinite(loss):
                where = "train.yaml: learning_rate"
                raise InputError([Finding(code="loss_not_finite", message="the loss is lost", where=where, fix="less")])
            times.append(Step(sum(e.tokens for e in batch), time.monotonic() - step_begun))
            curve.append(Point(step, value, norm, config.learning_rate))
            seconds = time.monotonic() - begun
            tokens = sum(t.tokens for t in times)
            if on_log:
                log = {"step": step, "steps": steps, "loss": value, "grad_norm": norm}
                on_log({**log, "learning_rate": config.learning_rate, "tokens_per_s": tokens / seconds})
            late = time_left_s is not None and seconds > time_left_s
            if step < steps and (stop_after == step if stop_after is not None else late):
                message = f"the time was up after {step} of {steps} steps"
                where = "train.yaml: epochs"
                stopped = Finding(
                    code=OUT_OF_TIME, severity="warning", message=message, where=where, fix="fewer epochs"
                )
                break
        result = TrainResult(
            steps=len(curve),
            epochs=len(curve) * config.batch_size / len(examples),
            tokens=tokens,
            seconds=seconds,
            steady_tokens_per_s=tokens / seconds,
            step_times=times,
            peak_memory_bytes=int(self.memory(config, base, examples)),
            curve=curve,
            eval_curve=[],
            compute=str(chosen),
            stopped=stopped,
        )
        return result, model
