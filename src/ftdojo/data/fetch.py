"""Published data sets on this machine: the user's own mirror, or copies that ftdojo downloaded and checked.

A mirror is the folder that ``$FTDOJO_DATA`` names, laid out as ``<root>/<org>/<name>/…``; it is read in place. A
fetched copy is a stage of a store, so it is complete if it exists. Its manifest records the commit, and the size and
SHA-256 of every file. Only :func:`fetch` uses the network.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock

from ftdojo import digest
from ftdojo.disk import disk_errors
from ftdojo.errors import FtdojoError, InfrastructureError, PrerequisiteError
from ftdojo.files import require_inside
from ftdojo.record import Home, Stage, Store
from ftdojo.tasks.spec import HubSet, Sources

MIRROR = "FTDOJO_DATA"
FILES = "files"
COMMAND = "ftdojo data prepare TASK --variant hub"
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"
OWN_COPY = f"set {MIRROR} to a folder that holds the data set as ORG/NAME/…"

Progress = Callable[[float, float], None]
"""Called with the number of bytes so far and in total, as far as they are known."""


class Download(Protocol):
    """Downloads a data set from its publisher."""

    def __call__(self, hub_set: HubSet, folder: Path, progress: Progress) -> str:
        """Write the files of the pinned revision into the empty ``folder``; return the commit of that revision."""


def locate(sets: Sequence[HubSet], home: Home, *, command: str = COMMAND) -> Sources:
    """Return the local folder of every set: its mirror, else its fetched copy if its files have the recorded sizes.

    Raises:
        PrerequisiteError: naming all sets that are missing or damaged, and ``command``, which downloads them.
    """
    sources, problems = {}, []
    for hub_set in sets:
        if (mirror := _mirror(hub_set)) is not None:
            sources[hub_set.id] = mirror
        elif (stage := _fetched(hub_set, home)) is None:
            problems.append(f"the data set {hub_set.id} is not on this machine")
        elif faults := _faults(stage, contents=False):
            problems.append(f"the data set {hub_set.id} in {stage.path} is damaged: {'; '.join(faults)}")
        else:
            sources[hub_set.id] = stage.path / FILES
    if problems:
        raise PrerequisiteError("\n".join(problems), fix=f"run `{command}` to download it, or {OWN_COPY}")
    return sources


def from_hub(hub_set: HubSet, folder: Path, progress: Progress) -> str:
    """Download from the Hugging Face hub, whose library finds the user's token by itself."""
    from huggingface_hub import HfApi, snapshot_download

    commit = str(HfApi().dataset_info(hub_set.id, revision=hub_set.revision).sha)
    bar = _progress_bar(progress)
    snapshot_download(hub_set.id, repo_type="dataset", revision=commit, local_dir=folder, tqdm_class=bar)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the download's own bookkeeping
    return commit


def fetch(hub_set: HubSet, home: Home, progress: Progress, download: Download = from_hub) -> Path:
    """Return the local folder of a set; download it unless there is a mirror or a fetched copy.

    All checksums of a copy are compared, and a damaged one is downloaded again. Two processes that need the same set
    wait for each other.

    Args:
        download: downloads the files, by default from the Hugging Face hub.

    Raises:
        PrerequisiteError: if this user has no access, or the publisher has no such set or revision.
        InfrastructureError: if the download fails.
    """
    if (mirror := _mirror(hub_set)) is not None:
        return mirror

    def build(folder: Path) -> dict[str, Any]:
        files = folder / FILES
        files.mkdir()
        with _hub_errors(hub_set), disk_errors(folder):
            commit = download(hub_set, files, progress)
        paths = sorted(path for path in files.rglob("*") if path.is_file())
        return {
            "commit": commit,
            "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": {
                path.relative_to(files).as_posix(): {"size": path.stat().st_size, "sha256": _sha256(path)}
                for path in paths
            },
        }

    with disk_errors(home.sets):
        home.sets.mkdir(parents=True, exist_ok=True)
        # The store has its own lock; this one keeps two processes from deleting each other's copy.
        with FileLock(home.sets / f".{_kind(hub_set)}.lock"):
            stage = _fetched(hub_set, home)
            if stage is not None and _faults(stage, contents=True):
                shutil.rmtree(stage.path)
            return Store(home.sets, checked=False).make(_kind(hub_set), _key(hub_set), build).path / FILES


def identity(hub_set: HubSet, folder: Path, home: Home) -> str:
    """Return a digest of a located folder: of a fetched copy's checksums, or of the names, sizes and times of a
    mirror's files, which have no checksums."""
    if folder.is_relative_to(home.sets) and (stage := _fetched(hub_set, home)) is not None:
        return digest.of_value(stage.facts["files"])
    listing = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            listing.append([name.as_posix(), path.stat().st_size, path.stat().st_mtime_ns])
    return digest.of_value(listing)


@contextlib.contextmanager
def _hub_errors(hub_set: HubSet) -> Iterator[None]:
    """Translate errors of a download. Messages of other libraries are omitted, because they may contain signed URLs."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    name = f"the data set {hub_set.id}"
    try:
        yield
    except FtdojoError:
        raise
    except GatedRepoError:
        fix = hub_set.access or f"accept the terms on https://huggingface.co/datasets/{hub_set.id}, then {LOG_IN}"
        raise PrerequisiteError(
            f"{name} is gated: only users with the publisher's permission have access", fix=fix
        ) from None
    except RevisionNotFoundError:
        message = f"the hub has no revision {hub_set.revision} of {name} any more"
        raise PrerequisiteError(message, fix=f"get a copy of that revision elsewhere, and {OWN_COPY}") from None
    except RepositoryNotFoundError:
        message = f"{name} was taken down, or the hub does not show it without a token"
        raise PrerequisiteError(message, fix=f"{hub_set.access or LOG_IN}; or {OWN_COPY}") from None
    except Exception as error:  # from the hub's library, its HTTP library, or native code
        status = getattr(getattr(error, "response", None), "status_code", None)
        reason = type(error).__name__ + (f", HTTP status {status}" if status else "")
        if status in {401, 403}:
            raise PrerequisiteError(f"the hub refused {name} ({reason})", fix=hub_set.access or LOG_IN) from error
        fix = "unset HF_HUB_OFFLINE" if os.environ.get("HF_HUB_OFFLINE") else "connect to the network"
        message = f"{name} could not be fetched ({reason})"
        raise InfrastructureError(message, fix=f"{fix} and run the same command again, or {OWN_COPY}") from error


def _progress_bar(progress: Progress) -> Any:
    """Return a progress-bar class for the hub's library that draws nothing and passes byte counts to ``progress``."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            self._counts_bytes = options.get("name") == "huggingface_hub.snapshot_download"
            options |= {"disable": False, "leave": False, "file": io.StringIO()}
            super().__init__(*args, **options)  # type: ignore[no-untyped-call]

        def display(self, *_: Any, **__: Any) -> None:
            if self._counts_bytes:
                progress(self.n, self.total or 0)

    return Bar


def _mirror(hub_set: HubSet) -> Path | None:
    root = os.environ.get(MIRROR)
    if not root:
        return None
    if not Path(root).is_dir():
        raise PrerequisiteError(f"{MIRROR} is set to {root}, which is no folder", fix=f"correct {MIRROR}, or unset it")
    folder = Path(root).absolute() / hub_set.id
    if not (folder.is_dir() and any(folder.iterdir())):
        return None
    require_inside(folder, "the mirror")
    return folder


def _fetched(hub_set: HubSet, home: Home) -> Stage | None:
    return Store(home.sets, checked=False).find(_kind(hub_set), _key(hub_set))


def _kind(hub_set: HubSet) -> str:
    return hub_set.id.replace("/", "__")


def _key(hub_set: HubSet) -> dict[str, Any]:
    return {"id": hub_set.id, "revision": hub_set.revision}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _faults(stage: Stage, *, contents: bool) -> list[str]:
    """Return what is wrong with the files of a fetched copy; checksums are compared only if ``contents``."""
    faults = []
    for name, known in stage.facts["files"].items():
        path = stage.path / FILES / name
        if not path.is_file():
            faults.append(f"{name} is missing")
        elif (size := path.stat().st_size) != known["size"]:
            faults.append(f"{name} has {size:,} bytes instead of {known['size']:,}")
        elif contents and _sha256(path) != known["sha256"]:
            faults.append(f"{name} does not have the checksum recorded at the download")
    return faults
