"""One training on one device, or data-parallel on several of this machine: one process per device, with the same steps.

Every process takes its share of the batches of a step; gradients are averaged (``DistributedDataParallel``). Each holds
the whole network, or a part of it (:mod:`ftdojo.training.sft.sharding`). The processes find each other through a file
and talk over the loopback interface, so nothing listens on the network.

python -m ftdojo.training.sft.parallel FOLDER        run the training described in FOLDER, on several devices
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from pydantic import TypeAdapter

from ftdojo import child
from ftdojo.contract.methods import parse_config
from ftdojo.contract.train_config import WeightsConfig
from ftdojo.errors import InfrastructureError, InputError
from ftdojo.findings import Finding
from ftdojo.models import Compute, compute
from ftdojo.schema import StrictModel
from ftdojo.training.backend import TrainOptions, TrainResult, trainer_of
from ftdojo.training.sft.tokens import Example, S

if TYPE_CHECKING:
    from ftdojo.training.sft.objective import Objective

REQUEST, EXAMPLES, RESULT, FAULTS = "request.json", "examples.safetensors", "result.json", "faults-*.json"
MEETING = "meeting"
LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
_RESULT, _FINDINGS = TypeAdapter(TrainResult), TypeAdapter(tuple[Finding, ...])


class Request(StrictModel):
    """A training request; the rows are in a file next to it."""

    train: dict[str, Any]
    """The content of ``train.yaml``."""
    sequences: int
    """Sequences of each row."""
    base: Path
    out: Path
    time_left_s: float | None
    stop_after: int | None
    start: Path | None
    on: Compute | None = None


def train_on_devices(
    examples: Sequence[S],
    config: WeightsConfig,
    base: Path,
    out: Path,
    *,
    on: Compute | None = None,
    **options: Unpack[TrainOptions],
) -> TrainResult:
    """Train as :func:`ftdojo.training.sft.trainer.train` does, on as many devices as the configuration requests, with
    the objective of its method.

    Raises:
        InputError, UsageError: as there.
        InfrastructureError: if one of several processes ends without a result or a finding.
    """
    if config.devices == 1:
        from ftdojo.training.sft import trainer

        return trainer.train(examples, config, base, out, objective=_find_objective(config), on=on, **options)
    on_log, start = options.get("on_log"), options.get("start")
    if (resident := options.get("resident")) is not None:
        resident.release()  # each process loads its own
    request = Request(
        train=config.model_dump(mode="json"),
        sequences=len(examples[0].sequences),
        base=base.absolute(),
        out=out.absolute(),
        time_left_s=options.get("time_left_s"),
        stop_after=options.get("stop_after"),
        start=start.absolute() if start else None,
        on=on,
    )
    with tempfile.TemporaryDirectory(prefix="ftdojo-devices-") as scratch, tempfile.TemporaryFile("w+") as complaints:
        folder = Path(scratch)
        (folder / REQUEST).write_text(request.model_dump_json(), "utf-8")
        _write([sequence for row in examples for sequence in row.sequences], folder / EXAMPLES)
        program = child.module("ftdojo.training.sft.parallel", scratch)
        with child.running(*program, stdout=subprocess.PIPE, stderr=complaints) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if on_log is not None:
                    on_log(json.loads(line))
        for fault in sorted(folder.glob(FAULTS)):
            raise InputError(_FINDINGS.validate_json(fault.read_bytes()))
        if process.returncode or not (folder / RESULT).is_file():
            complaints.seek(0)
            raise InfrastructureError(
                f"a training on {config.devices} devices ended with status {process.returncode}: "
                f"{complaints.read().strip()[-800:]}",
                fix="run the same command again, or set devices: 1 to use only one process",
            )
        return _RESULT.validate_json((folder / RESULT).read_bytes())


def main() -> None:
    """Start one process per device, and end all if one fails."""
    from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, spawn

    folder = Path(sys.argv[1])
    devices = Request.model_validate_json((folder / REQUEST).read_bytes()).train["devices"]
    try:
        spawn(_take_part, args=(folder, os.getpid()), nprocs=devices)  # type: ignore[no-untyped-call]
    except (ProcessExitedException, ProcessRaisedException) as error:
        sys.exit(str(error))


def _take_part(rank: int, folder: Path, parent: int) -> None:
    """Run one of the processes."""
    child.die_with(parent)
    sys.stdout = sys.stderr  # output of libraries is not part of the log
    import torch
    from torch import distributed

    from ftdojo.training.sft import trainer  # here, as the parent trains nothing and this takes seconds

    request = Request.model_validate_json((folder / REQUEST).read_bytes())
    config = parse_config(request.train, where="train.yaml")
    assert isinstance(config, WeightsConfig)
    objective, size, device = _find_objective(config), config.devices, (request.on or compute()).device
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
    os.environ |= LOOPBACK
    if device == "cuda":
        torch.cuda.set_device(rank)
    else:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // size))
    meeting = f"file://{folder / MEETING}"
    backend = "nccl" if device == "cuda" else "gloo"
    distributed.init_process_group(backend, init_method=meeting, rank=rank, world_size=size)
    parts = _read(folder / EXAMPLES)
    rows = [parts[i : i + request.sequences] for i in range(0, len(parts), request.sequences)]
    try:
        result = trainer.train(
            list(map(objective.build_row, rows)),
            config,
            request.base,
            request.out,
            objective=objective,
            on_log=_print_log if rank == 0 else None,
            time_left_s=request.time_left_s,
            stop_after=request.stop_after,
            start=request.start,
            on=request.on,
        )
    except InputError as error:
        (folder / FAULTS.replace("*", str(rank))).write_bytes(_FINDINGS.dump_json(error.findings))
        sys.exit(1)  # the others wait for this one, and are ended by their parent
    if rank == 0:
        (folder / RESULT).write_bytes(_RESULT.dump_json(result))
    distributed.destroy_process_group()


def _find_objective(config: WeightsConfig) -> Objective[Any]:
    """Return what the method of a configuration minimizes. It needs torch, so only a process that trains calls it."""
    from ftdojo.training.sft.method import ObjectiveTrainer

    method = trainer_of(config)
    assert isinstance(method, ObjectiveTrainer)
    return method.objective(config)


def _print_log(log: dict[str, float]) -> None:
    print(json.dumps(log), file=sys.__stdout__, flush=True)


def _write(examples: Sequence[Example], path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    lists = {
        "input_ids": [token for e in examples for token in e.input_ids],
        "labels": [label for e in examples for label in e.labels],
        "lengths": [len(e.input_ids) for e in examples],
    }
    save_file({name: torch.tensor(values) for name, values in lists.items()}, path)


def _read(path: Path) -> list[Example]:
    from safetensors.torch import load_file

    tensors = load_file(path)
    parts = [tensors[name].split(tensors["lengths"].tolist()) for name in ("input_ids", "labels")]
    return [Example(ids.tolist(), labels.tolist()) for ids, labels in zip(*parts, strict=True)]


if __name__ == "__main__":
    main()
