import json

from pathlib import Path


def tamper(folder: Path) -> None:
    index = {"metadata": {}, "weight_map": {"lm_head.weight": "../../other.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
