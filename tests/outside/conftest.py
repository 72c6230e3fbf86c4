"""The options of an episode that all tests of outside agents serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.record import Home


@pytest.fixture
def options(tmp_path: Path, approve: Path, tiny_model: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("FTDOJO_HOME", str(home.root))
    return [str(approve), "--model", str(tiny_model), "--budget", "10m", "--out", str(tmp_path / "run")]
