"""A data program written by a model, in a fenced block."""

from __future__ import annotations

import ast

from ftdojo.agents.ft_agent import context
from ftdojo.contract.call import is_own_model
from ftdojo.contract.protocol import Observation
from ftdojo.contract.script import SCRIPT
from ftdojo.llm import Blocks, Client, Prompt, Unusable, quoted
from ftdojo.llm.prompt import DATA_NOTE

SHOWN_ROWS = 3
SHOWN_ROW = 700
SHOWN_PROGRAM = 4000
SYSTEM = f"""You write {SCRIPT}, a Python program that makes rows for fine-tuning from raw data files. It is run as
python {SCRIPT} --input DIR --output FILE --limit N
without network. It reads files below DIR and writes at most N rows to FILE, one JSON object a line, each
{{"prompt": …, "completion": …, "subtask": …}}. The completion is exactly what the model is to answer. Use the standard
library or pandas. {DATA_NOTE}"""
HELPER = """The program may ask language models, here {pools}, on the run's budget, with `import ftdojo_llm`:
ftdojo_llm.ask_all(prompts, model="{first}", max_tokens=1024) gives a list of replies, None for those over the budget.
ftdojo_llm.rationales(rows, prompt=lambda row: ..., item=lambda row: {{...}}, model="{last}", attempts=2) gives for each
row a reply whose final answer the task's scorer accepts, or None. The prompt asks for the steps and then the answer in
the output's form; item has the fields {fields} with the row's right answer where an evaluation item has it.
With a small --limit ask little: make no more rows than the limit. Write only rows with an answer.
"""
USER = """{task}

Raw files:
{raw}

First rows:
{rows}

A question in evaluation looks like this: {question}

What the program is to do: {hypothesis}
{helper}{before}{findings}
Write the program."""


class _Script(Blocks):
    """A block with a program that parses."""

    def read(self, reply: str) -> dict[str, str]:
        files = super().read(reply)
        try:
            ast.parse(files[SCRIPT])
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise Unusable(f"the program does not parse: {error}") from None
        return files


def write(client: Client, observation: Observation, *, hypothesis: str, before: str, findings: str) -> str:
    """The text of a program.

    Args:
        hypothesis: what it is for.
        before: the program that it replaces, if that is a script.
        findings: why the last version was refused, if one was.

    Raises:
        LlmError: if the model gives no program that parses.
    """
    files = observation.raw_data.files[:SHOWN_ROWS]
    question = observation.baseline.samples[0].prompt if observation.baseline.samples else ""
    user = USER.format(
        task=context.task(observation),
        raw=context.raw_data(observation),
        rows="\n".join(f"{f.path}: {quoted(f.samples[0], SHOWN_ROW)}" for f in files if f.samples),
        question=quoted(question, SHOWN_ROW),
        hypothesis=hypothesis,
        helper=_helper(observation),
        before=f"The program so far:\n```python\n{before[:SHOWN_PROGRAM]}\n```\n" if before else "",
        findings=f"The checks refused your last version:\n{findings}\n" if findings else "",
    )
    form = _Script({SCRIPT: "python"}, needed=SCRIPT)
    return client.ask(Prompt(purpose="program", system=SYSTEM, user=user), form)[SCRIPT]


def _helper(observation: Observation) -> str:
    """How a program asks language models, if the run has any for it."""
    pools = sorted(observation.data_llm, key=lambda name: name != "weak")
    if not pools:
        return ""
    models = {name: "the base model" if is_own_model(m) else m for name, m in observation.data_llm.items()}
    named = ", ".join(f'model="{name}" ({models[name]})' for name in pools)
    return HELPER.format(pools=named, first=pools[0], last=pools[-1], fields=", ".join(observation.item_fields[:20]))
