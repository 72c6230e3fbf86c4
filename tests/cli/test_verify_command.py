"""``ftdojo verify`` as a user meets it: a document, a table, and exit statuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any


def ftdojo(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ftdojo", *map(str, arguments)]
    environment = {**os.environ, "FTDOJO_HOME": str(home)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_run_is_audited_and_an_edited_result_is_not_accepted(tmp_path: Path, finished_run: Path) -> None:
    place = shutil.copytree(finished_run, tmp_path / "copy")
    home, run = place / "home", place / "run"
    document = ftdojo(home, "verify", run, "--json")
    assert document.returncode == 0, document.stderr
    audit: dict[str, Any] = json.loads(document.stdout)
    assert set(audit) == {"run", "ok", "checks", "ledger", "result_digest", "ftdojo"}
    assert audit["ok"]
    assert {check["status"] for check in audit["checks"]} == {"ok"}

    result = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps({**result, "agent": "another"}))
    refused = ftdojo(home, "verify", run)
    assert refused.returncode == 1
    assert "result.json: agent is not what the record says" in refused.stdout
    assert "the audit failed" in refused.stderr


def test_no_run_is_a_usage_error(tmp_path: Path) -> None:
    refused = ftdojo(tmp_path, "verify", tmp_path)
    assert refused.returncode == 2
    assert "holds no run" in refused.stderr


def test_help_teaches(tmp_path: Path) -> None:
    text = " ".join(ftdojo(tmp_path, "verify", "--help").stdout.split())
    assert "ftdojo verify runs/demo --json" in text
    assert "unchecked" in text
