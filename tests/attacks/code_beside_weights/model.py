from pathlib import Path


def tamper(folder: Path) -> None:
    (folder / "modeling_evil.py").write_text("print()")
