"""``--track``: the numbers of a run in the tracker that a user has, through the tracker's own library.

Every number is sent once, also when the run is resumed: what was sent is noted in ``trackers/NAME/sent`` of the run's
folder. The numbers of a step stand under ``iteration-N/train/…`` at the optimizer's step, those of a whole iteration
under ``validation/…`` and so on, at the number of the iteration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ftdojo.contract.configuration import Configuration
from ftdojo.disk import disk_errors
from ftdojo.errors import InfrastructureError, PrerequisiteError, UsageError
from ftdojo.extras import install_command
from ftdojo.record import RunFolder
from ftdojo.record.metrics import Line


class Tracker(Protocol):
    """Where numbers are sent."""

    def send(self, name: str, value: float, step: int) -> None:
        """Record one number."""

    def close(self) -> None:
        """Write what is not written yet."""


Open = Callable[[Path, str, Mapping[str, Any]], Tracker]
"""Opens a tracker: its folder, the name of the run, its configuration."""


class Tracking:
    """Sends lines of metrics to one tracker."""

    def __init__(self, tracker: Tracker, folder: Path) -> None:
        self._tracker, self._note = tracker, folder / "sent"
        self._sent = set(self._note.read_text("utf-8").splitlines()) if self._note.is_file() else set()

    def send(self, lines: Sequence[Line]) -> None:
        """Send the numbers that were not sent before."""
        for line in lines:
            prefix, step = ("", line.iteration) if line.step is None else (f"iteration-{line.iteration}/", line.step)
            for name, value in line.values.items():
                key = f"{prefix}{name}@{step}"
                if key not in self._sent:
                    self._tracker.send(prefix + name, value, step)
                    self._sent.add(key)

    def close(self) -> None:
        """Close the tracker, and note what was sent."""
        self._tracker.close()
        with disk_errors(self._note):
            self._note.write_text("".join(f"{key}\n" for key in sorted(self._sent)), "utf-8")


def open_tracking(name: str, run: Path, configuration: Configuration) -> Tracking:
    """Open a tracker for the run in a folder.

    Raises:
        UsageError: if there is no such tracker.
        PrerequisiteError: if its library is not installed.
        InfrastructureError: if it cannot be opened.
    """
    if name not in TRACKERS:
        raise UsageError(f"there is no tracker '{name}'", fix=f"give one of: {', '.join(TRACKERS)}")
    folder = RunFolder(run).tracker(name)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        tracker = TRACKERS[name](folder, run.resolve().name, configuration.model_dump(mode="json"))
    except ImportError as error:
        fix = f"install it: {install_command(name)}"
        raise PrerequisiteError(f"--track {name}: {error}", fix=fix) from None
    except Exception as error:  # libraries of four vendors, each with errors of its own
        fix = f"see the documentation of {name} for how to sign in, or leave --track out"
        raise InfrastructureError(f"--track {name}: {type(error).__name__}: {error}", fix=fix) from error
    return Tracking(tracker, folder)


class _TensorBoard:
    """Event files in the run's folder: ``tensorboard --logdir runs`` shows all runs."""

    def __init__(self, folder: Path, name: str, configuration: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))
        self._writer.add_text("configuration", "\n\n".join(f"{k}: {v}" for k, v in configuration.items()))

    def send(self, name: str, value: float, step: int) -> None:
        self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _Logged:
    """A library with ``init``, ``log`` and ``finish``: trackio, and Weights & Biases."""

    def __init__(self, library: Any, run: Any) -> None:
        self._library, self._run = library, run

    def send(self, name: str, value: float, step: int) -> None:
        # The steps of several curves are not in one order, so each number has its step next to it.
        self._library.log({name: value, f"{name.rpartition('/')[0]}/step": step})

    def close(self) -> None:
        self._library.finish()


def _open_trackio(folder: Path, name: str, configuration: Mapping[str, Any]) -> Tracker:
    import trackio

    return _Logged(trackio, trackio.init(project="ftdojo", name=name, config=dict(configuration), resume="allow"))


def _open_wandb(folder: Path, name: str, configuration: Mapping[str, Any]) -> Tracker:
    import wandb

    run = wandb.init(project="ftdojo", name=name, config=dict(configuration), dir=str(folder), resume="allow", id=name)
    for group in ("validation", "test", "spent"):
        run.define_metric(f"{group}/*", step_metric=f"{group}/step")
    return _Logged(wandb, run)


class _Mlflow:
    def __init__(self, folder: Path, name: str, configuration: Mapping[str, Any]) -> None:
        import mlflow

        mlflow.set_experiment("ftdojo")
        note = folder / "run-id"
        known = note.read_text("utf-8").strip() if note.is_file() else None
        run = mlflow.start_run(run_id=known, run_name=name)
        note.write_text(run.info.run_id, "utf-8")
        if known is None:
            mlflow.log_params({key: str(value)[:500] for key, value in configuration.items()})
        self._mlflow = mlflow

    def send(self, name: str, value: float, step: int) -> None:
        self._mlflow.log_metric(name, value, step=step)

    def close(self) -> None:
        self._mlflow.end_run()


TRACKERS: dict[str, Open] = {
    "tensorboard": _TensorBoard,
    "trackio": _open_trackio,
    "wandb": _open_wandb,
    "mlflow": _Mlflow,
}
"""Name -> how it is opened."""
