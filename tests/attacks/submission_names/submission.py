from pathlib import Path


def write(folder: Path, facts: dict[str, str]) -> None:
    (folder / "plan.yaml").write_text("parent: -1\n")
    for name in ("a\nb", "..\n", "-rf", "\x1b]0;owned\x07", "\udcff"):
        (folder / name).touch()
    (folder / "up").symlink_to("..")
    (folder / "host").symlink_to(facts["SECRET"])
