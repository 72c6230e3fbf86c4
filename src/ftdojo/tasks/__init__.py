"""Tasks: frozen specification, prompt, scorer, data. Imports neither torch nor a network client."""

from ftdojo.tasks.registry import get, ids
from ftdojo.tasks.scoring import ScoreReport, score
from ftdojo.tasks.spec import ItemScore, Record, Task, TaskSpec

__all__ = ["ItemScore", "Record", "ScoreReport", "Task", "TaskSpec", "get", "ids", "score"]
