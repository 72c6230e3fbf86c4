"""Pages that are generated are what their generators print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_tasks_is_up_to_date() -> None:
    script = ROOT / "docs" / "generate_tasks.py"
    code = f"import runpy; print(runpy.run_path({str(script)!r})['page'](), end='')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (ROOT / "docs" / "tasks.md").read_text("utf-8"), "run docs/generate_tasks.py"
