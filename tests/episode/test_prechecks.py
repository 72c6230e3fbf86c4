"""Free checks of submissions: recorded, counted once for the same files, limited, and the same after a resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftdojo.contract.options import RunOptions
from ftdojo.episode import Dojo
from ftdojo.errors import UsageError
from ftdojo.record import Home, Ledger
from submissions import write_submission


def prechecks(run: Path) -> list[dict[str, Any]]:
    with Ledger(run, writable=False) as ledger:
        return [event.payload for event in ledger.events("precheck")]


@pytest.fixture
def options(approve: Path, tiny_model: Path) -> RunOptions:
    return RunOptions(task=str(approve), model=str(tiny_model), prechecks=2)


def test_free_checks_are_recorded_and_limited_across_a_resume(tmp_path: Path, options: RunOptions, home: Home) -> None:
    one, two, three = (write_submission(tmp_path / str(n), train={"epochs": n}) for n in (1, 2, 3))
    with Dojo(options, tmp_path / "run", home=home) as dojo:
        dojo.reset()
        assert [f for f in dojo.precheck(one) if f.severity == "error"] == []
        assert dojo.precheck(one) == dojo.precheck(one)
    with Dojo(options, tmp_path / "run", home=home) as dojo:
        dojo.reset()
        (two / "train.yaml").write_text("epoch: 1")
        found = [finding.code for finding in dojo.precheck(two)]
        with pytest.raises(UsageError, match="all 2 free checks"):
            dojo.precheck(three)
        assert dojo.precheck(one) is not None
        assert [row["codes"] for row in prechecks(dojo.run)][1] == found
    assert len(prechecks(tmp_path / "run")) == 2


def test_a_check_of_rows_with_evaluation_items_is_counted_and_not_shown(
    tmp_path: Path, options: RunOptions, home: Home, approve: Path
) -> None:
    items, raw = (
        [json.loads(line) for line in (approve / f"{name}.jsonl").read_text().splitlines()]
        for name in ("eval", "train")
    )
    shown = {}
    for name, known in (("honest", 0), ("copies", 30)):
        rows = [
            {"prompt": row["request"], "completion": row["verdict"]} for row in [*items[:known], *raw[: 60 - known]]
        ]
        folder = write_submission(
            tmp_path / name,
            program=f"import json, sys\nrows = {rows!r}[:int(sys.argv[sys.argv.index('--limit') + 1])]\n"
            "open('/output/rows.jsonl', 'w').write(''.join(json.dumps(r) + '\\n' for r in rows))\n",
        )
        with Dojo(options, tmp_path / "run", home=home) as dojo:
            dojo.reset()
            shown[name] = sorted(finding.code for finding in dojo.precheck(folder))
    assert [row["overlap"] for row in prechecks(tmp_path / "run")] == [0, 30]
    assert shown["copies"] == shown["honest"]
