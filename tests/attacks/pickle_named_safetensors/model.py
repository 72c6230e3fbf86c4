import pickle
from pathlib import Path


def tamper(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps({"weight": print}))
