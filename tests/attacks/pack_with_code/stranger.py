"""A pack with Python code next to its weights, which its model's configuration names, and a manifest that lists it."""

import hashlib
import json
from pathlib import Path

from ftdojo.bench.pack import write_pack
from ftdojo.contract.progress import Silent
from ftdojo.record import Home
from packs import make_contest


def prepare(place: Path, secret: Path) -> None:
    (job,) = make_contest(place / "contest", place / "task", {place / "model": place / "run"})
    pack, home = place / "pack", Home(place / "home")
    write_pack(place / "contest", pack, home=home, card=lambda *_: "", with_private_text=True, progress=Silent())
    model = pack / job / "model"
    config = json.loads((model / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (model / "config.json").write_text(json.dumps(config))
    (model / "code.py").write_text(f"open({str(secret / 'key')!r}, 'w').write('ran')\n")
    manifest = json.loads((pack / "manifest.json").read_text())
    for name in ("config.json", "code.py"):
        content = (model / name).read_bytes()
        entry = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest["files"][f"{job}/model/{name}"] = entry
    (pack / "manifest.json").write_text(json.dumps(manifest))
