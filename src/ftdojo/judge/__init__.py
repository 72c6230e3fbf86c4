"""A language model as the judge of outputs: asked once for each output, recorded, and calibrated.

A judge scores predictions or the answers of a finished run (``ftdojo judge``), or all outputs of a run whose task says
so (``scorer = "judge"``): :mod:`ftdojo.judge.in_run`.
"""

from ftdojo.judge.answers import Answers
from ftdojo.judge.calibration import JudgedPair, calibrate, read_judged
from ftdojo.judge.in_run import bind_judge, bind_recorded, calibrate_first
from ftdojo.judge.question import read_rubric
from ftdojo.judge.replies import Replies, ReplyFile, RunReplies
from ftdojo.judge.report import JudgedReport, report
from ftdojo.judge.scorer import Judge, JudgeScorer

__all__ = [
    "Answers",
    "Judge",
    "JudgeScorer",
    "JudgedPair",
    "JudgedReport",
    "Replies",
    "ReplyFile",
    "RunReplies",
    "bind_judge",
    "bind_recorded",
    "calibrate",
    "calibrate_first",
    "read_judged",
    "read_rubric",
    "report",
]
