"""A language model as the judge of outputs, outside of runs: asked once for each output, recorded, and calibrated.

No run asks a judge: it decides by a scorer that gives the same verdicts on every machine, and its sealed test does not
leave the machine. A judge scores predictions, or the answers of a finished run (``ftdojo judge``).
"""

from ftdojo.judge.answers import Answers
from ftdojo.judge.calibration import JudgedPair, calibrate, read_judged
from ftdojo.judge.question import read_rubric
from ftdojo.judge.replies import ReplyFile
from ftdojo.judge.report import JudgedReport, report
from ftdojo.judge.scorer import Judge, JudgeScorer

__all__ = [
    "Answers",
    "Judge",
    "JudgeScorer",
    "JudgedPair",
    "JudgedReport",
    "ReplyFile",
    "calibrate",
    "read_judged",
    "read_rubric",
    "report",
]
