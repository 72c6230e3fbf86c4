"""``ftdojo run``, ``validate`` and ``report``: the commands about runs and submissions."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ftdojo.cli.console import Live, err, out, print_json
from ftdojo.errors import UsageError

if TYPE_CHECKING:
    from ftdojo.llm import Transport

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="A task id (see `ftdojo tasks`) or a task folder.")]
Model = Annotated[
    str, typer.Option(help="Base model: smollm2-135m (embedded), a local folder, or a hub id such as org/name.")
]


def run(
    task: TaskName,
    model: Model = "smollm2-135m",
    agent: Annotated[
        str, typer.Option(help="The contestant: ft-agent, base, single-shot, random-search or tpe.")
    ] = "ft-agent",
    planner: Annotated[
        str, typer.Option(help="What plans for it: playbook (no LLM), or PROVIDER:MODEL such as openai:gpt-5.2.")
    ] = "playbook",
    base_url: Annotated[
        str | None, typer.Option(help="An OpenAI-compatible server that has the planner's model (vLLM, Ollama …).")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="A finished run whose planner's answers are used again; no LLM is asked.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Data variant; the task's first one if not given.")] = None,
    budget: Annotated[str, typer.Option(help="Wall clock for everything before the test: 45s, 30m, 12h.")] = "30m",
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Most tokens that the planner may read.")] = None,
    max_cost: Annotated[float | None, typer.Option(min=0, help="Most dollars that the planner may cost.")] = None,
    max_iterations: Annotated[int | None, typer.Option(min=1, help="Stop after so many submissions.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Folder of the record [runs/TASK-seedN].")] = None,
    json: Json = False,
) -> None:
    """Fine-tune a model on a task with an agent. The same command resumes a run that was interrupted.

    [bold]Examples[/]

      ftdojo run chemistry/mol_und --budget 10m --max-iterations 4

      ftdojo run examples/support_tickets --budget 20m --agent random-search

      ftdojo run finance/financeiq --planner openai:qwen3 --base-url http://127.0.0.1:8000/v1
    """
    from ftdojo import agents
    from ftdojo.budget import Budget, parse_duration
    from ftdojo.dojo import Dojo, run_episode
    from ftdojo.record import Home
    from ftdojo.report import closing_table, write_report

    folder = (
        out_dir or Path("runs") / f"{Path(task).name if Path(task).is_dir() else task.replace('/', '-')}-seed{seed}"
    )
    named = agents.check(agent, planner)
    transport = _transport(planner, base_url, replay)
    limits = Budget(
        wall_s=parse_duration(budget), submissions=max_iterations, input_tokens=max_tokens, cost_usd=max_cost
    )
    with (
        Live() as live,
        Dojo(
            task,
            folder,
            model=model,
            home=Home.default(),
            variant=data,
            agent=agent,
            planner=transport.model if transport else named,
            seed=seed,
            budget=limits,
            progress=live,
        ) as dojo,
    ):
        contestant = agents.make(agent, folder / "workspace", door=dojo, transport=transport)
        result = run_episode(dojo, contestant)
    report = write_report(folder)
    if json:
        print_json(result)
    else:
        out.print(closing_table(result))
    err.print(
        f"peak memory {_peak_memory_gib():.1f} GiB; report {report}; result {folder / 'result.json'}", soft_wrap=True
    )
    gain = "better than the base model" if result.best.iteration else "nothing beat the base model"
    err.print(f"[bold green]done[/]: outcome {result.outcome}, best iteration {result.best.iteration} ({gain})")


def _transport(planner: str, base_url: str | None, replay: Path | None) -> Transport | None:
    """The way to the planning model; ``None`` for the playbook."""
    from ftdojo.agents import PLAYBOOK
    from ftdojo.dojo.history import History
    from ftdojo.llm import Replay, connect
    from ftdojo.record import Ledger

    if replay is not None:
        with Ledger(replay, writable=False) as ledger:
            calls = [call for made in History(ledger).calls for call in made]
        if not calls:
            raise UsageError(f"no LLM was asked in {replay}", fix="name a run with an LLM as planner")
        return Replay(calls, calls[0].model)
    if planner == PLAYBOOK:
        if base_url:
            raise UsageError("the playbook asks no server", fix="add --planner openai:MODEL, or leave --base-url out")
        return None
    return connect(planner, base_url=base_url)


def validate(
    submission: Annotated[Path, typer.Argument(help="The submission folder.")],
    task: Annotated[str, typer.Option(help="Task id or folder.")],
    model: Model = "smollm2-135m",
    data: Annotated[str | None, typer.Option(help="Data variant.")] = None,
    json: Json = False,
) -> None:
    """Check a submission with the gates alone: schema, static, data trial, tokenization, micro-training."""
    from ftdojo.dojo import validate as check
    from ftdojo.record import Home

    if not submission.is_dir():
        raise UsageError(f"{submission} is not a folder", fix="name the folder that holds plan.yaml and train.yaml")
    with Live() as live:
        verdict = check(submission, task, model=model, variant=data, home=Home.default(), progress=live)
    if json:
        print_json(verdict)
    else:
        for finding in verdict.findings:
            out.print(f"{finding.severity} at gate {finding.gate}, {finding.code}: {finding.where}", markup=False)
            out.print(f"  {finding.message}\n  fix: {finding.fix}", markup=False)
        out.print("ok: all gates passed" if verdict.ok else f"rejected at gate {verdict.gate}")
    if not verdict.ok:
        raise typer.Exit(1)


def report(
    run_dir: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `ftdojo run` or `ftdojo bench` wrote.")],
    json: Json = False,
) -> None:
    """Write a run's report.html, or a contest's leaderboard, again; also of one that is unfinished."""
    from ftdojo.bench import is_suite, leaderboard
    from ftdojo.report import write_report
    from ftdojo.report.leaderboard import write_leaderboard

    if is_suite(run_dir):
        with Live() as live:
            path = write_leaderboard(run_dir, leaderboard(run_dir, live))
    else:
        path = write_report(run_dir)
    if json:
        print_json({"report": str(path)})
    else:
        out.print(str(path))


def _peak_memory_gib() -> float:
    """Peak resident memory of this process and of its largest child, whichever is greater."""
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(peaks) / 2**20
