import json

from pathlib import Path


def tamper(place: Path) -> None:
    path = place / "run/result.json"
    result = json.loads(path.read_text())
    result["best"]["test"]["value"] = 100.0
    path.write_text(json.dumps(result))
