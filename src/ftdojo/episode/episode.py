"""The environment: an episode of proposals, each trained, evaluated and judged, and one sealed test at the end."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Self

from ftdojo import digest
from ftdojo.contract.budget import Budget
from ftdojo.contract.call import Call, CallLog
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Progress, Silent
from ftdojo.contract.protocol import Agent, Foresighted, Observation, Probe
from ftdojo.contract.result import RunResult
from ftdojo.contract.submission import copy
from ftdojo.disk import disk_errors
from ftdojo.episode import evaluation
from ftdojo.episode.accounts import Accounts
from ftdojo.episode.ancestry import Ancestry
from ftdojo.episode.closing import Closing, record_stop
from ftdojo.episode.extension import TimeRequests, extend_budget, find_limits
from ftdojo.episode.headroom import Headroom
from ftdojo.episode.identity import begin, identify, require_same_compute
from ftdojo.episode.judging import judge, verdicts_on
from ftdojo.episode.observing import Observer
from ftdojo.episode.outcome import Outcome
from ftdojo.episode.prechecks import precheck
from ftdojo.episode.setting import Setting
from ftdojo.episode.stages import Stages
from ftdojo.episode.teachers import admit_teachers
from ftdojo.errors import UsageError
from ftdojo.files import make_private, write_file
from ftdojo.findings import Finding
from ftdojo.gateway import Access, DataLlm
from ftdojo.plain import plural
from ftdojo.record import Home, Ledger, RunFolder, events
from ftdojo.record.history import History
from ftdojo.record.metrics import Metrics
from ftdojo.record.summary import conclude
from ftdojo.tasks.judged import require_judge


def run_episode(dojo: Dojo, agent: Agent) -> RunResult:
    """Run the whole loop: observe, propose, train and judge, until the agent stops or the budget is used up."""
    observation = dojo.reset()
    while not dojo.over and (submission := agent.propose(observation)) is not None:
        observation = dojo.step(submission)
    return dojo.close(agent.outlook(observation) if isinstance(agent, Foresighted) else "")


class Dojo:
    """One episode of one task, recorded in one folder. The same arguments on the same folder resume it.

    Use as a context manager: it holds the folder's lock.
    """

    def __init__(
        self,
        options: RunOptions,
        run: Path,
        *,
        home: Home,
        data_llm: DataLlm | None = None,
        progress: Progress | None = None,
        may_extend: bool = True,
    ) -> None:
        """Prepare the task's data and the base model, and open the record.

        Args:
            options: the options of the run, with its limits; the task's wall-clock limit always applies.
            run: the folder of the record; created if it does not exist.
            home: where data, models and finished stages are cached.
            data_llm: the language models that data programs may call; those that the options name, or the base model
                with ``teachers="self"``, if ``None``.
            may_extend: whether the run may get larger limits than it began with.

        Raises:
            UsageError: for an unknown name, or if ``run`` holds a run with another configuration.
        """
        self.run, self._folder, self._may_extend = run, RunFolder(run), may_extend
        self._folder.require_place()
        self.progress = progress or Silent()
        data_llm = data_llm or DataLlm.from_options(options)
        self._setting = Setting.prepare(options, home=home, progress=self.progress)
        require_judge(self._setting.task, options)
        self._ledger = _open_ledger(run)
        self._history = History(self._ledger)
        self.metrics = Metrics(self._folder, self._history)
        self._setting = self._setting.as_recorded(self._history.configuration)
        most_s = self._setting.task.spec.rules.wall_s
        budget = find_limits(self._history, options.budget.within(Budget(wall_s=most_s)))
        data_llm = admit_teachers(self._setting, data_llm)
        self.identity = identify(self._setting, budget, data_llm)
        self._accounts = Accounts(self._history, budget)
        self._setting = self._setting.with_judge(self._history, self._accounts.append, self.progress)
        self._time_requests = TimeRequests(
            self._folder, self._history, self._accounts, self.progress, most_s=most_s, allowed=may_extend
        )
        self._ancestry = Ancestry.of(self._history, self._folder, allowed=self.identity.warm_start)
        llm = _open_access(data_llm, self._setting, self._history, self._accounts, self.progress) if data_llm else None
        self._stages = Stages(
            self._setting,
            progress=self.progress,
            accounts=self._accounts,
            llm=llm,
            ancestry=self._ancestry,
            on_log=self.metrics.log_step,
        )
        self._observer = Observer(
            setting=self._setting,
            folder=self._folder,
            history=self._history,
            stages=self._stages,
            accounts=self._accounts,
            headroom=Headroom(self._setting, self.progress, allowed=self.identity.teachers == "self"),
            progress=self.progress,
        )

    def reset(self) -> Observation:
        """Begin the episode, or resume it where the record ends."""
        if self._history.configuration is None:
            self._setting.show_limits(self.progress)
            self._history.append(begin(self._setting, self.identity))
        else:
            _resume(self._history, self.identity, self.run, may_extend=self._may_extend, progress=self.progress)
        self._time_requests.take()
        self._observer.measure()
        observation = self._observer.observe()
        self._accounts.restart_clock()  # the environment's own measurements are not the agent's time
        self.progress.say(f"base model on validation: {observation.baseline.score}")
        return observation

    def step(self, submission: Path) -> Observation:
        """Gate, train, evaluate and judge one submission; the returned observation holds the feedback."""
        number = len(self._history.iterations) + 1
        folder = _keep(submission, self._folder.submission(number))
        self._time_requests.take()
        planning_s = self._accounts.begin_stages()
        task, items = self._setting.task, self._observer.items
        reference = verdicts_on(task, items, self._best_outcome)
        outcome = self._stages.run(folder, self._accounts.charged_remaining(), reference=reference)
        guard, headroom = self._stages.guard, self._observer.headroom.of
        feedback, decision = judge(task, items, outcome, reference, guard, headroom, planning_s=planning_s)
        iteration = outcome.as_iteration(number, feedback, decision)
        charge = self._accounts.charge(outcome.costs, submissions=1)
        self._history.append(events.IterationEnded(iteration=iteration, overlap=outcome.overlap, charge=charge))
        self._time_requests.take()
        observation = self._observer.observe()
        self.progress.say(f"iteration {number}: {observation.history[-1].verdict}")
        return observation

    def close(self, outlook: str = "") -> RunResult:
        """Record the agent's outlook, export the best model, score it on test once; write ``result.json``."""
        history, accounts = self._history, self._accounts
        if history.first(events.AgentStopped) is None:
            by_owner = self._folder.finish_request.exists()
            record_stop(history, accounts, by_owner=by_owner, outlook=outlook, progress=self.progress)
        if history.finished is None:
            if history.test is None:
                closing = Closing(self._folder, self._setting, history, accounts.append, self.progress)
                closing.grade(self._best_outcome())
            history.append(events.RunFinished(result=conclude(history, self.run.name)))
        result = history.require(events.RunFinished).result
        with disk_errors(self.run):
            write_file(self._folder.result, result.model_dump_json(indent=1) + "\n")
            self._folder.finish_request.unlink(missing_ok=True)
            self._folder.time_request.unlink(missing_ok=True)
        return result

    def precheck(self, submission: Path) -> list[Finding]:
        """Return the findings of gates 0 to 3. No submission is spent: see :mod:`ftdojo.episode.prechecks`."""
        return precheck(submission, self._stages, self._history, self.identity.prechecks)

    def probe(self, submission: Path, share: float) -> Probe:
        """Train a submission on a share of its rows and evaluate it on validation: an estimate of a full run at part of
        its cost. It is recorded and charged, spends no submission, and is made only once.

        Raises:
            UsageError: with the ladder, which a probe would bypass.
        """
        if self.identity.ladder:
            raise UsageError("probes reveal validation scores, which the ladder hides", fix="leave one of them out")
        identity, start = digest.of_folder(submission), self._ancestry.resolve(submission)
        for known in self._history.probes:
            if (known.submission, known.share, known.start) == (identity, share, start):
                return known
        outcome = self._stages.run(submission, self._accounts.remaining(), share=share)
        score = None
        if outcome.predictions is not None:
            score = evaluation.feedback(self._setting.task, self._observer.items, outcome.predictions, best=None).score
        probe = Probe(submission=identity, share=share, start=start, score=score, findings=outcome.findings)
        self._history.append(events.ProbeEnded(probe=probe, charge=self._accounts.charge(outcome.costs)))
        self.progress.say(f"probe on {share:.0%} of the rows: {score or 'not evaluated'}")
        return probe

    def pause(self) -> None:
        """Charge the agent's planning since the last event: it has left. An interrupted :meth:`step` is made again."""
        if self._history.configuration is not None and self._history.first(events.AgentStopped) is None:
            self._history.append(events.RunPaused(charge=self._accounts.charge_planning()))

    def abandon(self) -> Observation:
        """Give up the submission in whose :meth:`step` an exception has been raised, and charge the time it took."""
        self._history.append(events.RunPaused(charge=self._accounts.charge_abandoned()))
        return self._observer.observe()

    @property
    def budget(self) -> Budget:
        """The limits in force."""
        return self._accounts.budget

    @property
    def raw(self) -> Path:
        """The folder of the raw data, read-only."""
        return self._setting.data.raw

    @property
    def calls(self) -> CallLog:
        """The log in which an agent's calls to language models are recorded and charged."""
        return self._accounts

    @property
    def recorded_calls(self) -> list[Call]:
        """All calls that are in the record."""
        return [call for calls in self._history.calls for call in calls]

    @property
    def unfinished_calls(self) -> list[Call]:
        """The calls since the last finished iteration: those that an interrupted planning has made already."""
        return self._history.calls[-1]

    @property
    def over(self) -> bool:
        """Whether a limit of the budget is reached, the owner asked to finish, or the episode was closed."""
        asked = self._folder.finish_request.exists()
        return asked or self._accounts.over or self._history.first(events.AgentStopped) is not None

    def _best_outcome(self) -> Outcome:
        """Return the best model's stages from the store (made again if the store was emptied)."""
        if not (number := self._history.best):
            return self._stages.baseline()
        best = self._history.iterations[number - 1]
        stopped_after = best.feedback.stopped_after
        return self._stages.repeat(self._folder.submission(number), stopped_after=stopped_after, start=best.start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()


def _open_ledger(run: Path) -> Ledger:
    with disk_errors(run):
        make_private(run)
    return Ledger(run)


def _open_access(
    data_llm: DataLlm, setting: Setting, history: History, accounts: Accounts, progress: Progress
) -> Access:
    return Access(
        llm=data_llm,
        task=setting.options.task,
        variant=setting.variant,
        home=setting.home,
        log=accounts,
        progress=progress,
        known=lambda: [call for calls in history.data_calls for call in calls],
        run=lambda: history.begun,
    )


def _keep(submission: Path, folder: Path) -> Path:
    """Copy a submission into the record, where its author can no longer change it."""
    with disk_errors(folder):
        if folder.exists():  # from a step that did not finish
            shutil.rmtree(folder)
        copy(submission, folder)
    return folder


def _resume(history: History, identity: Configuration, run: Path, *, may_extend: bool, progress: Progress) -> None:
    """Go on with a run under the identity that it began with, or under larger limits.

    Raises:
        UsageError: if something else differs, or if models compute otherwise on this machine.
    """
    require_same_compute(history, run)
    extend_budget(history, identity.budget, run, allowed=may_extend, progress=progress)
    history.require_same(identity, run)
    progress.say(f"resuming {run}: {plural(len(history.iterations), 'iteration')} in the record")
