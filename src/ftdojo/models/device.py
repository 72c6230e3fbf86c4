"""Where models run on this machine, and in which precision."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and in which precision models run, and why."""

    device: str
    """``cpu`` or ``cuda``."""
    precision: str
    """``float32`` or ``bfloat16``."""
    attention: str
    """Which of the attention functions of transformers training uses."""
    reason: str

    @property
    def dtype(self) -> torch.dtype:
        """The precision as torch names it."""
        import torch

        return {"bfloat16": torch.bfloat16, "float32": torch.float32}[self.precision]

    def __str__(self) -> str:
        return f"{self.device}/{self.precision}/{self.attention}"


def compute() -> Compute:
    """The device, precision and attention of this machine. A pure function of its hardware, so that runs compare."""
    import torch

    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Compute("cuda", "bfloat16", "sdpa", f"{name} computes in bfloat16")
        return Compute("cuda", "float32", "sdpa", f"{name} has no bfloat16, and float16 would need loss scaling")
    return of_processor(CPUINFO.read_text("utf-8") if CPUINFO.is_file() else "")


def devices() -> int:
    """How many processes can each have a device of their own: GPUs, or else processors, all with one memory."""
    import torch

    return torch.cuda.device_count() or os.cpu_count() or 1


def available_memory(compute: Compute) -> float:
    """Bytes that a training may take now, those that this process has already included."""
    if compute.device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved())
    import psutil

    return float(psutil.virtual_memory().available + psutil.Process().memory_info().rss)


def of_processor(cpuinfo: str) -> Compute:
    """The precision for a processor, described as in Linux's ``/proc/cpuinfo``.

    ``avx512_bf16`` alone does not decide. AMX multiplies in bfloat16 many times as fast as AVX-512 in float32, and so,
    about three times, does the ``vdpbf16ps`` of AMD's processors. Intel's runs on one port instead of two: matrix
    products measured half as fast as in float32 on one whose AMX is hidden by a hypervisor.

    Attention: with the many casts of bfloat16 the eager function trains faster than the fused kernel on short rows;
    in float32 the two are equal, and the fused one takes less memory.
    """
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in cpuinfo.splitlines())}
    flags, vendor = set(fields.get("flags", "").split()), fields.get("vendor_id")
    if "amx_bf16" in flags:
        return Compute("cpu", "bfloat16", "eager", "the processor multiplies bfloat16 matrices (AMX)")
    if "avx512_bf16" in flags and vendor == "AuthenticAMD":
        return Compute("cpu", "bfloat16", "eager", "the processor multiplies faster in bfloat16 (AVX-512)")
    if "avx512_bf16" in flags:
        return Compute("cpu", "float32", "sdpa", "the processor knows bfloat16 but multiplies faster in float32")
    return Compute("cpu", "float32", "sdpa", "the processor has no bfloat16 instructions")
