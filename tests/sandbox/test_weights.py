"""Weights that installed distributions bring along are found by what they say that they have installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ftdojo.sandbox import find_weights
from sandbox_fixtures import Execute


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages with a distribution that has files of several kinds."""
    site = (tmp_path / "site").resolve()
    info = site / "brings-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brings\nVersion: 1\n")
    lines = []
    for name, size in [("model.gguf", 2_000_000), ("tiny.bin", 5_000), ("table.csv", 2_000_000), ("gone.pt", 0)]:
        lines.append(f"brings/{name},sha256=x,{size or 9_000_000}")
        if size:
            (site / "brings").mkdir(exist_ok=True)
            (site / "brings" / name).write_bytes(b"x" * size)
    (info / "RECORD").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(site)
    find_weights.cache_clear()
    yield site
    find_weights.cache_clear()


def test_they_are_empty_for_a_program_and_other_files_are_not(site: Path, execute: Execute) -> None:
    assert [path for path in find_weights() if path.is_relative_to(site)] == [site / "brings/model.gguf"]
    code = "import os; print({f.name: f.stat().st_size for f in os.scandir('/site/brings')})"
    shown = execute(code, options={"read_only": {site: "/site"}, "hide": find_weights()}).output
    assert "'model.gguf': 0" in shown
    assert "'tiny.bin': 5000" in shown
    assert "'table.csv': 2000000" in shown
