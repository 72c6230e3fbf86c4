"""The auditor: runs every check on a run, in order, and collects the results."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ftdojo import digest
from ftdojo.audit import best, identity, record, scores
from ftdojo.audit.audit import Audit, Check, Status
from ftdojo.audit.evidence import MALFORMED, Copy, Evidence, Unchecked, Unreadable, line
from ftdojo.audit.regenerate import regenerate
from ftdojo.audit.remake import remake
from ftdojo.contract.progress import Progress
from ftdojo.errors import FtdojoError, InfrastructureError, InputError, UsageError
from ftdojo.plain import plural
from ftdojo.record import Home, Ledger, RunFolder

CHECKS: dict[str, Callable[[Evidence], list[str]]] = {
    "ledger": record.ledger,
    "result": record.result,
    "opening": record.opening,
    "budget": record.budget,
    "teachers": record.teachers,
    "data": identity.data,
    "base": identity.base,
    "submissions": identity.submissions,
    "stages": identity.stages,
    "validation": scores.validation,
    "decisions": scores.decisions,
    "outputs": scores.outputs,
    "test": scores.test,
    "overlap": best.overlap,
    "lineage": best.lineage,
}
"""Name -> check, which returns its faults. A check reports on one thing only: if its inputs are not the recorded ones,
another check reports that. Cheap checks come first."""
GUARDED: dict[str, Callable[[Evidence], list[str]]] = {"guard": scores.guard}
"""Further checks of a run with guard tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What an audit does in addition to its usual checks."""

    regenerate: bool = False
    """Answer the test again with the kept models."""
    sample: int | None = None
    """How many test items to answer again; all if ``None``."""
    remake: bool = False
    """Run the data program of the best model again, in the sandbox."""
    expect: str | None = None
    """A link of the ledger that was noted in another place."""


def verify(
    run: Path,
    *,
    home: Home,
    task: str | None = None,
    demand: Demand | None = None,
    copy: Copy | None = None,
    progress: Progress,
) -> Audit:
    """Check a finished run again.

    Args:
        run: its folder, or a copy of it.
        home: where the stages and the prepared data of the run are, if they are on this machine.
        task: where the task is, if its folder was moved after the run.
        demand: further checks.
        copy: how ``run`` was made, if it is not the folder that the run wrote.
        progress: receives the name of each check.

    Raises:
        UsageError: if there is no run, or one that has not ended.
    """
    selected = CHECKS | _demanded(demand or Demand(), progress)
    if not RunFolder(run).ledger.is_file():
        raise UsageError(f"{run} holds no run", fix="name a folder that `ftdojo run --out` wrote")
    RunFolder(run).require_plain()
    checks: list[Check] = []
    with _copy_ledger(run) as folder:
        try:
            with Ledger(folder, writable=False) as ledger:
                evidence = Evidence(run, ledger, home, task, copy)
                if evidence.configuration.guard:
                    selected |= GUARDED
                for place, (name, check) in enumerate(selected.items()):
                    progress.update("verify", place, len(selected), name)
                    checks.append(_run_check(name, check, evidence))
                head = evidence.history.head
        except (Unreadable, InfrastructureError) as error:
            why, head = "the ledger cannot be read", ""
            checks = [Check(name=name, status="unchecked", message=why) for name in selected]
            checks[0] = Check(name="ledger", status="failed", message=f"{RunFolder(run).ledger.name}: {line(error)}")
    failed = [check.name for check in checks if check.status == "failed"]
    progress.end("verify", f"{plural(len(checks), 'check')}, {len(failed)} failed")
    result = RunFolder(run).result
    return Audit(
        run=run.absolute().name,
        ok=not failed,
        checks=checks,
        ledger=head,
        result_digest=digest.of_file(result) if result.is_file() else "",
        ftdojo=version("ftdojo"),
    )


def _demanded(demand: Demand, progress: Progress) -> dict[str, Callable[[Evidence], list[str]]]:
    """Return name -> check of the further checks."""
    found: dict[str, Callable[[Evidence], list[str]]] = {}
    if (link := demand.expect) is not None:
        found["expected"] = _named(lambda evidence: record.expected(evidence, link), record.expected)
    if demand.regenerate:
        found["regenerate"] = _named(lambda evidence: regenerate(evidence, demand.sample, progress), regenerate)
    if demand.remake:
        found["rows"] = _named(lambda evidence: remake(evidence, progress), remake)
    return found


def _named(check: Callable[[Evidence], list[str]], model: Callable[..., object]) -> Callable[[Evidence], list[str]]:
    """Give a check the docstring of ``model``, which is its claim."""
    check.__doc__ = model.__doc__
    return check


@contextmanager
def _copy_ledger(run: Path) -> Iterator[Path]:
    """Copy the ledger: SQLite takes locks, and would leave files next to a file that it opens."""
    with tempfile.TemporaryDirectory(prefix="ftdojo-verify-") as folder:
        ledger = RunFolder(run).ledger
        for path in (ledger, ledger.with_name(f"{ledger.name}-wal")):
            if path.is_file():
                shutil.copyfile(path, Path(folder, path.name))
        yield Path(folder)


def _run_check(name: str, check: Callable[[Evidence], list[str]], evidence: Evidence) -> Check:
    """Run one check. If it passes, the message is the first line of its docstring."""

    def answer(status: Status, message: str) -> Check:
        return Check(name=name, status=status, message=message)

    try:
        found = check(evidence)
    except Unchecked as why:
        return answer("unchecked", str(why))
    except InputError as error:
        return answer("failed", error.message)
    except FtdojoError as error:
        return answer("unchecked", error.message)
    except MALFORMED as error:
        return answer("failed", f"cannot be read: {line(error)}")
    return answer("failed", "; ".join(found)) if found else answer("ok", _claim(check))


def _claim(check: Callable[[Evidence], list[str]]) -> str:
    return (check.__doc__ or "").strip().splitlines()[0].rstrip(".")
