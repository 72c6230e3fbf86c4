from pathlib import Path

from ftdojo.bench.pack import write_pack
from ftdojo.contract.progress import Silent
from ftdojo.record import Home
from packs import make_contest


def prepare(place: Path, secret: Path) -> None:
    (job,) = make_contest(place / "contest", place / "task", {place / "model": place / "run"})
    home = Home(place / "home")
    write_pack(
        place / "contest", place / "pack", home=home, card=lambda *_: "", with_private_text=True, progress=Silent()
    )
    outputs = place / "pack" / job / "sealed/best.jsonl"
    outputs.unlink()
    outputs.symlink_to(secret / "rows.jsonl")
