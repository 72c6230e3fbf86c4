"""One training in two processes on CPUs: the same steps, faults and results as in one process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
import torch

from ftdojo.contract.train_config import OUT_OF_TIME
from ftdojo.errors import InputError
from ftdojo.training.sft.parallel import train_on_devices
from training.sft.test_trainer import config, examples, weights


def test_two_processes_take_the_steps_of_one(tiny_model: Path, tmp_path: Path) -> None:
    rows, logs = examples(tiny_model), list[float]()
    # At this rate the same steps over the share of one process alone end at a similarity of 0.85.
    single = config(batch_size=4, gradient_accumulation=2, eval_fraction=0.1, learning_rate=5e-3)
    double = config(batch_size=4, devices=2, eval_fraction=0.1, learning_rate=5e-3)
    one = train_on_devices(rows, single, tiny_model, tmp_path / "one")
    two = train_on_devices(rows, double, tiny_model, tmp_path / "two", on_log=lambda log: logs.append(log["loss"]))
    assert (two.steps, two.epochs) == (one.steps, one.epochs)
    assert logs == [point.loss for point in two.curve]
    assert [p.loss for p in two.curve] == pytest.approx([p.loss for p in one.curve], rel=0.1)
    assert [loss for _, loss in two.eval_curve] == pytest.approx([loss for _, loss in one.eval_curve], rel=0.1)
    before, after = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert before.keys() == after.keys()
    moved = [torch.cosine_similarity(before[n].flatten().float(), after[n].flatten().float(), dim=0) for n in before]
    assert min(moved) > 0.99


@pytest.mark.slow
def test_adapters_are_trained_together_until_the_time_of_the_first_is_up(tiny_model: Path, tmp_path: Path) -> None:
    long = config(method="lora", devices=2, batch_size=4, epochs=100, lora={"rank": 8, "alpha": 16})
    result = train_on_devices(examples(tiny_model), long, tiny_model, tmp_path / "out", stop_after=60)
    assert result.stopped is not None
    assert (result.stopped.code, result.steps) == (OUT_OF_TIME, 60)
    assert result.curve[-1].loss < result.curve[0].loss
    assert (tmp_path / "out/adapter_model.safetensors").is_file()


@pytest.mark.slow
def test_what_one_process_finds_is_the_finding(tiny_model: Path, tmp_path: Path) -> None:
    wild = config(devices=2, batch_size=4, learning_rate=1.0, warmup_ratio=0.0, schedule="constant", epochs=60)
    with pytest.raises(InputError) as caught:
        train_on_devices(examples(tiny_model), wild, tiny_model, tmp_path / "out")
    assert {finding.code for finding in caught.value.findings} <= {"diverged", "loss_not_finite"}


def test_nothing_is_left_when_the_run_is_killed(tiny_model: Path, tmp_path: Path) -> None:
    program = f"""
        from pathlib import Path
        from ftdojo.training.sft.parallel import train_on_devices
        from training.sft.test_trainer import config, examples
        base, long = Path({str(tiny_model)!r}), config(devices=2, batch_size=4, epochs=100)
        train_on_devices(examples(base, 400), long, base, Path("out"), on_log=lambda log: print(log, flush=True))
        """
    run = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
    )
    assert run.stdout is not None
    assert run.stdout.readline(), "it trains"
    family = psutil.Process(run.pid).children(recursive=True)
    assert len(family) >= 3
    run.kill()
    _, alive = psutil.wait_procs([run, *family], timeout=20)
    assert alive == []
