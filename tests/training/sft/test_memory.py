"""Peak memory of a process, and whether freed memory returns to the OS."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import torch

from ftdojo.training.sft.memory import PeakMemory, keeping_freed_memory, returning_freed_memory

LARGE = 64 * 2**20
"""Bytes; glibc asks the kernel for each block of that size."""
KEPT = """
import resource, psutil, torch
from ftdojo.training.sft.memory import keeping_freed_memory

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.ones({size}, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

resident = lambda: psutil.Process().memory_info().rss
faults(1)
usual, before = faults(8), resident()
with keeping_freed_memory("{device}"):
    faults(1)
    kept, within = faults(8), resident()
after = resident()
print(kept < usual / 2, within - before > {size} / 2, after - before > {size} / 2)
"""


def test_the_peak_is_of_what_was_resident_within() -> None:
    torch.ones(4 * LARGE, dtype=torch.uint8)
    with PeakMemory("cpu") as small:
        pass
    with PeakMemory("cpu") as large:
        torch.ones(LARGE, dtype=torch.uint8)
    assert large.peak - small.peak > LARGE / 2


@pytest.mark.skipif(sys.platform != "linux", reason="it is glibc's allocator that is told")
@pytest.mark.parametrize(("device", "expected"), [("cpu", "True True False"), ("cuda", "False False False")])
def test_freed_memory_is_used_again_and_goes_back_at_the_end(device: str, expected: str) -> None:
    script = KEPT.format(size=LARGE, device=device)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


RETURNED = """
import contextlib, psutil, torch
from ftdojo.training.sft.memory import returning_freed_memory

def left(context):
    with context:
        blocks = [torch.ones({size}, dtype=torch.uint8) for _ in range(8)]
        before = psutil.Process().memory_info().rss
        del blocks[:-1]  # the last one stays, so the top of the heap cannot be cut
        return 7 * {size} - (before - psutil.Process().memory_info().rss)

torch.ones({large}, dtype=torch.uint8)  # from here on glibc asks the kernel for still larger blocks alone
print(left(returning_freed_memory("cpu")) > {size}, left(contextlib.nullcontext()) > {size})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is glibc's allocator that is told")
def test_large_blocks_go_back_at_once() -> None:
    script = RETURNED.format(size=8 * 2**20, large=31 * 2**20)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False True"


@pytest.mark.parametrize("context", [keeping_freed_memory, returning_freed_memory])
def test_an_error_within_is_passed_on(context: Callable[[str], AbstractContextManager[None]]) -> None:
    with pytest.raises(ZeroDivisionError), context("cpu"):
        raise ZeroDivisionError
