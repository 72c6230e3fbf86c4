from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    cache = place / "models--a--b"
    (cache / "snapshots").mkdir(parents=True)
    (cache / "blobs").mkdir()
    (place / "model").rename(cache / "snapshots/1")
    for number, path in enumerate(sorted((cache / "snapshots/1").iterdir())):
        path.rename(cache / f"blobs/{number}")
        path.symlink_to(f"../../blobs/{number}")
