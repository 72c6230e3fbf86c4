"""PAR4PC: time that hostile outputs take."""

from __future__ import annotations

from ftdojo_tasks.patent import par4pc
from scoring_fixtures import CpuSeconds


def test_many_unclosed_lists_are_read_in_linear_time(cpu_seconds: CpuSeconds) -> None:
    assert cpu_seconds(lambda: par4pc.picks('x"answer":[' * 100_000)) < 2
