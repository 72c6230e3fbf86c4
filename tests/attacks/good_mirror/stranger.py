from pathlib import Path


def prepare(place: Path, secret: Path) -> dict[str, str]:
    cache = place / "datasets--Duxiaoman-DI--FinanceIQ"
    (cache / "blobs").mkdir(parents=True)
    (cache / "snapshots/1").mkdir(parents=True)
    (cache / "blobs/0").write_text("x")
    (cache / "snapshots/1/rows.csv").symlink_to("../../blobs/0")
    (place / "mirror/Duxiaoman-DI").mkdir(parents=True)
    (place / "mirror/Duxiaoman-DI/FinanceIQ").symlink_to(cache / "snapshots/1")
    return {"FTDOJO_DATA": str(place / "mirror")}
