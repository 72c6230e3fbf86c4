"""What a command needs of the machine, checked in one round before anything is prepared."""

from __future__ import annotations

from collections.abc import Callable

from ftdojo.errors import PrerequisiteError


def require_all(*needs: Callable[[], object]) -> None:
    """Check every need.

    Raises:
        PrerequisiteError: that names everything that is missing, each with its remedy.
    """
    missing = []
    for need in needs:
        try:
            need()
        except PrerequisiteError as error:
            missing.append(error)
    if len(missing) == 1:
        raise missing[0]
    if missing:
        raise PrerequisiteError(
            "; ".join(error.message for error in missing),
            fix="; then ".join(error.fix for error in missing if error.fix),
        )


def require_for_run(model: str) -> None:
    """Check what a run with this base model needs: the sandbox, and the embedded weights if they are its base.

    Raises:
        PrerequisiteError: if something is missing.
    """
    from ftdojo import models, sandbox

    require_all(sandbox.require, *([models.embedded_weights] if model == models.EMBEDDED else []))
