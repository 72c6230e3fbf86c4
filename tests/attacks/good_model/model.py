from pathlib import Path

from safetensors.torch import load_file, save_file


def tamper(folder: Path) -> None:
    """Write the same weights again, and a read-me beside them."""
    path = folder / "model.safetensors"
    save_file(load_file(path), path, metadata={"format": "pt"})
    (folder / "README.md").write_text("# A model\n")
