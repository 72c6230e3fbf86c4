"""Tasks: frozen specification, prompt, scorer, data. This package imports neither torch nor a network client."""

from ftdojo.contract.task_spec import Record, TaskSpec
from ftdojo.tasks.registry import get, ids
from ftdojo.tasks.scoring import ScoreReport, score
from ftdojo.tasks.spec import ItemScore, Task

__all__ = ["ItemScore", "Record", "ScoreReport", "Task", "TaskSpec", "get", "ids", "score"]
