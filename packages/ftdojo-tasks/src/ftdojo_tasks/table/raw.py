"""The raw file of TableInstruct, described for each of the four tasks, and the two data sets."""

from __future__ import annotations

from ftdojo.contract.task_spec import RawSource, Rendering
from ftdojo.tasks.spec import HubSet

FILE = "TableInstruct_instructions.jsonl"
INSTRUCT = HubSet(id="Multilingual-Multimodal-NLP/TableInstruct", revision="main", licence="Apache-2.0")
BENCH = HubSet(id="Multilingual-Multimodal-NLP/TableBench", revision="main", licence="Apache-2.0")
LICENCE = "TableInstruct and TableBench: Apache-2.0; tables of the twin: vega-datasets (BSD-3-Clause)"
EVALUATION = (
    "TableBench_TCoT.jsonl, rows of this question type; the twin is generated from other tables than its raw rows"
)

THINKING = "instruction_type == 'TCoT'"
AFTER_MARKER = "{% set parts = (response or '').split('Final Answer:') %}"


def source(qtype: str, prompt: str) -> RawSource:
    """The raw file for a question type whose answers follow a marker; ``prompt`` is that of the evaluation."""
    chosen = f"qtype == '{qtype}' and {THINKING}"
    return RawSource(
        path=FILE,
        subtask="",
        description=f"questions about tables with responses of a language model: rows of all question types (qtype; "
        f"here {qtype}) and ways to answer (instruction_type: DP, TCoT, SCoT, PoT); no field for the answer; some "
        "responses have no 'Final Answer:', are cut off or wrong",
        renderings=(
            Rendering(
                name="raw",
                prompt=f"{{% if qtype == '{qtype}' %}}{{{{ instruction }}}}\n{{{{ question }}}}{{% endif %}}",
                completion="{{ response or '' }}",
                description="instruction, question and response as they stand; the published instruction repeats both",
            ),
            Rendering(
                name="answer",
                prompt=f"{{% if {chosen} %}}{prompt}{{% endif %}}",
                completion=f"{AFTER_MARKER}{{% set last = parts[-1].strip().split('\\n')[0] %}}"
                "{% if parts | length > 1 and last %}Final Answer: {{ last }}{% endif %}",
                description="the prompt of the evaluation, and only the final answer; rows without one are skipped",
            ),
            Rendering(
                name="rationale",
                prompt=f"{{% if {chosen} %}}{prompt}{{% endif %}}",
                completion=f"{AFTER_MARKER}"
                "{% if parts | length > 1 and parts[-1].strip() %}{{ response }}{% endif %}",
                description="the prompt of the evaluation, and the response with its reasoning; it has to end in an "
                "answer",
            ),
        ),
    )
