"""``ftdojo run``, ``validate`` and ``report``: the commands about runs and submissions."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Annotated

import typer

from ftdojo.cli import llms
from ftdojo.cli.console import Live, err, out, print_json
from ftdojo.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="A task id (see `ftdojo tasks`) or a task folder.")]
Model = Annotated[
    str, typer.Option(help="Base model: smollm2-135m (embedded), a local folder, or a hub id such as org/name.")
]
BaseUrl = Annotated[
    str | None, typer.Option(help="An OpenAI-compatible server that has the models named openai:… (vLLM, Ollama …).")
]
Pools = Annotated[
    list[str] | None,
    typer.Option(
        "--data-llm",
        metavar="NAME=PROVIDER:MODEL",
        help="A language model that data programs may ask, e.g. weak=openai:gpt-5-mini or weak=openai:qwen3@URL; "
        "give it once for each. Programs then send what they read of the raw data to it.",
    ),
]
Ladder = Annotated[
    bool,
    typer.Option("--ladder", help="Tell the agent of validation only when it was shown to have improved on the best."),
]
EngineName = Annotated[
    str, typer.Option("--engine", help="What models answer with in evaluation: transformers, or vllm (on GPUs).")
]
Concurrency = Annotated[int, typer.Option(min=1, help="Calls of a data program in flight at one time.")]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Most tokens that LLMs may read.")]
MaxOutputTokens = Annotated[int | None, typer.Option(min=1, help="Most tokens that LLMs may write.")]
MaxCost = Annotated[float | None, typer.Option(min=0, help="Most dollars that LLMs may cost.")]


def run(
    task: TaskName,
    model: Model = "smollm2-135m",
    agent: Annotated[
        str, typer.Option(help="The contestant: ft-agent, base, single-shot, random-search, tpe or greedy-tree.")
    ] = "ft-agent",
    planner: Annotated[
        str, typer.Option(help="What plans for it: playbook (no LLM), or PROVIDER:MODEL such as openai:gpt-5.2.")
    ] = "playbook",
    base_url: BaseUrl = None,
    data_llm: Pools = None,
    llm_concurrency: Concurrency = 8,
    replay: Annotated[
        Path | None, typer.Option(help="A run whose LLM answers, all that it had, are used again; no LLM is asked.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Data variant; the task's first one if not given.")] = None,
    budget: Annotated[str, typer.Option(help="Wall clock for everything before the test: 45s, 30m, 12h.")] = "30m",
    max_tokens: MaxTokens = None,
    max_output_tokens: MaxOutputTokens = None,
    max_cost: MaxCost = None,
    max_iterations: Annotated[int | None, typer.Option(min=1, help="Stop after so many submissions.")] = None,
    probes: Annotated[
        int, typer.Option(min=0, help="Candidate plans that compete on a share of their rows before a full run.")
    ] = 0,
    ladder: Ladder = False,
    engine: EngineName = "transformers",
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder of the record; runs/TASK-seedN if not given.")
    ] = None,
    json: Json = False,
) -> None:
    """Fine-tune a model on a task with an agent. The same command resumes a run that was interrupted.

    [bold]Examples[/]

      ftdojo run chemistry/mol_und --budget 10m --max-iterations 4

      ftdojo run examples/support_tickets --budget 20m --agent random-search

      ftdojo run finance/financeiq --planner openai:qwen3 --base-url http://127.0.0.1:8000/v1

      ftdojo run math/aime25 --planner openai:gpt-5.2 --data-llm strong=openai:gpt-5.2 --data-llm weak=openai:gpt-5-mini
    """
    from ftdojo import agents
    from ftdojo.contract.budget import Budget, parse_duration
    from ftdojo.episode import Dojo, run_episode
    from ftdojo.gateway import DataLlm
    from ftdojo.record import Home, RunFolder
    from ftdojo.report import closing_table, write_report

    folder = (
        out_dir or Path("runs") / f"{Path(task).name if Path(task).is_dir() else task.replace('/', '-')}-seed{seed}"
    )
    named = agents.check(agent, planner, probes=probes, ladder=ladder)
    if data_llm and (agent, planner) == ("ft-agent", agents.PLAYBOOK):
        err.print(
            "the playbook writes recipes, which ask no models: --data-llm has no effect without another --planner"
        )
    transport, pools = llms.recorded(replay) if replay else llms.connected(planner, data_llm or [], base_url)
    limits = Budget(
        wall_s=parse_duration(budget),
        submissions=max_iterations,
        input_tokens=max_tokens,
        output_tokens=max_output_tokens,
        cost_usd=max_cost,
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
            planner=agents.check(agent, transport.model, probes=probes) if transport else named,
            data_llm=DataLlm(models=pools, concurrency=llm_concurrency) if pools else None,
            ladder=ladder,
            engine=engine,
            seed=seed,
            budget=limits,
            progress=live,
        ) as dojo,
    ):
        contestant = agents.make(agent, RunFolder(folder).workspace, door=dojo, transport=transport, probes=probes)
        result = run_episode(dojo, contestant)
    report = write_report(folder)
    if json:
        print_json(result)
    else:
        out.print(closing_table(result))
    err.print(
        f"peak memory {_peak_memory_gib():.1f} GiB; report {report}; result {RunFolder(folder).result}", soft_wrap=True
    )
    gain = "better than the base model" if result.best.iteration else "nothing beat the base model"
    err.print(f"[bold green]done[/]: outcome {result.outcome}, best iteration {result.best.iteration} ({gain})")


def validate(
    submission: Annotated[Path, typer.Argument(help="The submission folder.")],
    task: Annotated[str, typer.Option(help="Task id or folder.")],
    model: Model = "smollm2-135m",
    data: Annotated[str | None, typer.Option(help="Data variant.")] = None,
    base_url: BaseUrl = None,
    data_llm: Pools = None,
    llm_concurrency: Concurrency = 8,
    max_tokens: MaxTokens = None,
    max_output_tokens: MaxOutputTokens = None,
    max_cost: MaxCost = None,
    json: Json = False,
) -> None:
    """Check a submission with the gates alone: schema, static, data trial, tokens, micro-training, micro-evaluation.

    Errors reject it and say where and how to repair it; warnings are told and pass. Nothing is trained to the end.
    Replies of language models to its data program are kept: a run with the same models does not pay for them again.
    """
    from ftdojo.contract.budget import Budget
    from ftdojo.episode import validate as check
    from ftdojo.gateway import DataLlm
    from ftdojo.record import Home

    if not submission.is_dir():
        raise UsageError(f"{submission} is not a folder", fix="name the folder that holds plan.yaml and train.yaml")
    pools = llms.pools(data_llm or [], base_url)
    with Live() as live:
        verdict = check(
            submission,
            task,
            model=model,
            variant=data,
            home=Home.default(),
            data_llm=DataLlm(models=pools, concurrency=llm_concurrency) if pools else None,
            budget=Budget(input_tokens=max_tokens, output_tokens=max_output_tokens, cost_usd=max_cost),
            progress=live,
        )
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
