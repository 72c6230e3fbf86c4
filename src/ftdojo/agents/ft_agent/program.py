"""A data program written by a model, in a fenced block."""

from __future__ import annotations

import ast

from ftdojo.agents.ft_agent import context
from ftdojo.dojo.protocol import Observation
from ftdojo.dojo.submission import SCRIPT
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
USER = """{task}

Raw files:
{raw}

First rows:
{rows}

A question in evaluation looks like this: {question}

What the program is to do: {hypothesis}
{before}{findings}
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
        before=f"The program so far:\n```python\n{before[:SHOWN_PROGRAM]}\n```\n" if before else "",
        findings=f"The checks refused your last version:\n{findings}\n" if findings else "",
    )
    form = _Script({SCRIPT: "python"}, needed=SCRIPT)
    return client.ask(Prompt(purpose="program", system=SYSTEM, user=user), form)[SCRIPT]
