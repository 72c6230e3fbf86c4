import pickle
from pathlib import Path


def tamper(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(print))
