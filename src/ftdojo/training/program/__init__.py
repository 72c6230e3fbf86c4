"""Training by a program of the submission, ``train.py``, which runs in the sandbox."""

from ftdojo.training.program.method import Program

__all__ = ["Program"]
