"""Slots: the number of jobs that run at once, and the device of each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one job at a time."""

    name: str
    environment: Mapping[str, str]
    """Variables that its jobs get in addition to the environment of the suite."""


def slots(count: int | None = None) -> list[Slot]:
    """Return ``count`` slots; by default one for each visible GPU, or one for the CPU.

    Slots beyond the number of GPUs share them, and slots of a CPU share its cores: the same wall-clock budget then
    allows less work, for all contestants alike.
    """
    from ftdojo.models import compute

    if compute().device == "cpu":
        count = count or 1
        cores = max(1, len(os.sched_getaffinity(0)) // count)
        environment = {"OMP_NUM_THREADS": str(cores)} if count > 1 else {}
        return [Slot(f"cpu {i}" if count > 1 else "cpu", environment) for i in range(count)]
    import torch

    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = listed.split(",") if listed else [str(i) for i in range(torch.cuda.device_count())]
    chosen = [devices[i % len(devices)] for i in range(count or len(devices))]
    return [Slot(f"gpu {device}", {"CUDA_VISIBLE_DEVICES": device}) for device in chosen]
