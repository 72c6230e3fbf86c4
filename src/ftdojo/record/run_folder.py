"""The layout of a run's folder. No other module contains these names.

DIR/
  ledger.sqlite       the recorded events: see ftdojo.record.ledger; the folder of a suite has one, too
  .lock               held by the process that writes the ledger
  submissions/001/    the first submission, as it was trained; then 002, and so on
  workspace/          where the agent drafts its submissions
  agent/, agent.log   of an outside agent that ftdojo started: its working folder, and what it printed
  model/              the best model, merged; absent if no submission was better than the base model
  sealed/             of a finished run: the outputs on the test items, and examples with right answers
  metrics.jsonl       the numbers of the run as it goes, for programs that draw curves
  trackers/           what `ftdojo run --track` has sent
  finish              a request to end the run after the current submission
  more_time           a request for a larger limit of time: see ftdojo.episode.extension
  address.json        of an outside agent over HTTP: where its episode is served, with its secret
  finish.log          of an outside agent that left: what the process printed that finished its run
  result.json         of a finished run: its result, written last
  attempt-1.log       of a job of a suite: what its first attempt printed
  report.html         the report, written by the command line
  leaderboard.*       of a suite: its pages

The folder is private (mode 0700): it holds prompts, outputs on test and what the agent must not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ftdojo.errors import UsageError
from ftdojo.files import require_plain

LEDGER = "ledger.sqlite"
FOLDERS = ("submissions", "workspace", "model", "sealed", "trackers", "agent")
"""Folders in that of a run, in which no other run lies."""
LEADERBOARD = ("leaderboard.json", "leaderboard.md", "leaderboard.html")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths in the folder of one run. Nothing is made."""

    path: Path

    def require_plain(self) -> None:
        """Check that nothing that ftdojo writes here is a link, as it may be in the folder of a stranger.

        Raises:
            UsageError: that names the first link.
        """
        endings = ("", "-wal", "-shm", "-journal")  # of the files that SQLite writes
        logs = (path.name for path in self.path.glob("attempt-*.log"))
        files = [self.lock, self.finish_request, self.time_request, self.metrics, self.result, self.report]
        files += [self.agent_log, self.address, self.finish_log]
        require_plain(
            self.path,
            files=[*(LEDGER + end for end in endings), *(path.name for path in files), *LEADERBOARD, *logs],
            folders=[name for name in FOLDERS if name != self.agent.name],
            others=[self.agent.name],
        )

    def require_place(self) -> None:
        """Check that a run or a contest can be recorded here.

        Raises:
            UsageError: if this is a file, or the folder of a task, which would change with what is written here.
        """
        fix = "name another folder with --out, such as runs/mine"
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file, and a run needs a folder of its own", fix=fix)
        if (self.path / "task.toml").exists() and not self.ledger.is_file():
            raise UsageError(f"{self.path} is the folder of a task, and a run needs a folder of its own", fix=fix)

    @property
    def ledger(self) -> Path:
        """The file of the ledger."""
        return self.path / LEDGER

    @property
    def lock(self) -> Path:
        """The lock of the process that writes the ledger."""
        return self.path / ".lock"

    def submission(self, number: int) -> Path:
        """The recorded files of submission ``number``; the first one is 1."""
        return self.path / "submissions" / f"{number:03d}"

    @property
    def workspace(self) -> Path:
        """Where the agent drafts its submissions."""
        return self.path / "workspace"

    @property
    def agent(self) -> Path:
        """The working folder of an outside agent that ftdojo started."""
        return self.path / "agent"

    @property
    def agent_log(self) -> Path:
        """The output of an outside agent that ftdojo started."""
        return self.path / "agent.log"

    @property
    def address(self) -> Path:
        """Where the episode of an outside agent is served: its port and its secret path."""
        return self.path / "address.json"

    @property
    def finish_log(self) -> Path:
        """The output of the process that finished the run of an outside agent that had left."""
        return self.path / "finish.log"

    @property
    def model(self) -> Path:
        """The exported best model."""
        return self.path / "model"

    @property
    def sealed(self) -> Path:
        """The outputs on the test items, for the owner of the run. They are written after the agent has stopped."""
        return self.path / "sealed"

    def sealed_outputs(self, name: str) -> Path:
        """The outputs on the test items of the model ``name``: ``baseline`` or ``best``.

        ``name`` may come from a ledger that was edited: the path stays in :attr:`sealed`.
        """
        return self.sealed / f"{Path(name).name}.jsonl"

    @property
    def examples(self) -> Path:
        """Test items with outputs and right answers, for the owner of the run: see :mod:`ftdojo.episode.examples`."""
        return self.sealed / "examples.json"

    @property
    def metrics(self) -> Path:
        """The numbers of the run as it goes: see :mod:`ftdojo.record.metrics`."""
        return self.path / "metrics.jsonl"

    def tracker(self, name: str) -> Path:
        """Of a tracker: what was sent to it, and what it keeps itself."""
        return self.path / "trackers" / name

    @property
    def finish_request(self) -> Path:
        """Made by `ftdojo finish` for the process of the run: it ends the run after the current submission."""
        return self.path / "finish"

    @property
    def time_request(self) -> Path:
        """Made by the live page for the process of the run: it gets more time."""
        return self.path / "more_time"

    @property
    def result(self) -> Path:
        """The result: see :mod:`ftdojo.contract.result`."""
        return self.path / "result.json"

    def attempt_log(self, number: int) -> Path:
        """What attempt ``number`` at the job of a suite printed; the first one is 1."""
        return self.path / f"attempt-{number}.log"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    @property
    def leaderboard(self) -> Path:
        """The page of a suite."""
        return self.path / LEADERBOARD[-1]
