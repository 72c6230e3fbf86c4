"""The device and precision with which models run on this machine."""

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
    """Device, precision and attention function with which models run, and the reason."""

    device: str
    """``cpu`` or ``cuda``."""
    precision: str
    """``float32`` or ``bfloat16``."""
    attention: str
    """The attention function of transformers that training uses."""
    reason: str

    @property
    def dtype(self) -> torch.dtype:
        """The precision as a torch type."""
        import torch

        return {"bfloat16": torch.bfloat16, "float32": torch.float32}[self.precision]

    def __str__(self) -> str:
        return f"{self.device}/{self.precision}/{self.attention}"


def compute() -> Compute:
    """Return device, precision and attention for this machine: they depend only on its hardware, so runs compare."""
    import torch

    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Compute("cuda", "bfloat16", "sdpa", f"{name} computes in bfloat16")
        return Compute("cuda", "float32", "sdpa", f"{name} has no bfloat16, and float16 would need loss scaling")
    return select_for_cpu(CPUINFO.read_text("utf-8") if CPUINFO.is_file() else "")


def devices() -> int:
    """Number of devices: GPUs, or without any, processors, which share one memory."""
    import torch

    return torch.cuda.device_count() or os.cpu_count() or 1


def available_memory(compute: Compute) -> float:
    """Return the bytes that a training may use now, including those that this process already has."""
    if compute.device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved())
    import psutil

    return float(psutil.virtual_memory().available + psutil.Process().memory_info().rss)


def select_for_cpu(cpuinfo: str) -> Compute:
    """Return the precision and attention for a CPU, described as in Linux's ``/proc/cpuinfo``.

    ``avx512_bf16`` alone does not decide. AMX multiplies in bfloat16 many times as fast as AVX-512 in float32, and the
    ``vdpbf16ps`` of AMD's processors about three times as fast. Intel's runs on one port instead of two: matrix
    products measured half as fast as in float32 on an Intel processor whose AMX was hidden by a hypervisor.

    Attention: because of the many casts in bfloat16, the eager function trains faster than the fused kernel on short
    rows; in float32 the two are equally fast, and the fused one takes less memory.
    """
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in cpuinfo.splitlines())}
    flags, vendor = set(fields.get("flags", "").split()), fields.get("vendor_id")
    if "amx_bf16" in flags:
        return Compute("cpu", "bfloat16", "eager", "the processor multiplies bfloat16 matrices (AMX)")
    if "avx512_bf16" in flags and vendor == "AuthenticAMD":
        return Compute("cpu", "bfloat16", "eager", "the processor multiplies faster in bfloat16 (AVX-512)")
    if "avx512_bf16" in flags:
        return Compute("cpu", "float32", "sdpa", "the processor supports bfloat16 but multiplies faster in float32")
    return Compute("cpu", "float32", "sdpa", "the processor has no bfloat16 instructions")
