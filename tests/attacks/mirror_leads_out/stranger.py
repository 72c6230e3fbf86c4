from pathlib import Path


def prepare(place: Path, secret: Path) -> dict[str, str]:
    folder = place / "mirror/Duxiaoman-DI/FinanceIQ"
    folder.mkdir(parents=True)
    (folder / "rows.csv").symlink_to(secret / "key")
    return {"FTDOJO_DATA": str(place / "mirror")}
