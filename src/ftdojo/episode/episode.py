"""The environment: an episode of proposals, each trained, evaluated and judged, and one sealed test at the end."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Self

from ftdojo import digest, inference, models, sandbox, tasks
from ftdojo.contract.budget import Budget, Spent
from ftdojo.contract.call import Call, CallLog
from ftdojo.contract.configuration import Configuration, versions
from ftdojo.contract.feedback import ExecutionFeedback, Feedback
from ftdojo.contract.progress import Progress, Silent
from ftdojo.contract.protocol import Agent, Decision, Iteration, Observation, Probe
from ftdojo.contract.result import RunResult
from ftdojo.contract.submission import copy, load, read_plan
from ftdojo.data import prepare, profiled, read_items, token_counter
from ftdojo.disk import disk_errors
from ftdojo.episode import acceptance, evaluation, grading, ladder
from ftdojo.episode.stages import Outcome, Pipeline
from ftdojo.errors import UsageError
from ftdojo.findings import Finding
from ftdojo.gateway.access import Access, DataLlm
from ftdojo.record import Home, Ledger, RunFolder, events
from ftdojo.record.history import History


def run_episode(dojo: Dojo, agent: Agent) -> RunResult:
    """The whole loop: observe, propose, train and judge, until the agent stops or the budget is used up."""
    observation = dojo.reset()
    while not dojo.over and (submission := agent.propose(observation)) is not None:
        observation = dojo.step(submission)
    return dojo.close()


class Dojo:
    """One episode of one task, recorded in one folder. The same arguments on the same folder resume it.

    Use as a context manager: it holds the folder's lock.
    """

    def __init__(
        self,
        task: str,
        run: Path,
        *,
        model: str,
        home: Home,
        variant: str | None = None,
        agent: str = "",
        planner: str = "",
        data_llm: DataLlm | None = None,
        ladder: bool = False,
        engine: str = "transformers",
        seed: int = 0,
        budget: Budget | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Prepare the task's data and the base model, and open the record.

        Args:
            task: a task id or the path of a task folder.
            run: the folder of the record; created if need be.
            model: an embedded model's name, a local folder or a hub id.
            variant: the data variant; the task's first one if ``None``.
            data_llm: the language models that data programs may ask; none if ``None``.
            ladder: whether the agent sees validation only where it was shown to have improved.
            engine: what models answer with in evaluation: one of :data:`ftdojo.inference.ENGINES`.
            budget: limits of the agent's part; the task's wall-clock rule always holds.

        Raises:
            UsageError: for an unknown name, or if ``run`` holds a run with another configuration.
        """
        self.run, self._home, self._task_name = run, home, task
        self._folder = RunFolder(run)
        self.progress = progress or Silent()
        variant, self._task = tasks.get(task, runner=sandbox.run_user_code).variant(variant)
        self.budget = (budget or Budget()).within(Budget(wall_s=self._task.spec.rules.wall_s))
        self.progress.update("setup", 0, 2, "preparing the task's data")
        self._data = prepare(self._task, variant, home)
        self.progress.update("setup", 1, 2, "preparing the base model")
        self._base = models.resolve(model, home.root)
        self.progress.end("setup", f"{self._task.spec.id} ({variant}), {model}")
        inference.identity(engine)
        self._identity = Configuration(
            task=self._task.spec.id,
            variant=variant,
            model=model,
            agent=agent,
            planner=planner,
            data_llm=data_llm.names if data_llm else {},
            ladder=ladder,
            engine=engine,
            seed=seed,
            budget=asdict(self.budget),
            digests={**self._data.digests, "task": self._task.version, "model": models.digest(self._base)},
        )
        with disk_errors(run):
            run.mkdir(parents=True, exist_ok=True)
        self._ledger = Ledger(run)
        self._history = History(self._ledger)
        access = self._access(data_llm) if data_llm else None
        self._pipeline = Pipeline(
            self._task, self._data, self._base, home=home, progress=self.progress, llm=access, engine=engine
        )
        self._mark = time.monotonic()

    def reset(self) -> Observation:
        """Begin the episode, or take it up where the record ends."""
        begun_with = self._history.configuration
        if begun_with is None:
            self._begin()
        else:
            self._history.require_same(self._identity, self.run)
            self.progress.say(f"resuming {self.run}: {len(self._history.iterations)} iterations are in the record")
        self._items = read_items(self._data.validation)
        self._profile = profiled(
            self._data, self._home, count=token_counter(self._base), tokenizer=self._identity.digests["model"]
        )
        self._rows_per_s = self._pipeline.train_rows_per_s()
        if self._history.baseline is None:
            outcome = self._pipeline.baseline()
            measured = evaluation.feedback(self._task, self._items, outcome.predicted, best=None)
            self._history.append(
                events.BaselineMeasured(evaluation=measured, digests=outcome.digests, contents=outcome.contents)
            )
        observation = self._observation()
        self._mark = time.monotonic()  # what the environment measures for itself is not the agent's time
        self.progress.say(f"base model on validation: {observation.baseline.score}")
        return observation

    def step(self, submission: Path) -> Observation:
        """Gate, train, evaluate and judge one submission; everything that was learned is in the observation."""
        number = len(self._history.iterations) + 1
        folder = self._keep(submission, number)
        planning_s = time.monotonic() - self._mark
        outcome = self._pipeline.run(folder, self.budget.remaining(self._history.spent))
        feedback, decision = self._judge(outcome, planning_s)
        iteration = Iteration(
            number=number,
            digests=outcome.digests,
            contents=outcome.contents,
            plan=read_plan(folder),
            feedback=feedback,
            decision=decision,
        )
        charge = self._charge(outcome, 1)
        self._history.append(events.IterationEnded(iteration=iteration, overlap=outcome.overlap, charge=charge))
        observation = self._observation()
        self.progress.say(f"iteration {number}: {observation.history[-1].verdict}")
        return observation

    def close(self) -> RunResult:
        """Export the best model, score it on test once, in a fresh process, and write ``result.json``."""
        if self._history.first(events.AgentStopped) is None:
            self._history.append(events.AgentStopped(out_of_budget=self.over, charge=self._charge()))
        if self._history.finished is None:
            if self._history.test is None:
                self._grade()
            self._history.append(events.RunFinished(result=self._history.result(self.run.name)))
        result = self._history.require(events.RunFinished).result
        with disk_errors(self.run):
            self._folder.result.write_text(result.model_dump_json(indent=1) + "\n", "utf-8")
        return result

    def validate(self, submission: Path) -> list[Finding]:
        """What gates 0 to 3 find in a submission; nothing is trained, and no submission is spent."""
        return self._pipeline.check(submission)

    def probe(self, submission: Path, share: float) -> Probe:
        """Train a submission on a share of its rows and evaluate it on validation: what a full run might bring, at part
        of its cost. It is recorded and charged, spends no submission, and is made once.

        Raises:
            UsageError: where the ladder holds, round which a probe would be a way.
        """
        if self._identity.ladder:
            raise UsageError("probes tell scores on validation, which the ladder does not", fix="leave one of them out")
        identity = digest.of_folder(submission)
        for known in self._history.probes:
            if (known.submission, known.share) == (identity, share):
                return known
        outcome = self._pipeline.run(submission, self.calls.remaining(), share=share)
        score = None
        if outcome.predictions is not None:
            score = evaluation.feedback(self._task, self._items, outcome.predictions, best=None).score
        probe = Probe(submission=identity, share=share, score=score, findings=outcome.findings)
        self._history.append(events.ProbeEnded(probe=probe, charge=self._charge(outcome)))
        self.progress.say(f"probe on {share:.0%} of the rows: {score or 'not evaluated'}")
        return probe

    def pause(self) -> None:
        """Charge the time since the last event: the agent is gone, and the run will be resumed or not."""
        self._history.append(events.RunPaused(charge=self._charge()))

    @property
    def raw(self) -> Path:
        """The folder of the raw data, read-only."""
        return self._data.raw

    @property
    def calls(self) -> CallLog:
        """Where an agent's calls to language models are written and charged."""
        return _Calls(self)

    @property
    def recorded_calls(self) -> list[Call]:
        """All calls that are in the record."""
        return [call for calls in self._history.calls for call in calls]

    @property
    def unfinished_calls(self) -> list[Call]:
        """The calls since the last finished iteration: what an interrupted planning has asked already."""
        return self._history.calls[-1]

    @property
    def over(self) -> bool:
        """Whether a limit of the budget is reached, or the episode was closed."""
        remaining = self.budget.remaining(self._history.spent)
        return any(left <= 0 for left in remaining.values()) or self._history.first(events.AgentStopped) is not None

    def _access(self, data_llm: DataLlm) -> Access:
        return Access(
            llm=data_llm,
            task=self._task_name,
            variant=self._identity.variant,
            home=self._home,
            log=_Calls(self),
            progress=self.progress,
            known=lambda: [call for calls in self._history.data_calls for call in calls],
            run=lambda: self._history.begun,
        )

    def _begin(self) -> None:
        spec = self._task.spec
        folder = Path(self._task_name)
        self._history.append(
            events.RunBegun(
                configuration=self._identity,
                versions=versions(),
                metric=spec.metric,
                higher_is_better=spec.higher_is_better,
                objective=spec.objective,
                given=str(folder.absolute()) if folder.is_dir() else self._task_name,
            )
        )

    def _keep(self, submission: Path, number: int) -> Path:
        """Copy a submission into the record, where its author cannot change it any more."""
        folder = self._folder.submission(number)
        with disk_errors(self.run):
            if folder.exists():  # from a step that did not finish
                shutil.rmtree(folder)
            copy(submission, folder)
        return folder

    def _judge(self, outcome: Outcome, planning_s: float) -> tuple[Feedback, Decision | None]:
        seconds = outcome.seconds.model_copy(update={"plan": planning_s})
        execution = ExecutionFeedback(seconds=seconds, reused=outcome.reused, findings=outcome.findings)
        feedback = Feedback(execution=execution, data=outcome.data, training=outcome.training)
        if outcome.predictions is None:
            return feedback, None
        best = evaluation.scores(self._task, self._items, self._best_outcome().predicted)
        scores = evaluation.scores(self._task, self._items, outcome.predictions)
        measured = evaluation.feedback(self._task, self._items, outcome.predictions, best=best)
        return feedback.model_copy(update={"evaluation": measured}), acceptance.decide(self._task, scores, best)

    def _best_outcome(self) -> Outcome:
        """The best model's stages, all found in the store (and made again, should the store have been emptied)."""
        number = self._history.best
        if not number:
            return self._pipeline.baseline()
        stopped_after = self._history.iterations[number - 1].feedback.stopped_after
        return self._pipeline.again(self._folder.submission(number), stopped_after=stopped_after)

    def _grade(self) -> None:
        """Export the best model and score it on test, or say why it is disqualified."""
        if reasons := self._export():
            self._history.append(events.RunDisqualified(reasons=reasons))
            return
        number = self._history.best
        self._history.append(events.TestOpened(reason="the episode has ended", best=number))
        request = grading.Request(
            task=self._task_name,
            variant=self._identity.variant,
            home=self._home.root,
            engine=self._identity.engine,
            models={"baseline": self._base, "best": self._folder.model if number else self._base},
            training=self._training(number) if number else None,
        )
        ruling = grading.grade(request, self.progress)
        if ruling.reasons:
            self._history.append(events.RunDisqualified(reasons=ruling.reasons))
            return
        grades = ruling.grades
        self._history.append(
            events.TestScored(
                baseline=grades["baseline"].score,
                best=grades["best"].score,
                items={name: grade.items for name, grade in grades.items()},
                models={name: grade.model for name, grade in grades.items()},
                outputs=self._seal({name: grade.predictions for name, grade in grades.items()}),
            )
        )

    def _export(self) -> list[str]:
        """Write the best model, unless it is the base; what is wrong with the stages that it comes from."""
        number = self._history.best
        if not number:
            return []
        outcome, recorded = self._best_outcome(), self._history.iterations[number - 1].contents
        changed = [
            f"{name}: the stored stage is not the one that iteration {number} made; it was changed since"
            for name in outcome.reused
            if recorded.get(name) and outcome.contents[name] != recorded[name]
        ]
        if not changed:
            self._pipeline.export(outcome, self._folder.model)
        return changed

    def _training(self, number: int) -> grading.Training:
        done = self._history.iterations[number - 1].feedback.training
        assert done is not None
        return grading.Training(config=load(self._folder.submission(number)).train, steps=done.steps)

    def _seal(self, predictions: dict[str, Path]) -> dict[str, str]:
        """Keep the outputs that were scored with the run, for an audit; their digests."""
        folder = self._folder.sealed
        with disk_errors(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            for name, path in predictions.items():
                shutil.copyfile(path, self._folder.sealed_outputs(name))
        return {name: digest.of_file(self._folder.sealed_outputs(name)) for name in predictions}

    def _observation(self) -> Observation:
        history, baseline = self._history.iterations, self._history.baseline
        assert baseline is not None
        if self._identity.ladder:
            history = ladder.veiled(history, baseline)
        return Observation(
            task=self._task.spec,
            raw_data=self._profile,
            model=models.describe(self._base),
            baseline=baseline,
            train_rows_per_s=self._rows_per_s,
            evaluate_s=self._pipeline.baseline().seconds.evaluate,
            history=history,
            best=self._history.best,
            submissions={i.number: self._folder.submission(i.number) for i in history},
            remaining=self.budget.remaining(self._history.spent),
            data_llm=self._identity.data_llm,
            item_fields=sorted({name for item in self._items for name in item}),
            seed=self._identity.seed,
        )

    def _charge(self, outcome: Outcome | None = None, submissions: int = 0) -> Spent:
        """What happened since the last charge: stages at what they cost when they were made, the rest by the clock."""
        before, self._mark = self._mark, time.monotonic()
        clock_s = self._mark - before
        if outcome is None:
            return Spent(wall_s=clock_s)
        device_s = outcome.seconds.train + outcome.seconds.evaluate
        return Spent(wall_s=clock_s + outcome.earlier_s, device_s=device_s, submissions=submissions)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()


class _Calls:
    """The episode's record, as those who ask language models see it."""

    def __init__(self, dojo: Dojo) -> None:
        self._dojo = dojo

    def append(self, call: Call) -> None:
        self._dojo._history.append(events.LlmCalled(call=call, charge=call.charge))

    def remaining(self) -> dict[str, float]:
        clock = Spent(wall_s=time.monotonic() - self._dojo._mark)
        return self._dojo.budget.remaining(self._dojo._history.spent + clock)
