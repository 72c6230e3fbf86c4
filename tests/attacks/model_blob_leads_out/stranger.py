from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    cache = place / "models--a--b"
    (cache / "snapshots").mkdir(parents=True)
    (cache / "blobs").mkdir()
    (place / "model").rename(cache / "snapshots/1")
    (cache / "snapshots/1/chat_template.jinja").unlink()
    (cache / "blobs/0").symlink_to(secret / "key")
    (cache / "snapshots/1/chat_template.jinja").symlink_to("../../blobs/0")
