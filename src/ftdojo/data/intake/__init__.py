"""Make a task folder of somebody's data: a file, a folder of files, or a data set of a hub."""

from ftdojo.data.intake.folder import Intake, Wishes, make_task

__all__ = ["Intake", "Wishes", "make_task"]
